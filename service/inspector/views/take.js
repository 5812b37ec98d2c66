// @ts-check
import { section } from '../dom.js';

export const strings = {
  en: {
    'take.title': 'Take it along',
    'take.nav': 'Take along',
  },
  zh: {
    'take.title': '带走',
    'take.nav': '带走',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ t }) {
  const frame = section('take', t);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
    },
  };
}
