// @ts-nocheck
// d3-shape 3.2.0, licence ISC, copied by make vendor.
export var slice = Array.prototype.slice;

export default function(x) {
  return typeof x === "object" && "length" in x
    ? x // Array, TypedArray, NodeList, array-like
    : Array.from(x); // Map, Set, iterable, string, or anything else
}
