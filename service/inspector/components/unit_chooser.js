/** The choice of the unit, layer and direction of which the cell is shown. */

import { signed } from '../locale/i18n.js';
import { button, h } from './dom.js';

/**
 * @import { Answer, Direction } from '../data/answer.js'
 * @import { State } from '../data/store.js'
 */

/**
 * @typedef {object} ChooserOptions
 * @property {(key: string, values?: Record<string, string|number>) => string} t
 * @property {(scope: State['scope']) => void} onScope
 * @property {(unit: number) => void} onUnit
 * @property {(layer: number) => void} onLayer
 * @property {(direction: Direction) => void} onDirection
 */

/** The controls. */
export class UnitChooser {
  #t;
  #onUnit;
  #one;
  #all;
  #scope;
  #caption = h('span');
  #number = h('input', { type: 'number', min: 0, step: 1 });
  #previous;
  #next;
  #chooser;
  #chips = h('div', { class: 'chips' });
  #layer = h('select');
  #direction = h('select');

  /** @param {ChooserOptions} options */
  constructor({ t, onScope, onUnit, onLayer, onDirection }) {
    this.#t = t;
    this.#onUnit = onUnit;
    const number = this.#number;
    this.#one = button(() => onScope('unit'));
    this.#all = button(() => onScope('all'));
    this.#scope = h('div', { class: 'scope', role: 'group' }, this.#one, this.#all);
    this.#previous = button(() => onUnit(Number(number.value) - 1));
    this.#next = button(() => onUnit(Number(number.value) + 1));
    this.#chooser = h('div', { class: 'chooser' }, this.#previous, h('label', {}, this.#caption, number), this.#next);
    number.addEventListener('change', () => onUnit(Number(number.value)));
    this.#layer.addEventListener('change', () => onLayer(Number(this.#layer.value)));
    this.#direction.addEventListener('change', () => onDirection(/** @type {Direction} */ (this.#direction.value)));
    this.element = h('div', { class: 'controls' }, this.#scope, this.#chooser, this.#chips, this.#layer, this.#direction);
  }

  /** Put the words of the present language in. */
  words() {
    const t = this.#t;
    this.#one.textContent = t('cell.one');
    this.#caption.textContent = t('cell.unit');
    this.#scope.setAttribute('aria-label', t('cell.scope'));
    this.#previous.textContent = '‹';
    this.#previous.setAttribute('aria-label', t('cell.unit.previous'));
    this.#next.textContent = '›';
    this.#next.setAttribute('aria-label', t('cell.unit.next'));
    this.#layer.setAttribute('aria-label', t('cell.layer'));
    this.#direction.setAttribute('aria-label', t('cell.direction'));
  }

  /** Show the choices that the model has. @param {Answer} answer @param {Readonly<State>} state */
  update(answer, { scope, layer, direction }) {
    const t = this.#t;
    this.#all.textContent = t('cell.all', { units: answer.units });
    this.#one.setAttribute('aria-pressed', String(scope === 'unit'));
    this.#all.setAttribute('aria-pressed', String(scope === 'all'));
    fill(this.#layer, Array.from({ length: answer.layers }, (_, index) => [String(index), `${t('cell.layer')} ${index}`]),
      String(layer));
    fill(this.#direction, answer.directions.map((name) => [name, t(`direction.${name}`)]), direction);
  }

  /**
   * Show the unit, and those that change most at the step.
   * @param {number|null} unit  null: all of them
   * @param {number} units
   * @param {[number, number][]} changes  of a unit each
   */
  show(unit, units, changes) {
    this.#chooser.hidden = unit === null;
    this.#chips.hidden = unit === null;
    this.#number.max = String(units - 1);
    this.#number.value = unit === null ? '' : String(unit);
    this.#chips.replaceChildren(
      h('span', { class: 'note' }, this.#t('cell.changes')),
      ...changes.map(([index, change]) =>
        button(() => this.#onUnit(index), { class: 'chip', 'aria-pressed': String(index === unit) },
          `${index} `, h('small', {}, signed(change)))),
    );
  }
}

/** Offer options; one alone is no choice. @param {HTMLSelectElement} select @param {[string, string][]} options @param {string} chosen */
function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, words]) => h('option', { value, selected: value === chosen }, words)));
  select.hidden = options.length < 2;
}
