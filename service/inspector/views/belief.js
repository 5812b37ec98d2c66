/** The running belief: the model's answer, had the text ended at each of its tokens. */

import { BeliefChart } from '../components/belief_chart.js';
import { h, section } from '../components/dom.js';
import { TokenStrip } from '../components/token_strip.js';
import { LEAST_SCALE, beliefIn } from '../data/belief.js';
import { hasAny } from '../data/store.js';
import { number, percent, signed } from '../locale/i18n.js';

/**
 * @import { Answer } from '../data/answer.js'
 * @import { Belief } from '../data/belief.js'
 * @import { Info } from '../data/api.js'
 * @import { Changed, State } from '../data/store.js'
 * @import { Context } from '../main.js'
 */

/** Make the view. @param {Context} context */
export function create(context) {
  const view = new BeliefView(context);
  return { element: view.element, update: view.update.bind(view) };
}

/** The view. */
class BeliefView {
  #t;
  #frame;
  #strip;
  #chart;
  #start;
  #legend = shadeLegend();
  #readout = h('p', { class: 'readout' });
  #note = h('p', { class: 'note belief-note' });
  #figure;
  /** @type {Belief|null} */
  #belief = null;
  /** @type {number|null} */
  #hovered = null;
  #selected = 0;

  /** @param {Context} context */
  constructor({ store, t, api }) {
    this.#t = t;
    this.#frame = section('belief', t);
    this.element = this.#frame.element;
    const events = {
      onSelect: (/** @type {number} */ step) => store.set({ step }),
      onHover: (/** @type {number|null} */ step) => this.#hover(step),
    };
    this.#strip = new TokenStrip({ t, label: 'belief.tokens', ...events });
    this.#chart = new BeliefChart(events);
    this.#start = startingScores(api, () => store.touch('answer'));
    this.#figure = h('figure', {},
      h('div', { class: 'belief-head' }, this.#legend.element, this.#readout), this.#chart.element);
    this.element.append(this.#note, this.#strip.element, this.#figure);
  }

  /** @param {Readonly<State>} state @param {Changed} changed */
  update(state, changed) {
    const { answer, step } = state;
    const words = (/** @type {number} */ at) => this.#words(at);
    if (changed.has('answer') && answer) this.#start.ask(answer.info);
    if (hasAny(changed, 'answer', 'label', 'language')) this.#follow(state);
    if (hasAny(changed, 'answer', 'label', 'language', 'theme')) {
      this.#chart.draw(this.#belief, this.#t('belief.curve'));
    }
    this.#selected = step;
    this.#chart.select(step, words);
    this.#strip.update({
      answer,
      values: this.#belief?.steps ? this.#belief.shades : null,
      selected: step,
      titles: words,
      repaint: changed.has('theme'),
    });
    this.#say();
  }

  /** @param {number|null} step */
  #hover(step) {
    if (step === this.#hovered) return;
    this.#hovered = step;
    this.#chart.point(step);
    this.#say();
  }

  /** Tell the belief at the step that is pointed at, else at the selected one. */
  #say() {
    const belief = this.#belief;
    const step = this.#hovered ?? Math.min(this.#selected, (belief?.steps ?? 0) - 1);
    this.#readout.replaceChildren(...(belief?.steps ? told(belief, step, this.#t) : []));
  }

  /** @param {number} step */
  #words(step) {
    const belief = this.#belief;
    if (!belief?.steps) return '';
    return `${belief.answer.tokens[step]} · ${percent(belief.values[step])} · ${points(belief, step, this.#t)}`;
  }

  /** Follow another answer or label. @param {Readonly<State>} state */
  #follow({ answer, label }) {
    const t = this.#t;
    const followed = answer?.follow(label) ?? 0;
    this.#hovered = null;
    this.#belief = answer && beliefIn(answer, followed, this.#start.scores());
    this.#frame.retitle();
    this.#frame.lead.textContent = t('belief.lead', { label: answer?.labels[followed] ?? '…' });
    this.#frame.lead.hidden = Boolean(answer && !answer.stepScores);
    this.#note.textContent = answer ? remark(answer, t) : '';
    this.#figure.hidden = !this.#belief?.steps;
    this.#strip.element.hidden = !answer?.steps;
    this.#legend.update(this.#belief?.scale ?? LEAST_SCALE, t);
  }
}

/** Tell why there is no belief on the way, if so. @param {Answer} answer @param {Context['t']} t */
function remark({ stepScores, steps }, t) {
  if (!stepScores) return t('belief.both');
  return steps ? '' : t('belief.none');
}

/** Write the change of a step in points. @param {Belief} belief @param {number} step @param {Context['t']} t */
const points = ({ changes }, step, t) => t('belief.points', { change: signed(100 * changes[step], 1) });

/** Tell the belief after a step. @param {Belief} belief @param {number} step @param {Context['t']} t */
const told = (belief, step, t) => [
  h('span', { class: 'note' }, t('belief.step', { step: number(step + 1) })),
  ' ', h('q', {}, belief.answer.tokens[step]), ' ',
  h('strong', {}, percent(belief.values[step])), ' ',
  h('span', { class: belief.changes[step] < 0 ? 'falls' : 'rises' }, points(belief, step, t)),
];

/**
 * Keep the probabilities before the first token: those of a text without any, asked for once a model.
 * @param {Context['api']} api
 * @param {() => void} onScores
 */
function startingScores(api, onScores) {
  let sha = '';
  /** @type {Float32Array|null} */
  let scores = null;
  return {
    scores: () => scores,
    /** @param {Info} info */
    async ask(info) {
      const asked = info.artifact.sha256;
      if (sha === asked) return;
      sha = asked;
      scores = null;
      try {
        const begun = (await api.inspect('')).scores;
        if (sha !== asked) return;
        scores = begun;
        onScores();
      } catch {
        sha = ''; // the first token then has no change; it is asked again with the next text
      }
    },
  };
}

/** Make the legend of the tokens' colours. */
function shadeLegend() {
  const down = h('span');
  const up = h('span');
  return {
    element: h('div', { class: 'scale note' }, down, h('span', { class: 'ramp' }), up),
    /** @param {number} most  the change of the full colour @param {Context['t']} t */
    update(most, t) {
      down.textContent = `${t('belief.down')} ${signed(-100 * most, 0)}`;
      up.textContent = `${signed(100 * most, 0)} ${t('belief.up')}`;
    },
  };
}
