/** The HTTP API: no other module talks to the server, and this one as any caller does. */

import { Answer } from './answer.js';
import { parse } from './safetensors.js';

/**
 * @import { Arrays, Direction, TensorName } from './answer.js'
 */

// The bodies of HTTP, as far as the page uses them; tests hold them to the server's OpenAPI.

/**
 * @typedef {object} ArtifactInfo
 * @property {string} name
 * @property {string} sha256
 */

/**
 * @typedef {object} ModelConfig
 * @property {'lstm'|'rnn'} cell
 * @property {number} hidden_size   units of one direction
 * @property {number} num_layers
 * @property {boolean} bidirectional
 */

/**
 * @typedef {object} ParameterInfo
 * @property {number} total
 */

/**
 * @typedef {object} Limits
 * @property {number} max_tokens
 * @property {number} max_response_bytes
 */

/**
 * @typedef {object} Info
 * @property {ArtifactInfo} artifact
 * @property {ModelConfig} config
 * @property {string[]} labels
 * @property {ParameterInfo} parameters
 * @property {Limits} limits
 */

/**
 * @typedef {object} StatesRequest
 * @property {string|string[]} inputs
 * @property {boolean} [truncate]
 * @property {TensorName[]} [tensors]
 * @property {number[]} [layers]
 * @property {Direction[]} [directions]
 * @property {boolean} [step_scores]
 * @property {boolean} [contributions]
 */

/**
 * @typedef {object} ErrorBody
 * @property {string} error
 * @property {string} error_type
 */

const KEY = 'conveyor.key';
const SAFETENSORS = 'application/vnd.safetensors';

// What is fetched with every answer. Of longer texts, the tensors come when they are first drawn.
const AT_ONCE = 32 * 2 ** 20;

/** A refusal, or a server that cannot be reached (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} sentence  the server's
   * @param {string} type      its error_type
   * @param {number|null} retryAfter  seconds
   */
  constructor(status, sentence, type = '', retryAfter = null) {
    super(sentence);
    this.name = 'ApiError';
    this.status = status;
    this.type = type;
    this.retryAfter = retryAfter;
  }
}

/** Give an endpoint's address: relative to the page, so that it works under a proxy's prefix. @param {string} path */
export const url = (path) => new URL(path, document.baseURI.split('#')[0]).href;

/** The API key, kept for as long as the tab is open. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(KEY, value),
};

/** @type {Info|null} */
let known = null;

/** Ask for GET /info, once; `again` asks once more, as after a server's return. @returns {Promise<Info>} */
export async function info({ again = false } = {}) {
  if (again || !known) known = await (await ask('info')).json();
  return /** @type {Info} */ (known);
}

/**
 * Make the body with which a text is asked for; a text longer than the model reads is read at its end.
 * @param {string} text
 * @param {Partial<StatesRequest>} [fields]
 * @returns {StatesRequest}
 */
export function request(text, fields = {}) {
  return { inputs: text.toWellFormed(), truncate: true, ...fields };
}

/**
 * Ask for all that the network held while it read a text.
 * @param {string} text
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function inspect(text, signal) {
  const about = await info();
  const { config, limits } = about;
  const tensors = config.cell === 'lstm' ? 6 : 1;
  const perStep = 4 * config.hidden_size * tensors * config.num_layers * (config.bidirectional ? 2 : 1);
  // There are at most as many tokens as characters.
  const most = Math.min(text.length, limits.max_tokens) * perStep;
  /** @type {Partial<StatesRequest>} */
  const fields = { step_scores: !config.bidirectional, contributions: true };
  if (most > Math.min(AT_ONCE, 0.9 * limits.max_response_bytes)) fields.tensors = [];
  const { arrays, inferenceMs } = await states(text, fields, signal);
  return new Answer(text, about, arrays, inferenceMs, async (names, layer, direction, stop) =>
    (await states(text, { tensors: names, layers: [layer], directions: [direction] }, stop)).arrays,
  );
}

/**
 * Ask for an answer of /states as a file.
 * @param {StatesRequest} body
 * @param {string} accept  the media type
 * @returns {Promise<Blob>}
 */
export async function download(body, accept) {
  const answer = await ask('states', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify(body),
  });
  return answer.blob();
}

/**
 * @param {string} text
 * @param {Partial<StatesRequest>} fields
 * @param {AbortSignal} [signal]
 * @returns {Promise<{arrays: Arrays, inferenceMs: number}>}
 */
async function states(text, fields, signal) {
  const answer = await ask('states', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: SAFETENSORS },
    body: JSON.stringify(request(text, fields)),
    signal,
  });
  const inferenceMs = Number(answer.headers.get('x-inference-time'));
  return { arrays: parse(await answer.arrayBuffer()), inferenceMs };
}

/** @param {string} path @param {RequestInit} [options] */
async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key.get()) headers.set('authorization', `Bearer ${key.get()}`);
  let answer;
  try {
    answer = await fetch(url(path), { ...options, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, String(error), 'away');
  }
  if (answer.ok) return answer;
  /** @type {Partial<ErrorBody>} */
  const body = await answer.json().catch(() => ({}));
  const wait = Number(answer.headers.get('retry-after')) || null;
  throw new ApiError(answer.status, body.error ?? answer.statusText, body.error_type, wait);
}
