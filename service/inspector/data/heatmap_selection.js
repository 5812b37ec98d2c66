/** The selection that the heat map draws: the state, with what this model has in place of what it has not. */

/**
 * @import { Direction, TensorName } from './answer.js'
 * @import { AnsweredState, State } from './store.js'
 */

/**
 * @typedef {object} HeatmapSelection
 * @property {TensorName} tensor
 * @property {number} layer
 * @property {Direction} direction
 * @property {State['order']} order
 */

/** @type {TensorName[]} */
export const GATES = ['forget_gate', 'input_gate', 'output_gate'];

/** Select. @param {AnsweredState} state @returns {HeatmapSelection} */
export function selectionOf(state) {
  const { answer, tensor, layer, order } = state;
  return {
    tensor: answer.tensors.includes(tensor) ? tensor : 'hidden',
    layer: Math.min(layer, answer.layers - 1),
    direction: directionOf(state),
    order: order === 'contribution' && whyNoContributions(state) ? 'index' : order,
  };
}

/** Tell why units cannot be ordered by what they contribute, as a key of words; or null. @param {AnsweredState} state */
export function whyNoContributions(state) {
  const { answer, layer } = state;
  if (!answer.contributionsOf(directionOf(state))) return 'heatmap.contribution.none';
  return layer < answer.layers - 1 ? 'heatmap.contribution.top' : null;
}

/** Give each unit's contribution to the label that is followed. @param {AnsweredState} state */
export function contributionsIn(state) {
  const { answer, label } = state;
  return answer.contributionsOf(directionOf(state))?.row(answer.follow(label)) ?? null;
}

/** @param {AnsweredState} state */
const directionOf = ({ answer, direction }) => (answer.directions.includes(direction) ? direction : 'forward');
