// @ts-check
/** Steps x units of one tensor as colours; and the text in the colours of one unit. */

import { colour, lookup } from '../colours.js';
import { h, section } from '../dom.js';
import { number, signed } from '../i18n.js';
import { byActivity, byContribution, byIndex, bySimilarity } from '../heatmap/order.js';
import { PALETTE } from '../heatmap/painter.js';
import { STEP, createPlot } from '../heatmap/plot.js';
import { tokenStrip } from '../tokens.js';

const GATES = ['forget_gate', 'input_gate', 'output_gate'];
const ORDERS = ['index', 'activity', 'similarity', 'contribution'];
/** Milliseconds of rest before what is pointed at is read out. */
const REST = 600;

export const strings = {
  en: {
    'heatmap.title': 'The heat map',
    'heatmap.nav': 'Heat map',
    'heatmap.lead':
      'Every token from left to right, every unit of the network from top to bottom. Click a cell to choose its token and its unit, a number at the left to choose a unit.',
    'heatmap.tensor': 'Show',
    'heatmap.layer': 'Layer',
    'heatmap.layer.bottom': '{layer}, reads the tokens',
    'heatmap.layer.top': '{layer}, the top',
    'heatmap.direction': 'Read',
    'heatmap.order': 'Units by',
    'heatmap.index': 'number',
    'heatmap.activity': 'activity',
    'heatmap.similarity': 'similarity',
    'heatmap.contribution': 'contribution',
    'heatmap.index.note': 'In the order of their numbers.',
    'heatmap.activity.note': 'From the unit that moves most over the text (standard deviation over the steps) to the one that moves least.',
    'heatmap.similarity.note': 'Units that move alike over the text (correlation) stand side by side.',
    'heatmap.contribution.note': 'From the unit that speaks most for “{label}” to the one that speaks most against it; the bars say how much.',
    'heatmap.contribution.top': 'What units contribute is known of the top layer alone.',
    'heatmap.contribution.none': 'The server does not say what this model’s units contribute.',
    'heatmap.out': 'Zoom out',
    'heatmap.in': 'Zoom in',
    'heatmap.fit': 'Fit all',
    'heatmap.fit.title': 'All cells at once; where several share a pixel, it shows their mean',
    'heatmap.strong': 'Stronger colours',
    'heatmap.strong.title': 'Full colour from the size on that only two of a hundred numbers pass',
    'heatmap.read': 'Read numbers',
    'heatmap.map': 'Heat map of the {tensor}: {steps} tokens, {units} units',
    'heatmap.keys':
      'Arrow keys go from cell to cell, Enter chooses it, Escape lets the unit go, + and − zoom, 0 fits all.',
    'heatmap.point': 'Point at a cell to read its number.',
    'heatmap.cell': '“{token}”, token {step}, unit {unit}: {symbol} = {value}',
    'heatmap.low.gate': '0 shut',
    'heatmap.high.gate': 'open 1',
    'heatmap.empty': 'There is no token to show yet.',
    'heatmap.waiting': 'The numbers are on their way …',
    'heatmap.failed': 'The numbers could not be had: {problem}',
    'heatmap.unit': 'The text as unit {unit} sees it',
    'heatmap.unit.range': 'Colours are the {tensor} of this unit alone, from {low} to {high}.',
    'heatmap.unit.clear': 'Let the unit go',
    'heatmap.unit.tokens': 'Tokens, coloured by one unit',
  },
  zh: {
    'heatmap.title': '热图',
    'heatmap.nav': '热图',
    'heatmap.lead': '从左到右是每个词元，从上到下是网络的每个单元。点击一格可选中它的词元和单元，点击左侧的编号可选中单元。',
    'heatmap.tensor': '显示',
    'heatmap.layer': '层',
    'heatmap.layer.bottom': '{layer}（读词元）',
    'heatmap.layer.top': '{layer}（顶层）',
    'heatmap.direction': '方向',
    'heatmap.order': '单元排序',
    'heatmap.index': '编号',
    'heatmap.activity': '活跃度',
    'heatmap.similarity': '相似度',
    'heatmap.contribution': '贡献',
    'heatmap.index.note': '按编号排列。',
    'heatmap.activity.note': '按各单元在整段文本上的标准差，从变化最大的排到最小的。',
    'heatmap.similarity.note': '在整段文本上变化相似（相关系数高）的单元排在一起。',
    'heatmap.contribution.note': '从最支持“{label}”的单元排到最反对的；横条表示多少。',
    'heatmap.contribution.top': '只有顶层单元的贡献是已知的。',
    'heatmap.contribution.none': '服务器没有给出这个模型各单元的贡献。',
    'heatmap.out': '缩小',
    'heatmap.in': '放大',
    'heatmap.fit': '显示全部',
    'heatmap.fit.title': '一次显示所有格子；几格共用一个像素时，显示它们的平均值',
    'heatmap.strong': '加强颜色',
    'heatmap.strong.title': '绝对值最大的百分之二都用最深的颜色',
    'heatmap.read': '看数值',
    'heatmap.map': '{tensor}的热图：{steps} 个词元，{units} 个单元',
    'heatmap.keys': '方向键逐格移动，回车选中，Esc 取消单元，+ 和 − 缩放，0 显示全部。',
    'heatmap.point': '指向一格可读出它的数值。',
    'heatmap.cell': '“{token}”，第 {step} 个词元，单元 {unit}：{symbol} = {value}',
    'heatmap.low.gate': '0 关',
    'heatmap.high.gate': '开 1',
    'heatmap.empty': '还没有词元可以显示。',
    'heatmap.waiting': '正在取数值……',
    'heatmap.failed': '没能取到数值：{problem}',
    'heatmap.unit': '单元 {unit} 眼中的文本',
    'heatmap.unit.range': '颜色只表示这个单元的{tensor}，从 {low} 到 {high}。',
    'heatmap.unit.clear': '取消单元',
    'heatmap.unit.tokens': '按一个单元着色的词元',
  },
};

const SYMBOLS = { hidden: 'h', cell: 'c', forget_gate: 'f', input_gate: 'i', candidate: 'c̃', output_gate: 'o' };

/** @param {import('../main.js').Context} context */
export function create({ store, t }) {
  const frame = section('heatmap', t);
  const tensors = choice('heatmap-tensor', (tensor) => store.set({ tensor }));
  const directions = choice('heatmap-direction', (direction) => store.set({ direction }));
  const orders = choice('heatmap-order', (order) => store.set({ order }));
  const layers = h('select', { onchange: () => store.set({ layer: Number(layers.value) }) });
  const layerWord = h('span', { class: 'choice-name' });
  const layer = h('label', { class: 'choice' }, layerWord, layers);
  const plot = createPlot({ onSelect: select, onCursor: pointed });
  const button = (/** @type {string} */ mark, /** @type {() => void} */ act) => h('button', { type: 'button', onclick: act }, mark);
  const out = button('−', () => plot.zoom(1 / STEP));
  const closer = button('+', () => plot.zoom(STEP));
  const fit = button('', () => plot.fit());
  const read = button('', () => plot.read());
  const strong = h('input', { type: 'checkbox', onchange: () => draw(store.get()) });
  const strongWord = h('span');
  const contrast = h('label', { class: 'heatmap-strong' }, strong, strongWord);
  const zooms = h('div', { class: 'heatmap-zoom' }, out, closer, fit, read);
  const note = h('p', { class: 'note', id: 'heatmap-note' });
  const message = h('p', { class: 'note heatmap-message', role: 'status' });
  const readout = h('p', { class: 'heatmap-readout' });
  const spoken = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  const ramp = h('canvas', { width: 256, height: 1, 'aria-hidden': 'true' });
  const ends = [h('span'), h('span'), h('span')];
  const legend = h('div', { class: 'heatmap-legend' }, ramp, h('div', { class: 'heatmap-ends' }, ...ends), contrast);
  const keys = h('p', { class: 'note heatmap-keys', id: 'heatmap-keys' });
  const strip = tokenStrip({ t, label: 'heatmap.unit.tokens', onSelect: (step) => store.set({ step }) });
  const unitTitle = h('h3');
  const unitRange = h('p', { class: 'note' });
  const clear = button('', () => store.set({ unit: null }));
  const alone = h('div', { class: 'heatmap-unit' }, h('div', { class: 'heatmap-unit-head' }, unitTitle, clear), unitRange, strip.element);

  plot.element.setAttribute('aria-describedby', keys.id);
  orders.element.setAttribute('aria-describedby', note.id);
  frame.element.append(
    h('div', { class: 'heatmap-choices' }, tensors.element, layer, directions.element, orders.element, zooms),
    note, message, plot.element,
    h('div', { class: 'heatmap-foot' }, readout, legend), keys, spoken, alone,
  );
  frame.element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    plot.clear();
    store.set({ unit: null });
  });

  /** What is drawn: the state, with what this model does not have replaced by what it has. */
  let shown = /** @type {ReturnType<typeof present> | null} */ (null);
  /** @type {import('../answer.js').Matrix | null} */
  let matrix = null;
  let order = new Int32Array();
  /** Orders are made once for each tensor. @type {WeakMap<Float32Array, Record<string, Int32Array>>} */
  const made = new WeakMap();
  let timer = 0;
  /** @type {{data: Float32Array, unit: number, values: Float32Array, low: number, high: number} | null} */
  let column = null;

  /** @param {import('../heatmap/plot.js').Cell} cell @param {boolean} meansStep */
  function select(cell, meansStep) {
    const { step, unit } = store.get();
    const chosen = order[cell.row];
    const again = unit === chosen && (!meansStep || step === cell.column);
    store.set({ unit: again ? null : chosen, ...(meansStep ? { step: cell.column } : {}) });
  }

  /** @param {import('../heatmap/plot.js').Cell | null} cell */
  function pointed(cell) {
    const answer = store.get().answer;
    const words = cell && matrix && answer && shown
      ? t('heatmap.cell', {
          token: answer.tokens[cell.column],
          step: cell.column + 1,
          unit: order[cell.row],
          symbol: SYMBOLS[shown.tensor],
          value: plain(matrix.at(cell.column, order[cell.row]), 4),
        })
      : '';
    readout.textContent = words || t('heatmap.point');
    readout.classList.toggle('note', !words);
    clearTimeout(timer);
    if (words) timer = setTimeout(() => { spoken.textContent = words; }, REST);
  }

  function words() {
    frame.retitle();
    for (const [element, key] of [[fit, 'fit'], [read, 'read'], [clear, 'unit.clear'], [layerWord, 'layer'], [keys, 'keys'], [strongWord, 'strong']]) {
      element.textContent = t(`heatmap.${key}`);
    }
    for (const [element, key] of [[out, 'out'], [closer, 'in']]) {
      element.setAttribute('aria-label', t(`heatmap.${key}`));
      element.title = t(`heatmap.${key}`);
    }
    fit.title = t('heatmap.fit.title');
    contrast.title = t('heatmap.strong.title');
    pointed(plot.cursor());
  }

  /** @param {import('../store.js').State} state */
  function choices(state) {
    const { answer } = state;
    const { tensor, layer: number_, direction, order: by } = /** @type {NonNullable<typeof shown>} */ (shown);
    tensors.update(t('heatmap.tensor'), answer.tensors.map((name) => ({ value: name, words: t(`tensor.${name}`), dot: name })), tensor);
    directions.update(t('heatmap.direction'), answer.directions.map((name) => ({ value: name, words: t(`direction.${name}`) })), direction);
    const without = contributionsWithout(state);
    orders.update(
      t('heatmap.order'),
      ORDERS.map((name) => ({ value: name, words: t(`heatmap.${name}`), disabled: name === 'contribution' && without !== null })),
      by,
    );
    note.textContent = [
      t(`heatmap.${by}.note`, { label: answer.labels[answer.follow(state.label)] }),
      without && t(without),
    ].filter(Boolean).join(' ');
    note.hidden = !note.textContent;
    tensors.element.hidden = answer.tensors.length < 2;
    directions.element.hidden = answer.directions.length < 2;
    layer.hidden = answer.layers < 2;
    layers.replaceChildren(
      ...Array.from({ length: answer.layers }, (_, index) =>
        h('option', { value: index, selected: index === number_ }, layerName(t, index, answer.layers))),
    );
  }

  /** The numbers to draw; null while they are fetched, which ends with drawing them. */
  function numbers(state) {
    const { answer } = state;
    const { tensor, layer: number_, direction } = /** @type {NonNullable<typeof shown>} */ (shown);
    const ready = answer.ready(tensor, number_, direction);
    if (ready) return ready;
    say('heatmap.waiting');
    const wanted = shown;
    answer.tensor(tensor, number_, direction).then(
      () => {
        if (shown === wanted) draw(store.get());
      },
      (error) => {
        if (shown === wanted && error.name !== 'AbortError') say('heatmap.failed', { problem: error.message });
      },
    );
    return null;
  }

  function say(key, values) {
    message.textContent = key ? t(key, values) : '';
    message.hidden = !key;
  }

  /** @param {import('../store.js').State} state */
  function draw(state) {
    const { answer } = state;
    matrix = answer.steps ? numbers(state) : null;
    if (!answer.steps) say('heatmap.empty');
    if (!matrix || !shown) {
      if (!answer.steps) plot.show(null);
      about(state);
      return;
    }
    say('');
    const gate = GATES.includes(shown.tensor);
    const stronger = strong.checked && !gate;
    const whole = shown.tensor === 'cell' ? largest(matrix.data) : 1;
    const most = stronger ? usual(matrix.data) : whole;
    contrast.hidden = gate;
    const table = lookup(gate ? 'sequential' : 'diverging');
    const bars = shown.order === 'contribution' ? contributions(state) : null;
    order = ordered(matrix, shown.order, bars);
    plot.show({
      matrix, order, table, bars,
      range: { low: gate ? 0 : -most, high: most },
      tokens: answer.tokens,
      colours: Object.fromEntries(PALETTE.map((name) => [name, colour(name)])),
    });
    plot.element.setAttribute(
      'aria-label',
      t('heatmap.map', { tensor: t(`tensor.${shown.tensor}`), steps: answer.steps, units: answer.units }),
    );
    ramp.getContext('2d').putImageData(new ImageData(new Uint8ClampedArray(table.rgba), 256, 1), 0, 0);
    const ticks = gate
      ? [t('heatmap.low.gate'), '', t('heatmap.high.gate')]
      : [`${stronger ? '≤ ' : ''}${plain(-most, most === 1 ? 0 : 2)}`, '0', `${stronger ? '≥ ' : ''}${plain(most, most === 1 ? 0 : 2)}`];
    ends.forEach((end, index) => { end.textContent = ticks[index]; });
    pointed(plot.cursor());
    about(state);
    tellTime(answer);
  }

  /** @param {import('../answer.js').Matrix} numbers @param {string} by @param {Float32Array | null} bars */
  function ordered(numbers, by, bars) {
    if (bars) return byContribution(bars);
    const known = made.get(numbers.data) ?? {};
    made.set(numbers.data, known);
    const make = { activity: byActivity, similarity: bySimilarity }[by];
    known[by] ??= make ? make(numbers) : byIndex(numbers.columns);
    return known[by];
  }

  /** The selected step and unit, on the map and in the text. @param {import('../store.js').State} state */
  function about(state) {
    const { answer, unit, step } = state;
    const chosen = matrix && unit !== null && unit < answer.units ? unit : null;
    if (matrix) plot.mark(answer.steps ? step : null, chosen === null ? null : order.indexOf(chosen));
    zooms.hidden = legend.hidden = readout.hidden = keys.hidden = plot.element.hidden = !answer?.steps;
    alone.hidden = chosen === null;
    if (chosen === null || !matrix || !shown) return;
    if (column?.data !== matrix.data || column.unit !== chosen) column = courseOf(matrix, chosen, shown.tensor);
    const { values, low, high } = column;
    const symbol = SYMBOLS[shown.tensor];
    const course = matrix;
    unitTitle.textContent = t('heatmap.unit', { unit: chosen });
    unitRange.textContent = t('heatmap.unit.range', { tensor: t(`tensor.${shown.tensor}`), low: plain(low, 2), high: plain(high, 2) });
    strip.update({
      answer, values, selected: step,
      titles: (at) => `${symbol} = ${plain(course.at(at, chosen), 3)}`,
    });
  }

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) words();
      if (!state.answer) {
        for (const part of [tensors, directions, orders, { element: layer }]) part.element.hidden = true;
        note.hidden = zooms.hidden = legend.hidden = readout.hidden = keys.hidden = alone.hidden = plot.element.hidden = true;
        say('heatmap.empty');
        return;
      }
      const drawn = ['answer', 'tensor', 'layer', 'direction', 'order', 'label', 'theme', 'language'];
      if (drawn.some((name) => changed.has(name))) {
        orders.element.hidden = false;
        if (changed.has('theme')) column = null;
        shown = present(state);
        choices(state);
        plot.element.hidden = !state.answer.steps;
        draw(state);
      } else if (changed.has('step') || changed.has('unit')) about(state);
    },
  };
}

/** What is drawn: the state, with what this model does not have replaced by what it has. */
function present(state) {
  const { answer, tensor, layer, direction, order } = state;
  const top = answer.layers - 1;
  const shown = {
    tensor: answer.tensors.includes(tensor) ? tensor : 'hidden',
    layer: Math.min(layer, top),
    direction: answer.directions.includes(direction) ? direction : 'forward',
    order,
  };
  if (order === 'contribution' && contributionsWithout(state)) shown.order = 'index';
  return shown;
}

/** Why units cannot be ordered by what they contribute, as a key; or null. */
function contributionsWithout({ answer, layer, direction }) {
  if (!answer.contributionsOf(answer.directions.includes(direction) ? direction : 'forward')) {
    return 'heatmap.contribution.none';
  }
  return layer < answer.layers - 1 ? 'heatmap.contribution.top' : null;
}

/** What each unit adds to the label that is followed. */
function contributions({ answer, label, direction }) {
  const known = answer.contributionsOf(answer.directions.includes(direction) ? direction : 'forward');
  return known.row(answer.follow(label));
}

function layerName(t, index, layers) {
  if (index === 0) return t('heatmap.layer.bottom', { layer: 0 });
  return index === layers - 1 ? t('heatmap.layer.top', { layer: index }) : String(index);
}

/** @param {Float32Array} data  its largest absolute value; 1 where all is zero */
function largest(data) {
  let most = 0;
  for (let at = 0; at < data.length; at++) {
    const size = Math.abs(data[at]);
    if (size > most) most = size;
  }
  return most || 1;
}

/** The size that only two of a hundred numbers pass, told by some thousands of them. @param {Float32Array} data */
function usual(data) {
  const every = Math.floor(data.length / 20_000) | 1; // odd: units are mostly even in number, and all are to be met
  const sizes = new Float32Array(Math.ceil(data.length / every));
  for (let index = 0; index < sizes.length; index++) sizes[index] = Math.abs(data[index * every]);
  return sizes.sort()[Math.floor(0.98 * (sizes.length - 1))] || 1;
}

/**
 * One unit's numbers, as colours of the text: gates as they are, the others so that the unit's largest
 * has the full colour, as many a unit never comes near the ends of its range.
 */
function courseOf(matrix, unit, tensor) {
  const course = matrix.column(unit);
  const most = GATES.includes(tensor) ? 1 : largest(course);
  const [low, high] = GATES.includes(tensor) ? [0, 1] : [-most, most];
  return { data: matrix.data, unit, values: course.map((value) => value / most), low, high };
}

/** A number with its minus, without a plus. */
const plain = (value, digits) => (value < -0.5 * 10 ** -digits ? signed(value, digits) : number(Math.abs(value), digits));

/** @type {import('../answer.js').Answer | null} */
let told = null;

/** For who measures the page: when an answer's map stood on the screen, and how long the model took. */
function tellTime(answer) {
  if (answer === told) return;
  told = answer;
  // A task of its own comes after the frame that is being made.
  setTimeout(() => {
    const { inferenceMs, steps, units } = answer;
    performance.clearMarks('conveyor:heatmap');
    performance.mark('conveyor:heatmap', { detail: { text: answer.text, inferenceMs, steps, units } });
  });
}

/**
 * A group of radio buttons in one row.
 * @param {string} name @param {(value: any) => void} onChange
 */
function choice(name, onChange) {
  const title = h('legend', { class: 'choice-name' });
  const row = h('div', { class: 'choice-row' });
  const element = h('fieldset', { class: 'choice' }, title, row);
  let known = '';
  row.addEventListener('change', (event) => onChange(event.target.value));
  return {
    element,
    /**
     * @param {string} words
     * @param {{value: string, words: string, disabled?: boolean, dot?: string}[]} options
     * @param {string} chosen
     */
    update(words, options, chosen) {
      title.textContent = words;
      const now = JSON.stringify(options);
      if (now !== known) {
        known = now;
        row.replaceChildren(
          ...options.map(({ value, words, disabled, dot }) =>
            h('label', {},
              h('input', { type: 'radio', name, value, disabled }),
              h('span', {}, dot && h('i', { class: 'dot', style: { background: `var(--${dot})` } }), words))),
        );
      }
      for (const input of row.querySelectorAll('input')) input.checked = input.value === chosen;
    },
  };
}
