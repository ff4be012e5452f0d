import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProcessingError } from "../shared/errors.ts";
import { openSqliteStore } from "../shared/state/sqlite.ts";
import { findingNamed, recordOf } from "./support/store-findings.ts";
import { describeProcesses } from "./support/store-processes.ts";

const T0 = Date.parse("2026-03-01T02:15:00Z");

describe("a SQLite store file", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "glasswatch-sqlite-"));
    path = join(folder, "state.db");
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** What another program does to the file. */
  function edit(...statements: readonly string[]): void {
    const database = new DatabaseSync(path);
    for (const statement of statements) database.exec(statement);
    database.close();
  }

  test("keeps everything when it is closed and opened again", async () => {
    const store = await openSqliteStore(path);
    await store.record(recordOf(["f1"], ["slack"], T0));
    const lease = await store.acquireChannel("channel of slack", "a", T0, 1_000);
    await store.close();

    const again = await openSqliteStore(path);
    expect(await again.counts()).toMatchObject({ findings: 1, pending: 1 });
    expect(await again.acquireChannel("channel of slack", "b", T0, 1_000)).toBeUndefined();
    expect(lease && (await again.releaseChannel(lease))).toBe(true);
    await again.close();
  });

  test("is made with its folder, as the default of the settings needs", async () => {
    const store = await openSqliteStore(join(folder, ".glasswatch", "state.db"));
    expect(await store.counts()).toMatchObject({ findings: 0 });
    await store.close();
  });

  test("of the first version can still be read, and its work goes on", async () => {
    edit(await readFile(new URL("support/store-of-schema-1.sql", import.meta.url), "utf8"));
    const store = await openSqliteStore(path);

    expect((await store.finding("told"))?.finding).toEqual(findingNamed("told"));
    expect((await store.intents()).map(({ about, state, attempts }) => [about, state, attempts])).toEqual([
      ["told", "told", 1],
      ["refused", "refused", 1],
      ["pending", "pending", 1],
      ["sending", "sending", 1],
    ]);
    expect((await store.intents({ about: "told" }))[0]?.receipt?.externalId).toBe("1772331302.000100");
    expect((await store.intents({ about: "refused" }))[0]?.lastError?.code).toBe("DESTINATION_REJECTED");
    const [letter] = await store.deadLetters();
    expect(new TextDecoder().decode(letter?.data)).toBe("not json");
    expect((await store.counts()).unknownOutcomes).toBe(1);

    // What came with a later version works on it too.
    await store.transact({ at: T0, findingIds: ["told", "new"] }, ({ knownFindings }) => {
      const incident = { key: "k", category: "break-glass", aliases: ["a"], dueAt: null, document: null } as const;
      expect(knownFindings).toEqual(new Set(["told"]));
      return {
        findings: [{ finding: findingNamed("new"), incidentId: "i1" }],
        incidents: [{ ...incident, id: "i1", version: 0, state: "open" }],
        result: null,
      };
    });
    expect(await store.findings({ incidentId: "i1" })).toHaveLength(1);
    expect((await store.findings()).map(({ finding }) => finding.id)).toHaveLength(5);

    const later = T0 + 3_600_000;
    const lease = await store.acquireChannel("channel of slack", "b", later, 1_000);
    expect(lease?.recovered.map(({ about }) => about)).toEqual(["sending"]);
    expect((await store.due("channel of slack", later, 9)).map(({ about }) => about)).toEqual(["pending", "sending"]);
    await store.close();
  });

  test("of a newer version is refused and left as it is", async () => {
    edit("PRAGMA user_version = 999", "CREATE TABLE from_the_future (id TEXT)");
    const before = await readFile(path);

    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: "STORE_TOO_NEW" });

    expect(await readFile(path)).toEqual(before);
  });

  test("with a document of a newer version refuses that document", async () => {
    const store = await openSqliteStore(path);
    await store.record(recordOf(["f1"], ["slack"], T0));
    edit("UPDATE intents SET document = json_set(document, '$.schema', 2)");

    await expect(store.intents()).rejects.toMatchObject({ code: "STORE_TOO_NEW" });
    await expect(store.due("channel of slack", T0, 1)).rejects.toMatchObject({ code: "STORE_TOO_NEW" });
    await store.close();
  });

  test.each([
    ["that is no database", "text.db"],
    ["below something that is no folder", "text.db/state.db"],
  ])("%s is an unavailable store, with the cause but without the path in the message", async (_what, name) => {
    await writeFile(join(folder, "text.db"), "this is a text, and no database");

    const error: unknown = await openSqliteStore(join(folder, name)).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(ProcessingError);
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retry: true, cause: expect.any(Error) });
    expect(String(error)).not.toContain(folder);
  });

  test("that another program keeps locked is unavailable after a while, and fine when it lets go", async () => {
    const store = await openSqliteStore(path, { busyTimeoutMs: 20 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");

    await expect(store.record(recordOf(["f1"], ["slack"], T0))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await store.counts()).toMatchObject({ findings: 0 });

    other.exec("ROLLBACK");
    other.close();
    expect((await store.record(recordOf(["f1"], ["slack"], T0))).fresh).toEqual(["f1"]);
    await store.close();
  });

  test("that fails in the middle of a transaction keeps nothing of it and goes on working", async () => {
    const store = await openSqliteStore(path);
    edit(
      "CREATE TRIGGER second BEFORE INSERT ON intents WHEN json_extract(new.document, '$.about') = 'f2' " +
        "BEGIN SELECT raise(ABORT, 'disk full'); END",
    );

    await expect(store.record(recordOf(["f1", "f2"], ["slack"], T0))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });

    expect(await store.counts()).toMatchObject({ findings: 0, pending: 0 });
    expect((await store.record(recordOf(["f1"], ["slack"], T0))).fresh).toEqual(["f1"]);
    await store.close();
  });

  test("that is closed is unavailable", async () => {
    const store = await openSqliteStore(path);
    await store.close();

    await expect(store.counts()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

describeProcesses("SQLite", (folder) => ({ kind: "sqlite", path: join(folder, "state.db") }));
