// @ts-check
import { section } from '../dom.js';

export const strings = {
  en: {
    'memory.title': 'Memory',
    'memory.nav': 'Memory',
  },
  zh: {
    'memory.title': '记忆',
    'memory.nav': '记忆',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ t }) {
  const frame = section('memory', t);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
    },
  };
}
