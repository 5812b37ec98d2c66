/** The marks above the cells of the heat map: the selected step and unit, and the cell that is pointed at. */

import { LEVEL, LINE, NUMBERS, TOKENS, TOKEN_WIDTH, clipped, columnLeft, fitted, font, rowTop, token } from './scene.js';

/**
 * @import { Scene } from './scene.js'
 * @typedef {{step: number|null, row: number|null, cursor: {column: number, row: number}|null}} Marks
 */

const BEYOND = 9; // pixels, by which a frame reaches beyond its row or column
const THIN = 5; // cells thinner than that have a line through them
const LONGEST = 120; // pixels of a token

/** Paint the marks. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Marks} marks */
export function paintMarks(pen, scene, { step, row, cursor }) {
  const { drawing: { matrix }, viewport: { cell, left }, size, window, gutter, bottom } = scene;
  const right = Math.min(window.width, matrix.rows * cell.width - left);
  pen.clearRect(0, 0, size.width, size.height);
  clipped(pen, [gutter.left - 1, 0, window.width + 1, bottom], () => {
    if (step !== null) {
      paintFrame(pen, scene, [columnLeft(scene, step), -BEYOND, cell.width, bottom + 2 * BEYOND], 'accent');
    }
    if (row !== null) {
      paintFrame(pen, scene, [gutter.left - BEYOND, rowTop(scene, row), right + 2 * BEYOND, cell.height], 'accent');
    }
    if (cursor) {
      paintFrame(pen, scene, [columnLeft(scene, cursor.column), rowTop(scene, cursor.row), cell.width, cell.height], 'ink');
    }
  });
  if (step !== null) paintStepChip(pen, scene, step);
  if (row !== null) paintRowChip(pen, scene, row);
}

/**
 * Paint a frame around cells, or a line through them where they are too thin for one; a rim keeps it
 * visible.
 * @param {CanvasRenderingContext2D} pen
 * @param {Scene} scene
 * @param {[number, number, number, number]} rectangle
 * @param {string} ink
 */
function paintFrame(pen, { drawing: { colours } }, rectangle, ink) {
  const [x, width] = thinned(rectangle[0], rectangle[2]);
  const [y, height] = thinned(rectangle[1], rectangle[3]);
  pen.beginPath();
  if (width && height) pen.rect(x, y, width, height);
  else if (width || height) {
    pen.moveTo(x, y);
    pen.lineTo(x + width, y + height);
  } else pen.arc(x, y, 3, 0, 2 * Math.PI);
  for (const [style, line] of /** @type {[string, number][]} */ ([['panel', 4], [ink, 2]])) {
    pen.strokeStyle = colours[style];
    pen.lineWidth = line;
    pen.stroke();
  }
}

/** Make a line of a side that is too thin for a frame. @param {number} start @param {number} size */
const thinned = (start, size) => (size < THIN ? [start + size / 2, 0] : [start, size]);

/** Paint the selected token below its column. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {number} step */
function paintStepChip(pen, scene, step) {
  const { drawing: { tokens, colours }, viewport: { cell }, window, gutter, bottom: y } = scene;
  const narrow = cell.width < TOKEN_WIDTH;
  const words = narrow ? `${step + 1} ${tokens[step]}` : tokens[step];
  const x = columnLeft(scene, step + 0.5);
  if (x < gutter.left - 1 || x > gutter.left + window.width + 1) return;
  pen.font = font(600);
  const level = pen.measureText(words).width <= cell.width - 4 || narrow || cell.width >= LEVEL;
  const width = level ? Math.min(pen.measureText(words).width, LONGEST) + 10 : Math.max(cell.width, LINE + 2);
  const from = Math.max(gutter.left, Math.min(x - width / 2, gutter.left + window.width - width));
  pen.fillStyle = colours.panel;
  pen.fillRect(from - 5, y + 2, width + 10, narrow ? 22 : 0); // no number is half covered
  pen.fillStyle = colours.accent;
  pen.fillRect(from, y + 2, width, level ? 20 : TOKENS - 4);
  pen.fillStyle = colours['on-accent'];
  if (level) {
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.fillText(fitted(pen, words, LONGEST), from + width / 2, y + 12.5);
  } else token(pen, words, from + width / 2, y + 2, 0);
}

/** Paint the selected unit beside its row. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {number} row */
function paintRowChip(pen, scene, row) {
  const { drawing: { order, colours }, viewport: { cell }, bottom } = scene;
  const y = rowTop(scene, row + 0.5);
  if (y < 0 || y > bottom) return;
  const from = Math.max(0, Math.min(y - 8, bottom - 16));
  pen.fillStyle = colours.panel;
  pen.fillRect(0, from - 6, NUMBERS.left - 2, cell.height < LINE ? 28 : 0); // no number is half covered
  pen.fillStyle = colours.accent;
  pen.fillRect(2, from, NUMBERS.left - 4, 16);
  pen.fillStyle = colours['on-accent'];
  pen.font = font(600);
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  pen.fillText(String(order[row]), NUMBERS.left - 6, from + 8.5);
}
