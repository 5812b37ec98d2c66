/** The gestures on the heat map: dragging, pinching, and turning the wheel. */

const DRAG = 4; // pixels, from which on a press is no click
const LINE = 16; // pixels of a line that a wheel turns
const MOST_TURN = 60; // pixels of one event
const TURN = 120; // pixels, for a factor of e

/**
 * Take the map along with a mouse that is pressed and moved; one that is not moved has clicked.
 * @param {HTMLElement} element  scrolls
 * @param {HTMLElement} pane     listens
 * @param {{onHover: (event: PointerEvent|null) => void, onClick: (event: MouseEvent) => void}} events
 */
export function listenToDrags(element, pane, { onHover, onClick }) {
  /** @type {{x: number, y: number, left: number, top: number, far: boolean}|null} */
  let drag = null;
  pane.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    drag = { x: event.clientX, y: event.clientY, left: element.scrollLeft, top: element.scrollTop, far: false };
  });
  pane.addEventListener('pointermove', (event) => {
    if (drag && event.pointerType === 'mouse' && event.buttons) {
      const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
      if (!drag.far && Math.hypot(x, y) > DRAG) {
        drag.far = true;
        pane.setPointerCapture(event.pointerId);
      }
      if (drag.far) element.scrollTo({ left: drag.left - x, top: drag.top - y, behavior: 'instant' });
    }
    onHover(event);
  });
  pane.addEventListener('pointerleave', () => onHover(null));
  pane.addEventListener('click', (event) => {
    if (!drag?.far) onClick(event);
    drag = null;
  });
}

/**
 * Zoom with two fingers: by how much further apart they are than at the last event, about the point
 * between them.
 * @param {HTMLElement} element
 * @param {(factor: number, middle: {clientX: number, clientY: number}) => void} onZoom
 */
export function listenToPinches(element, onZoom) {
  let apart = 0;
  const measure = (/** @type {Touch} */ one, /** @type {Touch} */ two) =>
    Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
  element.addEventListener('touchstart', ({ touches }) => {
    if (touches.length === 2) apart = measure(touches[0], touches[1]);
  }, { passive: true });
  element.addEventListener('touchmove', (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [one, two] = event.touches;
    const now = measure(one, two);
    const middle = { clientX: (one.clientX + two.clientX) / 2, clientY: (one.clientY + two.clientY) / 2 };
    if (apart > 0 && now > 0) onZoom(now / apart, middle);
    apart = now;
  }, { passive: false });
}

/**
 * Zoom with a wheel that is turned with the key, or two fingers on a touch pad.
 * @param {HTMLElement} element
 * @param {(factor: number, event: WheelEvent) => void} onZoom
 */
export function listenToWheel(element, onZoom) {
  element.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    onZoom(Math.exp(-Math.max(-MOST_TURN, Math.min(MOST_TURN, pixels)) / TURN), event);
  }, { passive: false });
}
