/** The time as a signal that ticks each second while somebody looks. */

import { signal } from "./signals.js";

/** Milliseconds since 1970. */
export const clock = signal(Date.now());

setInterval(() => {
  if (!document.hidden) clock.set(Date.now());
}, 1000);
document.addEventListener("visibilitychange", () => clock.set(Date.now()));
