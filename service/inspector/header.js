// @ts-check
/** The page's head: which model is looked at, where to go, language, theme, and what is wrong. */

import { h } from './dom.js';
import { number } from './i18n.js';

const SECTIONS = ['text', 'belief', 'heatmap', 'cell', 'memory', 'compare', 'take'];

export const strings = {
  en: {
    'header.skip': 'Skip to the text',
    'header.sections': 'Sections',
    'header.language': 'Language',
    'header.theme': 'Theme',
    'header.auto': 'System',
    'header.light': 'Light',
    'header.dark': 'Dark',
    'header.lstm': 'LSTM',
    'header.rnn': 'simple RNN',
    'header.layers': 'layers {count}',
    'header.units': 'units {count}',
    'header.parameters': 'parameters {count}',
    'header.both': 'reads in both directions',
    'header.key': 'API key',
    'header.send': 'Use this key',
  },
  zh: {
    'header.skip': '跳到文本',
    'header.sections': '各节',
    'header.language': '语言',
    'header.theme': '主题',
    'header.auto': '跟随系统',
    'header.light': '浅色',
    'header.dark': '深色',
    'header.lstm': 'LSTM',
    'header.rnn': '简单 RNN',
    'header.layers': '层数 {count}',
    'header.units': '单元数 {count}',
    'header.parameters': '参数量 {count}',
    'header.both': '双向阅读',
    'header.key': 'API 密钥',
    'header.send': '使用此密钥',
  },
};

/** @param {import('./main.js').Context} context */
export function create({ store, t, api }) {
  const name = h('h1');
  const facts = h('p', { class: 'facts' });
  const skip = h('a', { class: 'skip', href: '#text', onclick: jump });
  const links = SECTIONS.map((section) => h('a', { href: `#${section}`, onclick: jump }));
  const nav = h('nav', {}, ...links);
  const language = select('language', ['en', 'zh']);
  const theme = select('theme', ['auto', 'light', 'dark']);
  const problem = h('p', { class: 'problem', role: 'status' });
  const field = h('input', { type: 'password', autocomplete: 'off', required: true });
  const send = h('button', { type: 'submit' });
  const caption = h('span');
  const form = h('form', { class: 'key', hidden: true, onsubmit: useKey }, h('label', {}, caption, field), send);
  const element = h(
    'header',
    { class: 'bar' },
    skip,
    h('div', { class: 'bar-in' }, h('div', { class: 'model' }, name, facts), nav, h('div', { class: 'choices' }, language, theme)),
    h('div', { class: 'trouble' }, problem, form),
  );

  function select(key, values) {
    return h('select', { onchange: (event) => store.set({ [key]: event.target.value }) },
      ...values.map((value) => h('option', { value })));
  }

  /** The address after the # is the view's own: going to a section leaves it alone. */
  function jump(event) {
    event.preventDefault();
    const target = document.getElementById(event.currentTarget.getAttribute('href').slice(1));
    target?.scrollIntoView();
    const focus = target?.querySelector('textarea') ?? target?.querySelector('h2');
    if (event.currentTarget === skip) focus?.focus();
  }

  function useKey(event) {
    event.preventDefault();
    api.key.set(field.value);
    field.value = '';
    window.dispatchEvent(new CustomEvent('conveyor:retry'));
  }

  function words({ info, problem: sentence }) {
    document.title = info ? `${info.artifact.name} · ${t('page.title')}` : t('page.title');
    name.textContent = info ? info.artifact.name : 'Conveyor';
    facts.textContent = info ? describe(info) : '';
    skip.textContent = t('header.skip');
    nav.setAttribute('aria-label', t('header.sections'));
    links.forEach((a, index) => { a.textContent = t(`${SECTIONS[index]}.nav`); });
    language.setAttribute('aria-label', t('header.language'));
    language.options[0].textContent = 'English';
    language.options[1].textContent = '中文';
    theme.setAttribute('aria-label', t('header.theme'));
    for (const option of theme.options) option.textContent = t(`header.${option.value}`);
    caption.textContent = t('header.key');
    send.textContent = t('header.send');
    problem.textContent = sentence ?? '';
    form.hidden = sentence !== t('problem.401');
  }

  function describe({ config, parameters }) {
    const parts = [
      t(`header.${config.cell}`),
      t('header.layers', { count: config.num_layers }),
      t('header.units', { count: config.hidden_size }),
      t('header.parameters', { count: number(parameters.total) }),
    ];
    if (config.bidirectional) parts.push(t('header.both'));
    return parts.join(' · ');
  }

  return {
    element,
    update(state, changed) {
      if (['language', 'info', 'problem'].some((key) => changed.has(key))) words(state);
      language.value = state.language;
      theme.value = state.theme;
    },
  };
}
