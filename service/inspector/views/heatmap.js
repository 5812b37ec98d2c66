/** The heat map: steps x units of one tensor as colours, and the text in the colours of one unit. */

import { colour } from '../components/colours.js';
import { button, h, section } from '../components/dom.js';
import { HeatmapPlot, STEP } from '../components/heatmap/plot.js';
import { PALETTE } from '../components/heatmap/scene.js';
import { contributionsIn, selectionOf } from '../data/heatmap_selection.js';
import { hasAny } from '../data/store.js';
import { plain } from '../locale/i18n.js';
import { byActivity, byContribution, byIndex, bySimilarity } from '../lstm/unit_order.js';
import { HeatmapControls } from './heatmap/controls.js';
import { HeatmapLegend } from './heatmap/legend.js';
import { SYMBOLS, UnitText } from './heatmap/unit_text.js';

/**
 * @import { Cell } from '../components/heatmap/plot.js'
 * @import { Answer } from '../data/answer.js'
 * @import { HeatmapSelection } from '../data/heatmap_selection.js'
 * @import { Matrix } from '../data/matrix.js'
 * @import { AnsweredState, Changed, State } from '../data/store.js'
 * @import { Context } from '../main.js'
 */

/** Milliseconds of rest before the cell that is pointed at is read out. */
const REST = 600;

/** Make the view. @param {Context} context */
export function create(context) {
  const view = new HeatmapView(context);
  return { element: view.element, update: view.update.bind(view) };
}

/** The view. */
class HeatmapView {
  #store;
  #t;
  #frame;
  #controls;
  #legend;
  #alone;
  #plot = new HeatmapPlot({
    onSelect: (cell, meansStep) => this.#select(cell, meansStep), onCursor: (cell) => this.#pointed(cell),
  });
  #zoom = zoomButtons(this.#plot);
  #message = h('p', { class: 'note heatmap-message', role: 'status' });
  #readout = h('p', { class: 'heatmap-readout' });
  #spoken = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  #keys = h('p', { class: 'note heatmap-keys', id: 'heatmap-keys' });

  /** @type {HeatmapSelection|null} */
  #shown = null;
  /** @type {Matrix|null} */
  #matrix = null;
  #orderOf = rememberedOrders();
  #order = new Int32Array();
  #timer = 0;

  /** @param {Context} context */
  constructor(context) {
    const { store, t } = context;
    this.#store = store;
    this.#t = t;
    this.#frame = section('heatmap', t);
    this.element = this.#frame.element;
    this.#controls = new HeatmapControls(context);
    this.#legend = new HeatmapLegend(t, () => this.#redraw());
    this.#alone = new UnitText(context);
    this.#plot.element.setAttribute('aria-describedby', this.#keys.id);
    this.element.append(
      h('div', { class: 'heatmap-choices' }, ...this.#controls.elements, this.#zoom.element),
      this.#controls.note, this.#message, this.#plot.element,
      h('div', { class: 'heatmap-foot' }, this.#readout, this.#legend.element),
      this.#keys, this.#spoken, this.#alone.element,
    );
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      this.#plot.clear();
      store.set({ unit: null });
    });
  }

  /** @param {Readonly<State>} state @param {Changed} changed */
  update(state, changed) {
    if (changed.has('language')) this.#words();
    const { answer } = state;
    if (!answer) {
      this.#controls.hide();
      this.#hide(true);
      this.#alone.element.hidden = true;
      this.#say('heatmap.empty');
      return;
    }
    const answered = { ...state, answer };
    if (hasAny(changed, 'answer', 'tensor', 'layer', 'direction', 'order', 'label', 'theme', 'language')) {
      if (changed.has('theme')) this.#alone.forget();
      this.#shown = selectionOf(answered);
      this.#controls.update(answered, this.#shown);
      this.#plot.element.hidden = !answer.steps;
      this.#draw(answered, this.#shown);
    } else if (hasAny(changed, 'step', 'unit')) this.#mark(answered);
  }

  /** @param {Cell} cell @param {boolean} meansStep */
  #select(cell, meansStep) {
    const { step, unit } = this.#store.get();
    const chosen = this.#order[cell.row];
    const again = unit === chosen && (!meansStep || step === cell.column);
    this.#store.set({ unit: again ? null : chosen, ...(meansStep ? { step: cell.column } : {}) });
  }

  /** @param {Cell|null} cell */
  #pointed(cell) {
    const { answer } = this.#store.get();
    const words = cell && this.#matrix && answer && this.#shown
      ? this.#t('heatmap.cell', {
          token: answer.tokens[cell.column],
          step: cell.column + 1,
          unit: this.#order[cell.row],
          symbol: SYMBOLS[this.#shown.tensor],
          value: plain(this.#matrix.at(cell.column, this.#order[cell.row]), 4),
        })
      : '';
    this.#readout.textContent = words || this.#t('heatmap.point');
    this.#readout.classList.toggle('note', !words);
    clearTimeout(this.#timer);
    if (words) this.#timer = setTimeout(() => { this.#spoken.textContent = words; }, REST);
  }

  #words() {
    this.#frame.retitle();
    this.#controls.words();
    this.#legend.words();
    this.#alone.words();
    this.#zoom.words(this.#t);
    this.#keys.textContent = this.#t('heatmap.keys');
    this.#pointed(this.#plot.cursor);
  }

  /** Give the numbers to draw; null while they are fetched, which ends with drawing them. @param {Answer} answer @param {HeatmapSelection} wanted */
  #numbers(answer, wanted) {
    const { tensor, layer, direction } = wanted;
    const ready = answer.ready(tensor, layer, direction);
    if (ready) return ready;
    this.#say('heatmap.waiting');
    answer.tensor(tensor, layer, direction).then(
      () => {
        if (this.#shown === wanted) this.#redraw();
      },
      (error) => {
        if (this.#shown === wanted && error.name !== 'AbortError') this.#say('heatmap.failed', { problem: error.message });
      },
    );
    return null;
  }

  /** @param {string} key @param {Record<string, string>} [values] */
  #say(key, values) {
    this.#message.textContent = key ? this.#t(key, values) : '';
    this.#message.hidden = !key;
  }

  #redraw() {
    const state = this.#store.get();
    if (state.answer && this.#shown) this.#draw({ ...state, answer: state.answer }, this.#shown);
  }

  /** @param {AnsweredState} state @param {HeatmapSelection} shown */
  #draw(state, shown) {
    const { answer } = state;
    const matrix = answer.steps ? this.#numbers(answer, shown) : null;
    this.#matrix = matrix;
    if (!answer.steps) {
      this.#say('heatmap.empty');
      this.#plot.show(null);
    }
    if (matrix) {
      this.#say('');
      const bars = shown.order === 'contribution' ? contributionsIn(state) : null;
      this.#order = bars ? byContribution(bars) : this.#orderOf(matrix, shown.order);
      this.#plot.show({
        matrix,
        order: this.#order,
        ...this.#legend.update(shown.tensor, matrix),
        bars,
        tokens: answer.tokens,
        colours: Object.fromEntries(PALETTE.map((name) => [name, colour(name)])),
      });
      this.#plot.element.setAttribute('aria-label', this.#t('heatmap.map', {
        tensor: this.#t(`tensor.${shown.tensor}`), steps: answer.steps, units: answer.units,
      }));
      this.#pointed(this.#plot.cursor);
    }
    this.#mark(state);
    if (matrix) tellTime(answer);
  }

  /** Mark the selected step and unit, on the map and in the text. @param {AnsweredState} state */
  #mark({ answer, unit, step }) {
    const matrix = this.#matrix;
    const chosen = matrix && unit !== null && unit < answer.units ? unit : null;
    if (matrix) this.#plot.mark(answer.steps ? step : null, chosen === null ? null : this.#order.indexOf(chosen));
    this.#hide(!answer.steps);
    this.#alone.element.hidden = chosen === null;
    if (chosen !== null && matrix && this.#shown) this.#alone.update(answer, matrix, this.#shown.tensor, chosen, step);
  }

  /** @param {boolean} hidden */
  #hide(hidden) {
    const parts = [this.#zoom.element, this.#legend.element, this.#readout, this.#keys, this.#plot.element];
    for (const element of parts) element.hidden = hidden;
  }
}

/** Make the buttons that zoom. @param {HeatmapPlot} plot */
function zoomButtons(plot) {
  const out = button(() => plot.zoom(1 / STEP), {}, '−');
  const closer = button(() => plot.zoom(STEP), {}, '+');
  const fit = button(() => plot.fit());
  const read = button(() => plot.read());
  return {
    element: h('div', { class: 'heatmap-zoom' }, out, closer, fit, read),
    /** @param {Context['t']} t */
    words(t) {
      out.title = t('heatmap.out');
      closer.title = t('heatmap.in');
      for (const each of [out, closer]) each.setAttribute('aria-label', each.title);
      fit.textContent = t('heatmap.fit');
      fit.title = t('heatmap.fit.title');
      read.textContent = t('heatmap.read');
    },
  };
}

/** Make the function that orders units; orders are made once for each tensor. */
function rememberedOrders() {
  /** @type {WeakMap<Float32Array, Partial<Record<State['order'], Int32Array<ArrayBuffer>>>>} */
  const made = new WeakMap();
  const makers = {
    index: (/** @type {Matrix} */ { columns }) => byIndex(columns), activity: byActivity, similarity: bySimilarity,
  };
  return (/** @type {Matrix} */ matrix, /** @type {State['order']} */ order) => {
    const known = made.get(matrix.data) ?? {};
    made.set(matrix.data, known);
    const found = known[order] ?? (order === 'contribution' ? makers.index : makers[order])(matrix);
    known[order] = found;
    return found;
  };
}

/** @type {Answer|null} */
let told = null;

/** Tell, for who measures the page, the time when an answer's map stood on the screen, and that of the model. @param {Answer} answer */
function tellTime(answer) {
  if (answer === told) return;
  told = answer;
  // A task of its own comes after the frame that is being made.
  setTimeout(() => {
    const { inferenceMs, steps, units } = answer;
    performance.clearMarks('conveyor:heatmap');
    performance.mark('conveyor:heatmap', { detail: { text: answer.text, inferenceMs, steps, units } });
  });
}
