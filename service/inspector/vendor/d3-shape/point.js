// @ts-nocheck
// d3-shape 3.2.0, licence ISC, copied by make vendor.
export function x(p) {
  return p[0];
}

export function y(p) {
  return p[1];
}
