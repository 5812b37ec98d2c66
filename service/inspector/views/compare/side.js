/** One of the two texts: its field, and its tokens in the colours of its belief. */

import { h } from '../../components/dom.js';
import { TokenStrip } from '../../components/token_strip.js';
import { largest } from '../../data/matrix.js';
import { number, percent } from '../../locale/i18n.js';

/**
 * @import { Alignment, Side } from '../../data/alignment.js'
 * @import { Answer } from '../../data/answer.js'
 * @import { Context } from '../../main.js'
 */

// A change of this many points has the full colour, unless a text has a larger one.
const LEAST_SCALE = 0.1;

/** The names of the texts, and the letters that stand for them. @type {Record<Side, string>} */
const LETTERS = { first: 'A', second: 'B' };

/** The side. */
export class TextSide {
  #t;
  #side;
  #title = h('h3');
  #counts = h('p', { class: 'note' });
  #strip;

  /**
   * @param {Context['t']} t
   * @param {Side} side
   * @param {{onText: (text: string) => void, onStep: (step: number) => void}} events
   */
  constructor(t, side, { onText, onStep }) {
    this.#t = t;
    this.#side = side;
    this.area = h('textarea', { rows: 3, spellcheck: 'false' });
    this.area.addEventListener('input', () => onText(this.area.value));
    this.#strip = new TokenStrip({ t, label: `compare.tokens.${side}`, onSelect: onStep });
    this.element = h('div', { class: `compare-side ${side}` },
      h('div', { class: 'compare-name' },
        h('span', { class: 'badge', 'aria-hidden': 'true' }, LETTERS[side]), this.#title, this.#counts),
      this.area, this.#strip.element);
  }

  /** Put the words of the present language in. */
  words() {
    const title = this.#t(`compare.${this.#side}`);
    this.#title.textContent = title;
    this.area.setAttribute('aria-label', title);
  }

  /** Show another text. @param {string} text */
  write(text) {
    if (this.area.value !== text) this.area.value = text;
  }

  /**
   * Show the tokens.
   * @param {Answer} answer
   * @param {Alignment} alignment
   * @param {{label: number, scale: number, selected: number, repaint: boolean}} options
   *   `scale`: the change of the full colour
   */
  update(answer, alignment, { label, scale, selected, repaint }) {
    const t = this.#t;
    const [own, other] = this.#side === 'first'
      ? [alignment.ofFirst, /** @type {Side} */ ('second')] : [alignment.ofSecond, /** @type {Side} */ ('first')];
    const only = own.map((place) => alignment.columns[place][other] < 0);
    this.#strip.element.hidden = !answer.steps;
    this.#strip.update({
      answer,
      values: changesOf(answer, label)?.map((change) => change / scale) ?? null,
      selected,
      titles: (step) => [
        answer.tokens[step],
        ...(answer.stepScores ? [percent(answer.stepScores.at(step, label))] : []),
        ...(only[step] ? [t('compare.here')] : []),
      ].join(' · '),
      repaint,
    });
    this.#strip.spans.forEach((span, step) => span.classList.toggle('only', only[step]));
    this.#counts.textContent = t('compare.counts', {
      steps: number(answer.steps),
      only: number(only.filter(Boolean).length),
    });
  }
}

/** Give the change that has the full colour in all of some texts. @param {Answer[]} answers @param {number} label */
export const scaleOf = (answers, label) =>
  Math.max(LEAST_SCALE, ...answers.map((answer) => largest(changesOf(answer, label) ?? [])));

/** Compute each token's change of the probability of a label; null where nothing is known on the way. @param {Answer} answer @param {number} label */
const changesOf = ({ stepScores }, label) =>
  stepScores?.column(label).map((value, step, all) => (step ? value - all[step - 1] : 0)) ?? null;
