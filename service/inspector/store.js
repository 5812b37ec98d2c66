// @ts-check
/** What the page shows, in one object; who shows it is told what has changed. */

/**
 * @typedef {object} State
 * @property {string} text
 * @property {string|null} label      the label that is followed; null is the predicted one
 * @property {number} layer
 * @property {'forward'|'backward'} direction
 * @property {string} tensor
 * @property {number|null} unit       null: all units
 * @property {'unit'|'all'} scope    whether the cell and its memory are shown of one unit or of all
 * @property {number} step            the selected token; 0 where there is none
 * @property {'index'|'activity'|'similarity'|'contribution'} order
 * @property {string} other           the text to compare with; '' is none
 * @property {'en'|'zh'} language
 * @property {'auto'|'light'|'dark'} theme
 * @property {any} info               GET /info, or null
 * @property {import('./answer.js').Answer|null} answer
 * @property {boolean} loading
 * @property {string|null} problem    a sentence
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
 * Subscribers are called once a frame, with all names that have changed since the last.
 * @param {State} initial
 */
export function createStore(initial) {
  let state = { ...initial };
  let changed = new Set();
  const subscribers = new Set();

  function tell() {
    const told = changed;
    changed = new Set();
    for (const subscriber of subscribers) subscriber(state, told);
  }

  function touch(...names) {
    if (!changed.size) requestAnimationFrame(tell);
    for (const name of names) changed.add(name);
  }

  return {
    /** @returns {Readonly<State>} */
    get: () => state,
    /** @param {Partial<State>} patch */
    set(patch) {
      const names = Object.keys(patch).filter((name) => !Object.is(state[name], patch[name]));
      if (!names.length) return;
      state = { ...state, ...patch };
      touch(...names);
    },
    /** Names count as changed though their values have not: colours, when the system's change. */
    touch,
    /** @param {(state: State, changed: Set<string>) => void} subscriber */
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
  };
}
