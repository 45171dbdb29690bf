/** The nodes: what each is doing, drawn while it does it. */

import { get, send } from "../core/api.js";
import { each, h } from "../core/dom.js";
import { bytes, count, counted, duration, time } from "../core/format.js";
import { icon } from "../core/icons.js";
import { atWork } from "../core/lanes.js";
import { effect, signal } from "../core/signals.js";
import { copyButton, deed, empty, errorNote, isLocal, stateMark } from "./parts.js";
import { laneChart } from "./lane-chart.js";

/** How far back the lanes reach, in minutes. */
const spans = [1, 10];

/** @param {import("../main.js").Context} context */
export function view(context) {
  const { model, title, log } = context;
  title.set("Nodes");
  const span = signal(spans[0]);
  const error = signal(/** @type {any} */ (null));
  const isRead = signal(false);
  effect(() => {
    model.gaps();
    get("/workers").then((page) => {
      const there = new Set(page.items.map((/** @type {any} */ worker) => worker.worker));
      for (const worker of model.workers.values) if (!there.has(worker.worker)) model.fold({ type: "worker-gone", data: worker });
      for (const worker of page.items) model.fold({ type: "worker", data: worker });
      log.isPrimed = true;
      isRead.set(true);
      error.set(null);
    }, error.set);
  });
  const workers = () => model.workers.values.sort((a, b) => Number(a.worker.slice(1)) - Number(b.worker.slice(1)));
  const there = () => workers().filter((worker) => (model.workers.of(worker.worker)() ?? worker).state !== "gone");
  const busy = () => there().reduce((sum, worker) => sum + atWork(model.workers.of(worker.worker)() ?? worker), 0);
  const slots = () => there().reduce((sum, worker) => sum + worker.slot_count, 0);
  return h("section.view.page.nodes", null,
    h("div.row.spread", null,
      h("div.row", null, h("h1", null, "Nodes"),
        h("div.row.tight", { role: "group", "aria-label": "How far back" }, spans.map((minutes) => h("button.chip", { "aria-pressed": () => String(span() === minutes), on: { click: () => span.set(minutes) } }, `${minutes} min`)))),
      h("p.quiet", { "aria-live": "off" }, () => isRead() && there().length > 0 ? `${counted(there().length, "node")}, ${count(busy())} of ${counted(slots(), "slot")} at work` : "")),
    () => errorNote(error()),
    happenings(log),
    () => isRead() && there().length === 0 ? noNodes() : null,
    h("div.stack", null, each(workers, (worker) => worker.worker, (worker) => node(context, worker.worker, span))),
    masterFacts(context));
}

/** @param {import("../core/cluster-log.js").ClusterLog} log */
function happenings(log) {
  return h("div.happenings", { "aria-live": "polite", "aria-label": "What happened", role: "log" }, () => log.happenings().map((event, index) =>
    h("p", { classes: { note: index === 0, bad: event.isBad && index === 0, quiet: index > 0, small: index > 0 } },
      index === 0 ? icon(event.isBad ? "lost" : "nodes") : null, h("time.quiet.small", null, time(event.at).split(", ").pop() ?? ""), " ", h("span.wrap", null, event.sentence))));
}

function noNodes() {
  const command = `tessera-worker --master ${location.hostname}:7400 --secret-file ~/.config/tessera/secret`;
  return empty("nodes", `No node is connected.${isLocal ? " For a private cluster, tessera up starts one." : ""} This starts one, with the port that the master has:`,
    h("pre.output", { tabindex: "0" }, command), copyButton(command, "Copy the command"));
}

/**
 * @param {import("../main.js").Context} context
 * @param {string} name
 * @param {() => number} span
 */
function node(context, name, span) {
  const { model, may, log } = context;
  const worker = () => model.workers.of(name)() ?? { worker: name, name: "", state: "gone", slot_count: 0, leases_held: 0, tasks_done: 0, attempts_lost: 0, attempts_failed: 0, resident_bytes: 0, ranks_per_slot: 0 };
  const act = (/** @type {string} */ what) => deed(context, async () => { await send(`/workers/${name}/${what}`, { method: "POST" }); });
  const buttons = () => {
    if (!may("operator") || worker().state === "gone") return null;
    if (worker().state === "quarantined") return h("button", { on: { click: act("release") } }, "Release");
    if (worker().state === "draining") return h("button", { on: { click: act("resume") } }, icon("running"), "Resume");
    return h("button", { on: { click: act("drain") } }, icon("pause"), "Drain");
  };
  const state = () => (worker().state === "alive" && worker().leases_held === 0 ? stateMark("idle") : stateMark(worker().state));
  return h("article.node.panel", { "aria-label": `Node ${name}` },
    h("div.row.spread", null,
      h("div.row", null, h("h2", null, () => worker().name || name), h("span.quiet", null, name), state),
      h("div.row", null, h("span.quiet.small", null, () => worker().address ?? ""), buttons)),
    () => worker().unready ? h("p.bad.wrap", null, worker().unready) : null,
    laneChart(() => log.lanes.of(name), worker, span),
    h("ul.facts-line.quiet.small", null, () => [
      `${counted(worker().slot_count, "slot")} of ${counted(worker().ranks_per_slot, "rank")}`,
      `${count(atWork(worker()))} at work`,
      worker().leases_held > worker().slot_count ? `${count(worker().leases_held - worker().slot_count)} next` : null,
      `${count(worker().tasks_done)} tasks done`,
      worker().attempts_lost ? h("span.bad", null, `${count(worker().attempts_lost)} lost`) : null,
      worker().attempts_failed ? h("span.bad", null, `${count(worker().attempts_failed)} failed`) : null,
      bytes(worker().resident_bytes),
      worker().connected_milliseconds && worker().state !== "gone" ? `here for ${duration(worker().connected_milliseconds)}` : null,
    ].filter(Boolean).map((fact) => h("li", null, fact))));
}

/** @param {import("../main.js").Context} context */
function masterFacts({ model }) {
  return () => {
    const cluster = model.cluster();
    const master = cluster?.master;
    if (!master) return null;
    const fact = (/** @type {string} */ word, /** @type {any} */ value) => (value === undefined ? null : [h("dt", null, word), h("dd", null, value)]);
    return h("section.panel", { "aria-label": "Master" }, h("h2", null, "Master"), h("dl.facts", null,
      fact("Software", master.software), fact("Up for", duration(master.uptime_milliseconds ?? 0)), fact("Tasks ready", count(master.tasks_ready ?? 0)),
      fact("Tasks running", count(master.leases_running ?? 0)), fact("Jobs open", count(master.jobs_open ?? 0)), fact("Memory", bytes(master.resident_bytes ?? 0)),
      fact("Free space", master.storage ? bytes(master.storage.free_bytes) : undefined),
      fact("Uploads kept here", `${bytes(cluster.gateway.spool_bytes)} of ${bytes(cluster.gateway.spool_limit_bytes)}`)));
  };
}
