/** The memory of the cell state at the chosen step: its tokens' shares, and the steps that it reaches back. */

import { h, section } from '../components/dom.js';
import { lazily } from '../components/lazy_rendering.js';
import { fixed, mathHtml } from '../components/math.js';
import { StepChart } from '../components/step_chart.js';
import { TokenStrip } from '../components/token_strip.js';
import { gateTensors } from '../data/gate_tensors.js';
import { largest } from '../data/matrix.js';
import { hasAny } from '../data/store.js';
import { number, percent, signed } from '../locale/i18n.js';
import { COUNTS, unroll } from '../lstm/cell_state.js';
import { median, ranges } from '../lstm/retention.js';
import { readingOrder } from '../lstm/step.js';
import { selectedUnit } from '../lstm/unit_selection.js';

/**
 * @import { GateTensors } from '../data/gate_tensors.js'
 * @import { AnsweredState, Changed, State } from '../data/store.js'
 * @import { Unrolled } from '../lstm/cell_state.js'
 * @import { Context } from '../main.js'
 * @typedef {Context['t']} Translate
 */

/**
 * @typedef {object} Memory
 * @property {string[]} tokens       of the steps back, from the present one on
 * @property {number|null} unit      null: all units
 * @property {Unrolled} unrolled
 * @property {number} total          the size of all parts together
 * @property {number} most           steps before the present one
 */

const STRONGEST = 12;
const SEEN = 0.005; // of the part that is left: the curve ends where less can be seen

/** Make the view. @param {Context} context */
export function create(context) {
  const view = new MemoryView(context);
  return { element: view.element, update: view.update.bind(view) };
}

/** The view. */
class MemoryView {
  #store;
  #t;
  #frame;
  #strip;
  #blocks;
  #body;
  #where = h('p', { class: 'where' });
  #note = h('p', { class: 'note' });
  #problem = '';
  #redraw;

  /** @param {Context} context */
  constructor({ store, t }) {
    this.#store = store;
    this.#t = t;
    this.#frame = section('memory', t);
    this.element = this.#frame.element;
    this.#strip = new TokenStrip({ t, label: 'memory.tokens', onSelect: (step) => store.set({ step }) });
    const [parts, left, reach] = [partsBlock(t), leftBlock(t), reachBlock(t)];
    this.#blocks = [parts, left, reach];
    this.#body = h('div', { class: 'blocks' },
      parts.element, h('div', { class: 'column' }, left.element, reach.element));
    this.element.append(this.#note, this.#where, this.#strip.element, this.#body);
    this.#redraw = lazily(this.element, (near) => this.#draw(near));
  }

  /** @param {Readonly<State>} _state @param {Changed} changed */
  update(_state, changed) {
    if (changed.has('language')) this.#frame.retitle();
    if (hasAny(changed, 'answer', 'step', 'unit', 'scope', 'layer', 'direction', 'label', 'language', 'theme')) {
      this.#redraw();
    }
  }

  /** @param {boolean} near */
  #draw(near) {
    const state = this.#store.get();
    const { answer } = state;
    const simple = answer !== null && !answer.tensors.includes('cell');
    const tensors = simple ? null : gateTensors(state, {
      fetch: near,
      again: this.#redraw,
      failed: (sentence) => {
        this.#problem = sentence;
        this.#redraw();
      },
    });
    for (const node of [this.#where, this.#strip.element, this.#body]) node.hidden = !tensors;
    this.#frame.lead.hidden = simple;
    this.#note.textContent = tensors ? '' : this.#remark(state, simple);
    if (answer && tensors) {
      this.#problem = '';
      this.#show({ ...state, answer }, tensors);
    }
  }

  /** @param {Readonly<State>} state @param {boolean} simple */
  #remark({ answer }, simple) {
    if (!answer) return '';
    if (simple) return this.#t('memory.none');
    return answer.steps ? this.#problem || this.#t('memory.loading') : this.#t('memory.empty');
  }

  /** @param {AnsweredState} state @param {GateTensors} tensors */
  #show(state, tensors) {
    const { answer, step, direction } = state;
    const { stride, first } = readingOrder(direction, answer.steps);
    const unit = selectedUnit(state, tensors.hidden);
    const unrolled = unroll(tensors, step, stride, unit);
    const most = Math.abs(step - first);
    const memory = {
      tokens: Array.from({ length: most + 1 }, (_, back) => answer.tokens[step - stride * back]),
      unit,
      unrolled,
      total: unrolled.parts.reduce((all, part) => all + Math.abs(part), 0) || 1,
      most,
    };
    const values = { unit, units: answer.units, step: step + 1, token: answer.tokens[step] };
    this.#where.textContent = this.#t(`memory.where.${scopeOf(memory)}`, values);
    const shares = new Float32Array(answer.steps);
    unrolled.parts.forEach((part, back) => { shares[step - stride * back] = part / memory.total; });
    const strongest = largest(shares) || 1;
    this.#strip.update({
      answer,
      values: shares.map((share) => share / strongest),
      selected: step,
      titles: (index) => percent(Math.abs(shares[index])),
      repaint: true,
    });
    for (const block of this.#blocks) block.update(memory);
  }
}

/** Name the scope, as keys of words do. @param {Memory} memory */
const scopeOf = ({ unit }) => (unit === null ? 'all' : 'unit');

/** Tell a number of steps back. @param {Translate} t @param {number} count */
const ago = (t, count) => t(`memory.ago.${count > 1 ? 'n' : count}`, { count: number(count) });

/** Tell a number of steps. @param {Translate} t @param {number} count */
const inSteps = (t, count) => t(`memory.steps.${count === 1 ? 1 : 'n'}`, { count: number(count) });

/**
 * Make a block with a title and a note.
 * @param {string} name
 * @param {...HTMLElement} children
 */
function titled(name, ...children) {
  const title = h('h3');
  const about = h('p', { class: 'note' });
  return { title, about, element: h('div', { class: `block ${name}` }, title, about, ...children) };
}

/** Make the list of the tokens that still count. @param {Translate} t */
function partsBlock(t) {
  const sum = h('p', { class: 'sum' });
  const list = h('ol', { class: 'bars shares' });
  const { title, about, element } = titled('parts', sum, list);

  /** @param {Memory} memory */
  function rows({ tokens, unit, unrolled: { parts }, total }) {
    const strongest = Array.from(parts.keys())
      .sort((a, b) => Math.abs(parts[b]) - Math.abs(parts[a]))
      .slice(0, STRONGEST);
    const most = Math.abs(parts[strongest[0]]) || 1;
    const share = (/** @type {number} */ part) => percent(Math.abs(part) / total, 1);
    const rest = total - strongest.reduce((all, back) => all + Math.abs(parts[back]), 0);
    const more = parts.length - strongest.length;
    return [
      ...strongest.map((back) => h('li', {},
        h('span', { class: 'label' }, `“${tokens[back]}”`, ' ', h('small', {}, ago(t, back))),
        h('span', { class: 'bar' }, fill(parts[back] / most, parts[back] < 0 ? 'fill negative' : 'fill positive')),
        h('span', { class: 'value' }, unit === null ? share(parts[back]) : `${signed(parts[back])} (${share(parts[back])})`))),
      ...(more ? [h('li', { class: 'note' }, t('memory.rest', { count: more, share: share(rest) }))] : []),
    ];
  }

  return {
    element,
    /** @param {Memory} memory */
    update(memory) {
      const { unit, unrolled: { parts } } = memory;
      title.textContent = t('memory.parts');
      about.textContent = t(`memory.parts.${scopeOf(memory)}`);
      list.replaceChildren(...rows(memory));
      sum.hidden = unit === null;
      const [more, less] = [1, -1].map((sign) => parts.reduce((all, part) => all + (part * sign > 0 ? part : 0), 0));
      sum.replaceChildren(mathHtml(`c_t = ${fixed(more)} − ${fixed(-less)} = ${fixed(more + less)}`));
    },
  };
}

/** Make the curve of the part that is left after so many steps. @param {Translate} t */
function leftBlock(t) {
  const chart = new StepChart();
  const ends = h('p', { class: 'ends note' });
  const { title, about, element } = titled('left', chart.element, ends);
  return {
    element,
    /** @param {Memory} memory */
    update(memory) {
      const { unit, unrolled: { left, retention } } = memory;
      title.textContent = t('memory.left');
      about.textContent = t(`memory.left.${scopeOf(memory)}`);
      const values = left.subarray(0, Math.max(2, left.findLastIndex((part) => part >= SEEN) + 2));
      const last = values.length - 1;
      const reached = unit === null ? median(retention) : retention[unit];
      chart.update({
        series: [{ values, class: 'forget_gate' }],
        low: 0,
        high: 1,
        lines: [COUNTS],
        selected: unit === null ? undefined : reached,
        label: t('memory.left.label', { left: fixed(values[last]), count: last, retention: reached }),
      });
      ends.replaceChildren(h('span', {}, ago(t, 0)), h('span', {}, ago(t, last)));
    },
  };
}

/** Make the bars of the steps that the units reach back. @param {Translate} t */
function reachBlock(t) {
  const findings = h('div', { class: 'findings' });
  const bars = h('ol', { class: 'bars reach' });
  const { title, about, element } = titled('reach', findings, bars);

  /** @param {Memory} memory */
  function sentences({ tokens, unit, unrolled: { retention }, most }) {
    const start = retention.filter((steps) => steps === most).length;
    const all = t('memory.reach.median', { count: inSteps(t, median(retention)), start, units: retention.length });
    if (unit === null) return [all];
    const steps = retention[unit];
    const kind = steps === most ? 'start' : steps ? 'unit' : 'zero';
    return [t(`memory.reach.${kind}`, { unit, count: inSteps(t, steps), token: tokens[steps] }), all];
  }

  /** @param {Memory} memory */
  function rows({ unit, unrolled: { retention }, most }) {
    const all = ranges(retention, most);
    const tallest = Math.max(...all.map(({ count }) => count));
    return all.map(({ from, to, count }) => {
      const here = unit !== null && retention[unit] >= from && retention[unit] <= to;
      const range = from === to ? number(from) : `${number(from)}–${number(to)}`;
      return h('li', { class: here ? 'here' : false },
        h('span', { class: 'label' }, from === most ? t('memory.start', { count: range }) : range),
        h('span', { class: 'bar' }, fill(count / tallest, 'fill')),
        h('span', { class: 'value' },
          t('memory.units', { count: number(count) }), here && h('b', {}, ` · ${t('memory.this', { unit })}`)));
    });
  }

  return {
    element,
    /** @param {Memory} memory */
    update(memory) {
      title.textContent = t('memory.reach');
      about.textContent = t('memory.reach.about');
      findings.replaceChildren(...sentences(memory).map((sentence) => h('p', {}, sentence)));
      bars.replaceChildren(...rows(memory));
    },
  };
}

/** Make the filled part of a bar. @param {number} share  its sign does not matter @param {string} kind */
function fill(share, kind) {
  const element = h('span', { class: kind });
  element.style.width = `${100 * Math.abs(share)}%`;
  return element;
}
