/** The values of the cell that are drawn: of the selected unit, or of all of them together. */

import { largest } from '../data/matrix.js';
import { ofAll, ofUnit } from './step.js';
import { selectedUnit } from './unit_selection.js';

/**
 * @import { TensorName } from '../data/answer.js'
 * @import { GateTensors } from '../data/gate_tensors.js'
 * @import { Matrix } from '../data/matrix.js'
 * @import { AnsweredState } from '../data/store.js'
 * @import { Numbers } from './step.js'
 */

/**
 * @typedef {object} CellValues
 * @property {boolean} simple        of a simple RNN, which has h alone
 * @property {number|null} unit      null: all units
 * @property {Numbers} numbers       at the step; of a simple RNN, h alone is not zero
 * @property {{values: Float32Array, class: string}[]} series  h, and c, over the steps
 * @property {number} scale          the largest size in them, 1 at least
 * @property {(tensor: TensorName) => Float32Array} row  a tensor's values at the step, all units
 */

/**
 * Collect the values.
 * @param {AnsweredState} state
 * @param {GateTensors} tensors
 * @param {boolean} simple
 * @param {number|null} before  the step before
 * @returns {CellValues}
 */
export function cellValues(state, tensors, simple, before) {
  const { step } = state;
  const unit = selectedUnit(state, tensors.hidden);
  const of = (/** @type {Matrix} */ matrix) => (unit === null ? meanSize(matrix) : matrix.column(unit));
  const hidden = { values: of(tensors.hidden), class: 'hidden' };
  const series = simple ? [hidden] : [hidden, { values: of(tensors.cell), class: 'cell' }];
  const h = hidden.values[step];
  return {
    simple,
    unit,
    numbers: simple
      ? { f: 0, i: 0, g: 0, o: 0, c: 0, h, cBefore: 0, kept: 0, added: 0, squeezed: 0 }
      : unit === null ? ofAll(tensors, step, before) : ofUnit(tensors, unit, step, before),
    series,
    scale: Math.max(1, ...series.map(({ values }) => largest(values))),
    row: (name) => tensors[name].row(step),
  };
}

/** Compute for each step the mean over all units of the distance from zero. @param {Matrix} matrix */
function meanSize(matrix) {
  return Float32Array.from({ length: matrix.rows }, (_, step) => {
    const row = matrix.row(step);
    let sum = 0;
    for (let unit = 0; unit < row.length; unit += 1) sum += Math.abs(row[unit]);
    return sum / row.length;
  });
}
