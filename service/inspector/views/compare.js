// @ts-check
import { section } from '../dom.js';

export const strings = {
  en: {
    'compare.title': 'Compare',
    'compare.nav': 'Compare',
  },
  zh: {
    'compare.title': '比较',
    'compare.nav': '比较',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ t }) {
  const frame = section('compare', t);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
    },
  };
}
