// @ts-check
/**
 * The heat map itself: a window onto steps x units that scrolls and zooms. Whatever its size, it is two
 * canvases as large as the window, which stand still while an empty box scrolls below them: one for the
 * cells and their labels, one for the marks above them, which change more often.
 *
 * @typedef {import('./painter.js').Drawing} Drawing
 * @typedef {{column: number, row: number}} Cell
 */

import { h } from '../dom.js';
import { gutterOf, paintCells, paintMarks } from './painter.js';
import { COMFORTABLE, READABLE, cellAt, fitting, opening, revealing, settled, zoomed } from './viewport.js';

/** CSS pixels: the cells' height, if they do not need less, and up to which they are all shown. */
const HEIGHT = { usual: 512, most: 640 };
/** The share of the screen's height that the map takes at most, so that the page can be scrolled beside it. */
const SHARE = 0.62;
export const STEP = 1.5;
const DRAG = 4;
const MARKS = 1;
const CELLS = 2;
const LAYOUT = 3;

/**
 * @param {object} events
 * @param {(cell: Cell, column: boolean) => void} events.onSelect  a cell; `column` is false where only its row was meant
 * @param {(cell: Cell | null) => void} events.onCursor  what is pointed at, by pointer or arrow keys
 */
export function createPlot({ onSelect, onCursor }) {
  const cells = h('canvas', { class: 'heatmap-cells' });
  const overlay = h('canvas', { class: 'heatmap-marks' });
  const pane = h('div', { class: 'heatmap-pane' }, cells, overlay);
  const field = h('div', { class: 'heatmap-field' }, pane);
  const element = h('div', { class: 'heatmap-scroll', tabindex: '0', role: 'application' }, field);
  const brush = cells.getContext('2d', { alpha: false });
  const pen = overlay.getContext('2d');
  const scratch = new OffscreenCanvas(1, 1);

  /** @type {Drawing | null} */
  let drawing = null;
  /** @type {'opening' | 'fit' | 'free'} */
  let mode = 'opening';
  let cell = { ...COMFORTABLE };
  let size = { width: 0, height: 0 };
  let gutter = { left: 0, bottom: 0 };
  let density = 1;
  let marks = { step: /** @type {number | null} */ (null), row: /** @type {number | null} */ (null) };
  /** @type {Cell | null} */
  let cursor = null;
  let due = 0;
  let frame = 0;

  const grid = () => ({ columns: drawing?.matrix.rows ?? 0, rows: drawing?.matrix.columns ?? 0 });
  const window_ = () => ({ width: size.width - gutter.left, height: size.height - gutter.bottom });
  const viewport = () => ({ cell, left: element.scrollLeft, top: element.scrollTop });

  /** Paint in the next frame. @param {number} what */
  function soon(what) {
    due = Math.max(due, what);
    frame ||= requestAnimationFrame(paint);
  }

  function paint() {
    cancelAnimationFrame(frame);
    frame = 0;
    const what = due;
    due = 0;
    if (!drawing || !element.isConnected || !what) return;
    if (what >= LAYOUT) layout();
    if (size.width <= gutter.left || size.height <= gutter.bottom) return;
    const now = viewport();
    if (what >= CELLS) paintCells(brush, drawing, now, size, gutter, density, scratch);
    paintMarks(pen, drawing, now, size, gutter, { ...marks, cursor });
  }

  /** From the room there is, and the mode: cell size, height, and how far there is to scroll. */
  function layout() {
    const { columns, rows } = grid();
    const usual = Math.min(HEIGHT.usual, SHARE * window.innerHeight);
    const room = Math.min(rows * COMFORTABLE.height, Math.max(usual, Math.min(rows, HEIGHT.most)));
    // Scroll bars take room from each other: the second round knows those of the first.
    for (let round = 0; round < 2; round++) {
      const left = gutterOf(drawing, 0).left;
      const first = opening(grid(), { width: element.clientWidth - left, height: room });
      const bar = element.offsetHeight - element.clientHeight;
      element.style.height = `${Math.ceil(room + gutterOf(drawing, first.width).bottom + bar)}px`;
      size = { width: element.clientWidth, height: element.clientHeight };
      if (mode === 'opening') cell = first;
      else if (mode === 'fit') {
        cell = fitting(grid(), { width: size.width - left, height: size.height });
        gutter = gutterOf(drawing, cell.width);
        cell = fitting(grid(), window_());
      }
      gutter = gutterOf(drawing, cell.width);
      field.style.width = `${Math.floor(gutter.left + columns * cell.width)}px`;
      field.style.height = `${Math.floor(gutter.bottom + rows * cell.height)}px`;
    }
    size = { width: element.clientWidth, height: element.clientHeight };
    density = window.devicePixelRatio;
    pane.style.width = `${size.width}px`;
    pane.style.height = `${size.height}px`;
    for (const [canvas, context] of [[cells, brush], [overlay, pen]]) {
      const [width, height] = [Math.round(size.width * density), Math.round(size.height * density)];
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      }
      context.setTransform(density, 0, 0, density, 0, 0);
    }
  }

  /** @param {import('./viewport.js').Viewport} next */
  function move(next) {
    element.scrollLeft = next.left;
    element.scrollTop = next.top;
    soon(CELLS);
  }

  /** @param {number} factor @param {number} x @param {number} y  in the window of the cells */
  function zoom(factor, x, y) {
    if (!drawing) return;
    const next = zoomed(viewport(), factor, x, y, grid(), window_());
    mode = 'free';
    cell = next.cell;
    layout();
    move(settled(next, grid(), window_()));
  }

  /** @param {number | null} column @param {number | null} row */
  function reveal(column, row) {
    if (!drawing) return;
    const now = viewport();
    const next = revealing(now, column, row, grid(), window_());
    if (next.left !== now.left || next.top !== now.top) move(next);
  }

  /** Where zooming with buttons and keys keeps what is seen. */
  function focus() {
    const { width, height } = window_();
    const x = marks.step === null ? -1 : (marks.step + 0.5) * cell.width - element.scrollLeft;
    const y = marks.row === null ? -1 : (marks.row + 0.5) * cell.height - element.scrollTop;
    return [x >= 0 && x <= width ? x : width / 2, y >= 0 && y <= height ? y : height / 2];
  }

  /** @param {Cell | null} next */
  function point(next) {
    if (next?.column === cursor?.column && next?.row === cursor?.row) return;
    cursor = next;
    soon(MARKS);
    onCursor(cursor);
  }

  /** @param {{clientX: number, clientY: number}} event */
  function place(event) {
    const box = pane.getBoundingClientRect();
    return [event.clientX - box.left - gutter.left, event.clientY - box.top];
  }

  /** The cell below a pointer; left of the cells it is one of the first column that is seen. */
  function under(event) {
    const [x, y] = place(event);
    const inside = y < window_().height && x < window_().width;
    return inside ? cellAt(viewport(), Math.max(x, 0), y, grid()) : null;
  }

  function key(event) {
    if (!drawing || event.altKey || event.ctrlKey || event.metaKey) return;
    const { columns, rows } = grid();
    const steps = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
      PageUp: [0, -10], PageDown: [0, 10], Home: [-columns, 0], End: [columns, 0],
    }[event.key];
    const factor = { '+': STEP, '=': STEP, '-': 1 / STEP }[event.key];
    if (steps && columns && rows) {
      const far = event.shiftKey ? 10 : 1;
      const from = cursor ?? { column: marks.step ?? 0, row: marks.row ?? topRow() };
      const stay = cursor ? 1 : 0; // the first press shows where one is
      const next = {
        column: Math.min(columns - 1, Math.max(0, from.column + steps[0] * far * stay)),
        row: Math.min(rows - 1, Math.max(0, from.row + steps[1] * far * stay)),
      };
      point(next);
      reveal(next.column, next.row);
    } else if (factor) zoom(factor, .../** @type {[number, number]} */ (focus()));
    else if (event.key === '0') plot.fit();
    else if ((event.key === 'Enter' || event.key === ' ') && cursor) onSelect(cursor, true);
    else return;
    event.preventDefault();
  }

  const topRow = () => Math.ceil(element.scrollTop / cell.height);

  element.addEventListener('scroll', () => soon(CELLS), { passive: true });
  element.addEventListener('keydown', key);
  element.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return; // pinched on a touch pad, or turned with the key
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const turned = Math.max(-60, Math.min(60, event.deltaY * lines));
    const [x, y] = place(event);
    zoom(Math.exp(-turned / 120), x, y);
  }, { passive: false });
  listenToDrags(element, pane, {
    onHover: (event) => point(event ? under(event) : null),
    onClick: (event) => {
      const found = under(event);
      if (found) onSelect(found, place(event)[0] >= 0);
    },
  });
  listenToPinches(element, (factor, middle) => {
    const [x, y] = place(middle);
    zoom(factor, x, y);
  });
  new ResizeObserver(() => soon(LAYOUT)).observe(element);
  // A page that is zoomed, or moved to another screen, has other pixels.
  window.addEventListener('resize', () => soon(LAYOUT));

  const plot = {
    element,
    /** Draw something else, at once. @param {Drawing | null} next */
    show(next) {
      const other = grid();
      drawing = next;
      const { columns, rows } = grid();
      if (cursor && (cursor.column >= columns || cursor.row >= rows)) point(null);
      if (other.rows !== rows) mode = mode === 'fit' ? 'fit' : 'opening';
      field.hidden = !next;
      due = LAYOUT;
      paint();
    },
    /** Mark a step and a row; what has changed is brought into sight. @param {number | null} step @param {number | null} row */
    mark(step, row) {
      const before = marks;
      marks = { step, row };
      if (!drawing || (before.step === step && before.row === row)) return;
      due = Math.max(due, MARKS);
      reveal(before.step === step ? null : step, before.row === row ? null : row);
      paint();
    },
    /** @param {number} factor */
    zoom: (factor) => zoom(factor, .../** @type {[number, number]} */ (focus())),
    /** All cells at once, however small. */
    fit() {
      mode = 'fit';
      soon(LAYOUT);
    },
    /** Cells so large that their numbers are read in them. */
    read() {
      const factor = Math.max(READABLE.width / cell.width, READABLE.height / cell.height);
      plot.zoom(factor);
      reveal(marks.step, marks.row);
    },
    /** The cell pointed at, if any. */
    cursor: () => cursor,
    clear: () => point(null),
  };
  return plot;
}

/** A mouse that is pressed and moved takes the map along; one that is not moved has clicked. */
function listenToDrags(element, pane, { onHover, onClick }) {
  /** @type {{x: number, y: number, left: number, top: number, far: boolean} | null} */
  let drag = null;
  pane.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    drag = { x: event.clientX, y: event.clientY, left: element.scrollLeft, top: element.scrollTop, far: false };
  });
  pane.addEventListener('pointermove', (event) => {
    if (drag && event.pointerType === 'mouse' && event.buttons) {
      const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
      if (!drag.far && Math.hypot(x, y) > DRAG) {
        drag.far = true;
        pane.setPointerCapture(event.pointerId);
      }
      if (drag.far) element.scrollTo({ left: drag.left - x, top: drag.top - y, behavior: 'instant' });
    }
    onHover(event);
  });
  pane.addEventListener('pointerleave', () => onHover(null));
  pane.addEventListener('click', (event) => {
    if (!drag?.far) onClick(event);
    drag = null;
  });
}

/** Two fingers: how much further apart they are than at the last event, and the point between them. */
function listenToPinches(element, onPinch) {
  let apart = 0;
  const measure = ([one, two]) => Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
  element.addEventListener('touchstart', (event) => {
    if (event.touches.length === 2) apart = measure([...event.touches]);
  }, { passive: true });
  element.addEventListener('touchmove', (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [one, two] = event.touches;
    const now = measure([one, two]);
    const middle = { clientX: (one.clientX + two.clientX) / 2, clientY: (one.clientY + two.clientY) / 2 };
    if (apart > 0 && now > 0) onPinch(now / apart, middle);
    apart = now;
  }, { passive: false });
}
