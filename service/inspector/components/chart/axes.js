/** Axes of a chart: levels across it, and below it tokens where there is room for them, else their numbers. */

import range from '../../vendor/d3-array/range.js';
import { number } from '../../locale/i18n.js';
import { svg } from '../dom.js';
import { roundStep } from './scale.js';

/** @import { Scale } from './scale.js' */

const WORD = 15; // pixels across, for a slanted token
const LONGEST_WORD = 11; // letters
const NUMBER = 70; // pixels from number to number

/**
 * @typedef {object} TokenAxis
 * @property {string[]} tokens
 * @property {Scale} x                 to the pixels of a token, counted from 0
 * @property {number} room             pixels across, for all of them
 * @property {number} top
 * @property {(step: number) => string|null} [kind]  the class of a token
 * @property {{line: number, text: number}} numbers  pixels below `top`: of a tick's line, 0 for none, and of its number
 */

/**
 * Draw levels as lines across, with their values to the left of them.
 * @param {number[]} values
 * @param {{y: Scale, left: number, right: number, format: (value: number) => string, half?: number}} options
 *   `half`: the value whose line is another
 */
export function levels(values, { y, left, right, format, half }) {
  return svg('g', { class: 'grid' }, ...values.flatMap((value) => [
    svg('line', { x1: left, x2: right, y1: y(value), y2: y(value), class: value === half && 'half' }),
    svg('text', { x: left - 8, y: y(value), dy: '0.35em', 'text-anchor': 'end' }, format(value)),
  ]));
}

/** Tell whether there is room for the tokens themselves. @param {{tokens: string[], room: number}} axis */
export const fitsTokens = ({ tokens, room }) => room / Math.max(1, tokens.length) >= WORD;

/** Draw the tokens' axis. @param {TokenAxis} axis */
export function tokenTicks(axis) {
  return fitsTokens(axis) ? words(axis) : counts(axis);
}

/** @param {TokenAxis} axis */
function words({ tokens, x, top, kind }) {
  return tokens.map((token, step) => {
    const shown = token.length > LONGEST_WORD ? `${token.slice(0, LONGEST_WORD - 1)}…` : token || '·';
    const transform = `translate(${x(step).toFixed(1)} ${top + 14}) rotate(-50)`;
    return svg('text', { class: kind?.(step), transform, 'text-anchor': 'end', dy: '0.3em' }, shown);
  });
}

/** @param {TokenAxis} axis */
function counts({ tokens: { length }, x, room, top, numbers }) {
  const every = roundStep((length * NUMBER) / room);
  /** @type {number[]} */
  const ticks = range(every, length + 1, every);
  return ticks.flatMap((count) => [
    ...(numbers.line ? [svg('line', { x1: x(count - 1), x2: x(count - 1), y1: top, y2: top + numbers.line })] : []),
    svg('text', { x: x(count - 1), y: top + numbers.text, 'text-anchor': 'middle' }, number(count)),
  ]);
}
