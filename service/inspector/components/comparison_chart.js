/** The chart of two texts: their beliefs, laid out by what the texts share, and their distance inside. */

import { number, percent } from '../locale/i18n.js';
import { fitsTokens, levels, tokenTicks } from './chart/axes.js';
import { Chart, clamped } from './chart/chart.js';
import { areaPath, linePath } from './chart/paths.js';
import { linear } from './chart/scale.js';
import { svg } from './dom.js';

/**
 * @import { Alignment, Side } from '../data/alignment.js'
 * @import { Answer } from '../data/answer.js'
 * @import { Point } from './chart/paths.js'
 * @import { Scale } from './chart/scale.js'
 */

const MARGIN = { left: 46, right: 46 };
const TOP = 14;
const BOTTOM = 184; // pixels of 0 %
const BETWEEN = 34;
const LANE = 56; // pixels from 1 down to 0 of the distance
const WORDS = 70;
const NUMBERS = 26;
const NAME = 16; // pixels, for a curve's name
const LEVELS = [0, 0.25, 0.5, 0.75, 1];

const y = linear([1, 0], [TOP, BOTTOM]);

/**
 * @typedef {object} Comparison
 * @property {Alignment} alignment
 * @property {Answer} first
 * @property {Answer} second
 * @property {[Float32Array|null, Float32Array|null]} beliefs  a probability a token, of each text
 * @property {Float32Array|null} distances  0 to 1, one a column
 * @property {[number, number]} at  the step of each text, -1 before the first
 */

/** The chart; columns of the alignment are clicked. */
export class ComparisonChart {
  /** @type {Comparison|null} */
  #shown = null;
  #chart;
  #t;

  /**
   * @param {(key: string) => string} t
   * @param {(column: number) => void} onSelect
   */
  constructor(t, onSelect) {
    this.#t = t;
    this.#chart = new Chart(MARGIN, {
      class: 'compare-curves',
      onclick: (event) => {
        if (!this.#columns.length) return;
        onSelect(clamped(Math.floor(this.#x.invert(this.#chart.pointer(event)) + 0.5), this.#columns.length));
      },
    }, { role: 'img' }, () => this.#draw());
    this.element = this.#chart.element;
  }

  /** Draw another comparison. @param {Comparison} next */
  update(next) {
    this.#shown = next;
    this.#chart.drawing.setAttribute('aria-label', this.#t(next.beliefs[0] ? 'compare.curves' : 'compare.distance'));
    this.#draw();
  }

  get #columns() {
    return this.#shown?.alignment.columns ?? [];
  }

  /** The scale of columns, each of which is as wide as the others. */
  get #x() {
    return this.#chart.x(-0.5, Math.max(1, this.#columns.length) - 0.5);
  }

  #draw() {
    const [chart, shown] = [this.#chart, this.#shown];
    if (!shown || !chart.width) return;
    const [first, second] = shown.beliefs;
    const laneTop = first ? BOTTOM + BETWEEN : TOP;
    const bottom = shown.distances ? laneTop + LANE : BOTTOM;
    const axis = this.#axis(shown, bottom);
    chart.resize(bottom + (fitsTokens(axis) ? WORDS : NUMBERS));
    chart.drawing.replaceChildren(
      svg('path', { class: 'differs', d: bands(shown.alignment, this.#x, bottom) }),
      ...(first && second ? this.#beliefs(shown, first, second) : []),
      ...(shown.distances ? this.#lane(shown.distances, laneTop) : []),
      svg('g', { class: 'ticks' }, ...tokenTicks(axis)),
      ...marks(shown, this.#x, bottom),
    );
  }

  /** @param {Comparison} shown @param {number} bottom */
  #axis({ alignment: { columns }, first, second }, bottom) {
    return {
      tokens: columns.map((column) => (column.first >= 0 ? first.tokens[column.first] : second.tokens[column.second])),
      x: this.#x,
      room: this.#chart.room,
      top: bottom,
      kind: (/** @type {number} */ place) =>
        columns[place].first < 0 ? 'second' : columns[place].second < 0 ? 'first' : '',
      numbers: { line: 0, text: 18 },
    };
  }

  /** @param {Comparison} shown @param {Float32Array} first @param {Float32Array} second */
  #beliefs({ alignment }, first, second) {
    const { left, right } = this.#chart;
    return [
      levels(LEVELS, { y, left, right, format: (share) => percent(share, 0), half: 0.5 }),
      svg('path', { class: 'first', d: curve(alignment, 'first', first, this.#x) }),
      svg('path', { class: 'second', d: curve(alignment, 'second', second, this.#x) }),
      ...names(first, second, right + 8),
    ];
  }

  /** @param {Float32Array} distances @param {number} top */
  #lane(distances, top) {
    const { left, right } = this.#chart;
    const down = linear([1, 0], [top, top + LANE]);
    const points = Array.from(distances, (distance, place) => /** @type {Point} */ ([this.#x(place), down(distance)]));
    return [
      levels([0, 1], { y: down, left, right, format: number }),
      svg('text', { class: 'lane-name', x: left, y: top - 8 }, this.#t('compare.distance')),
      svg('path', { class: 'distance', d: areaPath(points, down(0)) }),
    ];
  }
}

/**
 * Draw a band behind every run of tokens that one of the texts alone has.
 * @param {Alignment} alignment
 * @param {Scale} x
 * @param {number} bottom
 */
function bands({ columns }, x, bottom) {
  let path = '';
  let start = -1;
  for (let place = 0; place <= columns.length; place += 1) {
    const differs = place < columns.length && (columns[place].first < 0 || columns[place].second < 0);
    if (differs && start < 0) start = place;
    if (!differs && start >= 0) {
      path += areaPath([[x(start - 0.5), TOP], [x(place - 0.5), TOP]], bottom);
      start = -1;
    }
  }
  return path;
}

/**
 * Draw a belief; where only the other text goes on, it stays as it was.
 * @param {Alignment} alignment
 * @param {Side} side
 * @param {Float32Array} values
 * @param {Scale} x
 */
function curve({ columns }, side, values, x) {
  /** @type {Point[]} */
  const points = [];
  columns.forEach((column, place) => {
    const step = column[side];
    if (step >= 0) points.push([x(place), y(values[step])]);
    else if (points.length) points.push([x(place), points[points.length - 1][1]]);
  });
  return linePath(points);
}

/**
 * Write A and B at the curves' ends, moved apart where they would lie on each other.
 * @param {Float32Array} first
 * @param {Float32Array} second
 * @param {number} x
 */
function names(first, second, x) {
  if (!first.length || !second.length) return [];
  const [top, low] = [y(first[first.length - 1]), y(second[second.length - 1])];
  const apart = (Math.max(0, NAME - Math.abs(top - low)) / 2) * (top <= low ? 1 : -1);
  const name = (/** @type {Side} */ side, /** @type {number} */ at, /** @type {string} */ letter) =>
    svg('text', { class: `name ${side}`, x, y: at, dy: '0.35em' }, letter);
  return [name('first', top - apart, 'A'), name('second', low + apart, 'B')];
}

/**
 * Mark the place of the reader: a line, and a point on each curve.
 * @param {Comparison} shown
 * @param {Scale} x
 * @param {number} bottom
 */
function marks({ alignment, beliefs, at }, x, bottom) {
  const places = [alignment.ofFirst[at[0]], alignment.ofSecond[at[1]]];
  const there = [...new Set(places.filter((place) => place !== undefined))];
  const dots = places.flatMap((place, side) => {
    const belief = beliefs[side];
    if (place === undefined || !belief) return [];
    return [svg('circle', { class: `dot ${side ? 'second' : 'first'}`, r: 4.5, cx: x(place), cy: y(belief[at[side]]) })];
  });
  return [...there.map((place) => svg('line', { class: 'at', x1: x(place), x2: x(place), y1: TOP, y2: bottom })), ...dots];
}
