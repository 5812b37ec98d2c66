/**
 * Copies what the inspector uses of d3 out of node_modules, with its licences: a browser finds no
 * module by its package's name, and the page has no build step. `node deploy/vendor.js --check`
 * changes nothing, and fails where the copies are not those of package.json's versions.
 */

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VENDOR = join(ROOT, 'service/inspector/vendor');

// Later versions than package.json's are published as whole bundles, and no longer as modules.

/** The modules that the page imports; those that they import are copied with them. */
const MODULES = ['d3-array/nice.js', 'd3-array/range.js', 'd3-shape/area.js', 'd3-shape/line.js'];

/** The module that is meant by the name of a package. */
const MAIN = { 'd3-path': 'd3-path/path.js' };

const IMPORT = /(\bfrom |\bimport )"([^"]+)"/g;

/** Name the module that another one imports. @param {string} module @param {string} name */
function imported(module, name) {
  if (name.startsWith('.')) return normalize(join(dirname(module), name));
  const main = MAIN[/** @type {keyof typeof MAIN} */ (name)];
  if (!main) throw new Error(`${module} imports ${name}: add it to MAIN in deploy/vendor.js.`);
  return main;
}

/** Read a file of a package. @param {string} name @param {string} path */
const read = (name, path) => readFileSync(join(ROOT, 'node_modules', name, path), 'utf8');

/** Collect the copies by their paths. @returns {Map<string, string>} */
function copies() {
  const found = new Map();
  const waiting = [...MODULES];
  for (let module = waiting.pop(); module; module = waiting.pop()) {
    if (found.has(module)) continue;
    const [name, ...path] = module.split('/');
    const { version, license } = JSON.parse(read(name, 'package.json'));
    const text = read(name, join('src', ...path)).replace(IMPORT, (_, from, other) => {
      const target = imported(/** @type {string} */ (module), other);
      waiting.push(target);
      const way = relative(dirname(/** @type {string} */ (module)), target);
      return `${from}"${way.startsWith('.') ? way : `./${way}`}"`;
    });
    found.set(module, `// @ts-nocheck\n// ${name} ${version}, licence ${license}, copied by make vendor.\n${text}`);
    found.set(`${name}/LICENSE`, read(name, 'LICENSE'));
  }
  return found;
}

/** List the files that are there. */
function present() {
  const all = existsSync(VENDOR) ? readdirSync(VENDOR, { recursive: true, withFileTypes: true }) : [];
  return all.filter((entry) => entry.isFile()).map((entry) => relative(VENDOR, join(entry.parentPath ?? entry.path, entry.name)));
}

const made = copies();
if (process.argv.includes('--check')) {
  const wrong = [
    ...present().filter((path) => !made.has(path)),
    ...[...made].filter(([path, text]) => !existsSync(join(VENDOR, path)) || readFileSync(join(VENDOR, path), 'utf8') !== text)
      .map(([path]) => path),
  ];
  if (wrong.length) {
    console.error(`service/inspector/vendor is not of package.json's versions: ${wrong.join(', ')}. Run make vendor.`);
    process.exitCode = 1;
  }
} else {
  rmSync(VENDOR, { recursive: true, force: true });
  for (const [path, text] of made) {
    mkdirSync(dirname(join(VENDOR, path)), { recursive: true });
    writeFileSync(join(VENDOR, path), text);
  }
}
