/**
 * A real process that stores messages and tells them, for tests with several of them on one store file.
 *
 *     node delivery-process.ts '{"store": "...", "world": "...", "ids": ["f1"], "diesAt": "after sending"}'
 *
 * Its destination appends a line to the file `world` for every message that people got. The clock is the machine's.
 */

import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Destination } from "../../shared/destinations/destination.ts";
import { deliverDue } from "../../shared/response/deliver.ts";
import { openSqliteStore } from "../../shared/state/sqlite.ts";
import type { Store } from "../../shared/state/store.ts";
import { recordOf } from "./store-findings.ts";

/** Where the process kills itself with SIGKILL. */
export type Death = "after record" | "after begin" | "after sending" | "after receipt";

export interface ProcessOrders {
  readonly store: string;
  readonly world: string;
  readonly ids: readonly string[];
  readonly diesAt?: Death;
  readonly minIntervalMs?: number;
  readonly leaseMs: number;
  readonly attemptTimeoutMs: number;
}

export interface WorldLine {
  readonly id: string;
  readonly at: number;
  readonly pid: number;
}

const CHANNEL = "channel of slack";

async function main(orders: ProcessOrders): Promise<void> {
  const dieHere = (place: Death) => {
    if (orders.diesAt === place) process.kill(process.pid, "SIGKILL");
  };
  const store = await openSqliteStore(orders.store);
  const watched: Store = {
    ...store,
    async begin(...args) {
      const begun = await store.begin(...args);
      if (begun) dieHere("after begin");
      return begun;
    },
    async succeed(...args) {
      const written = await store.succeed(...args);
      dieHere("after receipt");
      return written;
    },
  };
  const slack: Destination = {
    id: "slack",
    kind: "slack",
    channel: CHANNEL,
    minIntervalMs: orders.minIntervalMs ?? 0,
    async deliver({ id }) {
      const line: WorldLine = { id, at: Date.now(), pid: process.pid };
      appendFileSync(orders.world, `${JSON.stringify(line)}\n`);
      dieHere("after sending");
      return { externalId: null };
    },
  };

  // One message at a time, as they come from Pub/Sub.
  for (const id of orders.ids) {
    await watched.record(recordOf([id], ["slack"], Date.now()));
    dieHere("after record");
    await deliver();
  }
  // What others hold, or a crash has left, is done by ticks.
  for (let open = true; open; ) {
    await sleep(20);
    await deliver();
    const { pending, sending } = await store.counts();
    open = pending + sending > 0;
  }
  await store.close();

  function deliver() {
    return deliverDue({
      store: watched,
      destinations: [slack],
      clock: Date.now,
      sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
      random: Math.random,
      owner: `process ${process.pid}`,
      budgetMs: 10_000,
      leaseMs: orders.leaseMs,
      attemptTimeoutMs: orders.attemptTimeoutMs,
      log: () => {},
    });
  }
}

await main(JSON.parse(process.argv[2] ?? "{}") as ProcessOrders);
