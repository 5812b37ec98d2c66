/** The view in the address, behind the #, which no server sees. */

import { INITIAL } from './store.js';

/**
 * @import { Info } from './api.js'
 * @import { State, Store } from './store.js'
 */

/** @type {Record<string, string[]>} */
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
export const KEYS = /** @type {(keyof State)[]} */ ([...TEXTS, ...NUMBERS, ...Object.keys(CHOICES)]);

// Changes that follow one another this fast, in milliseconds, are one step of the browser's history.
const SETTLED = 400;
const APART = 1500;

/**
 * Read the part of the state that stands in a hash; what is not there or makes no sense is left out.
 * @param {string} hash
 * @returns {Partial<State>}
 */
export function read(hash) {
  /** @type {Record<string, string|number>} */
  const found = {};
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
    if (TEXTS.includes(name)) found[name] = value;
    else if (NUMBERS.includes(name) && /^\d{1,9}$/.test(value)) found[name] = Number(value);
    else if (CHOICES[name]?.includes(value)) found[name] = value;
  }
  return found;
}

/**
 * Fit a state to the model that is served, whatever the link was made of.
 * @template {Partial<State>} Part
 * @param {Part} state
 * @param {Info} info
 */
export function fit(state, { config, labels }) {
  const { label, layer, direction, tensor, unit } = { ...INITIAL, ...state };
  return {
    ...state,
    label: label !== null && labels.includes(label) ? label : null,
    layer: Math.min(layer, config.num_layers - 1),
    direction: config.bidirectional ? direction : 'forward',
    tensor: config.cell === 'lstm' ? tensor : 'hidden',
    unit: unit !== null && unit < config.hidden_size ? unit : null,
  };
}

/**
 * Write the hash of a state: all that differs from the defaults, which for the language is what the
 * browser asks for, for the layer the top one and for the step the last.
 * @param {Partial<State>} state
 * @param {Partial<State>} [defaults]
 */
export function write(state, defaults = INITIAL) {
  const parameters = new URLSearchParams();
  for (const name of KEYS) {
    const value = state[name];
    if (value !== null && value !== undefined && value !== defaults[name]) parameters.set(name, String(value));
  }
  const written = parameters.toString();
  return written && `#${written}`;
}

/**
 * Keep the address and the state alike.
 * @param {Store} store
 * @param {() => Partial<State>} defaults  of the moment
 * @param {(found: Partial<State>) => void} restore  called with the address's once the reader goes back or forward
 */
export function follow(store, defaults, restore) {
  let timer = 0;
  let written = -Infinity;
  let begun = false; // the page's first view is no step of its own
  /** @type {Set<keyof State>} */
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

  store.subscribe((_state, changed) => {
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
