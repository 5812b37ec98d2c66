// @ts-check
/** Views below the fold wait until the reader has stopped typing, or comes near. */

// Milliseconds, and how near is near.
const QUIET = 120;
const MARGIN = '400px';

/**
 * @param {HTMLElement} element
 * @param {(near: boolean) => void} draw
 * @returns {() => void}  asks for a drawing: at once if the element is near, else in a moment
 */
export function atLeisure(element, draw) {
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
