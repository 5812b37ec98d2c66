// @ts-check
/** The simple RNN's cell with a step's numbers in it: one box, and no belt. */

import { BOX, box, sheet, spread } from './drawing.js';
import { svg } from './dom.js';
import { fixed } from './math.js';

const WIDTH = 820;
const HEIGHT = 448;
const [INPUT, MIDDLE, COPY] = [180, 410, 620];
const PANEL = { left: 100, right: 720, top: 62, bottom: 354 };
const SHOWN = 130;
const TOP = 176;
const BUS = 318;
const MOST = 34;
const BUNDLE = 5;
const BINS = 16;

/** @param {boolean} mirrored  a backward direction: the step before stands to the right */
export function simpleDiagram(mirrored) {
  const paper = sheet({ width: WIDTH, height: HEIGHT, mirrored });
  const left = Math.min(paper.across(PANEL.left), paper.across(PANEL.right));
  paper.add(svg('rect', {
    class: 'panel', x: left, y: PANEL.top, rx: 18,
    width: PANEL.right - PANEL.left, height: PANEL.bottom - PANEL.top,
  }));
  for (const bundle of [
    paper.flow('hidden', [[0, BUS], [MIDDLE, BUS], [MIDDLE, TOP + BOX.height + 9]], { class: 'bundle' }),
    paper.flow('hidden', [[INPUT, HEIGHT - 22], [INPUT, BUS + 9]], { class: 'bundle' }),
  ]) bundle.set(BUNDLE, 'bundle');
  const flows = [
    paper.flow('hidden', [[MIDDLE, TOP], [MIDDLE, SHOWN], [WIDTH - 22, SHOWN]], { name: 'h' }),
    paper.flow('hidden', [[COPY, SHOWN], [COPY, 24]], { name: 'out' }),
  ];
  const drawn = box(paper, 'hidden', 'hidden', MIDDLE, TOP, { symbol: 'tanh', low: -1 });
  const h = paper.value('h', 'hidden', [WIDTH - 50, SHOWN - 28], 'h_t', { anchor: 'middle' });
  paper.words('hidden', [COPY + 24, 32], 'h_t', { class: 'symbol', math: true });
  paper.words('hidden', [50, BUS - 16], 'h_{t-1}', { class: 'symbol', math: true, anchor: 'middle' });
  paper.words('hidden', [INPUT + 16, HEIGHT - 62], 'x_t', { class: 'symbol over', math: true });
  const units = paper.words('hidden', [50, BUS + 23], '', { class: 'aside units', anchor: 'middle' });
  const tokens = {
    before: paper.words('', [50, HEIGHT - 14], '', { class: 'token aside', anchor: 'middle' }),
    now: paper.words('', [INPUT + 16, HEIGHT - 36], '', { class: 'token' }),
    after: paper.words('', [WIDTH - 50, HEIGHT - 14], '', { class: 'token aside', anchor: 'middle' }),
  };

  return {
    element: paper.element,
    /**
     * @param {object} shown
     * @param {{h: number}} shown.numbers
     * @param {boolean} shown.together
     * @param {(tensor: string) => Float32Array} shown.row
     * @param {Record<'before'|'now'|'after', string>} shown.tokens
     * @param {Record<string, [string, string]>} shown.titles
     * @param {string} shown.all
     * @param {string} shown.label
     */
    update({ numbers, together, row, tokens: shown, titles, all, label }) {
      paper.element.setAttribute('aria-label', label);
      const tone = together ? 'hidden' : numbers.h < 0 ? 'negative' : 'positive';
      for (const flow of flows) flow.set(MOST * Math.abs(numbers.h), tone);
      h.textContent = fixed(numbers.h);
      for (const name in tokens) tokens[name].textContent = shown[name];
      drawn.name(titles.hidden);
      units.textContent = all;
      if (together) drawn.histogram(spread(row('hidden'), -1, BINS));
      else drawn.gauge(numbers.h);
    },
  };
}
