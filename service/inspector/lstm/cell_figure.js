/** The figure of the cell: the diagram that suits the model, and its legend. */

import { h } from '../components/dom.js';
import { fixed } from '../components/math.js';
import { LstmDiagram } from './lstm_diagram.js';
import { RnnDiagram } from './rnn_diagram.js';

/**
 * @import { Answer } from '../data/answer.js'
 * @import { AnsweredState } from '../data/store.js'
 * @import { CellValues } from './cell_values.js'
 * @import { readingOrder } from './step.js'
 */

const LONGEST = 14; // characters of a token in the drawing

const BOXES = ['forget_gate', 'input_gate', 'candidate', 'output_gate', 'hidden'];

/** The figure. */
export class CellFigure {
  element = h('figure', { tabindex: '0' });
  legend = h('p', { class: 'note legend' });
  /** @type {LstmDiagram|RnnDiagram|null} */
  #diagram = null;
  #kind = ''; // the diagram that this is
  #t;

  /** @param {(key: string, values?: Record<string, string|number|null>) => string} t */
  constructor(t) {
    this.#t = t;
  }

  /** Put the words of the present language in. */
  words() {
    this.element.setAttribute('aria-label', this.#t('cell.figure'));
  }

  /** Light up a formula's part of the diagram. @param {string|null} part  null: all of it */
  light(part) {
    for (const node of this.element.querySelectorAll('[data-part]')) {
      const parts = node.getAttribute('data-part')?.split(' ') ?? [];
      node.classList.toggle('dim', part !== null && !parts.includes(part));
    }
  }

  /** Draw other values. @param {AnsweredState} state @param {CellValues} values @param {ReturnType<typeof readingOrder>} order */
  update({ answer, step, direction }, { simple, unit, numbers, scale, row }, { before, after }) {
    const t = this.#t;
    const together = unit === null;
    const token = answer.tokens[step];
    const spoken = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, fixed(value)]));
    this.#place(simple, direction === 'backward').update({
      numbers,
      together,
      scale,
      row,
      tokens: { before: short(answer, before(step)), now: short(answer, step), after: short(answer, after(step)) },
      titles: Object.fromEntries(BOXES.map((name) => [name, [t(`cell.box.${name}`), t(`cell.box.${name}.short`)]])),
      all: t('cell.all.short', { units: answer.units }),
      label: t(`cell.picture.${simple ? 'simple' : together ? 'all' : 'unit'}`, { ...spoken, unit, token }),
    });
    this.#explain(together, simple);
  }

  /** Put a diagram of this kind there, unless there is one: then its flows grow and shrink. @param {boolean} simple @param {boolean} mirrored */
  #place(simple, mirrored) {
    const kind = `${simple} ${mirrored}`;
    if (!this.#diagram || this.#kind !== kind) {
      this.#kind = kind;
      this.#diagram = simple ? new RnnDiagram(mirrored) : new LstmDiagram(mirrored);
      this.element.replaceChildren(this.#diagram.element);
    }
    return this.#diagram;
  }

  /** @param {boolean} together @param {boolean} simple */
  #explain(together, simple) {
    const swatch = (/** @type {string} */ name) => h('span', { class: `swatch ${name}` }, this.#t(`cell.key.${name}`));
    this.legend.replaceChildren(
      this.#t(together ? 'cell.key.all' : 'cell.key.unit'),
      ...(together ? [] : [' ', swatch('positive'), swatch('negative')]),
      ...(simple ? [] : [swatch('lost')]),
    );
  }
}

/** Give a token, short enough for the drawing. @param {Answer} answer @param {number|null} step */
function short({ tokens }, step) {
  if (step === null) return '';
  const characters = [...(tokens[step] || '·')];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : characters.join('');
}
