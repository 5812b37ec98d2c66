// @ts-check
import { section } from '../dom.js';

export const strings = {
  en: {
    'cell.title': 'The cell',
    'cell.nav': 'Cell',
  },
  zh: {
    'cell.title': '细胞',
    'cell.nav': '细胞',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ t }) {
  const frame = section('cell', t);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
    },
  };
}
