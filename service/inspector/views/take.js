/** Downloads: the view as files, as a request, and as a link. */

import { button, h, section } from '../components/dom.js';
import { png } from '../components/png_export.js';
import { write } from '../data/permalink.js';
import { curl, python } from '../data/request_snippets.js';

/**
 * @import { Changed, State } from '../data/store.js'
 * @import { Context } from '../main.js'
 */

const FORMS = { json: 'application/json', npz: 'application/x-npz' };
const PICTURES = {
  heatmap: '#heatmap .heatmap-cells, #heatmap .heatmap-marks',
  cell: '#cell svg.diagram',
  belief: '#belief svg',
};
const KEPT = 60_000; // milliseconds, for the browser to take a file

/** Make the request for the tensor of the heat map. @param {Readonly<State>} state @param {Context['api']} api */
function request({ text, tensor, layer, direction, answer }, api) {
  return api.request(text, {
    tensors: [tensor],
    layers: [layer],
    directions: [direction],
    ...(answer?.stepScores ? { step_scores: true } : {}),
  });
}

/** Make the view. @param {Context} context */
export function create(context) {
  const { store, t, api } = context;
  const frame = section('take', t);
  const said = h('p', { class: 'said', role: 'status' });
  const shown = h('textarea', { id: 'take-request', class: 'request', readonly: true, rows: '6', spellcheck: 'false' });
  const caption = h('label', { class: 'caption', for: shown.id });
  const written = (/** @type {typeof curl} */ snippet) =>
    snippet(api.url('states'), request(store.get(), api), Boolean(api.key.get()));
  const say = (/** @type {string} */ key, /** @type {Record<string, string>} */ values = {}) => {
    said.textContent = t(`take.${key}`, values);
  };
  const failed = (/** @type {unknown} */ error) =>
    say('failed', { reason: error instanceof Error ? error.message : String(error) });
  const groups = [
    group('files', downloads(context, say), failed),
    group('copy', copies(context, written, shown, say), failed),
  ];
  frame.element.append(
    ...groups.map(({ title, buttons }) => h('div', { class: 'group' }, title, ...buttons)), caption, shown, said);

  function words() {
    for (const { name, title, buttons } of groups) {
      title.textContent = t(`take.${name}`);
      for (const each of buttons) each.textContent = t(`take.${each.dataset.take}`);
    }
  }
  words();

  return {
    element: frame.element,
    /** @param {Readonly<State>} state @param {Changed} changed */
    update(state, changed) {
      if (changed.has('language')) {
        frame.retitle();
        words();
        said.textContent = '';
      }
      if (!state.info) return;
      caption.textContent = t('take.request', { tensor: state.tensor, layer: state.layer });
      for (const each of groups.flatMap(({ buttons }) => buttons)) each.disabled = !state.answer;
      if (state.answer && document.activeElement !== shown) shown.value = written(curl);
    },
  };
}

/**
 * @typedef {Record<string, () => Promise<void>|void>} Actions
 * @typedef {(key: string, values?: Record<string, string>) => void} Say
 */

/**
 * Make a row of buttons.
 * @param {string} name
 * @param {Actions} actions
 * @param {(error: unknown) => void} failed
 */
function group(name, actions, failed) {
  const buttons = Object.entries(actions).map(([take, act]) => button(async () => {
    try {
      await act();
    } catch (error) {
      failed(error);
    }
  }, { dataset: { take } }));
  return { name, title: h('span', { class: 'caption' }), buttons };
}

/** Make the actions that save files. @param {Context} context @param {Say} say @returns {Actions} */
function downloads({ store, api }, say) {
  /** @param {Blob} blob @param {string} part  of the view @param {string} ending */
  function save(blob, part, ending) {
    const { info, layer, direction } = store.get();
    const name = `${info?.artifact.name ?? 'conveyor'}-${part}-layer${layer}-${direction}.${ending}`;
    const source = URL.createObjectURL(blob);
    h('a', { href: source, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(source), KEPT);
    say('saved', { name });
  }

  /** @param {keyof typeof FORMS} ending */
  async function numbers(ending) {
    const state = store.get();
    save(await api.download(request(state, api), FORMS[ending]), state.tensor, ending);
  }

  /** @param {keyof typeof PICTURES} name */
  async function picture(name) {
    const all = /** @type {NodeListOf<HTMLCanvasElement|SVGSVGElement>} */ (document.querySelectorAll(PICTURES[name]));
    const drawings = [...all].filter((one) => one.checkVisibility());
    if (drawings.length) save(await png(drawings), name, 'png');
    else say('nothing');
  }

  return {
    json: () => numbers('json'),
    npz: () => numbers('npz'),
    heatmap: () => picture('heatmap'),
    cell: () => picture('cell'),
    belief: () => picture('belief'),
  };
}

/**
 * Make the actions that copy words.
 * @param {Context} context
 * @param {(snippet: typeof curl) => string} written
 * @param {HTMLTextAreaElement} shown
 * @param {Say} say
 * @returns {Actions}
 */
function copies({ store }, written, shown, say) {
  /** @param {string} words */
  async function copy(words) {
    shown.value = words;
    try {
      await navigator.clipboard.writeText(words);
      say('copied');
    } catch {
      // There is no clipboard on plain HTTP but at home, or the reader has said no.
      shown.focus();
      shown.select();
      say('select');
    }
  }

  return {
    curl: () => copy(written(curl)),
    python: () => copy(written(python)),
    // Written out, and not as far as it differs from what this reader begins with.
    link: () => copy(new URL(write(store.get(), { other: '' }), location.href).href),
  };
}
