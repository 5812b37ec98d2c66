// @ts-check
/** The request that the page makes, as people would make it: with curl, and in Python. */

/** A word for sh: nothing in single quotes means anything but itself. */
const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * @param {string} url
 * @param {object} body
 * @param {boolean} guarded  whether the service asks for a key
 */
export function curl(url, body, guarded) {
  const key = guarded ? ` \\\n  -H "authorization: Bearer $CONVEYOR_KEY"` : '';
  const data = quoted(JSON.stringify(body));
  return `curl -s ${quoted(url)} -H 'content-type: application/json'${key} \\\n  -d ${data}`;
}

/**
 * @param {string} url
 * @param {object} body
 * @param {boolean} guarded
 */
export function python(url, body, guarded) {
  const fields = Object.entries(body).map(([name, value]) => `    ${literal(name)}: ${literal(value)},`);
  const headers = guarded
    ? ', headers={"authorization": f"Bearer {os.environ[\'CONVEYOR_KEY\']}"}'
    : '';
  return [
    ...(guarded ? ['import os', ''] : []),
    'import httpx',
    '',
    'request = {',
    ...fields,
    '}',
    `answer = httpx.post(${literal(url)}, json=request${headers}, timeout=30)`,
    'print(answer.raise_for_status().text)',
    '',
  ].join('\n');
}

/** A value as Python writes it; JSON's strings are Python's too. */
function literal(value) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return JSON.stringify(value);
}
