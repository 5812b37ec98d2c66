// @ts-check
/** Numbers over steps as lines, as wide as their place, with one step marked. */

import { h, svg } from './dom.js';
import { fixed } from './math.js';

const HEIGHT = 120;
const EDGE = { top: 10, bottom: 10, left: 44, right: 10 };

/**
 * @typedef {object} Shown
 * @property {{values: ArrayLike<number>, class: string}[]} series  all of one length
 * @property {number} low
 * @property {number} high
 * @property {number} [selected]           the marked step
 * @property {number[]} [lines]            levels that are drawn across, beside low, high and zero
 * @property {string} label                the drawing in words
 */

/** @param {{onSelect?: (step: number) => void}} [options]  called when a step is pointed at */
export function curve({ onSelect } = {}) {
  const drawing = svg('svg', { role: 'img', height: HEIGHT });
  const element = h('div', { class: onSelect ? 'curve chosen' : 'curve' }, drawing);
  /** @type {Shown|null} */
  let shown = null;

  const width = () => Math.max(160, element.clientWidth);
  const across = (step) => {
    const count = shown.series[0].values.length;
    const room = width() - EDGE.left - EDGE.right;
    return EDGE.left + (count > 1 ? (step / (count - 1)) * room : room / 2);
  };

  function draw() {
    if (!shown || !shown.series[0].values.length) {
      drawing.replaceChildren();
      return;
    }
    const { series, low, high, selected, lines = [], label } = shown;
    const room = HEIGHT - EDGE.top - EDGE.bottom;
    const up = (value) => EDGE.top + ((high - value) / (high - low || 1)) * room;
    const right = width() - EDGE.right;
    const level = (value, kind) =>
      svg('line', { class: kind, x1: EDGE.left, x2: right, y1: up(value), y2: up(value) });
    const mark = (value) =>
      svg('text', { x: EDGE.left - 6, y: up(value) + 4, 'text-anchor': 'end' }, fixed(value, 1));
    // Words that would stand on one another are left out.
    const marks = [];
    for (const value of [high, ...lines, low, 0]) {
      if (marks.every((other) => Math.abs(up(other) - up(value)) > 13)) marks.push(value);
    }

    drawing.setAttribute('viewBox', `0 0 ${width()} ${HEIGHT}`);
    drawing.setAttribute('aria-label', label);
    drawing.replaceChildren(
      level(0, 'zero'),
      ...lines.map((value) => level(value, 'mark')),
      ...marks.map(mark),
      ...series.map(({ values, class: kind }) =>
        svg('path', { class: `line ${kind}`, d: path(values, across, up) })),
    );
    if (selected === undefined) return;
    const x = across(selected);
    drawing.append(
      svg('line', { class: 'here', x1: x, x2: x, y1: 0, y2: HEIGHT }),
      ...series.map(({ values, class: kind }) =>
        svg('circle', { class: `dot ${kind}`, cx: x, cy: up(values[selected]), r: 4.5 })),
    );
  }

  function point(event) {
    if (!shown || !onSelect) return;
    const count = shown.series[0].values.length;
    const share = (event.clientX - drawing.getBoundingClientRect().left - EDGE.left) / (width() - EDGE.left - EDGE.right);
    onSelect(Math.min(count - 1, Math.max(0, Math.round(share * (count - 1)))));
  }
  if (onSelect) {
    drawing.addEventListener('pointerdown', (event) => {
      drawing.setPointerCapture(event.pointerId);
      point(event);
    });
    drawing.addEventListener('pointermove', (event) => event.buttons && point(event));
  }
  new ResizeObserver(draw).observe(element);

  return {
    element,
    /** @param {Shown} next */
    update(next) {
      shown = next;
      draw();
    },
  };
}

/** A line through all values; of a single one, a short dash. */
function path(values, across, up) {
  if (values.length === 1) return `M${across(0) - 8} ${up(values[0])}h16`;
  return `M${Array.from(values, (value, step) => `${across(step).toFixed(1)} ${up(value).toFixed(1)}`).join('L')}`;
}
