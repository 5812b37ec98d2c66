/** The cell's equations with a step's numbers in them, and each in one plain sentence. */

import { percent, signed } from '../locale/i18n.js';
import { factor, fixed } from '../components/math.js';

/**
 * @import { TensorName } from '../data/answer.js'
 * @import { Numbers } from './step.js'
 * @typedef {typeof import('../locale/i18n.js').t} Translate
 */

/**
 * @typedef {object} Equation
 * @property {string} part       of the diagram
 * @property {TensorName} tensor   its colour
 * @property {string} [name]     the key of its name, where that is not its part's
 * @property {string} equation
 * @property {string[]} numbers  pieces that stand together
 * @property {string} sentence
 */

const DIGITS = 3;

// A gate this near to its end is said to be there; a cell state that changes by less is said to stay, and
// one of which less is left to be gone.
const NEAR = 0.01;
const STAYS = 0.05;
const GONE = 0.1;

// Where σ is this near to its end, float32 no longer tells its argument.
const FAR = 10;

/**
 * Write the argument of σ or tanh, W [h, x] + b, from what came of it.
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

/** @param {number} value */
const d = (value) => fixed(value, DIGITS);
/** @param {number} value */
const e = (value) => factor(value, DIGITS);

/** @satisfies {Record<string, Pick<Equation, 'part'|'tensor'|'equation'>>} */
const EQUATIONS = {
  forget: { part: 'forget', tensor: 'forget_gate', equation: 'f_t = σ(W_f [h_{t-1}, x_t] + b_f)' },
  input: { part: 'input', tensor: 'input_gate', equation: 'i_t = σ(W_i [h_{t-1}, x_t] + b_i)' },
  candidate: { part: 'candidate', tensor: 'candidate', equation: 'c̃_t = tanh(W_c [h_{t-1}, x_t] + b_c)' },
  cell: { part: 'belt', tensor: 'cell', equation: 'c_t = f_t * c_{t-1} + i_t * c̃_t' },
  output: { part: 'output', tensor: 'output_gate', equation: 'o_t = σ(W_o [h_{t-1}, x_t] + b_o)' },
  hidden: { part: 'hidden', tensor: 'hidden', equation: 'h_t = o_t * tanh(c_t)' },
};

/**
 * Write the equations with the numbers of one unit.
 * @param {Numbers} n
 * @param {{t: Translate, token: string, first: boolean}} context
 * @returns {Equation[]}
 */
export function ofUnit(n, { t, token, first }) {
  const gate = (/** @type {string} */ part, /** @type {number} */ value) => {
    const key = value > 1 - NEAR ? 'all' : value < NEAR ? 'none' : 'part';
    return t(`formula.${part}.${key}`, { share: round(value) });
  };
  return [
    {
      ...EQUATIONS.forget,
      numbers: [`= ${applied('σ', n.f)}`, `= ${d(n.f)}`],
      sentence: first ? t('formula.forget.first') : gate('forget', n.f),
    },
    {
      ...EQUATIONS.input,
      numbers: [`= ${applied('σ', n.i)}`, `= ${d(n.i)}`],
      sentence: gate('input', n.i),
    },
    {
      ...EQUATIONS.candidate,
      numbers: [`= ${applied('tanh', n.g)}`, `= ${d(n.g)}`],
      sentence: t('formula.candidate.here', { token, value: signed(n.g) }),
    },
    {
      ...EQUATIONS.cell,
      numbers: [`= ${d(n.f)} * ${e(n.cBefore)} + ${d(n.i)} * ${e(n.g)}`, `= ${d(n.c)}`],
      sentence: t(`formula.belt.${first ? 'first' : becomes(n)}`, { c: d(n.c) }),
    },
    {
      ...EQUATIONS.output,
      numbers: [`= ${applied('σ', n.o)}`, `= ${d(n.o)}`],
      sentence: gate('output', n.o),
    },
    {
      ...EQUATIONS.hidden,
      numbers: [`= ${d(n.o)} * tanh(${d(n.c)})`, `= ${d(n.o)} * ${e(n.squeezed)}`, `= ${d(n.h)}`],
      sentence: t('formula.hidden.here', { value: d(n.h) }),
    },
  ];
}

/** Name the change of the cell state. @param {Numbers} numbers */
function becomes({ f, c, cBefore, added }) {
  if (Math.abs(c - cBefore) <= STAYS * Math.max(Math.abs(c), Math.abs(cBefore))) return 'same';
  if (f < GONE) return Math.abs(added) < Math.abs(cBefore) * GONE ? 'emptied' : 'replaced';
  if (c * cBefore < 0) return 'flips';
  return Math.abs(c) > Math.abs(cBefore) ? 'more' : 'less';
}

/**
 * Write the equations with all units together, where numbers are means.
 * @param {Numbers} n
 * @param {{t: Translate, first: boolean, row: (tensor: TensorName) => Float32Array}} context
 * @returns {Equation[]}
 */
export function ofAll(n, { t, first, row }) {
  const mean = (/** @type {string} */ letter, /** @type {number} */ value) =>
    `${t('formula.mean')} ${letter} = ${d(value)}`;
  const gate = (/** @type {'forget'|'input'|'output'} */ name, /** @type {string} */ letter, /** @type {number} */ value) => {
    const values = row(EQUATIONS[name].tensor);
    const share = (/** @type {(value: number) => boolean} */ test) => round(values.filter(test).length / values.length);
    const words = { units: values.length, open: share((v) => v > 0.9), closed: share((v) => v < 0.1) };
    return { ...EQUATIONS[name], numbers: [mean(letter, value)], sentence: t('formula.together.gate', words) };
  };
  const kept = n.cBefore ? n.kept / n.cBefore : 0;
  return [
    gate('forget', 'f_t', n.f),
    gate('input', 'i_t', n.i),
    {
      ...EQUATIONS.candidate,
      numbers: [mean('|c̃_t|', n.g)],
      sentence: t('formula.together.candidate'),
    },
    {
      ...EQUATIONS.cell,
      numbers: [
        mean('|c_{t-1}|', n.cBefore), mean('|f_t * c_{t-1}|', n.kept), mean('|i_t * c̃_t|', n.added), mean('|c_t|', n.c),
      ],
      sentence: first
        ? t('formula.together.first')
        : t('formula.together.belt', { share: round(kept), added: d(n.added) }),
    },
    gate('output', 'o_t', n.o),
    {
      ...EQUATIONS.hidden,
      numbers: [mean('|h_t|', n.h)],
      sentence: t('formula.together.hidden'),
    },
  ];
}

/**
 * Write the simple RNN's one equation.
 * @param {number} h  a unit's, or the mean distance from zero of all
 * @param {{t: Translate, together: boolean}} context
 * @returns {Equation[]}
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
