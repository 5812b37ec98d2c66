/**
 * The viewport, through which a grid of cells is seen: cell size, scroll position, and the arithmetic
 * between pixels and cells. Lengths are CSS pixels.
 */

/** Below this a cell is no longer seen by itself; only "fit all" goes there. */
export const SMALLEST = { width: 3, height: 1 };
/** So large a cell is seen well, short of its number. */
export const COMFORTABLE = { width: 160, height: 24 };
/** A cell that holds its number; there is nothing to see beyond. */
export const READABLE = { width: 46, height: 20 };

/**
 * @typedef {{columns: number, rows: number}} Grid
 * @typedef {{width: number, height: number}} Size
 * @typedef {{cell: Size, left: number, top: number}} Viewport  left and top: pixels scrolled
 */

/**
 * Give the cell size at which all of the grid is seen.
 * @param {Grid} grid @param {Size} window @returns {Size}
 */
export function fitting(grid, window) {
  return {
    width: Math.min(COMFORTABLE.width, window.width / Math.max(grid.columns, 1)),
    height: Math.min(COMFORTABLE.height, window.height / Math.max(grid.rows, 1)),
  };
}

/**
 * Give the cell size to begin with: all of the grid, unless the cells became too small for it.
 * @param {Grid} grid @param {Size} window @returns {Size}
 */
export function opening(grid, window) {
  const fit = fitting(grid, window);
  return {
    width: Math.max(fit.width, SMALLEST.width),
    height: Math.max(fit.height, SMALLEST.height),
  };
}

/**
 * Make cells larger or smaller, with the point under (x, y) where it was.
 * @param {Viewport} viewport @param {number} factor @param {number} x @param {number} y
 * @param {Grid} grid @param {Size} window @returns {Viewport}
 */
export function zoomed({ cell, left, top }, factor, x, y, grid, window) {
  const least = fitting(grid, window);
  const size = {
    width: clamp(cell.width * factor, least.width, Math.max(READABLE.width, least.width)),
    height: clamp(cell.height * factor, least.height, Math.max(READABLE.height, least.height)),
  };
  return settled(
    {
      cell: size,
      left: ((left + x) / cell.width) * size.width - x,
      top: ((top + y) / cell.height) * size.height - y,
    },
    grid,
    window,
  );
}

/**
 * Keep a viewport within the grid.
 * @param {Viewport} viewport @param {Grid} grid @param {Size} window @returns {Viewport}
 */
export function settled({ cell, left, top }, grid, window) {
  return {
    cell,
    left: clamp(left, 0, Math.max(0, grid.columns * cell.width - window.width)),
    top: clamp(top, 0, Math.max(0, grid.rows * cell.height - window.height)),
  };
}

/**
 * Move as little as needed to show a cell; null moves nothing along that axis.
 * @param {Viewport} viewport @param {number | null} column @param {number | null} row
 * @param {Grid} grid @param {Size} window @returns {Viewport}
 */
export function revealing({ cell, left, top }, column, row, grid, window) {
  const along = (
    /** @type {number} */ scrolled,
    /** @type {number | null} */ index,
    /** @type {number} */ size,
    /** @type {number} */ length,
  ) => (index === null ? scrolled : clamp(scrolled, (index + 1) * size - length, index * size));
  return settled(
    {
      cell,
      left: along(left, column, cell.width, window.width),
      top: along(top, row, cell.height, window.height),
    },
    grid,
    window,
  );
}

/**
 * Find the cells that are seen, ends excluded.
 * @param {Viewport} viewport @param {Grid} grid @param {Size} window
 */
export function visible({ cell, left, top }, grid, window) {
  return {
    firstColumn: Math.min(grid.columns, Math.floor(left / cell.width)),
    lastColumn: Math.min(grid.columns, Math.ceil((left + window.width) / cell.width)),
    firstRow: Math.min(grid.rows, Math.floor(top / cell.height)),
    lastRow: Math.min(grid.rows, Math.ceil((top + window.height) / cell.height)),
  };
}

/**
 * Find the cell at a point of the window, or null beside the grid.
 * @param {Viewport} viewport @param {number} x @param {number} y @param {Grid} grid
 * @returns {{column: number, row: number} | null}
 */
export function cellAt({ cell, left, top }, x, y, grid) {
  const column = Math.floor((left + x) / cell.width);
  const row = Math.floor((top + y) / cell.height);
  const inside = column >= 0 && row >= 0 && column < grid.columns && row < grid.rows;
  return inside ? { column, row } : null;
}

/** @param {number} value @param {number} least @param {number} most */
function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
