/** What somebody likes on this machine, in the browser's own storage. */

import { effect, signal } from "./signals.js";

export class Settings {
  constructor() {
    /** @type {import("./signals.js").Signal<string>} */
    this.theme = kept("theme", "auto");
    this.hasShortcuts = kept("shortcuts", true);
    this.notifies = kept("notifications", false);
    this.asGrid = kept("grid", true);
    this.livePreview = kept("live-preview", true);
    /** Pipelines that were used, the newest first. */
    this.recent = kept("recent-pipelines", /** @type {string[]} */ ([]));
    effect(() => {
      const theme = this.theme();
      if (theme === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
    });
  }

  /** @param {string} pipeline */
  used(pipeline) {
    this.recent.update((recent) => [pipeline, ...recent.filter((each) => each !== pipeline)].slice(0, 12));
  }
}

/**
 * A signal whose value survives a reload.
 * @template T
 * @param {string} name
 * @param {T} initial
 */
function kept(name, initial) {
  const key = `tessera.${name}`;
  let value = initial;
  try {
    const text = localStorage.getItem(key);
    if (text !== null) value = JSON.parse(text);
  } catch {
    // Storage that is off, or of another shape: the initial value.
  }
  const result = signal(value);
  let isFirst = true;
  effect(() => {
    const text = JSON.stringify(result());
    if (isFirst) {
      isFirst = false;
      return;
    }
    try {
      localStorage.setItem(key, text);
    } catch {
      // The setting holds until the page is closed.
    }
  });
  return result;
}
