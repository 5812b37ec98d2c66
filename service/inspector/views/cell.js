// @ts-check
/** The course's drawing of the cell, with the numbers of the step that the reader has chosen. */

import { curve } from '../curve.js';
import { lstmDiagram } from '../diagram.js';
import { h, section } from '../dom.js';
import { focus } from '../focus.js';
import * as formulas from '../formulas.js';
import { gather } from '../gather.js';
import { signed } from '../i18n.js';
import { atLeisure } from '../leisure.js';
import { fixed } from '../math.js';
import { simpleDiagram } from '../simple_diagram.js';
import * as numbers from '../step.js';
import { tokenStrip } from '../tokens.js';

export const strings = {
  en: {
    ...formulas.strings.en,
    'cell.title': 'The cell',
    'cell.nav': 'Cell',
    'cell.lead': 'What the cell does at one step, with the numbers of this text. Click a token, step with the arrow keys, or let it play.',
    'cell.why': 'Why c can remember',
    'cell.why.belt': 'The belt c runs straight through the cell. Two things happen to it on the way: the forget gate decides how much of it stays, and something new is added. Nothing else touches it. While the forget gate is near 1, what lies on the belt arrives at the next step almost as it was: 0.99, a hundred times over, still leaves 37 %. The state h is made anew at every step; the belt is what lasts.',
    'cell.why.simple': 'This network is a simple RNN: it has no gates and no belt. Its state h goes through W and tanh at every step, so what it held before is mixed and squeezed each time, and soon lost. To keep it, the LSTM was given a belt.',
    'cell.backward': 'This direction reads the text from its end: the step before stands to the right, and the belt runs from right to left.',
    'cell.backward.simple': 'This direction reads the text from its end: the step before stands to the right.',
    'cell.empty': 'The text has no tokens: the network stays in its initial state, h = c = 0.',
    'cell.loading': 'The numbers are being fetched …',
    'cell.where': 'Step {step} of {steps}: “{token}”',
    'cell.back': 'Step back',
    'cell.on': 'Step on',
    'cell.play': 'Play',
    'cell.pause': 'Pause',
    'cell.one': 'One unit',
    'cell.all': 'All {units} units',
    'cell.unit': 'Unit',
    'cell.unit.previous': 'Previous unit',
    'cell.unit.next': 'Next unit',
    'cell.scope': 'Whose numbers',
    'cell.changes': 'Changing most here:',
    'cell.layer': 'Layer',
    'cell.direction': 'Direction',
    'cell.tokens': 'Tokens of the text; arrow keys step',
    'cell.figure': 'The cell; the arrow keys left and right step through the text',
    'cell.all.short': '{units} units',
    'cell.box.forget_gate': 'forget gate',
    'cell.box.forget_gate.short': 'forget',
    'cell.box.input_gate': 'input gate',
    'cell.box.input_gate.short': 'input',
    'cell.box.candidate': 'new value',
    'cell.box.candidate.short': 'new',
    'cell.box.output_gate': 'output gate',
    'cell.box.output_gate.short': 'output',
    'cell.box.hidden': 'new state',
    'cell.box.hidden.short': 'state',
    'cell.picture.unit': 'The cell at “{token}”, unit {unit}: the belt comes with {cBefore}, the forget gate {f} leaves {kept}, the input gate {i} adds {added} of the new value {g}, the belt goes on with {c}; the output gate {o} shows {h}.',
    'cell.picture.all': 'The cell at “{token}”, means over all units: the belt comes with {cBefore}, the forget gate {f} leaves {kept}, the input gate {i} adds {added} of the new value {g}, the belt goes on with {c}; the output gate {o} shows {h}.',
    'cell.picture.simple': 'The simple cell at “{token}”: the new state is {h}.',
    'cell.key.unit': 'How thick a flow is shows how large the number is.',
    'cell.key.positive': 'positive',
    'cell.key.negative': 'negative',
    'cell.key.lost': 'forgotten',
    'cell.key.all': 'How thick a flow is shows how large the numbers are on average, whatever their sign; the boxes show how many units have which value.',
    'cell.curve.unit': 'The belt c of unit {unit} over all steps, and the state h that is shown of it. Click a step.',
    'cell.curve.all': 'How much lies on the belts (mean of |c| over all units) over all steps, and how much is shown (mean of |h|). Click a step.',
    'cell.curve.simple': 'The state h over all steps. Click a step.',
  },
  zh: {
    ...formulas.strings.zh,
    'cell.title': '细胞',
    'cell.nav': '细胞',
    'cell.lead': '细胞在一步里做了什么，用这段文本的真实数值画出。点击词元，用方向键逐步移动，或者自动播放。',
    'cell.why': '为什么 c 能记住',
    'cell.why.belt': '传送带 c（细胞状态）笔直穿过细胞。途中只发生两件事：遗忘门决定保留多少，然后加上一点新内容；此外没有任何东西碰它。只要遗忘门接近 1，带上的内容就几乎原样到达下一步：0.99 连乘一百次，仍剩 37%。隐藏状态 h 每一步都重新算出，能长久保留的是传送带。',
    'cell.why.simple': '这个网络是简单 RNN：没有门，也没有传送带。它的状态 h 每一步都要经过 W 和 tanh，以前的内容每次都被搅混、压缩，很快就丢失了。LSTM 正是为此加上了传送带。',
    'cell.backward': '这个方向从文本末尾读起：前一步在右边，传送带从右向左运行。',
    'cell.backward.simple': '这个方向从文本末尾读起：前一步在右边。',
    'cell.empty': '文本中没有词元：网络停留在初始状态 h = c = 0。',
    'cell.loading': '正在获取数值……',
    'cell.where': '第 {step} 步，共 {steps} 步：“{token}”',
    'cell.back': '上一步',
    'cell.on': '下一步',
    'cell.play': '播放',
    'cell.pause': '暂停',
    'cell.one': '一个单元',
    'cell.all': '全部 {units} 个单元',
    'cell.unit': '单元',
    'cell.unit.previous': '上一个单元',
    'cell.unit.next': '下一个单元',
    'cell.scope': '看谁的数值',
    'cell.changes': '此处变化最大：',
    'cell.layer': '层',
    'cell.direction': '方向',
    'cell.tokens': '文本的词元；用方向键逐步移动',
    'cell.figure': '细胞；用左右方向键在文本中逐步移动',
    'cell.all.short': '{units} 个单元',
    'cell.box.forget_gate': '遗忘门',
    'cell.box.forget_gate.short': '遗忘门',
    'cell.box.input_gate': '输入门',
    'cell.box.input_gate.short': '输入门',
    'cell.box.candidate': '新值',
    'cell.box.candidate.short': '新值',
    'cell.box.output_gate': '输出门',
    'cell.box.output_gate.short': '输出门',
    'cell.box.hidden': '新状态',
    'cell.box.hidden.short': '新状态',
    'cell.picture.unit': '读到“{token}”时的细胞，单元 {unit}：传送带带来 {cBefore}，遗忘门 {f} 留下 {kept}，输入门 {i} 从新值 {g} 中加入 {added}，传送带以 {c} 继续；输出门 {o} 展示出 {h}。',
    'cell.picture.all': '读到“{token}”时的细胞，全部单元的均值：传送带带来 {cBefore}，遗忘门 {f} 留下 {kept}，输入门 {i} 从新值 {g} 中加入 {added}，传送带以 {c} 继续；输出门 {o} 展示出 {h}。',
    'cell.picture.simple': '读到“{token}”时的简单细胞：新状态是 {h}。',
    'cell.key.unit': '线越粗，数值越大。',
    'cell.key.positive': '正',
    'cell.key.negative': '负',
    'cell.key.lost': '被遗忘',
    'cell.key.all': '线的粗细表示各单元数值的平均大小（不论正负）；方框里显示各取值的单元有多少。',
    'cell.curve.unit': '单元 {unit} 的传送带 c 在各步的值，以及展示出来的隐藏状态 h。点击选择一步。',
    'cell.curve.all': '各步传送带上内容的多少（全部单元 |c| 的均值）和展示出来的多少（|h| 的均值）。点击选择一步。',
    'cell.curve.simple': '隐藏状态 h 在各步的值。点击选择一步。',
  },
};

const PACE = 1100; // milliseconds a step, when it plays
const CHIPS = 6;
const LONGEST = 14; // characters of a token in the drawing

const GATES = ['forget_gate', 'input_gate', 'candidate', 'output_gate', 'hidden'];

/** @param {import('../main.js').Context} context */
export function create({ store, t }) {
  const frame = section('cell', t);
  const why = h('h3');
  const reason = h('p');
  const button = (onclick, attributes = {}) => h('button', { type: 'button', onclick, ...attributes });
  const back = button(() => go(order().before(store.get().step)));
  const play = button(() => (timer ? stop() : start()), { class: 'primary' });
  const on = button(() => go(order().after(store.get().step)));
  const where = h('p', { class: 'where', 'aria-live': 'polite' });
  const one = button(() => store.set({ scope: 'unit' }));
  const all = button(() => store.set({ scope: 'all' }));
  const scope = h('div', { class: 'scope', role: 'group' }, one, all);
  const caption = h('span');
  const number = h('input', { type: 'number', min: 0, step: 1, onchange: () => choose(Number(number.value)) });
  const previous = button(() => choose(Number(number.value) - 1));
  const next = button(() => choose(Number(number.value) + 1));
  const chooser = h('div', { class: 'chooser' }, previous, h('label', {}, caption, number), next);
  const chips = h('div', { class: 'chips' });
  const layer = h('select', { onchange: () => store.set({ layer: Number(layer.value) }) });
  const direction = h('select', { onchange: () => store.set({ direction: direction.value }) });
  const strip = tokenStrip({ t, label: 'cell.tokens', onSelect: go });
  const note = h('p', { class: 'note' });
  const figure = h('figure', { tabindex: '0' });
  const legend = h('p', { class: 'note legend' });
  const list = formulas.formulaList({ t, onPart: (part) => light(part) });
  const line = curve({ onSelect: go });
  const about = h('p', { class: 'note' });
  const stage = h(
    'div',
    { class: 'stage' },
    h('div', { class: 'picture' }, figure, legend, about, line.element),
    list.element,
  );
  const steps = h('div', { class: 'controls' }, back, play, on, where);
  const whose = h('div', { class: 'controls' }, scope, chooser, chips, layer, direction);
  frame.element.append(h('aside', { class: 'why' }, why, reason), steps, strip.element, whose, note, stage);

  let timer = 0;
  let awaited = -1; // the step that playing has set
  let diagram = null;
  let drawn = ''; // which diagram that is
  let problem = '';

  const redraw = atLeisure(frame.element, draw);
  const order = () => numbers.reading(store.get().direction, store.get().answer?.steps ?? 0);

  /** The reader goes to a step: what plays stops. */
  function go(step) {
    stop();
    if (step !== null) store.set({ step });
  }

  function start() {
    const { first, after } = order();
    play.textContent = t('cell.pause');
    const advance = () => {
      const step = after(store.get().step);
      if (step === null) stop();
      else store.set({ step: (awaited = step) });
    };
    timer = setInterval(advance, PACE);
    if (after(store.get().step) === null) store.set({ step: (awaited = first) });
    else advance();
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = t('cell.play');
  }

  function choose(unit) {
    const { answer } = store.get();
    if (answer && Number.isInteger(unit)) {
      store.set({ unit: Math.min(answer.units - 1, Math.max(0, unit)), scope: 'unit' });
    }
  }

  /** Lights up a formula's part of the diagram; null all of it. */
  function light(part) {
    for (const node of figure.querySelectorAll('[data-part]')) {
      node.classList.toggle('dim', Boolean(part) && !node.dataset.part.split(' ').includes(part));
    }
  }

  frame.element.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    const { step, answer } = store.get();
    const last = (answer?.steps ?? 0) - 1;
    const to = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    go(Math.min(last, Math.max(0, to)));
  });

  function words() {
    frame.retitle();
    why.textContent = t('cell.why');
    back.textContent = t('cell.back');
    on.textContent = t('cell.on');
    play.textContent = t(timer ? 'cell.pause' : 'cell.play');
    one.textContent = t('cell.one');
    caption.textContent = t('cell.unit');
    scope.setAttribute('aria-label', t('cell.scope'));
    for (const [node, words, sign] of [[previous, 'previous', '‹'], [next, 'next', '›']]) {
      node.textContent = sign;
      node.setAttribute('aria-label', t(`cell.unit.${words}`));
    }
    layer.setAttribute('aria-label', t('cell.layer'));
    direction.setAttribute('aria-label', t('cell.direction'));
    figure.setAttribute('aria-label', t('cell.figure'));
  }

  function fill(select, options, chosen) {
    select.replaceChildren(...options.map(([value, text]) => h('option', { value, selected: String(value) === String(chosen) }, text)));
    select.hidden = options.length < 2;
  }

  function draw(near) {
    const state = store.get();
    const { answer, step } = state;
    const tensors = gather(state, {
      fetch: near,
      again: redraw,
      failed: (sentence) => {
        problem = sentence;
        redraw();
      },
    });
    const simple = Boolean(answer) && !answer.tensors.includes('cell');
    reason.textContent = t(simple ? 'cell.why.simple' : 'cell.why.belt');
    for (const node of [steps, whose, strip.element]) node.hidden = !answer?.steps;
    stage.hidden = !tensors;
    note.textContent = remark(state, tensors, simple);
    if (!answer?.steps) return;

    const { before, after } = order();
    where.textContent = t('cell.where', { step: step + 1, steps: answer.steps, token: answer.tokens[step] });
    back.disabled = before(step) === null;
    on.disabled = after(step) === null;
    all.textContent = t('cell.all', { units: answer.units });
    one.setAttribute('aria-pressed', String(state.scope === 'unit'));
    all.setAttribute('aria-pressed', String(state.scope === 'all'));
    fill(layer, Array.from({ length: answer.layers }, (_, index) => [index, `${t('cell.layer')} ${index}`]), state.layer);
    fill(direction, answer.directions.map((name) => [name, t(`direction.${name}`)]), state.direction);
    if (!tensors) {
      strip.update({ answer, values: null, selected: step });
      return;
    }
    problem = '';
    show(state, tensors, simple);
  }

  function remark({ answer, direction: way }, tensors, simple) {
    if (!answer) return '';
    if (!answer.steps) return t('cell.empty');
    if (!tensors) return problem || t('cell.loading');
    return way === 'backward' ? t(simple ? 'cell.backward.simple' : 'cell.backward') : '';
  }

  function show(state, tensors, simple) {
    const { answer, step } = state;
    const { before, after } = order();
    const belt = tensors[simple ? 'hidden' : 'cell'];
    const unit = focus(state, tensors.hidden);
    const together = unit === null;
    const of = together ? meanSize : (matrix) => matrix.column(unit);
    const lines = simple
      ? [{ values: of(tensors.hidden), class: 'hidden' }]
      : [{ values: of(tensors.hidden), class: 'hidden' }, { values: of(belt), class: 'cell' }];
    const most = Math.max(1, ...lines.map(({ values }) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
    const n = simple
      ? { h: lines[0].values[step] }
      : together
        ? numbers.ofAll(tensors, step, before(step))
        : numbers.ofUnit(tensors, unit, step, before(step));
    const token = answer.tokens[step];
    const row = (name) => tensors[name].row(step);
    const spoken = Object.fromEntries(Object.entries(n).map(([name, value]) => [name, fixed(value)]));

    place(`${simple} ${state.direction}`, simple ? simpleDiagram : lstmDiagram, state.direction === 'backward');
    diagram.update({
      numbers: n,
      together,
      scale: most,
      row,
      tokens: { before: short(answer, before(step)), now: short(answer, step), after: short(answer, after(step)) },
      titles: Object.fromEntries(GATES.map((name) => [name, [t(`cell.box.${name}`), t(`cell.box.${name}.short`)]])),
      all: t('cell.all.short', { units: answer.units }),
      label: t(`cell.picture.${simple ? 'simple' : together ? 'all' : 'unit'}`, { ...spoken, unit, token }),
    });
    const context = { t, token, first: before(step) === null, row };
    list.update(
      simple
        ? formulas.ofSimple(n.h, { t, together })
        : together ? formulas.ofAll(n, context) : formulas.ofUnit(n, context),
    );

    const painted = lines[lines.length - 1].values;
    strip.update({
      answer,
      values: together ? null : painted.map((value) => value / most),
      selected: step,
      titles: (index) => fixed(painted[index], 3),
      repaint: true,
    });
    const words = t(`cell.curve.${simple ? 'simple' : together ? 'all' : 'unit'}`, { unit });
    about.replaceChildren(words, ' ', ...(simple ? ['hidden'] : ['cell', 'hidden']).map((name) => swatch(name, t(`tensor.${name}`))));
    line.update({
      series: lines,
      low: together ? 0 : Math.min(0, ...lines.map(({ values }) => values.reduce((a, b) => Math.min(a, b)))),
      high: Math.max(0, ...lines.map(({ values }) => values.reduce((a, b) => Math.max(a, b)))),
      selected: step,
      label: words,
    });
    explain(together, simple);
    chooser.hidden = together;
    chips.hidden = together;
    number.max = String(answer.units - 1);
    number.value = together ? '' : String(unit);
    chips.replaceChildren(
      h('span', { class: 'note' }, t('cell.changes')),
      ...numbers.changes(belt, step, before(step), CHIPS).map(([index, change]) => {
        const chip = button(() => choose(index), { class: 'chip', 'aria-pressed': String(index === unit) });
        chip.append(`${index} `, h('small', {}, signed(change)));
        return chip;
      }),
    );
  }

  /** The diagram of this kind, unless it is there already: then its flows grow and shrink. */
  function place(kind, make, mirrored) {
    if (drawn === kind) return;
    drawn = kind;
    diagram = make(mirrored);
    figure.replaceChildren(diagram.element);
  }

  function explain(together, simple) {
    const key = (name) => swatch(name, t(`cell.key.${name}`));
    legend.replaceChildren(
      t(together ? 'cell.key.all' : 'cell.key.unit'),
      ...(together ? [] : [' ', key('positive'), key('negative')]),
      ...(simple ? [] : [key('lost')]),
    );
  }

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) words();
      const { unit, scope } = state;
      // Whoever picks a unit elsewhere wants to see it here.
      if (changed.has('unit') && !changed.has('scope') && unit !== null && scope === 'all') store.set({ scope: 'unit' });
      if (timer && (changed.has('answer') || (changed.has('step') && state.step !== awaited))) stop();
      const seen = ['answer', 'step', 'unit', 'scope', 'layer', 'direction', 'label', 'language', 'theme'];
      if (seen.some((name) => changed.has(name))) redraw();
    },
  };
}

/** The mean over all units of how far from zero a tensor is, for each step. */
function meanSize(matrix) {
  return Float32Array.from({ length: matrix.rows }, (_, step) => {
    const row = matrix.row(step);
    let sum = 0;
    for (let unit = 0; unit < row.length; unit += 1) sum += Math.abs(row[unit]);
    return sum / row.length;
  });
}

/** A colour, and what it stands for. */
function swatch(name, words) {
  return h('span', { class: `swatch ${name}` }, words);
}

/** A token, short enough for the drawing. */
function short({ tokens }, step) {
  if (step === null) return '';
  const characters = [...(tokens[step] || '·')];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : characters.join('');
}
