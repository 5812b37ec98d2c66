/** The text in the colours of one unit. */

import { button, h } from '../../components/dom.js';
import { TokenStrip } from '../../components/token_strip.js';
import { GATES } from '../../data/heatmap_selection.js';
import { largest } from '../../data/matrix.js';
import { plain } from '../../locale/i18n.js';

/**
 * @import { Answer, TensorName } from '../../data/answer.js'
 * @import { Matrix } from '../../data/matrix.js'
 * @import { Context } from '../../main.js'
 * @typedef {{data: Float32Array, unit: number, values: Float32Array, low: number, high: number}} Course
 */

/** @type {Record<TensorName, string>} */
export const SYMBOLS = { hidden: 'h', cell: 'c', forget_gate: 'f', input_gate: 'i', candidate: 'c̃', output_gate: 'o' };

/** The text, with its title and the button that lets the unit go. */
export class UnitText {
  #t;
  #title = h('h3');
  #range = h('p', { class: 'note' });
  #clear;
  #strip;
  /** @type {Course|null} */
  #course = null;

  /** @param {Context} context */
  constructor({ store, t }) {
    this.#t = t;
    this.#clear = button(() => store.set({ unit: null }));
    this.#strip = new TokenStrip({ t, label: 'heatmap.unit.tokens', onSelect: (step) => store.set({ step }) });
    this.element = h('div', { class: 'heatmap-unit' },
      h('div', { class: 'heatmap-unit-head' }, this.#title, this.#clear), this.#range, this.#strip.element);
  }

  /** Put the words of the present language in. */
  words() {
    this.#clear.textContent = this.#t('heatmap.unit.clear');
  }

  /** Forget the colours: the theme has changed. */
  forget() {
    this.#course = null;
  }

  /** Show a unit. @param {Answer} answer @param {Matrix} matrix @param {TensorName} tensor @param {number} unit @param {number} step */
  update(answer, matrix, tensor, unit, step) {
    if (this.#course?.data !== matrix.data || this.#course.unit !== unit) this.#course = courseOf(matrix, unit, tensor);
    const { values, low, high } = this.#course;
    const about = { tensor: this.#t(`tensor.${tensor}`), low: plain(low, 2), high: plain(high, 2) };
    this.#title.textContent = this.#t('heatmap.unit', { unit });
    this.#range.textContent = this.#t('heatmap.unit.range', about);
    this.#strip.update({
      answer, values, selected: step, titles: (at) => `${SYMBOLS[tensor]} = ${plain(matrix.at(at, unit), 3)}`,
    });
  }
}

/**
 * Give one unit's numbers, as colours of the text: gates as they are, the others so that the unit's
 * largest has the full colour, as many a unit never comes near the ends of its range.
 * @param {Matrix} matrix
 * @param {number} unit
 * @param {TensorName} tensor
 * @returns {Course}
 */
function courseOf(matrix, unit, tensor) {
  const course = matrix.column(unit);
  const gate = GATES.includes(tensor);
  const most = gate ? 1 : largest(course) || 1;
  return { data: matrix.data, unit, values: course.map((value) => value / most), low: gate ? 0 : -most, high: most };
}
