// @ts-check
/** The page's words, in the language that is chosen. */

const tables = { en: {}, zh: {} };
const TAGS = { en: 'en', zh: 'zh-Hans' };
let chosen = 'en';

/** Add a module's words. @param {{en: Record<string, string>, zh: Record<string, string>}} strings */
export function register(strings) {
  Object.assign(tables.en, strings.en);
  Object.assign(tables.zh, strings.zh);
}

/** @returns {'en'|'zh'} */
export function detect() {
  const first = (navigator.languages ?? [navigator.language]).find((tag) => /^(en|zh)\b/i.test(tag));
  return first?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** @param {'en'|'zh'} language */
export function setLanguage(language) {
  chosen = language;
  document.documentElement.lang = TAGS[language];
}

/** @returns {'en'|'zh'} */
export const language = () => chosen;

/**
 * The words of a key, with `{name}` replaced by values; the key itself where there are none.
 * @param {string} key
 * @param {Record<string, any>} [values]
 */
export function t(key, values = {}) {
  const words = tables[chosen][key] ?? tables.en[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
}

/** A number as people write it; `digits` behind the point. @param {number} value */
export function number(value, digits = 0) {
  return value.toLocaleString(TAGS[chosen], {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A share as a percentage. @param {number} share */
export function percent(share, digits = 1) {
  return `${number(100 * share, digits)}${chosen === 'zh' ? '' : ' '}%`;
}

/** A number with its sign; minus as long as plus. @param {number} value */
export function signed(value, digits = 2) {
  const sign = value < 0 ? '−' : '+';
  return sign + number(Math.abs(value), digits);
}
