/** What every store promises of `transact` and of what it stores, as tests; run for each kind beside store-contract.ts. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type {
  Found,
  IncidentDraft,
  Lease,
  Lookup,
  Moment,
  Plan,
  PlannedIntent,
  SilenceDraft,
  Store,
  StoredIncident,
} from "../../shared/state/store.ts";
import { findingNamed } from "./store-findings.ts";
import type { SharedStore, StoreKind } from "./store-kinds.ts";

const T0 = Date.parse("2026-03-01T02:15:00Z");
const LEASE_MS = 30_000;
const SLACK = "channel of slack";
const CHECKOUT = { key: "cloud-run-service/example-prod/europe-west1/checkout", category: "break-glass" } as const;

const incident = (id: string, changes: Partial<IncidentDraft> = {}): IncidentDraft => ({
  id,
  version: 0,
  ...CHECKOUT,
  aliases: [],
  state: "open",
  dueAt: null,
  document: { title: id },
  ...changes,
});

const silence = (id: string, changes: Partial<SilenceDraft> = {}): SilenceDraft => ({
  id,
  version: 0,
  expiresAt: T0 + 3_600_000,
  document: { reason: "a planned change" },
  ...changes,
});

const intent = (about: string, incidentId: string, changes: Partial<PlannedIntent> = {}): PlannedIntent => ({
  about,
  incidentId,
  destinationId: "slack",
  channel: SLACK,
  notification: { says: about },
  ...changes,
});

const moment = (timestamp: string, insertId = "i"): Moment => ({
  key: "binauthz-policy/example-prod",
  timestamp,
  insertId,
});

export function describeTransactions(kind: StoreKind): void {
  describe(`a transaction of the ${kind.name} store`, () => {
    let shared: SharedStore;
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      shared = await kind.open();
      store = await shared.connect();
      other = await shared.connect();
    });
    afterEach(() => shared.dispose());

    const save = <T = null>(lookup: Partial<Lookup>, plan: Omit<Plan<T>, "result">) =>
      store.transact({ at: T0, ...lookup }, () => ({ ...plan, result: null }));
    const look = (lookup: Partial<Lookup>): Promise<Found> =>
      other.transact({ at: T0, ...lookup }, (found) => ({ result: found }));
    const idsIn = (found: Found) => found.incidents.map(({ id }) => id);
    const take = async (by: Store, at = T0): Promise<Lease> => {
      const lease = await by.acquireChannel(SLACK, "a worker", at, LEASE_MS);
      if (lease === undefined) throw new Error("the channel is held");
      return lease;
    };
    const tell = async (lease: Lease, intentId: string, externalId: string | null, at = T0) => {
      await store.begin(lease, intentId, { at, nextAt: at });
      await store.succeed(lease, intentId, { at, externalId });
    };

    test("stores a finding, its incident and what is to be told in one go, for every connection to see", async () => {
      const result = await store.transact(
        { at: T0, findingIds: ["f1"], incidentKeys: [CHECKOUT], aliases: ["operation/1"], silences: true },
        (found) => {
          expect(found).toEqual({
            knownFindings: new Set(),
            incidents: [],
            openIntents: [],
            receipts: [],
            silences: [],
            previousStates: new Map(),
          });
          return {
            findings: [{ finding: findingNamed("f1"), incidentId: "i1" }],
            incidents: [incident("i1", { aliases: ["operation/1"], dueAt: T0 + 9 })],
            intents: [intent("i1#1", "i1")],
            result: "opened",
          };
        },
      );

      expect(result).toBe("opened");
      const stored = {
        schema: 1,
        ...incident("i1", { aliases: ["operation/1"], dueAt: T0 + 9 }),
        version: 1,
        createdAt: T0,
        updatedAt: T0,
      };
      expect(await other.incident("i1")).toEqual(stored);
      const recorded = { schema: 1, recordedAt: T0, finding: findingNamed("f1"), incidentId: "i1" };
      expect(await other.finding("f1")).toEqual(recorded);
      expect(await other.findings({ incidentId: "i1" })).toEqual([recorded]);
      expect(await other.intents()).toMatchObject([
        { id: "i1#1:slack", about: "i1#1", incidentId: "i1", notBefore: T0, state: "pending" },
      ]);
      expect(await other.counts()).toMatchObject({ findings: 1, openIncidents: 1, pending: 1 });
      const found = await look({ findingIds: ["f1", "f2"], incidentKeys: [CHECKOUT] });
      expect(found).toMatchObject({ knownFindings: new Set(["f1"]), incidents: [stored] });
      expect(found.openIntents).toEqual(await other.intents());
    });

    test("that stores nothing answers all the same", async () => {
      expect(await store.transact({ at: T0 }, () => ({ result: 7 }))).toBe(7);
    });

    test("throws what its plan throws, and stores nothing", async () => {
      const mistake = new TypeError("a mistake in a plan");

      await expect(
        store.transact({ at: T0 }, () => {
          throw mistake;
        }),
      ).rejects.toBe(mistake);
    });

    test.each<[string, Partial<Lookup>, Omit<Plan<null>, "result">]>([
      ["a finding that it did not ask for", {}, { findings: [{ finding: findingNamed("f1") }] }],
      ["another version than it found", { incidentIds: ["i1"] }, { incidents: [incident("i1", { version: 2 })] }],
      ["an incident as new that is there", {}, { incidents: [incident("i1")] }],
      ["an incident that is not there", { incidentIds: ["i9"] }, { incidents: [incident("i9", { version: 1 })] }],
      [
        "one incident twice",
        { incidentIds: ["i1"] },
        { incidents: [incident("i1", { version: 1 }), incident("i1", { version: 1 })] },
      ],
      [
        "an incident to another key",
        { incidentIds: ["i1"] },
        { incidents: [incident("i1", { version: 1, key: "cloud-run-job/example-prod/europe-west1/nightly" })] },
      ],
      ["news to an intent that it did not find", {}, { amendments: [{ intentId: "i1#1:slack", notification: 1 }] }],
      ["a silence as new that is there", {}, { silences: [silence("s1")] }],
      ["a use of a silence that it did not find", {}, { usedSilences: ["s1"] }],
      ["a state of no moment", {}, { states: [{ ...moment("yesterday"), state: 1 }] }],
    ])("refuses a plan that writes %s, and keeps nothing of it", async (_what, lookup, plan) => {
      await save({}, { incidents: [incident("i1")], intents: [intent("i1#1", "i1")], silences: [silence("s1")] });

      await expect(
        store.transact({ at: T0, ...lookup }, () => ({
          ...plan,
          audit: [{ actor: "a", action: "b", subject: "c", details: null }],
          result: null,
        })),
      ).rejects.toThrow(RangeError);

      expect(await other.audit()).toEqual([]);
      expect(await other.incident("i1")).toMatchObject({ version: 1 });
      expect(await other.counts()).toMatchObject({ findings: 0, openIncidents: 1, pending: 1 });
    });

    describe("an incident", () => {
      test("is found by its id, by its key with its category, and by every alias in any category", async () => {
        await save({}, { incidents: [incident("i1", { aliases: ["operation/1", "scc/ünïcode \u0000"] })] });
        await save({}, { incidents: [incident("i2", { category: "policy-violation", aliases: ["operation/1"] })] });
        await save({}, { incidents: [incident("i3", { key: "gke-workload/p/l/c/n/Deployment/web" })] });

        expect(idsIn(await look({ incidentIds: ["i3", "i9"] }))).toEqual(["i3"]);
        expect(idsIn(await look({ incidentKeys: [CHECKOUT] }))).toEqual(["i1"]);
        expect(idsIn(await look({ incidentKeys: [{ ...CHECKOUT, category: "tracking" }] }))).toEqual([]);
        expect(idsIn(await look({ aliases: ["operation/1"] }))).toEqual(["i1", "i2"]);
        expect(idsIn(await look({ aliases: ["scc/ünïcode \u0000"] }))).toEqual(["i1"]);
        expect(idsIn(await look({ aliases: ["operation"] }))).toEqual([]);
        const all = { incidentKeys: [CHECKOUT], aliases: ["operation/1"], incidentIds: ["i3", "i1"] };
        expect(idsIn(await look(all))).toEqual(["i1", "i2", "i3"]);
      });

      test("keeps when it was made and counts its versions", async () => {
        await save({}, { incidents: [incident("i1")] });
        await save(
          { at: T0 + 5, incidentIds: ["i1"] },
          { incidents: [incident("i1", { version: 1, document: "new" })] },
        );

        expect(await other.incident("i1")).toMatchObject({
          version: 2,
          createdAt: T0,
          updatedAt: T0 + 5,
          document: "new",
        });
      });

      test("is found by the aliases that it has now, and no longer by those that it had", async () => {
        await save({}, { incidents: [incident("i1", { aliases: ["a", "b"] })] });
        await save({ incidentIds: ["i1"] }, { incidents: [incident("i1", { version: 1, aliases: ["b", "c"] })] });

        expect(idsIn(await look({ aliases: ["a"] }))).toEqual([]);
        expect(idsIn(await look({ aliases: ["b"] }))).toEqual(["i1"]);
        expect(idsIn(await look({ aliases: ["c"] }))).toEqual(["i1"]);
      });

      test("that is over is shown while few came after it; one that was opened again, always", async () => {
        for (const id of ["i1", "i2", "i3", "i4", "i5"]) {
          await save({}, { incidents: [incident(id, { aliases: ["a"] })] });
          await save(
            { incidentIds: [id] },
            { incidents: [incident(id, { version: 1, aliases: ["a"], state: "resolved" })] },
          );
        }
        expect(idsIn(await look({ incidentKeys: [CHECKOUT] }))).toEqual(["i3", "i4", "i5"]);
        expect(idsIn(await look({ aliases: ["a"] }))).toEqual(["i3", "i4", "i5"]);

        await save({ incidentIds: ["i1"] }, { incidents: [incident("i1", { version: 2, aliases: ["a"] })] });
        await save({ incidentIds: ["i4"] }, { incidents: [incident("i4", { version: 2, aliases: ["a"] })] });

        expect(idsIn(await look({ incidentKeys: [CHECKOUT] }))).toEqual(["i1", "i2", "i3", "i4", "i5"]);
        expect(idsIn(await look({ aliases: ["a"] }))).toEqual(["i1", "i2", "i3", "i4", "i5"]);
        expect((await other.counts()).openIncidents).toBe(2);
      });

      test("is listed by its state, by what is due, and the last that changed first", async () => {
        await save({ at: T0 }, { incidents: [incident("i1", { dueAt: T0 + 50 })] });
        await save({ at: T0 + 1 }, { incidents: [incident("i2", { state: "resolved", dueAt: T0 + 20 })] });
        await save({ at: T0 + 2 }, { incidents: [incident("i3", { dueAt: T0 + 10 }), incident("i4")] });
        await save(
          { at: T0 + 3, incidentIds: ["i1"] },
          { incidents: [incident("i1", { version: 1, dueAt: T0 + 50 })] },
        );
        const list = async (filter: Parameters<Store["incidents"]>[0]) =>
          (await other.incidents(filter)).map(({ id }) => id);

        expect(await list({})).toEqual(["i1", "i4", "i3", "i2"]);
        expect(await list({ limit: 2 })).toEqual(["i1", "i4"]);
        expect(await list({ state: "open" })).toEqual(["i1", "i4", "i3"]);
        expect(await list({ state: "resolved" })).toEqual(["i2"]);
        expect(await list({ dueBy: T0 + 9 })).toEqual([]);
        expect(await list({ dueBy: T0 + 50 })).toEqual(["i3", "i2", "i1"]);
        expect(await list({ dueBy: T0 + 50, state: "open", limit: 1 })).toEqual(["i3"]);
      });

      test("has its findings in the order in which they were recorded", async () => {
        const add = (id: string, at: number) =>
          save({ at, findingIds: [id] }, { findings: [{ finding: findingNamed(id), incidentId: "i1" }] });
        await add("late", T0 + 2);
        await add("b", T0);
        await add("a", T0);
        await save({ findingIds: ["else"] }, { findings: [{ finding: findingNamed("else"), incidentId: "i10" }] });

        const ids = async (limit?: number) =>
          (await other.findings({ incidentId: "i1", ...(limit === undefined ? {} : { limit }) })).map(
            ({ finding }) => finding.id,
          );
        expect(await ids()).toEqual(["a", "b", "late"]);
        expect(await ids(1)).toEqual(["a"]);
        expect(await other.findings()).toHaveLength(4);
      });
    });

    describe("what is told of an incident", () => {
      beforeEach(() => save({}, { incidents: [incident("i1"), incident("i2")] }));

      test("is shown while it is open, in the order of recording", async () => {
        await save({}, { intents: [intent("i1#1", "i1"), intent("i1#1", "i1", { destinationId: "email" })] });
        await save({}, { intents: [intent("i2#1", "i2"), intent("i1#2", "i1"), intent("i1#3", "i1")] });
        const lease = await take(store);
        await tell(lease, "i1#1:slack", "m1");
        await store.refuse(lease, "i1#2:slack", { at: T0, code: "DESTINATION_REJECTED", message: "answered 400" });
        await store.begin(lease, "i1#3:slack", { at: T0, nextAt: T0 });

        const { openIntents } = await look({ incidentIds: ["i1"] });

        expect(openIntents.map(({ id, state }) => [id, state])).toEqual([
          ["i1#1:email", "pending"],
          ["i1#3:slack", "sending"],
        ]);
      });

      test("waits until its time has come", async () => {
        await save({}, { intents: [intent("i1#1", "i1", { notBefore: T0 + 30_000 })] });

        expect(await other.due(SLACK, T0 + 29_999, 9)).toEqual([]);
        expect(await other.dueChannels(T0 + 30_000)).toMatchObject([{ channel: SLACK, dueAt: T0 + 30_000 }]);
        expect(await other.due(SLACK, T0 + 30_000, 9)).toMatchObject([{ recordedAt: T0, notBefore: T0 + 30_000 }]);
      });

      test("can get news while nobody can have seen it, and keeps its place", async () => {
        await save({}, { intents: [intent("i1#1", "i1"), intent("i2#1", "i2")] });
        const amend = (notification: unknown, notBefore?: number) =>
          save(
            { incidentIds: ["i1"] },
            {
              amendments: [{ intentId: "i1#1:slack", notification, ...(notBefore === undefined ? {} : { notBefore }) }],
            },
          );
        await amend({ says: "two pods" }, T0 + 10);
        await amend({ says: "three pods" });

        expect(await other.intents({ about: "i1#1" })).toMatchObject([
          { notification: { says: "three pods" }, notBefore: T0 + 10, recordedAt: T0, attempts: 0 },
        ]);
        expect((await other.due(SLACK, T0 + 10, 9)).map(({ about }) => about)).toEqual(["i1#1", "i2#1"]);

        const lease = await take(store, T0 + 10);
        await store.begin(lease, "i1#1:slack", { at: T0 + 10, nextAt: T0 });
        await expect(amend("too late")).rejects.toThrow(RangeError);
        await store.postpone(lease, "i1#1:slack", {
          at: T0 + 11,
          notBefore: T0 + 11,
          code: "DESTINATION_UNKNOWN_OUTCOME",
          message: "the answer was lost",
        });
        await expect(amend("perhaps too late")).rejects.toThrow(RangeError);
        expect((await other.intents({ about: "i1#1" }))[0]?.notification).toEqual({ says: "three pods" });
      });

      test("is told once, though it is planned again", async () => {
        await save(
          {},
          { intents: [intent("i1#1", "i1"), intent("i1#1", "i1", { notification: "twice in one plan" })] },
        );
        await save({}, { intents: [intent("i1#1", "i1", { notification: "again" }), intent("i1#2", "i1")] });

        expect((await other.intents()).map(({ notification }) => notification)).toEqual([
          { says: "i1#1" },
          { says: "i1#2" },
        ]);
      });

      test("leaves a receipt of the incident for each destination: the first, the last, and how many", async () => {
        const planned = ["i1#1", "i1#2", "i1#3"].map((about) => intent(about, "i1"));
        await save({}, { intents: [...planned, intent("i2#1", "i2"), intent("alone", "i3")] });
        expect(await other.receipts("i1", "slack")).toBeUndefined();
        const lease = await take(store);
        await tell(lease, "i1#1:slack", "m1", T0 + 1);
        await tell(lease, "i1#2:slack", null, T0 + 2);
        await tell(lease, "i1#3:slack", "m3", T0 + 3);
        await store.succeed(lease, "i1#3:slack", { at: T0 + 9, externalId: "repeated" });
        await tell(lease, "alone:slack", "m9", T0 + 4);

        const receipts = {
          schema: 1,
          incidentId: "i1",
          destinationId: "slack",
          first: { externalId: "m1", at: T0 + 1 },
          last: { externalId: "m3", at: T0 + 3 },
          count: 3,
        };
        expect(await other.receipts("i1", "slack")).toEqual(receipts);
        expect(await other.receipts("i1", "email")).toBeUndefined();
        expect(await other.receipts("i3", "slack")).toMatchObject({ count: 1 });
        expect((await look({ incidentIds: ["i1", "i2"] })).receipts).toEqual([receipts]);
      });
    });

    describe("a silence", () => {
      test("is found while it is in force, by its id even after that, and listed", async () => {
        await save(
          {},
          { silences: [silence("s1", { expiresAt: T0 + 1 }), silence("s2"), silence("s3", { expiresAt: T0 })] },
        );
        const idsAt = async (lookup: Partial<Lookup>) => (await look(lookup)).silences.map(({ id }) => id);

        expect(await idsAt({})).toEqual([]);
        expect(await idsAt({ silences: true })).toEqual(["s1", "s2"]);
        expect(await idsAt({ silences: true, at: T0 + 1 })).toEqual(["s2"]);
        expect(await idsAt({ silenceIds: ["s3", "s2", "s9"] })).toEqual(["s3", "s2"]);
        expect((await other.silences({ inForceAt: T0 })).map(({ id }) => id)).toEqual(["s2", "s1"]);
        expect((await other.silences({ limit: 1 })).map(({ id }) => id)).toEqual(["s2"]);
        expect(await other.silences()).toHaveLength(3);
      });

      test("counts its uses from everywhere at once, and stays as it is otherwise", async () => {
        await save({}, { silences: [silence("s1")] });
        await Promise.all(
          [store, other, store, other].map((each, index) =>
            each.transact({ at: T0 + index, silences: true }, ({ silences }) => ({
              usedSilences: [...silences, ...silences].map(({ id }) => id),
              result: null,
            })),
          ),
        );

        expect(await other.silences()).toEqual([
          {
            schema: 1,
            ...silence("s1"),
            version: 1,
            createdAt: T0,
            updatedAt: T0,
            uses: 8,
            lastUsedAt: T0 + 3,
          },
        ]);
      });

      test("is ended by a change, with a record of who did it; its uses stay", async () => {
        await save({}, { silences: [silence("s1")] });
        await save({ silenceIds: ["s1"] }, { usedSilences: ["s1"] });

        await save(
          { at: T0 + 5, silenceIds: ["s1"] },
          {
            silences: [silence("s1", { version: 1, expiresAt: T0 + 5 })],
            usedSilences: ["s1"],
            audit: [{ actor: "alice@example.com", action: "silence.expire", subject: "s1", details: { why: "done" } }],
          },
        );

        expect(await other.silences()).toMatchObject([
          { version: 2, expiresAt: T0 + 5, createdAt: T0, updatedAt: T0 + 5, uses: 2, lastUsedAt: T0 + 5 },
        ]);
        expect((await look({ at: T0 + 5, silences: true })).silences).toEqual([]);
        expect(await other.audit({ subject: "s1" })).toEqual([
          {
            schema: 1,
            at: T0 + 5,
            actor: "alice@example.com",
            action: "silence.expire",
            subject: "s1",
            details: { why: "done" },
          },
        ]);
      });
    });

    test("what people did by hand is listed, the latest first", async () => {
      for (const subject of ["s1", "s2", "s1"]) {
        await save({}, { audit: [1, 2].map((n) => ({ actor: "alice", action: "x", subject, details: n })) });
      }
      const list = async (filter: Parameters<Store["audit"]>[0]) =>
        (await other.audit(filter)).map(({ subject, details }) => `${subject}/${String(details)}`);

      expect(await list({})).toEqual(["s1/2", "s1/1", "s2/2", "s2/1", "s1/2", "s1/1"]);
      expect(await list({ subject: "s1", limit: 3 })).toEqual(["s1/2", "s1/1", "s1/2"]);
    });

    describe("a previous state", () => {
      const before = async (timestamp: string, insertId?: string) =>
        (await other.previousState(moment(timestamp, insertId)))?.state;

      beforeEach(async () => {
        for (const [timestamp, insertId] of [
          ["2026-03-01T02:00:00.5Z", "b"],
          // They come in any order.
          ["2026-03-01T01:00:00Z", "a"],
          ["2026-03-01T02:00:00.500000001Z", "a"],
          ["2026-03-01T02:00:00.500Z", "a"],
        ] as const) {
          await save({}, { states: [{ ...moment(timestamp, insertId), state: `${timestamp} ${insertId}` }] });
        }
      });

      test("is the newest that is strictly earlier, to the nanosecond, insertIds deciding between equals", async () => {
        expect(await before("2026-03-01T01:00:00Z", "a")).toBeUndefined();
        expect(await before("2026-03-01T01:00:00.000000001Z")).toBe("2026-03-01T01:00:00Z a");
        expect(await before("2026-03-01T02:00:00.5Z", "a")).toBe("2026-03-01T01:00:00Z a");
        expect(await before("2026-03-01T02:00:00.50Z", "b")).toBe("2026-03-01T02:00:00.500Z a");
        expect(await before("2026-03-01T02:00:00.500000001Z", "a")).toBe("2026-03-01T02:00:00.5Z b");
        expect(await before("2026-03-01T03:00:01+01:00")).toBe("2026-03-01T02:00:00.500000001Z a");
        expect(await other.previousState({ ...moment("2027-01-01T00:00:00Z"), key: "else" })).toBeUndefined();
      });

      test("is found by plans, with the moment that it is of, and does not change when it comes again", async () => {
        await save({}, { states: [{ ...moment("2026-03-01T02:00:00.5000Z", "b"), state: "another" }] });
        const asked = moment("2026-03-01T02:00:00.500000001Z", "a");

        const { previousStates } = await look({ previousStates: [asked, { ...asked, key: "else" }] });

        expect([...previousStates]).toEqual([
          [asked.key, { ...moment("2026-03-01T02:00:00.5Z", "b"), state: "2026-03-01T02:00:00.5Z b" }],
        ]);
        await expect(look({ previousStates: [asked, asked] })).rejects.toThrow(RangeError);
        await expect(other.previousState(moment("now"))).rejects.toThrow(RangeError);
      });
    });

    describe("among many", () => {
      const countIn = ({ document }: StoredIncident) => (document as { count: number }).count;

      test("loses nothing of what others change in the same incident at once", async () => {
        await save({}, { incidents: [incident("i1", { document: { count: 0 } })] });
        let plans = 0;

        await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            (index % 2 === 0 ? store : other).transact({ at: T0, incidentIds: ["i1"] }, ({ incidents: [found] }) => {
              plans += 1;
              if (found === undefined) throw new Error("the incident is gone");
              return { incidents: [{ ...found, document: { count: countIn(found) + 1 } }], result: null };
            }),
          ),
        );

        expect(await other.incident("i1")).toMatchObject({ version: 13, document: { count: 12 } });
        expect(plans).toBeGreaterThanOrEqual(12);
      });

      test("makes one incident of what comes at once by key or by alias, and tells of it once", async () => {
        const results = await Promise.all(
          Array.from({ length: 8 }, (_, index) => {
            const id = `f${index}`;
            // Half of them know the key only, half the alias too.
            const aliases = index < 4 ? ["operation/1"] : [];
            return (index % 2 === 0 ? store : other).transact(
              { at: T0, findingIds: [id], incidentKeys: [CHECKOUT], aliases },
              ({ incidents: [found] }): Plan<string> => ({
                findings: [{ finding: findingNamed(id), incidentId: found?.id ?? id }],
                incidents: [
                  found === undefined
                    ? incident(id, { aliases, document: { count: 1 } })
                    : {
                        ...found,
                        aliases: [...found.aliases, ...aliases],
                        document: { count: countIn(found) + 1 },
                      },
                ],
                intents: found === undefined ? [intent(`${id}#opened`, id)] : [],
                result: found?.id ?? id,
              }),
            );
          }),
        );

        expect(new Set(results).size).toBe(1);
        const [only, ...more] = await other.incidents();
        expect(more).toEqual([]);
        expect(only).toMatchObject({ id: results[0], version: 8, document: { count: 8 }, aliases: ["operation/1"] });
        expect(await other.findings({ incidentId: results[0] ?? "" })).toHaveLength(8);
        expect(await other.intents()).toHaveLength(1);
        expect(idsIn(await look({ aliases: ["operation/1"] }))).toEqual([results[0]]);
      });

      test("compares every version of a resource with the one before it, whoever brings them at once", async () => {
        const times = ["01", "02", "03", "04", "05"].map((minute) => moment(`2026-03-01T02:${minute}:00Z`));

        const compared = await Promise.all(
          times.map((at, index) =>
            (index % 2 === 0 ? store : other).transact({ at: T0, previousStates: [at] }, ({ previousStates }) => ({
              states: [{ ...at, state: index }],
              result: previousStates.get(at.key)?.state ?? null,
            })),
          ),
        );

        // One order of them all explains what each of them saw: the first saw nothing.
        expect(compared.filter((state) => state === null).length).toBeGreaterThanOrEqual(1);
        expect(await other.previousState(moment("2026-03-01T03:00:00Z"))).toMatchObject({ state: 4 });
        for (const [index, at] of times.entries()) {
          expect((await other.previousState(at))?.state).toBe(index === 0 ? undefined : index - 1);
        }
      });

      test("lets an intent be begun or amended, never both without knowing", async () => {
        await save({}, { incidents: [incident("i1")], intents: [intent("i1#1", "i1", { notification: "old" })] });
        const lease = await take(store);

        const [isBegun, isAmended] = await Promise.all([
          store.begin(lease, "i1#1:slack", { at: T0, nextAt: T0 }),
          other.transact({ at: T0, incidentIds: ["i1"] }, ({ openIntents: [open] }) => {
            const isPending = open?.state === "pending";
            return {
              amendments: isPending ? [{ intentId: open.id, notification: "new" }] : [],
              result: isPending,
            };
          }),
        ]);

        expect(isBegun).toBe(true);
        expect(await other.intents()).toMatchObject([
          { state: "sending", notification: isAmended ? "new" : "old", attempts: 1 },
        ]);
      });
    });

    test("keeps what is large whole, and forgets the parts of it that have changed", async () => {
      const large = (letter: string) => ({ text: `${letter}ä\ud83d\ude00`.repeat(160_000) });
      const finding = { ...findingNamed("f1"), justification: "x".repeat(1_048_576) };
      await save(
        { findingIds: ["f1"] },
        {
          findings: [{ finding, incidentId: "i1" }],
          incidents: [incident("i1", { document: large("a") })],
          intents: [intent("i1#1", "i1", { notification: large("b") })],
        },
      );
      await save({ incidentIds: ["i1"] }, { incidents: [incident("i1", { version: 1, document: large("c") })] });
      await tell(await take(store), "i1#1:slack", "m1");
      const data = new Uint8Array(2_000_000).map((_, index) => index % 251);
      await store.deadLetter({
        id: "large",
        at: T0,
        code: "ENVELOPE_TOO_LARGE",
        message: "too large",
        place: null,
        attributes: {},
        data,
      });

      expect((await other.finding("f1"))?.finding).toEqual(finding);
      expect((await other.incident("i1"))?.document).toEqual(large("c"));
      expect(await other.intents()).toMatchObject([{ state: "told", notification: large("b") }]);
      expect(Buffer.from((await other.deadLetters())[0]?.data ?? []).equals(Buffer.from(data))).toBe(true);

      await save({ incidentIds: ["i1"] }, { incidents: [incident("i1", { version: 2, document: "small" })] });
      expect((await look({ incidentIds: ["i1"] })).incidents).toMatchObject([{ document: "small" }]);
    });

    test("keeps the order of a long backlog", async () => {
      const about = Array.from({ length: 310 }, (_, index) => `n${String(309 - index).padStart(3, "0")}`);
      await save({}, { intents: about.map((id) => intent(id, "i1")) });
      await save({}, { intents: [intent("later", "i1")] });
      const lease = await take(store);
      for (const [id, notBefore, aside] of [[about[0], T0 + 9, false] as const, [about[1], T0, true] as const]) {
        const because = { code: "DESTINATION_UNAVAILABLE", message: "answered 500" } as const;
        await store.postpone(lease, `${id}:slack`, { at: T0, notBefore, aside, ...because });
      }

      const due = async (limit: number) => (await other.due(SLACK, T0, limit)).map((each) => each.about);
      expect(await due(2)).toEqual([about[2], about[3]]);
      expect(await due(999)).toEqual([...about.slice(2), "later", about[1]]);
      expect((await other.intents({ channel: SLACK })).map((each) => each.about)).toEqual([...about, "later"]);
      expect(await other.intents({ state: "pending", limit: 305 })).toHaveLength(305);
      expect(await other.dueChannels(T0)).toMatchObject([{ channel: SLACK, dueAt: T0 }]);
    });

    test("what is not over is never forgotten", async () => {
      await save(
        { findingIds: ["f1"] },
        {
          findings: [{ finding: findingNamed("f1"), incidentId: "i1" }],
          incidents: [incident("i1")],
          intents: [intent("i1#1", "i1")],
          states: [{ ...moment("2026-03-01T01:00:00Z"), state: "the newest" }],
          silences: [silence("s1", { expiresAt: T0 + 4_000 * 86_400_000 })],
        },
      );

      await store.forget(T0 + 3_000 * 86_400_000);

      expect(await other.incident("i1")).toBeDefined();
      expect(await other.intents()).toHaveLength(1);
      expect(await other.silences()).toHaveLength(1);
      expect(await other.previousState(moment("2026-03-01T02:00:00Z"))).toMatchObject({ state: "the newest" });
    });
  });
}
