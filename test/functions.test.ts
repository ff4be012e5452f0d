/** The functions as Google runs them: functions-framework in a process of its own, events over HTTP. */
import { existsSync } from "node:fs";
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSqliteStore } from "../shared/state/sqlite.ts";
import {
  cloudEvent,
  failingStart,
  type Posted,
  push,
  type RunningFunction,
  startFunction,
  workFolder,
} from "./support/functions-framework.ts";
import { ownStory } from "./support/own-story.ts";
import { deployed } from "./support/policy-story.ts";
import { eventually, freePort } from "./support/processes.ts";
import { sampleBytes } from "./support/samples.ts";

const BREAK_GLASS = "cloudrun-service-breakglass-system-event.json";
const HARMLESS = "gke-negative-failopen-other-webhook.json";
const TRACE = { id: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };

type Folder = Awaited<ReturnType<typeof workFolder>>;

async function storeIn<T>(folder: Folder, ask: (store: Awaited<ReturnType<typeof openSqliteStore>>) => Promise<T>) {
  const store = await openSqliteStore(join(folder.path, "state.db"));
  try {
    return await ask(store);
  } finally {
    await store.close();
  }
}

const SETTINGS = `
project: example-glasswatch
store: { kind: sqlite, path: state.db }
delivery: { localTickSeconds: 0 }
`;

describe("the function break-glass", () => {
  let folder: Folder;
  let running: RunningFunction;

  beforeAll(async () => {
    folder = await workFolder(SETTINGS);
    running = await startFunction({ target: "break-glass", cwd: folder.path, env: { LOG_EXECUTION_ID: "true" } });
  });
  afterAll(async () => {
    await running?.end();
    await folder?.remove();
  });

  const counts = () => storeIn(folder, (store) => store.counts());
  const told = () => running.logged("delivery.told").length;

  test("does no I/O for an entry that is nobody's business: there is not even a store file", async () => {
    expect(await running.post(cloudEvent(sampleBytes(HARMLESS)))).toEqual({ status: 204, body: "" });
    expect(existsSync(join(folder.path, "state.db"))).toBe(false);
    expect(running.log()).toEqual([]);
  });

  test.each<[string, (data: string) => Posted]>([
    ["an event of Eventarc, its attributes in headers", (data) => cloudEvent(data)],
    ["an event of Eventarc, all of it in the body", (data) => cloudEvent(data, { mode: "structured" })],
    ["a push of Pub/Sub", (data) => push(data)],
    ["a push in the older spelling", (data) => push(data, { spelling: "snake" })],
  ])("takes %s, stores the finding, tells it, and only then acknowledges", async (how, posted) => {
    const before = told();
    expect(await running.post(posted(ownStory(how)))).toEqual({ status: 204, body: "" });
    await eventually("the log line", () => told() === before + 1);
    const [intent] = await storeIn(folder, async (store) => (await store.intents()).slice(-1));
    expect(intent).toMatchObject({ destinationId: "console", state: "told", attempts: 1, unknownOutcomes: 0 });
  });

  test("tells a redelivered message once", async () => {
    const message = cloudEvent(ownStory("redelivered"), { messageId: "one message" });
    expect((await running.post(message)).status).toBe(204);
    const before = await counts();
    expect((await running.post(message)).status).toBe(204);
    await eventually("the log line", () => running.logged("finding.known").length === 1);
    expect(await counts()).toEqual(before);
  });

  test("compares with what earlier messages have shown: it is told what was turned off, and only once", async () => {
    const story = [deployed(1, { useDefault: true }), deployed(2, {}), deployed(3, {})];
    for (const one of story) expect((await running.post(cloudEvent(JSON.stringify(one)))).status).toBe(204);
    const found = await storeIn(folder, async (store) => (await store.findings()).map(({ finding }) => finding));
    expect(found.filter(({ rule }) => rule === "cloudrun.binauthz_disabled")).toMatchObject([
      { comparedWith: "previous", changes: [{ before: "default", after: "off" }], time: story[1]?.timestamp },
    ]);
  });

  test("keeps what it cannot understand with its bytes, attributes and reason, and acknowledges it", async () => {
    const data = '{"logName": "projects/example-prod/lo';
    const attributes = { "logging.googleapis.com/timestamp": "2026-03-01T02:14:05Z" };
    const posted = push(data, { messageId: "poison", attributes });
    expect((await running.post(posted)).status).toBe(204);

    const [letter] = await storeIn(folder, (store) => store.deadLetters());
    expect(letter).toMatchObject({
      id: "poison",
      code: "ENVELOPE_NOT_JSON",
      place: "data.message.data: position 37",
      attributes,
    });
    expect(Buffer.from(letter?.data ?? []).toString()).toBe(data);
    const [line] = await eventually("the log line", () => running.logged("message.dead_lettered"));
    expect(line).toMatchObject({ severity: "ERROR", code: "ENVELOPE_NOT_JSON", messageId: "poison" });
  });

  test("keeps a message of attributes alone as one that is empty", async () => {
    expect((await running.post(cloudEvent(undefined, { messageId: "no data", attributes: { a: "b" } }))).status).toBe(
      204,
    );
    const letters = await storeIn(folder, (store) => store.deadLetters());
    expect(letters.at(-1)).toMatchObject({ id: "no data", code: "ENVELOPE_EMPTY", attributes: { a: "b" } });
  });

  test("names trace and execution in its log, as Cloud Logging joins them", async () => {
    const traceparent = `00-${TRACE.id}-${TRACE.span}-01`;
    const headers = { traceparent, "function-execution-id": "execution-1" };
    expect((await running.post(cloudEvent(ownStory("traced"), { headers }))).status).toBe(204);
    const lines = await eventually("the log lines", () => {
      const found = running.log().filter((line) => JSON.stringify(line).includes("execution-1"));
      return found.some(({ event }) => event === "delivery.told") && found;
    });
    for (const line of lines.filter(({ event }) => event !== undefined)) {
      expect(line).toMatchObject({
        "logging.googleapis.com/trace": `projects/example-glasswatch/traces/${TRACE.id}`,
        "logging.googleapis.com/spanId": TRACE.span,
        "logging.googleapis.com/trace_sampled": true,
        "logging.googleapis.com/labels": { execution_id: "execution-1" },
      });
    }
    expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(["finding.recorded", "delivery.told"]));
  });
});

describe("a store that fails", () => {
  test("is an answer that has Pub/Sub come again; once it works, the message is told", async () => {
    const folder = await workFolder(SETTINGS);
    const blocked = join(folder.path, "state.db");
    await mkdir(blocked);
    const running = await startFunction({ target: "break-glass", cwd: folder.path });
    try {
      const message = cloudEvent(sampleBytes(BREAK_GLASS));
      // The body goes back to Pub/Sub, and into whatever logs answers: it tells no path.
      expect(await running.post(message)).toEqual({ status: 500, body: "could not open the store file" });
      expect((await running.post(cloudEvent("not even JSON"))).status).toBe(500);
      await rmdir(blocked);
      expect((await running.post(message)).status).toBe(204);
      expect(await storeIn(folder, (store) => store.counts())).toMatchObject({ findings: 1, told: 1, deadLetters: 0 });
    } finally {
      await running.end();
      await folder.remove();
    }
  });
});

describe("every function", () => {
  test.each(["policy-violation", "guardrail-change"])("%s runs the whole catalogue", async (target) => {
    const folder = await workFolder(SETTINGS);
    const running = await startFunction({ target, cwd: folder.path });
    try {
      expect((await running.post(cloudEvent(sampleBytes(BREAK_GLASS), { topic: target }))).status).toBe(204);
      expect(await storeIn(folder, (store) => store.counts())).toMatchObject({ findings: 1, told: 1 });
    } finally {
      await running.end();
      await folder.remove();
    }
  });
});

describe("the function tick", () => {
  test("tells what is due, answers with what it did, and only to POST", async () => {
    const folder = await workFolder(SETTINGS);
    const [writer, ticker] = await Promise.all([
      startFunction({ target: "break-glass", cwd: folder.path }),
      startFunction({ target: "tick", cwd: folder.path }),
    ]);
    try {
      // One that was stored, and whose function died before it could deliver.
      await writer.post(cloudEvent(sampleBytes(BREAK_GLASS)));
      await storeIn(folder, async (store) => {
        const [recorded] = await store.intents();
        const [finding] = await store.findings();
        if (recorded === undefined || finding === undefined) throw new Error("nothing was stored");
        const { destinationId, channel, notification } = recorded;
        await store.record({
          at: Date.now(),
          findings: [
            { finding: { ...finding.finding, id: "left over" }, intents: [{ destinationId, channel, notification }] },
          ],
        });
      });

      const get = await fetch(ticker.url);
      expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);

      const { status, body } = await ticker.post({ body: "{}" });
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ told: 1, left: 0, unknown: 0 });
      expect(JSON.parse((await ticker.post({ body: "" })).body)).toMatchObject({ told: 0, left: 0 });
      expect(ticker.output()).toContain("Cloud Run deployment with break-glass: checkout");
    } finally {
      await Promise.all([writer.end(), ticker.end()]);
      await folder.remove();
    }
  });
});

describe("a start with wrong settings ends at once and says where the mistake is", () => {
  const SECRET = "services/T00/B00/tOpSeCrEt";
  const slack = "destinations:\n  - { id: security, kind: slack, webhookUrl: '${env:GLASSWATCH_SLACK}' }\n";

  test.each<[string, string, Record<string, string>, string]>([
    ["a misspelled setting", "store:\n  kind: sqlite\n  paht: state.db\n", {}, "glasswatch.yaml:3:9: store.paht"],
    [
      "a value out of range",
      "delivery:\n  localTickSeconds: -1\n",
      {},
      "glasswatch.yaml:2:21: delivery.localTickSeconds",
    ],
    ["what is not YAML", "store: {\n", {}, "glasswatch.yaml:2:1: "],
    ["a secret that is not set", slack, {}, "webhookUrl refers to GLASSWATCH_SLACK, which is not set"],
    [
      "a webhook that is not https",
      slack,
      { GLASSWATCH_SLACK: `http://example.com/${SECRET}` },
      "is not an https address",
    ],
  ])("%s", async (_mistake, settings, env, expected) => {
    const folder = await workFolder(settings);
    try {
      const { code, output } = await failingStart({ target: "break-glass", cwd: folder.path, env });
      expect(code).toBe(1);
      expect(output).toContain(expected);
      expect(output).not.toContain("tOpSeCrEt");
    } finally {
      await folder.remove();
    }
  });

  test("a secret is in no line of a function that cannot reach its destination", async () => {
    const folder = await workFolder(`${SETTINGS}${slack}`);
    const env = { GLASSWATCH_SLACK: `http://127.0.0.1:${await freePort()}/${SECRET}`, LOG_EXECUTION_ID: "true" };
    const running = await startFunction({ target: "break-glass", cwd: folder.path, env });
    try {
      expect((await running.post(cloudEvent(sampleBytes(BREAK_GLASS)))).status).toBe(204);
      const [line] = await eventually("the log line", () => {
        const lines = running.logged("delivery.deferred");
        return lines.length > 0 && lines;
      });
      expect(line).toMatchObject({ code: "DESTINATION_UNAVAILABLE", destination: "security" });
      expect(await storeIn(folder, (store) => store.counts())).toMatchObject({ pending: 1, told: 0 });
      expect(running.output()).not.toContain("tOpSeCrEt");
    } finally {
      await running.end();
      await folder.remove();
    }
  });
});
