/** Numbers in rows and columns. */

/** @typedef {{data: Float32Array|Int32Array|Uint8Array, shape: number[]}} Tensor */

/** A matrix: of a tensor, rows are steps and columns are units. */
export class Matrix {
  /**
   * @param {Float32Array} data  row by row
   * @param {number} rows
   * @param {number} columns
   */
  constructor(data, rows, columns) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
  }

  /** Give the number at a place. @param {number} row @param {number} column */
  at(row, column) {
    return this.data[row * this.columns + column];
  }

  /** Give a row, as a view. @param {number} row */
  row(row) {
    return this.data.subarray(row * this.columns, (row + 1) * this.columns);
  }

  /** Give a column, as a copy. @param {number} column */
  column(column) {
    return Float32Array.from({ length: this.rows }, (_, row) => this.at(row, column));
  }

  /** Take a tensor of two dimensions for a matrix. @param {Tensor|undefined} tensor */
  static of(tensor) {
    return tensor ? new Matrix(/** @type {Float32Array} */ (tensor.data), tensor.shape[0], tensor.shape[1]) : null;
  }
}

/**
 * Find the largest size of any number; 0 where there are none.
 * @param {Float32Array|Float64Array|number[]} values
 */
export function largest(values) {
  let most = 0;
  for (let at = 0; at < values.length; at += 1) {
    const size = Math.abs(values[at]);
    if (size > most) most = size;
  }
  return most;
}
