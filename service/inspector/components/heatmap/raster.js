/**
 * Numbers to pixels: a part of a matrix, one pixel a cell, through a table of 256 colours.
 *
 * @typedef {import('../../data/matrix.js').Matrix} Matrix  steps x units
 * @typedef {{low: number, high: number}} Range  the values of the first and the last colour
 * @typedef {{firstColumn: number, lastColumn: number, firstRow: number, lastRow: number}} Part  ends excluded
 */

/**
 * Find the number of a value's colour in the table; what lies outside the range has the colour of its end.
 * @param {number} value @param {Range} range
 */
export function colourOf(value, { low, high }) {
  const index = Math.round(((value - low) / (high - low)) * 255);
  return index < 0 ? 0 : index > 255 ? 255 : index;
}

/**
 * Paint steps from left to right, units from top to bottom as `order` says. Where `across` columns and `down`
 * rows share one pixel, it has the colour of their mean.
 * @param {Matrix} matrix @param {Int32Array} order @param {Part} part
 * @param {Range} range @param {Uint32Array} table  256 colours, as four bytes RGBA each
 * @param {number} across @param {number} down
 * @returns {ImageData}
 */
export function raster(matrix, order, part, range, table, across = 1, down = 1) {
  const { data, columns: units } = matrix;
  const { firstColumn, lastColumn, firstRow, lastRow } = part;
  const width = Math.ceil((lastColumn - firstColumn) / across);
  const height = Math.ceil((lastRow - firstRow) / down);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = 255 / (range.high - range.low);
  const offset = 0.5 - range.low * scale;
  const sums = new Float32Array(height);
  for (let x = 0; x < width; x++) {
    const begin = firstColumn + x * across;
    const end = Math.min(begin + across, lastColumn);
    sums.fill(0);
    for (let step = begin; step < end; step++) {
      const at = step * units;
      for (let row = firstRow, y = 0, n = 0; row < lastRow; row++) {
        sums[y] += data[at + order[row]];
        n += 1;
        if (n === down) {
          y += 1;
          n = 0;
        }
      }
    }
    for (let y = 0; y < height; y++) {
      const rows = Math.min(down, lastRow - firstRow - y * down);
      const index = Math.floor((sums[y] / ((end - begin) * rows)) * scale + offset);
      pixels[y * width + x] = table[index < 0 ? 0 : index > 255 ? 255 : index];
    }
  }
  return image;
}
