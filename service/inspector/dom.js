// @ts-check
/** Elements without innerHTML: nothing that a reader types can become markup. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An HTML element. Attributes that are false, null or undefined are left out, true ones are empty;
 * `on...` functions become listeners; `dataset` and `style` are objects.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * An SVG element, made as `h` makes HTML.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * The frame of a view: `<section id=name>` with its heading, and a lead below it where the strings
 * have `name.lead`. `retitle()` puts the words of the present language in.
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

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(element.dataset, value);
    else if (name === 'style') {
      for (const [property, v] of Object.entries(value)) element.style.setProperty(property, v);
    } else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === 'number' ? String(child) : child)));
  return element;
}
