// @ts-check
/** Whom the cell and its memory are shown of: one unit, or all of them together. */

/** By the states' numbers, which stay the same array as long as the answer does. */
const found = new WeakMap();

/**
 * The unit that is shown, or null for all. A reader who has chosen none sees the one that counts
 * most: for the label where the server tells, else the one whose state moves furthest.
 * @param {Readonly<import('./store.js').State>} state
 * @param {import('./answer.js').Matrix} hidden
 * @returns {number|null}
 */
export function focus(state, hidden) {
  if (state.scope === 'all') return null;
  if (state.unit !== null && state.unit < hidden.columns) return state.unit;
  const { answer } = state;
  const top = answer && state.layer === answer.layers - 1;
  const contributions = top ? answer.contributionsOf(state.direction) : null;
  if (contributions) return furthest(contributions.row(answer.follow(state.label)));
  if (!found.has(hidden.data)) found.set(hidden.data, furthest(ways(hidden)));
  return found.get(hidden.data);
}

/** From the least to the greatest value of each unit, zero included, where all begin. */
function ways(hidden) {
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

function furthest(values) {
  let best = 0;
  for (let unit = 1; unit < values.length; unit += 1) {
    if (Math.abs(values[unit]) > Math.abs(values[best])) best = unit;
  }
  return best;
}
