/** The distance of states: of two texts, of each unit, and along an alignment. */

/**
 * @import { Column } from './alignment.js'
 * @import { Direction } from './answer.js'
 * @import { Matrix } from './matrix.js'
 */

const MOST_UNITS = 12;

/**
 * Compute the distance of two rows of a tensor, from 0, where they are the same, to 1, where one is
 * the other's opposite: ‖a − b‖ / (‖a‖ + ‖b‖).
 * @param {Float32Array} first
 * @param {Float32Array} second
 */
export function distance(first, second) {
  let [apart, a, b] = [0, 0, 0];
  for (let unit = 0; unit < first.length; unit += 1) {
    apart += (first[unit] - second[unit]) ** 2;
    a += first[unit] ** 2;
    b += second[unit] ** 2;
  }
  return apart ? Math.sqrt(apart) / (Math.sqrt(a) + Math.sqrt(b)) : 0;
}

/**
 * Find the units that differ most between two rows, the largest difference first; units that do not
 * differ are left out.
 * @param {Float32Array} first  a number a unit
 * @param {Float32Array} second
 */
export function differing(first, second) {
  const apart = first.map((value, unit) => Math.abs(value - second[unit]));
  return [...apart.keys()].filter((unit) => apart[unit] > 0).sort((a, b) => apart[b] - apart[a]).slice(0, MOST_UNITS);
}

/**
 * Give the row of a step; zeros before the first.
 * @param {Matrix} matrix
 * @param {number} step
 */
export const rowOf = (matrix, step) =>
  step >= 0 && step < matrix.rows ? matrix.row(step) : new Float32Array(matrix.columns);

/**
 * Compute the distance at each column of an alignment, each text at the token that it has read last, in the
 * direction of reading.
 * @param {Column[]} columns
 * @param {Matrix} one
 * @param {Matrix} other
 * @param {Direction} direction
 */
export function distances(columns, one, other, direction) {
  const found = new Float32Array(columns.length);
  const places = [...columns.keys()];
  if (direction === 'backward') places.reverse();
  let [first, second] = [-1, -1];
  for (const place of places) {
    if (columns[place].first >= 0) first = columns[place].first;
    if (columns[place].second >= 0) second = columns[place].second;
    found[place] = distance(rowOf(one, first), rowOf(other, second));
  }
  return found;
}
