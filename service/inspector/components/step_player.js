/** The buttons that go through the steps in the order of reading, by themselves too. */

import { button, h } from './dom.js';

/**
 * @import { Answer } from '../data/answer.js'
 * @import { readingOrder } from '../lstm/step.js'
 * @typedef {ReturnType<typeof readingOrder>} Order
 */

const PACE = 1100; // milliseconds a step, when it plays

/**
 * @typedef {object} PlayerOptions
 * @property {(key: string, values?: Record<string, string|number>) => string} t
 * @property {() => Order} order
 * @property {() => number} step
 * @property {(step: number) => void} onStep
 */

/** The player. */
export class StepPlayer {
  #back;
  #play;
  #on;
  #where = h('p', { class: 'where', 'aria-live': 'polite' });
  #timer = 0;
  #awaited = -1; // the step that playing has set
  #options;

  /** @param {PlayerOptions} options */
  constructor(options) {
    this.#options = options;
    const { order, step } = options;
    this.#back = button(() => this.go(order().before(step())));
    this.#play = button(() => (this.#timer ? this.stop() : this.#start()), { class: 'primary' });
    this.#on = button(() => this.go(order().after(step())));
    this.element = h('div', { class: 'controls' }, this.#back, this.#play, this.#on, this.#where);
  }

  /** Go to a step, which stops the play. @param {number|null} step  null goes nowhere */
  go(step) {
    this.stop();
    if (step !== null) this.#options.onStep(step);
  }

  /** Stop the play. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#name();
  }

  /** Stop the play if somebody else has set this step. @param {number} step */
  yieldTo(step) {
    if (this.#timer && step !== this.#awaited) this.stop();
  }

  /** Put the words of the present language in. */
  words() {
    this.#back.textContent = this.#options.t('cell.back');
    this.#on.textContent = this.#options.t('cell.on');
    this.#name();
  }

  /** Show the step. @param {Answer} answer @param {number} step */
  update({ steps, tokens }, step) {
    const { before, after } = this.#options.order();
    this.#where.textContent = this.#options.t('cell.where', { step: step + 1, steps, token: tokens[step] });
    this.#back.disabled = before(step) === null;
    this.#on.disabled = after(step) === null;
  }

  #name() {
    this.#play.textContent = this.#options.t(this.#timer ? 'cell.pause' : 'cell.play');
  }

  #start() {
    const { order, step } = this.#options;
    const { first, after } = order();
    const advance = () => {
      const next = after(step());
      if (next === null) this.stop();
      else this.#set(next);
    };
    this.#timer = setInterval(advance, PACE);
    this.#name();
    if (after(step()) === null) this.#set(first);
    else advance();
  }

  /** @param {number} step */
  #set(step) {
    this.#awaited = step;
    this.#options.onStep(step);
  }
}
