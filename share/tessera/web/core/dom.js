/** Elements, made from values only: text becomes text nodes, so that a name from outside is never read as markup. */

import { effect, root, onCleanup } from "./signals.js";

/** @typedef {Node | string | number | null | undefined | false} Leaf */
/** @typedef {Leaf | (() => any) | readonly any[]} Child a list may hold lists */
/** @typedef {Record<string, any>} Attributes */

/**
 * An element. `tag` may carry classes: `div.card.wide`. An attribute or a child that is a function follows its signals.
 * `on` holds listeners; `ref` is called with the element.
 * @param {string} tag
 * @param {Attributes | null} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (key === "ref") {
      value(element);
    } else if (typeof value === "function") {
      effect(() => assign(element, key, value()));
    } else {
      assign(element, key, value);
    }
  }
  append(element, children);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} key
 * @param {any} value
 */
function assign(element, key, value) {
  if (key === "class") {
    for (const word of String(value ?? "").split(" ")) if (word) element.classList.add(word);
  } else if (key === "classes") {
    for (const [word, isOn] of Object.entries(value)) element.classList.toggle(word, Boolean(isOn));
  } else if (key === "value" || key === "checked" || key === "indeterminate") {
    if (/** @type {any} */ (element)[key] !== value) /** @type {any} */ (element)[key] = value;
  } else if (typeof value === "boolean" && !key.startsWith("aria-")) {
    element.toggleAttribute(key, value);
  } else if (value === null || value === undefined) {
    element.removeAttribute(key);
  } else if (element.getAttribute(key) !== String(value)) {
    element.setAttribute(key, String(value));
  }
}

/**
 * @param {Element} parent
 * @param {Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child);
    else if (typeof child === "function") follow(parent, child);
    else if (child !== null && child !== undefined && child !== false) parent.append(node(/** @type {Node | string | number} */ (child)));
  }
}

/**
 * @param {Node | string | number} leaf
 * @returns {Node}
 */
function node(leaf) {
  return leaf instanceof Node ? leaf : document.createTextNode(String(leaf));
}

/**
 * Shows what `child` returns, in front of a mark that keeps the place.
 * @param {Element} parent
 * @param {() => any} child
 */
function follow(parent, child) {
  const mark = document.createComment("");
  parent.append(mark);
  /** @type {Node[]} */
  let shown = [];
  effect(() => {
    const leaves = [child()].flat(Infinity).filter((leaf) => leaf !== null && leaf !== undefined && leaf !== false);
    if (leaves.length === 1 && shown.length === 1 && !(leaves[0] instanceof Node) && shown[0] instanceof Text) {
      const text = String(leaves[0]);
      if (shown[0].data !== text) shown[0].data = text;
      return;
    }
    const next = leaves.map((leaf) => node(leaf));
    // Nodes that stay are not touched: one that is moved loses its focus and its place of scrolling.
    if (next.length === shown.length && next.every((each, index) => each === shown[index])) return;
    for (const old of shown) if (!next.includes(old)) old.parentNode?.removeChild(old);
    for (const each of next) mark.parentNode?.insertBefore(each, mark);
    shown = next;
  });
}

/**
 * Nodes for the items of a list: made once for each key, moved when the order changes, removed with their effects.
 * @template T
 * @param {() => readonly T[]} list
 * @param {(item: T) => string | number} keyOf
 * @param {(item: T) => Node} make
 * @returns {() => Node[]}
 */
export function each(list, keyOf, make) {
  /** @type {Map<string | number, { value: Node, dispose: () => void }>} */
  const made = new Map();
  onCleanup(() => {
    for (const entry of made.values()) entry.dispose();
  });
  return () => {
    const items = list();
    const keys = new Set(items.map(keyOf));
    for (const [key, entry] of made) {
      if (keys.has(key)) continue;
      entry.dispose();
      made.delete(key);
    }
    return items.map((item) => {
      const key = keyOf(item);
      const entry = made.get(key) ?? root(() => make(item));
      made.set(key, entry);
      return entry.value;
    });
  };
}

const svgNamespace = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
export function svg(name, attributes, ...children) {
  const element = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/**
 * Listens until the surrounding scope ends.
 * @param {EventTarget} target
 * @param {string} event
 * @param {(event: any) => void} listener
 * @param {any} [options]
 */
export function listen(target, event, listener, options) {
  target.addEventListener(event, listener, options);
  onCleanup(() => target.removeEventListener(event, listener, options));
}
