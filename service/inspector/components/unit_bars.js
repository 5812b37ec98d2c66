/** The units that differ most between two rows of a tensor, as paired bars. */

import { differing } from '../data/distance.js';
import { number, signed } from '../locale/i18n.js';
import { dataOf, h } from './dom.js';

/** @typedef {{low: number, high: number}} Range  the numbers at a bar's ends */

/** A list of units, each with its two numbers; a unit is chosen by a click. */
export class UnitBars {
  element = h('ol', { class: 'compare-bars' });
  #t;

  /**
   * @param {(key: string, values?: Record<string, string|number>) => string} t
   * @param {(unit: number) => void} onSelect
   */
  constructor(t, onSelect) {
    this.#t = t;
    this.element.addEventListener('click', (event) => {
      const unit = dataOf(event, 'unit');
      if (unit !== null) onSelect(Number(unit));
    });
  }

  /** Show other rows. @param {Float32Array} first @param {Float32Array} second @param {number|null} selected */
  update(first, second, selected) {
    const units = differing(first, second);
    const range = rangeOf(units.flatMap((unit) => [first[unit], second[unit]]));
    const focused = this.element.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.unit : null;
    this.element.replaceChildren(
      ...units.map((unit) => this.#row(unit, first[unit], second[unit], range, unit === selected)));
    if (focused) {
      /** @type {HTMLElement|null} */ (this.element.querySelector(`[data-unit="${focused}"]`))?.focus();
    }
  }

  /** @param {number} unit @param {number} a @param {number} b @param {Range} range @param {boolean} selected */
  #row(unit, a, b, range, selected) {
    const share = (/** @type {number} */ value) => (value - range.low) / (range.high - range.low);
    const bar = (/** @type {number} */ value, /** @type {string} */ side) => {
      const [from, to] = [share(Math.min(0, value)), share(Math.max(0, value))];
      return h('span', { class: `bar-of ${side}`, style: { left: `${100 * from}%`, width: `${100 * (to - from)}%` } });
    };
    const difference = b - a;
    const about = { unit, a: number(a, 3), b: number(b, 3), difference: signed(difference, 3) };
    return h('li', {}, h('button', {
      type: 'button',
      dataset: { unit },
      'aria-pressed': String(selected),
      'aria-label': this.#t('compare.unit', about),
    },
    h('span', { class: 'unit' }, unit),
    h('span', { class: 'pair' },
      h('span', { class: 'zero', style: { left: `${100 * share(0)}%` } }), bar(a, 'first'), bar(b, 'second')),
    h('span', { class: 'value first' }, number(a, 2)),
    h('span', { class: 'value second' }, number(b, 2)),
    h('span', { class: 'value' }, signed(difference, 2))));
  }
}

/** Give the range of numbers, with zero in it: in its middle where there are both signs. @param {number[]} values */
function rangeOf(values) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const most = Math.max(-low, high);
  return low < 0 && high > 0 ? { low: -most, high: most } : { low, high };
}
