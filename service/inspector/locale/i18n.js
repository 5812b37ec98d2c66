/** The chosen language: its words, and numbers as it writes them. */

import { en } from './en.js';
import { zh } from './zh.js';

/** @typedef {'en'|'zh'} Language */

/** @type {Record<Language, Record<string, string>>} */
const WORDS = { en, zh };
/** @type {Record<Language, string>} */
const TAGS = { en: 'en', zh: 'zh-Hans' };

/** @type {Language} */
let chosen = 'en';

/** Tell which of the languages the browser asks for first. @returns {Language} */
export function detect() {
  const first = (navigator.languages ?? [navigator.language]).find((tag) => /^(en|zh)\b/i.test(tag));
  return first?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** Choose the language, of the document too. @param {Language} language */
export function setLanguage(language) {
  chosen = language;
  document.documentElement.lang = TAGS[language];
}

/**
 * Give the words of a key, with `{name}` replaced by values; the key itself where there are none.
 * @param {string} key
 * @param {Record<string, string|number|null>} [values]
 */
export function t(key, values = {}) {
  const words = WORDS[chosen][key] ?? en[/** @type {keyof typeof en} */ (key)] ?? key;
  return words.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
}

/**
 * Write a number as people do.
 * @param {number} value
 * @param {number} [digits]  behind the point
 */
export function number(value, digits = 0) {
  return value.toLocaleString(TAGS[chosen], {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Write a share as a percentage. @param {number} share @param {number} [digits] */
export function percent(share, digits = 1) {
  return `${number(100 * share, digits)}${chosen === 'zh' ? '' : ' '}%`;
}

/** Write a number with its sign; minus as long as plus. @param {number} value @param {number} [digits] */
export function signed(value, digits = 2) {
  const sign = value < 0 ? '−' : '+';
  return sign + number(Math.abs(value), digits);
}

/** Write a number with its minus, without a plus. @param {number} value @param {number} digits */
export function plain(value, digits) {
  return value < -0.5 * 10 ** -digits ? signed(value, digits) : number(Math.abs(value), digits);
}
