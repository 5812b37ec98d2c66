/** Retention of all units: counts in ranges of steps that double, up to the text's first step. */

/**
 * @typedef {object} Range
 * @property {number} from   steps back, both included
 * @property {number} to
 * @property {number} count  units whose retention lies in it
 */

// As many steps back as have ranges of their own.
const SINGLE = 2;

/**
 * Count units by ranges of retention. The last range is the beginning of the text itself: its cell states may reach further, if there were more.
 * @param {Int32Array} retention  for each unit, in steps
 * @param {number} most           steps before the present one
 * @returns {Range[]}
 */
export function ranges(retention, most) {
  /** @type {Range[]} */
  const found = [];
  for (let from = 0, to = 0; from < most; from = to + 1, to = from <= SINGLE ? from : 2 * to) {
    found.push({ from, to: Math.min(to, most - 1), count: 0 });
  }
  found.push({ from: most, to: most, count: 0 });
  for (const steps of retention) {
    const range = found.find(({ to }) => steps <= to);
    if (range) range.count += 1;
  }
  return found;
}

/** Give the middle one of all. @param {Int32Array} retention */
export function median(retention) {
  return Int32Array.from(retention).sort()[retention.length >> 1];
}
