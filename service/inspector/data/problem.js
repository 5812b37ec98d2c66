/** The problems that are told to people, from the errors of the API. */

import { t } from '../locale/i18n.js';
import { ApiError } from './api.js';

/** @import { Problem } from './store.js' */

/**
 * Tell an error in the chosen language: of the API by its status, any other as a fault of the page.
 * @param {unknown} error
 * @returns {Problem}
 */
export function problemOf(error) {
  if (!(error instanceof ApiError)) return { status: null, sentence: t('problem.page', { error: String(error) }) };
  const key = `problem.${error.status}`;
  const words = t(key, { sentence: error.message });
  return {
    status: error.status,
    sentence: words === key ? t('problem.other', { sentence: error.message }) : words,
  };
}
