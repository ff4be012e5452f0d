import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Destination, Receipt } from "../shared/destinations/destination.ts";
import { ProcessingError } from "../shared/errors.ts";
import { askedForMs, backoffMs, LONGEST_BACKOFF_MS, LONGEST_RETRY_AFTER_MS } from "../shared/response/backoff.ts";
import { DELIVERY_EVENTS } from "../shared/response/delivery-log.ts";
import { tick } from "../shared/response/tick.ts";
import type { IntentState, Store } from "../shared/state/store.ts";
import { VirtualClock } from "./support/delivery-clock.ts";
import { type Answer, type StandIn, standIn, WORKER_TIMES, workerOn } from "./support/delivery-world.ts";
import { rulesFor } from "./support/response-rules.ts";
import { recordOf } from "./support/store-findings.ts";
import { type SharedStore, STORE_KINDS } from "./support/store-kinds.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe.each(STORE_KINDS)("delivery from the $name store", (kind) => {
  let shared: SharedStore;
  let store: Store;
  let clock: VirtualClock;
  let slack: StandIn;
  let email: StandIn;

  beforeEach(async () => {
    shared = await kind.open();
    store = await shared.connect();
    clock = new VirtualClock();
    slack = standIn("slack", clock, { minIntervalMs: SECOND });
    email = standIn("email", clock);
  });
  afterEach(() => shared.dispose());

  const record = (ids: readonly string[], destinationIds: readonly string[]) =>
    store.record(recordOf(ids, destinationIds, clock.now()));
  const deliverBy = (worker: ReturnType<typeof workerOn>) => clock.run(worker.deliver());
  const namesOf = (worker: ReturnType<typeof workerOn>) => worker.events.map(({ event }) => event);
  const intentOf = async (id: string) => (await store.intents()).find((intent) => intent.id === id);

  /** As Cloud Scheduler does it. */
  async function tickEachMinuteFor(ms: number, worker: ReturnType<typeof workerOn>): Promise<void> {
    for (const end = clock.now() + ms; clock.now() < end; clock.advance(MINUTE)) await deliverBy(worker);
  }

  describe("one message", () => {
    interface Case {
      readonly when: string;
      /** Answers in order of the calls; the last one holds from then on. */
      readonly answers: readonly Answer[];
      readonly seen: number;
      readonly unknown?: number;
      readonly ends?: IntentState;
      readonly logs: readonly string[];
    }
    const CASES: readonly Case[] = [
      { when: "its destination takes it", answers: ["takes it"], seen: 1, logs: ["delivery.told"] },
      {
        when: "its destination is down twice",
        answers: ["is down", "is down", "takes it"],
        seen: 1,
        logs: ["delivery.deferred", "delivery.deferred", "delivery.told"],
      },
      {
        when: "its destination asks to wait",
        answers: [{ asksToWait: 30 * SECOND }, "takes it"],
        seen: 1,
        logs: ["delivery.deferred", "delivery.told"],
      },
      {
        when: "its destination refuses it",
        answers: ["refuses", "takes it"],
        seen: 0,
        ends: "refused",
        logs: ["delivery.refused"],
      },
      {
        when: "it arrived and the answer was lost: a second copy, counted",
        answers: ["takes it, the answer is lost", "takes it"],
        seen: 2,
        unknown: 1,
        logs: ["delivery.unknown_outcome", "delivery.told"],
      },
      {
        when: "it was lost with the answer",
        answers: ["loses it, and the answer", "takes it"],
        seen: 1,
        unknown: 1,
        logs: ["delivery.unknown_outcome", "delivery.told"],
      },
      {
        when: "its destination hangs",
        answers: ["hangs", "hangs", "takes it"],
        seen: 1,
        unknown: 2,
        logs: ["delivery.unknown_outcome", "delivery.unknown_outcome", "delivery.told"],
      },
      {
        when: "its destination hangs, and when told to stop knows that nothing was sent",
        answers: ["hangs, and was never connected", "takes it"],
        seen: 1,
        logs: ["delivery.deferred", "delivery.told"],
      },
      {
        when: "its destination hangs after taking it",
        answers: ["takes it and hangs", "takes it"],
        seen: 2,
        unknown: 1,
        logs: ["delivery.unknown_outcome", "delivery.told"],
      },
      {
        when: "its destination never comes back to us",
        answers: ["hangs and hears no signal", "takes it"],
        seen: 1,
        unknown: 1,
        logs: ["delivery.unknown_outcome", "delivery.told"],
      },
      {
        when: "our own code fails while sending",
        answers: ["throws something else", "takes it"],
        seen: 1,
        unknown: 1,
        logs: ["delivery.unknown_outcome", "delivery.told"],
      },
    ];

    test.each(CASES)("when $when", async ({ answers, seen, unknown = 0, ends = "told", logs }) => {
      slack.answer = () => answers[Math.min(slack.calls.length, answers.length - 1)] ?? "takes it";
      const worker = workerOn(store, [slack], clock);
      await record(["f1"], ["slack"]);

      await tickEachMinuteFor(10 * MINUTE, worker);

      expect(slack.seen.map(({ id }) => id)).toEqual(Array(seen).fill("f1 to slack"));
      expect(namesOf(worker)).toEqual(logs);
      expect(await intentOf("f1:slack")).toMatchObject({ state: ends, unknownOutcomes: unknown });
      expect(await store.counts()).toMatchObject({ [ends]: 1, unknownOutcomes: unknown });
    });

    test("is told again by nobody once it is told", async () => {
      const worker = workerOn(store, [slack, email], clock);
      await record(["f1"], ["slack", "email"]);
      await tickEachMinuteFor(5 * MINUTE, worker);

      await record(["f1"], ["slack", "email"]);
      await tickEachMinuteFor(5 * MINUTE, worker);

      expect([slack.calls.length, email.calls.length]).toEqual([1, 1]);
    });
  });

  test("Slack answers 429 for six hours, longer than anything retries: told once, and never asked too early", async () => {
    const recovers = clock.now() + 6 * HOUR;
    const waits: number[] = [];
    slack.answer = () => {
      if (clock.now() >= recovers) return "takes it";
      waits.push(clock.now());
      return { asksToWait: 17 * MINUTE };
    };
    const worker = workerOn(store, [slack], clock, { random: () => 0 });
    await record(["f1", "f2"], ["slack"]);

    await tickEachMinuteFor(7 * HOUR, worker);

    expect(slack.seen.map(({ id }) => id)).toEqual(["f1 to slack", "f2 to slack"]);
    expect(waits.length).toBeGreaterThan(15);
    for (const [index, at] of waits.entries()) {
      const next = slack.calls[index + 1]?.at ?? Number.POSITIVE_INFINITY;
      expect(next - at).toBeGreaterThanOrEqual(17 * MINUTE);
    }
    expect((await store.counts()).unknownOutcomes).toBe(0);
  });

  test("a new message does not undercut the wait that another was given", async () => {
    slack.answer = () => (slack.calls.length === 0 ? { asksToWait: 10 * MINUTE } : "takes it");
    const worker = workerOn(store, [slack], clock);
    await record(["f1"], ["slack"]);
    await deliverBy(worker);

    clock.advance(10 * MINUTE - 1);
    await record(["f2"], ["slack"]);
    const early = await deliverBy(worker);
    expect(early).toMatchObject({ told: 0, left: 1 });
    expect(slack.calls).toHaveLength(1);
    expect(namesOf(worker)).toEqual(["delivery.deferred", "delivery.deferred"]);

    clock.advance(1);
    await deliverBy(worker);
    expect(slack.seen.map(({ id }) => id)).toEqual(["f1 to slack", "f2 to slack"]);
  });

  test("a destination that is down for a day is left alone more and more, and is told everything afterwards", async () => {
    const recovers = clock.now() + 24 * HOUR;
    slack.answer = () => (clock.now() < recovers ? "is down" : "takes it");
    const worker = workerOn(store, [slack], clock, { random: () => 0.999 });
    const ids = ["f1", "f2", "f3", "f4", "f5"];
    await record(ids, ["slack"]);

    await tickEachMinuteFor(25 * HOUR, worker);

    const whileDown = slack.calls.filter(({ at }) => at < recovers).length;
    // Each of the five waits five minutes in the end, and all are tried in turn.
    expect(whileDown).toBeLessThan(5 * 12 * 24 + 100);
    expect(whileDown).toBeGreaterThan(12 * 24);
    expect(slack.seen.map(({ id }) => id).toSorted()).toEqual(ids.map((id) => `${id} to slack`));
    const [last] = slack.seen.slice(-1);
    expect((last?.at ?? 0) - recovers).toBeLessThanOrEqual(LONGEST_BACKOFF_MS + MINUTE);
  });

  test.each(["is down", "hangs", "hangs and hears no signal", "refuses"] as const)(
    "a destination that %s delays only itself",
    async (answer) => {
      slack.answer = () => answer;
      await record(["f1", "f2"], ["slack", "email"]);
      const start = clock.now();

      const counts = await deliverBy(workerOn(store, [slack, email], clock));

      expect(email.seen).toEqual([
        { id: "f1 to email", at: start },
        { id: "f2 to email", at: start },
      ]);
      expect(counts.told).toBe(2);
      expect(slack.seen).toEqual([]);
    },
  );

  test("a message that its destination never takes steps aside for those behind it", async () => {
    slack.answer = (id) => (id === "f1 to slack" ? "is down" : "takes it");
    const worker = workerOn(store, [slack], clock);
    await record(["f1", "f2", "f3"], ["slack"]);

    await tickEachMinuteFor(4 * MINUTE, worker);
    expect(slack.seen.map(({ id }) => id)).toEqual(["f2 to slack", "f3 to slack"]);

    // Nor does it hold up what comes hours later.
    await tickEachMinuteFor(3 * HOUR, worker);
    await record(["f4"], ["slack"]);
    await deliverBy(worker);
    expect(slack.seen.map(({ id }) => id)).toEqual(["f2 to slack", "f3 to slack", "f4 to slack"]);

    slack.answer = () => "takes it";
    await tickEachMinuteFor(LONGEST_BACKOFF_MS + MINUTE, worker);
    expect(slack.seen.at(-1)?.id).toBe("f1 to slack");
  });

  test("short outages keep the order", async () => {
    slack.answer = () => (slack.calls.length < 2 ? "is down" : "takes it");
    const worker = workerOn(store, [slack], clock);
    await record(["f1", "f2", "f3"], ["slack"]);

    await tickEachMinuteFor(5 * MINUTE, worker);

    expect(slack.seen.map(({ id }) => id)).toEqual(["f1 to slack", "f2 to slack", "f3 to slack"]);
  });

  test("two engines at once tell once, and neither calls the other's work done or lost", async () => {
    const [one, two] = [workerOn(store, [slack], clock), workerOn(await shared.connect(), [slack], clock)];
    await record(["f1"], ["slack"]);

    const counts = await clock.run(Promise.all([one.deliver(), two.deliver()]));

    expect(slack.seen).toHaveLength(1);
    expect(counts).toContainEqual(expect.objectContaining({ told: 1, heldElsewhere: 0 }));
    expect(counts).toContainEqual(expect.objectContaining({ told: 0, heldElsewhere: 1 }));
    expect([...namesOf(one), ...namesOf(two)].toSorted()).toEqual(["delivery.held_elsewhere", "delivery.told"]);
  });

  test("what is recorded while somebody else holds the channel is told by that one", async () => {
    const worker = workerOn(store, [email], clock);
    const late = workerOn(await shared.connect(), [email], clock);
    await record(["f1"], ["email"]);
    let release = async () => {};
    const slow: Store = Object.assign(Object.create(store), {
      releaseChannel: async (lease: Parameters<Store["releaseChannel"]>[0]) => {
        await release();
        return store.releaseChannel(lease);
      },
    });
    // At the worst moment: the holder has looked, found nothing more, and has not let go yet.
    release = async () => {
      release = async () => {};
      await record(["f2"], ["email"]);
      expect(await late.deliver()).toMatchObject({ told: 0, heldElsewhere: 1 });
    };

    const counts = await clock.run(workerOn(slow, [email], clock).deliver());

    expect(counts.told).toBe(2);
    expect(email.seen.map(({ id }) => id)).toEqual(["f1 to email", "f2 to email"]);
    expect(await deliverBy(worker)).toMatchObject({ told: 0 });
  });

  test("a rate holds across engines, and for destinations that share a channel", async () => {
    const audit = standIn("audit", clock, { channel: slack.channel, minIntervalMs: SECOND });
    const store2 = await shared.connect();
    await store.record({
      at: clock.now(),
      findings: recordOf(["f1", "f2", "f3", "f4"], ["slack", "audit"], clock.now()).findings.map((each) => ({
        ...each,
        intents: each.intents.map((intent) => ({ ...intent, channel: slack.channel })),
      })),
    });
    // Small budgets: the engines take turns.
    const times = { budgetMs: 7 * SECOND };
    const engines = [workerOn(store, [slack, audit], clock, times), workerOn(store2, [slack, audit], clock, times)];

    const told: number[] = [];
    while ((await store.counts()).pending > 0) {
      for (const engine of engines) told.push((await deliverBy(engine)).told);
    }

    const moments = [...slack.seen, ...audit.seen].map(({ at }) => at).toSorted((a, b) => a - b);
    expect(moments).toHaveLength(8);
    for (const [index, at] of moments.slice(1).entries()) {
      expect(at - (moments[index] ?? 0)).toBeGreaterThanOrEqual(SECOND);
    }
    expect(told.filter((count) => count > 0).length).toBeGreaterThan(2);
  });

  test("a short wait for the rate happens inside the budget, and the budget is kept", async () => {
    await record(
      Array.from({ length: 30 }, (_, index) => `f${index}`),
      ["slack"],
    );
    const start = clock.now();

    const counts = await deliverBy(workerOn(store, [slack], clock));

    // 20 s less the longest attempt: one at once and one each second after.
    expect(counts).toMatchObject({ told: 15, left: 1 });
    expect(clock.now() - start).toBeLessThanOrEqual(WORKER_TIMES.budgetMs);
  });

  test("a long drain keeps its lease by renewing it", async () => {
    await record(
      Array.from({ length: 100 }, (_, index) => `f${index}`),
      ["slack"],
    );
    const rival = workerOn(await shared.connect(), [slack], clock);
    const rivals: number[] = [];
    const long = workerOn(store, [slack], clock, { budgetMs: 110 * SECOND });
    const watching = (async () => {
      for (let second = 0; second < 90; second += 10) {
        await clock.sleep(10 * SECOND);
        rivals.push((await rival.deliver()).told);
      }
    })();

    const [counts] = await clock.run(Promise.all([long.deliver(), watching]));

    expect(counts.told).toBe(100);
    expect(rivals.every((told) => told === 0)).toBe(true);
    expect((await store.counts()).unknownOutcomes).toBe(0);
  });

  test("only the channels that were asked for are served", async () => {
    await record(["f1"], ["slack", "email"]);

    await clock.run(workerOn(store, [slack, email], clock).deliver([email.channel]));

    expect([slack.seen.length, email.seen.length]).toEqual([0, 1]);
  });

  test("a tick serves all channels and says what it did", async () => {
    const down = standIn("down", clock, { answer: () => "is down" });
    const refuses = standIn("refuses", clock, { answer: () => "refuses" });
    const loses = standIn("loses", clock, { answer: () => "loses it, and the answer" });
    await record(["f1", "f2"], ["slack", "email", "down", "refuses", "loses"]);
    await store.acquireChannel(email.channel, "another worker", clock.now(), MINUTE);

    const counts = await clock.run(
      tick({
        store,
        destinations: [slack, email, down, refuses, loses],
        clock: clock.now,
        sleep: clock.sleep,
        random: Math.random,
        owner: "tick",
        ...WORKER_TIMES,
        log: () => {},
        rules: rulesFor([]),
        isForgettingDue: () => false,
      }),
    );

    expect(counts).toEqual({ told: 2, postponed: 1, refused: 2, unknown: 1, heldElsewhere: 1, left: 2, quieted: 0 });
  });

  test("what a crashed worker left is found when its lease ends, counted, and sent again with the same id", async () => {
    await record(["f1"], ["slack"]);
    const crashed = await store.acquireChannel(slack.channel, "crashed", clock.now(), WORKER_TIMES.leaseMs);
    if (crashed === undefined) throw new Error("held");
    await store.begin(crashed, "f1:slack", { at: clock.now(), nextAt: clock.now() });
    const worker = workerOn(store, [slack], clock);

    expect(await deliverBy(worker)).toMatchObject({ told: 0, unknown: 0, left: 1 });
    clock.advance(WORKER_TIMES.leaseMs);

    expect(await deliverBy(worker)).toMatchObject({ told: 1, unknown: 1 });
    expect(namesOf(worker)).toEqual(["delivery.deferred", "delivery.unknown_outcome", "delivery.told"]);
    expect(slack.seen.map(({ id }) => id)).toEqual(["f1 to slack"]);
  });

  describe("a destination that can be asked", () => {
    const askable = (find: () => Promise<Receipt | undefined>): Destination => Object.assign(slack, { find });

    test("is not asked before a first attempt", async () => {
      await record(["f1"], ["slack"]);
      const worker = workerOn(store, [askable(() => Promise.reject(new Error("asked")))], clock);

      expect(await deliverBy(worker)).toMatchObject({ told: 1 });
    });

    test("is told once when it has the message although the answer was lost", async () => {
      slack.answer = () => "takes it, the answer is lost";
      const worker = workerOn(store, [askable(async () => ({ externalId: "TICKET-1" }))], clock);
      await record(["f1"], ["slack"]);

      await tickEachMinuteFor(5 * MINUTE, worker);

      expect(slack.seen).toHaveLength(1);
      expect(await intentOf("f1:slack")).toMatchObject({ state: "told", receipt: { externalId: "TICKET-1" } });
      expect(worker.events.at(-1)).toMatchObject({ event: "delivery.told", how: "found" });
    });

    test("is told again when it says that the message is not there", async () => {
      slack.answer = () => (slack.calls.length === 0 ? "loses it, and the answer" : "takes it");
      await record(["f1"], ["slack"]);

      await tickEachMinuteFor(5 * MINUTE, workerOn(store, [askable(async () => undefined)], clock));

      expect([slack.calls.length, slack.seen.length]).toEqual([2, 1]);
    });

    test.each(["fails", "hangs"])("gets nothing sent while asking it %s", async (how) => {
      slack.answer = () => "takes it, the answer is lost";
      const find = () => (how === "hangs" ? new Promise<undefined>(() => {}) : Promise.reject(new Error("no answer")));
      await record(["f1"], ["slack"]);

      await tickEachMinuteFor(30 * MINUTE, workerOn(store, [askable(find)], clock));

      expect(slack.seen).toHaveLength(1);
      expect(await intentOf("f1:slack")).toMatchObject({ state: "pending", attempts: 1, unknownOutcomes: 1 });
    });
  });

  test("an intent whose destination left the settings is kept, named, and holds up nothing", async () => {
    await store.record({
      at: clock.now(),
      findings: recordOf(["f1", "f2"], ["gone", "slack"], clock.now()).findings.map((each) => ({
        ...each,
        intents: each.intents.map((intent) => ({ ...intent, channel: slack.channel })),
      })),
    });
    const worker = workerOn(store, [slack], clock);

    const counts = await deliverBy(worker);

    expect(counts).toMatchObject({ told: 2, postponed: 2 });
    expect(worker.events).toContainEqual(
      expect.objectContaining({ event: "delivery.destination_missing", severity: "ERROR", destination: "gone" }),
    );
    const back = standIn("gone", clock, { channel: slack.channel });
    await tickEachMinuteFor(10 * MINUTE, workerOn(store, [slack, back], clock));
    expect(back.seen).toHaveLength(2);
  });

  describe("a failing store", () => {
    const failing = (method: keyof Store, times: number): Store => {
      let left = times;
      const real = store[method] as (...args: unknown[]) => Promise<unknown>;
      const broken = async (...args: unknown[]) => {
        if (left-- > 0) throw new ProcessingError("STORE_UNAVAILABLE", "no disk");
        return real.apply(store, args);
      };
      return Object.assign(Object.create(store), { [method]: broken });
    };

    test("that takes the receipt at the second try makes no second copy", async () => {
      await record(["f1"], ["slack"]);

      expect(await deliverBy(workerOn(failing("succeed", 2), [slack], clock))).toMatchObject({ told: 1, unknown: 0 });

      await tickEachMinuteFor(5 * MINUTE, workerOn(store, [slack], clock));
      expect(slack.seen).toHaveLength(1);
    });

    test("that takes no receipt is an error, and the second copy is counted", async () => {
      await record(["f1"], ["slack"]);

      await expect(deliverBy(workerOn(failing("succeed", 3), [slack], clock))).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
      });

      await tickEachMinuteFor(5 * MINUTE, workerOn(store, [slack], clock));
      expect(slack.seen).toHaveLength(2);
      expect((await store.counts()).unknownOutcomes).toBe(1);
    });

    test("sends nothing when it does not take the beginning, and stops no other channel in the middle", async () => {
      await record(["f1"], ["slack", "email"]);

      await expect(deliverBy(workerOn(failing("begin", 1), [slack, email], clock))).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
      });

      expect(slack.seen.length + email.seen.length).toBe(1);
      expect(await store.counts()).toMatchObject({ told: 1, pending: 1, sending: 0, unknownOutcomes: 0 });
    });
  });

  test("no log event holds a secret, and every name is on the list", async () => {
    const worker = workerOn(store, [slack], clock);
    slack.answer = () => (slack.calls.length === 0 ? "throws something else" : "refuses");
    await record(["f1"], ["slack"]);

    await tickEachMinuteFor(5 * MINUTE, worker);

    expect(JSON.stringify([worker.events, await store.intents()])).not.toContain("SECRET");
    expect(worker.events[0]).toMatchObject({ severity: "ERROR", message: expect.stringContaining("(TypeError)") });
    for (const name of namesOf(worker)) expect(DELIVERY_EVENTS).toContain(name);
  });

  test.each([
    ["the lease", { leaseMs: 5_500 }],
    ["the budget", { budgetMs: 5_400 }],
  ])("an attempt that does not fit %s is a mistake in the wiring", async (_what, times) => {
    await expect(workerOn(store, [slack], clock, times).deliver()).rejects.toThrow(RangeError);
  });
});

describe("backoff", () => {
  test.each([
    ["the first failure", 1, 0.999, 999],
    ["the second", 2, 0.999, 1_998],
    ["the smallest jitter", 9, 0, 0],
    ["half of the jitter", 4, 0.5, 4_000],
    ["many failures", 50, 0.999, 299_700],
    ["more failures than a number can double", 5_000, 0.5, 150_000],
  ])("after %s", (_when, failures, random, expected) => {
    expect(backoffMs(failures, () => random)).toBe(expected);
  });

  test.each([
    ["no wish", undefined, undefined],
    ["a number", 1_500.2, 1_501],
    ["nothing to wait", 0, 0],
    ["a time that is over", -5, undefined],
    ["no number", Number.NaN, undefined],
    ["a year", 365 * 24 * HOUR, LONGEST_RETRY_AFTER_MS],
  ])("what a destination asks for: %s", (_what, asked, expected) => {
    expect(askedForMs(asked)).toBe(expected);
  });
});
