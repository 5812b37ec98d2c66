/**
 * The diagram of the LSTM's cell with a step's numbers in it: the belt above, the boxes that work on
 * it below (after the drawing that goes back to Olah, 2015, "Understanding LSTM Networks").
 */

import { fixed } from '../components/math.js';
import { BOX, Box, Sheet, addTokens } from './drawing.js';

/**
 * @import { TensorName } from '../data/answer.js'
 * @import { Numbers } from './step.js'
 */

const WIDTH = 820;
const HEIGHT = 604;

// Places from left to right and from top to bottom.
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

const ALL_GATES = 'forget input candidate output';

/**
 * @typedef {object} Drawn
 * @property {Numbers} numbers
 * @property {boolean} together   numbers are means over all units
 * @property {number} scale       the most that lies on the belt at any step
 * @property {(tensor: TensorName) => Float32Array} row  a gate's values at this step, all units
 * @property {Record<'before'|'now'|'after', string>} tokens
 * @property {Record<string, [string, string]>} titles  each box's name, and a shorter one
 * @property {string} all         that h is of all units
 * @property {string} label       the drawing in words
 */

/**
 * @typedef {object} BoxPlace
 * @property {TensorName} tensor
 * @property {string} part   the formula that it belongs to
 * @property {number} x      its middle
 * @property {{symbol: string, low: number}} kind  its function and least value
 * @property {'f'|'i'|'g'|'o'} letter
 */

/** @type {BoxPlace[]} */
const BOX_PLACES = [
  { tensor: 'forget_gate', part: 'forget', x: FORGET, kind: { symbol: 'σ', low: 0 }, letter: 'f' },
  { tensor: 'input_gate', part: 'input', x: LET_IN, kind: { symbol: 'σ', low: 0 }, letter: 'i' },
  { tensor: 'candidate', part: 'candidate', x: CANDIDATE, kind: { symbol: 'tanh', low: -1 }, letter: 'g' },
  { tensor: 'output_gate', part: 'output', x: OUTPUT, kind: { symbol: 'σ', low: 0 }, letter: 'o' },
];

/** @type {Record<'f'|'i'|'o', TensorName>} */
const GATES = { f: 'forget_gate', i: 'input_gate', o: 'output_gate' };

/**
 * The number of each flow's width, and the tensor whose colour it has when all units are together.
 * @type {Record<keyof ReturnType<typeof addFlows>, [keyof Numbers, TensorName]>}
 */
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

/** The diagram. */
export class LstmDiagram {
  #gates;
  #flows;
  #boxes;
  #values;
  #units;
  #tokens;

  /** @param {boolean} mirrored  a backward direction: the step before stands to the right */
  constructor(mirrored) {
    const sheet = new Sheet({ width: WIDTH, height: HEIGHT, mirrored });
    this.element = sheet.element;
    sheet.rect([PANEL.left, PANEL.right], PANEL.top, PANEL.bottom - PANEL.top, { class: 'panel', rx: 18 });
    sheet.rect([0, WIDTH], BELT - RAILS / 2, RAILS, { class: 'rails', 'data-part': 'belt' });
    // First all that goes into the boxes, then the gates, then what is on its way: the belt lies above all.
    addBundles(sheet);
    this.#gates = addGates(sheet);
    this.#flows = addFlows(sheet);
    addOperations(sheet);
    this.#boxes = BOX_PLACES.map(({ tensor, part, x, kind, letter }) => ({
      tensor, letter, box: new Box(sheet, tensor, part, [x, BOXES], kind),
    }));
    this.#values = addValues(sheet);
    this.#units = addSymbols(sheet);
    this.#tokens = addTokens(sheet, [50, HEIGHT - 14], [INPUT + 16, HEIGHT - 36], [WIDTH - 50, HEIGHT - 14]);
  }

  /** Draw other numbers. @param {Drawn} drawn */
  update({ numbers, together, scale, row, tokens, titles, all, label }) {
    this.element.setAttribute('aria-label', label);
    this.#units.textContent = all;
    for (const [name, tensor] of entries(GATES)) this.#gates[name].set(OPEN * numbers[name], tensor);
    for (const [name, [from, tensor]] of entries(FLOWS)) {
      const value = numbers[from];
      const tone = together ? tensor : value < 0 ? 'negative' : 'positive';
      this.#flows[name].set((MOST * Math.abs(value)) / scale, tone);
    }
    for (const [name, text] of entries(this.#values)) text.textContent = fixed(numbers[name]);
    for (const [name, text] of entries(this.#tokens)) text.textContent = tokens[name];
    for (const { tensor, letter, box } of this.#boxes) {
      box.name(titles[tensor]);
      if (together) box.histogram(row(tensor));
      else box.gauge(numbers[letter]);
    }
  }
}

/**
 * Give the keys of an object with their values.
 * @template {string} Key
 * @template Value
 * @param {Record<Key, Value>} object
 */
const entries = (object) => /** @type {[Key, Value][]} */ (Object.entries(object));

/** @param {Sheet} sheet */
function addBundles(sheet) {
  const bundles = [
    ...BOX_PLACES.map(({ part, x }) => sheet.flow(part, [[x, BUS], [x, BOXES + BOX.height + 9]], { class: 'bundle' })),
    sheet.flow(ALL_GATES, [[0, BUS], [OUTPUT, BUS]], { head: false, class: 'bundle' }),
    sheet.flow(ALL_GATES, [[INPUT, HEIGHT - 22], [INPUT, BUS + 9]], { class: 'bundle' }),
  ];
  for (const bundle of bundles) bundle.set(BUNDLE, 'bundle');
}

/** @param {Sheet} sheet */
function addGates(sheet) {
  return {
    f: sheet.flow('forget belt', [[FORGET, BOXES], [FORGET, BELT + 25]], { name: 'f' }),
    i: sheet.flow('input belt', [[LET_IN, BOXES], [LET_IN, PRODUCT], [CANDIDATE - 25, PRODUCT]], { name: 'i' }),
    o: sheet.flow('output hidden', [[OUTPUT, BOXES], [OUTPUT, SHOWN], [SHOW - 25, SHOWN]], { name: 'o' }),
  };
}

/** @param {Sheet} sheet */
function addFlows(sheet) {
  return {
    g: sheet.flow('candidate belt', [[CANDIDATE, BOXES], [CANDIDATE, PRODUCT + 25]], { name: 'g' }),
    added: sheet.flow('belt', [[CANDIDATE, PRODUCT], [CANDIDATE, BELT + 25]], { name: 'added' }),
    branch: sheet.flow('hidden', [[SHOW, BELT], [SHOW, SQUEEZE]], { name: 'branch', head: false }),
    squeezed: sheet.flow('hidden', [[SHOW, SQUEEZE], [SHOW, SHOWN - 25]], { name: 'squeezed' }),
    h: sheet.flow('hidden', [[SHOW, SHOWN], [SHOW, BUS], [WIDTH - 22, BUS]], { name: 'h' }),
    copy: sheet.flow('hidden', [[COPY, BUS], [COPY, BELT + RAILS / 2 + 1]], { name: 'copy', head: false }),
    lost: sheet.flow('forget belt', [[FORGET, BELT], [CANDIDATE, BELT]], { name: 'lost', head: false, class: 'lost' }),
    cBefore: sheet.flow('forget belt', [[0, BELT], [FORGET, BELT]], { name: 'cBefore', head: false }),
    kept: sheet.flow('forget belt', [[FORGET, BELT], [CANDIDATE, BELT]], { name: 'kept', head: false }),
    c: sheet.flow('belt hidden', [[CANDIDATE, BELT], [WIDTH - 22, BELT]], { name: 'c' }),
    // Over the belt as over a bridge.
    out: sheet.flow('hidden', [[COPY, BELT - RAILS / 2 - 1], [COPY, 24]], { name: 'out' }),
  };
}

/** @param {Sheet} sheet */
function addOperations(sheet) {
  sheet.operation('forget belt', [FORGET, BELT], '×');
  sheet.operation('belt', [CANDIDATE, BELT], '+');
  sheet.operation('belt', [CANDIDATE, PRODUCT], '×');
  sheet.operation('hidden', [SHOW, SQUEEZE], 'tanh');
  sheet.operation('hidden', [SHOW, SHOWN], '×');
}

/** @param {Sheet} sheet */
function addValues(sheet) {
  const above = BELT - 30;
  return {
    cBefore: sheet.value('cBefore', 'forget belt', [50, above], 'c_{t-1}', 'middle'),
    kept: sheet.value('kept', 'belt', [(FORGET + CANDIDATE) / 2, above], 'f_t * c_{t-1}', 'middle'),
    c: sheet.value('c', 'belt hidden', [WIDTH - 50, above], 'c_t', 'middle'),
    f: sheet.value('f', 'forget belt', [FORGET + 17, 262], 'f_t'),
    i: sheet.value('i', 'input belt', [(LET_IN + CANDIDATE) / 2 - 16, PRODUCT - 16], 'i_t', 'middle'),
    g: sheet.value('g', 'candidate belt', [CANDIDATE + 24, 306], 'c̃_t'),
    added: sheet.value('added', 'belt', [CANDIDATE + 26, 212], 'i_t * c̃_t'),
    o: sheet.value('o', 'output hidden', [OUTPUT + 15, 323], 'o_t'),
    squeezed: sheet.value('squeezed', 'hidden', [SHOW - 24, 244], '', 'end'),
    h: sheet.value('h', 'hidden', [WIDTH - 50, BUS - 28], 'h_t', 'middle'),
  };
}

/** Add the symbols of all that comes and goes; returns the words below h. @param {Sheet} sheet */
function addSymbols(sheet) {
  sheet.words('hidden', [COPY + 16, 32], 'h_t', { class: 'symbol', math: true });
  sheet.words(ALL_GATES, [50, BUS - 16], 'h_{t-1}', { class: 'symbol', math: true, anchor: 'middle' });
  sheet.words(ALL_GATES, [INPUT + 16, HEIGHT - 62], 'x_t', { class: 'symbol over', math: true });
  return sheet.words(ALL_GATES, [50, BUS + 23], '', { class: 'aside units', anchor: 'middle' });
}
