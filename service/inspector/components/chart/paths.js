/** Lines and areas as the `d` of an SVG path, in pixels with one digit behind the point. */

import d3Area from '../../vendor/d3-shape/area.js';
import d3Line from '../../vendor/d3-shape/line.js';

/** @typedef {[number, number]} Point */

const line = /** @type {typeof import('d3-shape').line<Point>} */ (d3Line)().digits(1);
const area = /** @type {typeof import('d3-shape').area<Point>} */ (d3Area)().digits(1);

/** Draw a line through points. @param {Point[]} points */
export const linePath = (points) => line(points) ?? '';

/** Draw the area between points and a level. @param {Point[]} points @param {number} level */
export const areaPath = (points, level) => area.y0(level).y1(([, y]) => y)(points) ?? '';
