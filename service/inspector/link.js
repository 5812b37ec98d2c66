// @ts-check
/** The view in the address, behind the #, which no server sees; and back. */

import { INITIAL } from './store.js';

const CHOICES = {
  direction: ['forward', 'backward'],
  tensor: ['hidden', 'cell', 'forget_gate', 'input_gate', 'candidate', 'output_gate'],
  scope: ['unit', 'all'],
  order: ['index', 'activity', 'similarity', 'contribution'],
  language: ['en', 'zh'],
  theme: ['auto', 'light', 'dark'],
};
const NUMBERS = ['layer', 'unit', 'step'];
const TEXTS = ['text', 'label', 'other'];

/** All that a link holds, in the order in which it stands there. */
export const KEYS = [...TEXTS, ...NUMBERS, ...Object.keys(CHOICES)];

// Changes that follow one another this fast, in milliseconds, are one step of the browser's history.
const SETTLED = 400;
const APART = 1500;

/**
 * The part of the state that stands in a hash; what is not there or makes no sense is left out.
 * @param {string} hash
 * @returns {Partial<import('./store.js').State>}
 */
export function read(hash) {
  const found = {};
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
    if (TEXTS.includes(name)) found[name] = value;
    else if (NUMBERS.includes(name) && /^\d{1,9}$/.test(value)) found[name] = Number(value);
    else if (CHOICES[name]?.includes(value)) found[name] = value;
  }
  return found;
}

/**
 * A state that suits the model that is served, whatever the link was made of.
 * @param {Record<string, any>} state
 * @param {any} info  GET /info
 */
export function fit(state, info) {
  const { config, labels } = info;
  return {
    ...state,
    label: labels.includes(state.label) ? state.label : null,
    layer: Math.min(state.layer, config.num_layers - 1),
    direction: config.bidirectional ? state.direction : 'forward',
    tensor: config.cell === 'lstm' ? state.tensor : 'hidden',
    unit: state.unit !== null && state.unit < config.hidden_size ? state.unit : null,
  };
}

/**
 * The hash of a state: what differs from the defaults, which for the language is what the browser
 * asks for, for the layer the top one and for the step the last.
 * @param {Partial<import('./store.js').State>} state
 * @param {Partial<import('./store.js').State>} defaults
 */
export function write(state, defaults = INITIAL) {
  const parameters = new URLSearchParams();
  for (const name of KEYS) {
    const value = state[name];
    if (value !== null && value !== undefined && value !== defaults[name]) parameters.set(name, value);
  }
  const written = parameters.toString();
  return written && `#${written}`;
}

/**
 * Keeps the address and the state alike. `defaults` gives the defaults of the moment, `restore` gets
 * what the address says once the reader goes back or forward.
 * @param {{get: () => any, subscribe: Function}} store
 * @param {() => Partial<import('./store.js').State>} defaults
 * @param {(found: Partial<import('./store.js').State>) => void} restore
 */
export function follow(store, defaults, restore) {
  let timer = 0;
  let written = -Infinity;
  let begun = false; // what the page begins with is no step of its own
  let names = new Set();

  function settle() {
    timer = 0;
    const hash = write(store.get(), defaults());
    const small = [...names].every((name) => name === 'step');
    names = new Set();
    const first = !begun;
    begun = true;
    if (hash === location.hash) return;
    const now = performance.now();
    const target = hash || location.pathname + location.search;
    if (first || small || now - written < APART) history.replaceState(null, '', target);
    else history.pushState(null, '', target);
    written = now;
  }

  store.subscribe((state, changed) => {
    const linked = [...changed].filter((name) => KEYS.includes(name));
    if (!linked.length) return;
    for (const name of linked) names.add(name);
    clearTimeout(timer);
    timer = setTimeout(settle, SETTLED);
  });
  window.addEventListener('popstate', () => {
    clearTimeout(timer);
    names = new Set();
    written = performance.now(); // what follows from going back is no step of its own
    restore(read(location.hash));
  });
}
