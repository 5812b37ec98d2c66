// @ts-check
/** Two texts' beliefs in one diagram, laid out by what the texts share, and how far apart they are inside. */

import { h, svg } from '../dom.js';
import { number, percent } from '../i18n.js';

const LEFT = 46;
const RIGHT = 46;
const TOP = 14;
const PLOT = 170; // pixels from 100 % down to 0 %
const BETWEEN = 34;
const LANE = 56; // pixels from 1 down to 0 of the distance
const WORDS = 70;
const NUMBERS = 26;
const WORD = 15; // across, for a slanted word
const LONGEST_WORD = 11;

/**
 * @typedef {object} Curves
 * @property {import('./diff.js').Alignment} alignment
 * @property {import('../answer.js').Answer} first
 * @property {import('../answer.js').Answer} second
 * @property {[Float32Array|null, Float32Array|null]} beliefs  a probability a token, of each text
 * @property {Float32Array|null} distances  0 to 1, one a column
 */

/**
 * @param {object} options
 * @param {(key: string, values?: Record<string, any>) => string} options.t
 * @param {(column: number) => void} options.onSelect
 */
export function curves({ t, onSelect }) {
  const drawing = svg('svg', { role: 'img' });
  const element = h('div', { class: 'compare-curves', onclick: choose }, drawing);
  /** @type {Curves|null} */
  let shown = null;
  /** @type {[number, number]} */
  let marked = [-1, -1];
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width) return;
    width = now;
    draw();
  }).observe(element);

  const count = () => Math.max(1, shown?.alignment.columns.length ?? 1);
  const x = (column) => LEFT + ((width - LEFT - RIGHT) * (column + 0.5)) / count();
  const y = (share) => TOP + PLOT * (1 - share);
  const laneTop = () => (shown?.beliefs[0] ? TOP + PLOT + BETWEEN : TOP);
  const laneY = (distance) => laneTop() + LANE * (1 - distance);
  const bottom = () => (shown?.distances ? laneTop() + LANE : TOP + PLOT);
  const wide = () => (width - LEFT - RIGHT) / count() >= WORD;

  function choose(event) {
    if (!shown?.alignment.columns.length) return;
    const at = event.clientX - element.getBoundingClientRect().left;
    const column = Math.floor(((at - LEFT) / (width - LEFT - RIGHT)) * count());
    onSelect(Math.min(count() - 1, Math.max(0, column)));
  }

  function draw() {
    if (!shown || !width) return;
    drawing.setAttribute('width', String(width));
    drawing.setAttribute('height', String(bottom() + (wide() ? WORDS : NUMBERS)));
    const [first, second] = shown.beliefs;
    drawing.replaceChildren(
      svg('path', { class: 'differs', d: bands() }),
      ...(first && second ? [beliefGrid(), curve(first, 'first'), curve(second, 'second'), ...names(first, second)] : []),
      ...(shown.distances ? lane(shown.distances) : []),
      svg('g', { class: 'ticks' }, ...(wide() ? words() : numbers())),
      ...marks(),
    );
  }

  /** A band behind every run of tokens that one of the texts alone has. */
  function bands() {
    let path = '';
    let start = -1;
    const half = (x(1) - x(0)) / 2;
    const { columns } = /** @type {Curves} */ (shown).alignment;
    for (let place = 0; place <= columns.length; place += 1) {
      const differs = place < columns.length && (columns[place].first < 0 || columns[place].second < 0);
      if (differs && start < 0) start = place;
      if (!differs && start >= 0) {
        path += `M${(x(start) - half).toFixed(1)},${TOP}H${(x(place - 1) + half).toFixed(1)}V${bottom()}H${(x(start) - half).toFixed(1)}Z`;
        start = -1;
      }
    }
    return path;
  }

  const beliefGrid = () => svg('g', { class: 'grid' }, ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    svg('line', { x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share), class: share === 0.5 ? 'half' : '' }),
    svg('text', { x: LEFT - 8, y: y(share), dy: '0.35em', 'text-anchor': 'end' }, percent(share, 0)),
  ]));

  /** Where only the other text goes on, a belief stays what it was. */
  function curve(values, text) {
    const { columns } = /** @type {Curves} */ (shown).alignment;
    let path = '';
    columns.forEach((column, place) => {
      const step = column[text];
      if (step >= 0) path += `${path ? 'L' : 'M'}${x(place).toFixed(1)},${y(values[step]).toFixed(1)}`;
      else if (path) path += `H${x(place).toFixed(1)}`;
    });
    return svg('path', { class: text, d: path });
  }

  /** A and B at the curves' ends, moved apart where they would lie on each other. */
  function names(first, second) {
    if (!first.length || !second.length) return [];
    let [top, low] = [y(first[first.length - 1]), y(second[second.length - 1])];
    const apart = Math.max(0, 16 - Math.abs(top - low)) / 2;
    if (top <= low) [top, low] = [top - apart, low + apart];
    else [top, low] = [top + apart, low - apart];
    const name = (text, at, letter) =>
      svg('text', { class: `name ${text}`, x: width - RIGHT + 8, y: at, dy: '0.35em' }, letter);
    return [name('first', top, 'A'), name('second', low, 'B')];
  }

  function lane(distances) {
    let path = `M${x(0).toFixed(1)},${laneY(0)}`;
    distances.forEach((distance, place) => (path += `L${x(place).toFixed(1)},${laneY(distance).toFixed(1)}`));
    path += `L${x(distances.length - 1).toFixed(1)},${laneY(0)}Z`;
    return [
      svg('g', { class: 'grid' }, ...[0, 1].flatMap((value) => [
        svg('line', { x1: LEFT, x2: width - RIGHT, y1: laneY(value), y2: laneY(value) }),
        svg('text', { x: LEFT - 8, y: laneY(value), dy: '0.35em', 'text-anchor': 'end' }, number(value)),
      ])),
      svg('text', { class: 'lane-name', x: LEFT, y: laneTop() - 8 }, t('compare.distance')),
      svg('path', { class: 'distance', d: path }),
    ];
  }

  function words() {
    const { alignment: { columns }, first, second } = /** @type {Curves} */ (shown);
    return columns.map((column, place) => {
      const token = column.first >= 0 ? first.tokens[column.first] : second.tokens[column.second];
      const only = column.first < 0 ? 'second' : column.second < 0 ? 'first' : '';
      const cut = token.length > LONGEST_WORD ? `${token.slice(0, LONGEST_WORD - 1)}…` : token || '·';
      const at = `translate(${x(place).toFixed(1)} ${bottom() + 14}) rotate(-50)`;
      return svg('text', { class: only, transform: at, 'text-anchor': 'end', dy: '0.3em' }, cut);
    });
  }

  function numbers() {
    const all = count();
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => (step * (width - LEFT - RIGHT)) / all >= 70) ?? 2000;
    const ticks = [];
    for (let place = every; place <= all; place += every) {
      ticks.push(svg('text', { x: x(place - 1), y: bottom() + 18, 'text-anchor': 'middle' }, number(place)));
    }
    return ticks;
  }

  /** Where the reader is: a line, and a point on each curve. */
  function marks() {
    const { alignment, beliefs } = /** @type {Curves} */ (shown);
    const places = [alignment.ofFirst[marked[0]], alignment.ofSecond[marked[1]]];
    return [...new Set(places.filter((place) => place !== undefined))].map((place) =>
      svg('line', { class: 'at', x1: x(place), x2: x(place), y1: TOP, y2: bottom() }),
    ).concat(
      places.flatMap((place, text) =>
        place === undefined || !beliefs[text] ? [] : [
          svg('circle', {
            class: `dot ${['first', 'second'][text]}`,
            r: 4.5,
            cx: x(place),
            cy: y(beliefs[text][marked[text]]),
          }),
        ]),
    );
  }

  return {
    element,
    /** @param {Curves|null} next @param {[number, number]} at  the step of each text, -1 before the first */
    update(next, at) {
      shown = next;
      marked = at;
      drawing.setAttribute('aria-label', t(next?.beliefs[0] ? 'compare.curves' : 'compare.distance'));
      draw();
    },
  };
}
