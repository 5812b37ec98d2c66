/** Elements without innerHTML: nothing that a reader types can become markup. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {Node|string|number|null|undefined|false} Child
 * @typedef {{[Name in keyof GlobalEventHandlersEventMap as `on${Name}`]?:
 *   (event: GlobalEventHandlersEventMap[Name]) => void}} Listeners
 * @typedef {Listeners & {dataset?: Record<string, string|number>, style?: Record<string, string>,
 *   [name: string]: unknown}} Attributes
 */

/**
 * Make an HTML element. Attributes that are false, null or undefined are left out, true ones are
 * empty; `on...` functions become listeners; `dataset` and `style` are objects.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * Make an SVG element, as `h` makes HTML.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Make a button that submits nothing.
 * @param {(event: MouseEvent) => void} onclick
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function button(onclick, attributes = {}, ...children) {
  return h('button', { type: 'button', onclick, ...attributes }, ...children);
}

/**
 * Make the frame of a view: `<section id=name>` with its heading, and a lead below it where there
 * are words for `name.lead`. `retitle()` puts the words of the present language in.
 * @param {string} name
 * @param {(key: string) => string} t
 */
export function section(name, t) {
  const heading = h('h2', { id: `${name}-title`, tabindex: '-1' });
  const lead = h('p', { class: 'lead' });
  const element = h('section', { id: name, class: 'view', 'aria-labelledby': heading.id }, heading, lead);
  const retitle = () => {
    heading.textContent = t(`${name}.title`);
    const words = t(`${name}.lead`);
    lead.textContent = words === `${name}.lead` ? '' : words;
    lead.hidden = !lead.textContent;
  };
  retitle();
  return { element, heading, lead, retitle };
}

/**
 * Tell whether a key press is one that the browser or the system means something by.
 * @param {KeyboardEvent} event
 */
export const isModified = (event) => event.altKey || event.ctrlKey || event.metaKey;

/**
 * Tell which data-... attribute the element at an event has, or the nearest around it that has it.
 * @param {Event} event
 * @param {string} name
 */
export function dataOf(event, name) {
  const found = event.target instanceof Element ? event.target.closest(`[data-${name}]`) : null;
  return found?.getAttribute(`data-${name}`) ?? null;
}

/**
 * @template {HTMLElement|SVGElement} Made
 * @param {Made} element
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (isThere(value)) set(element, name, value);
  }
  for (const child of children) {
    if (isThere(child)) element.append(typeof child === 'number' ? String(child) : child);
  }
  return element;
}

/**
 * Tell whether an attribute or a child is there.
 * @template Value
 * @param {Value} value
 * @returns {value is Exclude<Value, null|undefined|false>}
 */
const isThere = (value) => value !== null && value !== undefined && value !== false;

/** @param {HTMLElement|SVGElement} element @param {string} name @param {unknown} value */
function set(element, name, value) {
  if (name.startsWith('on')) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  else if (name === 'dataset') Object.assign(element.dataset, value);
  else if (name === 'style') {
    for (const [property, v] of Object.entries(/** @type {object} */ (value))) element.style.setProperty(property, v);
  } else element.setAttribute(name, value === true ? '' : String(value));
}
