/**
 * Questions of which only the newest counts, such as a picture for each place of a slider. Pure but for the timers, which are arguments.
 *
 *     ask -> [pause] -> request -> answered
 *      |        |          |----> refused
 *      +--------+----------+      a newer question ends what is under way, at the server too
 */

/** How long nothing must change before the server is asked. */
export const pauseMilliseconds = 80;

/**
 * @template Question, Answer
 */
export class Latest {
  /**
   * @param {{
   *   request: (question: Question, signal: AbortSignal) => Promise<Answer>, answered: (answer: Answer, question: Question) => void,
   *   refused: (error: any, question: Question) => void, after?: (milliseconds: number, act: () => void) => (() => void),
   * }} parts `after` calls `act` later, and returns what prevents that
   */
  constructor({ request, answered, refused, after = later }) {
    this.request = request;
    this.answered = answered;
    this.refused = refused;
    this.after = after;
    /**
     * Ends the pause or the request that is under way.
     * @type {() => void}
     */
    this.end = () => {};
  }

  /**
   * @param {Question} question
   * @param {number} [pause]
   */
  ask(question, pause = pauseMilliseconds) {
    this.stop();
    this.end = this.after(pause, () => this.#send(question));
  }

  /** Wants no answer any longer. */
  stop() {
    this.end();
    this.end = () => {};
  }

  /** @param {Question} question */
  async #send(question) {
    const abort = new AbortController();
    this.end = () => abort.abort();
    try {
      const answer = await this.request(question, abort.signal);
      if (!abort.signal.aborted) this.answered(answer, question);
    } catch (error) {
      if (abort.signal.aborted) return;
      const wait = error.status === 429 ? (error.retryAfter ?? 1000) : null;
      // The server has its hands full: the same question again, unless there is a newer one.
      if (wait === null) this.refused(error, question);
      else this.ask(question, wait);
    }
  }
}

/**
 * @param {number} milliseconds
 * @param {() => void} act
 */
function later(milliseconds, act) {
  const timer = setTimeout(act, milliseconds);
  return () => clearTimeout(timer);
}
