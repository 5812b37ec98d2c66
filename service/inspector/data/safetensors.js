/** Safetensors: a length, a header in JSON, and the bare numbers. */

/** @import { Tensor } from './matrix.js' */

const VIEWS = { F32: Float32Array, I32: Int32Array, U8: Uint8Array, BOOL: Uint8Array };

/**
 * Read arrays by name, as views of the buffer: nothing is copied.
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, Tensor>}
 */
export function parse(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  /** @type {Record<string, {dtype: keyof typeof VIEWS, shape: number[], data_offsets: [number, number]}>} */
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  /** @type {Record<string, Tensor>} */
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(header)) {
    const View = VIEWS[dtype];
    if (!View) throw new TypeError(`${name} has the type ${dtype}, which is not read here.`);
    arrays[name] = {
      data: new View(buffer, 8 + length + start, (end - start) / View.BYTES_PER_ELEMENT),
      shape,
    };
  }
  return arrays;
}
