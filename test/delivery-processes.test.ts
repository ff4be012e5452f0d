/** Real processes on one SQLite file: racing, and killed with SIGKILL. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../shared/state/sqlite.ts";
import type { Death, ProcessOrders, WorldLine } from "./support/delivery-process.ts";

const SCRIPT = fileURLToPath(new URL("support/delivery-process.ts", import.meta.url));
/** Short, so that a dead process is found out about soon. */
const TIMES = { leaseMs: 800, attemptTimeoutMs: 250 };
/** Long, so that a slow machine ends no lease. */
const PATIENT = { leaseMs: 60_000, attemptTimeoutMs: 5_000 };

// A loaded machine starts processes slowly.
describe("processes that share a store file", { timeout: 60_000 }, () => {
  let folder: string;
  const place = () => ({ store: join(folder, "state.db"), world: join(folder, "world.ndjson") });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "glasswatch-processes-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Resolves with the exit code, or with the signal that ended it. */
  function run(orders: Omit<ProcessOrders, "store" | "world">): Promise<number | string | null> {
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify({ ...place(), ...orders })], { stdio: "inherit" });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(signal ?? code));
    });
  }

  async function seen(): Promise<WorldLine[]> {
    const text = await readFile(place().world, "utf8").catch(() => "");
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as WorldLine]));
  }

  async function ledger() {
    const store = await openSqliteStore(place().store);
    try {
      return { counts: await store.counts(), intents: await store.intents() };
    } finally {
      await store.close();
    }
  }

  test("that get the same forty messages at once tell each of them once", async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `f${index}`);

    const ends = await Promise.all(
      [ids, ids.toReversed(), ids, ids.toReversed()].map((order) => run({ ids: order, ...PATIENT })),
    );

    expect(ends).toEqual([0, 0, 0, 0]);
    expect((await seen()).map(({ id }) => id).toSorted()).toEqual(ids.map((id) => `${id} to slack`).toSorted());
    expect((await ledger()).counts).toMatchObject({ findings: 40, told: 40, pending: 0, unknownOutcomes: 0 });
  });

  test("keep one rate between them", async () => {
    const minIntervalMs = 60;

    const ends = await Promise.all([
      run({ ids: ["a1", "a2", "a3", "a4", "a5", "a6"], minIntervalMs, ...PATIENT }),
      run({ ids: ["b1", "b2", "b3", "b4", "b5", "b6"], minIntervalMs, ...PATIENT }),
    ]);

    expect(ends).toEqual([0, 0]);
    const lines = await seen();
    expect(lines).toHaveLength(12);
    const span = (lines.at(-1)?.at ?? 0) - (lines[0]?.at ?? 0);
    // The rate counts from the permission to send; the first and the last may be some milliseconds after theirs.
    expect(span).toBeGreaterThan(11 * minIntervalMs - minIntervalMs);
  });

  test.each<[Death, { copies: number; unknown: number }]>([
    ["after record", { copies: 1, unknown: 0 }],
    ["after begin", { copies: 1, unknown: 1 }],
    ["after sending", { copies: 2, unknown: 1 }],
    ["after receipt", { copies: 1, unknown: 0 }],
  ])("killed %s: the next one finds out, tells, and the ledger says so", async (diesAt, { copies, unknown }) => {
    expect(await run({ ids: ["f1"], diesAt, ...TIMES })).toBe("SIGKILL");
    // Pub/Sub got no acknowledgement, so the message comes again, with one behind it.
    expect(await run({ ids: ["f1", "f2"], ...TIMES })).toBe(0);

    const count = async (id: string) => (await seen()).filter((line) => line.id === `${id} to slack`).length;
    expect([await count("f1"), await count("f2")]).toEqual([copies, 1]);
    const { counts, intents } = await ledger();
    expect(counts).toMatchObject({ told: 2, pending: 0, sending: 0, unknownOutcomes: unknown });
    expect(intents[0]).toMatchObject({ about: "f1", unknownOutcomes: unknown, attempts: 1 + unknown });
  });
});
