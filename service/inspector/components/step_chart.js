/** The chart of numbers over steps as lines, with one step marked. */

import { Chart, clamped } from './chart/chart.js';
import { linePath } from './chart/paths.js';
import { linear } from './chart/scale.js';
import { svg } from './dom.js';
import { fixed } from './math.js';

/** @import { Scale } from './chart/scale.js' */

const HEIGHT = 120;
const MARGIN = { left: 44, right: 10 };
const TOP = 10;
const BOTTOM = 110;
const LINE = 13; // pixels, for a number beside the lines
const DASH = 8; // half the line of a single value

/**
 * @typedef {object} Series
 * @property {{values: ArrayLike<number>, class: string}[]} series  all of one length
 * @property {number} low
 * @property {number} high
 * @property {number} [selected]           the marked step
 * @property {number[]} [lines]            levels that are drawn across, beside low, high and zero
 * @property {string} label                the drawing in words
 */

/** The chart; with `onSelect`, steps can be pointed at. */
export class StepChart {
  /** @type {Series|null} */
  #shown = null;
  #onSelect;
  #chart;

  /** @param {(step: number) => void} [onSelect] */
  constructor(onSelect) {
    this.#onSelect = onSelect;
    this.#chart = new Chart(
      MARGIN, { class: onSelect ? 'curve chosen' : 'curve' }, { role: 'img', height: HEIGHT }, () => this.#draw());
    this.element = this.#chart.element;
    const { drawing } = this.#chart;
    if (!onSelect) return;
    drawing.addEventListener('pointerdown', (event) => {
      drawing.setPointerCapture(event.pointerId);
      this.#point(event);
    });
    drawing.addEventListener('pointermove', (event) => {
      if (event.buttons) this.#point(event);
    });
  }

  /** Draw other numbers. @param {Series} next */
  update(next) {
    this.#shown = next;
    this.#chart.drawing.setAttribute('aria-label', next.label);
    this.#draw();
  }

  get #count() {
    return this.#shown?.series[0].values.length ?? 0;
  }

  get #x() {
    return this.#count > 1 ? this.#chart.x(0, this.#count - 1) : this.#chart.x(-1, 1);
  }

  #draw() {
    const chart = this.#chart;
    if (!this.#shown || !this.#count || !chart.width) {
      chart.drawing.replaceChildren();
      return;
    }
    const { series, low, high, selected, lines = [] } = this.#shown;
    const x = this.#x;
    const y = linear([high, low], [TOP, BOTTOM]);
    const across = { x1: chart.left, x2: chart.right };
    const level = (/** @type {number} */ value, /** @type {string} */ kind) =>
      svg('line', { class: kind, ...across, y1: y(value), y2: y(value) });
    chart.resize(HEIGHT);
    chart.drawing.replaceChildren(
      level(0, 'zero'),
      ...lines.map((value) => level(value, 'mark')),
      ...spaced([high, ...lines, low, 0], y).map((value) =>
        svg('text', { x: chart.left - 6, y: y(value) + 4, 'text-anchor': 'end' }, fixed(value, 1))),
      ...series.map(({ values, class: kind }) => svg('path', { class: `line ${kind}`, d: path(values, x, y) })),
      ...(selected === undefined ? [] : mark(selected, series, x, y)),
    );
  }

  /** @param {MouseEvent} event */
  #point(event) {
    if (!this.#count) return;
    this.#onSelect?.(clamped(Math.round(this.#x.invert(this.#chart.pointer(event))), this.#count));
  }
}

/** Leave out numbers that would stand on one another. @param {number[]} values @param {Scale} y */
function spaced(values, y) {
  /** @type {number[]} */
  const kept = [];
  for (const value of values) {
    if (kept.every((other) => Math.abs(y(other) - y(value)) > LINE)) kept.push(value);
  }
  return kept;
}

/**
 * Draw a line through all values; of a single one, a short dash.
 * @param {ArrayLike<number>} values
 * @param {Scale} x
 * @param {Scale} y
 */
function path(values, x, y) {
  return linePath(values.length === 1
    ? [[x(0) - DASH, y(values[0])], [x(0) + DASH, y(values[0])]]
    : Array.from(values, (value, step) => [x(step), y(value)]));
}

/**
 * Mark a step: a line, and a dot on each series.
 * @param {number} step
 * @param {Series['series']} series
 * @param {Scale} x
 * @param {Scale} y
 */
function mark(step, series, x, y) {
  return [
    svg('line', { class: 'here', x1: x(step), x2: x(step), y1: 0, y2: HEIGHT }),
    ...series.map(({ values, class: kind }) =>
      svg('circle', { class: `dot ${kind}`, cx: x(step), cy: y(values[step]), r: 4.5 })),
  ];
}
