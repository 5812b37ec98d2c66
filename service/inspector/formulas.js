// @ts-check
/** The cell's equations with a step's numbers in them, and each in one plain sentence. */

import { h } from './dom.js';
import { percent, signed } from './i18n.js';
import { factor, fixed, mathHtml } from './math.js';

export const strings = {
  en: {
    'formula.forget': 'Forget gate',
    'formula.input': 'Input gate',
    'formula.candidate': 'New value',
    'formula.belt': 'The belt moves on',
    'formula.output': 'Output gate',
    'formula.hidden': 'What is shown',
    'formula.show': 'Show in the diagram',
    'formula.mean': 'mean',
    'formula.forget.first': 'This is the first step: there is nothing on the belt yet.',
    'formula.forget.all': 'Almost everything that lay on the belt stays.',
    'formula.forget.none': 'Almost nothing of what lay on the belt stays.',
    'formula.forget.part': '{share} of what lay on the belt stays.',
    'formula.input.all': 'Almost all of the new value may go onto the belt.',
    'formula.input.none': 'Almost nothing of the new value may go onto the belt.',
    'formula.input.part': '{share} of the new value may go onto the belt.',
    'formula.candidate.here': 'Having read “{token}”, the unit proposes {value}.',
    'formula.belt.first': 'The belt begins with {c}.',
    'formula.belt.same': 'Hardly anything changes: the unit remembers.',
    'formula.belt.replaced': 'What lay on the belt is let go, and the new value takes its place.',
    'formula.belt.emptied': 'What lay on the belt is let go, and hardly anything takes its place.',
    'formula.belt.flips': 'The sign turns: what the unit held is overruled.',
    'formula.belt.more': 'The two point the same way: more lies on the belt than before.',
    'formula.belt.less': 'Less lies on the belt than before.',
    'formula.output.all': 'Almost the whole belt is shown.',
    'formula.output.none': 'Almost nothing of the belt is shown; it stays there all the same.',
    'formula.output.part': '{share} of the belt is shown.',
    'formula.hidden.here': 'tanh brings the belt between −1 and 1; {value} goes on to the next step, and out as the answer of this one.',
    'formula.together.gate': '{open} of the {units} units are almost open (above 0.9), {closed} almost shut (below 0.1).',
    'formula.together.candidate': 'How far from zero the proposals are, of at most 1.',
    'formula.together.belt': '{share} of what lay on all belts stays, and new things are added: {added} for each unit, which may also cancel what is there.',
    'formula.together.first': 'The belts begin with what is added now.',
    'formula.together.hidden': 'How far from zero the states are that go on to the next step, and out.',
    'formula.simple': 'The state is made anew',
    'formula.simple.here': 'All that was there before went through W and tanh once more: nothing is carried past. The unit now says {value}.',
    'formula.simple.together': 'All that was there before went through W and tanh once more: nothing is carried past. So far from zero are the units on average.',
  },
  zh: {
    'formula.forget': '遗忘门',
    'formula.input': '输入门',
    'formula.candidate': '新值（候选值）',
    'formula.belt': '传送带前进一步',
    'formula.output': '输出门',
    'formula.hidden': '展示出来的部分',
    'formula.show': '在图中标出',
    'formula.mean': '均值',
    'formula.forget.first': '这是第一步，传送带上还什么都没有。',
    'formula.forget.all': '传送带上原有的内容几乎全部保留。',
    'formula.forget.none': '传送带上原有的内容几乎全部丢掉。',
    'formula.forget.part': '传送带上原有的内容保留 {share}。',
    'formula.input.all': '新值几乎全部可以放上传送带。',
    'formula.input.none': '新值几乎不许放上传送带。',
    'formula.input.part': '新值的 {share} 可以放上传送带。',
    'formula.candidate.here': '读到“{token}”，这个单元提出 {value}。',
    'formula.belt.first': '传送带从 {c} 开始。',
    'formula.belt.same': '几乎没有变化：这个单元记住了。',
    'formula.belt.replaced': '原有的内容被丢掉，换上了新值。',
    'formula.belt.emptied': '原有的内容被丢掉，也几乎没有换上新的。',
    'formula.belt.flips': '符号反转：原来记住的被推翻了。',
    'formula.belt.more': '两者方向相同：传送带上的内容比之前更多。',
    'formula.belt.less': '传送带上的内容比之前更少。',
    'formula.output.all': '传送带几乎全部展示出来。',
    'formula.output.none': '传送带几乎不展示，但内容仍留在带上。',
    'formula.output.part': '传送带展示出 {share}。',
    'formula.hidden.here': 'tanh 把传送带上的值压到 −1 与 1 之间；得到的 {value} 一份传给下一步，一份作为这一步的输出。',
    'formula.together.gate': '{units} 个单元中，{open} 几乎全开（大于 0.9），{closed} 几乎全关（小于 0.1）。',
    'formula.together.candidate': '各单元提出的新值离零有多远（最大为 1）。',
    'formula.together.belt': '所有传送带上原有的内容保留 {share}，再加上新的内容：平均每个单元 {added}，它也可能抵消原有的内容。',
    'formula.together.first': '传送带从这一步加入的内容开始。',
    'formula.together.hidden': '传给下一步并输出的隐藏状态离零有多远。',
    'formula.simple': '隐藏状态重新算出',
    'formula.simple.here': '以前的一切又经过一次 W 和 tanh，没有任何东西能绕过去。这个单元现在是 {value}。',
    'formula.simple.together': '以前的一切又经过一次 W 和 tanh，没有任何东西能绕过去。这是各单元离零的平均距离。',
  },
};

const DIGITS = 3;

// A gate this near to its end is said to be there; a belt that changes by less is said to stay, and
// one of which less is left to be gone.
const NEAR = 0.01;
const STAYS = 0.05;
const GONE = 0.1;

// Where σ is this near to its end, float32 no longer tells its argument.
const FAR = 10;

/**
 * The argument of σ or tanh, W [h, x] + b, from what came of it.
 * @param {'σ'|'tanh'} name
 * @param {number} value
 */
function applied(name, value) {
  const z = name === 'σ' ? Math.log(value / (1 - value)) : Math.atanh(value);
  if (z > FAR) return `${name}(> ${FAR})`;
  if (z < -FAR) return `${name}(< −${FAR})`;
  return `${name}(${fixed(z, DIGITS)})`;
}

/** @param {number} share */
const round = (share) => percent(share, share > 0.1 && share < 0.9 ? 0 : 1);

/**
 * The numbers of one unit, as formulas: part of the diagram, colour, equation, numbers in pieces
 * that stand together, sentence.
 * @param {import('./step.js').Numbers} n
 * @param {{t: import('./i18n.js').t, token: string, first: boolean}} context
 */
export function ofUnit(n, { t, token, first }) {
  const gate = (part, value) => {
    const key = value > 1 - NEAR ? 'all' : value < NEAR ? 'none' : 'part';
    return t(`formula.${part}.${key}`, { share: round(value) });
  };
  const d = (value) => fixed(value, DIGITS);
  const e = (value) => factor(value, DIGITS);
  return [
    {
      part: 'forget', tensor: 'forget_gate',
      equation: 'f_t = σ(W_f [h_{t-1}, x_t] + b_f)',
      numbers: [`= ${applied('σ', n.f)}`, `= ${d(n.f)}`],
      sentence: first ? t('formula.forget.first') : gate('forget', n.f),
    },
    {
      part: 'input', tensor: 'input_gate',
      equation: 'i_t = σ(W_i [h_{t-1}, x_t] + b_i)',
      numbers: [`= ${applied('σ', n.i)}`, `= ${d(n.i)}`],
      sentence: gate('input', n.i),
    },
    {
      part: 'candidate', tensor: 'candidate',
      equation: 'c̃_t = tanh(W_c [h_{t-1}, x_t] + b_c)',
      numbers: [`= ${applied('tanh', n.g)}`, `= ${d(n.g)}`],
      sentence: t('formula.candidate.here', { token, value: signed(n.g) }),
    },
    {
      part: 'belt', tensor: 'cell',
      equation: 'c_t = f_t * c_{t-1} + i_t * c̃_t',
      numbers: [`= ${d(n.f)} * ${e(n.cBefore)} + ${d(n.i)} * ${e(n.g)}`, `= ${d(n.c)}`],
      sentence: t(`formula.belt.${first ? 'first' : becomes(n)}`, { c: d(n.c) }),
    },
    {
      part: 'output', tensor: 'output_gate',
      equation: 'o_t = σ(W_o [h_{t-1}, x_t] + b_o)',
      numbers: [`= ${applied('σ', n.o)}`, `= ${d(n.o)}`],
      sentence: gate('output', n.o),
    },
    {
      part: 'hidden', tensor: 'hidden',
      equation: 'h_t = o_t * tanh(c_t)',
      numbers: [`= ${d(n.o)} * tanh(${d(n.c)})`, `= ${d(n.o)} * ${e(n.squeezed)}`, `= ${d(n.h)}`],
      sentence: t('formula.hidden.here', { value: d(n.h) }),
    },
  ];
}

/** What became of the belt. */
function becomes({ f, c, cBefore, added }) {
  if (Math.abs(c - cBefore) <= STAYS * Math.max(Math.abs(c), Math.abs(cBefore))) return 'same';
  if (f < GONE) return Math.abs(added) < Math.abs(cBefore) * GONE ? 'emptied' : 'replaced';
  if (c * cBefore < 0) return 'flips';
  return Math.abs(c) > Math.abs(cBefore) ? 'more' : 'less';
}

/**
 * The same for all units together, where numbers are means.
 * @param {import('./step.js').Numbers} n
 * @param {{t: import('./i18n.js').t, first: boolean, row: (tensor: string) => Float32Array}} context
 */
export function ofAll(n, { t, first, row }) {
  const d = (value) => fixed(value, DIGITS);
  const mean = (letter, value) => `${t('formula.mean')} ${letter} = ${d(value)}`;
  const gate = (part, tensor, letter, equation, value) => {
    const values = row(tensor);
    const share = (test) => round(values.filter(test).length / values.length);
    const words = { units: values.length, open: share((v) => v > 0.9), closed: share((v) => v < 0.1) };
    return { part, tensor, equation, numbers: [mean(letter, value)], sentence: t('formula.together.gate', words) };
  };
  const kept = n.cBefore ? n.kept / n.cBefore : 0;
  return [
    gate('forget', 'forget_gate', 'f_t', 'f_t = σ(W_f [h_{t-1}, x_t] + b_f)', n.f),
    gate('input', 'input_gate', 'i_t', 'i_t = σ(W_i [h_{t-1}, x_t] + b_i)', n.i),
    {
      part: 'candidate', tensor: 'candidate',
      equation: 'c̃_t = tanh(W_c [h_{t-1}, x_t] + b_c)',
      numbers: [mean('|c̃_t|', n.g)],
      sentence: t('formula.together.candidate'),
    },
    {
      part: 'belt', tensor: 'cell',
      equation: 'c_t = f_t * c_{t-1} + i_t * c̃_t',
      numbers: [['|c_{t-1}|', n.cBefore], ['|f_t * c_{t-1}|', n.kept], ['|i_t * c̃_t|', n.added], ['|c_t|', n.c]]
        .map(([letter, value]) => mean(letter, value)),
      sentence: first
        ? t('formula.together.first')
        : t('formula.together.belt', { share: round(kept), added: d(n.added) }),
    },
    gate('output', 'output_gate', 'o_t', 'o_t = σ(W_o [h_{t-1}, x_t] + b_o)', n.o),
    {
      part: 'hidden', tensor: 'hidden',
      equation: 'h_t = o_t * tanh(c_t)',
      numbers: [mean('|h_t|', n.h)],
      sentence: t('formula.together.hidden'),
    },
  ];
}

/**
 * The simple RNN's one equation.
 * @param {number} h  a unit's, or the mean distance from zero of all
 * @param {{t: import('./i18n.js').t, together: boolean}} context
 */
export function ofSimple(h, { t, together }) {
  return [
    {
      part: 'hidden', tensor: 'hidden', name: 'simple',
      equation: 'h_t = tanh(W [h_{t-1}, x_t] + b)',
      numbers: together
        ? [`${t('formula.mean')} |h_t| = ${fixed(h, DIGITS)}`]
        : [`= ${applied('tanh', h)}`, `= ${fixed(h, DIGITS)}`],
      sentence: t(`formula.simple.${together ? 'together' : 'here'}`, { value: signed(h) }),
    },
  ];
}

/**
 * The list of formulas. Pointing at one, or pressing its name, lights up its part of the diagram.
 * @param {{t: import('./i18n.js').t, onPart: (part: string|null) => void}} options
 */
export function formulaList({ t, onPart }) {
  const element = h('ol', { class: 'formulas' });
  let pinned = null;

  element.addEventListener('pointerleave', () => onPart(pinned));

  function item({ part, tensor, name = part, equation, numbers, sentence }) {
    const press = () => {
      pinned = pinned === part ? null : part;
      onPart(pinned);
      for (const button of element.querySelectorAll('button')) {
        button.setAttribute('aria-pressed', String(button.dataset.part === pinned));
      }
    };
    return h(
      'li',
      { class: `${tensor}${numbers[0].startsWith('=') ? '' : ' means'}`, dataset: { part }, onpointerenter: () => onPart(part) },
      h('button', { type: 'button', 'aria-pressed': String(pinned === part), dataset: { part }, title: t('formula.show'), onclick: press },
        t(`formula.${name}`)),
      h('div', { class: 'equation' }, mathHtml(equation)),
      h('div', { class: 'numbers' }, ...numbers.map(mathHtml)),
      h('p', {}, sentence),
    );
  }

  return {
    element,
    /** @param {ReturnType<typeof ofUnit>} formulas */
    update(formulas) {
      const focused = element.contains(document.activeElement) ? document.activeElement.closest('li')?.dataset.part : null;
      element.replaceChildren(...formulas.map(item));
      if (focused) element.querySelector(`button[data-part="${focused}"]`)?.focus();
    },
  };
}
