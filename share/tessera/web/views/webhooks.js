/** Webhooks: addresses that are told of jobs, what they were sent, and a way to make, test, change and delete them. */

import { getAll, post, remove, send } from "../core/api.js";
import { clock } from "../core/clock.js";
import { h } from "../core/dom.js";
import { age, counted, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { signal } from "../core/signals.js";
import { deliveries } from "./deliveries.js";
import { confirm } from "./dialog.js";
import { copyButton, deed, errorNote, everybody, stateMark, table } from "./parts.js";

/** The events that a webhook chooses from, in the words of a person. */
const events = [["job.started", "Jobs start"], ["job.images-failed", "An image fails"], ["job.finished", "Jobs end"]];
const scopes = [["own", "My jobs"], ["all", "Jobs of everybody"], ["named", "Jobs that name it"]];

/** @param {import("../main.js").Context} context */
export function webhooks(context) {
  const found = signal(/** @type {any[] | null} */ (null));
  const error = signal(/** @type {any} */ (null));
  const isAll = signal(false);
  const fresh = signal(/** @type {{ host: string, secret: string } | null} */ (null));
  const read = () => all(isAll.peek()).then((hooks) => { found.set(hooks); error.set(null); }, error.set);
  read();
  const ask = (/** @type {{ heading: string, question: string, act: string }} */ words, /** @type {() => Promise<void>} */ act) => deed(context, async () => {
    if (!await confirm(words)) return;
    await act();
    await read();
  });
  const acts = (/** @type {any} */ hook) => {
    const isOwn = hook.url !== undefined;
    return [
      h("button.bare", { "aria-label": `Deliveries to ${name(hook)}`, on: { click: () => deliveries(context, hook, read) } }, "Deliveries"),
      hook.enabled ? h("button.bare", { "aria-label": `Test ${name(hook)}`, on: { click: deed(context, async () => {
        await post(`/webhooks/${hook.webhook_id}/test`);
        context.toast(`A test is on its way to ${hook.host}; Deliveries shows whether it arrives`);
        await read();
      }) } }, "Test") : null,
      isOwn ? h("button.bare", { "aria-label": `${hook.enabled ? "Disable" : "Enable"} the webhook to ${name(hook)}`, on: { click: deed(context, async () => {
        await enable(hook, !hook.enabled);
        await read();
      }) } }, hook.enabled ? "Disable" : "Enable") : null,
      isOwn ? h("button.bare", { "aria-label": `New secret for ${name(hook)}`, on: { click: ask({ heading: "Sign by a new secret?", question: `Messages to ${hook.host} are signed by the new secret, and for a day by the former one, too.`, act: "Make a new secret" }, async () => {
        const { secret } = await post(`/webhooks/${hook.webhook_id}/rotate-secret`);
        fresh.set({ host: hook.host, secret });
      }) } }, "New secret") : null,
      h("button.bare.danger", { "aria-label": `Delete the webhook to ${name(hook)}`, on: { click: ask({ heading: "Delete this webhook?", question: `${hook.host} is told nothing more${hook.waiting > 0 ? `, and ${counted(hook.waiting, "message")} that wait are forgotten` : ""}.`, act: "Delete it" }, () => remove(`/webhooks/${hook.webhook_id}`)) } }, "Delete"),
    ];
  };
  const row = (/** @type {any} */ hook) => [
    h("div.wrap.table-address", null, name(hook), hook.description ? h("div.quiet.small", null, hook.description) : null),
    ...(isAll.peek() ? [hook.owner] : []),
    told(hook),
    [state(hook), hook.waiting > 0 ? h("div.quiet.small", null, `${counted(hook.waiting, "message")} wait${hook.waiting === 1 ? "s" : ""}`) : null],
    h("span.quiet", hook.last_delivered_at ? { title: time(hook.last_delivered_at) } : null, hook.last_delivered_at ? age(hook.last_delivered_at, clock.peek()) : "never"),
    h("div.row.row-end", null, ...acts(hook)),
  ];
  return h("section.panel.stack", { "aria-label": "Webhooks" }, h("h2", null, "Webhooks"),
    () => errorNote(error()),
    () => {
      const hooks = found();
      if (hooks === null) return error() ? null : h("div.skeleton");
      if (hooks.length === 0) return h("p.quiet", null, "There are none. A webhook tells a server of yours when jobs start, fail or end.");
      return table("Table of webhooks", ["Address", ...(isAll.peek() ? ["Made by"] : []), "Is told", "State", "Last delivery", ""], hooks.map(row));
    },
    () => everybody(context, isAll, read),
    h("div", { "aria-live": "polite" }, () => secretNote(fresh(), () => fresh.set(null))),
    form(context, async (made) => { fresh.set(made); await read(); }));
}

/**
 * @param {import("../main.js").Context} context
 * @param {(made: { host: string, secret: string }) => Promise<void>} done
 */
function form(context, done) {
  const address = h("input.webhook-address", { id: "webhook-url", type: "url", required: true, maxlength: "2048" });
  const scope = h("select", { id: "webhook-jobs" }, scopes.map(([value, word]) => h("option", { value }, word)));
  const boxes = events.map(([value, word]) => ({ value, word, box: h("input", { type: "checkbox", checked: value === "job.finished" }) }));
  const error = signal(/** @type {any} */ (null));
  const make = async (/** @type {Event} */ event) => {
    event.preventDefault();
    error.set(null);
    const wanted = boxes.filter(({ box }) => box.checked).map(({ value }) => value);
    try {
      if (wanted.length === 0) throw new Error("Choose at least one event.");
      const made = await post("/webhooks", { url: address.value.trim(), events: wanted, jobs: scope.value });
      address.value = "";
      await done(made);
    } catch (trouble) {
      error.set(trouble);
    }
  };
  return h("form.stack.tight", { "aria-label": "A new webhook", on: { submit: make } },
    h("div.row", null,
      h("div.stack.tight.grow", null, h("label.small", { for: "webhook-url" }, "Address, with https: at its beginning"), address),
      h("div.stack.tight", null, h("label.small", { for: "webhook-jobs" }, "Jobs"), scope)),
    h("div.row", null,
      h("div.row", { role: "group", "aria-label": "It is told when" }, boxes.map(({ word, box }) => h("label.check", null, box, word))),
      h("button.primary.form-end", { type: "submit" }, icon("add"), "Make a webhook")),
    () => errorNote(error()));
}

/**
 * A secret, as long as nobody has hidden it: the gateway shows it only once.
 * @param {{ host: string, secret: string } | null} fresh
 * @param {() => void} hide
 */
function secretNote(fresh, hide) {
  if (!fresh) return null;
  return h("div.note", null, icon("key"), h("div.grow.stack.tight", null,
    h("span", null, `The secret by which messages to ${fresh.host} are verified, shown only now:`),
    h("code.wrap", { id: "fresh-secret" }, fresh.secret),
    h("div.row", null, copyButton(fresh.secret), h("button.bare", { on: { click: hide } }, "Hide"))));
}

/**
 * Others see only the host of a webhook's address.
 * @param {any} hook
 */
const name = (hook) => hook.url ?? hook.host;

/** @param {any} hook */
function state(hook) {
  if (hook.enabled) return stateMark("enabled");
  const why = { gone: "It answered that it is gone", exhausted: "No message arrived for days" }[/** @type {string} */ (hook.disabled_because)];
  return [stateMark("disabled"), why ? h("div.quiet.small", null, why) : null];
}

/** @param {any} hook */
function told(hook) {
  const words = events.filter(([value]) => hook.events.includes(value)).map(([, word]) => word.toLowerCase()).join(", ");
  return `${scopes.find(([value]) => value === hook.jobs)?.[1] ?? hook.jobs}: ${words}`;
}

/**
 * Enables or disables a webhook as it is now.
 * @param {any} hook
 * @param {boolean} isEnabled
 */
async function enable(hook, isEnabled) {
  const answer = await send(`/webhooks/${hook.webhook_id}`);
  const { url, description, events, jobs } = await answer.json();
  await send(`/webhooks/${hook.webhook_id}`, { method: "PUT", headers: { "If-Match": answer.headers.get("ETag") ?? "" }, body: { url, description, events, jobs, enabled: isEnabled } });
}

/**
 * One's webhooks, or those of everybody, the newest first.
 * @param {boolean} ofEverybody
 */
const all = async (ofEverybody) => (await getAll(`/webhooks?limit=500${ofEverybody ? "&of=everybody" : ""}`)).reverse();
