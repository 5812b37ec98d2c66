/** A second text beside the first, read by the same model: their differences, and what those changed. */

import { ComparisonChart } from '../components/comparison_chart.js';
import { button, h, section } from '../components/dom.js';
import { SecondAnswer } from '../data/second_answer.js';
import { hasAny } from '../data/store.js';
import { Comparison } from '../data/comparison.js';
import { CompareInside } from './compare/inside.js';
import { scoreTable } from './compare/score_table.js';
import { TextSide, scaleOf } from './compare/side.js';

/**
 * @import { Answer } from '../data/answer.js'
 * @import { Side } from '../data/alignment.js'
 * @import { Changed, State } from '../data/store.js'
 * @import { Context } from '../main.js'
 */

/** @type {Side[]} */
const SIDES = ['first', 'second'];

/** Make the view. @param {Context} context */
export function create(context) {
  const view = new CompareView(context);
  return { element: view.element, update: view.update.bind(view) };
}

/** The view: closed until there is a second text. */
class CompareView {
  #store;
  #t;
  #frame;
  #controls;
  #sides;
  #chart;
  #inside;
  #answers = h('div', { class: 'compare-answers' });
  #note = h('p', { class: 'note' });
  #legend = h('p', { class: 'note' });
  #status = h('p', { class: 'note compare-status', role: 'status' });
  #body;

  #second = new SecondAnswer(() => this.#draw());
  #isOpen = false;
  /** The second text as this view has set it: another one comes from a link. @type {string|null} */
  #typed = '';
  /** The place that is compared: a step of each text, or null for their ends. @type {[number, number]|null} */
  #pair = null;
  /** @type {Comparison|null} */
  #comparison = null;

  /** @param {Context} context */
  constructor(context) {
    const { store, t } = context;
    this.#store = store;
    this.#t = t;
    this.#frame = section('compare', t);
    this.element = this.#frame.element;
    this.#controls = compareControls(t, {
      open: () => this.#begin(store.get().text),
      without: () => this.#leaveOut(),
      swap: () => this.#swap(),
      copy: () => this.#begin(store.get().text),
      close: () => this.#end(),
    });
    this.#sides = SIDES.map((side) => new TextSide(t, side, {
      onText: (text) => this.#write(side, text),
      onStep: (step) => { if (this.#comparison) this.#move(this.#comparison.pairAt(step, side)); },
    }));
    this.#chart = new ComparisonChart(t, (column) => this.#move(this.#comparison?.pairOf(column) ?? null));
    this.#inside = new CompareInside(context, {
      onEnds: () => this.#move(null),
      onTokens: () => this.#move(this.#pair ?? this.#pairAt(store.get().step)),
    });
    this.#body = h('div', { class: 'compare-body' },
      h('div', { class: 'compare-sides' }, ...this.#sides.map(({ element }) => element)),
      this.#status, this.#answers, this.#note, this.#legend, this.#chart.element, this.#inside.element);
    this.element.append(this.#controls.element, this.#body);
  }

  /** @param {Readonly<State>} state @param {Changed} changed */
  update(state, changed) {
    if (changed.has('language')) this.#words();
    if (changed.has('other')) this.#take(state.other);
    if (hasAny(changed, 'other', 'info')) this.#ask(state);
    if (changed.has('step') && this.#comparison && state.answer === this.#comparison.first) this.#follow(state.step);
    if (hasAny(changed, 'other', 'text', 'answer', 'label', 'step', 'tensor', 'layer', 'direction', 'unit', 'language', 'theme')) {
      this.#draw(changed.has('theme'));
    }
  }

  /** Take over a second text that comes from a link. @param {string} other */
  #take(other) {
    if (other === this.#typed) return;
    this.#typed = other;
    this.#isOpen = other !== '';
    this.#pair = null;
  }

  /** Ask for the answer to the second text, unless it is there. @param {Readonly<State>} state */
  #ask({ other, info }) {
    const { answer } = this.#second;
    const stale = answer?.text !== other || answer.info.artifact.sha256 !== info?.artifact.sha256;
    if (this.#isOpen && info && stale) this.#second.schedule(() => this.#store.get().other);
  }

  /** Follow a step that was selected elsewhere. @param {number} step */
  #follow(step) {
    if (this.#pair && (this.#pair[0] === step || this.#pair[0] < 0)) return;
    const last = step === (this.#comparison?.first.steps ?? 0) - 1;
    this.#pair = last ? null : this.#pairAt(step);
  }

  /** @param {Side} side @param {string} text */
  #write(side, text) {
    if (side === 'second') this.#typed = text;
    this.#store.set(side === 'first' ? { text } : { other: text });
  }

  /** @param {string} text */
  #begin(text) {
    this.#isOpen = true;
    this.#pair = null;
    this.#typed = text;
    this.#store.set({ other: text });
    this.#store.touch('other');
    requestAnimationFrame(() => requestAnimationFrame(() => this.#sides[1].area.focus()));
  }

  /** Compare with the text without the selected token, and without one of the spaces around it. */
  #leaveOut() {
    const { answer, step } = this.#store.get();
    if (!answer?.steps) return;
    const [from, to] = answer.offsets[step];
    const [before, after] = [answer.text.slice(0, from), answer.text.slice(to)];
    this.#begin(/(^|\s)$/.test(before) ? before + after.replace(/^\s/, '') : before + after);
  }

  #swap() {
    const { text, other } = this.#store.get();
    this.#typed = text;
    this.#store.set({ text: other, other: text });
  }

  #end() {
    this.#isOpen = false;
    this.#typed = null;
    this.#second.dispose();
    this.#store.set({ other: '' });
    this.#store.touch('other');
    this.#controls.focus();
  }

  /** @param {number} step  of the first text @returns {[number, number]} */
  #pairAt(step) {
    return this.#comparison?.pairAt(step, 'first') ?? [step, -1];
  }

  /** @param {[number, number]|null} next */
  #move(next) {
    this.#pair = next;
    if (next && next[0] >= 0) this.#store.set({ step: next[0] });
    this.#draw();
  }

  #words() {
    this.#frame.retitle();
    this.#controls.words();
    for (const side of this.#sides) side.words();
    this.#inside.words();
  }

  /** @param {boolean} [repaint] */
  #draw(repaint = false) {
    const state = this.#store.get();
    const [first, second] = [state.answer, this.#second.answer];
    this.#controls.update(this.#isOpen, first, state.step);
    this.#body.hidden = !this.#isOpen;
    if (!this.#isOpen) return;
    this.#sides[0].write(state.text);
    this.#sides[1].write(state.other);
    const ready = first !== null && second !== null;
    this.#status.textContent = this.#second.problem || (ready ? '' : this.#t('compare.loading'));
    for (const node of [this.#answers, this.#note, this.#legend, this.#chart.element, this.#inside.element]) node.hidden = !ready;
    if (!ready) return;
    if (this.#comparison?.first !== first || this.#comparison.second !== second) {
      this.#comparison = new Comparison(first, second);
    }
    this.#compare(state, this.#comparison, repaint);
  }

  /** @param {Readonly<State>} state @param {Comparison} comparison @param {boolean} repaint */
  #compare(state, comparison, repaint) {
    const { first, second, alignment } = comparison;
    if (this.#pair && (this.#pair[0] >= first.steps || this.#pair[1] >= second.steps)) this.#pair = null;
    if (alignment.same && !this.#second.problem) this.#status.textContent = this.#t('compare.same');
    const label = first.follow(state.label);
    const at = this.#pair ?? /** @type {[number, number]} */ ([first.steps - 1, second.steps - 1]);
    const scale = scaleOf([first, second], label);
    this.#answers.replaceChildren(scoreTable(this.#t, first, second, label));
    [first, second].forEach((answer, index) =>
      this.#sides[index].update(answer, alignment, { label, scale, selected: at[index], repaint }));
    const matrices = comparison.tensors(state, {
      again: () => this.#draw(),
      failed: (error) => {
        this.#second.fail(error);
        this.#status.textContent = this.#second.problem;
      },
    });
    this.#inside.update(state, { first, second, tensor: comparison.tensorIn(state), matrices, pair: this.#pair });
    this.#drawChart(comparison, label, at, matrices && comparison.distances(state, matrices));
  }

  /** @param {Comparison} comparison @param {number} label @param {[number, number]} at @param {Float32Array|null} distances */
  #drawChart({ first, second, alignment }, label, at, distances) {
    const belief = (/** @type {Answer} */ answer) => answer.stepScores?.column(label) ?? null;
    const hasBelief = first.stepScores !== null;
    this.#note.hidden = hasBelief;
    this.#note.textContent = this.#t('compare.both');
    this.#legend.hidden = !hasBelief;
    this.#legend.textContent = this.#t('compare.curves', { label: first.labels[label] });
    this.#chart.element.hidden = !alignment.columns.length || !(hasBelief || distances);
    this.#chart.update({ alignment, first, second, beliefs: [belief(first), belief(second)], distances, at });
  }
}

/**
 * Make the buttons above the texts.
 * @param {Context['t']} t
 * @param {Record<'open'|'without'|'swap'|'copy'|'close', () => void>} acts
 */
function compareControls(t, acts) {
  const open = button(acts.open, { class: 'primary' });
  const without = button(acts.without);
  const [copy, swap, close] = [acts.copy, acts.swap, acts.close].map((act) => button(act));
  return {
    element: h('div', { class: 'controls' }, open, without, copy, swap, close),
    /** Go to the button that opens the comparison. */
    focus() {
      open.hidden = false;
      open.focus();
    },
    words() {
      open.textContent = t('compare.open');
      swap.textContent = t('compare.swap');
      copy.textContent = t('compare.copy');
      close.textContent = t('compare.close');
    },
    /** @param {boolean} isOpen @param {Answer|null} answer @param {number} step */
    update(isOpen, answer, step) {
      open.hidden = isOpen;
      for (const each of [swap, copy, close]) each.hidden = !isOpen;
      without.hidden = !answer?.steps;
      if (answer?.steps) {
        without.textContent = t('compare.without', { token: answer.tokens[Math.min(step, answer.steps - 1)] });
      }
    },
  };
}
