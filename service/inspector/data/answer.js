/** The answer of the server about one text, in the form in which views draw it. */

import { Matrix } from './matrix.js';

/**
 * @import { Info } from './api.js'
 * @import { Tensor } from './matrix.js'
 * @typedef {'forget_gate'|'input_gate'|'candidate'|'output_gate'|'cell'|'hidden'} TensorName
 * @typedef {'forward'|'backward'} Direction
 * @typedef {Record<string, Tensor>} Arrays
 * @typedef {(tensors: TensorName[], layer: number, direction: Direction, signal: AbortSignal) => Promise<Arrays>} Fetch
 */

/** @type {TensorName[]} */
export const TENSORS = ['forget_gate', 'input_gate', 'candidate', 'output_gate', 'cell', 'hidden'];

/** A text's tokens, scores and tensors; tensors that did not come with it are fetched when they are asked for. */
export class Answer {
  #arrays;
  #fetch;
  /** @type {Map<string, Promise<Matrix>>} */
  #kept = new Map();
  /** @type {Map<string, {names: TensorName[], arrays: Promise<Arrays>}>} */
  #wanted = new Map();
  #controller = new AbortController();

  /**
   * @param {string} text
   * @param {Info} info
   * @param {Arrays} arrays
   * @param {number} inferenceMs
   * @param {Fetch} fetch  for tensors that are not there
   */
  constructor(text, info, arrays, inferenceMs, fetch) {
    this.#arrays = arrays;
    this.#fetch = fetch;
    this.text = text;
    this.info = info;
    this.inferenceMs = inferenceMs;
    this.labels = info.labels;
    this.units = info.config.hidden_size;
    this.layers = info.config.num_layers;
    /** @type {Direction[]} */
    this.directions = info.config.bidirectional ? ['forward', 'backward'] : ['forward'];
    /** @type {TensorName[]} */
    this.tensors = info.config.cell === 'lstm' ? TENSORS : ['hidden'];
    this.ids = /** @type {Int32Array} */ (arrays['text0.ids'].data);
    this.steps = this.ids.length;
    this.offsets = utf16(text, arrays['text0.offsets'].data);
    this.tokens = this.offsets.map(([start, end]) => text.slice(start, end));
    this.truncated = Boolean(arrays['text0.truncated'].data[0]);
    this.scores = /** @type {Float32Array} */ (arrays['text0.probabilities'].data);
    this.predicted = this.scores.indexOf(Math.max(...this.scores));
    this.stepScores = Matrix.of(arrays['text0.step_scores']);
  }

  /**
   * Give labels x units of the top layer: each unit's contribution to each label; null where it is
   * not known.
   * @param {Direction} direction
   */
  contributionsOf(direction) {
    return Matrix.of(this.#arrays[`text0.contributions.${direction}`]);
  }

  /**
   * Give the number of the label that is followed; null, or one that is not there, is the predicted.
   * @param {string|null} label
   */
  follow(label) {
    const index = label === null ? -1 : this.labels.indexOf(label);
    return index < 0 ? this.predicted : index;
  }

  /**
   * Give the tensor, if it is here already.
   * @param {TensorName} name
   * @param {number} layer
   * @param {Direction} direction
   */
  ready(name, layer, direction) {
    return Matrix.of(this.#arrays[keyOf(name, layer, direction)]);
  }

  /**
   * Give the tensor, fetched if need be; what is asked for in one turn comes in one request.
   * Rejects with an AbortError once another answer has taken this one's place, and as api.js does.
   * @param {TensorName} name
   * @param {number} layer
   * @param {Direction} direction
   * @returns {Promise<Matrix>}
   */
  tensor(name, layer, direction) {
    const matrix = this.ready(name, layer, direction);
    if (matrix) return Promise.resolve(matrix);
    const key = `${name} ${layer} ${direction}`;
    let promise = this.#kept.get(key);
    if (!promise) {
      promise = this.#batch(layer, direction, name).then((arrays) => {
        Object.assign(this.#arrays, arrays);
        return /** @type {Matrix} */ (Matrix.of(arrays[keyOf(name, layer, direction)]));
      });
      promise.catch(() => this.#kept.delete(key));
      this.#kept.set(key, promise);
    }
    return promise;
  }

  /** Let it go: another answer takes its place, and nothing is fetched for this one any more. */
  dispose() {
    this.#controller.abort();
  }

  /** @param {number} layer @param {Direction} direction @param {TensorName} name */
  #batch(layer, direction, name) {
    const key = `${layer} ${direction}`;
    let batch = this.#wanted.get(key);
    if (!batch) {
      /** @type {TensorName[]} */
      const names = [];
      const arrays = Promise.resolve().then(() => {
        this.#wanted.delete(key);
        return this.#fetch(names, layer, direction, this.#controller.signal);
      });
      batch = { names, arrays };
      this.#wanted.set(key, batch);
    }
    batch.names.push(name);
    return batch.arrays;
  }
}

/** @param {TensorName} name @param {number} layer @param {Direction} direction */
const keyOf = (name, layer, direction) => `text0.layer${layer}.${direction}.${name}`;

/**
 * Turn pairs of code points into pairs of UTF-16 units, which is what strings count in here.
 * @param {string} text
 * @param {ArrayLike<number>} points
 * @returns {[number, number][]}
 */
function utf16(text, points) {
  let point = 0;
  let unit = 0;
  const seek = (/** @type {number} */ target) => {
    if (target < point) point = unit = 0; // tokens may overlap
    for (; point < target; point += 1) unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    return unit;
  };
  return Array.from({ length: points.length / 2 }, (_, index) => [seek(points[2 * index]), seek(points[2 * index + 1])]);
}
