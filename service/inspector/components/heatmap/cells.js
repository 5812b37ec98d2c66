/** The cells of the heat map: colours, lines between them, and their numbers. */

import { GRID, clipped, columnLeft, font, rowTop } from './scene.js';
import { colourOf, raster } from './raster.js';

/** @import { Scene } from './scene.js' */

const VALUE = { width: 38, height: 15 }; // cells so large show their number

/**
 * Paint the cells on an empty ground.
 * @param {CanvasRenderingContext2D} pen
 * @param {Scene} scene
 * @param {OffscreenCanvas} scratch
 */
export function paintCells(pen, scene, scratch) {
  const { drawing: { colours }, viewport: { cell }, size, window, gutter, part } = scene;
  pen.fillStyle = colours.panel;
  pen.fillRect(0, 0, size.width, size.height);
  if (part.lastColumn <= part.firstColumn || part.lastRow <= part.firstRow) return;
  clipped(pen, [gutter.left, 0, window.width, window.height], () => {
    paintColours(pen, scene, scratch);
    if (Math.min(cell.width, cell.height) >= GRID) paintLines(pen, scene);
    if (cell.width >= VALUE.width && cell.height >= VALUE.height) paintNumbers(pen, scene);
  });
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {OffscreenCanvas} scratch */
function paintColours(pen, scene, scratch) {
  const { drawing: { matrix, order, range, table }, viewport: { cell }, part, across, down } = scene;
  const image = raster(matrix, order, part, range, table.words, across, down);
  scratch.width = image.width;
  scratch.height = image.height;
  const board = /** @type {OffscreenCanvasRenderingContext2D} */ (scratch.getContext('2d'));
  board.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(
    scratch,
    columnLeft(scene, part.firstColumn),
    rowTop(scene, part.firstRow),
    image.width * across * cell.width,
    image.height * down * cell.height,
  );
}

/** Paint thin lines of the page's colour between cells. @param {CanvasRenderingContext2D} pen @param {Scene} scene */
function paintLines(pen, scene) {
  const { drawing: { colours }, part, window, gutter } = scene;
  pen.fillStyle = colours.panel;
  for (let column = part.firstColumn + 1; column < part.lastColumn; column += 1) {
    pen.fillRect(columnLeft(scene, column) - 0.5, 0, 1, window.height);
  }
  for (let row = part.firstRow + 1; row < part.lastRow; row += 1) {
    pen.fillRect(gutter.left, rowTop(scene, row) - 0.5, window.width, 1);
  }
}

/** Write the number in each cell, black or white, whichever is read on its colour. @param {CanvasRenderingContext2D} pen @param {Scene} scene */
function paintNumbers(pen, scene) {
  const { drawing: { matrix, order, range, table }, part } = scene;
  pen.font = font();
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  for (let row = part.firstRow; row < part.lastRow; row += 1) {
    const y = rowTop(scene, row + 0.5) + 0.5;
    for (let step = part.firstColumn; step < part.lastColumn; step += 1) {
      const value = matrix.at(step, order[row]);
      const at = 4 * colourOf(value, range);
      const [red, green, blue] = table.rgba.subarray(at, at + 3);
      pen.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue > 128 ? '#000' : '#fff';
      pen.fillText(short(value), columnLeft(scene, step + 0.5), y);
    }
  }
}

/** Write a number in few places: 0.12, −0.98, 12.3. @param {number} value */
function short(value) {
  const digits = Math.abs(value) < 9.995 ? 2 : 1;
  return value.toFixed(digits).replace(/^-(?=[0.]*$)/, '').replace('-', '−');
}
