/** The table of both texts' probabilities, with their differences. */

import { h } from '../../components/dom.js';
import { percent, signed } from '../../locale/i18n.js';

/**
 * @import { Answer } from '../../data/answer.js'
 * @import { Context } from '../../main.js'
 */

// Rows of the table; of more labels, those that differ most.
const FEW = 6;

/**
 * Make the table.
 * @param {Context['t']} t
 * @param {Answer} first
 * @param {Answer} second
 * @param {number} label  the one that is followed, which stands first
 */
export function scoreTable(t, first, second, label) {
  const apart = (/** @type {number} */ index) => second.scores[index] - first.scores[index];
  const others = [...first.labels.keys()].filter((index) => index !== label)
    .sort((a, b) => Math.abs(apart(b)) - Math.abs(apart(a)));
  const row = (/** @type {number} */ index) => h('tr', { class: index === label ? 'followed' : '' },
    h('th', { scope: 'row' }, first.labels[index]),
    ...[first, second].map((answer) =>
      h('td', { class: answer.predicted === index ? 'predicted' : '' }, percent(answer.scores[index]))),
    h('td', { class: apart(index) < 0 ? 'falls' : 'rises' }, t('compare.points', { change: signed(100 * apart(index), 1) })));
  const head = (/** @type {string} */ words, attributes = {}) => h('th', { scope: 'col', ...attributes }, words);
  return h('table', {},
    h('thead', {}, h('tr', {},
      head(t('compare.label')), head('A', { class: 'first' }), head('B', { class: 'second' }), head(t('compare.difference')))),
    h('tbody', {}, ...[label, ...others].slice(0, FEW).map(row)));
}
