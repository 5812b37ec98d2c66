/** The unit of which the cell and its memory are shown: one, or all of them together. */

/**
 * @import { Matrix } from '../data/matrix.js'
 * @import { State } from '../data/store.js'
 */

/**
 * By the states' numbers, which stay the same array as long as the answer does.
 * @type {WeakMap<Float32Array, number>}
 */
const found = new WeakMap();

/**
 * Give the unit that is shown, or null for all. A reader who has chosen none sees the one that counts
 * most: for the label where the server tells, else the one whose state moves furthest.
 * @param {Readonly<State>} state
 * @param {Matrix} hidden
 * @returns {number|null}
 */
export function selectedUnit(state, hidden) {
  if (state.scope === 'all') return null;
  if (state.unit !== null && state.unit < hidden.columns) return state.unit;
  const { answer } = state;
  const top = answer?.layers === state.layer + 1;
  const contributions = answer && top ? answer.contributionsOf(state.direction) : null;
  if (answer && contributions) return furthest(contributions.row(answer.follow(state.label)));
  const unit = found.get(hidden.data) ?? furthest(spans(hidden));
  found.set(hidden.data, unit);
  return unit;
}

/** Measure from the least to the greatest value of each unit, zero included, where all begin. @param {Matrix} hidden */
function spans(hidden) {
  const { rows, columns } = hidden;
  const [least, most] = [new Float32Array(columns), new Float32Array(columns)];
  for (let step = 0; step < rows; step += 1) {
    hidden.row(step).forEach((value, unit) => {
      if (value < least[unit]) least[unit] = value;
      if (value > most[unit]) most[unit] = value;
    });
  }
  return most.map((value, unit) => value - least[unit]);
}

/** Find the place of the largest size. @param {Float32Array} values */
function furthest(values) {
  let best = 0;
  for (let unit = 1; unit < values.length; unit += 1) {
    if (Math.abs(values[unit]) > Math.abs(values[best])) best = unit;
  }
  return best;
}
