// @ts-check
/** Take it along: what is shown as files, as a request, and as a link. */

import { h, section } from '../dom.js';
import { write } from '../link.js';
import { png } from '../take/picture.js';
import { curl, python } from '../take/snippets.js';

export const strings = {
  en: {
    'take.title': 'Take it along',
    'take.nav': 'Take along',
    'take.lead': 'What is shown above as files, as a request of your own, and as a link that opens the same view.',
    'take.files': 'Download',
    'take.json': 'Numbers, JSON',
    'take.npz': 'Numbers, npz for numpy',
    'take.heatmap': 'Heat map, PNG',
    'take.cell': 'Cell, PNG',
    'take.belief': 'Belief, PNG',
    'take.copy': 'Copy',
    'take.curl': 'curl',
    'take.python': 'Python',
    'take.link': 'Link to this view',
    'take.request': 'The request for “{tensor}” of layer {layer}',
    'take.copied': 'Copied.',
    'take.select': 'This browser does not let pages copy here: the text below is selected, copy it from there.',
    'take.saved': '{name} is downloaded.',
    'take.failed': 'This could not be made: {reason}',
    'take.nothing': 'That is not drawn at the moment.',
  },
  zh: {
    'take.title': '带走',
    'take.nav': '带走',
    'take.lead': '把上面看到的内容存为文件、变成您自己的请求,或得到一个能重新打开同一视图的链接。',
    'take.files': '下载',
    'take.json': '数值,JSON',
    'take.npz': '数值,npz(numpy)',
    'take.heatmap': '热图,PNG',
    'take.cell': '细胞,PNG',
    'take.belief': '信念曲线,PNG',
    'take.copy': '复制',
    'take.curl': 'curl',
    'take.python': 'Python',
    'take.link': '本视图的链接',
    'take.request': '第 {layer} 层“{tensor}”的请求',
    'take.copied': '已复制。',
    'take.select': '浏览器不允许在此复制:下面的文字已选中,请手动复制。',
    'take.saved': '{name} 已下载。',
    'take.failed': '未能生成:{reason}',
    'take.nothing': '目前没有绘制这一内容。',
  },
};

const FORMS = { json: 'application/json', npz: 'application/x-npz' };
const PICTURES = {
  heatmap: '#heatmap .heatmap-cells, #heatmap .heatmap-marks',
  cell: '#cell svg.diagram',
  belief: '#belief svg',
};

/** The request for what the heat map shows. @param {any} state @param {any} api */
function request({ text, tensor, layer, direction, answer }, api) {
  const fields = { tensors: [tensor], layers: [layer], directions: [direction] };
  if (answer?.stepScores) Object.assign(fields, { step_scores: true });
  return api.request(text, fields);
}

/** @param {import('../main.js').Context} context */
export function create({ store, t, api }) {
  const frame = section('take', t);
  const said = h('p', { class: 'said', role: 'status' });
  const shown = h('textarea', { class: 'request', readonly: true, rows: '6', spellcheck: 'false' });
  const caption = h('label', { class: 'caption' });
  shown.id = 'take-request';
  caption.htmlFor = shown.id;

  const say = (key, values) => { said.textContent = t(`take.${key}`, values); };
  const guarded = () => Boolean(api.key.get());
  const written = (snippet) => snippet(api.url('states'), request(store.get(), api), guarded());

  function save(blob, name) {
    const source = URL.createObjectURL(blob);
    h('a', { href: source, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(source), 60_000);
    say('saved', { name });
  }

  /** A name that says what is in the file: model, tensor, layer. */
  function named(what, ending) {
    const { info, layer, direction } = store.get();
    return `${info?.artifact.name ?? 'conveyor'}-${what}-layer${layer}-${direction}.${ending}`;
  }

  async function numbers(ending) {
    const state = store.get();
    save(await api.download(request(state, api), FORMS[ending]), named(state.tensor, ending));
  }

  async function picture(name) {
    const drawings = [...document.querySelectorAll(PICTURES[name])].filter((one) => one.checkVisibility());
    if (!drawings.length) return say('nothing');
    save(await png(/** @type {any[]} */ (drawings)), named(name, 'png'));
  }

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

  /** @type {Record<string, () => Promise<void>|void>} */
  const actions = {
    json: () => numbers('json'),
    npz: () => numbers('npz'),
    heatmap: () => picture('heatmap'),
    cell: () => picture('cell'),
    belief: () => picture('belief'),
    curl: () => copy(written(curl)),
    python: () => copy(written(python)),
    // Written out, and not as far as it differs from what this reader begins with.
    link: () => copy(new URL(write(store.get(), { other: '' }), location.href).href),
  };
  const buttons = Object.fromEntries(
    Object.entries(actions).map(([name, act]) => [
      name,
      h('button', {
        type: 'button',
        dataset: { take: name },
        onclick: async () => {
          try {
            await act();
          } catch (error) {
            say('failed', { reason: error instanceof Error ? error.message : String(error) });
          }
        },
      }),
    ]),
  );
  const { json, npz, heatmap, cell, belief, curl: asCurl, python: asPython, link } = buttons;
  const files = h('span', { class: 'caption' });
  const copies = h('span', { class: 'caption' });
  frame.element.append(
    h('div', { class: 'group' }, files, json, npz, heatmap, cell, belief),
    h('div', { class: 'group' }, copies, asCurl, asPython, link),
    caption,
    shown,
    said,
  );

  function words() {
    files.textContent = t('take.files');
    copies.textContent = t('take.copy');
    for (const [name, button] of Object.entries(buttons)) button.textContent = t(`take.${name}`);
  }
  words();

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      if (changed.has('language')) {
        frame.retitle();
        words();
        said.textContent = '';
      }
      if (!state.info) return;
      caption.textContent = t('take.request', { tensor: state.tensor, layer: state.layer });
      for (const button of Object.values(buttons)) button.disabled = !state.answer;
      if (state.answer && document.activeElement !== shown) shown.value = written(curl);
    },
  };
}
