/** Which view an address names, and the way from one to the next without loading the page again. */

import { signal } from "./signals.js";

/** @typedef {{ view: string, parameters: Record<string, number> }} Route */

/** @type {Array<[RegExp, string, string[]]>} */
const routes = [
  [/^\/$/, "jobs", []],
  [/^\/jobs\/?$/, "jobs", []],
  [/^\/new$/, "new", []],
  [/^\/jobs\/(\d{1,15})$/, "job", ["job"]],
  [/^\/jobs\/(\d{1,15})\/(\d{1,9})$/, "image", ["job", "image"]],
  [/^\/nodes$/, "nodes", []],
  [/^\/failures$/, "failures", []],
  [/^\/settings$/, "settings", []],
  [/^\/sign-in$/, "sign-in", []],
];

/**
 * @param {string} path
 * @returns {Route}
 */
export function match(path) {
  for (const [pattern, view, names] of routes) {
    const found = pattern.exec(path);
    if (!found) continue;
    return { view, parameters: Object.fromEntries(names.map((name, index) => [name, Number(found[index + 1])])) };
  }
  return { view: "not-found", parameters: {} };
}

/** The present address. */
export class Router {
  constructor() {
    this.address = signal(new URL(location.href));
    addEventListener("popstate", () => this.address.set(new URL(location.href)));
    document.addEventListener("click", (event) => this.#clicked(event));
  }

  get route() {
    return match(this.address().pathname);
  }

  /**
   * @param {string} path
   * @param {{ replace?: boolean }} options
   */
  go(path, { replace = false } = {}) {
    const next = new URL(path, location.href);
    if (next.href === location.href) return;
    if (replace) history.replaceState(null, "", next);
    else history.pushState(null, "", next);
    this.address.set(next);
  }

  /**
   * Changes members of the query in place; `null` removes one.
   * @param {Record<string, string | null>} members
   */
  query(members) {
    const next = new URL(location.href);
    for (const [name, value] of Object.entries(members)) {
      if (value === null || value === "") next.searchParams.delete(name);
      else next.searchParams.set(name, value);
    }
    this.go(next.href, { replace: true });
  }

  /**
   * Links within the page keep the page.
   * @param {MouseEvent} event
   */
  #clicked(event) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest?.("a[href]"));
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (match(link.pathname).view === "not-found") return;
    event.preventDefault();
    this.go(link.href);
    scrollTo(0, 0);
  }
}
