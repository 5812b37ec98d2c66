/** The alignment of two texts: the tokens that they share, and those of one of them alone. */

// A larger table takes a tenth of a second or more, and 64 MB: then what is left after equal
// beginnings and ends counts as different.
const MOST_CELLS = 2 ** 25;

/**
 * A place in both texts, written one after the other: a token that both have, or one of either.
 * @typedef {'first'|'second'} Side
 * @typedef {{first: number, second: number}} Column  numbers of tokens, -1 where a text has none
 */

/** Two texts laid beside each other. Where they differ, the first one's tokens come first. */
export class Alignment {
  /** @param {Column[]} columns */
  constructor(columns) {
    this.columns = columns;
    /** The column of each token. */
    this.ofFirst = places(columns, 'first');
    this.ofSecond = places(columns, 'second');
    this.same = columns.every(both);
  }

  /**
   * Give the token of the second text at which it stands where the first one stands at `step`, and
   * the other way round. Where they differ, tokens go in pairs for as long as both have some; where one
   * has none, it stands at what it read before. -1: at its beginning.
   * @param {number} step
   * @param {Side} text  whose step it is
   */
  partner(step, text) {
    const other = text === 'first' ? 'second' : 'first';
    const place = (text === 'first' ? this.ofFirst : this.ofSecond)[step];
    if (both(this.columns[place])) return this.columns[place][other];
    let start = place;
    while (start && !both(this.columns[start - 1])) start -= 1;
    let end = place;
    while (end < this.columns.length && !both(this.columns[end])) end += 1;
    const gap = this.columns.slice(start, end);
    const mine = gap.filter((column) => column[text] >= 0);
    const theirs = gap.filter((column) => column[other] >= 0);
    if (!theirs.length) return start ? this.columns[start - 1][other] : -1;
    return theirs[Math.min(mine.findIndex((column) => column[text] === step), theirs.length - 1)][other];
  }
}

/** @param {Column} column */
const both = ({ first, second }) => first >= 0 && second >= 0;

/** @param {Column[]} columns @param {Side} text */
function places(columns, text) {
  /** @type {number[]} */
  const found = [];
  columns.forEach((column, place) => {
    if (column[text] >= 0) found.push(place);
  });
  return found;
}

/**
 * Align two texts by a longest common subsequence of the tokens' numbers (Wagner & Fischer, 1974), between the
 * beginnings and the ends that are alike.
 * @param {ArrayLike<number>} first
 * @param {ArrayLike<number>} second
 */
export function align(first, second) {
  /** @type {Column[]} */
  const columns = [];
  const shorter = Math.min(first.length, second.length);
  let start = 0;
  while (start < shorter && first[start] === second[start]) start += 1;
  let tail = 0;
  while (tail < shorter - start && first[first.length - 1 - tail] === second[second.length - 1 - tail]) tail += 1;
  for (let step = 0; step < start; step += 1) columns.push({ first: step, second: step });
  columns.push(...middle(first, second, start, first.length - tail, second.length - tail));
  for (let left = tail; left; left -= 1) columns.push({ first: first.length - left, second: second.length - left });
  return new Alignment(columns);
}

/**
 * Align the parts from `start` on to the ends.
 * @param {ArrayLike<number>} first
 * @param {ArrayLike<number>} second
 * @param {number} start
 * @param {number} firstEnd
 * @param {number} secondEnd
 */
function middle(first, second, start, firstEnd, secondEnd) {
  const lengths = table(first, second, start, firstEnd, secondEnd);
  const width = secondEnd - start + 1;
  /** @type {Column[]} */
  const columns = [];
  /** @type {Column[]} */
  let waiting = []; // the second text's, until the first one's of the same gap are there
  let i = start;
  let j = start;
  while (i < firstEnd || j < secondEnd) {
    const here = (i - start) * width + (j - start);
    if (lengths && i < firstEnd && j < secondEnd && first[i] === second[j]) {
      columns.push(...waiting, { first: i, second: j });
      waiting = [];
      i += 1;
      j += 1;
    } else if (i < firstEnd && (j === secondEnd || !lengths || lengths[here + width] >= lengths[here + 1])) {
      columns.push({ first: i, second: -1 });
      i += 1;
    } else {
      waiting.push({ first: -1, second: j });
      j += 1;
    }
  }
  return [...columns, ...waiting];
}

/**
 * Find for each place in both texts the length of the longest common subsequence of the rests; null
 * where that table is too large.
 * @param {ArrayLike<number>} first
 * @param {ArrayLike<number>} second
 * @param {number} start
 * @param {number} firstEnd
 * @param {number} secondEnd
 */
function table(first, second, start, firstEnd, secondEnd) {
  const [height, width] = [firstEnd - start + 1, secondEnd - start + 1];
  if (height * width > MOST_CELLS) return null;
  const lengths = new Uint16Array(height * width);
  for (let i = firstEnd - 1; i >= start; i -= 1) {
    const row = (i - start) * width;
    for (let j = secondEnd - 1; j >= start; j -= 1) {
      const here = row + (j - start);
      lengths[here] = first[i] === second[j]
        ? lengths[here + width + 1] + 1
        : Math.max(lengths[here + width], lengths[here + 1]);
    }
  }
  return lengths;
}
