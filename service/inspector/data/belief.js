/** The running belief: the probability of a label after each step, and each step's change of it. */

import { largest } from './matrix.js';

/** @import { Answer } from './answer.js' */

// A change of this many points has the full colour, unless the text has a larger one.
export const LEAST_SCALE = 0.1;

/**
 * @typedef {object} Belief
 * @property {Answer} answer
 * @property {number} steps           0 where nothing is known on the way
 * @property {Float32Array} values    the probability after each step
 * @property {number} start           and before the first
 * @property {Float32Array} changes
 * @property {number} scale           the change that has the full colour
 * @property {Float32Array} shades    changes as parts of it, from -1 to 1
 */

/**
 * Follow a label through a text.
 * @param {Answer} answer
 * @param {number} label
 * @param {Float32Array|null} begun  the scores of a text without tokens; null counts no change for the first
 * @returns {Belief}
 */
export function beliefIn(answer, label, begun) {
  const values = answer.steps ? (answer.stepScores?.column(label) ?? new Float32Array()) : new Float32Array();
  const start = begun ? begun[label] : values[0];
  const changes = values.map((value, step) => value - (step ? values[step - 1] : start));
  const scale = Math.max(LEAST_SCALE, largest(changes));
  return {
    answer, steps: values.length, values, start, changes, scale, shades: changes.map((change) => change / scale),
  };
}
