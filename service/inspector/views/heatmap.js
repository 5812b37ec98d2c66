// @ts-check
import { section } from '../dom.js';

export const strings = {
  en: {
    'heatmap.title': 'The heat map',
    'heatmap.nav': 'Heat map',
  },
  zh: {
    'heatmap.title': '热图',
    'heatmap.nav': '热图',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ t }) {
  const frame = section('heatmap', t);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
    },
  };
}
