/** The diagram of the simple RNN's cell with a step's numbers in it: one box, and no belt. */

import { fixed } from '../components/math.js';
import { BOX, Box, Sheet, addTokens } from './drawing.js';

/** @import { Drawn } from './lstm_diagram.js' */

const WIDTH = 820;
const HEIGHT = 448;
const [INPUT, MIDDLE, COPY] = [180, 410, 620];
const PANEL = { left: 100, right: 720, top: 62, bottom: 354 };
const SHOWN = 130;
const TOP = 176;
const BUS = 318;
const MOST = 34;
const BUNDLE = 5;

/** The diagram. */
export class RnnDiagram {
  #flows;
  #box;
  #h;
  #units;
  #tokens;

  /** @param {boolean} mirrored  a backward direction: the step before stands to the right */
  constructor(mirrored) {
    const sheet = new Sheet({ width: WIDTH, height: HEIGHT, mirrored });
    this.element = sheet.element;
    sheet.rect([PANEL.left, PANEL.right], PANEL.top, PANEL.bottom - PANEL.top, { class: 'panel', rx: 18 });
    for (const bundle of [
      sheet.flow('hidden', [[0, BUS], [MIDDLE, BUS], [MIDDLE, TOP + BOX.height + 9]], { class: 'bundle' }),
      sheet.flow('hidden', [[INPUT, HEIGHT - 22], [INPUT, BUS + 9]], { class: 'bundle' }),
    ]) bundle.set(BUNDLE, 'bundle');
    this.#flows = [
      sheet.flow('hidden', [[MIDDLE, TOP], [MIDDLE, SHOWN], [WIDTH - 22, SHOWN]], { name: 'h' }),
      sheet.flow('hidden', [[COPY, SHOWN], [COPY, 24]], { name: 'out' }),
    ];
    this.#box = new Box(sheet, 'hidden', 'hidden', [MIDDLE, TOP], { symbol: 'tanh', low: -1 });
    this.#h = sheet.value('h', 'hidden', [WIDTH - 50, SHOWN - 28], 'h_t', 'middle');
    sheet.words('hidden', [COPY + 24, 32], 'h_t', { class: 'symbol', math: true });
    sheet.words('hidden', [50, BUS - 16], 'h_{t-1}', { class: 'symbol', math: true, anchor: 'middle' });
    sheet.words('hidden', [INPUT + 16, HEIGHT - 62], 'x_t', { class: 'symbol over', math: true });
    this.#units = sheet.words('hidden', [50, BUS + 23], '', { class: 'aside units', anchor: 'middle' });
    this.#tokens = addTokens(sheet, [50, HEIGHT - 14], [INPUT + 16, HEIGHT - 36], [WIDTH - 50, HEIGHT - 14]);
  }

  /** Draw other numbers. @param {Omit<Drawn, 'numbers'|'scale'> & {numbers: {h: number}}} drawn */
  update({ numbers: { h }, together, row, tokens, titles, all, label }) {
    this.element.setAttribute('aria-label', label);
    const tone = together ? 'hidden' : h < 0 ? 'negative' : 'positive';
    for (const flow of this.#flows) flow.set(MOST * Math.abs(h), tone);
    this.#h.textContent = fixed(h);
    this.#tokens.before.textContent = tokens.before;
    this.#tokens.now.textContent = tokens.now;
    this.#tokens.after.textContent = tokens.after;
    this.#box.name(titles.hidden);
    this.#units.textContent = all;
    if (together) this.#box.histogram(row('hidden'));
    else this.#box.gauge(h);
  }
}
