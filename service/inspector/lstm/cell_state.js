/**
 * The cell state (the conveyor belt), taken apart by the steps that it comes from.
 *
 * c_t = f_t * c_{t-1} + i_t * c̃_t, put into itself again and again, is a sum over all steps k:
 *
 *     c_t = Σ_k (f_{k+1} * ... * f_t) * i_k * c̃_k
 *
 * What a step added is still there to the part that all forget gates since have let through.
 */

/** @import { GateTensors } from '../data/gate_tensors.js' */

// A value in the cell state counts for as long as this part of it is left: docs/states.md, retention.
export const COUNTS = 0.1;

// A hair's breadth below the mark counts too, as on the server: exp(-1e-9).
const MARK = COUNTS * (1 - 1e-9);

// Once less than this is left in all units, nothing before can be seen.
const NOTHING = 1e-9;

/**
 * @typedef {object} Unrolled
 * @property {Float64Array} left      what is left after 0, 1, 2, ... steps, from 1 to 0
 * @property {Float64Array} parts     what is in the cell state of the step so many steps back
 * @property {Int32Array} retention   for each unit the most steps after which a tenth is left
 */

/**
 * Walk back from a step. With a unit, `left` and `parts` are that unit's, and the parts add up to
 * its c_t; without one they are means over all units, of the parts' distance from zero.
 * @param {Pick<GateTensors, 'forget_gate'|'input_gate'|'candidate'|'cell'>} tensors
 * @param {number} step
 * @param {number} stride  1 where the step before stands to the left, -1 where to the right
 * @param {number|null} unit
 * @returns {Unrolled}
 */
export function unroll(tensors, step, stride, unit) {
  const { forget_gate: forget, input_gate: input, candidate, cell } = tensors;
  const units = cell.columns;
  const passed = new Float64Array(units).fill(1);
  const retention = new Int32Array(units);
  const left = [];
  const parts = [];
  for (let k = step, back = 0; k >= 0 && k < cell.rows; k -= stride, back += 1) {
    const [f, i, g] = [forget.row(k), input.row(k), candidate.row(k)];
    let most = 0;
    let sumLeft = 0;
    let sumPart = 0;
    for (let u = 0; u < units; u += 1) {
      const part = passed[u];
      if (part >= MARK) retention[u] = back;
      if (part > most) most = part;
      sumLeft += part;
      sumPart += part * i[u] * Math.abs(g[u]);
    }
    if (most < NOTHING) break;
    left.push(unit === null ? sumLeft / units : passed[unit]);
    parts.push(unit === null ? sumPart / units : passed[unit] * i[unit] * g[unit]);
    for (let u = 0; u < units; u += 1) passed[u] *= f[u];
  }
  return { left: Float64Array.from(left), parts: Float64Array.from(parts), retention };
}
