// @ts-check
/** A second text beside the first, read by the same model: where they differ, and what that changed. */

import { bars, distance } from '../compare/bars.js';
import { curves } from '../compare/curves.js';
import { align } from '../compare/diff.js';
import { h, section } from '../dom.js';
import { number, percent, signed } from '../i18n.js';
import { tokenStrip } from '../tokens.js';

export const strings = {
  en: {
    'compare.title': 'Compare',
    'compare.nav': 'Compare',
    'compare.lead':
      'Change a word and see what becomes of the answer, of the belief on the way, and of what lies on the belt.',
    'compare.open': 'Compare with a copy to edit',
    'compare.without': 'Compare with the text without “{token}”',
    'compare.close': 'End the comparison',
    'compare.swap': 'Swap A and B',
    'compare.copy': 'Copy A to B',
    'compare.first': 'Text A',
    'compare.second': 'Text B',
    'compare.label': 'Label',
    'compare.difference': 'Difference, B − A',
    'compare.points': '{change} points',
    'compare.tokens.first': 'Text A, coloured by its belief; tokens that B does not have are underlined',
    'compare.tokens.second': 'Text B, coloured by its belief; tokens that A does not have are underlined',
    'compare.here': 'only in this text',
    'compare.curves': 'The belief in “{label}” while A and while B is read, side by side where they share tokens',
    'compare.distance': 'How far apart A and B are inside (0 the same, 1 opposite)',
    'compare.inside': 'What changed inside',
    'compare.ends': 'At the ends',
    'compare.at': 'At these tokens',
    'compare.where': 'after “{a}” in A and “{b}” in B',
    'compare.begin': 'its beginning',
    'compare.sum': 'Together, the {units} units are {distance} apart; {turned} have changed their sign.',
    'compare.equal': 'Nothing differs here: both texts have been the same so far.',
    'compare.same': 'Both texts are the same to the model. Change something in B.',
    'compare.hint': 'Click a token to compare there. Click a unit to follow it in all sections.',
    'compare.tensor': 'Compared',
    'compare.unit': 'Unit {unit}: A {a}, B {b}, difference {difference}',
    'compare.units': 'The units that differ most',
    'compare.counts': '{steps} tokens, {only} of them only here',
    'compare.both':
      'This model reads in both directions at once, so there is no belief on the way: the answers and what is inside are compared.',
    'compare.loading': 'Asking the server …',
  },
  zh: {
    'compare.title': '比较',
    'compare.nav': '比较',
    'compare.lead': '改一个词，看看答案、逐步的判断和传送带上的内容会怎样变化。',
    'compare.open': '复制一份来修改并比较',
    'compare.without': '与去掉“{token}”的文本比较',
    'compare.close': '结束比较',
    'compare.swap': '交换 A 和 B',
    'compare.copy': '把 A 复制到 B',
    'compare.first': '文本 A',
    'compare.second': '文本 B',
    'compare.label': '标签',
    'compare.difference': '差值 B − A',
    'compare.points': '{change} 个百分点',
    'compare.tokens.first': '文本 A，按判断的变化着色；B 中没有的词元带下划线',
    'compare.tokens.second': '文本 B，按判断的变化着色；A 中没有的词元带下划线',
    'compare.here': '只在这段文本里',
    'compare.curves': '读 A 和读 B 时对“{label}”的判断，按共同的词元对齐',
    'compare.distance': 'A 与 B 的内部相差多远（0 相同，1 相反）',
    'compare.inside': '内部有什么变化',
    'compare.ends': '在结尾处',
    'compare.at': '在所选词元处',
    'compare.where': 'A 读完“{a}”，B 读完“{b}”',
    'compare.begin': '开头',
    'compare.sum': '{units} 个单元合起来相差 {distance}，其中 {turned} 个变了符号。',
    'compare.equal': '这里没有差别：到此为止两段文本相同。',
    'compare.same': '对模型来说两段文本相同。请在 B 里改点什么。',
    'compare.hint': '点击词元，在那里比较；点击单元，在所有小节里跟踪它。',
    'compare.tensor': '比较的量',
    'compare.unit': '单元 {unit}：A {a}，B {b}，差值 {difference}',
    'compare.units': '差别最大的单元',
    'compare.counts': '{steps} 个词元，其中 {only} 个只在这里',
    'compare.both': '这个模型同时从两个方向读，途中没有判断：这里比较答案和内部。',
    'compare.loading': '正在询问服务器……',
  },
};

// Milliseconds without a key press before the second text is sent.
const PAUSE = 60;
// Rows of the table; of more labels, those that differ most.
const FEW = 6;
// A change of this many points has the full colour, unless a text has a larger one.
const LEAST_SCALE = 0.1;

const TEXTS = /** @type {const} */ (['first', 'second']);

/** @param {import('../main.js').Context} context */
export function create({ store, t, api }) {
  const frame = section('compare', t);
  const button = (onclick, attributes = {}) => h('button', { type: 'button', onclick, ...attributes });
  const open = button(() => begin(store.get().text), { class: 'primary' });
  const without = button(leaveOut);
  const swap = button(() => {
    const { text, other } = store.get();
    typed = text;
    store.set({ text: other, other: text });
  });
  const copy = button(() => begin(store.get().text));
  const close = button(end);
  const sides = TEXTS.map((name) => side(name));
  const answers = h('div', { class: 'compare-answers' });
  const diagram = curves({ t, onSelect: atColumn });
  const legend = h('p', { class: 'note' });
  const note = h('p', { class: 'note' });
  const status = h('p', { class: 'note compare-status', role: 'status' });
  const insideTitle = h('h3');
  const tensor = h('select', { onchange: () => store.set({ tensor: tensor.value }) });
  const tensorWords = h('span');
  const atEnds = button(() => move(null));
  const atTokens = button(() => move(pair ?? pairOf(store.get().step)));
  const where = h('p', { class: 'note', 'aria-live': 'polite' });
  const sum = h('p');
  const units = bars({ t, onSelect: (unit) => store.set({ unit: unit === store.get().unit ? null : unit }) });
  const hint = h('p', { class: 'note' });
  const inside = h('div', { class: 'compare-inside' },
    h('div', { class: 'controls' }, insideTitle,
      h('span', { class: 'segments', role: 'group' }, atEnds, atTokens),
      h('label', { class: 'controls' }, tensorWords, tensor)),
    where, sum, units.element, hint);
  const body = h('div', { class: 'compare-body' },
    h('div', { class: 'compare-sides' }, ...sides.map(({ element }) => element)),
    status, answers, note, legend, diagram.element, inside);
  frame.element.append(h('div', { class: 'controls' }, open, without, copy, swap, close), body);

  let isOpen = false;
  /** The second text as this view has set it: another one comes from a link. @type {string|null} */
  let typed = '';
  /** @type {import('../answer.js').Answer|null} */
  let second = null;
  let trouble = '';
  let controller = new AbortController();
  let timer = 0;
  /** What is compared at: a step of each text, or null for their ends. @type {[number, number]|null} */
  let pair = null;
  /** @type {any} */
  let laid = null; // the alignment, and of which answers

  function side(name) {
    const letter = name === 'first' ? 'A' : 'B';
    const title = h('h3');
    const area = h('textarea', {
      rows: 3,
      spellcheck: 'false',
      oninput: () => {
        if (name === 'second') typed = area.value;
        store.set({ [name === 'first' ? 'text' : 'other']: area.value });
      },
    });
    const strip = tokenStrip({ t, label: `compare.tokens.${name}`, onSelect: (step) => atToken(name, step) });
    const counts = h('p', { class: 'note' });
    const element = h('div', { class: `compare-side ${name}` },
      h('div', { class: 'compare-name' }, h('span', { class: 'badge', 'aria-hidden': 'true' }, letter), title, counts),
      area, strip.element);
    return { element, title, area, strip, counts };
  }

  function begin(text) {
    isOpen = true;
    pair = null;
    typed = text;
    store.set({ other: text });
    store.touch('other');
    requestAnimationFrame(() => requestAnimationFrame(() => sides[1].area.focus()));
  }

  /** The text without the selected token, and without one of the spaces around it. */
  function leaveOut() {
    const { answer, step } = store.get();
    if (!answer?.steps) return;
    const [from, to] = answer.offsets[step];
    const [before, after] = [answer.text.slice(0, from), answer.text.slice(to)];
    begin(/(^|\s)$/.test(before) ? before + after.replace(/^\s/, '') : before + after);
  }

  function end() {
    isOpen = false;
    typed = null;
    second?.dispose();
    second = null;
    controller.abort();
    clearTimeout(timer);
    store.set({ other: '' });
    store.touch('other');
    open.hidden = false;
    open.focus();
  }

  function schedule() {
    controller.abort();
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  }

  async function ask() {
    controller = new AbortController();
    const { signal } = controller;
    try {
      const answer = await api.inspect(store.get().other, signal);
      second?.dispose();
      second = answer;
      trouble = '';
    } catch (error) {
      if (signal.aborted) return;
      trouble = sentence(error);
    }
    draw();
  }

  function sentence(error) {
    if (!(error instanceof api.ApiError)) throw error;
    const key = `problem.${error.status}`;
    const words = t(key, { sentence: error.message });
    return words === key ? t('problem.other', { sentence: error.message }) : words;
  }

  /** The steps of both texts where the first one stands at a step. @returns {[number, number]} */
  const pairOf = (step) => [step, laid ? laid.alignment.partner(step, 'first') : -1];

  function move(next) {
    pair = next;
    if (pair && pair[0] >= 0) store.set({ step: pair[0] });
    draw();
  }

  function atToken(name, step) {
    if (!laid) return;
    move(name === 'first' ? pairOf(step) : [laid.alignment.partner(step, 'second'), step]);
  }

  function atColumn(column) {
    const { first, second: other } = laid.alignment.columns[column];
    if (first >= 0) atToken('first', first);
    else atToken('second', other);
  }

  function lay(first, other) {
    if (laid?.first !== first || laid.second !== other) {
      laid = { first, second: other, alignment: align(first.ids, other.ids), distances: new Map() };
    }
    return laid;
  }

  function words() {
    frame.retitle();
    for (const [node, name] of [[open, 'open'], [swap, 'swap'], [copy, 'copy'], [close, 'close'],
      [insideTitle, 'inside'], [atEnds, 'ends'], [atTokens, 'at'], [hint, 'hint'], [tensorWords, 'tensor']]) {
      node.textContent = t(`compare.${name}`);
    }
    sides.forEach(({ title, area }, index) => {
      title.textContent = t(`compare.${TEXTS[index]}`);
      area.setAttribute('aria-label', title.textContent);
    });
    units.element.setAttribute('aria-label', t('compare.units'));
  }

  function controls({ answer, step }) {
    open.hidden = isOpen;
    for (const node of [swap, copy, close]) node.hidden = !isOpen;
    without.hidden = !answer?.steps;
    if (answer?.steps) without.textContent = t('compare.without', { token: answer.tokens[Math.min(step, answer.steps - 1)] });
    body.hidden = !isOpen;
  }

  function draw(repaint = false) {
    const state = store.get();
    controls(state);
    if (!isOpen) return;
    [state.text, state.other].forEach((text, index) => {
      if (sides[index].area.value !== text) sides[index].area.value = text;
    });
    const first = state.answer;
    const ready = Boolean(first && second);
    status.textContent = trouble || (ready ? '' : t('compare.loading'));
    for (const node of [answers, note, legend, diagram.element, inside]) node.hidden = !ready;
    if (!first || !second) return;
    const { alignment } = lay(first, second);
    if (pair && (pair[0] >= first.steps || pair[1] >= second.steps)) pair = null;
    if (alignment.same && !trouble) status.textContent = t('compare.same');
    const label = first.follow(state.label);
    const at = pair ?? [first.steps - 1, second.steps - 1];
    drawAnswers(first, second, label);
    drawStrips(first, second, label, at, repaint);
    drawInside(state, first, second, at);
    drawCurves(state, first, second, label, at);
  }

  function drawAnswers(first, other, label) {
    const apart = (index) => other.scores[index] - first.scores[index];
    const order = [...first.labels.keys()].filter((index) => index !== label)
      .sort((a, b) => Math.abs(apart(b)) - Math.abs(apart(a)));
    const row = (index) => h('tr', { class: index === label ? 'followed' : '' },
      h('th', { scope: 'row' }, first.labels[index]),
      ...[first, other].map((answer) =>
        h('td', { class: answer.predicted === index ? 'predicted' : '' }, percent(answer.scores[index]))),
      h('td', { class: apart(index) < 0 ? 'falls' : 'rises' }, t('compare.points', { change: signed(100 * apart(index), 1) })));
    const head = (words, attributes = {}) => h('th', { scope: 'col', ...attributes }, words);
    answers.replaceChildren(h('table', {},
      h('thead', {}, h('tr', {}, head(t('compare.label')), head('A', { class: 'first' }), head('B', { class: 'second' }),
        head(t('compare.difference')))),
      h('tbody', {}, ...[label, ...order].slice(0, FEW).map(row))));
  }

  function drawStrips(first, other, label, at, repaint) {
    const changes = [first, other].map((answer) => changesOf(answer, label));
    const scale = Math.max(LEAST_SCALE, ...changes.map((values) => largest(values ?? [])));
    [first, other].forEach((answer, index) => {
      const { strip, counts } = sides[index];
      const { columns, ofFirst, ofSecond } = laid.alignment;
      const only = (index ? ofSecond : ofFirst).map((place) => columns[place][TEXTS[1 - index]] < 0);
      strip.element.hidden = !answer.steps;
      strip.update({
        answer,
        values: changes[index]?.map((change) => change / scale) ?? null,
        selected: at[index],
        titles: (step) => [
          answer.tokens[step],
          ...(answer.stepScores ? [percent(answer.stepScores.at(step, label))] : []),
          ...(only[step] ? [t('compare.here')] : []),
        ].join(' · '),
        repaint,
      });
      strip.element.querySelectorAll('[role="option"]').forEach((span, step) => span.classList.toggle('only', only[step]));
      counts.textContent = t('compare.counts', {
        steps: number(answer.steps),
        only: number(only.filter(Boolean).length),
      });
    });
  }

  function drawCurves(state, first, other, label, at) {
    const beliefs = [first, other].map((answer) => answer.stepScores?.column(label) ?? null);
    note.hidden = Boolean(beliefs[0]);
    note.textContent = t('compare.both');
    legend.hidden = !beliefs[0];
    legend.replaceChildren(t('compare.curves', { label: first.labels[label] }));
    const matrices = tensors(state, first, other);
    diagram.element.hidden = !laid.alignment.columns.length || !(beliefs[0] || matrices);
    diagram.update({
      alignment: laid.alignment,
      first,
      second: other,
      beliefs: /** @type {any} */ (beliefs),
      distances: matrices ? distances(state, matrices) : null,
    }, at);
  }

  const tensorOf = ({ tensor: name }, answer) => (answer.tensors.includes(name) ? name : 'hidden');

  /** The chosen tensor of both texts; null until it is there. */
  function tensors(state, first, other) {
    const name = tensorOf(state, first);
    const { layer, direction } = state;
    const found = [first, other].map((answer) => answer.ready(name, layer, direction));
    if (found[0] && found[1]) return found;
    Promise.all([first, other].map((answer) => answer.tensor(name, layer, direction))).then(
      () => draw(),
      (error) => {
        if (error?.name === 'AbortError') return;
        trouble = sentence(error);
        status.textContent = trouble;
      },
    );
    return null;
  }

  /** How far apart the two are at every column, each at what it has read by then. */
  function distances({ layer, direction, tensor: name }, [one, other]) {
    const key = `${name} ${layer} ${direction}`;
    if (!laid.distances.has(key)) laid.distances.set(key, walk(laid.alignment.columns, one, other, direction));
    return laid.distances.get(key);
  }

  function drawInside(state, first, other, at) {
    const name = tensorOf(state, first);
    tensor.replaceChildren(...first.tensors.map((each) => h('option', { value: each, selected: each === name }, t(`tensor.${each}`))));
    tensor.parentElement.hidden = first.tensors.length < 2;
    atEnds.setAttribute('aria-pressed', String(!pair));
    atTokens.setAttribute('aria-pressed', String(Boolean(pair)));
    atTokens.disabled = !first.steps;
    const backward = state.direction === 'backward';
    // Who reads from the end has read all at the first token.
    const places = pair || !backward ? at : [0, 0];
    const token = (answer, step) => answer.tokens[step] || t('compare.begin');
    where.textContent = t('compare.where', { a: token(first, places[0]), b: token(other, places[1]) });
    const matrices = tensors(state, first, other);
    units.element.hidden = sum.hidden = !matrices;
    if (!matrices) return;
    const [a, b] = matrices.map((matrix, index) => rowOf(matrix, places[index]));
    const apart = distance(a, b);
    const turned = a.reduce((count, value, unit) => count + Number(value * b[unit] < 0), 0);
    sum.textContent = apart
      ? t('compare.sum', { units: number(a.length), distance: number(apart, 2), turned: number(turned) })
      : t('compare.equal');
    units.update(a, b, state.unit);
  }

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      const has = (...names) => names.some((name) => changed.has(name));
      if (has('language')) words();
      if (has('other') && state.other !== typed) {
        typed = state.other;
        isOpen = state.other !== '';
        pair = null;
      }
      const stale = second?.text !== state.other || second?.info.artifact.sha256 !== state.info?.artifact.sha256;
      if (isOpen && state.info && stale && has('other', 'info')) schedule();
      if (has('step') && laid && state.answer === laid.first) {
        const last = state.step === (state.answer?.steps ?? 0) - 1;
        if (pair?.[0] !== state.step && !(pair && pair[0] < 0)) pair = last ? null : pairOf(state.step);
      }
      const seen = ['other', 'text', 'answer', 'label', 'step', 'tensor', 'layer', 'direction', 'unit', 'language', 'theme'];
      if (has(...seen)) draw(has('theme'));
    },
  };
}

/** By how much each token has changed the probability of a label; null where nothing is known on the way. */
function changesOf({ stepScores }, label) {
  return stepScores?.column(label).map((value, step, all) => (step ? value - all[step - 1] : 0)) ?? null;
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** A row; zeros before the first step. */
const rowOf = (matrix, step) => (step >= 0 && step < matrix.rows ? matrix.row(step) : new Float32Array(matrix.columns));

/** The distance at each column, of what each text has read there, in the direction of reading. */
function walk(columns, one, other, direction) {
  const found = new Float32Array(columns.length);
  const places = [...columns.keys()];
  if (direction === 'backward') places.reverse();
  let [first, second] = [-1, -1];
  for (const place of places) {
    if (columns[place].first >= 0) first = columns[place].first;
    if (columns[place].second >= 0) second = columns[place].second;
    found[place] = distance(rowOf(one, first), rowOf(other, second));
  }
  return found;
}
