/** The text, examples to begin with, and the answer. */

import { button, h, section } from '../components/dom.js';
import { examples } from '../data/examples.js';
import { hasAny } from '../data/store.js';
import { number, percent } from '../locale/i18n.js';

/**
 * @import { Answer } from '../data/answer.js'
 * @import { Info } from '../data/api.js'
 * @import { Changed, State } from '../data/store.js'
 * @import { Context } from '../main.js'
 */

// Of more labels than this, the best are shown, and the others when asked for.
const FEW = 6;

/** Make the view. @param {Context} context */
export function create({ store, t }) {
  const frame = section('text', t);
  const area = h('textarea', {
    id: 'text-area',
    rows: 5,
    spellcheck: 'false',
    oninput: () => {
      performance.clearMarks('conveyor:key');
      performance.mark('conveyor:key'); // bench/inspector.py measures from here
      store.set({ text: area.value });
    },
  });
  const counts = h('p', { class: 'counts note' });
  const cut = h('p', { class: 'note cut', role: 'status' });
  const chips = exampleChips(t, (text) => store.set({ text, label: null }));
  const labels = labelList(t, (label) => store.set({ label }));
  frame.element.append(
    h('div', { class: 'text-in' },
      h('div', { class: 'text-write' }, chips.element, area, cut, counts),
      labels.element),
  );

  return {
    element: frame.element,
    /** @param {Readonly<State>} state @param {Changed} changed */
    update(state, changed) {
      const { answer, info, text } = state;
      if (changed.has('language')) {
        frame.retitle();
        area.setAttribute('aria-label', t('text.text'));
        area.placeholder = t('text.placeholder');
        labels.words();
      }
      if (area.value !== text) area.value = text;
      frame.element.setAttribute('aria-busy', String(state.loading));
      if (hasAny(changed, 'language', 'info')) chips.offer(info, text);
      else if (changed.has('text')) chips.press(info, text);
      if (hasAny(changed, 'answer', 'label', 'language')) {
        frame.element.classList.toggle('unanswered', !answer);
        labels.update(answer, state.label);
      }
      if (hasAny(changed, 'answer', 'language', 'info')) {
        counts.replaceChildren(...(answer && info ? counted(answer, info, t) : []));
        cut.textContent = answer ? remark(answer, t) : '';
      }
    },
  };
}

/** Tell the number of tokens, and the time that the model took. @param {Answer} answer @param {Info} info @param {Context['t']} t */
const counted = (answer, info, t) => [
  t('text.counts', { steps: number(answer.steps), most: number(info.limits.max_tokens) }),
  ' · ',
  t('text.time', { time: number(answer.inferenceMs, 1) }),
];

/** Tell whether there was more than the model reads, or nothing. @param {Answer} answer @param {Context['t']} t */
function remark({ steps, truncated }, t) {
  if (truncated) return t('text.truncated', { count: number(steps) });
  return steps ? '' : t('text.empty');
}

/**
 * Make the buttons for texts to begin with.
 * @param {Context['t']} t
 * @param {(text: string) => void} onText
 */
function exampleChips(t, onText) {
  const title = h('span', { class: 'note', id: 'text-examples' });
  const element = h('div', { class: 'chips', role: 'group', 'aria-labelledby': title.id });
  return {
    element,
    /** Offer the examples that suit the model. @param {Info|null} info @param {string} text */
    offer(info, text) {
      const offered = Object.entries(info ? examples(info) : {});
      title.textContent = t('text.examples');
      element.hidden = !offered.length;
      element.replaceChildren(title, ...offered.map(([name, words]) =>
        button(() => onText(words), { class: 'chip', 'aria-pressed': String(words === text) }, t(`text.${name}`))));
    },
    /** Mark the example that is the text. @param {Info|null} info @param {string} text */
    press(info, text) {
      const offered = Object.values(info ? examples(info) : {});
      element.querySelectorAll('button').forEach((chip, index) =>
        chip.setAttribute('aria-pressed', String(offered[index] === text)));
    },
  };
}

/**
 * Make the list of labels with their probabilities, of which one is followed.
 * @param {Context['t']} t
 * @param {(label: string) => void} onLabel
 */
function labelList(t, onLabel) {
  const best = h('output', { class: 'best', for: 'text-area' });
  const title = h('h3');
  const legend = h('legend', { class: 'visually-hidden' });
  const hint = h('p', { class: 'note' });
  const rows = h('div', { class: 'labels' });
  const more = button(() => {
    all = !all;
    if (shown) draw(shown.answer, shown.label);
  }, { class: 'quiet' });
  let all = false;
  /** @type {{answer: Answer, label: string|null}|null} */
  let shown = null;
  /** @type {Map<string, ReturnType<typeof labelRow>>} */
  const made = new Map();

  /** @param {Answer} answer @param {string|null} label */
  function draw(answer, label) {
    const followed = answer.follow(label);
    best.replaceChildren(
      h('span', { class: 'best-label' }, answer.labels[answer.predicted]),
      ' ',
      h('span', { class: 'best-share' }, percent(answer.scores[answer.predicted])),
    );
    const elements = indicesToShow(answer, followed, all).map((index) => {
      const name = answer.labels[index];
      const row = made.get(name) ?? labelRow(name, onLabel);
      made.set(name, row);
      row.update(answer.scores[index], index === followed, t);
      return row.element;
    });
    if (elements.some((element, index) => rows.children[index] !== element) || rows.children.length > elements.length) {
      rows.replaceChildren(...elements);
    }
    more.textContent = t(all ? 'text.fewer' : 'text.more', { count: answer.labels.length });
  }

  return {
    element: h('div', { class: 'text-answer' }, title, best, h('fieldset', {}, legend, rows), more, hint),
    words() {
      title.textContent = t('text.answer');
      legend.textContent = t('text.follow');
      hint.textContent = t('text.hint');
    },
    /** @param {Answer|null} answer @param {string|null} label */
    update(answer, label) {
      shown = answer && { answer, label };
      hint.hidden = !answer || answer.labels.length < 2;
      more.hidden = !answer || answer.labels.length <= FEW;
      if (answer) draw(answer, label);
      else best.replaceChildren(t('text.none'));
    },
  };
}

/**
 * Choose the labels to show: all of few; of many the best first, and the one that is followed.
 * @param {Answer} answer
 * @param {number} followed
 * @param {boolean} all
 */
function indicesToShow({ labels, scores }, followed, all) {
  const indices = [...labels.keys()];
  if (labels.length <= FEW) return indices;
  const ranked = indices.sort((a, b) => scores[b] - scores[a]);
  const shown = all ? ranked : ranked.slice(0, FEW);
  return shown.includes(followed) ? shown : [...shown, followed];
}

/** Make the row of a label. @param {string} label @param {(label: string) => void} onLabel */
function labelRow(label, onLabel) {
  const input = h('input', { type: 'radio', name: 'label', value: label, onchange: () => onLabel(label) });
  const share = h('span', { class: 'share' });
  const fill = h('span', { class: 'fill' });
  const tag = h('span', { class: 'tag note' });
  return {
    element: h('label', { class: 'label' },
      input, h('span', { class: 'name' }, label), tag, share, h('span', { class: 'track' }, fill)),
    /** @param {number} score @param {boolean} followed @param {Context['t']} t */
    update(score, followed, t) {
      share.textContent = percent(score);
      fill.style.transform = `scaleX(${score})`;
      input.checked = followed;
      tag.textContent = followed ? t('text.followed') : '';
    },
  };
}
