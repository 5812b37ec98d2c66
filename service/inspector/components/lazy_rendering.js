/** Lazy rendering: views below the fold wait until the reader has stopped typing, or comes near. */

// Milliseconds, and how near is near.
const QUIET = 120;
const MARGIN = '400px';

/**
 * Make the function that asks for a drawing: at once if the element is near, else in a moment.
 * @param {HTMLElement} element
 * @param {(near: boolean) => void} draw
 * @returns {() => void}
 */
export function lazily(element, draw) {
  let near = false;
  let timer = 0;
  new IntersectionObserver(
    (entries) => {
      const came = entries[entries.length - 1].isIntersecting && !near;
      near = entries[entries.length - 1].isIntersecting;
      if (came) now();
    },
    { rootMargin: MARGIN },
  ).observe(element);

  function now() {
    clearTimeout(timer);
    draw(near);
  }

  return () => {
    clearTimeout(timer);
    if (near) now();
    else timer = setTimeout(now, QUIET);
  };
}
