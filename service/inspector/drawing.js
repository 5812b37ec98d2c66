// @ts-check
/** What diagrams of cells are made of: flows with numbers for widths, operations, boxes, words. */

import { svg } from './dom.js';
import { mathSvg } from './math.js';

/** The thinnest flow: there is one, though next to nothing flows. */
const THINNEST = 1.5;

/**
 * A sheet of fixed size that scales with its place. A mirrored one runs from right to left; words
 * are not turned round.
 * @param {object} size
 * @param {number} size.width
 * @param {number} size.height
 * @param {boolean} size.mirrored
 */
export function sheet({ width, height, mirrored }) {
  const element = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', class: 'diagram' });
  const across = (x) => (mirrored ? width - x : x);
  const anchors = { start: mirrored ? 'end' : 'start', end: mirrored ? 'start' : 'end', middle: 'middle' };
  const add = (node) => {
    element.append(node);
    return node;
  };

  return {
    element,
    across,
    add,

    /**
     * A flow along points, with a head at its end unless it runs into something.
     * @param {string} part   of which formula it is, for highlighting; several with blanks between
     * @param {[number, number][]} points
     * @param {{head?: boolean, name?: string, class?: string}} [options]
     */
    flow(part, points, { head = true, name = '', class: kind = '' } = {}) {
      const places = points.map(([x, y]) => [across(x), y]);
      const line = svg('path', { d: `M${places.map((place) => place.join(' ')).join('L')}` });
      const group = svg('g', { class: `flow ${kind}`, 'data-part': part, 'data-flow': name || false }, line);
      let tip = null;
      if (head) {
        const [[x0, y0], [x1, y1]] = places.slice(-2);
        const turn = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
        tip = svg('path', { class: 'tip', d: 'M0 -1L1 0L0 1Z' });
        group.append(svg('g', { transform: `translate(${x1} ${y1}) rotate(${turn})` }, tip));
      }
      add(group);
      return {
        group,
        /** @param {number} thick in the drawing's units @param {string} tone a class of colour */
        set(thick, tone) {
          const shown = Math.max(THINNEST, thick);
          line.style.strokeWidth = `${shown}px`;
          tip?.style.setProperty('transform', `scale(${Math.max(8, shown / 2 + 4)})`);
          group.dataset.tone = tone;
        },
      };
    },

    /** Words; `math` ones are a formula. Returns the <text>. */
    words(part, [x, y], text, { anchor = 'start', class: kind = '', math = false } = {}) {
      return add(
        svg('text', { x: across(x), y, 'text-anchor': anchors[anchor], class: kind, 'data-part': part },
          ...(math ? mathSvg(text) : [text])),
      );
    },

    /** The value that arises somewhere, to be set, and its symbol above it, if it needs one. */
    value(name, part, [x, y], formula, { anchor = 'start' } = {}) {
      if (formula) this.words(part, [x, y - 22], formula, { anchor, class: 'symbol over', math: true });
      const text = this.words(part, [x, y], '', { anchor, class: 'value' });
      text.dataset.value = name;
      return text;
    },

    /** Something that is done elementwise. */
    operation(part, [x, y], sign) {
      const wide = sign.length > 1;
      add(
        svg('g', { class: 'operation', 'data-part': part },
          svg('ellipse', { cx: across(x), cy: y, rx: wide ? 36 : 17, ry: 17 }),
          svg('text', { x: across(x), y: y + (wide ? 6 : 8), 'text-anchor': 'middle', class: wide ? '' : 'sign' }, sign)),
      );
    },
  };
}

/**
 * A gate or the new value: a box that learned, with its function and what came of it.
 * @param {ReturnType<typeof sheet>} paper
 * @param {string} name  of its tensor
 * @param {string} part
 * @param {number} x     its middle
 * @param {number} top
 * @param {{symbol: string, low: number}} kind  its function, and the least it gives: 0 or -1
 */
export function box(paper, name, part, x, top, { symbol, low }) {
  const left = paper.across(x) - BOX.width / 2;
  const titles = ['title', 'title short'].map((kind) =>
    svg('text', { x: left + BOX.width / 2, y: top + 21, 'text-anchor': 'middle', class: kind }));
  const strip = svg('g', { class: 'strip', transform: `translate(${left + STRIP.left} ${top + STRIP.top})` });
  paper.add(
    svg('g', { class: `box ${name}`, 'data-part': part, 'data-box': name },
      svg('rect', { x: left, y: top, width: BOX.width, height: BOX.height, rx: 10 }),
      ...titles,
      svg('text', { x: left + BOX.width / 2, y: top + 47, 'text-anchor': 'middle', class: 'function' }, symbol),
      strip),
  );
  const zero = low < 0 ? STRIP.width / 2 : 0;
  const axis = () => [
    svg('rect', { class: 'trough', width: STRIP.width, height: STRIP.height, rx: 3 }),
    low < 0 && svg('line', { class: 'zero', x1: zero, x2: zero, y1: 0, y2: STRIP.height }),
  ].filter(Boolean);

  return {
    /** Its name, and a shorter one for where the drawing is small. @param {[string, string]} names */
    name(names) {
      titles.forEach((title, index) => { title.textContent = names[index]; });
    },
    /** One value, from nought. @param {number} value */
    gauge(value) {
      const end = ((value - low) / (1 - low)) * STRIP.width;
      const [from, to] = [Math.min(zero, end), Math.max(zero, end)];
      const [trough, line] = axis();
      strip.replaceChildren(trough,
        svg('rect', { class: 'level', x: from, width: Math.max(1, to - from), height: STRIP.height, rx: 3 }),
        ...(line ? [line] : []));
    },
    /** How often which values occur, from the least to 1. @param {number[]} counts */
    histogram(counts) {
      const most = Math.max(1, ...counts);
      const wide = STRIP.width / counts.length;
      const [trough, line] = axis();
      strip.replaceChildren(trough, ...(line ? [line] : []),
        ...counts.map((count, index) => {
          const height = (count / most) * STRIP.height;
          return svg('rect', { class: 'level', x: index * wide + 0.5, y: STRIP.height - height, width: wide - 1, height });
        }));
    },
  };
}

export const BOX = { width: 106, height: 108 };
const STRIP = { left: 10, top: 58, width: 86, height: 40 };

/**
 * How many values lie in each of `bins` equal parts of `low` to 1.
 * @param {Float32Array} values
 * @param {number} low
 * @param {number} bins
 */
export function spread(values, low, bins) {
  const counts = new Array(bins).fill(0);
  for (const value of values) {
    counts[Math.min(bins - 1, Math.max(0, Math.floor(((value - low) / (1 - low)) * bins)))] += 1;
  }
  return counts;
}
