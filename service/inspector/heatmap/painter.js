// @ts-check
/**
 * The strokes of the heat map: cells, labels along both axes, and the marks above them. Lengths are CSS
 * pixels; the cells lie right of `gutter.left` and above `gutter.bottom`.
 *
 * @typedef {import('./viewport.js').Viewport} Viewport
 * @typedef {import('./raster.js').Range} Range
 * @typedef {{left: number, bottom: number}} Gutter
 * @typedef {object} Drawing            what is shown
 * @property {import('../answer.js').Matrix} matrix  steps x units
 * @property {Int32Array} order         the unit of each row
 * @property {Range} range
 * @property {{rgba: Uint8ClampedArray, words: Uint32Array}} table
 * @property {string[]} tokens
 * @property {Float32Array | null} bars  a number a unit, drawn beside its row
 * @property {Record<string, string>} colours  those of PALETTE
 */

import { raster } from './raster.js';
import { visible } from './viewport.js';

/** The page's colours that are drawn with. */
export const PALETTE = ['panel', 'ink', 'muted', 'line', 'accent', 'on-accent', 'negative', 'positive'];

const NUMBERS = { left: 40, bottom: 24 };
const BARS = 48;
const TOKENS = 78; // tokens stand upright, and are cut after so many pixels
const TOKEN_WIDTH = 13; // cells as wide as a line of text is high
const LEVEL = 64; // cells so wide that all tokens lie level
const LINE = 14;
const GRID = 7; // cells so large have a line between them
const VALUE = { width: 38, height: 15 }; // cells so large show their number

/** The room for labels, which depends on how wide a cell is. @param {Drawing} drawing @param {number} cellWidth */
export function gutterOf(drawing, cellWidth) {
  return {
    left: NUMBERS.left + (drawing.bars ? BARS : 0),
    bottom: cellWidth >= TOKEN_WIDTH && cellWidth < LEVEL ? TOKENS : NUMBERS.bottom,
  };
}

/**
 * @param {CanvasRenderingContext2D} pen @param {Drawing} drawing @param {Viewport} viewport
 * @param {import('./viewport.js').Size} size  of the canvas
 * @param {Gutter} gutter @param {number} density  device pixels in a CSS pixel
 * @param {OffscreenCanvas} scratch
 */
export function paintCells(pen, drawing, viewport, size, gutter, density, scratch) {
  const { matrix, order, range, table, colours } = drawing;
  const { cell, left, top } = viewport;
  const window = { width: size.width - gutter.left, height: size.height - gutter.bottom };
  const grid = { columns: matrix.rows, rows: matrix.columns };
  const part = visible(viewport, grid, window);
  // Cells smaller than a pixel share it, and always with the same neighbours, so that nothing flickers.
  const across = Math.max(1, Math.floor(1 / (cell.width * density)));
  const down = Math.max(1, Math.floor(1 / (cell.height * density)));
  part.firstColumn -= part.firstColumn % across;
  part.firstRow -= part.firstRow % down;

  pen.fillStyle = colours.panel;
  pen.fillRect(0, 0, size.width, size.height);
  if (part.lastColumn > part.firstColumn && part.lastRow > part.firstRow) {
    const image = raster(matrix, order, part, range, table.words, across, down);
    scratch.width = image.width;
    scratch.height = image.height;
    const board = /** @type {OffscreenCanvasRenderingContext2D} */ (scratch.getContext('2d'));
    board.putImageData(image, 0, 0);
    pen.save();
    pen.beginPath();
    pen.rect(gutter.left, 0, window.width, window.height);
    pen.clip();
    pen.imageSmoothingEnabled = false;
    pen.drawImage(
      scratch,
      gutter.left + part.firstColumn * cell.width - left,
      part.firstRow * cell.height - top,
      image.width * across * cell.width,
      image.height * down * cell.height,
    );
    if (Math.min(cell.width, cell.height) >= GRID) {
      lines(pen, drawing, viewport, part, window, gutter);
    }
    if (cell.width >= VALUE.width && cell.height >= VALUE.height) {
      values(pen, drawing, viewport, part, gutter);
    }
    pen.restore();
  }
  unitLabels(pen, drawing, viewport, part, window, gutter);
  tokenLabels(pen, drawing, viewport, part, window, gutter, grid);
}

/** Thin lines of the page's colour between cells. */
function lines(pen, { colours }, { cell, left, top }, part, window, gutter) {
  pen.fillStyle = colours.panel;
  for (let column = part.firstColumn + 1; column < part.lastColumn; column++) {
    pen.fillRect(gutter.left + column * cell.width - left - 0.5, 0, 1, window.height);
  }
  for (let row = part.firstRow + 1; row < part.lastRow; row++) {
    pen.fillRect(gutter.left, row * cell.height - top - 0.5, window.width, 1);
  }
}

/** The number in each cell, black or white, whichever is read on its colour. */
function values(pen, { matrix, order, range, table }, { cell, left, top }, part, gutter) {
  pen.font = font(11);
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  const scale = 255 / (range.high - range.low);
  for (let row = part.firstRow; row < part.lastRow; row++) {
    const y = (row + 0.5) * cell.height - top + 0.5;
    for (let step = part.firstColumn; step < part.lastColumn; step++) {
      const value = matrix.at(step, order[row]);
      const at = 4 * Math.max(0, Math.min(255, Math.round((value - range.low) * scale)));
      const [red, green, blue] = table.rgba.subarray(at, at + 3);
      pen.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue > 128 ? '#000' : '#fff';
      pen.fillText(short(value), gutter.left + (step + 0.5) * cell.width - left, y);
    }
  }
}

function unitLabels(pen, { order, bars, colours }, { cell, top }, part, window, gutter) {
  const every = spacing(LINE / cell.height);
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, gutter.left, window.height);
  pen.clip();
  pen.font = font(11);
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  pen.fillStyle = colours.muted;
  for (let row = Math.ceil(part.firstRow / every) * every; row < part.lastRow; row += every) {
    // Where rows are thin, the label hangs below its row's upper edge, or the first one would be cut.
    const y = row * cell.height - top + Math.max(cell.height, LINE) / 2;
    pen.fillText(String(order[row]), NUMBERS.left - 6, y);
  }
  if (bars) unitBars(pen, order, bars, colours, cell, top, part, window);
  pen.restore();
}

function unitBars(pen, order, bars, colours, cell, top, part, window) {
  const middle = NUMBERS.left + BARS / 2 - 2;
  const most = bars.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  const height = cell.height >= GRID ? cell.height - 2 : cell.height;
  const bottom = Math.min(window.height, part.lastRow * cell.height - top);
  for (let row = part.firstRow; row < part.lastRow; row++) {
    const value = bars[order[row]];
    const length = (value / most) * (BARS / 2 - 4);
    pen.fillStyle = colours[value < 0 ? 'negative' : 'positive'];
    pen.fillRect(middle, row * cell.height - top + (cell.height - height) / 2, length, height);
  }
  pen.fillStyle = colours.line;
  pen.fillRect(middle - 0.5, 0, 1, bottom);
}

function tokenLabels(pen, { tokens, colours }, { cell, left }, part, window, gutter, grid) {
  const y = baseline(cell, grid, window);
  pen.save();
  pen.beginPath();
  pen.rect(gutter.left - 20, y, window.width + 20, gutter.bottom);
  pen.clip();
  pen.font = font(11);
  pen.fillStyle = colours.muted;
  if (cell.width >= TOKEN_WIDTH) {
    for (let step = part.firstColumn; step < part.lastColumn; step++) {
      token(pen, tokens[step], gutter.left + (step + 0.5) * cell.width - left, y, cell.width);
    }
  } else {
    const every = spacing(64 / cell.width);
    pen.textBaseline = 'top';
    // People count tokens from one: 1, 10, 20, ...
    for (let count = Math.floor(part.firstColumn / every) * every; count <= part.lastColumn; count += every) {
      const shown = Math.max(count, 1);
      const x = gutter.left + (shown - 0.5) * cell.width - left;
      pen.textAlign = shown === 1 ? 'left' : 'center';
      pen.fillRect(x - 0.5, y, 1, 4);
      pen.fillText(String(shown), shown === 1 ? x - 0.5 : x, y + 7);
    }
  }
  pen.restore();
}

/** A token below its column: level where there is room for it, else upright. */
function token(pen, words, x, y, room) {
  const width = pen.measureText(words).width;
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

/**
 * What lies above the cells: the selected step and unit, and the cell that is pointed at.
 * @param {CanvasRenderingContext2D} pen @param {Drawing} drawing @param {Viewport} viewport
 * @param {import('./viewport.js').Size} size @param {Gutter} gutter
 * @param {{step: number | null, row: number | null, cursor: {column: number, row: number} | null}} marks
 */
export function paintMarks(pen, drawing, viewport, size, gutter, { step, row, cursor }) {
  const { cell, left, top } = viewport;
  const window = { width: size.width - gutter.left, height: size.height - gutter.bottom };
  const bottom = baseline(cell, { rows: drawing.matrix.columns }, window);
  const right = Math.min(window.width, drawing.matrix.rows * cell.width - left);
  pen.clearRect(0, 0, size.width, size.height);
  pen.save();
  pen.beginPath();
  pen.rect(gutter.left - 1, 0, window.width + 1, bottom);
  pen.clip();
  if (step !== null) {
    frame(pen, drawing.colours, gutter.left + step * cell.width - left, -9, cell.width, bottom + 18, 'accent');
  }
  if (row !== null) {
    frame(pen, drawing.colours, gutter.left - 9, row * cell.height - top, right + 18, cell.height, 'accent');
  }
  if (cursor) {
    const x = gutter.left + cursor.column * cell.width - left;
    frame(pen, drawing.colours, x, cursor.row * cell.height - top, cell.width, cell.height, 'ink');
  }
  pen.restore();
  if (step !== null) stepChip(pen, drawing, viewport, step, bottom, gutter, window);
  if (row !== null) rowChip(pen, drawing, viewport, row, bottom);
}

/** A frame around cells, or a line through them where they are too thin for one; a rim keeps it visible. */
function frame(pen, colours, x, y, width, height, ink) {
  const thin = 5;
  if (width < thin) [x, width] = [x + width / 2, 0];
  if (height < thin) [y, height] = [y + height / 2, 0];
  pen.beginPath();
  if (width && height) pen.rect(x, y, width, height);
  else if (width || height) (pen.moveTo(x, y), pen.lineTo(x + width, y + height));
  else pen.arc(x, y, 3, 0, 2 * Math.PI);
  for (const [style, line] of /** @type {[string, number][]} */ ([['panel', 4], [ink, 2]])) {
    pen.strokeStyle = colours[style];
    pen.lineWidth = line;
    pen.stroke();
  }
}

function stepChip(pen, { tokens, colours }, { cell, left }, step, y, gutter, window) {
  const words = cell.width < TOKEN_WIDTH ? `${step + 1} ${tokens[step]}` : tokens[step];
  const x = gutter.left + (step + 0.5) * cell.width - left;
  if (x < gutter.left - 1 || x > gutter.left + window.width + 1) return;
  pen.font = font(11, 600);
  const level =
    pen.measureText(words).width <= cell.width - 4 || cell.width < TOKEN_WIDTH || cell.width >= LEVEL;
  const width = level ? Math.min(pen.measureText(words).width, 120) + 10 : Math.max(cell.width, LINE + 2);
  const from = Math.max(gutter.left, Math.min(x - width / 2, gutter.left + window.width - width));
  pen.fillStyle = colours.panel;
  pen.fillRect(from - 5, y + 2, width + 10, cell.width < TOKEN_WIDTH ? 22 : 0); // no number is half covered
  pen.fillStyle = colours.accent;
  pen.fillRect(from, y + 2, width, level ? 20 : TOKENS - 4);
  pen.fillStyle = colours['on-accent'];
  if (level) {
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.fillText(fitted(pen, words, 120), from + width / 2, y + 12.5);
  } else token(pen, words, from + width / 2, y + 2, 0);
}

function rowChip(pen, { order, colours }, { cell, top }, row, bottom) {
  const y = (row + 0.5) * cell.height - top;
  if (y < 0 || y > bottom) return;
  const from = Math.max(0, Math.min(y - 8, bottom - 16));
  pen.fillStyle = colours.panel;
  pen.fillRect(0, from - 6, NUMBERS.left - 2, cell.height < LINE ? 28 : 0); // no number is half covered
  pen.fillStyle = colours.accent;
  pen.fillRect(2, from, NUMBERS.left - 4, 16);
  pen.fillStyle = colours['on-accent'];
  pen.font = font(11, 600);
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  pen.fillText(String(order[row]), NUMBERS.left - 6, from + 8.5);
}

/** The lower edge of the cells that are seen. */
const baseline = (cell, grid, window) => Math.min(window.height, grid.rows * cell.height);

const font = (size, weight = 400) => `${weight} ${size}px system-ui, sans-serif`;

/** A number in few places: 0.12, −0.98, 12.3. @param {number} value */
function short(value) {
  const digits = Math.abs(value) < 9.995 ? 2 : 1;
  return value.toFixed(digits).replace(/^-(?=[0.]*$)/, '').replace('-', '−');
}

/** The words, cut so that they take no more than so many pixels. */
function fitted(pen, words, most) {
  if (pen.measureText(words).width <= most) return words;
  const letters = [...words];
  while (letters.length > 1 && pen.measureText(`${letters.join('')}…`).width > most) letters.pop();
  return `${letters.join('')}…`;
}

/** The least round number that is not below a number: 1, 2, 5, 10, 20, ... */
function spacing(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return power * (/** @type {number} */ ([1, 2, 5, 10].find((digit) => digit * power >= least)));
}
