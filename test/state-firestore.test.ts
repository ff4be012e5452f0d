/** The store contract on Google's Firestore emulator, and what only a database on a network can do to us. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openHouse } from "../functions/runtime.ts";
import { ProcessingError } from "../shared/errors.ts";
import { type FirestoreStoreOptions, openFirestoreStore } from "../shared/state/firestore.ts";
import { COLLECTIONS } from "../shared/state/firestore-documents.ts";
import { type FirestoreRest, openFirestoreRest } from "../shared/state/firestore-rest.ts";
import { type IncidentDraft, KEPT_MS, type Lease, type Plan, type Store } from "../shared/state/store.ts";
import { type FirestoreEmulator, startFirestoreEmulator } from "./support/emulators.ts";
import { describeStore } from "./support/store-contract.ts";
import { type CutPlan, cutNetwork, slowNetwork } from "./support/store-cut.ts";
import { findingNamed, recordOf } from "./support/store-findings.ts";
import { firestoreKind } from "./support/store-kinds.ts";
import { describeProcesses } from "./support/store-processes.ts";
import { describeTransactions } from "./support/store-transactions.ts";
import { requireTool } from "./support/tools.ts";

const program = requireTool("java") && requireTool("firestore-emulator");

const T0 = Date.parse("2026-03-01T02:15:00Z");
const LEASE_MS = 30_000;
const SLACK = "channel of slack";

let projects = 0;
const newProject = () => `example-alone-${++projects}`;

async function open(options: Partial<FirestoreStoreOptions>): Promise<Store> {
  const store = await openFirestoreStore({ project: newProject(), database: "(default)", ...options });
  onTestFinished(() => store.close());
  return store;
}

describe.runIf(program !== undefined)("with the Firestore emulator", () => {
  let emulator: FirestoreEmulator;

  beforeAll(async () => {
    emulator = await startFirestoreEmulator(program ?? "");
  });
  afterAll(() => emulator?.end());

  async function restOf(project: string): Promise<FirestoreRest> {
    const rest = await openFirestoreRest({
      project,
      database: "(default)",
      emulatorHost: emulator.host,
      accessToken: async () => "owner",
      requestTimeoutMs: 5_000,
    });
    onTestFinished(() => rest.close());
    return rest;
  }

  const kind = firestoreKind(() => emulator.host);
  describeStore(kind);
  describeTransactions(kind);
  describeProcesses("Firestore", () => ({
    kind: "firestore",
    emulatorHost: emulator.host,
    project: newProject(),
  }));

  describe("the network between", { timeout: 120_000 }, () => {
    const message = { at: T0, findingIds: ["f1"], incidentIds: ["i1"], silences: true };
    const opened: IncidentDraft = {
      id: "i1",
      version: 0,
      key: "k",
      category: "break-glass",
      aliases: ["a"],
      state: "open",
      dueAt: null,
      document: { findings: 1 },
    };

    /** A message is stored, and told of; what became of each step. */
    async function receive(store: Store, world: string[]): Promise<unknown[]> {
      const stored = await store.transact(message, ({ knownFindings, incidents }): Plan<string> => {
        if (knownFindings.has("f1")) return { result: "known" };
        const told = { about: "i1#1", incidentId: "i1", destinationId: "slack", channel: SLACK, notification: "news" };
        const [before] = incidents;
        return {
          findings: [{ finding: findingNamed("f1"), incidentId: "i1" }],
          incidents: before === undefined ? [opened] : [],
          intents: [told],
          states: [{ key: "policy", timestamp: "2026-03-01T02:14:05Z", insertId: "f1", state: 1 }],
          audit: [{ actor: "a", action: "b", subject: "i1", details: null }],
          result: "fresh",
        };
      });
      const lease = await store.acquireChannel(SLACK, "a worker", T0, LEASE_MS);
      if (lease === undefined) return [stored, "held"];
      const begun = await store.begin(lease, "i1#1:slack", { at: T0, nextAt: T0 });
      if (!begun) return [stored, "not begun"];
      world.push("news");
      const told = await store.succeed(lease, "i1#1:slack", { at: T0, externalId: "m1" });
      return [stored, begun, told, await store.releaseChannel(lease)];
    }

    /** What the next process does, once the lease is over. */
    async function recover(store: Store, world: string[]): Promise<void> {
      const at = T0 + LEASE_MS;
      await receive(store, world);
      const lease = await store.acquireChannel(SLACK, "another", at, LEASE_MS);
      if (lease === undefined) throw new Error("the channel is held");
      for (const { id } of await store.due(SLACK, at, 9)) {
        await store.begin(lease, id, { at, nextAt: at });
        world.push("news");
        await store.succeed(lease, id, { at, externalId: "m2" });
      }
      await store.releaseChannel(lease);
    }

    async function run(plan: CutPlan) {
      const network = await cutNetwork(emulator.host, plan);
      const project = newProject();
      const cut = await openFirestoreStore({ project, database: "(default)", emulatorHost: network.host });
      const world: string[] = [];
      try {
        const steps = await receive(cut, world).catch((error: unknown) => error);
        return { steps, world, met: network.met(), project };
      } finally {
        await cut.close();
        await network.close();
      }
    }

    test.each(["before", "after"] as const)(
      "may lose any one request, %s it was done: it is as if nothing had happened",
      async (when) => {
        let at = 0;
        for (let more = true; more; ) {
          at += 1;
          const { steps, world, met, project } = await run({ at, when, forGood: false });
          more = met;

          expect(steps, `request ${at}`).toEqual(["fresh", true, true, true]);
          expect(world).toEqual(["news"]);
          const store = await open({ project, emulatorHost: emulator.host });
          expect(await store.counts()).toMatchObject({ findings: 1, openIncidents: 1, told: 1, unknownOutcomes: 0 });
          expect(await store.incident("i1")).toMatchObject({ version: 1 });
          expect(await store.audit()).toHaveLength(1);
        }
        expect(at).toBeGreaterThan(10);
      },
    );

    test.each(["before", "after"] as const)(
      "may end at any request, %s it was done: nothing is lost, and a second copy is counted",
      async (when) => {
        let at = 0;
        let copies = 0;
        for (let more = true; more; ) {
          at += 1;
          const { world, met, project } = await run({ at, when, forGood: true });
          more = met;
          const store = await open({ project, emulatorHost: emulator.host });
          await recover(store, world);

          const { unknownOutcomes, ...counts } = await store.counts();
          expect(counts, `request ${at}`).toMatchObject({
            findings: 1,
            openIncidents: 1,
            told: 1,
            pending: 0,
            sending: 0,
          });
          expect(world.length).toBeGreaterThanOrEqual(1);
          expect(world.length).toBeLessThanOrEqual(1 + unknownOutcomes);
          expect(await store.incident("i1")).toMatchObject({ version: 1 });
          expect(await store.receipts("i1", "slack")).toMatchObject({ count: 1 });
          expect(
            (await store.previousState({ key: "policy", timestamp: "2027-01-01T00:00:00Z", insertId: "" }))?.state,
          ).toBe(1);
          copies += world.length - 1;
        }
        // It did happen, or this test shows nothing.
        expect(copies).toBeGreaterThan(0);
        expect(at).toBeGreaterThan(10);
      },
    );
  });

  describe("between reading and writing", () => {
    const opened: IncidentDraft = {
      id: "i1",
      version: 0,
      key: "k",
      category: "break-glass",
      aliases: [],
      state: "open",
      dueAt: null,
      document: null,
    };
    const news = (about: string) => ({
      about,
      incidentId: "i1",
      destinationId: "slack",
      channel: SLACK,
      notification: about,
    });

    /** Two stores; before the first call of this name that the slow one makes, once it is armed, the other acts. */
    async function meanwhile(call: string, act: (other: Store) => Promise<unknown>) {
      const project = newProject();
      const other = await open({ project, emulatorHost: emulator.host });
      let isArmed = false;
      const network = await slowNetwork(emulator.host, async (path) => {
        if (!isArmed || !path.endsWith(call)) return;
        isArmed = false;
        await act(other);
      });
      onTestFinished(() => network.close());
      const slow = await open({ project, emulatorHost: network.host });
      await other.transact({ at: T0 }, () => ({ incidents: [opened], intents: [news("i1#1")], result: null }));
      const arm = () => {
        isArmed = true;
      };
      return { slow, other, arm };
    }

    test("an attempt is not begun when somebody else takes the channel", async () => {
      const at = T0 + LEASE_MS;
      const { slow, other, arm } = await meanwhile(":commit", (by) => by.acquireChannel(SLACK, "b", at, LEASE_MS));
      const lease = await slow.acquireChannel(SLACK, "a", T0, LEASE_MS);
      if (lease === undefined) throw new Error("the channel is held");
      arm();

      expect(await slow.begin(lease, "i1#1:slack", { at: at - 1, nextAt: 0 })).toBe(false);
      expect(await other.intents()).toMatchObject([{ state: "pending", attempts: 0 }]);
    });

    test("whoever takes a channel sees what its holder has begun until then", async () => {
      const held: { lease?: Lease } = {};
      const { slow, other, arm } = await meanwhile(":commit", async (by) => {
        if (held.lease) await by.begin(held.lease, "i1#1:slack", { at: T0, nextAt: 0 });
      });
      held.lease = (await other.acquireChannel(SLACK, "a", T0, LEASE_MS)) as Lease;
      arm();

      const next = await slow.acquireChannel(SLACK, "b", T0 + LEASE_MS, LEASE_MS);

      expect(next?.recovered).toMatchObject([{ id: "i1#1:slack", unknownOutcomes: 1 }]);
    });

    test("a plan starts again when an incident has changed that it builds on without changing it", async () => {
      const { slow, other, arm } = await meanwhile(":commit", (by) =>
        by.transact({ at: T0, incidentIds: ["i1"] }, () => ({
          incidents: [{ ...opened, version: 1, state: "resolved" }],
          result: null,
        })),
      );
      arm();
      const seen: unknown[] = [];

      await slow.transact({ at: T0, incidentIds: ["i1"] }, ({ incidents: [found] }) => {
        seen.push(found?.state);
        return { intents: found?.state === "open" ? [news("i1#2")] : [], result: null };
      });

      expect(seen).toEqual(["open", "resolved"]);
      expect(await other.intents()).toHaveLength(1);
    });

    test("a plan sees everything as it was at one moment", async () => {
      const { slow, arm } = await meanwhile(":runQuery", (by) =>
        by.transact({ at: T0, incidentIds: ["i1"] }, () => ({
          incidents: [{ ...opened, version: 1 }],
          intents: [news("i1#2")],
          result: null,
        })),
      );
      arm();
      const seen: unknown[] = [];

      await slow.transact({ at: T0, incidentIds: ["i1"] }, ({ incidents: [found], openIntents }) => {
        seen.push([found?.version, openIntents.length]);
        return { incidents: found === undefined ? [] : [found], result: null };
      });

      expect(seen).toEqual([
        [1, 1],
        [2, 2],
      ]);
    });
  });

  test("leaves nothing behind of large documents that have changed", async () => {
    const project = newProject();
    const store = await open({ project, emulatorHost: emulator.host });
    const incident = { id: "i1", key: "k", category: "tracking", aliases: [], state: "open", dueAt: null } as const;
    const write = (version: number, document: string) =>
      store.transact({ at: T0, incidentIds: ["i1"] }, () => ({
        incidents: [{ ...incident, version, document }],
        result: null,
      }));
    const chunks = async () => (await rest.query({ collection: "chunks", select: ["expireAt"] }, signal)).length;
    const rest = await restOf(project);
    const signal = AbortSignal.timeout(15_000);

    const counts: number[] = [];
    for (const [version, size] of [1_000_000, 2_000_000, 300_000, 10].entries()) {
      await write(version, "x".repeat(size));
      counts.push(await chunks());
    }

    expect(counts).toEqual([2, 3, 1, 0]);
  });

  test("has a time after which Firestore deletes it, in every document of which nothing is open", async () => {
    const project = newProject();
    const store = await open({ project, emulatorHost: emulator.host, collectionPrefix: "gw-" });
    const state = { key: "policy", insertId: "i", state: 1 };
    const incident = { version: 0, key: "k", category: "tracking", aliases: [], dueAt: null, document: null } as const;
    const about = { destinationId: "slack", channel: SLACK, notification: null };
    await store.transact({ at: T0, findingIds: ["f1"] }, () => ({
      findings: [{ finding: findingNamed("f1") }],
      incidents: [
        { ...incident, id: "open", state: "open" },
        { ...incident, id: "over", key: "other", state: "resolved" },
      ],
      intents: [
        { ...about, about: "pending" },
        { ...about, about: "told", incidentId: "open" },
      ],
      silences: [{ id: "s1", version: 0, expiresAt: T0 + 7, document: null }],
      states: [{ ...state, timestamp: "2026-03-01T01:00:00Z" }],
      audit: [{ actor: "a", action: "b", subject: "c", details: null }],
      result: null,
    }));
    await store.transact({ at: T0 + 8 }, () => ({
      states: [{ ...state, timestamp: "2026-03-01T02:00:00Z" }],
      result: null,
    }));
    const lease = await store.acquireChannel(SLACK, "a", T0, LEASE_MS);
    if (lease !== undefined) await store.succeed(lease, "told:slack", { at: T0 + 9, externalId: null });
    const letter = { id: "l", at: T0, code: "ENVELOPE_EMPTY", message: "", place: null, attributes: {} } as const;
    await store.deadLetter({ ...letter, data: new Uint8Array(300_000) });

    const rest = await restOf(project);
    const signal = AbortSignal.timeout(10_000);
    const expiries = await Promise.all(
      COLLECTIONS.map(async (name) => {
        const documents = await rest.query({ collection: `gw-${name}`, select: ["expireAt"] }, signal);
        const days = documents.map(({ fields: { expireAt } }) =>
          typeof expireAt === "object" && "epochMs" in expireAt ? Number(expireAt.epochMs) - KEPT_MS - T0 : null,
        );
        return [name, days.toSorted((a, b) => (a ?? -1) - (b ?? -1))];
      }),
    );

    expect(Object.fromEntries(expiries)).toEqual({
      findings: [0],
      incidents: [null, 0],
      "incident-names": [null, 0],
      intents: [null, 9],
      receipts: [KEPT_MS + 9],
      channels: [null],
      silences: [7],
      states: [null],
      "state-versions": [null, 8],
      audit: [0],
      "dead-letters": [0],
      chunks: [0],
    });
  });

  test("with a document of a newer version refuses that document", async () => {
    const project = newProject();
    const store = await open({ project, emulatorHost: emulator.host });
    await store.record(recordOf(["f1"], ["slack"], T0));
    const rest = await restOf(project);
    const name = rest.nameOf("findings", "f1");
    await rest.commit([{ name, fields: { json: '{"schema":2}' } }], AbortSignal.timeout(5_000));

    await expect(store.finding("f1")).rejects.toMatchObject({ code: "STORE_TOO_NEW" });
  });

  test("is what the settings name, in the project that they name, on the emulator of the environment", async () => {
    const folder = await mkdtemp(join(tmpdir(), "glasswatch-firestore-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "glasswatch.yaml");
    const project = newProject();
    await writeFile(file, `project: ${project}\nstore: { kind: firestore, collectionPrefix: ours- }\n`);
    const house = await openHouse({ GLASSWATCH_SETTINGS: file, FIRESTORE_EMULATOR_HOST: emulator.host });
    onTestFinished(() => house.close());

    await (await house.store()).record(recordOf(["f1"], [], T0));

    const store = await open({ project, emulatorHost: emulator.host, collectionPrefix: "ours-" });
    expect(await store.finding("f1")).toMatchObject({ recordedAt: T0 });
    await writeFile(file, "store: { kind: firestore }\n");
    const homeless = await openHouse({ GLASSWATCH_SETTINGS: file });
    await expect(homeless.store()).rejects.toMatchObject({ code: "SETTINGS_INVALID" });
  });

  test("that is closed is unavailable", async () => {
    const store = await open({ emulatorHost: emulator.host });
    await store.close();

    await expect(store.counts()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

describe("a Firestore database that refuses", () => {
  /** Answers every request with this; a number alone is a status without a word. */
  async function refusing(status: number, body: object | string = "") {
    let requests = 0;
    const server = createServer((incoming, outgoing) => {
      requests += 1;
      incoming.resume().once("end", () => {
        outgoing.writeHead(status);
        outgoing.end(typeof body === "string" ? body : JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const store = await open({ emulatorHost: `127.0.0.1:${(server.address() as AddressInfo).port}`, deadlineMs: 500 });
    return { store, requests: () => requests };
  }
  const error = (code: number, status: string) => ({
    error: { code, status, message: "projects/p/databases/d/documents/findings/secret-key" },
  });

  test.each([
    ["access", 403, error(403, "PERMISSION_DENIED"), "PERMISSION_DENIED"],
    ["a query that needs an index", 400, [error(400, "FAILED_PRECONDITION")], "FAILED_PRECONDITION"],
    ["a database that is not there", 404, error(404, "NOT_FOUND"), "NOT_FOUND"],
    ["in words that nobody knows", 418, "no JSON", "HTTP_418"],
  ])("%s is unavailable at once, and names no document", async (_what, status, body, code) => {
    const { store, requests } = await refusing(status, body);

    const thrown: unknown = await store.record(recordOf(["f1"], ["slack"], T0)).catch((reason: unknown) => reason);

    expect(thrown).toBeInstanceOf(ProcessingError);
    expect(thrown).toMatchObject({ code: "STORE_UNAVAILABLE", retry: true, cause: expect.any(Error) });
    expect(String(thrown)).toContain(code);
    expect(String(thrown)).not.toContain("secret-key");
    expect(requests()).toBe(1);
  });

  test.each([
    ["says that it is busy", 429, error(429, "RESOURCE_EXHAUSTED")],
    ["fails", 503, error(503, "UNAVAILABLE")],
    ["fails without a word", 500, ""],
    ["says something that is no JSON", 200, "<html>"],
  ])("because it %s is asked again until the deadline", async (_what, status, body) => {
    const { store, requests } = await refusing(status, body);
    const begun = performance.now();

    await expect(store.finding("f1")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

    expect(requests()).toBeGreaterThan(2);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test("nobody listens: unavailable after the deadline", async () => {
    const store = await open({ emulatorHost: "127.0.0.1:1", deadlineMs: 200 });

    await expect(store.record(recordOf(["f1"], [], T0))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  test("credentials that never come: unavailable after the deadline", async () => {
    const store = await open({
      emulatorHost: "127.0.0.1:1",
      deadlineMs: 200,
      accessToken: () => new Promise<string>(() => {}),
    });

    await expect(store.finding("f1")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  test("without credentials it is unavailable, and they are asked for before each request", async () => {
    let asked = 0;
    const store = await open({
      emulatorHost: "127.0.0.1:1",
      deadlineMs: 300,
      accessToken: async () => {
        asked += 1;
        throw new Error("Could not load the default credentials");
      },
    });

    await expect(store.counts()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(asked).toBeGreaterThan(1);
  });
});
