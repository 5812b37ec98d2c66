/** The choices of the heat map: tensor, layer, direction and order of the units. */

import { Choice } from '../../components/choice.js';
import { h } from '../../components/dom.js';
import { whyNoContributions } from '../../data/heatmap_selection.js';

/**
 * @import { Direction, TensorName } from '../../data/answer.js'
 * @import { HeatmapSelection } from '../../data/heatmap_selection.js'
 * @import { AnsweredState, State } from '../../data/store.js'
 * @import { Context } from '../../main.js'
 */

/** @type {State['order'][]} */
const ORDERS = ['index', 'activity', 'similarity', 'contribution'];

/** The controls. */
export class HeatmapControls {
  #t;
  #layers;
  #layerWord = h('span', { class: 'choice-name' });
  note = h('p', { class: 'note', id: 'heatmap-note' });

  /** @param {Context} context */
  constructor({ store, t }) {
    this.#t = t;
    this.tensors = new Choice('heatmap-tensor', (/** @type {TensorName} */ tensor) => store.set({ tensor }));
    this.directions = new Choice('heatmap-direction', (/** @type {Direction} */ direction) => store.set({ direction }));
    this.orders = new Choice('heatmap-order', (/** @type {State['order']} */ order) => store.set({ order }));
    this.#layers = h('select');
    this.#layers.addEventListener('change', () => store.set({ layer: Number(this.#layers.value) }));
    this.layer = h('label', { class: 'choice' }, this.#layerWord, this.#layers);
    this.orders.element.setAttribute('aria-describedby', this.note.id);
    this.elements = [this.tensors.element, this.layer, this.directions.element, this.orders.element];
  }

  /** Put the words of the present language in. */
  words() {
    this.#layerWord.textContent = this.#t('heatmap.layer');
  }

  /** Hide all. */
  hide() {
    for (const element of [...this.elements, this.note]) element.hidden = true;
  }

  /** Offer the choices that the model has. @param {AnsweredState} state @param {HeatmapSelection} selection */
  update(state, { tensor, layer, direction, order }) {
    const t = this.#t;
    const { answer } = state;
    const without = whyNoContributions(state);
    this.tensors.update(
      t('heatmap.tensor'), answer.tensors.map((name) => ({ value: name, words: t(`tensor.${name}`), dot: name })), tensor);
    this.directions.update(
      t('heatmap.direction'), answer.directions.map((name) => ({ value: name, words: t(`direction.${name}`) })), direction);
    this.orders.update(
      t('heatmap.order'),
      ORDERS.map((name) => ({
        value: name, words: t(`heatmap.${name}`), disabled: name === 'contribution' && without !== null,
      })),
      order,
    );
    this.note.textContent = [
      t(`heatmap.${order}.note`, { label: answer.labels[answer.follow(state.label)] }),
      ...(without ? [t(without)] : []),
    ].filter(Boolean).join(' ');
    this.note.hidden = !this.note.textContent;
    this.tensors.element.hidden = answer.tensors.length < 2;
    this.directions.element.hidden = answer.directions.length < 2;
    this.orders.element.hidden = false;
    this.layer.hidden = answer.layers < 2;
    this.#layers.replaceChildren(...Array.from({ length: answer.layers }, (_, index) =>
      h('option', { value: index, selected: index === layer }, layerName(t, index, answer.layers))));
  }
}

/** @param {Context['t']} t @param {number} index @param {number} layers */
function layerName(t, index, layers) {
  if (index === 0) return t('heatmap.layer.bottom', { layer: 0 });
  return index === layers - 1 ? t('heatmap.layer.top', { layer: index }) : String(index);
}
