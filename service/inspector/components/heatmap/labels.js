/** The labels along both axes of the heat map: units and their bars, tokens or their numbers. */

import { roundStep } from '../chart/scale.js';
import { largest } from '../../data/matrix.js';
import { BARS, GRID, LINE, NUMBERS, TOKEN_WIDTH, clipped, columnLeft, font, rowTop, token } from './scene.js';

/** @import { Scene } from './scene.js' */

const APART = 64; // pixels from number to number of the tokens

/** Paint the numbers of the units, and the bars beside them. @param {CanvasRenderingContext2D} pen @param {Scene} scene */
export function paintUnitLabels(pen, scene) {
  const { drawing: { order, bars, colours }, viewport: { cell }, part, window, gutter } = scene;
  const every = roundStep(LINE / cell.height);
  clipped(pen, [0, 0, gutter.left, window.height], () => {
    pen.font = font();
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    pen.fillStyle = colours.muted;
    for (let row = Math.ceil(part.firstRow / every) * every; row < part.lastRow; row += every) {
      // Where rows are thin, the label hangs below its row's upper edge, or the first one would be cut.
      pen.fillText(String(order[row]), NUMBERS.left - 6, rowTop(scene, row) + Math.max(cell.height, LINE) / 2);
    }
    if (bars) paintBars(pen, scene, bars);
  });
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Float32Array} bars */
function paintBars(pen, scene, bars) {
  const { drawing: { order, colours }, viewport: { cell }, part, window } = scene;
  const middle = NUMBERS.left + BARS / 2 - 2;
  const most = Math.max(largest(bars), 1e-12);
  const height = cell.height >= GRID ? cell.height - 2 : cell.height;
  for (let row = part.firstRow; row < part.lastRow; row += 1) {
    const value = bars[order[row]];
    pen.fillStyle = colours[value < 0 ? 'negative' : 'positive'];
    pen.fillRect(middle, rowTop(scene, row) + (cell.height - height) / 2, (value / most) * (BARS / 2 - 4), height);
  }
  pen.fillStyle = colours.line;
  pen.fillRect(middle - 0.5, 0, 1, Math.min(window.height, rowTop(scene, part.lastRow)));
}

/** Paint the tokens, or their numbers where cells are narrow. @param {CanvasRenderingContext2D} pen @param {Scene} scene */
export function paintTokenLabels(pen, scene) {
  const { drawing: { tokens, colours }, viewport: { cell }, part, window, gutter, bottom } = scene;
  clipped(pen, [gutter.left - 20, bottom, window.width + 20, gutter.bottom], () => {
    pen.font = font();
    pen.fillStyle = colours.muted;
    if (cell.width < TOKEN_WIDTH) paintTokenNumbers(pen, scene);
    else {
      for (let step = part.firstColumn; step < part.lastColumn; step += 1) {
        token(pen, tokens[step], columnLeft(scene, step + 0.5), bottom, cell.width);
      }
    }
  });
}

/** Write the numbers of tokens, which people count from one: 1, 10, 20, ... @param {CanvasRenderingContext2D} pen @param {Scene} scene */
function paintTokenNumbers(pen, scene) {
  const { viewport: { cell }, part, bottom } = scene;
  const every = roundStep(APART / cell.width);
  pen.textBaseline = 'top';
  for (let count = Math.floor(part.firstColumn / every) * every; count <= part.lastColumn; count += every) {
    const shown = Math.max(count, 1);
    const x = columnLeft(scene, shown - 0.5);
    pen.textAlign = shown === 1 ? 'left' : 'center';
    pen.fillRect(x - 0.5, bottom, 1, 4);
    pen.fillText(String(shown), shown === 1 ? x - 0.5 : x, bottom + 7);
  }
}
