/** What every store promises (shared/state/store.ts), as tests; run for each kind by test/state.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Lease, Store } from "../../shared/state/store.ts";
import { findingNamed, recordOf } from "./store-findings.ts";
import type { SharedStore, StoreKind } from "./store-kinds.ts";

const T0 = Date.parse("2026-03-01T02:15:00Z");
const LEASE_MS = 30_000;
const SLACK = "channel of slack";
const UNAVAILABLE = { code: "DESTINATION_UNAVAILABLE", message: "slack answered 500" } as const;
const UNKNOWN = { code: "DESTINATION_UNKNOWN_OUTCOME", message: "the answer was lost" } as const;
const REJECTED = { code: "DESTINATION_REJECTED", message: "slack answered 400" } as const;

export function describeStore(kind: StoreKind): void {
  describe(`the ${kind.name} store`, () => {
    let shared: SharedStore;
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      shared = await kind.open();
      store = await shared.connect();
      other = await shared.connect();
    });
    afterEach(() => shared.dispose());

    const take = async (by: Store, at = T0): Promise<Lease> => {
      const lease = await by.acquireChannel(SLACK, "a worker", at, LEASE_MS);
      if (lease === undefined) throw new Error("the channel is held");
      return lease;
    };
    const stateOf = async (id: string) => (await other.intents({ about: id }))[0];

    describe("record", () => {
      test("keeps findings and their intents as they were given, for every connection to see", async () => {
        const result = await store.record(recordOf(["f1", "f2"], ["slack", "email"], T0));

        expect(result).toEqual({ fresh: ["f1", "f2"], known: [] });
        expect(await other.finding("f1")).toEqual({ schema: 1, recordedAt: T0, finding: findingNamed("f1") });
        expect((await other.intents()).map((intent) => intent.id)).toEqual([
          "f1:slack",
          "f1:email",
          "f2:slack",
          "f2:email",
        ]);
        expect(await stateOf("f1")).toEqual({
          schema: 1,
          id: "f1:slack",
          about: "f1",
          destinationId: "slack",
          channel: SLACK,
          notification: { id: "f1 to slack" },
          state: "pending",
          recordedAt: T0,
          notBefore: T0,
          aside: false,
          attempts: 0,
          unknownOutcomes: 0,
          leaseToken: 0,
          lastError: null,
          receipt: null,
        });
      });

      test("adds nothing for a message that is delivered again, even when the routes have changed since", async () => {
        await store.record(recordOf(["f1"], ["slack"], T0));

        const again = await other.record(recordOf(["f1", "f2"], ["slack", "email"], T0 + 5));

        expect(again).toEqual({ fresh: ["f2"], known: ["f1"] });
        expect((await store.intents()).map((intent) => intent.id)).toEqual(["f1:slack", "f2:slack", "f2:email"]);
      });

      test("knows a finding that comes twice in one request, and tells a destination once though it is named twice", async () => {
        const result = await store.record(recordOf(["f1", "f1"], ["slack", "slack"], T0));

        expect(result).toEqual({ fresh: ["f1"], known: ["f1"] });
        expect(await store.intents()).toHaveLength(1);
      });

      test("keeps a finding that is told to nobody", async () => {
        await store.record(recordOf(["f1"], [], T0));

        expect(await store.counts()).toMatchObject({ findings: 1, pending: 0 });
        expect(await store.dueChannels(T0)).toEqual([]);
      });

      test("keeps nothing at all when one of the findings cannot be stored", async () => {
        const request = recordOf(["f1", "f2"], ["slack"], T0);
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        const broken = { destinationId: "email", channel: "email", notification: circle };
        const findings = [...request.findings, { finding: findingNamed("f3"), intents: [broken] }];

        await expect(store.record({ ...request, findings })).rejects.toThrow();

        expect(await other.counts()).toMatchObject({ findings: 0, pending: 0 });
      });

      test("is not changed by what the caller does with its objects afterwards", async () => {
        const notification = { id: "before" };
        const intents = [{ destinationId: "slack", channel: SLACK, notification }];
        await store.record({ at: T0, findings: [{ finding: findingNamed("f1"), intents }] });

        notification.id = "after";

        expect((await stateOf("f1"))?.notification).toEqual({ id: "before" });
      });

      test("gives a finding to one of many that bring it at once", async () => {
        const results = await Promise.all(
          [store, other, store, other].map((each) => each.record(recordOf(["f1"], ["slack"], T0))),
        );

        expect(results.filter((result) => result.fresh.length === 1)).toHaveLength(1);
        expect(await store.intents()).toHaveLength(1);
      });
    });

    describe("a lease", () => {
      beforeEach(() => store.record(recordOf(["f1", "f2"], ["slack"], T0)));

      test("is given to one of many who ask at once, whatever they call themselves", async () => {
        const leases = await Promise.all(
          [store, other, store, other].map((each) => each.acquireChannel(SLACK, "the same name", T0, LEASE_MS)),
        );

        expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
      });

      test("of one channel says nothing about another", async () => {
        await take(store);

        expect(await other.acquireChannel("channel of email", "b", T0, LEASE_MS)).toBeDefined();
      });

      test("ends when it is given back, when its time is over, and not before", async () => {
        const first = await take(store);
        expect(await other.acquireChannel(SLACK, "b", T0 + LEASE_MS - 1, LEASE_MS)).toBeUndefined();
        expect(await store.releaseChannel(first)).toBe(true);
        expect(await store.releaseChannel(first)).toBe(false);

        const second = await take(other, T0 + 1);
        expect(await store.acquireChannel(SLACK, "a", second.expiresAt - 1, LEASE_MS)).toBeUndefined();
        const third = await take(store, second.expiresAt);

        expect([first.token, second.token, third.token]).toEqual([1, 2, 3]);
      });

      test("can be made longer, also late, but not when somebody else has the channel", async () => {
        const lease = await take(store);
        const longer = await store.renewChannel(lease, T0 + LEASE_MS + 5, LEASE_MS);
        expect(longer?.expiresAt).toBe(T0 + 2 * LEASE_MS + 5);
        expect(await other.acquireChannel(SLACK, "b", T0 + LEASE_MS + 6, LEASE_MS)).toBeUndefined();

        await take(other, T0 + 3 * LEASE_MS);

        expect(await store.renewChannel(lease, T0 + 3 * LEASE_MS, LEASE_MS)).toBeUndefined();
      });

      test("that has run out and was taken over writes nothing any more", async () => {
        const late = await take(store);
        await store.begin(late, "f1:slack", { at: T0, nextAt: T0 });
        const now = await take(other, late.expiresAt);
        const at = late.expiresAt;
        const before = await other.intents();

        expect(await store.begin(late, "f2:slack", { at, nextAt: at })).toBe(false);
        expect(await store.succeed(late, "f1:slack", { at, externalId: null })).toBe(false);
        expect(
          await store.postpone(late, "f1:slack", { at, notBefore: at + 1, channelNextAt: at + 1, ...UNKNOWN }),
        ).toBe(false);
        expect(await store.refuse(late, "f1:slack", { at, ...REJECTED })).toBe(false);
        expect(await store.releaseChannel(late)).toBe(false);

        expect(await other.intents()).toEqual(before);
        expect(await other.begin(now, "f1:slack", { at, nextAt: at })).toBe(true);
      });

      test("that has run out begins nothing, but may still write a receipt while nobody else has the channel", async () => {
        const lease = await take(store);
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        const at = lease.expiresAt;

        expect(await store.begin(lease, "f2:slack", { at, nextAt: at })).toBe(false);
        expect(await store.succeed(lease, "f1:slack", { at, externalId: "m1" })).toBe(true);

        expect(await stateOf("f1")).toMatchObject({ state: "told", unknownOutcomes: 0 });
      });

      test("writes to no intent of another channel", async () => {
        await store.record(recordOf(["f3"], ["email"], T0));
        const lease = await take(store);

        expect(await store.begin(lease, "f3:email", { at: T0, nextAt: T0 })).toBe(false);
        expect(await store.begin(lease, "f9:slack", { at: T0, nextAt: T0 })).toBe(false);
      });

      test.each([
        ["is taken over when it has run out", async (_lease: Lease) => {}],
        ["was given back without an outcome", async (lease: Lease) => void (await store.releaseChannel(lease))],
      ])("that %s hands over what was being sent as an unknown outcome, once", async (_how, end) => {
        const lease = await take(store);
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        await end(lease);

        const next = await take(other, lease.expiresAt);

        expect(next.recovered).toMatchObject([{ id: "f1:slack", state: "pending", attempts: 1, unknownOutcomes: 1 }]);
        expect(await stateOf("f1")).toEqual(next.recovered[0]);
        expect((await other.counts()).unknownOutcomes).toBe(1);
        await other.releaseChannel(next);
        expect((await take(other, next.expiresAt)).recovered).toEqual([]);
      });
    });

    describe("an attempt", () => {
      let lease: Lease;

      beforeEach(async () => {
        await store.record(recordOf(["f1", "f2", "f3"], ["slack"], T0));
        lease = await take(store);
      });

      test("goes from pending over sending to told, with its receipt in the ledger", async () => {
        expect(await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 + 1_000 })).toBe(true);
        expect(await stateOf("f1")).toMatchObject({ state: "sending", attempts: 1, leaseToken: lease.token });

        expect(await store.succeed(lease, "f1:slack", { at: T0 + 50, externalId: "ts-1" })).toBe(true);

        expect(await stateOf("f1")).toMatchObject({ state: "told", receipt: { externalId: "ts-1", at: T0 + 50 } });
        expect(await store.counts()).toMatchObject({ told: 1, pending: 2, sending: 0, unknownOutcomes: 0 });
      });

      test("is begun once", async () => {
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });

        expect(await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 })).toBe(false);
        expect((await stateOf("f1"))?.attempts).toBe(1);
      });

      test("may write its receipt again, when the first answer of the store was lost, and keeps the first", async () => {
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        await store.succeed(lease, "f1:slack", { at: T0, externalId: "first" });

        expect(await store.succeed(lease, "f1:slack", { at: T0 + 9, externalId: "second" })).toBe(true);
        expect((await stateOf("f1"))?.receipt).toEqual({ externalId: "first", at: T0 });
      });

      test("that failed is pending again, with the reason, and not due before its time", async () => {
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0 + 100, ...UNAVAILABLE });

        expect(await stateOf("f1")).toMatchObject({
          state: "pending",
          attempts: 1,
          unknownOutcomes: 0,
          lastError: { ...UNAVAILABLE, at: T0 },
        });
        expect((await store.due(SLACK, T0 + 99, 9)).map((intent) => intent.about)).toEqual(["f2", "f3"]);
        expect((await store.due(SLACK, T0 + 100, 9)).map((intent) => intent.about)).toEqual(["f1", "f2", "f3"]);
      });

      test("whose answer was lost is counted each time, and stays counted when it is told at last", async () => {
        for (const _ of [1, 2]) {
          await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
          await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0, ...UNKNOWN });
        }
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        await store.succeed(lease, "f1:slack", { at: T0, externalId: null });

        expect(await stateOf("f1")).toMatchObject({ state: "told", attempts: 3, unknownOutcomes: 2 });
        expect((await store.counts()).unknownOutcomes).toBe(2);
      });

      test("that was refused is over for good", async () => {
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        expect(await store.refuse(lease, "f1:slack", { at: T0, ...REJECTED })).toBe(true);

        expect(await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 })).toBe(false);
        expect(await store.succeed(lease, "f1:slack", { at: T0, externalId: null })).toBe(false);
        expect(await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0, ...UNAVAILABLE })).toBe(false);
        expect(await stateOf("f1")).toMatchObject({ state: "refused", lastError: REJECTED, receipt: null });
      });

      test("is not needed where the destination was asked and has the message", async () => {
        expect(await store.succeed(lease, "f1:slack", { at: T0, externalId: "found" })).toBe(true);

        expect(await stateOf("f1")).toMatchObject({ state: "told", attempts: 0 });
      });
    });

    describe("a channel", () => {
      beforeEach(() => store.record(recordOf(["f1", "f2"], ["slack"], T0)));

      test("keeps its rate and its pause for whoever holds it next", async () => {
        const first = await take(store);
        await store.begin(first, "f1:slack", { at: T0, nextAt: T0 + 1_000 });
        await store.succeed(first, "f1:slack", { at: T0, externalId: null });
        await store.releaseChannel(first);
        const second = await take(other);
        expect(second).toMatchObject({ nextAt: T0 + 1_000, failures: 0 });

        await other.begin(second, "f2:slack", { at: T0 + 1_000, nextAt: T0 + 2_000 });
        await other.postpone(second, "f2:slack", {
          at: T0 + 1_100,
          notBefore: T0 + 9_000,
          channelNextAt: T0 + 9_000,
          ...UNAVAILABLE,
        });
        await other.releaseChannel(second);

        expect(await take(store)).toMatchObject({ nextAt: T0 + 9_000, failures: 1 });
      });

      test("never moves its pause to an earlier time", async () => {
        const lease = await take(store);
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 + 5_000 });
        await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0, channelNextAt: T0 + 1, ...UNAVAILABLE });
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 + 2 });
        await store.releaseChannel(lease);

        expect((await take(store)).nextAt).toBe(T0 + 5_000);
      });

      test.each([
        ["a success", (lease: Lease) => store.succeed(lease, "f1:slack", { at: T0, externalId: null })],
        ["a refusal", (lease: Lease) => store.refuse(lease, "f1:slack", { at: T0, ...REJECTED })],
      ])("forgets its failures after %s", async (_what, settle) => {
        const lease = await take(store);
        const postponement = { at: T0, notBefore: T0, channelNextAt: T0, ...UNAVAILABLE };
        await store.postpone(lease, "f1:slack", postponement);
        await store.postpone(lease, "f1:slack", postponement);
        expect(await store.dueChannels(T0)).toMatchObject([{ failures: 2 }]);

        await settle(lease);

        expect(await store.dueChannels(T0)).toMatchObject([{ failures: 0 }]);
      });

      test("is not paused by a postponement that concerns one intent only", async () => {
        const lease = await take(store);
        await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0 + 50, ...UNAVAILABLE });

        expect(await store.dueChannels(T0)).toEqual([{ channel: SLACK, dueAt: T0, failures: 0 }]);
      });

      test("gives what is due in the order of recording, as much as was asked for", async () => {
        await store.record(recordOf(["a-later-one"], ["slack"], T0 - 60_000));

        expect((await other.due(SLACK, T0, 2)).map((intent) => intent.about)).toEqual(["f1", "f2"]);
        expect((await other.due(SLACK, T0, 9)).map((intent) => intent.about)).toEqual(["f1", "f2", "a-later-one"]);
        expect(await other.due("channel of nobody", T0, 9)).toEqual([]);
      });

      test("lets an intent that steps aside wait until the others have been taken, from then on", async () => {
        const lease = await take(store);
        await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0, aside: true, ...UNAVAILABLE });
        await store.postpone(lease, "f1:slack", { at: T0, notBefore: T0, ...UNAVAILABLE });

        expect((await other.due(SLACK, T0, 1)).map((intent) => intent.about)).toEqual(["f2"]);
        expect((await other.due(SLACK, T0, 9)).map((intent) => intent.about)).toEqual(["f2", "f1"]);
      });

      test("is due when its pause and the wait of an intent are over, the longest due first", async () => {
        await store.record(recordOf(["f3"], ["email"], T0 - 10));
        const lease = await take(store);
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 + 700 });
        await store.succeed(lease, "f1:slack", { at: T0, externalId: null });
        await store.releaseChannel(lease);

        expect(await other.dueChannels(T0 - 11)).toEqual([]);
        expect(await other.dueChannels(T0 + 699)).toMatchObject([{ channel: "channel of email", dueAt: T0 - 10 }]);
        expect(await other.dueChannels(T0 + 700)).toMatchObject([
          { channel: "channel of email" },
          { channel: SLACK, dueAt: T0 + 700 },
        ]);
      });

      test("with nothing but an attempt in flight is due when the lease of it ends", async () => {
        const lease = await take(store);
        await store.begin(lease, "f1:slack", { at: T0, nextAt: T0 });
        await store.begin(lease, "f2:slack", { at: T0, nextAt: T0 });

        expect(await other.dueChannels(lease.expiresAt - 1)).toEqual([]);
        expect(await other.dueChannels(lease.expiresAt)).toMatchObject([{ dueAt: lease.expiresAt }]);
      });

      test("with nothing left to tell is not due", async () => {
        const lease = await take(store);
        await store.succeed(lease, "f1:slack", { at: T0, externalId: null });
        await store.refuse(lease, "f2:slack", { at: T0, ...REJECTED });

        expect(await other.dueChannels(Number.MAX_SAFE_INTEGER)).toEqual([]);
      });
    });

    describe("a dead letter", () => {
      const letter = {
        id: "message-1",
        at: T0,
        code: "ENVELOPE_NOT_JSON",
        message: "the message is not JSON",
        place: null,
        attributes: { "logging.googleapis.com/timestamp": "2026-03-01T02:14:05Z", ключ: "значение" },
        data: new Uint8Array([0, 255, 123, 10]),
      } as const;

      test("is kept once, byte for byte, with its attributes and its reason", async () => {
        expect(await store.deadLetter(letter)).toBe(true);
        expect(await other.deadLetter({ ...letter, at: T0 + 9 })).toBe(false);
        await store.deadLetter({ ...letter, id: "message-0", data: new Uint8Array() });

        const kept = await other.deadLetters();

        expect(kept.map(({ data, ...rest }) => ({ ...rest, data: [...data] }))).toEqual([
          { schema: 1, ...letter, data: [0, 255, 123, 10] },
          { schema: 1, ...letter, id: "message-0", data: [] },
        ]);
        expect(await other.deadLetters({ limit: 1 })).toHaveLength(1);
        expect((await other.counts()).deadLetters).toBe(2);
      });
    });

    test("the ledger can be asked for what concerns one finding, one channel, one state", async () => {
      await store.record(recordOf(["f1", "f2"], ["slack", "email"], T0));
      const lease = await take(store);
      await store.succeed(lease, "f2:slack", { at: T0, externalId: null });

      const idsOf = async (filter: Parameters<Store["intents"]>[0]) =>
        (await other.intents(filter)).map((intent) => intent.id);

      expect(await idsOf({ about: "f2" })).toEqual(["f2:slack", "f2:email"]);
      expect(await idsOf({ channel: SLACK })).toEqual(["f1:slack", "f2:slack"]);
      expect(await idsOf({ state: "told" })).toEqual(["f2:slack"]);
      expect(await idsOf({ about: "f2", state: "pending", limit: 5 })).toEqual(["f2:email"]);
      expect(await idsOf({ limit: 1 })).toEqual(["f1:slack"]);
      expect(await other.finding("f9")).toBeUndefined();
    });
  });
}
