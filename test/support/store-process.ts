/**
 * A real process on a store that others use too, for tests with several of them:
 *
 *     node store-process.ts '{"store": {"kind": "sqlite", "path": "..."}, "task": "tell", "world": "...", "ids": ["f1"]}'
 *
 * `count` adds one to the document of the incident `shared` for each id. `tell` stores a finding with its intent for
 * each id, sends what is due (a line in the file `world` for every message that people got) and writes the receipts.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openFirestoreStore } from "../../shared/state/firestore.ts";
import { openSqliteStore } from "../../shared/state/sqlite.ts";
import type { Store } from "../../shared/state/store.ts";
import { recordOf } from "./store-findings.ts";

export type StorePlace =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "firestore"; readonly emulatorHost: string; readonly project: string };

/** Where the process kills itself with SIGKILL. */
export type Death = "after record" | "after acquire" | "after begin" | "after sending" | "after receipt";

export interface StoreOrders {
  readonly store: StorePlace;
  readonly task: "count" | "tell";
  readonly ids: readonly string[];
  readonly world?: string;
  readonly diesAt?: Death;
  readonly leaseMs?: number;
}

const CHANNEL = "channel of slack";

export function openPlace(place: StorePlace): Promise<Store> {
  return place.kind === "sqlite"
    ? openSqliteStore(place.path)
    : openFirestoreStore({ ...place, database: "(default)", collectionPrefix: "glasswatch-" });
}

async function main({ store: place, task, ids, world = "", diesAt, leaseMs = 60_000 }: StoreOrders): Promise<void> {
  const store = await openPlace(place);
  const dieHere = (where: Death) => {
    if (diesAt === where) process.kill(process.pid, "SIGKILL");
  };

  if (task === "count") {
    for (const _ of ids) await addOne(store);
  } else {
    for (const id of ids) {
      await store.record(recordOf([id], ["slack"], Date.now()));
      dieHere("after record");
    }
    for (let open = true; open; ) {
      await tellWhatIsDue();
      const { pending, sending } = await store.counts();
      open = pending + sending > 0;
      if (open) await sleep(50);
    }
  }
  await store.close();

  async function tellWhatIsDue(): Promise<void> {
    const lease = await store.acquireChannel(CHANNEL, `process ${process.pid}`, Date.now(), leaseMs);
    if (lease === undefined) return;
    dieHere("after acquire");
    for (const { id, about } of await store.due(CHANNEL, Date.now(), 100)) {
      if (!(await store.begin(lease, id, { at: Date.now(), nextAt: Date.now() }))) return;
      dieHere("after begin");
      appendFileSync(world, `${about}\n`);
      dieHere("after sending");
      await store.succeed(lease, id, { at: Date.now(), externalId: null });
      dieHere("after receipt");
    }
    await store.releaseChannel(lease);
  }
}

async function addOne(store: Store): Promise<void> {
  await store.transact({ at: Date.now(), incidentIds: ["shared"] }, ({ incidents: [found] }) => {
    if (found === undefined) throw new Error("the incident is gone");
    const { count } = found.document as { count: number };
    return { incidents: [{ ...found, document: { count: count + 1 } }], result: null };
  });
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "{}") as StoreOrders);
