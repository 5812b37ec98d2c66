/** The state of the page in one object; its subscribers are told of changes once a frame. */

/**
 * @import { Answer, Direction, TensorName } from './answer.js'
 * @import { Info } from './api.js'
 * @import { Language } from '../locale/i18n.js'
 */

/**
 * @typedef {object} Problem
 * @property {number|null} status  of HTTP, 0 where the server cannot be reached; null is a fault of the page
 * @property {string} sentence     for people, in the chosen language
 */

/**
 * @typedef {object} State
 * @property {string} text
 * @property {string|null} label      the label that is followed; null is the predicted one
 * @property {number} layer
 * @property {Direction} direction
 * @property {TensorName} tensor
 * @property {number|null} unit       null: all units
 * @property {'unit'|'all'} scope     whether the cell and its memory are shown of one unit or of all
 * @property {number} step            the selected token; 0 where there is none
 * @property {'index'|'activity'|'similarity'|'contribution'} order
 * @property {string} other           the text to compare with; '' is none
 * @property {Language} language
 * @property {'auto'|'light'|'dark'} theme
 * @property {Info|null} info
 * @property {Answer|null} answer
 * @property {boolean} loading
 * @property {Problem|null} problem
 */

/**
 * @typedef {State & {answer: Answer}} AnsweredState
 * @typedef {Set<keyof State>} Changed
 * @typedef {(state: Readonly<State>, changed: Changed) => void} Subscriber
 * @typedef {ReturnType<typeof createStore>} Store
 */

/** @type {State} */
export const INITIAL = {
  text: '',
  label: null,
  layer: 0,
  direction: 'forward',
  tensor: 'hidden',
  unit: null,
  scope: 'unit',
  step: 0,
  order: 'index',
  other: '',
  language: 'en',
  theme: 'auto',
  info: null,
  answer: null,
  loading: false,
  problem: null,
};

/**
 * Make a store. Subscribers are called once a frame, with all names that have changed since the last.
 * @param {State} initial
 */
export function createStore(initial) {
  /** @type {Readonly<State>} */
  let state = { ...initial };
  /** @type {Changed} */
  let changed = new Set();
  /** @type {Set<Subscriber>} */
  const subscribers = new Set();

  function tell() {
    const told = changed;
    changed = new Set();
    for (const subscriber of subscribers) subscriber(state, told);
  }

  /** @param {...keyof State} names */
  function touch(...names) {
    if (!changed.size) requestAnimationFrame(tell);
    for (const name of names) changed.add(name);
  }

  return {
    /** Give the present state. */
    get: () => state,
    /** Change a part of the state. @param {Partial<State>} patch */
    set(patch) {
      const all = /** @type {(keyof State)[]} */ (Object.keys(patch));
      const names = all.filter((name) => !Object.is(state[name], patch[name]));
      if (!names.length) return;
      state = { ...state, ...patch };
      touch(...names);
    },
    /** Count names as changed though their values have not: colours, when the system's change. */
    touch,
    /** Call a function after changes, until what is returned is called. @param {Subscriber} subscriber */
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
  };
}

/**
 * Tell whether any of some names has changed.
 * @param {Changed} changed
 * @param {...keyof State} names
 */
export const hasAny = (changed, ...names) => names.some((name) => changed.has(name));
