/** The chart: a drawing in SVG that is as wide as its place. */

import { h, svg } from '../dom.js';
import { linear } from './scale.js';

/**
 * @import { Attributes } from '../dom.js'
 * @typedef {{left: number, right: number}} Margin  pixels
 */

/** An element with its drawing; `draw` is called whenever there is another width to draw for. */
export class Chart {
  /** Pixels from edge to edge; 0 until there is a place. */
  width = 0;

  /**
   * @param {Margin} margin
   * @param {Attributes} attributes  of the element
   * @param {Attributes} drawing     of the SVG
   * @param {() => void} draw
   */
  constructor(margin, attributes, drawing, draw) {
    this.margin = margin;
    this.drawing = svg('svg', drawing);
    this.element = h('div', attributes, this.drawing);
    new ResizeObserver(([entry]) => {
      const now = Math.floor(entry.contentRect.width);
      if (now === this.width) return;
      this.width = now;
      draw();
    }).observe(this.element);
  }

  /** Pixels of the left edge of what is drawn. */
  get left() {
    return this.margin.left;
  }

  /** Pixels of the right edge of what is drawn. */
  get right() {
    return this.width - this.margin.right;
  }

  /** Pixels across, between the two. */
  get room() {
    return this.right - this.left;
  }

  /** Give the scale from left to right. @param {number} first @param {number} last  the values at the edges */
  x(first, last) {
    return linear([first, last], [this.left, this.right]);
  }

  /** Make the drawing as large as its place is wide. @param {number} height */
  resize(height) {
    this.drawing.setAttribute('width', String(this.width));
    this.drawing.setAttribute('height', String(height));
  }

  /** Give the pixels from the left edge at which a pointer is. @param {MouseEvent} event */
  pointer(event) {
    return event.clientX - this.element.getBoundingClientRect().left;
  }
}

/** Bring a place into the bounds of some. @param {number} place @param {number} count */
export const clamped = (place, count) => Math.min(count - 1, Math.max(0, place));
