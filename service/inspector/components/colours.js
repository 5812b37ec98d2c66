/**
 * Colours for numbers, in the present theme. Blue and orange keep apart for all kinds of colour
 * vision; between them colours go straight through OKLab (Ottosson, 2020), whose lightness is even.
 */

const SIZE = 256;
const BLACK = '#000000';
const WHITE = '#ffffff';

/** Read a variable of style.css. @param {string} name */
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @typedef {[number, number, number]} Colour
 * @typedef {object} Table
 * @property {Uint8ClampedArray<ArrayBuffer>} rgba  four bytes a colour
 * @property {Uint32Array} words       the same, a number a colour
 * @property {string[]} css
 * @property {string[]} ink            the colour of words on it
 */

/** @type {Record<'diverging'|'sequential', Table>|null} */
let tables = null;

/** Note that the theme has changed: colours are made anew when they are next asked for. */
export function refresh() {
  tables = null;
}

/** Give a colour of style.css, such as `colour('cell')`. @param {string} name */
export function colour(name) {
  return variable(`--${name}`);
}

/** Give a colour. @param {number} value  from -1 (--negative) over 0 (--neutral) to 1 (--positive) */
export function diverging(value) {
  return made().diverging.css[place((value + 1) / 2)];
}

/** Give the colour that is read on `diverging(value)`: black, white, or that of all words. @param {number} value */
export function inkOn(value) {
  return made().diverging.ink[place((value + 1) / 2)];
}

/**
 * Give 256 colours for canvases: entry v is the Uint32 to be put into the buffer of an ImageData.
 * The diverging table's middle is at 127.5: index = Math.round((value + 1) * 127.5).
 * @param {'diverging'|'sequential'} kind
 */
export function lookup(kind) {
  const { rgba, words } = made()[kind];
  return { rgba, words };
}

/** Give the place of a share in a table. @param {number} share */
const place = (share) => Math.round(Math.min(1, Math.max(0, share || 0)) * (SIZE - 1));

/** Give the tables of the present theme. */
function made() {
  if (!tables) {
    const [negative, neutral, positive, full] = ['negative', 'neutral', 'positive', 'full'].map(
      (name) => oklab(parseHex(variable(`--${name}`))),
    );
    tables = {
      diverging: table((share) =>
        share < 0.5 ? mix(negative, neutral, 2 * share) : mix(neutral, positive, 2 * share - 1)),
      sequential: table((share) => mix(neutral, full, share)),
    };
  }
  return tables;
}

/** Make a table. @param {(share: number) => Colour} at  in OKLab, from 0 to 1 @returns {Table} */
function table(at) {
  const rgba = new Uint8ClampedArray(4 * SIZE);
  /** @type {string[]} */
  const css = [];
  /** @type {string[]} */
  const ink = [];
  for (let index = 0; index < SIZE; index += 1) {
    const rgb = srgb(at(index / (SIZE - 1)));
    rgba.set([...rgb, 255], 4 * index);
    css.push(`rgb(${rgba.subarray(4 * index, 4 * index + 3).join(' ')})`);
    const light = luminance(rgb);
    // On any ground one of the two has a contrast of 4.5 (WCAG 2.2): they meet at 0.179.
    ink.push(light > 0.179 ? BLACK : light > 0.06 ? WHITE : variable('--ink'));
  }
  return { rgba, words: new Uint32Array(rgba.buffer), css, ink };
}

/** @param {Colour} a @param {Colour} b @param {number} share  0 is a, 1 is b */
const mix = (a, b, share) => /** @type {Colour} */ (a.map((value, index) => value + share * (b[index] - value)));

/** @param {string} hex */
const parseHex = (hex) => /** @type {Colour} */ ([1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** @param {number} value  of sRGB, 0 to 255 */
const linear = (value) =>
  value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4;

/** @param {number} value  of light, 0 to 1 */
const gamma = (value) =>
  255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * Math.max(0, value) ** (1 / 2.4) - 0.055);

/** Compute the relative luminance, as WCAG 2 defines it. @param {Colour} rgb */
function luminance(rgb) {
  const [r, g, b] = rgb.map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {Colour} rgb @returns {Colour} */
function oklab(rgb) {
  const [r, g, b] = rgb.map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** @param {Colour} lab @returns {Colour} */
function srgb([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const rgb = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return /** @type {Colour} */ (rgb.map(gamma));
}
