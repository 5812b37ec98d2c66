/** The page's head: the model that is looked at, the way to each section, language, theme, and problems. */

import { button, h } from '../components/dom.js';
import { number } from '../locale/i18n.js';

/**
 * @import { Info } from '../data/api.js'
 * @import { Changed, Problem, State } from '../data/store.js'
 * @import { Language } from '../locale/i18n.js'
 * @import { Context } from '../main.js'
 */

/** @type {Record<Language, string>} */
const LANGUAGES = { en: 'English', zh: '中文' };
/** @type {State['theme'][]} */
const THEMES = ['auto', 'light', 'dark'];

const UNAUTHORIZED = 401;

/**
 * Make the head.
 * @param {Context} context
 * @param {string[]} names  the sections'
 */
export function create({ store, t, api }, names) {
  const name = h('h1');
  const facts = h('dl', { class: 'facts' });
  const sections = navigation(names, t);
  const trouble = troubleBar(t, (key) => {
    api.key.set(key);
    window.dispatchEvent(new CustomEvent('conveyor:retry'));
  });
  const language = h('div', { class: 'segments', role: 'group' },
    ...Object.entries(LANGUAGES).map(([code, title]) =>
      button(() => store.set({ language: /** @type {Language} */ (code) }), { lang: code }, title)));
  const theme = h('select', {
    onchange: () => { store.set({ theme: /** @type {State['theme']} */ (theme.value) }); },
  }, ...THEMES.map((value) => h('option', { value })));
  const head = h('header', { class: 'head' },
    sections.skip,
    h('div', { class: 'model' }, name, facts),
    h('div', { class: 'choices' }, language, theme));

  /** @param {Readonly<State>} state */
  function words({ info, language: chosen }) {
    document.title = info ? `${info.artifact.name} · ${t('page.title')}` : t('page.title');
    name.textContent = info ? info.artifact.name : 'Conveyor';
    facts.replaceChildren(...(info ? described(info, t) : []).map(([term, value]) =>
      h('div', {}, h('dt', {}, term), h('dd', {}, value))));
    language.setAttribute('aria-label', t('header.language'));
    for (const each of language.querySelectorAll('button')) each.setAttribute('aria-pressed', String(each.lang === chosen));
    theme.setAttribute('aria-label', t('header.theme'));
    for (const option of theme.options) option.textContent = t(`header.${option.value}`);
  }

  return {
    elements: [head, h('div', { class: 'bar' }, sections.nav, trouble.element)],
    /** @param {Readonly<State>} state @param {Changed} changed */
    update(state, changed) {
      if (changed.has('language') || changed.has('info') || changed.has('problem')) {
        words(state);
        sections.words();
        trouble.update(state.problem);
      }
      theme.value = state.theme;
      if (changed.has('answer')) sections.watch();
    },
  };
}

/**
 * List what is known of the model, each with its name.
 * @param {Info} info
 * @param {Context['t']} t
 */
function described({ config, parameters }, t) {
  return [
    [t(`header.${config.cell}`), ''],
    [t('header.layers'), number(config.num_layers)],
    [t('header.units'), number(config.hidden_size)],
    [t('header.parameters'), number(parameters.total)],
    [t('header.reads'), t(config.bidirectional ? 'header.both' : 'header.one')],
  ];
}

/**
 * Make the links to the sections, of which the one that is looked at is marked.
 * @param {string[]} names
 * @param {Context['t']} t
 */
function navigation(names, t) {
  const skip = h('a', { class: 'skip', href: '#text', onclick: (event) => jump(event, 'text', 'textarea') });
  const links = names.map((section) => h('a', { href: `#${section}`, onclick: (event) => jump(event, section, 'h2') }));
  const nav = h('nav', {}, ...links);

  /** Mark the last section whose top has passed the upper third. */
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
  onceAFrame('scroll', watch);

  return {
    skip,
    nav,
    watch,
    words() {
      skip.textContent = t('header.skip');
      nav.setAttribute('aria-label', t('header.sections'));
      links.forEach((link, index) => { link.textContent = t(`${names[index]}.nav`); });
    },
  };
}

/**
 * Go to a section and leave the address alone: behind its # stands the view.
 * @param {MouseEvent} event
 * @param {string} section
 * @param {'textarea'|'h2'} focus
 */
function jump(event, section, focus) {
  event.preventDefault();
  const target = document.getElementById(section);
  target?.scrollIntoView();
  target?.querySelector(focus)?.focus({ preventScroll: true });
}

/** Listen to an event of the window, once a frame at most. @param {string} name @param {() => void} act */
function onceAFrame(name, act) {
  let waiting = false;
  window.addEventListener(name, () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      act();
    });
  }, { passive: true });
}

/**
 * Make the bar that says problems, and asks for an API key where one is needed.
 * @param {Context['t']} t
 * @param {(key: string) => void} onKey
 */
function troubleBar(t, onKey) {
  const sentence = h('p', { class: 'problem', role: 'status' });
  const field = h('input', { type: 'password', autocomplete: 'off', required: true });
  const send = h('button', { type: 'submit', class: 'primary' });
  const caption = h('span');
  const form = h('form', {
    class: 'key',
    hidden: true,
    onsubmit: (event) => {
      event.preventDefault();
      onKey(field.value);
      field.value = '';
    },
  }, h('label', {}, caption, field), send);
  const element = h('div', { class: 'trouble', hidden: true }, h('div', { class: 'trouble-in' }, sentence, form));
  return {
    element,
    /** @param {Problem|null} problem */
    update(problem) {
      caption.textContent = t('header.key');
      send.textContent = t('header.send');
      sentence.textContent = problem?.sentence ?? '';
      element.hidden = !problem;
      const locked = problem?.status === UNAUTHORIZED;
      if (locked && form.hidden) requestAnimationFrame(() => field.focus());
      form.hidden = !locked;
    },
  };
}
