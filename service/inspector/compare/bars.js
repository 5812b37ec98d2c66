// @ts-check
/** The units that differ most between two rows of a tensor, as paired bars. */

import { h } from '../dom.js';
import { number, signed } from '../i18n.js';

const MOST = 12;

/**
 * The numbers of the units that differ most, the largest difference first; units that do not
 * differ are left out.
 * @param {Float32Array} first  a number a unit
 * @param {Float32Array} second
 */
export function differing(first, second, most = MOST) {
  const apart = first.map((value, unit) => Math.abs(value - second[unit]));
  return [...apart.keys()].filter((unit) => apart[unit] > 0).sort((a, b) => apart[b] - apart[a]).slice(0, most);
}

/**
 * From 0, where two rows are the same, to 1, where one is the other's opposite: ‖a − b‖ / (‖a‖ + ‖b‖).
 * @param {Float32Array} first
 * @param {Float32Array} second
 */
export function distance(first, second) {
  let [apart, a, b] = [0, 0, 0];
  for (let unit = 0; unit < first.length; unit += 1) {
    apart += (first[unit] - second[unit]) ** 2;
    a += first[unit] ** 2;
    b += second[unit] ** 2;
  }
  return apart ? Math.sqrt(apart) / (Math.sqrt(a) + Math.sqrt(b)) : 0;
}

/**
 * @param {object} options
 * @param {(key: string, values?: Record<string, any>) => string} options.t
 * @param {(unit: number) => void} options.onSelect
 */
export function bars({ t, onSelect }) {
  const element = h('ol', { class: 'compare-bars' });
  element.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (button) onSelect(Number(button.dataset.unit));
  });

  function row(unit, a, b, range, selected) {
    const bar = (value, text) => {
      const [from, to] = [Math.min(0, value), Math.max(0, value)].map((end) => (end - range.low) / (range.high - range.low));
      return h('span', { class: `bar-of ${text}`, style: { left: `${100 * from}%`, width: `${100 * (to - from)}%` } });
    };
    const zero = h('span', { class: 'zero', style: { left: `${(-100 * range.low) / (range.high - range.low)}%` } });
    const difference = b - a;
    return h('li', {}, h('button', {
      type: 'button',
      dataset: { unit },
      'aria-pressed': String(unit === selected),
      'aria-label': t('compare.unit', { unit, a: number(a, 3), b: number(b, 3), difference: signed(difference, 3) }),
    },
    h('span', { class: 'unit' }, unit),
    h('span', { class: 'pair' }, zero, bar(a, 'first'), bar(b, 'second')),
    h('span', { class: 'value first' }, number(a, 2)),
    h('span', { class: 'value second' }, number(b, 2)),
    h('span', { class: 'value' }, signed(difference, 2))));
  }

  return {
    element,
    /** @param {Float32Array} first @param {Float32Array} second @param {number|null} selected */
    update(first, second, selected) {
      const units = differing(first, second);
      const values = units.flatMap((unit) => [first[unit], second[unit]]);
      const range = { low: Math.min(0, ...values), high: Math.max(0, ...values) };
      if (range.low < 0 && range.high > 0) {
        const most = Math.max(-range.low, range.high);
        Object.assign(range, { low: -most, high: most });
      }
      const focused = element.contains(document.activeElement)
        ? /** @type {HTMLElement} */ (document.activeElement).dataset.unit : null;
      element.replaceChildren(...units.map((unit) => row(unit, first[unit], second[unit], range, selected)));
      if (focused) /** @type {any} */ (element.querySelector(`[data-unit="${focused}"]`))?.focus();
    },
  };
}
