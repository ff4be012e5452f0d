import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Destination } from "../shared/destinations/destination.ts";
import { openDestination } from "../shared/destinations/index.ts";
import type { Notification } from "../shared/destinations/notification.ts";
import { toNotification } from "../shared/destinations/notification.ts";
import { SETTLE_MS, settling } from "../shared/destinations/settling.ts";
import { storyKey } from "../shared/destinations/tickets.ts";
import { Secret } from "../shared/secret.ts";
import { expectFailure, failure } from "./support/destination-contract.ts";
import type { StandIn } from "./support/destination-server.ts";
import { example } from "./support/example-findings.ts";
import { newsOfStory } from "./support/example-incidents.ts";
import { GITHUB_REPOSITORY, GITHUB_TOKEN, type GitHubStandIn, startGitHubStandIn } from "./support/github-stand-in.ts";
import { JIRA_EMAIL, JIRA_TOKEN, type JiraStandIn, startJiraStandIn } from "./support/jira-stand-in.ts";
import { PAGERDUTY_KEY, pagerDutyEvent, startPagerDutyStandIn } from "./support/pagerduty-stand-in.ts";
import {
  SERVICENOW_PASSWORD,
  SERVICENOW_USER,
  type ServiceNowStandIn,
  serviceNowChange,
  serviceNowCreation,
  startServiceNowStandIn,
} from "./support/servicenow-stand-in.ts";

const never = new AbortController().signal;
const START = Date.parse("2026-11-20T09:14:32Z");
const news = (kind: Parameters<typeof newsOfStory>[1]) => newsOfStory("cloud-run-break-glass", kind);
const [opened, updated, resolved, reopened] = [news("opened"), news("updated"), news("resolved"), news("reopened")];

/** A ticket system as these tests see it, whichever it is. */
interface System {
  readonly far: StandIn & { searchDelayMs: number };
  readonly destination: (deps?: { readonly settleMs?: number }) => Destination;
  readonly tickets: () => number;
  readonly isClosed: (index: number) => boolean;
  readonly comments: (index: number) => number;
  /** As if somebody had thrown the ticket away. */
  readonly forget: (index: number) => void;
}

let now = START;
const clock = () => now;
const deps = { now: clock, console: { write: () => {}, colour: false } };

const SYSTEMS: readonly { readonly kind: string; readonly open: () => Promise<System> }[] = [
  {
    kind: "jira",
    open: async () => {
      const far = await startJiraStandIn(clock);
      return {
        far,
        destination: ({ settleMs } = {}) => openDestination({ ...jiraSettings(far), settleMs }, deps),
        tickets: () => far.issues.length,
        isClosed: (index) => far.issues[index]?.category === "done",
        comments: (index) => far.issues[index]?.comments.length ?? 0,
        forget: (index) => void (far.issues as unknown[]).splice(index, 1),
      };
    },
  },
  {
    kind: "github",
    open: async () => {
      const far = await startGitHubStandIn(clock);
      return {
        far,
        destination: ({ settleMs } = {}) => openDestination({ ...githubSettings(far), settleMs }, deps),
        tickets: () => far.issues.length,
        isClosed: (index) => far.issues[index]?.state === "closed",
        comments: (index) => far.issues[index]?.comments.length ?? 0,
        forget: (index) => void far.issues.splice(index, 1),
      };
    },
  },
  {
    kind: "servicenow",
    open: async () => {
      const far = await startServiceNowStandIn(clock);
      return {
        far,
        destination: ({ settleMs } = {}) => openDestination({ ...serviceNowSettings(far), settleMs }, deps),
        tickets: () => far.rows.length,
        isClosed: (index) => far.rows[index]?.fields.state === "6",
        comments: (index) => far.rows[index]?.notes.length ?? 0,
        forget: (index) => void (far.rows as unknown[]).splice(index, 1),
      };
    },
  },
];

function jiraSettings(far: StandIn) {
  const apiToken = new Secret(JIRA_TOKEN);
  const project = { project: "SEC", issueType: "Task" };
  return { kind: "jira", id: "t", site: far.origin, email: JIRA_EMAIL, apiToken, ...project } as const;
}

function githubSettings(far: StandIn) {
  const token = new Secret(GITHUB_TOKEN);
  const repository = { repository: GITHUB_REPOSITORY, label: "glasswatch" };
  return { kind: "github", id: "t", token, apiUrl: far.origin, ...repository } as const;
}

function serviceNowSettings(far: StandIn) {
  const password = new Secret(SERVICENOW_PASSWORD);
  const account = { user: SERVICENOW_USER, closeCode: "Solution provided" };
  return { kind: "servicenow", id: "t", instance: far.origin, password, ...account } as const;
}

describe.each(SYSTEMS)("a ticket in $kind", ({ open }) => {
  let system: System;
  beforeEach(async () => {
    now = START;
    system = await open();
  });
  afterEach(async () => system.far.close());

  it("is made once, told the news, closed with the proof and opened again", async () => {
    const destination = system.destination();
    const receipt = await destination.deliver(opened, never);
    for (const later of [updated, resolved]) {
      expect(await destination.deliver(later, never, receipt)).toEqual(receipt);
    }
    expect([system.tickets(), system.comments(0), system.isClosed(0)]).toEqual([1, 2, true]);
    await destination.deliver(reopened, never, receipt);
    expect([system.tickets(), system.comments(0), system.isClosed(0)]).toEqual([1, 3, false]);
  });

  it("is not made twice when its answer is lost and searches show it only seconds later", async () => {
    const destination = system.destination();
    system.far.searchDelayMs = 8_000;
    system.far.script({ kind: "resets" });
    expectFailure(await failure(destination.deliver(opened, never)), "DESTINATION_UNKNOWN_OUTCOME", []);
    now += 1_000;
    const error = await failure(destination.find?.(opened, never) ?? Promise.resolve());
    expectFailure(error, "DESTINATION_UNAVAILABLE", []);
    expect(error).toMatchObject({ retryAfterMs: SETTLE_MS - 1_000 });
    now += 10_000;
    expect(await destination.find?.(opened, never)).toEqual({ externalId: expect.any(String) });
    expect(system.tickets()).toBe(1);
  });

  it("is made when it is certain that there is none", async () => {
    const destination = system.destination();
    system.far.script({ kind: "answers", status: 502 });
    expectFailure(await failure(destination.deliver(opened, never)), "DESTINATION_UNKNOWN_OUTCOME", []);
    expectFailure(await failure(destination.find?.(opened, never) ?? Promise.resolve()), "DESTINATION_UNAVAILABLE", []);
    now += SETTLE_MS;
    expect(await destination.find?.(opened, never)).toBeUndefined();
    await destination.deliver(opened, never);
    expect(system.tickets()).toBe(1);
  });

  it("is found by another instance, which knows when it was sent", async () => {
    system.far.script({ kind: "resets" });
    await failure(system.destination().deliver(opened, never));
    const sentAt = now;
    const other = system.destination();
    expect(await other.find?.(opened, never, sentAt)).toEqual({ externalId: expect.any(String) });
    now += SETTLE_MS;
    expect(await other.find?.(newsOfStory("gke-break-glass", "opened"), never, sentAt)).toBeUndefined();
  });

  it("is waited for by news that come while nobody knows whether it is there", async () => {
    const destination = system.destination();
    system.far.searchDelayMs = 8_000;
    system.far.script({ kind: "resets" });
    await failure(destination.deliver(opened, never));
    now += 1_000;
    expectFailure(await failure(destination.deliver(updated, never)), "DESTINATION_UNAVAILABLE", []);
    expect(system.tickets()).toBe(1);
    now += 10_000;
    await destination.deliver(updated, never);
    expect([system.tickets(), system.comments(0)]).toEqual([1, 1]);
  });

  it("is made by later news where it was never opened, and found as theirs", async () => {
    const destination = system.destination();
    const receipt = await destination.deliver(updated, never, null);
    expect([system.tickets(), system.comments(0)]).toEqual([1, 0]);
    if (destination.kind !== "servicenow") {
      expect(await destination.find?.(updated, never)).toEqual(receipt);
    }
    await destination.deliver(resolved, never, null);
    expect([system.tickets(), system.comments(0), system.isClosed(0)]).toEqual([1, 1, true]);
  });

  it("is made anew when somebody threw it away, but not in order to be closed", async () => {
    const destination = system.destination();
    const receipt = await destination.deliver(opened, never);
    system.forget(0);
    expectFailure(await failure(destination.deliver(resolved, never, receipt)), "DESTINATION_REJECTED", []);
    await destination.deliver(updated, never, receipt);
    expect([system.tickets(), system.comments(0)]).toEqual([1, 0]);
    await destination.deliver(resolved, never, receipt);
    expect([system.tickets(), system.comments(0), system.isClosed(0)]).toEqual([1, 1, true]);
  });

  it("is told nothing twice when it is closed and the answer to that is lost", async () => {
    const destination = system.destination({ settleMs: 0 });
    const receipt = await destination.deliver(opened, never);
    system.far.script({ kind: "resets" });
    await failure(destination.deliver(resolved, never, receipt));
    if ((await destination.find?.(resolved, never)) === undefined) {
      await destination.deliver(resolved, never, receipt);
    }
    expect([system.tickets(), system.comments(0), system.isClosed(0)]).toEqual([1, 1, true]);
  });

  it("is not taken for one of another incident, nor for one of its own by a receipt that is none", async () => {
    const destination = system.destination();
    await destination.deliver(newsOfStory("gke-break-glass", "opened"), never);
    await destination.deliver(opened, never);
    await destination.deliver(updated, never, { externalId: "../../../admin" });
    expect([system.tickets(), system.comments(0), system.comments(1)]).toEqual([2, 0, 1]);
  });

  it("is told in the smallest form what is refused in the whole one", async () => {
    const destination = system.destination();
    system.far.script({ kind: "answers", status: 400 });
    const receipt = await destination.deliver(opened, never);
    system.far.script({ kind: "answers", status: 413 });
    await destination.deliver(updated, never, receipt);
    expect([system.tickets(), system.comments(0)]).toEqual([1, 1]);
    const sent = system.far.exchanges.filter(({ text }) => text.includes("was too large for"));
    expect(sent).toHaveLength(2);
  });

  it("is refused for good when the smallest form is refused, too", async () => {
    system.far.script({ kind: "answers", status: 400 }, { kind: "answers", status: 400 });
    expectFailure(await failure(system.destination().deliver(opened, never)), "DESTINATION_REJECTED", []);
  });

  it("is not searched for longer than one is told to", async () => {
    const destination = system.destination();
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const begun = performance.now();
    const asked = destination.find?.(opened, stop.signal) ?? Promise.resolve();
    expectFailure(await failure(asked), "DESTINATION_UNAVAILABLE", []);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});

describe("in Jira", () => {
  let far: JiraStandIn;
  beforeEach(async () => {
    now = START;
    far = await startJiraStandIn(clock);
  });
  afterEach(async () => far.close());

  it("what a workflow does not allow is told all the same", async () => {
    const destination = openDestination(jiraSettings(far), deps);
    const receipt = await destination.deliver(opened, never);
    far.ways = ["indeterminate"];
    await destination.deliver(resolved, never, receipt);
    expect([far.issues[0]?.category, far.issues[0]?.comments.length]).toEqual(["new", 1]);
    far.ways = ["done"];
    far.script({ kind: "answers", status: 400 });
    await destination.deliver(resolved, never, receipt);
    expect(far.issues[0]?.comments.length).toBe(2);
  });

  it("further fields of the settings are sent, and replace none of ours", async () => {
    const fields = { customfield_10010: { value: "Security" }, labels: ["compliance"], summary: "mine", project: "X" };
    await openDestination({ ...jiraSettings(far), fields }, deps).deliver(opened, never);
    expect(far.issues[0]?.fields).toMatchObject({
      customfield_10010: { value: "Security" },
      project: { key: "SEC" },
      summary: opened.headline,
    });
    expect(far.issues[0]?.fields.labels).toEqual([
      "compliance",
      "glasswatch",
      `glasswatch-${storyKey(opened)}`,
      "glasswatch-critical",
    ]);
  });

  it("a comment that only quotes our last line is not ours", async () => {
    const destination = openDestination({ ...jiraSettings(far), settleMs: 0 }, deps);
    const receipt = await destination.deliver(opened, never);
    await destination.deliver(updated, never, receipt);
    const [ours] = far.issues[0]?.comments ?? [];
    const { content } = ours as { readonly content: readonly unknown[] };
    const quoted = { type: "doc", version: 1, content: [...content, { type: "paragraph", content: [] }] };
    far.issues[0]?.comments.splice(0, 1, quoted);
    expect(await destination.find?.(updated, never)).toBeUndefined();
  });

  it("names the fields that were refused, and nothing else", async () => {
    far.script({ kind: "answers", status: 403 });
    const error = await failure(openDestination(jiraSettings(far), deps).deliver(opened, never));
    expect(String(error)).toMatch(/answered 403$/);
  });
});

describe("in GitHub", () => {
  let far: GitHubStandIn;
  beforeEach(async () => {
    now = START;
    far = await startGitHubStandIn(clock);
  });
  afterEach(async () => far.close());

  it("an issue is found on a later page, and among issues and pull requests of others", async () => {
    const destination = openDestination({ ...githubSettings(far), settleMs: 0 }, deps);
    const receipt = await destination.deliver(opened, never);
    const own = far.issues[0]?.body ?? "";
    for (let number = 2; number <= 130; number++) {
      const body = number === 60 ? `${own}\nsomebody quotes it` : number === 61 ? own : "something else";
      far.issues.push({
        number,
        title: "x",
        body,
        labels: number === 62 ? [] : ["glasswatch"],
        at: START + number,
        comments: [],
        state: "open",
        isPull: number === 61,
      });
    }
    now += 60_000;
    expect(await destination.find?.(opened, never)).toEqual(receipt);
    expect(far.exchanges.filter(({ query }) => query.get("page") === "3")).toHaveLength(1);
  });

  it("an issue without our label is nobody's, whatever is written in it", async () => {
    const destination = openDestination({ ...githubSettings(far), settleMs: 0 }, deps);
    await destination.deliver(opened, never);
    const [ours] = far.issues;
    far.issues.splice(0, 1, { ...(ours as NonNullable<typeof ours>), labels: [] });
    expect(await destination.find?.(opened, never)).toBeUndefined();
  });

  it("a search without end is no answer", async () => {
    const destination = openDestination({ ...githubSettings(far), settleMs: 0 }, deps);
    for (let number = 1; number <= 1_100; number++) {
      const issue = { number, title: "x", body: "x", labels: ["glasswatch"], comments: [], isPull: false } as const;
      far.issues.push({ ...issue, comments: [], at: START + number, state: "open" });
    }
    now += 60_000;
    expectFailure(await failure(destination.find?.(opened, never) ?? Promise.resolve()), "DESTINATION_UNAVAILABLE", []);
  });

  it("a rate limit is waited for, though it comes as a refusal", async () => {
    far.script({ kind: "answers", status: 403, retryAfter: "42" });
    const error = await failure(openDestination(githubSettings(far), deps).deliver(opened, never));
    expect(error).toMatchObject({ code: "DESTINATION_UNAVAILABLE", retryAfterMs: 42_000 });
  });
});

describe("in ServiceNow", () => {
  let far: ServiceNowStandIn;
  beforeEach(async () => {
    now = START;
    far = await startServiceNowStandIn(clock);
  });
  afterEach(async () => far.close());

  it("what the instance's rules do not let be closed is told all the same", async () => {
    const destination = openDestination({ ...serviceNowSettings(far), closeCode: "Nobody knows it" }, deps);
    const receipt = await destination.deliver(opened, never);
    await destination.deliver(resolved, never, receipt);
    expect(far.rows[0]).toMatchObject({ fields: { state: "1" }, notes: [expect.stringContaining("Resolved by")] });
  });

  it.each([
    { name: "a creation without description", schema: serviceNowCreation, body: { short_description: "x" } },
    {
      name: "a short description of two lines",
      schema: serviceNowCreation,
      body: {
        short_description: "a\nb",
        description: "x",
        correlation_id: "k",
        correlation_display: "d",
        urgency: "1",
        impact: "1",
      },
    },
    { name: "a resolution without code", schema: serviceNowChange, body: { ...change(), state: "6" } },
    { name: "a state that there is not", schema: serviceNowChange, body: { ...change(), state: "12" } },
    { name: "a field that we never change", schema: serviceNowChange, body: { ...change(), assigned_to: "x" } },
  ])("$name is refused by the schema that our requests pass", ({ schema, body }) => {
    expect(schema.safeParse(body).success).toBe(false);
    expect(serviceNowChange.safeParse(change()).success).toBe(true);
  });
});

function change() {
  return { work_notes: "note", correlation_display: "Glasswatch 2" };
}

describe("in PagerDuty", () => {
  const settings = (origin: string) =>
    ({ kind: "pagerduty", id: "p", routingKey: new Secret(PAGERDUTY_KEY), apiUrl: origin }) as const;

  it("one incident pages once, whatever is lost and sent again", async () => {
    const far = await startPagerDutyStandIn();
    const destination = openDestination(settings(far.origin), deps);
    far.script({ kind: "resets" });
    expectFailure(await failure(destination.deliver(opened, never)), "DESTINATION_UNKNOWN_OUTCOME", [PAGERDUTY_KEY]);
    await destination.deliver(opened, never);
    await destination.deliver(news("repeated"), never);
    expect([...far.alerts.values()]).toMatchObject([{ key: storyKey(opened), pages: 1, status: "triggered" }]);
    await destination.deliver(news("acknowledged"), never);
    expect(far.alerts.get(storyKey(opened))).toMatchObject({ status: "acknowledged" });
    await destination.deliver(resolved, never);
    expect(far.alerts.get(storyKey(opened))).toMatchObject({ status: "resolved", pages: 1 });
    await destination.deliver(reopened, never);
    expect(far.alerts.get(storyKey(opened))).toMatchObject({ status: "triggered" });
    await far.close();
  });

  const trigger = {
    event_action: "trigger",
    routing_key: PAGERDUTY_KEY,
    payload: { summary: "s", source: "x", severity: "error" },
  };
  it.each([
    { name: "no routing key", event: { ...trigger, routing_key: undefined } },
    { name: "no action", event: { ...trigger, event_action: undefined } },
    { name: "an action that there is not", event: { ...trigger, event_action: "shout" } },
    { name: "our own severity", event: { ...trigger, payload: { ...trigger.payload, severity: "high" } } },
    { name: "no source", event: { ...trigger, payload: { ...trigger.payload, source: undefined } } },
    { name: "a summary of 1025", event: { ...trigger, payload: { ...trigger.payload, summary: "x".repeat(1025) } } },
    { name: "a key of 256", event: { ...trigger, dedup_key: "x".repeat(256) } },
    { name: "a resolution without key", event: { event_action: "resolve", routing_key: PAGERDUTY_KEY } },
    { name: "a time that is none", event: { ...trigger, payload: { ...trigger.payload, timestamp: "yesterday" } } },
    {
      name: "more than 512 KB",
      event: { ...trigger, payload: { ...trigger.payload, custom_details: { x: "x".repeat(600_000) } } },
    },
  ])("an event with $name is refused by the schema that ours pass", ({ event }) => {
    expect(pagerDutyEvent.safeParse(event).success).toBe(false);
    expect(pagerDutyEvent.safeParse(trigger).success).toBe(true);
  });
});

describe("settling", () => {
  const search = (settled: ReturnType<typeof settling>, found: string | undefined, sentAt?: number) =>
    settled.search({ destination: "d", key: "k", sentAt, signal: never, look: async () => found });

  it("believes a search that finds at once, and one that does not only after the time", async () => {
    let at = 0;
    const settled = settling(() => at, 10_000);
    expect(await search(settled, "it")).toBe("it");
    expectFailure(await failure(search(settled, undefined)), "DESTINATION_UNAVAILABLE", []);
    at = 9_999;
    expectFailure(await failure(search(settled, undefined)), "DESTINATION_UNAVAILABLE", []);
    at = 10_000;
    expect(await search(settled, undefined)).toBeUndefined();
  });

  it("counts from the last message that was sent", async () => {
    let at = 0;
    const settled = settling(() => at, 10_000);
    settled.sent("k");
    at = 8_000;
    settled.sent("k");
    at = 12_000;
    expectFailure(await failure(search(settled, undefined, 0)), "DESTINATION_UNAVAILABLE", []);
    at = 18_000;
    expect(await search(settled, undefined, 0)).toBeUndefined();
  });

  it("forgets, at worst, and waits longer for it", async () => {
    let at = 0;
    const settled = settling(() => at, 10_000);
    settled.sent("k");
    for (let other = 0; other < 1_500; other++) settled.sent(`other ${other}`);
    at = 10_000;
    expectFailure(await failure(search(settled, undefined)), "DESTINATION_UNAVAILABLE", []);
  });
});

describe("the key of a story", () => {
  it("is the incident's, the same for all its news", () => {
    expect(new Set([opened, updated, resolved].map(storyKey))).toEqual(new Set([opened.incident?.id]));
  });

  it.each(['x" OR project = "OTHER', "a^ORcorrelation_id=b", "a,b", "../x", "", "x".repeat(65)])(
    "is safe in every query although an id is %j",
    (id) => {
      const { finding, counsel } = example("cloud-run-break-glass-with-justification");
      const told: Notification = toNotification({ ...finding, id }, counsel);
      expect(storyKey(told)).toMatch(/^[0-9a-f]{40}$/);
    },
  );
});
