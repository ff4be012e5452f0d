import { describe, expect, test } from "vitest";
import { KEPT_MS, type Store } from "../shared/state/store.ts";
import { describeStore } from "./support/store-contract.ts";
import { findingNamed, recordOf } from "./support/store-findings.ts";
import { STORE_KINDS } from "./support/store-kinds.ts";
import { describeTransactions } from "./support/store-transactions.ts";

for (const kind of STORE_KINDS) {
  describeStore(kind);
  describeTransactions(kind);
}

const T0 = Date.parse("2026-03-01T02:15:00Z");

/** One of everything that ends, ended at `at`, and the incident and state that it belongs to. */
async function liveOn(store: Store, at: number): Promise<void> {
  const incident = { id: "i1", key: "k", category: "tracking", aliases: ["a"], dueAt: null, document: null } as const;
  const told = { about: "i1#1", incidentId: "i1", destinationId: "slack", channel: "slack", notification: null };
  const [before, after] = ["2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z"].map((timestamp) => [
    { key: "policy", timestamp, insertId: "i", state: timestamp },
  ]);
  await store.transact({ at, findingIds: ["f1"] }, () => ({
    findings: [{ finding: findingNamed("f1"), incidentId: "i1" }],
    incidents: [{ ...incident, version: 0, state: "resolved" }],
    intents: [told],
    silences: [{ id: "s1", version: 0, expiresAt: at, document: null }],
    states: before ?? [],
    audit: [{ actor: "a", action: "b", subject: "c", details: null }],
    result: null,
  }));
  await store.transact({ at }, () => ({ states: after ?? [], result: null }));
  const lease = await store.acquireChannel("slack", "a", at, 1_000);
  if (lease !== undefined) await store.succeed(lease, "i1#1:slack", { at, externalId: "m1" });
  const letter = { id: "l1", code: "ENVELOPE_EMPTY", message: "", place: null, attributes: {} } as const;
  await store.deadLetter({ ...letter, at, data: new Uint8Array() });
}

describe.each(STORE_KINDS)("the $name store", (kind) => {
  test("forgets what has been over for long, and nothing before that", async () => {
    const shared = await kind.open();
    const store = await shared.connect();
    await liveOn(store, T0);
    await store.record(recordOf(["later"], ["slack"], T0 + 1));

    expect(await store.forget(T0 + KEPT_MS)).toBe(0);
    expect(await store.forget(T0 + KEPT_MS + 1)).toBe(8);

    expect(await store.counts()).toMatchObject({ findings: 1, told: 0, pending: 1, deadLetters: 0 });
    const found = await store.transact({ at: T0, incidentIds: ["i1"], aliases: ["a"] }, (all) => ({ result: all }));
    expect(found).toMatchObject({ incidents: [], receipts: [] });
    expect(await store.receipts("i1", "slack")).toBeUndefined();
    expect([await store.silences(), await store.audit()]).toEqual([[], []]);
    const asked = { key: "policy", timestamp: "2027-01-01T00:00:00Z", insertId: "" };
    expect((await store.previousState(asked))?.state).toBe("2026-03-01T02:00:00Z");
    expect(await store.previousState({ ...asked, timestamp: "2026-03-01T02:00:00Z" })).toBeUndefined();
    await shared.dispose();
  });
});
