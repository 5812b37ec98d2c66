/** The states of both texts at a token of each: the units that differ most. */

import { button, h } from '../../components/dom.js';
import { UnitBars } from '../../components/unit_bars.js';
import { distance, rowOf } from '../../data/distance.js';
import { number } from '../../locale/i18n.js';

/**
 * @import { Answer, TensorName } from '../../data/answer.js'
 * @import { Matrix } from '../../data/matrix.js'
 * @import { State } from '../../data/store.js'
 * @import { Context } from '../../main.js'
 */

/**
 * @typedef {object} Compared
 * @property {Answer} first
 * @property {Answer} second
 * @property {TensorName} tensor
 * @property {[Matrix, Matrix]|null} matrices  null until they are there
 * @property {[number, number]|null} pair      steps; null for the ends
 */

/** The block. */
export class CompareInside {
  #t;
  #title = h('h3');
  #tensor = h('select');
  #tensorWords = h('span');
  #tensorLabel = h('label', { class: 'controls' }, this.#tensorWords, this.#tensor);
  #atEnds;
  #atTokens;
  #where = h('p', { class: 'note', 'aria-live': 'polite' });
  #sum = h('p');
  #bars;
  #hint = h('p', { class: 'note' });

  /** @param {Context} context @param {{onEnds: () => void, onTokens: () => void}} events */
  constructor({ store, t }, { onEnds, onTokens }) {
    this.#t = t;
    this.#atEnds = button(onEnds);
    this.#atTokens = button(onTokens);
    this.#tensor.addEventListener('change', () => store.set({ tensor: /** @type {TensorName} */ (this.#tensor.value) }));
    this.#bars = new UnitBars(t, (unit) => store.set({ unit: unit === store.get().unit ? null : unit }));
    this.element = h('div', { class: 'compare-inside' },
      h('div', { class: 'controls' }, this.#title,
        h('span', { class: 'segments', role: 'group' }, this.#atEnds, this.#atTokens), this.#tensorLabel),
      this.#where, this.#sum, this.#bars.element, this.#hint);
  }

  /** Put the words of the present language in. */
  words() {
    const t = this.#t;
    this.#title.textContent = t('compare.inside');
    this.#atEnds.textContent = t('compare.ends');
    this.#atTokens.textContent = t('compare.at');
    this.#hint.textContent = t('compare.hint');
    this.#tensorWords.textContent = t('compare.tensor');
    this.#bars.element.setAttribute('aria-label', t('compare.units'));
  }

  /** Compare. @param {Readonly<State>} state @param {Compared} compared */
  update(state, { first, second, tensor, matrices, pair }) {
    const t = this.#t;
    this.#tensor.replaceChildren(...first.tensors.map((name) =>
      h('option', { value: name, selected: name === tensor }, t(`tensor.${name}`))));
    this.#tensorLabel.hidden = first.tensors.length < 2;
    this.#atEnds.setAttribute('aria-pressed', String(!pair));
    this.#atTokens.setAttribute('aria-pressed', String(Boolean(pair)));
    this.#atTokens.disabled = !first.steps;
    // A direction that reads from the end has read all at the first token.
    const ends = state.direction === 'backward' ? [0, 0] : [first.steps - 1, second.steps - 1];
    const [a, b] = pair ?? ends;
    this.#where.textContent = t('compare.where', {
      a: first.tokens[a] || t('compare.begin'), b: second.tokens[b] || t('compare.begin'),
    });
    this.#bars.element.hidden = this.#sum.hidden = !matrices;
    if (matrices) this.#compare(rowOf(matrices[0], a), rowOf(matrices[1], b), state.unit);
  }

  /** @param {Float32Array} a @param {Float32Array} b @param {number|null} unit */
  #compare(a, b, unit) {
    const apart = distance(a, b);
    const turned = a.reduce((count, value, index) => count + Number(value * b[index] < 0), 0);
    this.#sum.textContent = apart
      ? this.#t('compare.sum', { units: number(a.length), distance: number(apart, 2), turned: number(turned) })
      : this.#t('compare.equal');
    this.#bars.update(a, b, unit);
  }
}
