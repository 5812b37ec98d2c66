/** The text as it stands, each of its tokens a coloured piece that can be chosen. */

import { diverging, inkOn } from './colours.js';
import { dataOf, h, isModified } from './dom.js';

/** @import { Answer } from '../data/answer.js' */

const FAINT = 0.02; // weaker than that no eye tells a colour from the page, and it is not painted

let strips = 0;

/**
 * @typedef {object} StripOptions
 * @property {(key: string) => string} t
 * @property {string} label   the key of the list's name
 * @property {(step: number) => void} onSelect
 * @property {(step: number|null) => void} [onHover]
 */

/**
 * @typedef {object} Strip
 * @property {Answer|null} answer
 * @property {Float32Array|null} values  a number from -1 to 1 for each token
 * @property {number} selected
 * @property {(step: number) => string} [titles]
 * @property {boolean} [repaint]  the colours are others than before: the theme has changed
 */

/** A listbox: one place in the order of the tab key, arrow keys go from token to token. */
export class TokenStrip {
  element = h('div', { class: 'tokens', role: 'listbox', tabindex: '0' });
  /** The tokens' elements. @type {HTMLSpanElement[]} */
  spans = [];
  #prefix;
  #options;
  /** @type {Answer|null} */
  #answer = null;
  #selected = -1;
  /** @type {((step: number) => string)|null} */
  #titles = null;
  /** @type {Float32Array|null} */
  #painted = null;

  /** @param {StripOptions} options */
  constructor(options) {
    strips += 1;
    this.#prefix = `strip${strips}-`;
    this.#options = options;
    this.element.addEventListener('click', (event) => {
      const step = stepOf(event);
      if (step !== null) options.onSelect(step);
    });
    this.element.addEventListener('pointerover', (event) => {
      const step = stepOf(event);
      if (step !== null && this.#titles) this.spans[step].title = this.#titles(step);
      options.onHover?.(step);
    });
    this.element.addEventListener('pointerleave', () => options.onHover?.(null));
    this.element.addEventListener('keydown', (event) => this.#press(event));
  }

  /** Show other tokens, colours or another selection. @param {Strip} next */
  update({ answer, values, selected, titles, repaint }) {
    this.element.setAttribute('aria-label', this.#options.t(this.#options.label));
    this.#titles = titles ?? null;
    if (answer !== this.#answer) {
      this.#answer = answer;
      this.spans = [];
      if (answer) this.#rebuild(answer);
      else this.element.replaceChildren();
    }
    if (values !== this.#painted || repaint) this.#paint(values);
    this.#painted = values;
    if (selected !== this.#selected) this.#select(selected);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const last = this.spans.length - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: this.#selected - 1, ArrowRight: this.#selected + 1, Home: 0, End: last };
    const to = targets[event.key];
    if (to === undefined || last < 0 || isModified(event)) return;
    event.preventDefault();
    this.#options.onSelect(Math.min(last, Math.max(0, to)));
  }

  /** @param {Answer} answer */
  #rebuild({ text, offsets, truncated }) {
    /** @type {(string|HTMLSpanElement)[]} */
    const pieces = [];
    let end = 0;
    this.spans = offsets.map(([from, to], step) => {
      const start = Math.max(from, end);
      if (start > end) {
        const between = text.slice(end, start);
        pieces.push(step || !truncated ? between : h('span', { class: 'unread' }, between));
      }
      end = Math.max(end, to);
      const piece = text.slice(start, to) || '·';
      const span = h('span', { role: 'option', id: this.#prefix + step, 'aria-selected': 'false' }, piece);
      span.dataset.step = String(step);
      pieces.push(span);
      return span;
    });
    pieces.push(text.slice(end));
    this.element.replaceChildren(...pieces);
    this.#selected = -1;
    this.#painted = null;
  }

  /** @param {Float32Array|null} values */
  #paint(values) {
    this.spans.forEach((span, step) => {
      const value = values ? values[step] : 0;
      const shown = Math.abs(value) > FAINT;
      span.style.backgroundColor = shown ? diverging(value) : '';
      span.style.color = shown ? inkOn(value) : '';
    });
  }

  /** @param {number} step */
  #select(step) {
    this.spans[this.#selected]?.setAttribute('aria-selected', 'false');
    this.#selected = step;
    const span = this.spans[step];
    if (!span) {
      this.element.removeAttribute('aria-activedescendant');
      return;
    }
    span.setAttribute('aria-selected', 'true');
    this.element.setAttribute('aria-activedescendant', span.id);
    if (document.activeElement === this.element) span.scrollIntoView({ block: 'nearest' });
  }
}

/** Tell the step of the token at an event. @param {Event} event */
function stepOf(event) {
  const step = dataOf(event, 'step');
  return step === null ? null : Number(step);
}
