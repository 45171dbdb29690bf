/** The page: puts the shell, the session, the event stream and the views together. */

import { APIError, get, missed, post, whenSignedOut } from "./core/api.js";
import { ClusterLog } from "./core/cluster-log.js";
import { EventHub } from "./core/events.js";
import { Model } from "./core/model.js";
import { Router } from "./core/router.js";
import { Settings } from "./core/settings.js";
import { effect, onCleanup, root, signal } from "./core/signals.js";
import { h } from "./core/dom.js";
import { Keyboard } from "./core/keyboard.js";
import { SentFiles } from "./preview/sent-files.js";
import { Uploads } from "./upload/uploads.js";
import { empty } from "./views/parts.js";
import { shell } from "./views/shell.js";
import { signIn } from "./views/sign-in.js";

/**
 * What every view is given.
 * @typedef {{
 *   router: Router, model: Model, log: ClusterLog, events: EventHub, uploads: Uploads, settings: Settings, keyboard: Keyboard,
 *   session: import("./core/signals.js").Signal<any>, title: import("./core/signals.js").Signal<string>,
 *   say: (sentence: string) => void, toast: (message: string, options?: { isBad?: boolean, link?: string }) => void,
 *   may: (role: string) => boolean, chosen: import("./core/signals.js").Signal<import("./upload/uploads.js").Chosen[]>,
 *   sentFiles: SentFiles,
 * }} Context
 */

const retryMilliseconds = 2000;
const roles = ["viewer", "submitter", "operator", "admin"];

/** @type {Record<string, () => Promise<{ view: (context: Context, parameters: Record<string, number>) => Node }>>} */
const views = {
  jobs: () => import("./views/jobs.js"),
  new: () => import("./views/new.js"),
  job: () => import("./views/job.js"),
  image: () => import("./views/image.js"),
  nodes: () => import("./views/nodes.js"),
  failures: () => import("./views/failures.js"),
  settings: () => import("./views/settings.js"),
  "not-found": async () => ({ view: notFound }),
};

const model = new Model();
const settings = new Settings();
const session = signal(/** @type {any} */ (undefined));
const router = new Router();
const page = shell({ router, model, settings, session });

/** @type {Context} */
const context = {
  router,
  model,
  log: new ClusterLog(model),
  settings,
  session,
  events: new EventHub((event) => model.fold(event)),
  uploads: new Uploads(),
  keyboard: new Keyboard(settings),
  title: signal(""),
  chosen: signal(/** @type {import("./upload/uploads.js").Chosen[]} */ ([])),
  sentFiles: new SentFiles(),
  say: page.say,
  toast: page.toast,
  may: (role) => roles.indexOf(session()?.role) >= roles.indexOf(role),
};

whenSignedOut(() => session.set(null));
effect(() => {
  if (!missed() || context.events.link() !== "live") return;
  const timer = setTimeout(() => {
    missed.set(false);
    model.gaps.update((gaps) => gaps + 1);
  }, retryMilliseconds);
  onCleanup(() => clearTimeout(timer));
});
page.start(context);
showViews();
begin();

/** Signs in by the one-use link that opened the page, else asks who is signed in. */
async function begin() {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (code) {
    history.replaceState(null, "", "/");
    try {
      session.set(await post("/session", { code: decodeURIComponent(code) }));
      router.address.set(new URL(location.href));
      return;
    } catch (error) {
      // A link that was opened before is no obstacle for a browser that it has signed in.
      const known = await get("/session").catch(() => null);
      if (!known) page.refusal.set(error.message);
      session.set(known);
      router.address.set(new URL(location.href));
      return;
    }
  }
  for (;;) {
    try {
      session.set(await get("/session"));
      return;
    } catch (error) {
      if (error instanceof APIError && error.status === 401) return;
      page.toast(error.message, { isBad: true });
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

/** Shows the view that the address names, and the sign-in while nobody is signed in. */
function showViews() {
  let isReceiving = false;
  /** @type {(() => void) | null} */
  let end = null;
  let shown = "";
  effect(() => {
    const who = session();
    const { view, parameters } = router.route;
    const key = who === undefined ? "" : who === null ? "sign-in" : `${view} ${JSON.stringify(parameters)}`;
    if (key === shown) return;
    shown = key;
    end?.();
    end = null;
    if (who === undefined) return;
    if (who === null) {
      context.events.stop();
      const made = root(() => signIn(context, page.refusal));
      end = made.dispose;
      page.show(made.value);
      return;
    }
    if (!isReceiving) {
      isReceiving = true;
      root(() => ["jobs", "workers", "cluster"].forEach((topic) => context.events.want(topic)));
    }
    context.events.start();
    if (view === "sign-in") {
      router.go("/", { replace: true });
      return;
    }
    load(view, parameters, key);
  });

  /**
   * @param {string} view
   * @param {Record<string, number>} parameters
   * @param {string} key
   */
  async function load(view, parameters, key) {
    // A server that is away, or has another page than this one by now, does not give the view.
    const { view: make } = await views[view]().catch(() => ({ view: missing }));
    if (key !== shown) return;
    const made = root(() => {
      context.keyboard.enterView();
      return make(context, parameters);
    });
    end = made.dispose;
    page.show(made.value);
  }
}

/** @param {Context} context */
const notFound = ({ title }) => {
  title.set("Not found");
  return h("div.empty", null, h("h1", null, "There is no such page"), h("a.button", { href: "/" }, "All jobs"));
};

/** What is shown instead of a view that could not be loaded. */
const missing = () => empty("alert", "This view could not be loaded: the server is away, or has a newer page.",
  h("button.primary", { on: { click: () => location.reload() } }, "Load the page again"));
