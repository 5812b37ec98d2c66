// @ts-check
/** What the server answered about one text, in the form in which views draw it. */

export const TENSORS = ['forget_gate', 'input_gate', 'candidate', 'output_gate', 'cell', 'hidden'];

/** Numbers in rows and columns: of a tensor, rows are steps and columns are units. */
export class Matrix {
  /**
   * @param {Float32Array} data  row by row
   * @param {number} rows
   * @param {number} columns
   */
  constructor(data, rows, columns) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
  }

  /** @param {number} row @param {number} column */
  at(row, column) {
    return this.data[row * this.columns + column];
  }

  /** A row, as a view. @param {number} row */
  row(row) {
    return this.data.subarray(row * this.columns, (row + 1) * this.columns);
  }

  /** A column, as a copy. @param {number} column */
  column(column) {
    return Float32Array.from({ length: this.rows }, (_, row) => this.at(row, column));
  }

  /** @param {{data: any, shape: number[]}|undefined} array */
  static of(array) {
    return array ? new Matrix(array.data, array.shape[0], array.shape[1]) : null;
  }
}

export class Answer {
  #arrays;
  #fetch;
  #kept = new Map();
  #wanted = new Map();
  #controller = new AbortController();

  /**
   * @param {string} text
   * @param {any} info  GET /info
   * @param {Record<string, {data: any, shape: number[]}>} arrays
   * @param {number} inferenceMs
   * @param {(tensors: string[], layer: number, direction: string, signal: AbortSignal) =>
   *   Promise<Record<string, {data: any, shape: number[]}>>} fetch  for tensors that are not there
   */
  constructor(text, info, arrays, inferenceMs, fetch) {
    this.#arrays = arrays;
    this.#fetch = fetch;
    this.text = text;
    this.info = info;
    this.inferenceMs = inferenceMs;
    /** @type {string[]} */
    this.labels = info.labels;
    /** @type {number} */
    this.units = info.config.hidden_size;
    /** @type {number} */
    this.layers = info.config.num_layers;
    /** @type {('forward'|'backward')[]} */
    this.directions = info.config.bidirectional ? ['forward', 'backward'] : ['forward'];
    this.tensors = info.config.cell === 'lstm' ? TENSORS : ['hidden'];
    /** @type {Int32Array} */
    this.ids = arrays['text0.ids'].data;
    this.steps = this.ids.length;
    this.offsets = utf16(text, arrays['text0.offsets'].data);
    this.tokens = this.offsets.map(([start, end]) => text.slice(start, end));
    this.truncated = Boolean(arrays['text0.truncated'].data[0]);
    /** @type {Float32Array} */
    this.scores = arrays['text0.probabilities'].data;
    this.predicted = this.scores.indexOf(Math.max(...this.scores));
    this.stepScores = Matrix.of(arrays['text0.step_scores']);
    this.contributions = this.contributionsOf('forward');
  }

  /** Labels x units of the top layer: what each unit adds to each label; null where not known. */
  contributionsOf(direction) {
    return Matrix.of(this.#arrays[`text0.contributions.${direction}`]);
  }

  /** The number of the label that is followed; null, or one that is not there, is the predicted. */
  follow(label) {
    const index = this.labels.indexOf(label);
    return index < 0 ? this.predicted : index;
  }

  /** The tensor, if it is here already. @returns {Matrix|null} */
  ready(name, layer, direction) {
    return this.#find(this.#arrays, name, layer, direction);
  }

  /**
   * The tensor, fetched if need be; what is asked for in one turn comes in one request.
   * Rejects with an AbortError once another answer has taken this one's place, and as api.js does.
   * @returns {Promise<Matrix>}
   */
  tensor(name, layer, direction) {
    const matrix = this.ready(name, layer, direction);
    if (matrix) return Promise.resolve(matrix);
    const key = `${name} ${layer} ${direction}`;
    let promise = this.#kept.get(key);
    if (!promise) {
      promise = this.#batch(layer, direction, name).then(
        (arrays) => {
          Object.assign(this.#arrays, arrays);
          return this.#find(arrays, name, layer, direction);
        },
      );
      promise.catch(() => this.#kept.delete(key));
      this.#kept.set(key, promise);
    }
    return promise;
  }

  /** Another answer takes its place: nothing is fetched for this one any more. */
  dispose() {
    this.#controller.abort();
  }

  #batch(layer, direction, name) {
    const key = `${layer} ${direction}`;
    let batch = this.#wanted.get(key);
    if (!batch) {
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

  #find(arrays, name, layer, direction) {
    return Matrix.of(arrays[`text0.layer${layer}.${direction}.${name}`]);
  }
}

/** Pairs of code points -> pairs of UTF-16 units, which is what strings count in here. */
function utf16(text, points) {
  const places = new Array(points.length / 2);
  let point = 0;
  let unit = 0;
  const seek = (target) => {
    if (target < point) point = unit = 0; // tokens may overlap
    for (; point < target; point += 1) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    return unit;
  };
  for (let index = 0; index < places.length; index += 1) {
    places[index] = [seek(points[2 * index]), seek(points[2 * index + 1])];
  }
  return places;
}
