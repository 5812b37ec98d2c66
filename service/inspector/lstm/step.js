/** The cell's numbers at one step: of one unit, and of all of them together. */

/**
 * @import { Direction } from '../data/answer.js'
 * @import { GateTensors } from '../data/gate_tensors.js'
 * @import { Matrix } from '../data/matrix.js'
 */

/**
 * Give the order in which a direction reads: steps are numbered as the text goes, but a backward
 * direction comes from its end. Before the first step and after the last there is null.
 * @param {Direction} direction
 * @param {number} steps
 */
export function readingOrder(direction, steps) {
  const stride = direction === 'backward' ? -1 : 1;
  const inside = (/** @type {number} */ step) => (step >= 0 && step < steps ? step : null);
  return {
    stride,
    first: stride > 0 ? 0 : steps - 1,
    before: (/** @type {number} */ step) => inside(step - stride),
    after: (/** @type {number} */ step) => inside(step + stride),
  };
}

/**
 * The cell's values at a step, with the letters of the equations; g is c̃, the new value.
 * @typedef {object} Numbers
 * @property {number} f
 * @property {number} i
 * @property {number} g
 * @property {number} o
 * @property {number} c
 * @property {number} h
 * @property {number} cBefore   c of the step before
 * @property {number} kept      f * cBefore
 * @property {number} added     i * g
 * @property {number} squeezed  tanh(c)
 */

/**
 * Compute one unit's numbers. Before the first step h and c are zero.
 * @param {GateTensors} tensors
 * @param {number} unit
 * @param {number} step
 * @param {number|null} before
 * @returns {Numbers}
 */
export function ofUnit(tensors, unit, step, before) {
  const [f, i, g, o, c, h] = NAMES.map((name) => tensors[name].at(step, unit));
  const cBefore = before === null ? 0 : tensors.cell.at(before, unit);
  return { f, i, g, o, c, h, cBefore, kept: f * cBefore, added: i * g, squeezed: Math.tanh(c) };
}

/**
 * Compute means over all units: of the three gates, and of how far from zero the rest is, as amounts of
 * both signs would else cancel.
 * @param {GateTensors} tensors
 * @param {number} step
 * @param {number|null} before
 * @returns {Numbers}
 */
export function ofAll(tensors, step, before) {
  const units = tensors.cell.columns;
  const sum = { f: 0, i: 0, g: 0, o: 0, c: 0, h: 0, cBefore: 0, kept: 0, added: 0, squeezed: 0 };
  for (let unit = 0; unit < units; unit += 1) {
    const numbers = ofUnit(tensors, unit, step, before);
    for (const name of LETTERS) sum[name] += Math.abs(numbers[name]);
  }
  for (const name of LETTERS) sum[name] /= units;
  return sum;
}

/**
 * Find the units whose state changes most at a step, most first: pairs of a unit and its change.
 * @param {Matrix} states  c, or h where there is no c
 * @param {number} step
 * @param {number|null} before
 * @param {number} count
 * @returns {[number, number][]}
 */
export function changes(states, step, before, count) {
  const now = states.row(step);
  const then = before === null ? null : states.row(before);
  const change = (/** @type {number} */ unit) => now[unit] - (then ? then[unit] : 0);
  return Array.from(now.keys())
    .sort((a, b) => Math.abs(change(b)) - Math.abs(change(a)))
    .slice(0, count)
    .map((unit) => [unit, change(unit)]);
}

/** @type {(keyof GateTensors)[]} */
const NAMES = ['forget_gate', 'input_gate', 'candidate', 'output_gate', 'cell', 'hidden'];

/** @type {(keyof Numbers)[]} */
const LETTERS = ['f', 'i', 'g', 'o', 'c', 'h', 'cBefore', 'kept', 'added', 'squeezed'];
