/** The export of a drawing of the page as a PNG. */

// Pixels for each of the page's: enough for a slide.
const SHARPNESS = 2;

/**
 * Export one SVG, or canvases that lie over each other, the lowest first.
 * @param {(HTMLCanvasElement|SVGSVGElement)[]} drawings
 * @returns {Promise<Blob>}
 */
export async function png(drawings) {
  const [first] = drawings;
  const canvas = first instanceof SVGSVGElement
    ? await painted(first)
    : stacked(/** @type {HTMLCanvasElement[]} */ (drawings));
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/png');
  });
}

/** Make a canvas with the page's ground. @param {number} width @param {number} height  pixels */
function sheet(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: Math.round(width), height: Math.round(height) });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--panel') || '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  return { canvas, context };
}

/**
 * Draw canvases on the page's ground, without which a dark theme's words would stand on nothing.
 * @param {HTMLCanvasElement[]} drawings
 */
function stacked(drawings) {
  const places = drawings.map((drawing) => drawing.getBoundingClientRect());
  const left = Math.min(...places.map((place) => place.left));
  const top = Math.min(...places.map((place) => place.top));
  const width = Math.max(...places.map((place) => place.right)) - left;
  const height = Math.max(...places.map((place) => place.bottom)) - top;
  const { canvas, context } = sheet(width * SHARPNESS, height * SHARPNESS);
  context.scale(SHARPNESS, SHARPNESS);
  context.imageSmoothingEnabled = false;
  for (const [number, { x, y, width: wide, height: high }] of places.entries()) {
    context.drawImage(drawings[number], x - left, y - top, wide, high);
  }
  return canvas;
}

/** Draw an SVG. @param {SVGSVGElement} drawing */
async function painted(drawing) {
  const { width, height } = drawing.getBoundingClientRect();
  const copy = dressed(drawing);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width * SHARPNESS));
  copy.setAttribute('height', String(height * SHARPNESS));
  if (!copy.hasAttribute('viewBox')) copy.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const source = URL.createObjectURL(
    new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }),
  );
  try {
    const image = new Image();
    image.src = source;
    await image.decode();
    const { canvas, context } = sheet(width * SHARPNESS, height * SHARPNESS);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  } finally {
    URL.revokeObjectURL(source);
  }
}

// What the page's style sheets say of a drawing, which does not take them along.
const STYLES = [
  'fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray',
  'stroke-linecap', 'stroke-linejoin', 'opacity', 'visibility', 'display', 'font-family', 'font-size',
  'font-weight', 'font-style', 'font-variant-numeric', 'text-anchor', 'dominant-baseline',
  'letter-spacing', 'paint-order',
];

/**
 * Copy a drawing, with the styles written onto each element as presentation attributes.
 * @param {SVGSVGElement} drawing
 */
function dressed(drawing) {
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true));
  const originals = [drawing, ...drawing.querySelectorAll('*')];
  for (const [place, element] of [copy, ...copy.querySelectorAll('*')].entries()) {
    const style = getComputedStyle(originals[place]);
    for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
  }
  return copy;
}
