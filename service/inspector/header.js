// @ts-check
/** The page's head: which model is looked at, where to go, language, theme, and what is wrong. */

import { h } from './dom.js';
import { number } from './i18n.js';

export const strings = {
  en: {
    'header.skip': 'Skip to the text',
    'header.sections': 'Sections',
    'header.language': 'Language',
    'header.theme': 'Colours',
    'header.auto': 'As the system',
    'header.light': 'Light',
    'header.dark': 'Dark',
    'header.lstm': 'LSTM',
    'header.rnn': 'simple RNN, without gates',
    'header.layers': 'layers',
    'header.units': 'units',
    'header.parameters': 'parameters',
    'header.reads': 'reads',
    'header.one': 'left to right',
    'header.both': 'both ways',
    'header.key': 'API key',
    'header.send': 'Use this key',
  },
  zh: {
    'header.skip': '跳到文本',
    'header.sections': '各节',
    'header.language': '语言',
    'header.theme': '配色',
    'header.auto': '跟随系统',
    'header.light': '浅色',
    'header.dark': '深色',
    'header.lstm': 'LSTM',
    'header.rnn': '简单 RNN，没有门',
    'header.layers': '层',
    'header.units': '单元',
    'header.parameters': '参数',
    'header.reads': '阅读方向',
    'header.one': '从左到右',
    'header.both': '双向',
    'header.key': 'API 密钥',
    'header.send': '使用此密钥',
  },
};

const LANGUAGES = { en: 'English', zh: '中文' };
const THEMES = ['auto', 'light', 'dark'];

/**
 * @param {import('./main.js').Context} context
 * @param {string[]} names  the sections'
 */
export function create({ store, t, api }, names) {
  const name = h('h1');
  const facts = h('dl', { class: 'facts' });
  const skip = h('a', { class: 'skip', href: '#text', onclick: jump });
  const links = names.map((section) => h('a', { href: `#${section}`, onclick: jump }));
  const nav = h('nav', {}, ...links);
  const language = h('div', { class: 'segments', role: 'group' },
    ...Object.entries(LANGUAGES).map(([code, words]) =>
      h('button', { type: 'button', lang: code, onclick: () => store.set({ language: code }) }, words)));
  const theme = h('select', { onchange: () => store.set({ theme: theme.value }) },
    ...THEMES.map((value) => h('option', { value })));
  const problem = h('p', { class: 'problem', role: 'status' });
  const field = h('input', { type: 'password', autocomplete: 'off', required: true });
  const send = h('button', { type: 'submit', class: 'primary' });
  const caption = h('span');
  const form = h('form', { class: 'key', hidden: true, onsubmit: useKey }, h('label', {}, caption, field), send);
  const trouble = h('div', { class: 'trouble', hidden: true }, h('div', { class: 'trouble-in' }, problem, form));
  const head = h('header', { class: 'head' },
    skip,
    h('div', { class: 'model' }, name, facts),
    h('div', { class: 'choices' }, language, theme));
  const bar = h('div', { class: 'bar' }, nav, trouble);

  /** What stands behind the # is the view: going to a section leaves it alone. */
  function jump(event) {
    event.preventDefault();
    const target = document.getElementById(event.currentTarget.getAttribute('href').slice(1));
    target?.scrollIntoView();
    const focus = event.currentTarget === skip ? 'textarea' : 'h2';
    /** @type {HTMLElement|null|undefined} */ (target?.querySelector(focus))?.focus({ preventScroll: true });
  }

  function useKey(event) {
    event.preventDefault();
    api.key.set(field.value);
    field.value = '';
    window.dispatchEvent(new CustomEvent('conveyor:retry'));
  }

  function words({ info, language: code, problem: sentence }) {
    document.title = info ? `${info.artifact.name} · ${t('page.title')}` : t('page.title');
    name.textContent = info ? info.artifact.name : 'Conveyor';
    facts.replaceChildren(...(info ? described(info) : []).map(([term, value]) =>
      h('div', {}, h('dt', {}, term), h('dd', {}, value))));
    skip.textContent = t('header.skip');
    nav.setAttribute('aria-label', t('header.sections'));
    links.forEach((link, index) => { link.textContent = t(`${names[index]}.nav`); });
    language.setAttribute('aria-label', t('header.language'));
    for (const button of language.children) button.setAttribute('aria-pressed', String(button.lang === code));
    theme.setAttribute('aria-label', t('header.theme'));
    for (const option of theme.options) option.textContent = t(`header.${option.value}`);
    caption.textContent = t('header.key');
    send.textContent = t('header.send');
    problem.textContent = sentence ?? '';
    trouble.hidden = !sentence;
    const locked = sentence === t('problem.401');
    if (locked && form.hidden) requestAnimationFrame(() => field.focus());
    form.hidden = !locked;
  }

  function described({ config, parameters }) {
    return [
      [t(`header.${config.cell}`), ''],
      [t('header.layers'), number(config.num_layers)],
      [t('header.units'), number(config.hidden_size)],
      [t('header.parameters'), number(parameters.total)],
      [t('header.reads'), t(config.bidirectional ? 'header.both' : 'header.one')],
    ];
  }

  /** The section that is looked at: the last one whose top has passed the upper third. */
  function watch() {
    const line = window.innerHeight / 3;
    const tops = names.map((section) => document.getElementById(section)?.getBoundingClientRect().top ?? Infinity);
    const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
    const here = atEnd && window.scrollY > 0 ? names.length - 1 : tops.findLastIndex((top) => top <= line);
    links.forEach((link, index) => {
      if (index === Math.max(0, here)) {
        if (!link.hasAttribute('aria-current')) nav.scrollLeft = link.offsetLeft - nav.clientWidth / 2;
        link.setAttribute('aria-current', 'true');
      } else link.removeAttribute('aria-current');
    });
  }
  let waiting = false;
  window.addEventListener('scroll', () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      watch();
    });
  }, { passive: true });

  return {
    elements: [head, bar],
    update(state, changed) {
      if (['language', 'info', 'problem'].some((key) => changed.has(key))) words(state);
      theme.value = state.theme;
      if (changed.has('answer')) watch();
    },
  };
}
