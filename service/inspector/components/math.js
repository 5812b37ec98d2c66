/** Formulas as they are printed: `c_{t-1}` with its index below, single letters slanted. */

import { h, svg } from './dom.js';

const PIECES = /_\{([^}]*)\}|_(.)|([A-Za-z]+\u0303?)|([^_A-Za-z]+)/gu;

/**
 * Take a formula apart.
 * @param {string} formula
 * @returns {{text: string, kind: 'sub'|'letter'|'plain'}[]}
 */
function pieces(formula) {
  return Array.from(formula.replaceAll('-', '−').matchAll(PIECES), ([, long, short, word, rest]) => {
    const sub = long ?? short;
    if (sub !== undefined) return { text: sub, kind: 'sub' };
    if (word !== undefined) return { text: word, kind: word.replace('\u0303', '').length === 1 ? 'letter' : 'plain' };
    return { text: rest, kind: 'plain' };
  });
}

/** Write a formula for pages. @param {string} formula */
export function mathHtml(formula) {
  const tags = /** @type {const} */ ({ sub: 'sub', letter: 'i', plain: 'span' });
  return h('span', { class: 'math' }, ...pieces(formula).map(({ text, kind }) => h(tags[kind], {}, text)));
}

/** Write a formula for drawings: pieces of a <text>. @param {string} formula */
export function mathSvg(formula) {
  let low = false;
  return pieces(formula).map(({ text, kind }) => {
    const sub = kind === 'sub';
    // An index has 0.7 of the size, and its em too: 0.36 of its own is 0.25 of the letters'.
    const dy = sub === low ? null : sub ? '0.36em' : '-0.25em';
    low = sub;
    return svg('tspan', { class: kind, dy }, text);
  });
}

/** Write a number of a formula, its minus as long as a plus. @param {number} value @param {number} [digits] */
export function fixed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) ? `−${text}` : text;
}

/** Write a factor, or a number after a sign, where a minus needs brackets. @param {number} value @param {number} [digits] */
export function factor(value, digits = 2) {
  const text = fixed(value, digits);
  return text.startsWith('−') ? `(${text})` : text;
}
