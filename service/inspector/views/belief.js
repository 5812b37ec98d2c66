// @ts-check
/** What the model would have answered, had the text ended at each of its tokens. */

import { h, section, svg } from '../dom.js';
import { number, percent, signed } from '../i18n.js';
import { tokenStrip } from '../tokens.js';

export const strings = {
  en: {
    'belief.title': 'The running belief',
    'belief.nav': 'Belief',
    'belief.lead':
      'What the model would answer if the text ended at each token. A token is coloured by how much it ' +
      'moved the probability of “{label}”; the curve is that probability itself.',
    'belief.tokens': 'The text, each token coloured by how it changed the belief',
    'belief.down': 'lowers',
    'belief.up': 'raises',
    'belief.curve': 'Probability after each token',
    'belief.start': 'before the first token',
    'belief.step': 'token {step}',
    'belief.points': '{change} points',
    'belief.none': 'There is no token yet: the belief begins with the first.',
    'belief.both':
      'This model reads the text in both directions at once, so there is no moment at which it has read ' +
      'only the beginning: it has one belief, at the end. Choose a token here to look inside it below.',
    'belief.token': 'token',
  },
  zh: {
    'belief.title': '逐步的判断',
    'belief.nav': '判断',
    'belief.lead':
      '假如文本到这个词元就结束，模型会怎样回答？词元的颜色表示它让“{label}”的概率改变了多少，下面的曲线就是这个概率。',
    'belief.tokens': '文本，每个词元按它对判断的改变着色',
    'belief.down': '降低',
    'belief.up': '提高',
    'belief.curve': '读完每个词元后的概率',
    'belief.start': '读第一个词元之前',
    'belief.step': '第 {step} 个词元',
    'belief.points': '{change} 个百分点',
    'belief.none': '还没有词元：判断从第一个词元开始。',
    'belief.both':
      '这个模型同时从两个方向读文本，所以没有“只读了开头”的时刻：它只有读完后的一个判断。可以在这里选择一个词元，在下面观察它的内部。',
    'belief.token': '词元',
  },
};

// A change of this many points has the full colour, unless the text has a larger one.
const LEAST_SCALE = 0.1;

const TOP = 12;
const LEFT = 46;
const RIGHT = 14;
const PLOT = 180; // pixels from 100 % down to 0 %
const NUMBERS = 28; // pixels below the plot for numbers
const WORDS = 68; // and for slanted words
const WORD = 15; // across, for one of them
const LONGEST_WORD = 11;

/** @param {import('../main.js').Context} context */
export function create({ store, t, api }) {
  const frame = section('belief', t);
  const strip = tokenStrip({
    t,
    label: 'belief.tokens',
    onSelect: (step) => store.set({ step }),
    onHover: (step) => hover(step),
  });
  const chart = curve({ t, onSelect: (step) => store.set({ step }), onHover: (step) => hover(step) });
  const legend = scale();
  const readout = h('p', { class: 'readout' });
  const note = h('p', { class: 'note belief-note' });
  const figure = h('figure', {}, h('div', { class: 'belief-head' }, legend.element, readout), chart.element);
  frame.element.append(note, strip.element, figure);

  /** @type {ReturnType<typeof follow>|null} */
  let belief = null;
  let begun = { sha: '', scores: /** @type {Float32Array|null} */ (null) };
  let hovered = /** @type {number|null} */ (null);
  let selected = 0;

  function hover(step) {
    if (step === hovered) return;
    hovered = step;
    chart.point(hovered);
    say();
  }

  function say() {
    readout.replaceChildren();
    if (!belief?.steps) return;
    const step = hovered ?? Math.min(selected, belief.steps - 1);
    readout.append(
      h('span', { class: 'note' }, t('belief.step', { step: number(step + 1) })),
      ' ', h('q', {}, belief.answer.tokens[step]), ' ',
      h('strong', {}, percent(belief.values[step])), ' ',
      h('span', { class: belief.changes[step] < 0 ? 'falls' : 'rises' },
        t('belief.points', { change: signed(100 * belief.changes[step], 1) })),
    );
  }

  const words = (step) =>
    belief?.steps
      ? `${belief.answer.tokens[step]} · ${percent(belief.values[step])} · ${t('belief.points', { change: signed(100 * belief.changes[step], 1) })}`
      : '';

  /** The probabilities before the first token: those of a text without any. */
  async function begin(info) {
    const sha = info.artifact.sha256;
    if (begun.sha === sha) return;
    begun = { sha, scores: null };
    try {
      begun.scores = (await api.inspect('')).scores;
      store.touch('answer');
    } catch {
      begun.sha = ''; // the first token then has no change; it is asked again with the next text
    }
  }

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      const has = (...names) => names.some((name) => changed.has(name));
      const { answer } = state;
      if (has('answer') && answer) begin(answer.info);
      if (has('answer', 'label', 'language')) {
        hovered = null;
        belief = answer && follow(answer, answer.follow(state.label), begun.scores);
        const label = answer ? answer.labels[answer.follow(state.label)] : '…';
        frame.retitle();
        frame.lead.textContent = t('belief.lead', { label });
        note.textContent = !answer ? '' : !answer.stepScores ? t('belief.both') : answer.steps ? '' : t('belief.none');
        figure.hidden = !belief?.steps;
        frame.lead.hidden = Boolean(answer && !answer.stepScores);
        strip.element.hidden = !answer?.steps;
        legend.update(belief?.scale ?? LEAST_SCALE, t);
      }
      if (has('answer', 'label', 'language', 'theme')) chart.draw(belief);
      selected = state.step;
      chart.select(selected, words);
      strip.update({
        answer,
        values: belief?.steps ? belief.shades : null,
        selected,
        titles: words,
        repaint: has('theme'),
      });
      say();
    },
  };
}

/** The probability of a label after each step, and how each step has changed it. */
function follow(answer, label, begun) {
  const { stepScores } = answer;
  const steps = stepScores ? answer.steps : 0;
  const values = steps ? stepScores.column(label) : new Float32Array(0);
  const start = begun ? begun[label] : values[0];
  const changes = values.map((value, step) => value - (step ? values[step - 1] : start));
  const scale = changes.reduce((most, change) => Math.max(most, Math.abs(change)), LEAST_SCALE);
  return { answer, steps, values, start, changes, scale, shades: changes.map((change) => change / scale) };
}

/** The legend of the tokens' colours. */
function scale() {
  const down = h('span');
  const up = h('span');
  const element = h('div', { class: 'scale note' }, down, h('span', { class: 'ramp' }), up);
  return {
    element,
    update(most, t) {
      down.textContent = `${t('belief.down')} ${signed(-100 * most, 0)}`;
      up.textContent = `${signed(100 * most, 0)} ${t('belief.up')}`;
    },
  };
}

/** The curve: a slider along the steps, drawn as a few paths however long the text is. */
function curve({ t, onSelect, onHover }) {
  const grid = svg('g', { class: 'grid' });
  const falls = svg('path', { class: 'falls' });
  const rises = svg('path', { class: 'rises' });
  const under = svg('path', { class: 'under' });
  const ticks = svg('g', { class: 'ticks' });
  const line = svg('line', { class: 'at', y1: TOP, y2: TOP + PLOT });
  const dot = svg('circle', { class: 'dot', r: 5 });
  const passing = svg('line', { class: 'passing', y1: TOP, y2: TOP + PLOT });
  const passingDot = svg('circle', { class: 'passing-dot', r: 4 });
  const cursor = svg('g', { hidden: true }, passing, passingDot);
  const mark = svg('g', {}, line, dot);
  const drawing = svg('svg', { 'aria-hidden': 'true' }, grid, under, falls, rises, ticks, cursor, mark);
  const element = h('div', {
    class: 'curve',
    role: 'slider',
    tabindex: '0',
    'aria-valuemin': '1',
    onkeydown: press,
    onpointermove: (event) => belief && onHover(stepAt(event)),
    onpointerleave: () => onHover(null),
    onclick: (event) => belief && onSelect(stepAt(event)),
  }, drawing);

  /** @type {any} */
  let belief = null;
  let selected = 0;
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width) return;
    width = now;
    draw();
    place(mark, line, dot, selected);
  }).observe(element);

  const x = (place) => LEFT + ((width - LEFT - RIGHT) * place) / Math.max(1, belief.steps);
  const y = (share) => TOP + PLOT * (1 - share);

  function stepAt(event) {
    const at = event.clientX - element.getBoundingClientRect().left;
    const place = ((at - LEFT) / (width - LEFT - RIGHT)) * belief.steps;
    return Math.min(belief.steps - 1, Math.max(0, Math.round(place) - 1));
  }

  function press(event) {
    const page = Math.max(1, Math.round(belief.steps / 10));
    const to = {
      ArrowLeft: selected - 1, ArrowDown: selected - 1, ArrowRight: selected + 1, ArrowUp: selected + 1,
      PageDown: selected - page, PageUp: selected + page, Home: 0, End: belief.steps - 1,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    onSelect(Math.min(belief.steps - 1, Math.max(0, to)));
  }

  function draw() {
    if (!belief?.steps || !width) return;
    drawing.setAttribute('width', width);
    grid.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      svg('line', { x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share), class: share === 0.5 ? 'half' : '' }),
      svg('text', { x: LEFT - 8, y: y(share), dy: '0.35em', 'text-anchor': 'end' }, percent(share, 0)),
    ]));
    let all = `M${x(0).toFixed(1)},${y(belief.start).toFixed(1)}`;
    const parts = { falls: '', rises: '' };
    belief.values.forEach((value, step) => {
      const before = step ? belief.values[step - 1] : belief.start;
      const from = `M${x(step).toFixed(1)},${y(before).toFixed(1)}`;
      const to = `L${x(step + 1).toFixed(1)},${y(value).toFixed(1)}`;
      parts[value < before ? 'falls' : 'rises'] += from + to;
      all += to;
    });
    falls.setAttribute('d', parts.falls);
    rises.setAttribute('d', parts.rises);
    under.setAttribute('d', `${all}L${x(belief.steps).toFixed(1)},${y(0)}L${x(0)},${y(0)}Z`);
    ticks.replaceChildren(...(wide() ? tokenTicks() : numberTicks()));
    drawing.setAttribute('height', TOP + PLOT + (wide() ? WORDS : NUMBERS));
  }

  const wide = () => (width - LEFT - RIGHT) / belief.steps >= WORD;

  const tokenTicks = () => belief.answer.tokens.map((token, step) => {
    const shown = token.length > LONGEST_WORD ? `${token.slice(0, LONGEST_WORD - 1)}…` : token;
    const at = `translate(${x(step + 1).toFixed(1)} ${TOP + PLOT + 14}) rotate(-50)`;
    return svg('text', { transform: at, 'text-anchor': 'end', dy: '0.3em' }, shown);
  });

  function numberTicks() {
    const every = nice((belief.steps * 70) / (width - LEFT - RIGHT));
    const places = [];
    for (let place = every; place <= belief.steps; place += every) places.push(place);
    return places.flatMap((place) => [
      svg('line', { x1: x(place), x2: x(place), y1: TOP + PLOT, y2: TOP + PLOT + 5 }),
      svg('text', { x: x(place), y: TOP + PLOT + 20, 'text-anchor': 'middle' }, number(place)),
    ]);
  }

  function place(group, upright, point, step) {
    const there = Boolean(belief?.steps && width && step !== null);
    group.toggleAttribute('hidden', !there);
    if (!there) return;
    const index = Math.min(step, belief.steps - 1);
    for (const end of ['x1', 'x2']) upright.setAttribute(end, x(index + 1));
    point.setAttribute('cx', x(index + 1));
    point.setAttribute('cy', y(belief.values[index]));
  }

  return {
    element,
    draw(next) {
      belief = next?.steps ? next : null;
      element.setAttribute('aria-label', t('belief.curve'));
      draw();
      place(cursor, passing, passingDot, null);
    },
    /** @param {number} step @param {(step: number) => string} words */
    select(step, words) {
      if (!belief) return;
      selected = Math.min(step, belief.steps - 1);
      element.setAttribute('aria-valuemax', String(belief.steps));
      element.setAttribute('aria-valuenow', String(selected + 1));
      element.setAttribute('aria-valuetext', words(selected));
      place(mark, line, dot, selected);
    },
    /** @param {number|null} step */
    point: (step) => place(cursor, passing, passingDot, step),
  };
}

/** The next of 1, 2, 5, 10, 20, ... */
function nice(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return Math.ceil([1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= least) ?? power);
}
