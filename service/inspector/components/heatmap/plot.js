/**
 * The heat map itself: a window onto steps x units that scrolls and zooms. Whatever its size, it is two
 * canvases as large as the window, which stand still while an empty box scrolls below them: one for the
 * cells and their labels, one for the marks above them, which change more often.
 */

import { h, isModified } from '../dom.js';
import { paintCells } from './cells.js';
import { listenToDrags, listenToPinches, listenToWheel } from './gestures.js';
import { paintTokenLabels, paintUnitLabels } from './labels.js';
import { paintMarks } from './marks.js';
import { gutterOf, sceneOf } from './scene.js';
import { COMFORTABLE, READABLE, cellAt, fitting, opening, revealing, settled, zoomed } from './viewport.js';

/**
 * @import { Drawing } from './scene.js'
 * @import { Viewport } from './viewport.js'
 * @typedef {{column: number, row: number}} Cell
 */

/** CSS pixels: the cells' height, if they do not need less, and up to which they are all shown. */
const HEIGHT = { usual: 512, most: 640 };
/** The share of the screen's height that the map takes at most, so that the page can be scrolled beside it. */
const SHARE = 0.62;
export const STEP = 1.5;
const FAR = 10; // cells of the page keys, and of arrows with Shift

// The parts that are due for painting; each includes those before it.
const MARKS = 1;
const CELLS = 2;
const LAYOUT = 3;

/** @type {Record<string, [number, number]>} */
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  PageUp: [0, -FAR], PageDown: [0, FAR], Home: [-Infinity, 0], End: [Infinity, 0],
};
/** @type {Record<string, number>} */
const FACTORS = { '+': STEP, '=': STEP, '-': 1 / STEP };

/** The plot. */
export class HeatmapPlot {
  #cells = h('canvas', { class: 'heatmap-cells' });
  #overlay = h('canvas', { class: 'heatmap-marks' });
  #pane = h('div', { class: 'heatmap-pane' }, this.#cells, this.#overlay);
  #field = h('div', { class: 'heatmap-field' }, this.#pane);
  element = h('div', { class: 'heatmap-scroll', tabindex: '0', role: 'application' }, this.#field);
  #brush = contextOf(this.#cells, { alpha: false });
  #pen = contextOf(this.#overlay);
  #scratch = new OffscreenCanvas(1, 1);

  /** @type {Drawing|null} */
  #drawing = null;
  /** @type {'opening'|'fit'|'free'} */
  #mode = 'opening';
  #cell = { ...COMFORTABLE };
  #size = { width: 0, height: 0 };
  #gutter = { left: 0, bottom: 0 };
  #density = 1;
  #marks = { step: /** @type {number|null} */ (null), row: /** @type {number|null} */ (null) };
  /** @type {Cell|null} */
  #cursor = null;
  #due = 0;
  #frame = 0;
  #onSelect;
  #onCursor;

  /**
   * @param {object} events
   * @param {(cell: Cell, column: boolean) => void} events.onSelect  a cell; `column` is false where only its row was meant
   * @param {(cell: Cell|null) => void} events.onCursor  the cell that is pointed at, by pointer or arrow keys
   */
  constructor({ onSelect, onCursor }) {
    this.#onSelect = onSelect;
    this.#onCursor = onCursor;
    const { element } = this;
    element.addEventListener('scroll', () => this.#soon(CELLS), { passive: true });
    element.addEventListener('keydown', (event) => this.#press(event));
    listenToWheel(element, (factor, event) => this.#zoom(factor, ...this.#place(event)));
    listenToPinches(element, (factor, middle) => this.#zoom(factor, ...this.#place(middle)));
    listenToDrags(element, this.#pane, {
      onHover: (event) => this.#point(event && this.#under(event)),
      onClick: (event) => {
        const found = this.#under(event);
        if (found) onSelect(found, this.#place(event)[0] >= 0);
      },
    });
    new ResizeObserver(() => this.#soon(LAYOUT)).observe(element);
    // A page that is zoomed, or moved to another screen, has other pixels.
    window.addEventListener('resize', () => this.#soon(LAYOUT));
  }

  /** The cell that is pointed at, if any. */
  get cursor() {
    return this.#cursor;
  }

  /** Draw something else, at once. @param {Drawing|null} next */
  show(next) {
    const { rows: before } = this.#grid;
    this.#drawing = next;
    const { columns, rows } = this.#grid;
    if (this.#cursor && (this.#cursor.column >= columns || this.#cursor.row >= rows)) this.#point(null);
    if (before !== rows) this.#mode = this.#mode === 'fit' ? 'fit' : 'opening';
    this.#field.hidden = !next;
    this.#due = LAYOUT;
    this.#paint();
  }

  /** Mark a step and a row; those that have changed are brought into sight. @param {number|null} step @param {number|null} row */
  mark(step, row) {
    const before = this.#marks;
    this.#marks = { step, row };
    if (!this.#drawing || (before.step === step && before.row === row)) return;
    this.#due = Math.max(this.#due, MARKS);
    this.#reveal(before.step === step ? null : step, before.row === row ? null : row);
    this.#paint();
  }

  /** Make the cells larger. @param {number} factor */
  zoom(factor) {
    this.#zoom(factor, ...this.#focus);
  }

  /** Show all cells at once, however small. */
  fit() {
    this.#mode = 'fit';
    this.#soon(LAYOUT);
  }

  /** Make the cells so large that their numbers are read in them. */
  read() {
    this.zoom(Math.max(READABLE.width / this.#cell.width, READABLE.height / this.#cell.height));
    this.#reveal(this.#marks.step, this.#marks.row);
  }

  /** Point at nothing. */
  clear() {
    this.#point(null);
  }

  get #grid() {
    return { columns: this.#drawing?.matrix.rows ?? 0, rows: this.#drawing?.matrix.columns ?? 0 };
  }

  get #window() {
    return { width: this.#size.width - this.#gutter.left, height: this.#size.height - this.#gutter.bottom };
  }

  get #viewport() {
    return { cell: this.#cell, left: this.element.scrollLeft, top: this.element.scrollTop };
  }

  /** The place that zooming with buttons and keys keeps where it is. @returns {[number, number]} */
  get #focus() {
    const { width, height } = this.#window;
    const { step, row } = this.#marks;
    const x = step === null ? -1 : (step + 0.5) * this.#cell.width - this.element.scrollLeft;
    const y = row === null ? -1 : (row + 0.5) * this.#cell.height - this.element.scrollTop;
    return [x >= 0 && x <= width ? x : width / 2, y >= 0 && y <= height ? y : height / 2];
  }

  /** Paint in the next frame. @param {number} part */
  #soon(part) {
    this.#due = Math.max(this.#due, part);
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const due = this.#due;
    this.#due = 0;
    const drawing = this.#drawing;
    if (!drawing || !this.element.isConnected || !due) return;
    if (due >= LAYOUT) this.#layout(drawing);
    const { width, height } = this.#window;
    if (width <= 0 || height <= 0) return;
    const scene = sceneOf(drawing, this.#viewport, this.#size, this.#gutter, this.#density);
    if (due >= CELLS) {
      paintCells(this.#brush, scene, this.#scratch);
      paintUnitLabels(this.#brush, scene);
      paintTokenLabels(this.#brush, scene);
    }
    paintMarks(this.#pen, scene, { ...this.#marks, cursor: this.#cursor });
  }

  /** Decide, from the room there is and the mode: cell size, height, and the way to scroll. @param {Drawing} drawing */
  #layout(drawing) {
    const { element } = this;
    const { columns, rows } = this.#grid;
    const usual = Math.min(HEIGHT.usual, SHARE * window.innerHeight);
    const room = Math.min(rows * COMFORTABLE.height, Math.max(usual, Math.min(rows, HEIGHT.most)));
    // Scroll bars take room from each other: the second round knows those of the first.
    for (let round = 0; round < 2; round += 1) {
      const { left } = gutterOf(drawing, 0);
      const first = opening(this.#grid, { width: element.clientWidth - left, height: room });
      const bar = element.offsetHeight - element.clientHeight;
      element.style.height = `${Math.ceil(room + gutterOf(drawing, first.width).bottom + bar)}px`;
      this.#size = { width: element.clientWidth, height: element.clientHeight };
      if (this.#mode === 'opening') this.#cell = first;
      else if (this.#mode === 'fit') {
        this.#cell = fitting(this.#grid, { width: this.#size.width - left, height: this.#size.height });
        this.#gutter = gutterOf(drawing, this.#cell.width);
        this.#cell = fitting(this.#grid, this.#window);
      }
      this.#gutter = gutterOf(drawing, this.#cell.width);
      this.#field.style.width = `${Math.floor(this.#gutter.left + columns * this.#cell.width)}px`;
      this.#field.style.height = `${Math.floor(this.#gutter.bottom + rows * this.#cell.height)}px`;
    }
    this.#size = { width: element.clientWidth, height: element.clientHeight };
    this.#resize();
  }

  /** Make both canvases as large as the window. */
  #resize() {
    this.#density = window.devicePixelRatio;
    this.#pane.style.width = `${this.#size.width}px`;
    this.#pane.style.height = `${this.#size.height}px`;
    for (const context of [this.#brush, this.#pen]) {
      const { canvas } = context;
      const width = Math.round(this.#size.width * this.#density);
      const height = Math.round(this.#size.height * this.#density);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      context.setTransform(this.#density, 0, 0, this.#density, 0, 0);
    }
  }

  /** @param {Viewport} next */
  #move(next) {
    this.element.scrollLeft = next.left;
    this.element.scrollTop = next.top;
    this.#soon(CELLS);
  }

  /** @param {number} factor @param {number} x @param {number} y  in the window of the cells */
  #zoom(factor, x, y) {
    if (!this.#drawing) return;
    const next = zoomed(this.#viewport, factor, x, y, this.#grid, this.#window);
    this.#mode = 'free';
    this.#cell = next.cell;
    this.#layout(this.#drawing);
    this.#move(settled(next, this.#grid, this.#window));
  }

  /** @param {number|null} column @param {number|null} row */
  #reveal(column, row) {
    if (!this.#drawing) return;
    const now = this.#viewport;
    const next = revealing(now, column, row, this.#grid, this.#window);
    if (next.left !== now.left || next.top !== now.top) this.#move(next);
  }

  /** @param {Cell|null} next */
  #point(next) {
    if (next?.column === this.#cursor?.column && next?.row === this.#cursor?.row) return;
    this.#cursor = next;
    this.#soon(MARKS);
    this.#onCursor(next);
  }

  /** Give the place of a pointer in the window of the cells. @param {{clientX: number, clientY: number}} event @returns {[number, number]} */
  #place({ clientX, clientY }) {
    const box = this.#pane.getBoundingClientRect();
    return [clientX - box.left - this.#gutter.left, clientY - box.top];
  }

  /** Find the cell below a pointer; left of the cells it is one of the first column that is seen. @param {MouseEvent} event */
  #under(event) {
    const [x, y] = this.#place(event);
    const { width, height } = this.#window;
    return y < height && x < width ? cellAt(this.#viewport, Math.max(x, 0), y, this.#grid) : null;
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (!this.#drawing || isModified(event)) return;
    const { columns, rows } = this.#grid;
    const move = MOVES[event.key];
    const factor = FACTORS[event.key];
    if (move && columns && rows) this.#walk(move, event.shiftKey ? FAR : 1);
    else if (factor) this.zoom(factor);
    else if (event.key === '0') this.fit();
    else if ((event.key === 'Enter' || event.key === ' ') && this.#cursor) this.#onSelect(this.#cursor, true);
    else return;
    event.preventDefault();
  }

  /** Go from cell to cell; the first press only shows the present one. @param {[number, number]} move @param {number} times */
  #walk([across, down], times) {
    const { columns, rows } = this.#grid;
    const { step, row } = this.#marks;
    const from = this.#cursor ?? { column: step ?? 0, row: row ?? Math.ceil(this.element.scrollTop / this.#cell.height) };
    const to = (/** @type {number} */ place, /** @type {number} */ by, /** @type {number} */ count) =>
      Math.min(count - 1, Math.max(0, this.#cursor ? place + by * times : place));
    const next = { column: to(from.column, across, columns), row: to(from.row, down, rows) };
    this.#point(next);
    this.#reveal(next.column, next.row);
  }
}

/** Give the pen of a canvas. @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [options] */
const contextOf = (canvas, options) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', options));
