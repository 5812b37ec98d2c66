// @ts-check
/** The text, and what the model answers to it. */

import { h, section } from '../dom.js';
import { percent } from '../i18n.js';

export const strings = {
  en: {
    'text.title': 'Text and answer',
    'text.nav': 'Text',
    'text.text': 'Text',
  },
  zh: {
    'text.title': '文本与答案',
    'text.nav': '文本',
    'text.text': '文本',
  },
};

const EXAMPLES = [
  { name: 'negation', text: 'I expected to hate this film, but it is not bad at all.' },
];

/** Texts to begin with, for the model that is served. */
export function examples(info) {
  return info.labels.includes('positive') ? EXAMPLES : [];
}

/** @param {import('../main.js').Context} context */
export function create({ store, t }) {
  const frame = section('text', t);
  const area = h('textarea', { rows: 5, oninput: () => store.set({ text: area.value }) });
  const output = h('output');
  frame.element.append(area, output);
  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) {
        frame.retitle();
        area.setAttribute('aria-label', t('text.text'));
      }
      if (area.value !== state.text) area.value = state.text;
      const { answer } = state;
      output.textContent = answer
        ? answer.labels.map((label, index) => `${label} ${percent(answer.scores[index])}`).join(', ')
        : '';
    },
  };
}
