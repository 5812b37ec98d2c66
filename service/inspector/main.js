// @ts-check
/** Wires the store, the server and the views. */

import * as api from './api.js';
import * as colours from './colours.js';
import { h } from './dom.js';
import * as i18n from './i18n.js';
import * as link from './link.js';
import { examples } from './examples.js';
import { INITIAL, createStore } from './store.js';
import { strings } from './strings.js';
import * as header from './header.js';
import * as text from './views/text.js';
import * as belief from './views/belief.js';
import * as heatmap from './views/heatmap.js';
import * as cell from './views/cell.js';
import * as memory from './views/memory.js';
import * as compare from './views/compare.js';
import * as take from './views/take.js';

const VIEWS = { text, belief, heatmap, cell, memory, compare, take };

// Keys that follow one another within so many milliseconds are sent when they pause so long; any other
// key is sent at once.
const PAUSE = 60;
// Seconds until a server that is away is asked again; twice as long each time, up to the second.
const AGAIN = [1, 15];

/**
 * @typedef {object} Context
 * @property {ReturnType<typeof createStore>} store
 * @property {typeof i18n.t} t
 * @property {typeof api} api
 */

const dark = matchMedia('(prefers-color-scheme: dark)');
const defaultState = { ...INITIAL, language: i18n.detect() };
const found = link.read(location.hash);
const store = createStore({ ...defaultState, ...found, step: 0 });
/** @type {Context} */
const context = { store, t: i18n.t, api };

i18n.register(strings);
for (const module of [header, ...Object.values(VIEWS)]) i18n.register(module.strings);

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

/** Ask for the text as it stands now, in a moment; what was asked before is stale. */
function schedule(milliseconds) {
  controller.abort();
  clearTimeout(timer);
  timer = setTimeout(ask, milliseconds);
}

/** What is shown is what is wanted: nothing needs to be asked. */
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

/** What is served; and a first text, where the link brings none and there are examples. */
async function learn() {
  const info = await api.info({ again: true });
  const state = store.get();
  const { text: present, layer } = state;
  const first = !state.info;
  const patch = link.fit({ ...state, layer: first && found.layer === undefined ? Infinity : layer }, info);
  const untold = first && !present && found.text === undefined;
  store.set({ ...patch, info, text: untold ? (Object.values(examples(info))[0] ?? '') : present });
}

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

function fail(error) {
  fault = error;
  store.set({ loading: false, problem: sentence(error) });
  if (!(error instanceof api.ApiError)) throw error;
  if (![0, 429, 502, 503, 504].includes(error.status)) return;
  waited = Math.min(AGAIN[1], error.retryAfter ?? (waited ? 2 * waited : AGAIN[0]));
  timer = setTimeout(ask, 1000 * waited);
}

/** What is wrong, for people. */
function sentence(error) {
  if (!(error instanceof api.ApiError)) return i18n.t('problem.page', { error: String(error) });
  const key = `problem.${error.status}`;
  const words = i18n.t(key, { sentence: error.message });
  return words === key ? i18n.t('problem.other', { sentence: error.message }) : words;
}

function defaults() {
  const { answer, info } = store.get();
  return {
    ...defaultState,
    layer: info ? info.config.num_layers - 1 : 0,
    step: answer ? Math.max(0, answer.steps - 1) : 0,
  };
}

/** Take over what the address says, after back, forward or an address typed in. */
function restore(from) {
  const { answer, info, text: present } = store.get();
  const { step, ...all } = { ...defaults(), ...from };
  const linked = Object.fromEntries(link.KEYS.filter((name) => name in all).map((name) => [name, all[name]]));
  const patch = info ? link.fit(linked, info) : linked;
  asked = null;
  if (patch.text === present && answer) patch.step = Math.min(step, Math.max(0, answer.steps - 1));
  else asked = from.step ?? null;
  store.set(patch);
}

dress();
const bar = header.create(context, Object.keys(VIEWS));
const views = Object.entries(VIEWS).map(([name, module]) => ({ name, ...module.create(context) }));
const main = h('main', {}, ...views.map((view) => view.element));
document.body.replaceChildren(...bar.elements, main);

store.subscribe((state, changed) => {
  if (changed.has('theme') || changed.has('language')) dress();
  if (changed.has('language') && fault) store.set({ problem: sentence(fault) });
  if (changed.has('text')) {
    if (state.text !== state.answer?.text) {
      const now = performance.now();
      schedule(now - typed < PAUSE ? PAUSE : 0);
      typed = now;
    }
    else rest();
  }
  bar.update(state, changed);
  for (const view of views) view.update(state, changed);
  main.dataset.answered = String(!state.loading && state.text === state.answer?.text);
});
link.follow(store, defaults, restore);
dark.addEventListener('change', () => store.touch('theme'));
window.addEventListener('online', () => fault && schedule(0));
window.addEventListener('conveyor:retry', () => schedule(0));

store.touch(...Object.keys(INITIAL));
schedule(0);
