/** Processes that die or freeze between any two steps, and schedules that nobody would think of. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Store } from "../shared/state/store.ts";
import { VirtualClock } from "./support/delivery-clock.ts";
import { Fate, type FatePlan, Killed, mortalSender, mortalStore } from "./support/delivery-fate.ts";
import { type Answer, type StandIn, standIn, WORKER_TIMES, workerOn } from "./support/delivery-world.ts";
import { recordOf } from "./support/store-findings.ts";
import { type SharedStore, STORE_KINDS } from "./support/store-kinds.ts";

const MINUTE = 60_000;

/** A message comes in, is stored and told, by one process that may not live to the end. */
async function receive(
  store: Store,
  destinations: readonly StandIn[],
  ids: readonly string[],
  clock: VirtualClock,
  plan: FatePlan,
): Promise<Fate> {
  const fate = new Fate(plan, clock);
  const mortal = mortalStore(store, fate);
  const worker = workerOn(
    mortal,
    destinations.map((destination) => mortalSender(destination, fate)),
    clock,
  );
  try {
    await mortal.record(
      recordOf(
        ids,
        destinations.map(({ id }) => id),
        clock.now(),
      ),
    );
    await worker.deliver();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  return fate;
}

/** Ticks until nothing is left; an hour is enough once everything works. */
async function recover(store: Store, destinations: readonly StandIn[], clock: VirtualClock): Promise<void> {
  const worker = workerOn(store, destinations, clock);
  for (let minute = 0; minute < 60; minute++) {
    clock.advance(MINUTE);
    await clock.run(worker.deliver());
    const { pending, sending } = await store.counts();
    if (pending + sending === 0) return;
  }
}

/** Everything is told; a second copy only after an unknown outcome; nothing was sent that is not in the ledger. */
async function expectLedgerAndWorldToAgree(store: Store, destinations: readonly StandIn[], ids: readonly string[]) {
  const intents = await store.intents();
  expect(intents).toHaveLength(ids.length * destinations.length);
  for (const intent of intents) {
    const destination = destinations.find(({ id }) => id === intent.destinationId);
    const wanted = `${intent.about} to ${intent.destinationId}`;
    const copies = destination?.seen.filter(({ id }) => id === wanted).length ?? 0;
    expect(intent, wanted).toMatchObject({ state: "told" });
    expect(copies, wanted).toBeGreaterThanOrEqual(1);
    expect(copies, wanted).toBeLessThanOrEqual(1 + intent.unknownOutcomes);
  }
  const seen = destinations.flatMap((destination) => destination.seen);
  const { unknownOutcomes } = await store.counts();
  expect(seen.length).toBeLessThanOrEqual(intents.length + unknownOutcomes);
}

async function withStore<T>(kind: (typeof STORE_KINDS)[number], body: (shared: SharedStore) => Promise<T>): Promise<T> {
  const shared = await kind.open();
  try {
    return await body(shared);
  } finally {
    await shared.dispose();
  }
}

describe.each(STORE_KINDS)("on the $name store", { timeout: 60_000 }, (kind) => {
  const ids = ["f1", "f2"];

  test.each([
    ["killed", (step: number): FatePlan => ({ diesAt: step })],
    [
      "frozen for longer than its lease",
      (step: number): FatePlan => ({ freezesAt: step, freezesForMs: WORKER_TIMES.leaseMs + 1 }),
    ],
  ])("a process that is %s at any step loses nothing, and a second copy is counted", async (_how, planFor) => {
    let copies = 0;
    let step = 0;
    for (let more = true; more; ) {
      step += 1;
      more = await withStore(kind, async (shared) => {
        const clock = new VirtualClock();
        const store = await shared.connect();
        const destinations = [standIn("slack", clock, { minIntervalMs: 1_000 }), standIn("email", clock)];
        const plan = planFor(step);
        const first = receive(await shared.connect(), destinations, ids, clock, plan);
        // Who comes by meanwhile: Pub/Sub delivers the message again after its deadline, and ticks go on.
        const second = (async () => {
          await clock.sleep(WORKER_TIMES.leaseMs);
          return receive(store, destinations, ids, clock, {});
        })();
        const [fate] = await clock.run(Promise.all([first, second]));
        await recover(store, destinations, clock);

        await expectLedgerAndWorldToAgree(store, destinations, ids);
        copies += destinations.reduce((sum, { seen }) => sum + seen.length - ids.length, 0);
        return fate.met;
      });
    }
    // It did happen, or this test shows nothing.
    expect(copies).toBeGreaterThan(0);
    expect(step).toBeGreaterThan(50);
  });

  const answer = fc.constantFrom<Answer>(
    "takes it",
    "is down",
    { asksToWait: 45_000 },
    "takes it, the answer is lost",
    "loses it, and the answer",
    "hangs",
    "takes it and hangs",
    "hangs and hears no signal",
    "throws something else",
  );
  const plan = fc.record({
    diesAt: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    freezesAt: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    freezesForMs: fc.integer({ min: 1, max: 3 * WORKER_TIMES.leaseMs }),
  });
  const round = fc.record({
    processes: fc.array(plan, { minLength: 1, maxLength: 3 }),
    messages: fc.uniqueArray(fc.constantFrom("f1", "f2", "f3", "f4"), { minLength: 1 }),
    answers: fc.array(answer, { maxLength: 8 }),
    passes: fc.integer({ min: 0, max: 2 * MINUTE }),
  });

  test("any schedule of crashes, freezes and failures ends with everything told", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
        await withStore(kind, async (shared) => {
          const clock = new VirtualClock();
          const store = await shared.connect();
          const destinations = [standIn("slack", clock, { minIntervalMs: 1_000 }), standIn("email", clock)];
          const answers: Answer[] = [];
          for (const destination of destinations) destination.answer = () => answers.shift() ?? "takes it";

          for (const { processes, messages, answers: next, passes } of rounds) {
            answers.splice(0, answers.length, ...next);
            const running = processes.map(async (fate) =>
              receive(await shared.connect(), destinations, messages, clock, fate),
            );
            await clock.run(Promise.all(running));
            clock.advance(passes);
          }

          answers.splice(0);
          const all = [...new Set(rounds.flatMap(({ messages }) => messages))];
          await clock.run(receive(store, destinations, all, clock, {}));
          await recover(store, destinations, clock);
          await expectLedgerAndWorldToAgree(store, destinations, all);
        });
      }),
      { numRuns: kind.name === "memory" ? 300 : 40 },
    );
  });
});
