/** The page's request as people would make it: with curl, and in Python. */

/** Quote a word for sh: in single quotes each letter stands for itself. @param {string} word */
const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Write the command.
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
 * Write the program.
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

/** Write a value as Python does; JSON's strings are Python's too. @param {unknown} value @returns {string} */
function literal(value) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return JSON.stringify(value);
}
