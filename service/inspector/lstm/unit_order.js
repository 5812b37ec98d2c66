/**
 * Orders of the units, the rows of the heat map. Each is a permutation: order[row] is the unit drawn there.
 *
 * @typedef {import('../data/matrix.js').Matrix} Matrix  steps x units
 */

/** Similarity looks at no more points in time than this: longer texts are averaged over windows. */
const MOST_WINDOWS = 256;

/**
 * Order units by number: 0, 1, 2, ...
 * @param {number} units
 * @returns {Int32Array<ArrayBuffer>}
 */
export function byIndex(units) {
  return Int32Array.from({ length: units }, (_, unit) => unit);
}

/**
 * Order units from the one that moves most to the one that moves least.
 * @param {Matrix} matrix
 * @returns {Int32Array<ArrayBuffer>}
 */
export function byActivity(matrix) {
  return descending(deviations(matrix));
}

/**
 * Order units from the one that speaks most for a label to the one that speaks most against it.
 * @param {Float32Array} contributions  one number a unit
 * @returns {Int32Array<ArrayBuffer>}
 */
export function byContribution(contributions) {
  return descending(contributions);
}

/**
 * Order units so that those that move alike lie side by side.
 *
 * Average linkage over the distance 1 - r (Sokal & Michener, 1958), found by chains of nearest
 * neighbours (Murtagh, 1983) in units² steps; where two clusters meet, they are turned so that
 * their most similar ends touch (Gruvaeus & Wainer, 1972).
 * @param {Matrix} matrix
 * @returns {Int32Array<ArrayBuffer>}
 */
export function bySimilarity(matrix) {
  const units = matrix.columns;
  if (units < 3 || matrix.rows < 2) return byIndex(units);
  const distances = correlationDistances(standardized(matrix));
  const leaves = leavesOf(distances, units);
  // Of an order and its reverse neither is better: the livelier end stands at the top.
  const activity = deviations(matrix);
  const half = units >> 1;
  const sum = (/** @type {Int32Array} */ part) => part.reduce((s, unit) => s + activity[unit], 0);
  return sum(leaves.subarray(0, half)) < sum(leaves.subarray(units - half)) ? leaves.reverse() : leaves;
}

/**
 * Compute the standard deviation of each unit over the steps.
 * @param {Matrix} matrix
 * @returns {Float32Array}  one number a unit
 */
export function deviations({ data, rows, columns }) {
  const mean = new Float64Array(columns);
  const squares = new Float64Array(columns);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      // Welford (1962): no difference of large sums.
      const off = data[at] - mean[column];
      mean[column] += off / (row + 1);
      squares[column] += off * (data[at] - mean[column]);
    }
  }
  return Float32Array.from(squares, (square) => Math.sqrt(square / Math.max(rows, 1)));
}

/** Order units by their values, the largest first. @param {Float32Array} values @returns {Int32Array<ArrayBuffer>} */
function descending(values) {
  return byIndex(values.length).sort((a, b) => values[b] - values[a] || a - b);
}

/**
 * Give the course of each unit, with mean 0 and length 1; of length 0 where nothing moves.
 * @param {Matrix} matrix
 * @returns {Float32Array[]}  one a unit
 */
function standardized({ data, rows, columns }) {
  const windows = Math.min(rows, MOST_WINDOWS);
  const courses = Array.from({ length: columns }, () => new Float32Array(windows));
  for (let row = 0, at = 0; row < rows; row++) {
    const window = Math.floor((row * windows) / rows);
    for (let column = 0; column < columns; column++, at++) courses[column][window] += data[at];
  }
  const sizes = new Float32Array(windows);
  for (let row = 0; row < rows; row++) sizes[Math.floor((row * windows) / rows)] += 1;
  for (const course of courses) {
    let mean = 0;
    for (let w = 0; w < windows; w++) mean += (course[w] /= sizes[w]) / windows;
    let squares = 0;
    for (let w = 0; w < windows; w++) squares += (course[w] -= mean) ** 2;
    const length = Math.sqrt(squares);
    const scale = length > 1e-6 ? 1 / length : 0;
    for (let w = 0; w < windows; w++) course[w] *= scale;
  }
  return courses;
}

/** Compute 1 - r of each two courses. @param {Float32Array[]} courses @returns {Float32Array} units x units */
function correlationDistances(courses) {
  const units = courses.length;
  const distances = new Float32Array(units * units);
  for (let a = 0; a < units; a++) {
    const one = courses[a];
    for (let b = a + 1; b < units; b++) {
      const other = courses[b];
      let r = 0;
      for (let w = 0; w < one.length; w++) r += one[w] * other[w];
      distances[a * units + b] = distances[b * units + a] = 1 - r;
    }
  }
  return distances;
}

/**
 * Give the leaves of the tree, in order.
 * @param {Float32Array} distances  units x units
 * @param {number} units
 * @returns {Int32Array<ArrayBuffer>}
 */
function leavesOf(distances, units) {
  const between = distances.slice();
  /** Units of each cluster in their order; a cluster is known by one of its units. @type {(number[] | null)[]} */
  const members = Array.from({ length: units }, (_, unit) => [unit]);
  /** @type {number[]} */
  const chain = [];
  for (let left = units; left > 1; ) {
    if (chain.length === 0) chain.push(members.findIndex((cluster) => cluster !== null));
    const end = chain[chain.length - 1];
    const before = chain.length > 1 ? chain[chain.length - 2] : -1;
    // Of equally near ones the one before, or the chain would go in circles.
    let nearest = before;
    let least = before < 0 ? Infinity : between[end * units + before];
    for (let other = 0; other < units; other++) {
      if (other !== end && members[other] && between[end * units + other] < least) {
        nearest = other;
        least = between[end * units + other];
      }
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const one = /** @type {number[]} */ (members[end]);
    const two = /** @type {number[]} */ (members[before]);
    for (let other = 0; other < units; other++) {
      const mean =
        (one.length * between[end * units + other] + two.length * between[before * units + other]) /
        (one.length + two.length);
      between[end * units + other] = between[other * units + end] = mean;
    }
    members[end] = joined(one, two, distances, units);
    members[before] = null;
    left -= 1;
  }
  return Int32Array.from(/** @type {number[]} */ (members.find((cluster) => cluster !== null)));
}

/**
 * Put two clusters side by side, turned so that the nearest of their ends touch.
 * @param {number[]} one @param {number[]} two @param {Float32Array} distances @param {number} units
 */
function joined(one, two, distances, units) {
  const gap = (/** @type {number} */ a, /** @type {number} */ b) => distances[a * units + b];
  const [first, last] = [one[0], one[one.length - 1]];
  const [head, tail] = [two[0], two[two.length - 1]];
  const gaps = [gap(last, head), gap(last, tail), gap(first, head), gap(first, tail)];
  const best = gaps.indexOf(Math.min(...gaps));
  if (best >= 2) one.reverse();
  if (best === 1 || best === 3) two.reverse();
  return one.concat(two);
}
