/** The colours of the heat map: their range, and the legend that tells it. */

import { lookup } from '../../components/colours.js';
import { h } from '../../components/dom.js';
import { GATES } from '../../data/heatmap_selection.js';
import { largest } from '../../data/matrix.js';
import { plain } from '../../locale/i18n.js';

/**
 * @import { TensorName } from '../../data/answer.js'
 * @import { Matrix } from '../../data/matrix.js'
 * @import { Context } from '../../main.js'
 */

const USUAL = 0.98; // the share of numbers within the stronger colours' range
const SAMPLES = 20_000;

/** The legend, with the box for stronger colours. */
export class HeatmapLegend {
  #t;
  #ramp = h('canvas', { width: 256, height: 1, 'aria-hidden': 'true' });
  #ends = [h('span'), h('span'), h('span')];
  #strong;
  #strongWord = h('span');
  #contrast;

  /** @param {Context['t']} t @param {() => void} onChange */
  constructor(t, onChange) {
    this.#t = t;
    this.#strong = h('input', { type: 'checkbox', onchange: onChange });
    this.#contrast = h('label', { class: 'heatmap-strong' }, this.#strong, this.#strongWord);
    this.element = h('div', { class: 'heatmap-legend' },
      this.#ramp, h('div', { class: 'heatmap-ends' }, ...this.#ends), this.#contrast);
  }

  /** Put the words of the present language in. */
  words() {
    this.#strongWord.textContent = this.#t('heatmap.strong');
    this.#contrast.title = this.#t('heatmap.strong.title');
  }

  /** Give the colours of a tensor, and tell them. @param {TensorName} tensor @param {Matrix} matrix */
  update(tensor, matrix) {
    const gate = GATES.includes(tensor);
    const stronger = this.#strong.checked && !gate;
    const most = stronger ? usual(matrix.data) : tensor === 'cell' ? largest(matrix.data) || 1 : 1;
    const table = lookup(gate ? 'sequential' : 'diverging');
    this.#contrast.hidden = gate;
    this.#ramp.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(table.rgba), 256, 1), 0, 0);
    const ticks = gate ? [this.#t('heatmap.low.gate'), '', this.#t('heatmap.high.gate')] : ticksOf(most, stronger);
    this.#ends.forEach((end, index) => { end.textContent = ticks[index]; });
    return { table, range: { low: gate ? 0 : -most, high: most } };
  }
}

/** @param {number} most @param {boolean} stronger  there are numbers beyond it */
function ticksOf(most, stronger) {
  const digits = most === 1 ? 0 : 2;
  return [`${stronger ? '≤ ' : ''}${plain(-most, digits)}`, '0', `${stronger ? '≥ ' : ''}${plain(most, digits)}`];
}

/** Find the size that only two of a hundred numbers pass, told by some thousands of them. @param {Float32Array} data */
function usual(data) {
  const every = Math.floor(data.length / SAMPLES) | 1; // odd: units are mostly even in number, and all are to be met
  const sizes = new Float32Array(Math.ceil(data.length / every));
  for (let index = 0; index < sizes.length; index += 1) sizes[index] = Math.abs(data[index * every]);
  return sizes.sort()[Math.floor(USUAL * (sizes.length - 1))] || 1;
}
