/** The page: its store, the server, and its views. */

import * as colours from './components/colours.js';
import { h } from './components/dom.js';
import * as api from './data/api.js';
import { examples } from './data/examples.js';
import * as permalink from './data/permalink.js';
import { problemOf } from './data/problem.js';
import { INITIAL, createStore } from './data/store.js';
import * as i18n from './locale/i18n.js';
import * as belief from './views/belief.js';
import * as cell from './views/cell.js';
import * as compare from './views/compare.js';
import * as header from './views/header.js';
import * as heatmap from './views/heatmap.js';
import * as memory from './views/memory.js';
import * as take from './views/take.js';
import * as text from './views/text.js';

/**
 * @import { Answer } from './data/answer.js'
 * @import { State, Store } from './data/store.js'
 */

/**
 * @typedef {object} Context
 * @property {Store} store
 * @property {typeof i18n.t} t
 * @property {typeof api} api
 */

const VIEWS = { text, belief, heatmap, cell, memory, compare, take };

// Keys that follow one another within so many milliseconds are sent when they pause so long; any other
// key is sent at once.
const PAUSE = 60;
// Seconds until a server that is away is asked again; twice as long each time, up to the second.
const AGAIN = [1, 15];
// The statuses of a server that may answer in a moment.
const PASSING = [0, 429, 502, 503, 504];

const dark = matchMedia('(prefers-color-scheme: dark)');
const defaultState = { ...INITIAL, language: i18n.detect() };
const found = permalink.read(location.hash);
const store = createStore({ ...defaultState, ...found, step: 0 });
/** @type {Context} */
const context = { store, t: i18n.t, api };

let controller = new AbortController();
let timer = 0;
let typed = -Infinity;
let waited = 0;
/** The step that a link asks for, until the answer is there; null is the last. @type {number|null} */
let asked = found.step ?? null;
/** @type {unknown} */
let fault = null;

function dress() {
  const { theme, language } = store.get();
  document.documentElement.dataset.theme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
  colours.refresh();
  i18n.setLanguage(language);
}

/** Ask for the text as it stands now, in a moment; earlier requests are stale. @param {number} milliseconds */
function schedule(milliseconds) {
  controller.abort();
  clearTimeout(timer);
  timer = setTimeout(ask, milliseconds);
}

/** Ask for nothing: the answer that is shown is the one that is wanted. */
function rest() {
  controller.abort();
  clearTimeout(timer);
  store.set({ loading: false, problem: null });
}

async function ask() {
  controller = new AbortController();
  const { signal } = controller;
  store.set({ loading: true });
  try {
    // A server that was away may have come back as another.
    if (!store.get().info || fault) await learn();
    show(await api.inspect(store.get().text, signal));
  } catch (error) {
    if (signal.aborted) return;
    fail(error);
  }
}

/** Ask which model is served; begin with an example, where there are any and the link brings no text. */
async function learn() {
  const info = await api.info({ again: true });
  const state = store.get();
  const { text: present, layer } = state;
  const first = !state.info;
  const patch = permalink.fit({ ...state, layer: first && found.layer === undefined ? Infinity : layer }, info);
  const untold = first && !present && found.text === undefined;
  store.set({ ...patch, info, text: untold ? (Object.values(examples(info))[0] ?? '') : present });
}

/** @param {Answer} answer */
function show(answer) {
  const { answer: before, step } = store.get();
  const last = Math.max(0, answer.steps - 1);
  const wasLast = !before || step >= before.steps - 1;
  const next = asked ?? (wasLast ? last : step);
  asked = null;
  waited = 0;
  fault = null;
  store.set({ answer, step: Math.min(next, last), loading: false, problem: null });
  before?.dispose();
}

/** @param {unknown} error */
function fail(error) {
  fault = error;
  store.set({ loading: false, problem: problemOf(error) });
  if (!(error instanceof api.ApiError)) throw error;
  if (!PASSING.includes(error.status)) return;
  waited = Math.min(AGAIN[1], error.retryAfter ?? (waited ? 2 * waited : AGAIN[0]));
  timer = setTimeout(ask, 1000 * waited);
}

/** Give the state that a link need not name. @returns {State} */
function defaults() {
  const { answer, info } = store.get();
  return {
    ...defaultState,
    layer: info ? info.config.num_layers - 1 : 0,
    step: answer ? Math.max(0, answer.steps - 1) : 0,
  };
}

/** Take over the state of the address, after back, forward or an address typed in. @param {Partial<State>} from */
function restore(from) {
  const { answer, info, text: present } = store.get();
  const { step, ...all } = { ...defaults(), ...from };
  /** @type {Partial<State>} */
  const linked = Object.fromEntries(Object.entries(all).filter(([name]) =>
    permalink.KEYS.includes(/** @type {keyof State} */ (name))));
  /** @type {Partial<State>} */
  const patch = info ? permalink.fit(linked, info) : linked;
  asked = null;
  if (patch.text === present && answer) patch.step = Math.min(step, Math.max(0, answer.steps - 1));
  else asked = from.step ?? null;
  store.set(patch);
}

/** Ask for the answer to a text that has changed. @param {Readonly<State>} state */
function retype(state) {
  if (state.text === state.answer?.text) {
    rest();
    return;
  }
  const now = performance.now();
  schedule(now - typed < PAUSE ? PAUSE : 0);
  typed = now;
}

dress();
const bar = header.create(context, Object.keys(VIEWS));
const views = Object.values(VIEWS).map((module) => module.create(context));
const main = h('main', {}, ...views.map((view) => view.element));
document.body.replaceChildren(...bar.elements, main);

store.subscribe((state, changed) => {
  if (changed.has('theme') || changed.has('language')) dress();
  if (changed.has('language') && fault) store.set({ problem: problemOf(fault) });
  if (changed.has('text')) retype(state);
  bar.update(state, changed);
  for (const view of views) view.update(state, changed);
  main.dataset.answered = String(!state.loading && state.text === state.answer?.text);
});
permalink.follow(store, defaults, restore);
dark.addEventListener('change', () => store.touch('theme'));
window.addEventListener('online', () => {
  if (fault) schedule(0);
});
window.addEventListener('conveyor:retry', () => schedule(0));

store.touch(.../** @type {(keyof State)[]} */ (Object.keys(INITIAL)));
schedule(0);
