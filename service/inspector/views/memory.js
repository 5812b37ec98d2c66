// @ts-check
/** How far back the belt reaches at the chosen step, and what on it comes from which token. */

import { COUNTS, unroll } from '../belt.js';
import { curve } from '../curve.js';
import { h, section } from '../dom.js';
import { focus } from '../focus.js';
import { gather } from '../gather.js';
import { number, percent, signed } from '../i18n.js';
import { atLeisure } from '../leisure.js';
import { fixed, mathHtml } from '../math.js';
import { median, ranges } from '../retention.js';
import { reading } from '../step.js';
import { tokenStrip } from '../tokens.js';

export const strings = {
  en: {
    'memory.title': 'Memory',
    'memory.nav': 'Memory',
    'memory.lead': 'What lies on the belt now was put there step by step, and each forget gate since has let a part of it through. So the belt can be taken apart: this much of it is still from that token.',
    'memory.none': 'A simple RNN has no belt and no forget gates: its numbers do not tell which earlier tokens still count.',
    'memory.empty': 'The text has no tokens: there is nothing on the belt.',
    'memory.loading': 'The numbers are being fetched …',
    'memory.where.unit': 'Unit {unit} at step {step}, “{token}”',
    'memory.where.all': 'All {units} units at step {step}, “{token}”',
    'memory.tokens': 'Tokens, coloured by their share of what lies on the belt',
    'memory.parts': 'Which tokens still count',
    'memory.parts.unit': 'What each token put on the belt and the forget gates have left of it. All of it together is c:',
    'memory.parts.all': 'Shares of all that lies on the belts of all units, whatever its sign.',
    'memory.rest': 'And {count} more tokens, together {share}',
    'memory.ago.0': 'now',
    'memory.ago.1': '1 step back',
    'memory.ago.n': '{count} steps back',
    'memory.left': 'What is left after so many steps',
    'memory.left.label': 'What is left on the belt, from 1 now to {left} after {count} steps; a tenth is left for {retention} steps.',
    'memory.left.unit': 'Of what lay on the belt so many steps back, the forget gates have left this part.',
    'memory.left.all': 'Of what lay on the belts so many steps back, the forget gates have left this part, on average over all units.',
    'memory.reach': 'How far back the belts reach',
    'memory.reach.about': 'A belt reaches back as far as at least a tenth of what lay on it is still there.',
    'memory.reach.unit': 'That of unit {unit} reaches back {count}, to “{token}”.',
    'memory.reach.start': 'That of unit {unit} reaches back to the beginning.',
    'memory.reach.zero': 'Unit {unit} has let go of what lay there a step ago.',
    'memory.reach.median': 'Half of the units reach back {count} or less, {start} of {units} to the beginning.',
    'memory.steps.1': '1 step',
    'memory.steps.n': '{count} steps',
    'memory.units': '{count} units',
    'memory.start': '{count}, the beginning',
    'memory.this': 'unit {unit}',
  },
  zh: {
    'memory.title': '记忆',
    'memory.nav': '记忆',
    'memory.lead': '传送带上现有的内容是一步一步放上去的，此后每个遗忘门都让其中一部分通过。因此可以把它拆开：其中有多少仍来自哪个词元。',
    'memory.none': '简单 RNN 没有传送带，也没有遗忘门：从它的数值看不出哪些先前的词元还起作用。',
    'memory.empty': '文本中没有词元：传送带上什么都没有。',
    'memory.loading': '正在获取数值……',
    'memory.where.unit': '单元 {unit}，第 {step} 步，“{token}”',
    'memory.where.all': '全部 {units} 个单元，第 {step} 步，“{token}”',
    'memory.tokens': '词元，颜色表示它在传送带内容中的份额',
    'memory.parts': '哪些词元还起作用',
    'memory.parts.unit': '每个词元放上传送带的内容，经过各个遗忘门后还剩多少。全部相加就是 c：',
    'memory.parts.all': '在全部单元传送带内容（不论正负）中所占的份额。',
    'memory.rest': '其余 {count} 个词元合计 {share}',
    'memory.ago.0': '当前',
    'memory.ago.1': '1 步之前',
    'memory.ago.n': '{count} 步之前',
    'memory.left': '若干步之后还剩多少',
    'memory.left.label': '传送带上还剩的部分：现在为 1，{count} 步后为 {left}；{retention} 步之内至少剩十分之一。',
    'memory.left.unit': '若干步之前在传送带上的内容，经过各个遗忘门后剩下这么多。',
    'memory.left.all': '若干步之前在传送带上的内容，经过各个遗忘门后平均剩下这么多（全部单元）。',
    'memory.reach': '传送带能追溯多远',
    'memory.reach.about': '只要带上的内容至少还剩十分之一，就算追溯得到。',
    'memory.reach.unit': '单元 {unit} 追溯到 {count}之前的“{token}”。',
    'memory.reach.start': '单元 {unit} 一直追溯到开头。',
    'memory.reach.zero': '单元 {unit} 已丢掉上一步的内容。',
    'memory.reach.median': '一半的单元追溯不超过 {count}，{units} 个单元中有 {start} 个追溯到开头。',
    'memory.steps.1': '1 步',
    'memory.steps.n': '{count} 步',
    'memory.units': '{count} 个单元',
    'memory.start': '{count}，即开头',
    'memory.this': '单元 {unit}',
  },
};

const STRONGEST = 12;
const SEEN = 0.005; // of what is left, the curve ends where less can be seen

/** @param {import('../main.js').Context} context */
export function create({ store, t }) {
  const frame = section('memory', t);
  const where = h('p', { class: 'where' });
  const note = h('p', { class: 'note' });
  const strip = tokenStrip({ t, label: 'memory.tokens', onSelect: (step) => store.set({ step }) });
  const block = (name, ...children) => {
    const title = h('h3');
    const about = h('p', { class: 'note' });
    return { title, about, element: h('div', { class: `block ${name}` }, title, about, ...children) };
  };
  const sum = h('p', { class: 'sum' });
  const list = h('ol', { class: 'bars shares' });
  const line = curve();
  const ends = h('p', { class: 'ends note' });
  const bars = h('ol', { class: 'bars reach' });
  const parts = block('parts', sum, list);
  const left = block('left', line.element, ends);
  const findings = h('div', { class: 'findings' });
  const reach = block('reach', findings, bars);
  const body = h('div', { class: 'blocks' }, parts.element, h('div', { class: 'column' }, left.element, reach.element));
  frame.element.append(note, where, strip.element, body);

  let problem = '';
  const redraw = atLeisure(frame.element, draw);

  const ago = (count) => t(`memory.ago.${count > 1 ? 'n' : count}`, { count: number(count) });
  const inSteps = (count) => t(`memory.steps.${count === 1 ? 1 : 'n'}`, { count: number(count) });

  function draw(near) {
    const state = store.get();
    const { answer } = state;
    const simple = Boolean(answer) && !answer.tensors.includes('cell');
    const tensors = simple ? null : gather(state, {
      fetch: near,
      again: redraw,
      failed: (sentence) => {
        problem = sentence;
        redraw();
      },
    });
    for (const node of [where, strip.element, body]) node.hidden = !tensors;
    frame.lead.hidden = simple;
    note.textContent = !answer || tensors
      ? ''
      : simple ? t('memory.none') : !answer.steps ? t('memory.empty') : problem || t('memory.loading');
    if (tensors) {
      problem = '';
      show(state, tensors);
    }
  }

  function show(state, tensors) {
    const { answer, step } = state;
    const { way, first } = reading(state.direction, answer.steps);
    const unit = focus(state, tensors.hidden);
    const unrolled = unroll(tensors, step, way, unit);
    const values = { unit, units: answer.units, step: step + 1, token: answer.tokens[step] };
    const scope = unit === null ? 'all' : 'unit';
    where.textContent = t(`memory.where.${scope}`, values);
    parts.title.textContent = t('memory.parts');
    left.title.textContent = t('memory.left');
    reach.title.textContent = t('memory.reach');
    parts.about.textContent = t(`memory.parts.${scope}`);
    left.about.textContent = t(`memory.left.${scope}`);

    const at = (/** @type {number} */ back) => step - way * back;
    const total = unrolled.parts.reduce((all, part) => all + Math.abs(part), 0) || 1;
    showTokens(answer, step, at, unrolled.parts, total);
    showParts(answer, at, unrolled.parts, total, unit);
    showLeft(unrolled, unit);
    showReach(answer, at, unrolled.retention, Math.abs(step - first), unit);
  }

  function showTokens(answer, step, at, found, total) {
    const shares = new Float32Array(answer.steps);
    found.forEach((part, back) => { shares[at(back)] = part / total; });
    const most = shares.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    strip.update({
      answer,
      values: shares.map((share) => share / most),
      selected: step,
      titles: (index) => percent(Math.abs(shares[index])),
      repaint: true,
    });
  }

  function showParts(answer, at, found, total, unit) {
    const strongest = Array.from(found.keys())
      .sort((a, b) => Math.abs(found[b]) - Math.abs(found[a]))
      .slice(0, STRONGEST);
    const most = Math.abs(found[strongest[0]]) || 1;
    const row = (label, aside, part, value) =>
      h('li', {}, h('span', { class: 'label' }, label, ' ', h('small', {}, aside)), bar(part / most), h('span', { class: 'value' }, value));
    const bar = (share) => {
      const fill = h('span', { class: share < 0 ? 'fill negative' : 'fill positive' });
      fill.style.width = `${100 * Math.abs(share)}%`;
      return h('span', { class: 'bar' }, fill);
    };
    const share = (part) => percent(Math.abs(part) / total, 1);
    const words = (part) => (unit === null ? share(part) : `${signed(part)} (${share(part)})`);
    list.replaceChildren(
      ...strongest.map((back) => row(`“${answer.tokens[at(back)]}”`, ago(back), found[back], words(found[back]))),
    );
    if (found.length > strongest.length) {
      const shown = strongest.reduce((all, back) => all + Math.abs(found[back]), 0);
      list.append(h('li', { class: 'note' }, t('memory.rest', { count: found.length - strongest.length, share: share(total - shown) })));
    }

    sum.hidden = unit === null;
    const [more, less] = [1, -1].map((sign) => found.reduce((all, part) => all + (part * sign > 0 ? part : 0), 0));
    sum.replaceChildren(mathHtml(`c_t = ${fixed(more)} − ${fixed(-less)} = ${fixed(more + less)}`));
  }

  function showLeft({ left: curveOf, retention }, unit) {
    const shown = Math.max(2, curveOf.findLastIndex((part) => part >= SEEN) + 2);
    const values = curveOf.subarray(0, shown);
    const reached = unit === null ? median(retention) : retention[unit];
    line.update({
      series: [{ values, class: 'forget_gate' }],
      low: 0,
      high: 1,
      lines: [COUNTS],
      selected: unit === null ? undefined : reached,
      label: t('memory.left.label', { left: fixed(values[values.length - 1]), count: values.length - 1, retention: reached }),
    });
    ends.replaceChildren(h('span', {}, ago(0)), h('span', {}, ago(values.length - 1)));
  }

  function showReach(answer, at, retention, most, unit) {
    const all = ranges(retention, most);
    const tallest = Math.max(...all.map(({ count }) => count));
    const start = retention.filter((steps) => steps === most).length;
    reach.about.textContent = t('memory.reach.about');
    const words = [];
    if (unit !== null) {
      const steps = retention[unit];
      const kind = steps === most ? 'start' : steps ? 'unit' : 'zero';
      words.push(t(`memory.reach.${kind}`, { unit, count: inSteps(steps), token: answer.tokens[at(steps)] }));
    }
    words.push(t('memory.reach.median', { count: inSteps(median(retention)), start, units: retention.length }));
    findings.replaceChildren(...words.map((sentence) => h('p', {}, sentence)));
    bars.replaceChildren(...all.map(({ from, to, count }) => {
      const here = unit !== null && retention[unit] >= from && retention[unit] <= to;
      const range = from === to ? number(from) : `${number(from)}–${number(to)}`;
      const fill = h('span', { class: 'fill' });
      fill.style.width = `${(100 * count) / tallest}%`;
      return h(
        'li',
        { class: here ? 'here' : false },
        h('span', { class: 'label' }, from === most ? t('memory.start', { count: range }) : range),
        h('span', { class: 'bar' }, fill),
        h('span', { class: 'value' }, t('memory.units', { count: number(count) }), here && h('b', {}, ` · ${t('memory.this', { unit })}`)),
      );
    }));
  }

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) frame.retitle();
      const seen = ['answer', 'step', 'unit', 'scope', 'layer', 'direction', 'label', 'language', 'theme'];
      if (seen.some((name) => changed.has(name))) redraw();
    },
  };
}
