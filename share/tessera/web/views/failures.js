/** Images whose attempts are used up: grouped by reason, tried again or given up, one, selected, or all. */

import { get, post } from "../core/api.js";
import { h } from "../core/dom.js";
import { baseName, count, counted } from "../core/format.js";
import { icon } from "../core/icons.js";
import { effect, signal } from "../core/signals.js";
import { confirm } from "./dialog.js";
import { deed, empty, errorNote } from "./parts.js";

const shownPerGroup = 100;

/** @param {import("../main.js").Context} context */
export function view(context) {
  const { model, title, router } = context;
  title.set("Failures");
  const letters = signal(/** @type {any[] | null} */ (null));
  const total = signal(0);
  const error = signal(/** @type {any} */ (null));
  const selected = signal(/** @type {ReadonlySet<string>} */ (new Set()));
  const job = () => Number(router.address().searchParams.get("job") ?? 0);
  const read = async () => {
    try {
      const page = await get("/dead-letters", { query: { job: job() || undefined, limit: 500 } });
      letters.set(page.items);
      total.set(page.total ?? page.items.length);
      selected.set(new Set());
      error.set(null);
    } catch (trouble) {
      error.set(trouble);
    }
  };
  effect(() => {
    model.gaps();
    job();
    // How many there are the master says with its state: a change there is a change here.
    void (model.cluster()?.master?.dead_letters ?? 0);
    read();
  });

  const act = (/** @type {"redrive" | "purge"} */ what, /** @type {string[] | null} */ images) => deed(context, async () => {
    const number = images ? images.length : total.peek();
    const which = images?.length === 1 ? `image ${images[0]}` : counted(number, "image");
    const isPurge = what === "purge";
    const isSure = (!isPurge && images !== null) || (await confirm({
      heading: isPurge ? `Give up ${which}?` : `Try ${which} again?`,
      question: isPurge ? `${which} ${number === 1 ? "is" : "are"} forgotten: nobody can try again.` : `${which} ${number === 1 ? "gets" : "get"} new attempts${job() ? `, all of job ${job()}` : ", of all jobs"}.`,
      act: isPurge ? `Give up ${which}` : `Try ${which} again`,
      isBad: isPurge,
    }));
    if (!isSure) return;
    const body = images ? { images } : { filter: job() ? { job: job() } : {}, count: number };
    const { count: done } = await post(`/dead-letters/${what}`, body);
    context.toast(isPurge ? `${counted(done, "image")} given up` : `${counted(done, "image")} ${done === 1 ? "gets" : "get"} new attempts`);
    await read();
  });

  return h("section.view.page", null,
    h("div.row.spread", null,
      h("div.row", null, h("h1", null, "Failures"), () => job() ? h("button.chip", { "aria-pressed": "true", on: { click: () => router.go("/failures") } }, `of job ${job()}`, icon("close")) : null),
      () => context.may("operator") && (letters()?.length ?? 0) > 0 ? h("div.row", null,
        () => selected().size > 0 ? [
          h("button", { on: { click: act("redrive", [...selected()]) } }, icon("redo"), `Try ${count(selected().size)} again`),
          h("button.danger", { on: { click: act("purge", [...selected()]) } }, `Give up ${count(selected().size)}`),
        ] : [
          h("button", { on: { click: act("redrive", null) } }, icon("redo"), `Try all ${count(total())} again`),
          h("button.danger", { on: { click: act("purge", null) } }, `Give up all ${count(total())}`),
        ]) : null),
    () => errorNote(error()),
    () => {
      const all = letters();
      if (all === null) return h("div.skeleton", { "aria-busy": "true" });
      if (all.length === 0) return empty("done", "Nothing failed.");
      return grouped(all).map((group) => groupView(context, group, selected, act));
    });
}

/**
 * @param {readonly any[]} letters
 * @returns {Array<{ code: string, reason: string, letters: any[] }>}
 */
function grouped(letters) {
  const groups = new Map();
  for (const letter of letters) {
    // The number of a process, or a count of bytes, makes no other reason.
    const key = `${letter.failure.code}\n${letter.failure.reason.replaceAll(/\d+/g, "0")}`;
    const group = groups.get(key) ?? { code: letter.failure.code, reason: letter.failure.reason, letters: [] };
    group.letters.push(letter);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.letters.length - a.letters.length);
}

/**
 * @param {import("../main.js").Context} context
 * @param {{ code: string, reason: string, letters: any[] }} group
 * @param {import("../core/signals.js").Signal<ReadonlySet<string>>} selected
 * @param {(what: "redrive" | "purge", images: string[] | null) => (event: Event) => Promise<void>} act
 */
function groupView(context, group, selected, act) {
  const names = group.letters.map((letter) => `${letter.job}.${letter.image}`);
  const mark = (/** @type {string[]} */ which, /** @type {boolean} */ isOn) => selected.update((before) => {
    const after = new Set(before);
    for (const name of which) if (isOn) after.add(name); else after.delete(name);
    return after;
  });
  const box = (/** @type {string} */ label, /** @type {string[]} */ which) => context.may("operator")
    ? h("input", { type: "checkbox", "aria-label": label, checked: () => which.every((name) => selected().has(name)), on: { change: (/** @type {any} */ event) => mark(which, event.target.checked) } })
    : null;
  return h("section.panel.stack", { "aria-label": group.code },
    h("div.row", null, box(`Select all ${names.length}`, names), h("h2.bad", null, `${count(names.length)} × ${group.code}`)),
    h("p.wrap", null, group.reason, group.letters.some((letter) => letter.failure.reason !== group.reason) ? h("span.quiet", null, " (others differ in numbers)") : null),
    h("ul.letters", null, group.letters.slice(0, shownPerGroup).map((letter, index) => h("li.row", null,
      box(`Select ${letter.name}`, [names[index]]),
      h("a.clip.grow", { href: `/jobs/${letter.job}/${letter.image}` }, baseName(letter.name)),
      h("span.quiet.small", null, names[index]),
      context.may("operator") ? h("button.bare", { "aria-label": `Try ${letter.name} again`, on: { click: act("redrive", [names[index]]) } }, icon("redo"), h("span.wide-only", null, "Try again")) : null))),
    names.length > shownPerGroup ? h("p.quiet.small", null, `and ${count(names.length - shownPerGroup)} more`) : null);
}
