// @ts-check
import { section } from '../dom.js';

export const strings = {
  en: {
    'belief.title': 'The running belief',
    'belief.nav': 'Belief',
  },
  zh: {
    'belief.title': '逐步的判断',
    'belief.nav': '判断',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ t }) {
  const frame = section('belief', t);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
    },
  };
}
