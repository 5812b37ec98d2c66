/**
 * The scene of the heat map: its numbers, and the part of them that is seen. Lengths are CSS pixels;
 * the cells lie right of `gutter.left` and above `gutter.bottom`.
 */

import { visible } from './viewport.js';

/**
 * @import { Matrix } from '../../data/matrix.js'
 * @import { Part, Range } from './raster.js'
 * @import { Grid, Size, Viewport } from './viewport.js'
 */

/**
 * @typedef {{left: number, bottom: number}} Gutter  the room for labels
 */

/**
 * @typedef {object} Drawing
 * @property {Matrix} matrix            steps x units
 * @property {Int32Array} order         the unit of each row
 * @property {Range} range
 * @property {{rgba: Uint8ClampedArray, words: Uint32Array}} table
 * @property {string[]} tokens
 * @property {Float32Array|null} bars   a number a unit, drawn beside its row
 * @property {Record<string, string>} colours  those of PALETTE
 */

/**
 * @typedef {object} Scene
 * @property {Drawing} drawing
 * @property {Viewport} viewport
 * @property {Size} size      of the canvas
 * @property {Gutter} gutter
 * @property {Grid} grid
 * @property {Size} window    of the cells
 * @property {Part} part      the cells that are seen
 * @property {number} across  columns that share a pixel
 * @property {number} down    rows that share a pixel
 * @property {number} bottom  the lower edge of those cells
 */

/** The page's colours that are drawn with. */
export const PALETTE = ['panel', 'ink', 'muted', 'line', 'accent', 'on-accent', 'negative', 'positive'];

export const NUMBERS = { left: 40, bottom: 24 };
export const BARS = 48;
export const TOKENS = 78; // tokens stand upright, and are cut after so many pixels
export const TOKEN_WIDTH = 13; // cells as wide as a line of text is high
export const LEVEL = 64; // cells so wide that all tokens lie level
export const LINE = 14;
export const GRID = 7; // cells so large have a line between them

/** Give the room for labels, which depends on how wide a cell is. @param {Drawing} drawing @param {number} cellWidth */
export function gutterOf(drawing, cellWidth) {
  return {
    left: NUMBERS.left + (drawing.bars ? BARS : 0),
    bottom: cellWidth >= TOKEN_WIDTH && cellWidth < LEVEL ? TOKENS : NUMBERS.bottom,
  };
}

/**
 * Make the scene.
 * @param {Drawing} drawing
 * @param {Viewport} viewport
 * @param {Size} size
 * @param {Gutter} gutter
 * @param {number} density  device pixels in a CSS pixel
 * @returns {Scene}
 */
export function sceneOf(drawing, viewport, size, gutter, density) {
  const { cell } = viewport;
  // Cells smaller than a pixel share it, and always with the same neighbours, so that nothing flickers.
  const across = Math.max(1, Math.floor(1 / (cell.width * density)));
  const down = Math.max(1, Math.floor(1 / (cell.height * density)));
  const window = { width: size.width - gutter.left, height: size.height - gutter.bottom };
  const grid = { columns: drawing.matrix.rows, rows: drawing.matrix.columns };
  const part = visible(viewport, grid, window);
  part.firstColumn -= part.firstColumn % across;
  part.firstRow -= part.firstRow % down;
  const bottom = Math.min(window.height, grid.rows * cell.height);
  return { drawing, viewport, size, gutter, grid, window, part, across, down, bottom };
}

/** Give the left edge of a column. @param {Scene} scene @param {number} column */
export const columnLeft = ({ viewport: { cell, left }, gutter }, column) => gutter.left + column * cell.width - left;

/** Give the upper edge of a row. @param {Scene} scene @param {number} row */
export const rowTop = ({ viewport: { cell, top } }, row) => row * cell.height - top;

/**
 * Keep strokes to a rectangle while something is painted.
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number, number, number]} rectangle  left, top, width, height
 * @param {() => void} paint
 */
export function clipped(pen, rectangle, paint) {
  pen.save();
  pen.beginPath();
  pen.rect(...rectangle);
  pen.clip();
  paint();
  pen.restore();
}

/** Write a font of the canvas. @param {number} [weight] */
export const font = (weight = 400) => `${weight} 11px system-ui, sans-serif`;

/**
 * Write a token at a place: level where there is room for it, else upright.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} words
 * @param {number} x     its middle
 * @param {number} y     its upper edge
 * @param {number} room  pixels across
 */
export function token(pen, words, x, y, room) {
  const { width } = pen.measureText(words);
  if (width <= room - 4 || room >= LEVEL) {
    pen.textAlign = 'center';
    pen.textBaseline = 'top';
    pen.fillText(fitted(pen, words, room - 4), x, y + 6);
    return;
  }
  pen.save();
  pen.translate(x, y + 5);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  pen.fillText(fitted(pen, words, TOKENS - 10), 0, 0);
  pen.restore();
}

/** Cut words so that they take no more than so many pixels. @param {CanvasRenderingContext2D} pen @param {string} words @param {number} most */
export function fitted(pen, words, most) {
  if (pen.measureText(words).width <= most) return words;
  const letters = [...words];
  while (letters.length > 1 && pen.measureText(`${letters.join('')}…`).width > most) letters.pop();
  return `${letters.join('')}…`;
}
