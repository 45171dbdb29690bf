/** The deliveries of a webhook, in a dialog: what was sent, what came of it, and a way to send it again. */

import { get, post } from "../core/api.js";
import { clock } from "../core/clock.js";
import { h } from "../core/dom.js";
import { age, counted, duration, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { dialog } from "./dialog.js";
import { deed, errorNote, stateMark, table } from "./parts.js";

/** Deliveries that are read at a time. */
const pageSize = 50;

/**
 * @param {import("../main.js").Context} context
 * @param {any} hook
 * @param {() => void} changed is called when the dialog is closed
 */
export function deliveries(context, hook, changed) {
  const found = signal(/** @type {any[] | null} */ (null));
  const next = signal("");
  const error = signal(/** @type {any} */ (null));
  const read = async (path = `/webhooks/${hook.webhook_id}/deliveries?limit=${pageSize}`, before = /** @type {any[]} */ ([])) => {
    try {
      const page = await get(path);
      found.set([...before, ...page.items]);
      next.set(page.next ?? "");
      error.set(null);
    } catch (trouble) {
      error.set(trouble);
    }
  };
  read();
  const row = (/** @type {any} */ delivery) => [
    h("span.quiet", { title: time(delivery.created_at) }, age(delivery.created_at, clock.peek())),
    [delivery.event, delivery.job ? [" ", h("a", { href: `/jobs/${delivery.job}` }, `job ${delivery.job}`)] : null],
    stateMark(delivery.state),
    outcome(delivery),
    h("div.row.row-end", null, h("button.bare", { "aria-label": `Redeliver ${delivery.event}${delivery.job ? ` of job ${delivery.job}` : ""}, made ${age(delivery.created_at, clock.peek())}`, on: { click: deed(context, async () => {
      await post(`/deliveries/${delivery.delivery_id}/redeliver`);
      await read();
    }) } }, "Redeliver")),
  ];
  const element = dialog(`Deliveries to ${hook.host}`, () => [
    h("div.stack.deliveries", { "aria-live": "polite" },
      () => errorNote(error()),
      () => {
        const all = found();
        if (all === null) return error() ? null : h("div.skeleton");
        if (all.length === 0) return h("p.quiet", null, "Nothing was sent yet.");
        return table("Table of deliveries", ["Made", "Event", "State", "Outcome", ""], all.map(row));
      }),
    h("div.row.confirm-row", null,
      () => next() ? h("button.bare", { on: { click: deed(context, () => read(next.peek(), found.peek() ?? [])) } }, "Older ones") : null,
      h("button", { on: { click: deed(context, () => read()) } }, icon("redo"), "Look again")),
  ], { isWide: true });
  element.addEventListener("close", changed);
}

/**
 * What came of the attempts so far.
 * @param {any} delivery
 */
function outcome(delivery) {
  if (delivery.attempts === 0 && !delivery.problem) return "Not tried yet";
  const tries = delivery.attempts > 0 ? counted(delivery.attempts, "try", "tries") : "";
  const answer = delivery.problem ?? (delivery.status ? `it answered ${delivery.status}` : "");
  const wait = delivery.due_at - clock.peek();
  const again = delivery.state === "waiting" ? (wait > 1000 ? `again in ${duration(wait)}` : "again now") : "";
  return [tries, answer, again].filter((part) => part !== "").join("; ");
}
