/**
 * Values that know who reads them.
 *
 * A `signal` holds a value; an `effect` runs again after a signal that it read has changed. Effects that changes make due run
 * together in the next microtask, so that a burst of events redraws once. What is created inside an effect ends when it runs
 * again; what is created inside `root` ends when its `dispose` is called.
 */

/**
 * @template T
 * @typedef {{ (): T, set(value: T): void, update(change: (value: T) => T): void, peek(): T }} Signal
 */
/** @typedef {{ cleanups: Array<() => void> }} Owner */
/** @typedef {Owner & { run: () => void, sources: Set<Set<Effect>> }} Effect */

/** @type {Effect | null} */
let reader = null;
/** @type {Owner | null} */
let owner = null;
/** @type {Set<Effect>} */
const due = new Set();

/**
 * @template T
 * @param {T} initial
 * @returns {Signal<T>}
 */
export function signal(initial) {
  let value = initial;
  /** @type {Set<Effect>} */
  const readers = new Set();
  const read = () => {
    if (reader) {
      readers.add(reader);
      reader.sources.add(readers);
    }
    return value;
  };
  return Object.assign(read, {
    peek: () => value,
    /** @param {T} next */
    set: (next) => {
      if (Object.is(value, next)) return;
      value = next;
      for (const effect of readers) schedule(effect);
    },
    /** @param {(value: T) => T} change */
    update(change) {
      this.set(change(value));
    },
  });
}

/**
 * A signal that follows what `compute` returns.
 * @template T
 * @param {() => T} compute
 * @returns {Signal<T>}
 */
export function derived(compute) {
  const result = signal(/** @type {any} */ (undefined));
  effect(() => result.set(compute()));
  return result;
}

/**
 * Runs `run` now, and again after each change of what it read.
 * @param {() => void} run
 */
export function effect(run) {
  /** @type {Effect} */
  const self = { cleanups: [], sources: new Set(), run: () => {} };
  self.run = () => {
    clear(self);
    const outerReader = reader;
    const outerOwner = owner;
    reader = self;
    owner = self;
    try {
      run();
    } finally {
      reader = outerReader;
      owner = outerOwner;
    }
  };
  onCleanup(() => clear(self));
  self.run();
}

/** @param {Effect} effect */
function clear(effect) {
  due.delete(effect);
  for (const source of effect.sources) source.delete(effect);
  effect.sources.clear();
  dispose(effect);
}

/** @param {Owner} scope */
function dispose(scope) {
  for (const cleanup of scope.cleanups.splice(0).reverse()) cleanup();
}

/**
 * Calls `cleanup` when the surrounding effect runs again or its root ends.
 * @param {() => void} cleanup
 */
export function onCleanup(cleanup) {
  owner?.cleanups.push(cleanup);
}

/**
 * Runs `make` in a scope of its own. It ends by `dispose` only: what must end with the surrounding scope says `onCleanup(dispose)`.
 * @template T
 * @param {() => T} make
 * @returns {{ value: T, dispose: () => void }}
 */
export function root(make) {
  /** @type {Owner} */
  const scope = { cleanups: [] };
  const outerReader = reader;
  const outerOwner = owner;
  reader = null;
  owner = scope;
  try {
    return { value: make(), dispose: () => dispose(scope) };
  } finally {
    reader = outerReader;
    owner = outerOwner;
  }
}

/**
 * What `read` returns, without depending on what it reads.
 * @template T
 * @param {() => T} read
 * @returns {T}
 */
export function untracked(read) {
  const outer = reader;
  reader = null;
  try {
    return read();
  } finally {
    reader = outer;
  }
}

/** @param {Effect} effect */
function schedule(effect) {
  if (due.size === 0) queueMicrotask(flush);
  due.add(effect);
}

/** Runs what is due. Tests call it; the page leaves it to the microtask. */
export function flush() {
  for (let rounds = 0; due.size > 0; rounds += 1) {
    if (rounds > 100) {
      due.clear();
      throw new Error("effects change what they read, without end");
    }
    for (const effect of [...due]) {
      if (!due.delete(effect)) continue;
      try {
        effect.run();
      } catch (error) {
        // One part of the page that fails does not stop the others.
        reportError(error);
      }
    }
  }
}
