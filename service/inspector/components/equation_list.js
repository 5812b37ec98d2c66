/** The list of a cell's equations, with a step's numbers in them, and each in one plain sentence. */

import { dataOf, h } from './dom.js';
import { mathHtml } from './math.js';

/** @import { Equation } from '../lstm/equations.js' */

/** The list. Pointing at an equation, or pressing its name, lights up its part of the diagram. */
export class EquationList {
  element = h('ol', { class: 'formulas' });
  /** @type {string|null} */
  #pinned = null;
  #t;
  #onPart;

  /** @param {(key: string) => string} t @param {(part: string|null) => void} onPart */
  constructor(t, onPart) {
    this.#t = t;
    this.#onPart = onPart;
    this.element.addEventListener('pointerleave', () => onPart(this.#pinned));
    this.element.addEventListener('click', (event) => {
      const pressed = event.target instanceof Element && event.target.closest('button');
      if (pressed) this.#pin(dataOf(event, 'part'));
    });
  }

  /** Show other equations. @param {Equation[]} equations */
  update(equations) {
    const { activeElement } = document;
    const focused = this.element.contains(activeElement) ? activeElement?.closest('li')?.dataset.part : null;
    this.element.replaceChildren(...equations.map((equation) => this.#item(equation)));
    if (focused) {
      /** @type {HTMLElement|null} */ (this.element.querySelector(`button[data-part="${focused}"]`))?.focus();
    }
  }

  /** @param {string|null} part */
  #pin(part) {
    this.#pinned = this.#pinned === part ? null : part;
    this.#onPart(this.#pinned);
    for (const name of this.element.querySelectorAll('button')) {
      name.setAttribute('aria-pressed', String(name.dataset.part === this.#pinned));
    }
  }

  /** @param {Equation} equation */
  #item({ part, tensor, name = part, equation, numbers, sentence }) {
    return h(
      'li',
      { class: `${tensor}${numbers[0].startsWith('=') ? '' : ' means'}`, dataset: { part }, onpointerenter: () => this.#onPart(part) },
      h('button', {
        type: 'button', 'aria-pressed': String(this.#pinned === part), dataset: { part }, title: this.#t('formula.show'),
      }, this.#t(`formula.${name}`)),
      h('div', { class: 'equation' }, mathHtml(equation)),
      h('div', { class: 'numbers' }, ...numbers.map(mathHtml)),
      h('p', {}, sentence),
    );
  }
}
