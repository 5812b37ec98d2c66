/** The gate tensors, and h and c, of one layer and direction. */

/**
 * @import { TensorName } from './answer.js'
 * @import { Matrix } from './matrix.js'
 * @import { State } from './store.js'
 * @typedef {Record<TensorName, Matrix>} GateTensors  of a simple RNN, hidden alone
 */

/**
 * Give the tensors by name, or null while they are fetched, which is done only if `fetch` says so:
 * those of a long text are large. `again` is called when they have come, `failed` with the sentence
 * of an ApiError when they have not.
 * @param {Readonly<State>} state
 * @param {{fetch: boolean, again: () => void, failed: (sentence: string) => void}} options
 * @returns {GateTensors|null}
 */
export function gateTensors({ answer, layer, direction }, { fetch, again, failed }) {
  if (!answer || !answer.steps || !answer.directions.includes(direction)) return null;
  const found = answer.tensors.map((name) => [name, answer.ready(name, layer, direction)]);
  if (found.every(([, matrix]) => matrix)) return Object.fromEntries(found);
  if (fetch) {
    Promise.all(answer.tensors.map((name) => answer.tensor(name, layer, direction))).then(again, (error) => {
      if (error.name === 'ApiError') failed(error.message);
      else if (error.name !== 'AbortError') throw error;
    });
  }
  return null;
}
