// @ts-check
/** The text as it stands, each of its tokens a coloured piece that can be chosen. */

import { diverging, inkOn } from './colours.js';
import { h } from './dom.js';

const FAINT = 0.02; // what no eye tells from the page is not painted

let strips = 0;

/**
 * A listbox: one place in the order of the tab key, arrow keys go from token to token.
 * @param {object} options
 * @param {(key: string) => string} options.t
 * @param {string} options.label   the key of what the list is called
 * @param {(step: number) => void} options.onSelect
 * @param {(step: number|null) => void} [options.onHover]
 */
export function tokenStrip({ t, label, onSelect, onHover }) {
  strips += 1;
  const prefix = `strip${strips}-`;
  const element = h('div', { class: 'tokens', role: 'listbox', tabindex: '0' });
  let answer = null;
  let spans = [];
  let selected = -1;
  let titles = null;
  let painted = null;

  const stepOf = (target) => {
    const step = target instanceof Element ? target.closest('[data-step]') : null;
    return step ? Number(/** @type {HTMLElement} */ (step).dataset.step) : null;
  };

  element.addEventListener('click', (event) => {
    const step = stepOf(event.target);
    if (step !== null) onSelect(step);
  });
  element.addEventListener('pointerover', (event) => {
    const step = stepOf(event.target);
    if (step !== null && titles) spans[step].title = titles(step);
    onHover?.(step);
  });
  element.addEventListener('pointerleave', () => onHover?.(null));
  element.addEventListener('keydown', (event) => {
    const last = spans.length - 1;
    const to = { ArrowLeft: selected - 1, ArrowRight: selected + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    onSelect(Math.min(last, Math.max(0, to)));
  });

  function rebuild() {
    const pieces = [];
    const { text, offsets } = answer;
    let end = 0;
    spans = offsets.map(([from, to], step) => {
      const start = Math.max(from, end);
      if (start > end) {
        const between = text.slice(end, start);
        pieces.push(step || !answer.truncated ? between : h('span', { class: 'unread' }, between));
      }
      end = Math.max(end, to);
      const piece = text.slice(start, to) || '·';
      const span = h('span', { role: 'option', id: prefix + step, 'aria-selected': 'false' }, piece);
      span.dataset.step = String(step);
      pieces.push(span);
      return span;
    });
    pieces.push(text.slice(end));
    element.replaceChildren(...pieces);
    selected = -1;
    painted = null;
  }

  function paint(values) {
    spans.forEach((span, step) => {
      const value = values ? values[step] : 0;
      const shown = Math.abs(value) > FAINT;
      span.style.backgroundColor = shown ? diverging(value) : '';
      span.style.color = shown ? inkOn(value) : '';
    });
  }

  function select(step) {
    spans[selected]?.setAttribute('aria-selected', 'false');
    selected = step;
    const span = spans[selected];
    if (!span) {
      element.removeAttribute('aria-activedescendant');
      return;
    }
    span.setAttribute('aria-selected', 'true');
    element.setAttribute('aria-activedescendant', span.id);
    if (document.activeElement === element) span.scrollIntoView({ block: 'nearest' });
  }

  return {
    element,
    /**
     * @param {object} shown
     * @param {import('./answer.js').Answer|null} shown.answer
     * @param {Float32Array|null} shown.values  a number from -1 to 1 for each token
     * @param {number} shown.selected
     * @param {(step: number) => string} [shown.titles]
     * @param {boolean} [shown.repaint]  the colours are others than before: the theme has changed
     */
    update(shown) {
      element.setAttribute('aria-label', t(label));
      titles = shown.titles ?? null;
      if (shown.answer !== answer) {
        answer = shown.answer;
        if (answer) rebuild();
        else element.replaceChildren();
        if (!answer) spans = [];
      }
      if (shown.values !== painted || shown.repaint) paint(shown.values);
      painted = shown.values;
      if (shown.selected !== selected) select(shown.selected);
    },
  };
}
