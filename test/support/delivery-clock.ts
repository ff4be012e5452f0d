/** Time for tests: it passes only while everybody sleeps, and then at once. */
export class VirtualClock {
  #now: number;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  constructor(startsAt = Date.parse("2026-03-01T02:15:00Z")) {
    this.#now = startsAt;
  }

  readonly now = (): number => this.#now;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((wake) => {
      const sleeper = { at: this.#now + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        wake();
      });
    });

  advance(ms: number): void {
    this.#now += ms;
  }

  /** Lets time pass, from one wake-up to the next, until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    // The caller gets the failure from the last line; until then it is not unhandled.
    finished.catch(() => undefined);
    for (;;) {
      // A macrotask: all that can go on without time passing has then gone on.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return finished;
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) continue;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }
}
