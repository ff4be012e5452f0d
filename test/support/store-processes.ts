/** What a store on a disk or a network promises to real processes, as tests: racing, and killed with SIGKILL. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../shared/state/store.ts";
import { runProcess } from "./processes.ts";
import { type Death, openPlace, type StoreOrders, type StorePlace } from "./store-process.ts";

const SCRIPT = fileURLToPath(new URL("store-process.ts", import.meta.url));
/** Short, so that a dead process is found out about soon. */
const SHORT_LEASE_MS = 1_000;

export function describeProcesses(name: string, placeIn: (folder: string) => StorePlace): void {
  // A loaded machine starts processes slowly.
  describe(`processes on one ${name} store`, { timeout: 60_000 }, () => {
    let folder: string;
    let place: StorePlace;
    let store: Store;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "glasswatch-store-processes-"));
      place = placeIn(folder);
      store = await openPlace(place);
    });
    afterEach(async () => {
      await store.close();
      await rm(folder, { recursive: true });
    });

    /** Resolves with the exit code, or with the signal that ended it. */
    async function run(orders: Omit<StoreOrders, "store" | "world">): Promise<number | string | null> {
      const all: StoreOrders = { store: place, world: join(folder, "world"), ...orders };
      const { code, signal, stderr } = await runProcess(process.execPath, [SCRIPT, JSON.stringify(all)]);
      if (code !== 0 && signal === null) throw new Error(stderr);
      return signal ?? code;
    }

    const seen = async () => (await readFile(join(folder, "world"), "utf8").catch(() => "")).split("\n").slice(0, -1);

    test("that change one incident at once lose nothing of each other", async () => {
      const shared = { id: "shared", version: 0, key: "k", category: "break-glass", aliases: [], dueAt: null } as const;
      await store.transact({ at: 0 }, () => ({
        incidents: [{ ...shared, state: "open", document: { count: 0 } }],
        result: null,
      }));

      const ids = Array.from({ length: 10 }, (_, index) => `${index}`);
      const ends = await Promise.all([1, 2, 3].map(() => run({ task: "count", ids })));

      expect(ends).toEqual([0, 0, 0]);
      expect(await store.incident("shared")).toMatchObject({ version: 31, document: { count: 30 } });
    });

    test("that get the same messages at once tell each of them once", async () => {
      const ids = Array.from({ length: 10 }, (_, index) => `f${index}`);

      const ends = await Promise.all([ids, ids.toReversed(), ids].map((order) => run({ task: "tell", ids: order })));

      expect(ends).toEqual([0, 0, 0]);
      expect((await seen()).toSorted()).toEqual(ids.toSorted());
      expect(await store.counts()).toMatchObject({ findings: 10, told: 10, unknownOutcomes: 0 });
    });

    test.each<[Death, { copies: number; unknown: number }]>([
      ["after record", { copies: 1, unknown: 0 }],
      ["after acquire", { copies: 1, unknown: 0 }],
      ["after begin", { copies: 1, unknown: 1 }],
      ["after sending", { copies: 2, unknown: 1 }],
      ["after receipt", { copies: 1, unknown: 0 }],
    ])("killed %s: the next one finds out, tells, and the ledger says so", async (diesAt, { copies, unknown }) => {
      const orders = { task: "tell", leaseMs: SHORT_LEASE_MS } as const;
      expect(await run({ ...orders, ids: ["f1"], diesAt })).toBe("SIGKILL");
      expect(await run({ ...orders, ids: ["f1", "f2"] })).toBe(0);

      const lines = await seen();
      expect(lines.filter((id) => id === "f1")).toHaveLength(copies);
      expect(lines.filter((id) => id === "f2")).toHaveLength(1);
      expect(await store.counts()).toMatchObject({
        findings: 2,
        told: 2,
        pending: 0,
        sending: 0,
        unknownOutcomes: unknown,
      });
    });
  });
}
