/** The drawing of the cell, with the numbers of the step that the reader has chosen. */

import { h, isModified, section } from '../components/dom.js';
import { EquationList } from '../components/equation_list.js';
import { lazily } from '../components/lazy_rendering.js';
import { fixed } from '../components/math.js';
import { StepChart } from '../components/step_chart.js';
import { StepPlayer } from '../components/step_player.js';
import { TokenStrip } from '../components/token_strip.js';
import { UnitChooser } from '../components/unit_chooser.js';
import { gateTensors } from '../data/gate_tensors.js';
import { hasAny } from '../data/store.js';
import { CellFigure } from '../lstm/cell_figure.js';
import { cellValues } from '../lstm/cell_values.js';
import * as equations from '../lstm/equations.js';
import { changes, readingOrder } from '../lstm/step.js';

/**
 * @import { GateTensors } from '../data/gate_tensors.js'
 * @import { AnsweredState, Changed, State } from '../data/store.js'
 * @import { CellValues } from '../lstm/cell_values.js'
 * @import { Context } from '../main.js'
 */

const CHIPS = 6;

/** Make the view. @param {Context} context */
export function create(context) {
  const view = new CellView(context);
  return { element: view.element, update: view.update.bind(view) };
}

/** The view: the controls above, the drawing and its curve, the equations beside them. */
class CellView {
  #store;
  #t;
  #frame;
  #player;
  #chooser;
  #strip;
  #figure;
  #list;
  #chart;
  #why = h('h3');
  #reason = h('p');
  #note = h('p', { class: 'note' });
  #about = h('p', { class: 'note' });
  #stage;
  #redraw;
  #problem = '';

  /** @param {Context} context */
  constructor({ store, t }) {
    this.#store = store;
    this.#t = t;
    this.#frame = section('cell', t);
    this.#player = new StepPlayer({
      t, order: () => this.#order, step: () => store.get().step, onStep: (step) => store.set({ step }),
    });
    this.#chooser = new UnitChooser({
      t,
      onScope: (scope) => store.set({ scope }),
      onUnit: (unit) => this.#choose(unit),
      onLayer: (layer) => store.set({ layer }),
      onDirection: (direction) => store.set({ direction }),
    });
    const go = (/** @type {number} */ step) => this.#player.go(step);
    this.#strip = new TokenStrip({ t, label: 'cell.tokens', onSelect: go });
    this.#figure = new CellFigure(t);
    this.#list = new EquationList(t, (part) => this.#figure.light(part));
    this.#chart = new StepChart(go);
    this.#stage = h('div', { class: 'stage' },
      h('div', { class: 'picture' }, this.#figure.element, this.#figure.legend, this.#about, this.#chart.element),
      this.#list.element);
    this.element = this.#frame.element;
    this.element.append(
      h('aside', { class: 'why' }, this.#why, this.#reason),
      this.#player.element, this.#strip.element, this.#chooser.element, this.#note, this.#stage);
    this.element.addEventListener('keydown', (event) => this.#press(event));
    this.#redraw = lazily(this.element, (near) => this.#draw(near));
  }

  /** @param {Readonly<State>} state @param {Changed} changed */
  update(state, changed) {
    const { unit, scope } = state;
    if (changed.has('language')) this.#words();
    // Whoever picks a unit elsewhere wants to see it here.
    if (changed.has('unit') && !changed.has('scope') && unit !== null && scope === 'all') this.#store.set({ scope: 'unit' });
    if (changed.has('answer')) this.#player.yieldTo(-1);
    if (changed.has('step')) this.#player.yieldTo(state.step);
    if (hasAny(changed, 'answer', 'step', 'unit', 'scope', 'layer', 'direction', 'label', 'language', 'theme')) {
      this.#redraw();
    }
  }

  get #order() {
    const { direction, answer } = this.#store.get();
    return readingOrder(direction, answer?.steps ?? 0);
  }

  /** @param {number} unit */
  #choose(unit) {
    const { answer } = this.#store.get();
    if (answer && Number.isInteger(unit)) {
      this.#store.set({ unit: Math.min(answer.units - 1, Math.max(0, unit)), scope: 'unit' });
    }
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.defaultPrevented || isModified(event)) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    const { step, answer } = this.#store.get();
    const last = (answer?.steps ?? 0) - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: last };
    const to = targets[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#player.go(Math.min(last, Math.max(0, to)));
  }

  #words() {
    this.#frame.retitle();
    this.#why.textContent = this.#t('cell.why');
    this.#player.words();
    this.#chooser.words();
    this.#figure.words();
  }

  /** @param {boolean} near */
  #draw(near) {
    const state = this.#store.get();
    const { answer, step } = state;
    const tensors = gateTensors(state, {
      fetch: near,
      again: this.#redraw,
      failed: (sentence) => {
        this.#problem = sentence;
        this.#redraw();
      },
    });
    const simple = answer !== null && !answer.tensors.includes('cell');
    this.#reason.textContent = this.#t(simple ? 'cell.why.simple' : 'cell.why.belt');
    for (const { element } of [this.#player, this.#chooser, this.#strip]) element.hidden = !answer?.steps;
    this.#stage.hidden = !tensors;
    this.#note.textContent = this.#remark(state, tensors !== null, simple);
    if (!answer?.steps) return;

    this.#player.update(answer, step);
    this.#chooser.update(answer, state);
    if (!tensors) {
      this.#strip.update({ answer, values: null, selected: step });
      return;
    }
    this.#problem = '';
    this.#show({ ...state, answer }, tensors, simple);
  }

  /** @param {Readonly<State>} state @param {boolean} here @param {boolean} simple */
  #remark({ answer, direction }, here, simple) {
    if (!answer) return '';
    if (!answer.steps) return this.#t('cell.empty');
    if (!here) return this.#problem || this.#t('cell.loading');
    return direction === 'backward' ? this.#t(simple ? 'cell.backward.simple' : 'cell.backward') : '';
  }

  /** @param {AnsweredState} state @param {GateTensors} tensors @param {boolean} simple */
  #show(state, tensors, simple) {
    const { answer, step } = state;
    const { before } = this.#order;
    const values = cellValues(state, tensors, simple, before(step));
    const { unit, numbers, row } = values;
    this.#figure.update(state, values, this.#order);
    const context = { t: this.#t, token: answer.tokens[step], first: before(step) === null, row };
    const together = unit === null;
    this.#list.update(
      simple
        ? equations.ofSimple(numbers.h, { t: this.#t, together })
        : together ? equations.ofAll(numbers, context) : equations.ofUnit(numbers, context),
    );
    this.#showSteps(state, values);
    this.#chooser.show(unit, answer.units, changes(tensors[simple ? 'hidden' : 'cell'], step, before(step), CHIPS));
  }

  /** Draw the values of all steps. @param {AnsweredState} state @param {CellValues} values */
  #showSteps({ answer, step }, { unit, simple, series, scale }) {
    const together = unit === null;
    const { values: painted } = series[series.length - 1];
    this.#strip.update({
      answer,
      values: together ? null : painted.map((value) => value / scale),
      selected: step,
      titles: (index) => fixed(painted[index], 3),
      repaint: true,
    });
    const label = this.#t(`cell.curve.${simple ? 'simple' : together ? 'all' : 'unit'}`, { unit });
    const names = simple ? ['hidden'] : ['cell', 'hidden'];
    this.#about.replaceChildren(label, ' ',
      ...names.map((name) => h('span', { class: `swatch ${name}` }, this.#t(`tensor.${name}`))));
    this.#chart.update({
      series,
      low: together ? 0 : Math.min(0, ...series.map(({ values }) => values.reduce((a, b) => Math.min(a, b)))),
      high: Math.max(0, ...series.map(({ values }) => values.reduce((a, b) => Math.max(a, b)))),
      selected: step,
      label,
    });
  }
}
