/** The chart of the running belief: a slider along the steps, drawn as a few paths however long the text is. */

import { percent } from '../locale/i18n.js';
import { fitsTokens, levels, tokenTicks } from './chart/axes.js';
import { Chart, clamped } from './chart/chart.js';
import { areaPath, linePath } from './chart/paths.js';
import { linear } from './chart/scale.js';
import { isModified, svg } from './dom.js';

/** @import { Belief } from '../data/belief.js' */
/** @import { Point } from './chart/paths.js' */

const MARGIN = { left: 46, right: 14 };
const TOP = 12;
const BOTTOM = 192; // pixels of 0 %
const NUMBERS = 28; // pixels below it for numbers
const WORDS = 68; // and for slanted words
const LEVELS = [0, 0.25, 0.5, 0.75, 1];
const PAGES = 10; // presses of the page keys from end to end

const y = linear([1, 0], [TOP, BOTTOM]);

/** A mark at a step: a line, and a dot on the curve. */
class Mark {
  /** @param {string} line @param {string} dot @param {number} radius */
  constructor(line, dot, radius) {
    this.line = svg('line', { class: line, y1: TOP, y2: BOTTOM });
    this.dot = svg('circle', { class: dot, r: radius });
    this.group = svg('g', { hidden: true }, this.line, this.dot);
  }

  /** Move it. @param {Point|null} point  null hides it */
  place(point) {
    this.group.toggleAttribute('hidden', !point);
    if (!point) return;
    const [x, top] = point.map(String);
    this.line.setAttribute('x1', x);
    this.line.setAttribute('x2', x);
    this.dot.setAttribute('cx', x);
    this.dot.setAttribute('cy', top);
  }
}

/** The chart; steps are pointed at, clicked, and gone through with keys. */
export class BeliefChart {
  #grid = svg('g');
  #falls = svg('path', { class: 'falls' });
  #rises = svg('path', { class: 'rises' });
  #under = svg('path', { class: 'under' });
  #ticks = svg('g', { class: 'ticks' });
  #cursor = new Mark('passing', 'passing-dot', 4);
  #mark = new Mark('at', 'dot', 5);
  /** @type {Belief|null} */
  #belief = null;
  #selected = 0;
  #onSelect;
  #chart;

  /** @param {{onSelect: (step: number) => void, onHover: (step: number|null) => void}} events */
  constructor({ onSelect, onHover }) {
    this.#onSelect = onSelect;
    this.#chart = new Chart(MARGIN, {
      class: 'curve',
      role: 'slider',
      tabindex: '0',
      'aria-valuemin': '1',
      onkeydown: (event) => this.#press(event),
      onpointermove: (event) => { if (this.#belief) onHover(this.#stepAt(event)); },
      onpointerleave: () => onHover(null),
      onclick: (event) => { if (this.#belief) onSelect(this.#stepAt(event)); },
    }, { 'aria-hidden': 'true' }, () => {
      this.#draw();
      this.#mark.place(this.#pointOf(this.#selected));
    });
    this.element = this.#chart.element;
    this.#chart.drawing.append(
      this.#grid, this.#under, this.#falls, this.#rises, this.#ticks, this.#cursor.group, this.#mark.group);
  }

  /** Draw another belief. @param {Belief|null} next @param {string} label  the chart in words */
  draw(next, label) {
    this.#belief = next?.steps ? next : null;
    this.element.setAttribute('aria-label', label);
    this.#draw();
    this.point(null);
  }

  /** Mark the selected step. @param {number} step @param {(step: number) => string} words  those of a step */
  select(step, words) {
    if (!this.#belief) return;
    this.#selected = Math.min(step, this.#belief.steps - 1);
    this.element.setAttribute('aria-valuemax', String(this.#belief.steps));
    this.element.setAttribute('aria-valuenow', String(this.#selected + 1));
    this.element.setAttribute('aria-valuetext', words(this.#selected));
    this.#mark.place(this.#pointOf(this.#selected));
  }

  /** Mark the step that is pointed at. @param {number|null} step */
  point(step) {
    this.#cursor.place(this.#pointOf(step));
  }

  /** The scale of steps: 0 is before the first token. */
  get #x() {
    return this.#chart.x(0, Math.max(1, this.#belief?.steps ?? 0));
  }

  /** @param {number|null} step @returns {Point|null} */
  #pointOf(step) {
    if (!this.#belief || !this.#chart.width || step === null) return null;
    const index = Math.min(step, this.#belief.steps - 1);
    return [this.#x(index + 1), y(this.#belief.values[index])];
  }

  /** @param {MouseEvent} event */
  #stepAt(event) {
    return clamped(Math.round(this.#x.invert(this.#chart.pointer(event))) - 1, this.#belief?.steps ?? 1);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const steps = this.#belief?.steps ?? 1;
    const page = Math.max(1, Math.round(steps / PAGES));
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page,
      Home: -steps, End: steps };
    const move = moves[event.key];
    if (move === undefined || isModified(event)) return;
    event.preventDefault();
    this.#onSelect(clamped(this.#selected + move, steps));
  }

  #draw() {
    const [chart, belief] = [this.#chart, this.#belief];
    if (!belief || !chart.width) return;
    const x = this.#x;
    const axis = {
      tokens: belief.answer.tokens,
      x: chart.x(-1, belief.steps - 1),
      room: chart.room,
      top: BOTTOM,
      numbers: { line: 5, text: 20 },
    };
    this.#grid.replaceChildren(levels(LEVELS, {
      y, left: chart.left, right: chart.right, format: (share) => percent(share, 0), half: 0.5,
    }));
    /** @type {Point[]} */
    const points = [[x(0), y(belief.start)]];
    belief.values.forEach((value, step) => points.push([x(step + 1), y(value)]));
    const pieces = points.slice(1).map((point, step) => linePath([points[step], point]));
    const of = (/** @type {boolean} */ falling) =>
      pieces.filter((_, step) => (belief.changes[step] < 0) === falling).join('');
    this.#falls.setAttribute('d', of(true));
    this.#rises.setAttribute('d', of(false));
    this.#under.setAttribute('d', areaPath(points, y(0)));
    this.#ticks.replaceChildren(...tokenTicks(axis));
    chart.resize(BOTTOM + (fitsTokens(axis) ? WORDS : NUMBERS));
  }
}
