/** The parts of a cell's diagram: flows with numbers for widths, operations, boxes, words. */

import { svg } from '../components/dom.js';
import { mathSvg } from '../components/math.js';

/**
 * @typedef {[number, number]} Point
 * @typedef {'start'|'middle'|'end'} Anchor
 */

/** The thinnest flow: there is one, though next to nothing flows. */
const THINNEST = 1.5;

/** A flow along points, as thick as its number is large. */
class Flow {
  #line;
  #tip;
  #group;

  /** @param {Point[]} points @param {boolean} head @param {string} kind @param {Record<string, string|false>} data */
  constructor(points, head, kind, data) {
    this.#line = svg('path', { d: `M${points.map((place) => place.join(' ')).join('L')}` });
    this.#group = svg('g', { class: `flow ${kind}`, ...data }, this.#line);
    this.#tip = head ? svg('path', { class: 'tip', d: 'M0 -1L1 0L0 1Z' }) : null;
    if (this.#tip) {
      const [[x0, y0], [x1, y1]] = points.slice(-2);
      const turn = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
      this.#group.append(svg('g', { transform: `translate(${x1} ${y1}) rotate(${turn})` }, this.#tip));
    }
  }

  get element() {
    return this.#group;
  }

  /** Make it as thick as a number. @param {number} thick  in the drawing's units @param {string} tone  a class of colour */
  set(thick, tone) {
    const shown = Math.max(THINNEST, thick);
    this.#line.style.strokeWidth = `${shown}px`;
    this.#tip?.style.setProperty('transform', `scale(${Math.max(8, shown / 2 + 4)})`);
    this.#group.dataset.tone = tone;
  }
}

/**
 * A sheet of fixed size that scales with its place. A mirrored one runs from right to left; words
 * are not turned round. What belongs to a formula has its part, for highlighting; several with
 * blanks between.
 */
export class Sheet {
  #anchors;

  /** @param {{width: number, height: number, mirrored: boolean}} size */
  constructor({ width, height, mirrored }) {
    this.width = width;
    this.mirrored = mirrored;
    this.element = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', class: 'diagram' });
    this.#anchors = { start: mirrored ? 'end' : 'start', end: mirrored ? 'start' : 'end', middle: 'middle' };
  }

  /** Give the place of an x on the sheet. @param {number} x */
  across(x) {
    return this.mirrored ? this.width - x : x;
  }

  /** Add an element. @template {SVGElement} Made @param {Made} node */
  add(node) {
    this.element.append(node);
    return node;
  }

  /** Add a rectangle. @param {Point} ends  of its width @param {number} top @param {number} height @param {Record<string, string|number>} attributes */
  rect([left, right], top, height, attributes) {
    const x = Math.min(this.across(left), this.across(right));
    this.add(svg('rect', { x, y: top, width: right - left, height, ...attributes }));
  }

  /**
   * Add a flow along points, with a head at its end unless it runs into something.
   * @param {string} part
   * @param {Point[]} points
   * @param {{head?: boolean, name?: string, class?: string}} [options]
   */
  flow(part, points, { head = true, name = '', class: kind = '' } = {}) {
    const places = points.map(([x, y]) => /** @type {Point} */ ([this.across(x), y]));
    const flow = new Flow(places, head, kind, { 'data-part': part, 'data-flow': name || false });
    this.add(flow.element);
    return flow;
  }

  /**
   * Add words; `math` ones are a formula. Returns the <text>.
   * @param {string} part
   * @param {Point} place
   * @param {string} text
   * @param {{anchor?: Anchor, class?: string, math?: boolean}} [options]
   */
  words(part, [x, y], text, { anchor = 'start', class: kind = '', math = false } = {}) {
    return this.add(
      svg('text', { x: this.across(x), y, 'text-anchor': this.#anchors[anchor], class: kind, 'data-part': part },
        ...(math ? mathSvg(text) : [text])),
    );
  }

  /**
   * Add a value, to be set, and its symbol above it, if it needs one. Returns the <text>.
   * @param {string} name
   * @param {string} part
   * @param {Point} place
   * @param {string} formula
   * @param {Anchor} [anchor]
   */
  value(name, part, [x, y], formula, anchor = 'start') {
    if (formula) this.words(part, [x, y - 22], formula, { anchor, class: 'symbol over', math: true });
    const text = this.words(part, [x, y], '', { anchor, class: 'value' });
    text.dataset.value = name;
    return text;
  }

  /** Add an operation that is done elementwise. @param {string} part @param {Point} place @param {string} sign */
  operation(part, [x, y], sign) {
    const wide = sign.length > 1;
    this.add(
      svg('g', { class: 'operation', 'data-part': part },
        svg('ellipse', { cx: this.across(x), cy: y, rx: wide ? 36 : 17, ry: 17 }),
        svg('text', { x: this.across(x), y: y + (wide ? 6 : 8), 'text-anchor': 'middle', class: wide ? '' : 'sign' }, sign)),
    );
  }
}

export const BOX = { width: 106, height: 108 };
const STRIP = { left: 10, top: 58, width: 86, height: 40 };
const BINS = 16;

/** A gate or the new value: a box that learned, with its function and its values. */
export class Box {
  #low;
  #titles;
  #strip;

  /**
   * @param {Sheet} sheet
   * @param {string} name  of its tensor
   * @param {string} part
   * @param {Point} place  its middle, and its top
   * @param {{symbol: string, low: number}} kind  its function, and the least it gives: 0 or -1
   */
  constructor(sheet, name, part, [x, top], { symbol, low }) {
    this.#low = low;
    const left = sheet.across(x) - BOX.width / 2;
    const middle = { x: left + BOX.width / 2, 'text-anchor': 'middle' };
    this.#titles = ['title', 'title short'].map((kind) => svg('text', { ...middle, y: top + 21, class: kind }));
    this.#strip = svg('g', { class: 'strip', transform: `translate(${left + STRIP.left} ${top + STRIP.top})` });
    sheet.add(
      svg('g', { class: `box ${name}`, 'data-part': part, 'data-box': name },
        svg('rect', { x: left, y: top, width: BOX.width, height: BOX.height, rx: 10 }),
        ...this.#titles,
        svg('text', { ...middle, y: top + 47, class: 'function' }, symbol),
        this.#strip),
    );
  }

  /** Name it, and more shortly for where the drawing is small. @param {[string, string]} names */
  name(names) {
    this.#titles.forEach((title, index) => { title.textContent = names[index]; });
  }

  /** Show one value, from nought. @param {number} value */
  gauge(value) {
    const end = ((value - this.#low) / (1 - this.#low)) * STRIP.width;
    const [from, to] = [Math.min(this.#zero, end), Math.max(this.#zero, end)];
    this.#strip.replaceChildren(this.#trough(),
      svg('rect', { class: 'level', x: from, width: Math.max(1, to - from), height: STRIP.height, rx: 3 }),
      ...this.#axis());
  }

  /** Show the frequencies of values, from the least to 1. @param {Float32Array} values */
  histogram(values) {
    const counts = histogram(values, this.#low);
    const most = Math.max(1, ...counts);
    const width = STRIP.width / counts.length;
    this.#strip.replaceChildren(this.#trough(), ...this.#axis(), ...counts.map((count, index) => {
      const height = (count / most) * STRIP.height;
      return svg('rect', { class: 'level', x: index * width + 0.5, y: STRIP.height - height, width: width - 1, height });
    }));
  }

  get #zero() {
    return this.#low < 0 ? STRIP.width / 2 : 0;
  }

  #trough() {
    return svg('rect', { class: 'trough', width: STRIP.width, height: STRIP.height, rx: 3 });
  }

  #axis() {
    if (this.#low >= 0) return [];
    return [svg('line', { class: 'zero', x1: this.#zero, x2: this.#zero, y1: 0, y2: STRIP.height })];
  }
}

/**
 * Add the tokens of the step and of its neighbours, by the places of each.
 * @param {Sheet} sheet
 * @param {Point} before
 * @param {Point} now
 * @param {Point} after
 */
export function addTokens(sheet, before, now, after) {
  return {
    before: sheet.words('', before, '', { class: 'token aside', anchor: 'middle' }),
    now: sheet.words('', now, '', { class: 'token' }),
    after: sheet.words('', after, '', { class: 'token aside', anchor: 'middle' }),
  };
}

/**
 * Count values in equal parts of `low` to 1.
 * @param {Float32Array} values
 * @param {number} low
 */
function histogram(values, low) {
  /** @type {number[]} */
  const counts = new Array(BINS).fill(0);
  for (const value of values) {
    counts[Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / (1 - low)) * BINS)))] += 1;
  }
  return counts;
}
