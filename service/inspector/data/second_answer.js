/** The answer to the text to compare with, asked for as it is typed. */

import { inspect } from './api.js';
import { problemOf } from './problem.js';

/** @import { Answer } from './answer.js' */

// Milliseconds without a key press before the second text is sent.
const PAUSE = 60;

/** The last answer, and the problem of the last request, if there was one. */
export class SecondAnswer {
  /** @type {Answer|null} */
  answer = null;
  problem = '';
  #controller = new AbortController();
  #timer = 0;
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Ask for a text, in a moment; earlier requests are stale. @param {() => string} text  by then */
  schedule(text) {
    this.#stop();
    this.#timer = setTimeout(() => this.#ask(text()), PAUSE);
  }

  /** Let the answer go. */
  dispose() {
    this.#stop();
    this.answer?.dispose();
    this.answer = null;
  }

  #stop() {
    this.#controller.abort();
    clearTimeout(this.#timer);
  }

  /** @param {string} text */
  async #ask(text) {
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    try {
      const answer = await inspect(text, signal);
      this.answer?.dispose();
      this.answer = answer;
      this.problem = '';
    } catch (error) {
      if (signal.aborted) return;
      this.fail(error);
    }
    this.#onChange();
  }

  /** Note the error of a request; one that is not the server's is a fault of the page. @param {unknown} error */
  fail(error) {
    const { status, sentence } = problemOf(error);
    if (status === null) throw error;
    this.problem = sentence;
  }
}
