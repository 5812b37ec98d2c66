/** Scales: from values to pixels, and rounded steps between ticks. */

import nice from '../../vendor/d3-array/nice.js';

/** @typedef {((value: number) => number) & {invert: (pixel: number) => number}} Scale */

/**
 * Make a linear scale.
 * @param {[number, number]} domain  values
 * @param {[number, number]} range   their pixels
 * @returns {Scale}
 */
export function linear([first, last], [from, to]) {
  const span = last - first || 1;
  return Object.assign(
    (/** @type {number} */ value) => from + ((to - from) * (value - first)) / span,
    { invert: (/** @type {number} */ pixel) => first + (span * (pixel - from)) / (to - from) },
  );
}

/**
 * Give the least round step (1, 2, 5, 10, 20, ...) that is not below a number, nor below 1.
 * @param {number} least
 * @returns {number}
 */
export function roundStep(least) {
  return /** @type {typeof import('d3-array').nice} */ (nice)(0, Math.max(1, least), 1)[1];
}
