// @ts-check
/** Formulas as they are printed: `c_{t-1}` with its index below, single letters slanted. */

import { h, svg } from './dom.js';

const PIECES = /_\{([^}]*)\}|_(.)|([A-Za-z]+\u0303?)|([^_A-Za-z]+)/gu;

/** @returns {{text: string, kind: 'sub'|'letter'|'plain'}[]} */
function pieces(formula) {
  return Array.from(formula.replaceAll('-', '−').matchAll(PIECES), ([, long, short, word, rest]) => {
    const sub = long ?? short;
    if (sub !== undefined) return { text: sub, kind: 'sub' };
    if (word !== undefined) return { text: word, kind: word.replace('\u0303', '').length === 1 ? 'letter' : 'plain' };
    return { text: rest, kind: 'plain' };
  });
}

/** For pages. @param {string} formula @returns {HTMLElement} */
export function mathHtml(formula) {
  const tags = { sub: 'sub', letter: 'i', plain: 'span' };
  return h('span', { class: 'math' }, ...pieces(formula).map(({ text, kind }) => h(tags[kind], {}, text)));
}

/** For drawings: pieces of a <text>. @param {string} formula @returns {SVGElement[]} */
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

/** A number as it stands in a formula, its minus as long as a plus. @param {number} value */
export function fixed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) ? `−${text}` : text;
}

/** The same as a factor or after a sign, where a minus needs brackets. @param {number} value */
export function factor(value, digits = 2) {
  const text = fixed(value, digits);
  return text.startsWith('−') ? `(${text})` : text;
}
