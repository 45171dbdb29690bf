/** The frame around every view: navigation, the state of the connection, messages, the title. */

import { h, listen } from "../core/dom.js";
import { counted, duration, percent } from "../core/format.js";
import { icon } from "../core/icons.js";
import { effect, signal } from "../core/signals.js";
import { share } from "../core/states.js";
import { clock } from "../core/clock.js";
import { chooseFiles, dropped, pasted } from "../upload/choose.js";
import { helpDialog } from "./help.js";
import { palette } from "./palette.js";
import { notifyOfEnds } from "./notifications.js";
import { isLocal } from "./parts.js";

const sayIntervalMilliseconds = 10_000;
const toastMilliseconds = 8000;

/** @typedef {import("../main.js").Context} Context */

/** @param {Pick<Context, "router" | "model" | "settings" | "session">} parts */
export function shell({ router, model, session }) {
  const refusal = signal("");
  const main = h("main", { id: "main", tabindex: "-1" });
  const toasts = h("div.toasts");
  const polite = h("div.hidden-text", { "aria-live": "polite", role: "status" });
  let saidAt = 0;

  const link = (/** @type {string} */ path, /** @type {string} */ view, /** @type {string} */ word, /** @type {string} */ sign, /** @type {any} */ extra) =>
    h("a", { href: path, "aria-current": () => (router.route.view === view ? "page" : null) }, icon(sign), word, extra);

  /** @param {Context} context */
  function start(context) {
    const deadLetters = () => {
      const count = model.cluster()?.master?.dead_letters ?? 0;
      return count > 0 ? h("span.badge", { "aria-label": `${count} dead letters` }, count > 999 ? "999+" : String(count)) : null;
    };
    document.body.append(
      h("a.skip.button", { href: "#main", on: { click: (/** @type {Event} */ event) => { event.preventDefault(); main.focus(); } } }, "Skip to the content"),
      h(
        "header.head",
        null,
        h("a.brand", { href: "/", "aria-label": "Tessera, all jobs" }, h("span.mosaic", { "aria-hidden": "true" }, h("span"), h("span"), h("span"), h("span")), h("span", null, "Tessera")),
        () => session()
          ? h("nav.nav", { "aria-label": "Views" },
              link("/", "jobs", "Jobs", "jobs", null),
              context.may("submitter") ? link("/new", "new", "New", "add", null) : null,
              link("/nodes", "nodes", "Nodes", "nodes", null),
              link("/failures", "failures", "Failures", "alert", deadLetters),
              link("/settings", "settings", "Settings", "settings", null))
          : null,
        h("div.tail", null, () => sending(context), () => session()
          ? [
              h("button.bare.only-icon", { "aria-label": "Find an operation, a job, a node or a view", title: "Find (Ctrl+K)", on: { click: () => palette(context) } }, icon("search")),
              h("button.bare.only-icon", { "aria-label": "Keyboard and help", title: "Help (?)", on: { click: () => helpDialog(context) } }, icon("help")),
            ]
          : null),
      ),
      h("div", { role: "region", "aria-label": "Notices" }, () => banners(context)),
      main,
      toasts,
      polite,
    );
    effect(() => main.classList.toggle("stale", session() && model.cluster()?.reachable === false));
    effect(() => { document.title = tabTitle(model, context.title()); });
    dropsAndPastes(context);
    notifyOfEnds(context);
    effect(() => {
      if (session() && context.may("submitter")) context.uploads.recover().catch(() => {});
    });
    context.keyboard.bind(
      {
        "?": ["this help", () => helpDialog(context)],
        "Control+k": ["find an operation, a job, a node or a view", () => palette(context)],
        "/": ["filter", () => /** @type {any} */ (main.querySelector("input[type=search]"))?.focus()],
        n: ["new job", () => router.go("/new")],
        "g j": ["go to jobs", () => router.go("/")],
        "g n": ["go to nodes", () => router.go("/nodes")],
        "g w": ["go to new", () => router.go("/new")],
        "g f": ["go to failures", () => router.go("/failures")],
        "g s": ["go to settings", () => router.go("/settings")],
      },
      "Everywhere",
    );
  }

  return {
    start,
    refusal,
    /** @param {Node} view */
    show(view) {
      const hadFocus = document.activeElement && document.activeElement !== document.body && !main.contains(document.activeElement);
      main.replaceChildren(view);
      const heading = main.querySelector("h1");
      if (heading && !hadFocus && !main.querySelector("[autofocus]")) main.focus({ preventScroll: true });
    },
    /**
     * Tells a screen reader, seldom enough to be heard out.
     * @param {string} sentence
     */
    say(sentence) {
      if (Date.now() - saidAt < sayIntervalMilliseconds) return;
      saidAt = Date.now();
      polite.textContent = sentence;
    },
    /**
     * @param {string} message
     * @param {{ isBad?: boolean, link?: string }} options
     */
    toast(message, { isBad = false, link: path } = {}) {
      const toast = h("div.toast", { role: isBad ? "alert" : "status", classes: { bad: isBad } },
        icon(isBad ? "alert" : "done"),
        h("div.grow.wrap", null, path ? h("a", { href: path }, message) : message),
        h("button.bare.only-icon", { "aria-label": "Close this message", on: { click: () => toast.remove() } }, icon("close")));
      toasts.append(toast);
      while (toasts.children.length > 4) toasts.firstElementChild?.remove();
      setTimeout(() => toast.remove(), toastMilliseconds);
    },
  };
}

/**
 * `37 % · job 17`, while one's newest job runs.
 * @param {import("../core/model.js").Model} model
 * @param {string} view
 */
function tabTitle(model, view) {
  const name = view ? `${view} · Tessera` : "Tessera";
  const running = model.jobs.values.filter((job) => job.state === "running" || job.state === "open").sort((a, b) => b.job - a.job)[0];
  const newest = running && model.jobs.of(running.job)();
  return newest && newest.image_count > 0 ? `${percent(share(newest))} · job ${newest.job} · Tessera` : name;
}

/** @param {Context} context */
function sending({ uploads, router }) {
  const { count, done, bytes, sent, isBusy } = uploads.totals;
  if (!isBusy) return null;
  const job = [...uploads.transfers.values()][0]?.job;
  return h("a.sending", { href: `/jobs/${job}`, "aria-label": `Uploading: ${done} of ${count} files`, "aria-current": router.route.view === "job" ? "true" : null },
    icon("upload"), h("progress", { value: bytes ? sent / bytes : 0, max: 1, "aria-label": "Upload" }), `${done} / ${count}`);
}

/** @param {Context} context */
function banners(context) {
  const { model, events, session, uploads } = context;
  if (!session()) return null;
  const found = [];
  const cluster = model.cluster();
  if (events.link() === "lost") {
    found.push(h("div.banner", null, icon("alert"), h("span", null, "The connection to the server is lost. What you see is the last known state; the page reconnects by itself.")));
  } else if (cluster && cluster.reachable === false) {
    const heardAt = Date.now() - (cluster.last_heard_milliseconds ?? 0);
    found.push(h("div.banner", null, icon("alert"), h("span", null, () => cluster.last_heard_milliseconds === undefined
      ? `The master is away: ${cluster.reason ?? "it does not answer"}.`
      : `The master is away, last heard ${duration(clock() - heardAt)} ago. Nothing is lost; work continues when it is back.${isLocal ? " For a private cluster, tessera up starts it again." : ""}`)));
  } else if (cluster?.master?.workers_taking === 0 && cluster.master.tasks_ready > 0) {
    const { tasks_ready: tasks, workers_draining: draining, workers_silent: silent, workers_not_ready: unready } = cluster.master;
    const why = draining ? "every node is draining" : silent ? "no node is heard" : unready ? "no node is ready" : "no node is connected";
    found.push(h("div.banner", { id: "no-node" }, icon("alert"), h("span", null, `${counted(tasks, "task")} ${tasks === 1 ? "waits" : "wait"}: ${why}.`), h("a.button", { href: "/nodes" }, "Nodes")));
  }
  const missing = uploads.missing();
  if (missing.length > 0 && context.may("submitter")) {
    const jobs = new Map();
    for (const { job } of missing) jobs.set(job, (jobs.get(job) ?? 0) + 1);
    const parts = [...jobs].sort(([a], [b]) => b - a).slice(0, 3).map(([job, files]) => `${counted(files, "file")} of job ${job}`);
    if (jobs.size > parts.length) parts.push(counted(jobs.size - parts.length, "more job"));
    const again = async (/** @type {boolean} */ isFolder) => {
      const { resumed, others } = await uploads.resume(await chooseFiles({ isFolder }));
      if (resumed > 0) context.toast(`${resumed} files continue`);
      if (others.length > 0) context.toast(`${others.length} of the chosen files are not among the missing ones`, { isBad: true });
    };
    found.push(h("div.banner.calm", { id: "missing" }, icon("upload"),
      h("span.grow", null, `Not uploaded in full: ${parts.join(", ")}. Choose the same files again to continue; what has arrived is not sent twice.`),
      h("button", { on: { click: () => again(false) } }, "Choose files"), h("button", { on: { click: () => again(true) } }, "Choose a folder")));
  }
  return found;
}

/**
 * Files that are dropped or pasted anywhere become a new job's.
 * @param {Context} context
 */
function dropsAndPastes(context) {
  const veil = h("div.drop-veil", { hidden: true }, "Drop images or folders");
  document.body.append(veil);
  /** @param {import("../upload/uploads.js").Chosen[]} files */
  const take = async (files) => {
    if (files.length === 0 || !context.session.peek() || !context.may("submitter")) return;
    let others = files;
    if (context.uploads.missing.peek().length > 0) {
      const result = await context.uploads.resume(files);
      if (result.resumed > 0) context.toast(`${result.resumed} files continue`);
      others = result.others;
    }
    if (others.length === 0) return;
    context.chosen.update((chosen) => [...chosen, ...others]);
    if (context.router.route.view !== "new") context.router.go("/new");
  };
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  listen(document, "dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  listen(document, "dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  listen(document, "drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = true;
    take(await dropped(event.dataTransfer));
  });
  listen(document, "paste", (event) => {
    const files = pasted(event.clipboardData);
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
}
