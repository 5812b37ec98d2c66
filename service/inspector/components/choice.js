/** A group of radio buttons in one row. */

import { h } from './dom.js';

/** @typedef {{value: string, words: string, disabled?: boolean, dot?: string}} Option  dot: a colour of style.css */

/** The group. @template {string} Value */
export class Choice {
  #title = h('legend', { class: 'choice-name' });
  #row = h('div', { class: 'choice-row' });
  element = h('fieldset', { class: 'choice' }, this.#title, this.#row);
  #known = '';
  #name;

  /** @param {string} name @param {(value: Value) => void} onChange */
  constructor(name, onChange) {
    this.#name = name;
    this.#row.addEventListener('change', (event) =>
      onChange(/** @type {Value} */ (/** @type {HTMLInputElement} */ (event.target).value)));
  }

  /** Offer options. @param {string} words  the group's name @param {Option[]} options @param {Value} chosen */
  update(words, options, chosen) {
    this.#title.textContent = words;
    const now = JSON.stringify(options);
    if (now !== this.#known) {
      this.#known = now;
      this.#row.replaceChildren(...options.map((option) => this.#option(option)));
    }
    for (const input of this.#row.querySelectorAll('input')) input.checked = input.value === chosen;
  }

  /** @param {Option} option */
  #option({ value, words, disabled, dot }) {
    return h('label', {},
      h('input', { type: 'radio', name: this.#name, value, disabled }),
      h('span', {}, dot && h('i', { class: 'dot', style: { background: `var(--${dot})` } }), words));
  }
}
