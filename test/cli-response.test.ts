/** Incidents, silences, routes and the smoke test by hand, as somebody types them at three in the morning. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSqliteStore } from "../shared/state/sqlite.ts";
import type { Store } from "../shared/state/store.ts";
import { glasswatch } from "./support/command-line.ts";
import { cloudEvent, startFunction, workFolder } from "./support/functions-framework.ts";
import { SAMPLES, sampleBytes } from "./support/samples.ts";

const SETTINGS = `
store: { kind: sqlite, path: state.db }
delivery: { localTickSeconds: 0 }
destinations:
  - { id: chat, kind: console }
  - { id: pager, kind: console }
routes:
  destinations: [chat]
  routes:
    - { name: on call, when: 'category=break-glass AND severity>=high', destinations: [pager], continue: true }
    - { name: loud, when: 'severity>=high', destinations: [chat] }
watchlists: { productionProjects: [example-prod] }
`;

let folder: Awaited<ReturnType<typeof workFolder>>;
beforeAll(async () => {
  folder = await workFolder(SETTINGS);
});
afterAll(() => folder?.remove());

const run = (...args: string[]) => glasswatch(args, { cwd: folder.path });
const rows = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function inStore<T>(ask: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(join(folder.path, "state.db"));
  try {
    return await ask(store);
  } finally {
    await store.close();
  }
}

describe("an incident by hand", () => {
  let id: string;

  test("what a function was sent is listed with its grade, and its destinations were told by their routes", async () => {
    const running = await startFunction({ target: "break-glass", cwd: folder.path });
    try {
      const message = cloudEvent(sampleBytes("cloudrun-service-breakglass-system-event.json"));
      expect((await running.post(message)).status).toBe(204);
      expect(running.logged("decision.tell")).toMatchObject([
        { reason: "first", routes: ["default / on call", "default / loud"], destinations: ["pager", "chat"] },
      ]);
    } finally {
      await running.end();
    }
    const { code, stdout } = await run("incident", "list");
    expect(code).toBe(0);
    const [incident] = rows(stdout);
    expect(incident).toMatchObject({
      state: "open",
      count: 1,
      grade: { severity: "critical", steps: [{ reason: "rule" }, { reason: "production" }] },
    });
    id = incident?.id as string;
    expect((await run("incident", "list", "--format", "table")).stdout).toContain(id.slice(0, 12));
    expect((await run("incident", "list", "--state", "resolved")).stdout).toBe("");
  });

  test("is shown by the event that a message carries, with who was told", async () => {
    const { stdout } = await run("incident", "show", `${id.slice(0, 12)}:1`);
    const { incident, told } = JSON.parse(stdout) as { incident: { id: string }; told: { destination: string }[] };
    expect(incident.id).toBe(id);
    expect(told).toMatchObject([
      { destination: "pager", state: "told", attempts: 1 },
      { destination: "chat", state: "told", attempts: 1 },
    ]);
  });

  test("is acknowledged once, and resolved with a reason; those who heard of it will hear that", async () => {
    const by = ["--by", "alice@example.com"];
    const acknowledged = await run("incident", "ack", id, ...by);
    expect(rows(acknowledged.stdout)).toEqual([{ incident: id, what: "acknowledged", changed: true }]);
    expect(acknowledged.stderr).toMatch(/^told with the next tick: (?:pager, chat|chat, pager)\n$/);
    expect(rows((await run("incident", "ack", id, ...by)).stdout)).toMatchObject([{ changed: false }]);
    expect((await run("incident", "resolve", id, ...by)).code).toBe(2);
    expect((await run("incident", "resolve", id, ...by, "--note", "rolled back")).code).toBe(0);
    await inStore(async (store) => {
      expect(await store.incident(id)).toMatchObject({ state: "resolved" });
      expect((await store.intents({ state: "pending" })).map(({ about }) => about)).toEqual(
        [2, 2, 3, 3].map((n) => `${id}:${n}`),
      );
      expect((await store.audit({ subject: id })).map(({ actor, action }) => [actor, action])).toEqual([
        ["alice@example.com", "incident.resolved"],
        ["alice@example.com", "incident.acknowledged"],
      ]);
    });
  });

  test.each([
    ["an incident that is not there", ["incident", "show", "0123456789ab"], "there is no incident"],
    ["nobody who does it", ["incident", "ack", "0123456789ab"], "--by"],
    ["a state that does not exist", ["incident", "list", "--state", "closed"], "--state"],
    ["a limit that is none", ["incident", "list", "--limit", "none"], "--limit"],
  ])("refuses %s", async (_name, args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("a silence by hand", () => {
  const MADE = ["--for", "2h", "--reason", "planned work", "--by", "alice@example.com"];

  test("is made, listed, and ended, each of it audited", async () => {
    const [silence] = rows((await run("silence", "add", 'project="example-dev"', ...MADE)).stdout);
    const { id, createdAt, expiresAt } = silence as { id: string; createdAt: string; expiresAt: string };
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(2 * 3_600_000);
    expect(rows((await run("silence", "list")).stdout)).toMatchObject([{ id, uses: 0, reason: "planned work" }]);
    expect((await run("silence", "expire", id, "--by", "bob")).code).toBe(0);
    expect((await run("silence", "expire", id, "--by", "bob")).code).toBe(2);
    expect((await run("silence", "list")).stdout).toBe("");
    expect(rows((await run("silence", "list", "--all")).stdout)).toMatchObject([{ id }]);
    const audit = await inStore((store) => store.audit({ subject: id }));
    expect(audit.map(({ actor, action }) => [actor, action])).toEqual([
      ["bob", "silence.expire"],
      ["alice@example.com", "silence.add"],
    ]);
  });

  test.each([
    ["a condition that does not compile", ['projct="x"', ...MADE], 1, "QUERY_FIELD"],
    ["no end", ['project="x"', "--for", "ever", "--reason", "r", "--by", "b"], 2, "--for"],
    ["an end too far away", ['project="x"', "--for", "91d", "--reason", "r", "--by", "b"], 2, "90d at most"],
    ["no reason", ['project="x"', "--for", "1h", "--reason", " ", "--by", "b"], 2, "--reason"],
    ["no author", ['project="x"', "--for", "1h", "--reason", "r", "--by", ""], 2, "--by"],
  ])("is refused with %s", async (_name, args, expected, message) => {
    const { code, stderr } = await run("silence", "add", ...args);
    expect(code).toBe(expected);
    expect(stderr).toContain(message);
  });
});

describe("the routes of the settings", () => {
  test("route test says how a finding is graded, and whom it would reach by which route", async () => {
    const { stdout } = await run("route", "test", join(SAMPLES, "gke-pod-denied-violates-policy.json"));
    expect(rows(stdout)).toMatchObject([
      {
        rule: "gke.denied",
        severity: "high",
        reason: "first",
        routes: [{ route: "default / loud", destinations: ["chat"] }],
      },
    ]);
  });

  test("explain says so too", async () => {
    const { stdout } = await run("explain", join(SAMPLES, "gke-pod-denied-violates-policy.json"), "--format", "table");
    expect(stdout).toContain("graded high: rule gke.denied is medium; project example-prod is on the watchlist");
    expect(stdout).toContain("route default / loud, told to chat");
  });

  test("smoke takes the very path of alarms, to the destinations of one route, and resolves itself", async () => {
    const { code, stdout, stderr } = await run("smoke", "default / on call", "--by", "alice@example.com");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/delivery\.told: told pager\nall were told\n$/)]);
    expect(stdout).toContain("Open: TEST: nothing has happened, by alice@example.com");
    const told = rows(stdout);
    expect(told).toMatchObject([
      { destination: "pager", state: "told" },
      { destination: "pager", state: "told" },
    ]);
    const [incident] = await inStore((store) => store.incidents({ limit: 1 }));
    expect(incident).toMatchObject({ state: "resolved", id: String(told[0]?.about).split(":")[0] });
    const unknown = await run("smoke", "nowhere", "--by", "alice");
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining("default, default / on call, default / loud"),
    ]);
  });

  test("check --live asks each destination that can be asked", async () => {
    const { code, stderr } = await run("check", "--live");
    expect([code, stderr]).toEqual([
      0,
      "chat: cannot be asked without posting something\npager: cannot be asked without posting something\nall is in order\n",
    ]);
  });

  test.each([
    ["a destination that is not there", "routes: { destinations: [chat, nobody] }", "there is no destination nobody"],
    ["a root without a destination", "routes: { destinations: [] }", "the last resort"],
    ["a root with a condition", "routes: { destinations: [chat], when: 'severity>=high' }", "there is no such setting"],
    [
      "a condition that does not compile",
      "routes: { destinations: [chat], routes: [{ when: 'severty>=high' }] }",
      "QUERY_FIELD",
    ],
    [
      "a zone that does not exist",
      "routes: { destinations: [chat], routes: [{ during: [{ zone: Mars/Base }] }] }",
      "IANA",
    ],
    ["a pattern that is none", "incidents: { ticketPattern: '(' }", "regular expression"],
  ])("%s stops the start", async (_name, routes, message) => {
    const wrong = await workFolder(`destinations: [{ id: chat, kind: console }]\n${routes}\n`);
    try {
      const { code, stderr } = await glasswatch(["check"], { cwd: wrong.path });
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    } finally {
      await wrong.remove();
    }
  });
});
