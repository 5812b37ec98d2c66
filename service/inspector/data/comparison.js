/** The comparison of two answers: their alignment, and their tensors with the distances between them. */

import { align } from './alignment.js';
import { distances } from './distance.js';

/**
 * @import { Side } from './alignment.js'
 * @import { Answer, TensorName } from './answer.js'
 * @import { Matrix } from './matrix.js'
 * @import { State } from './store.js'
 */

/** The comparison. */
export class Comparison {
  /** @type {Map<string, Float32Array>} */
  #distances = new Map();

  /** @param {Answer} first @param {Answer} second */
  constructor(first, second) {
    this.first = first;
    this.second = second;
    this.alignment = align(first.ids, second.ids);
  }

  /** Give the steps of both texts where one of them stands at a step. @param {number} step @param {Side} side @returns {[number, number]} */
  pairAt(step, side) {
    const partner = this.alignment.partner(step, side);
    return side === 'first' ? [step, partner] : [partner, step];
  }

  /** Give the steps of both texts at a column of the alignment. @param {number} column */
  pairOf(column) {
    const { first, second } = this.alignment.columns[column];
    return first >= 0 ? this.pairAt(first, 'first') : this.pairAt(second, 'second');
  }

  /** Give the tensor that is compared. @param {Readonly<State>} state @returns {TensorName} */
  tensorIn({ tensor }) {
    return this.first.tensors.includes(tensor) ? tensor : 'hidden';
  }

  /**
   * Give the chosen tensor of both texts; null until it is there.
   * @param {Readonly<State>} state
   * @param {{again: () => void, failed: (error: unknown) => void}} events
   * @returns {[Matrix, Matrix]|null}
   */
  tensors(state, { again, failed }) {
    const name = this.tensorIn(state);
    const { layer, direction } = state;
    const [one, other] = [this.first, this.second].map((answer) => answer.ready(name, layer, direction));
    if (one && other) return [one, other];
    Promise.all([this.first, this.second].map((answer) => answer.tensor(name, layer, direction))).then(
      again,
      (error) => {
        if (error?.name !== 'AbortError') failed(error);
      },
    );
    return null;
  }

  /** Give the distance of the two at every column, each at the token that it has read last. @param {Readonly<State>} state @param {[Matrix, Matrix]} matrices */
  distances({ layer, direction, tensor }, [one, other]) {
    const key = `${tensor} ${layer} ${direction}`;
    const found = this.#distances.get(key) ?? distances(this.alignment.columns, one, other, direction);
    this.#distances.set(key, found);
    return found;
  }
}
