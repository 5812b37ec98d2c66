// @ts-check
/**
 * The LSTM's cell with a step's numbers in it: the belt above, the boxes that work on it below
 * (after the drawing that goes back to Olah, 2015, "Understanding LSTM Networks").
 */

import { BOX, box, sheet, spread } from './drawing.js';
import { svg } from './dom.js';
import { fixed } from './math.js';

const WIDTH = 820;
const HEIGHT = 604;

// Where things stand, from left to right and from top to bottom.
const [INPUT, FORGET, LET_IN, CANDIDATE, OUTPUT, SHOW, COPY] = [140, 200, 315, 430, 545, 645, 685];
const PANEL = { left: 100, right: 720, top: 62, bottom: 510 };
const BELT = 150;
const PRODUCT = 240;
const SQUEEZE = 198;
const SHOWN = 266;
const BOXES = 330;
const BUS = 474;

// Widths in the drawing's units: the most that lies on the belt, a gate that is all open, the
// bundle of numbers of h and x, and the belt's own rails.
const MOST = 34;
const OPEN = 14;
const BUNDLE = 5;
const RAILS = 44;

const BINS = 16;

/** The boxes: tensor, formula that it belongs to, its middle, function and least value. */
const BOXES_OF = [
  ['forget_gate', 'forget', FORGET, { symbol: 'σ', low: 0 }],
  ['input_gate', 'input', LET_IN, { symbol: 'σ', low: 0 }],
  ['candidate', 'candidate', CANDIDATE, { symbol: 'tanh', low: -1 }],
  ['output_gate', 'output', OUTPUT, { symbol: 'σ', low: 0 }],
];

/**
 * @param {boolean} mirrored  a backward direction: the step before stands to the right
 */
export function lstmDiagram(mirrored) {
  const paper = sheet({ width: WIDTH, height: HEIGHT, mirrored });
  const { across } = paper;
  const rect = (left, right, top, height, attributes) =>
    paper.add(svg('rect', { x: Math.min(across(left), across(right)), y: top, width: right - left, height, ...attributes }));

  rect(PANEL.left, PANEL.right, PANEL.top, PANEL.bottom - PANEL.top, { class: 'panel', rx: 18 });
  rect(0, WIDTH, BELT - RAILS / 2, RAILS, { class: 'rails', 'data-part': 'belt' });

  // What goes into the boxes. Then the gates, then what is on its way: the belt lies above all.
  const bundles = [
    ...BOXES_OF.map(([, part, x]) => paper.flow(part, [[x, BUS], [x, BOXES + BOX.height + 9]], { class: 'bundle' })),
    paper.flow('forget input candidate output', [[0, BUS], [OUTPUT, BUS]], { head: false, class: 'bundle' }),
    paper.flow('forget input candidate output', [[INPUT, HEIGHT - 22], [INPUT, BUS + 9]], { class: 'bundle' }),
  ];
  for (const bundle of bundles) bundle.set(BUNDLE, 'bundle');

  const gates = {
    f: paper.flow('forget belt', [[FORGET, BOXES], [FORGET, BELT + 25]], { name: 'f' }),
    i: paper.flow('input belt', [[LET_IN, BOXES], [LET_IN, PRODUCT], [CANDIDATE - 25, PRODUCT]], { name: 'i' }),
    o: paper.flow('output hidden', [[OUTPUT, BOXES], [OUTPUT, SHOWN], [SHOW - 25, SHOWN]], { name: 'o' }),
  };
  const flows = {
    g: paper.flow('candidate belt', [[CANDIDATE, BOXES], [CANDIDATE, PRODUCT + 25]], { name: 'g' }),
    added: paper.flow('belt', [[CANDIDATE, PRODUCT], [CANDIDATE, BELT + 25]], { name: 'added' }),
    branch: paper.flow('hidden', [[SHOW, BELT], [SHOW, SQUEEZE]], { name: 'branch', head: false }),
    squeezed: paper.flow('hidden', [[SHOW, SQUEEZE], [SHOW, SHOWN - 25]], { name: 'squeezed' }),
    h: paper.flow('hidden', [[SHOW, SHOWN], [SHOW, BUS], [WIDTH - 22, BUS]], { name: 'h' }),
    copy: paper.flow('hidden', [[COPY, BUS], [COPY, BELT + RAILS / 2 + 1]], { name: 'copy', head: false }),
    lost: paper.flow('forget belt', [[FORGET, BELT], [CANDIDATE, BELT]], { name: 'lost', head: false, class: 'lost' }),
    cBefore: paper.flow('forget belt', [[0, BELT], [FORGET, BELT]], { name: 'cBefore', head: false }),
    kept: paper.flow('forget belt', [[FORGET, BELT], [CANDIDATE, BELT]], { name: 'kept', head: false }),
    c: paper.flow('belt hidden', [[CANDIDATE, BELT], [WIDTH - 22, BELT]], { name: 'c' }),
    // Over the belt as over a bridge.
    out: paper.flow('hidden', [[COPY, BELT - RAILS / 2 - 1], [COPY, 24]], { name: 'out' }),
  };

  paper.operation('forget belt', [FORGET, BELT], '×');
  paper.operation('belt', [CANDIDATE, BELT], '+');
  paper.operation('belt', [CANDIDATE, PRODUCT], '×');
  paper.operation('hidden', [SHOW, SQUEEZE], 'tanh');
  paper.operation('hidden', [SHOW, SHOWN], '×');

  const boxes = BOXES_OF.map(([tensor, part, x, kind]) => ({
    tensor, part, kind, box: box(paper, tensor, part, x, BOXES, kind),
  }));

  const above = BELT - 30;
  const values = {
    cBefore: paper.value('cBefore', 'forget belt', [50, above], 'c_{t-1}', { anchor: 'middle' }),
    kept: paper.value('kept', 'belt', [(FORGET + CANDIDATE) / 2, above], 'f_t * c_{t-1}', { anchor: 'middle' }),
    c: paper.value('c', 'belt hidden', [WIDTH - 50, above], 'c_t', { anchor: 'middle' }),
    f: paper.value('f', 'forget belt', [FORGET + 17, 262], 'f_t'),
    i: paper.value('i', 'input belt', [(LET_IN + CANDIDATE) / 2 - 16, PRODUCT - 16], 'i_t', { anchor: 'middle' }),
    g: paper.value('g', 'candidate belt', [CANDIDATE + 24, 306], 'c̃_t'),
    added: paper.value('added', 'belt', [CANDIDATE + 26, 212], 'i_t * c̃_t'),
    o: paper.value('o', 'output hidden', [OUTPUT + 15, 323], 'o_t'),
    squeezed: paper.value('squeezed', 'hidden', [SHOW - 24, 244], '', { anchor: 'end' }),
    h: paper.value('h', 'hidden', [WIDTH - 50, BUS - 28], 'h_t', { anchor: 'middle' }),
  };
  paper.words('hidden', [COPY + 16, 32], 'h_t', { class: 'symbol', math: true });
  paper.words('forget input candidate output', [50, BUS - 16], 'h_{t-1}', { class: 'symbol', math: true, anchor: 'middle' });
  paper.words('forget input candidate output', [INPUT + 16, HEIGHT - 62], 'x_t', { class: 'symbol over', math: true });
  const units = paper.words('forget input candidate output', [50, BUS + 23], '', { class: 'aside units', anchor: 'middle' });
  const tokens = {
    before: paper.words('', [50, HEIGHT - 14], '', { class: 'token aside', anchor: 'middle' }),
    now: paper.words('', [INPUT + 16, HEIGHT - 36], '', { class: 'token' }),
    after: paper.words('', [WIDTH - 50, HEIGHT - 14], '', { class: 'token aside', anchor: 'middle' }),
  };

  return {
    element: paper.element,
    /**
     * @param {object} shown
     * @param {import('./step.js').Numbers} shown.numbers
     * @param {boolean} shown.together   numbers are means over all units
     * @param {number} shown.scale       the most that lies on the belt at any step
     * @param {(tensor: string) => Float32Array} shown.row  a gate's values at this step, all units
     * @param {Record<'before'|'now'|'after', string>} shown.tokens
     * @param {Record<string, [string, string]>} shown.titles  each box's name, and a shorter one
     * @param {string} shown.all         that h is of all units
     * @param {string} shown.label       the drawing in words
     */
    update({ numbers, together, scale, row, tokens: shown, titles, all, label }) {
      paper.element.setAttribute('aria-label', label);
      units.textContent = all;
      const thick = (value) => (MOST * Math.abs(value)) / scale;
      const tone = (name, value) => (together ? name : value < 0 ? 'negative' : 'positive');
      for (const name of ['f', 'i', 'o']) gates[name].set(OPEN * numbers[name], GATE_OF[name]);
      for (const [name, [from, tensor]] of Object.entries(FLOWS)) {
        flows[name].set(thick(numbers[from]), tone(tensor, numbers[from]));
      }
      for (const name in values) values[name].textContent = fixed(numbers[name]);
      for (const name in tokens) tokens[name].textContent = shown[name];
      for (const { tensor, kind, box: drawn } of boxes) {
        drawn.name(titles[tensor]);
        if (together) drawn.histogram(spread(row(tensor), kind.low, BINS));
        else drawn.gauge(numbers[LETTER_OF[tensor]]);
      }
    },
  };
}

const GATE_OF = { f: 'forget_gate', i: 'input_gate', o: 'output_gate' };
const LETTER_OF = { forget_gate: 'f', input_gate: 'i', candidate: 'g', output_gate: 'o' };

/** Which number makes a flow's width, and whose colour it has when all units are together. */
const FLOWS = {
  cBefore: ['cBefore', 'cell'],
  lost: ['cBefore', 'cell'],
  kept: ['kept', 'cell'],
  g: ['g', 'candidate'],
  added: ['added', 'candidate'],
  c: ['c', 'cell'],
  branch: ['c', 'cell'],
  squeezed: ['squeezed', 'hidden'],
  h: ['h', 'hidden'],
  copy: ['h', 'hidden'],
  out: ['h', 'hidden'],
};
