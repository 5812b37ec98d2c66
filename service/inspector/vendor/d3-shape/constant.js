// @ts-nocheck
// d3-shape 3.2.0, licence ISC, copied by make vendor.
export default function(x) {
  return function constant() {
    return x;
  };
}
