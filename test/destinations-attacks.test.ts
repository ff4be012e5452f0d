import { test as property } from "@fast-check/vitest";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { toGitHubComment, toGitHubIssue } from "../shared/destinations/github.ts";
import { toChatMessage } from "../shared/destinations/google-chat.ts";
import { openDestination } from "../shared/destinations/index.ts";
import { toJiraComment, toJiraIssue } from "../shared/destinations/jira.ts";
import { inlineCode, prose } from "../shared/destinations/markdown.ts";
import {
  INCIDENT_NEWS,
  INCIDENT_STATES,
  type Notification,
  toIncidentNotification,
  toNotification,
} from "../shared/destinations/notification.ts";
import { toPagerDutyEvent } from "../shared/destinations/pagerduty.ts";
import { unlinked } from "../shared/destinations/readable-text.ts";
import { toServiceNowIncident, toServiceNowNews } from "../shared/destinations/servicenow.ts";
import { signatureOf, toCloudEvent } from "../shared/destinations/webhook.ts";
import { SEVERITIES } from "../shared/finding.ts";
import { Secret } from "../shared/secret.ts";
import { expectFailure, expectNoSecret, failure } from "./support/destination-contract.ts";
import { startStandIn } from "./support/destination-server.ts";
import { anyFinding, anyText, hasUnseen } from "./support/destination-texts.ts";
import { example } from "./support/example-findings.ts";
import { HOSTILE } from "./support/example-incidents.ts";
import { chatComplaints } from "./support/google-chat-stand-in.ts";
import { adfComplaints } from "./support/jira-stand-in.ts";
import { PAGERDUTY_KEY, pagerDutyEvent } from "./support/pagerduty-stand-in.ts";
import { serviceNowChange, serviceNowCreation } from "./support/servicenow-stand-in.ts";
import { cloudEvent, isGenuine, SIGNING_KEY } from "./support/webhook-stand-in.ts";

// Hundreds of texts a test: a busy machine may need more than the usual time.
vi.setConfig({ testTimeout: 60_000 });

const { counsel } = example("cloud-run-break-glass-with-justification");

/** Any finding and any news of it, every text of both written by a stranger. */
const anyTold: fc.Arbitrary<Notification> = fc
  .tuple(
    anyFinding,
    fc.constantFrom(...SEVERITIES),
    fc.option(
      fc.record({
        id: fc.oneof(fc.stringMatching(/^[0-9a-f]{24}$/), anyText),
        state: fc.constantFrom(...INCIDENT_STATES),
        news: fc.constantFrom(...INCIDENT_NEWS),
        sequence: fc.integer({ min: 1, max: 1_000 }),
        openedAt: fc.oneof(fc.constant("2026-03-01T02:14:05Z"), anyText),
        updatedAt: fc.oneof(fc.constant("2026-03-01T05:14:05Z"), anyText),
        findings: fc.integer({ min: 1, max: 100_000 }),
        grading: fc.array(anyText, { maxLength: 12 }),
        newFacts: fc.array(anyText, { maxLength: 25 }),
        resolvedBy: fc.option(anyText, { nil: null }),
      }),
      { nil: null },
    ),
  )
  .map(([finding, severity, news]) =>
    news === null ? toNotification(finding, counsel) : toIncidentNotification({ finding, counsel, news, severity }),
  );

describe("any text in any field of any news", () => {
  property.prop([anyTold], { numRuns: 200 })("is text and nothing else in Jira", (told) => {
    const settings = { key: "k", project: "SEC", issueType: "Task", fields: {} };
    for (const size of ["whole", "minimal"] as const) {
      const { fields } = toJiraIssue(told, settings, size) as { readonly fields: Readonly<Record<string, unknown>> };
      expect(adfComplaints(fields.description)).toEqual([]);
      expect(adfComplaints(toJiraComment(told, size))).toEqual([]);
      expect(fields.summary).toMatch(/^[^\r\n]{1,255}$/);
      expect(stringsOf([fields, toJiraComment(told, size)]).filter(hasUnseen)).toEqual([]);
    }
  });

  property.prop([anyTold], { numRuns: 200 })("is text and nothing else in GitHub", (told) => {
    for (const size of ["whole", "minimal"] as const) {
      const { title, body } = toGitHubIssue(told, "glasswatch", size);
      expect(title).toMatch(/^[^\r\n]{1,256}$/);
      for (const markdown of [body, toGitHubComment(told, size)]) {
        expect(liveMarkdown(markdown)).toEqual([]);
        expect(hasUnseen(markdown)).toBe(false);
        expect(markdown.length).toBeLessThanOrEqual(65_536);
      }
    }
  });

  property.prop([anyTold], { numRuns: 200 })("is text and nothing else in Google Chat", (told) => {
    for (const size of ["whole", "minimal"] as const) {
      expect(chatComplaints(toChatMessage(told, size))).toEqual([]);
      expect(stringsOf(toChatMessage(told, size)).filter(hasUnseen)).toEqual([]);
    }
  });

  property.prop([anyTold], { numRuns: 200 })("fits ServiceNow, PagerDuty and CloudEvents", (told) => {
    for (const size of ["whole", "minimal"] as const) {
      const incident = toServiceNowIncident(told, "k", {}, size);
      expect(serviceNowCreation.safeParse(incident).error).toBeUndefined();
      expect(serviceNowChange.safeParse(toServiceNowNews(told, size)).error).toBeUndefined();
      expect(JSON.stringify(incident)).not.toMatch(/\[\/?code\]/i);
      const event = { ...toPagerDutyEvent(told, size), routing_key: PAGERDUTY_KEY };
      expect(pagerDutyEvent.safeParse(event).error).toBeUndefined();
      expect(stringsOf([incident, event]).filter(hasUnseen)).toEqual([]);
    }
    const { id, ...event } = toCloudEvent(told, "urn:glasswatch") as { readonly id: string };
    expect(cloudEvent.safeParse({ ...event, id: id || "x" }).error).toBeUndefined();
  });
});

const INLINE = /(?<![`\\])(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g;
const FENCE = /^( *)(`{3,})text\n[\s\S]*?\n\1\2$/gm;
const OUR_LINK = /\[(?:Log entry|Resource|Runbook|All of them)\]\(<https:\/\/[^<>\s]+>\)/g;
const OUR_MARK = /\n<!-- glasswatch \S+ \S+ -->$/;

/** Whatever GitHub would act on, once code, escapes and our own links and marks are taken away. */
function liveMarkdown(markdown: string): readonly string[] {
  const rest = markdown
    .replace(OUR_MARK, "")
    .replace(FENCE, "")
    .replace(INLINE, "")
    .replace(OUR_LINK, "")
    .replaceAll(/<\/?sub>/g, "")
    .replaceAll(/\\[\\`*_{}[\]()<>!|~&$^"'#=+.)-]/g, "·")
    .replaceAll(/&(?:lt|gt|amp);/g, "·");
  const live = [/[<>]/, /@/, /#\d/, /\bGH-\d/i, /:\/\//, /\bwww\./i, /\]\(/, /!\[/, /`/, /\$/, /&/];
  return live.filter((pattern) => pattern.test(rest)).map(String);
}

describe("Markdown", () => {
  it("is acted on where it is not ours, or these tests would prove nothing", () => {
    for (const text of [
      "@octocat",
      "#1",
      "<b>",
      "https://x.example",
      "[a](b)",
      "![a](b)",
      "www.x.example",
      "GH-12",
      "`",
    ]) {
      expect(liveMarkdown(text)).not.toEqual([]);
    }
    expect(liveMarkdown("`` @octocat ` #1 `` and `x`")).toEqual([]);
  });

  property.prop([anyText])("is never left open or closed by a text in code", (text) => {
    const coded = inlineCode(text);
    expect(coded).not.toContain("\n");
    const [fence = ""] = /^`+/.exec(coded) ?? [];
    const inner = coded.slice(fence.length, coded.length - fence.length);
    expect(coded === "–" || coded.endsWith(` ${fence}`)).toBe(true);
    expect(Array.from(inner.matchAll(/`+/g), ([run]) => run)).not.toContain(fence);
  });

  property.prop([anyText])("does nothing in prose", (text) => {
    expect(liveMarkdown(prose(text))).toEqual([]);
  });
});

property.prop([anyText])("no address stays one that a program would make a link of", (text) => {
  expect(unlinked(text)).not.toMatch(/:\/\/|\bwww\.|\b(?:mailto|tel|javascript|data):/i);
});

describe("a webhook", () => {
  const body = JSON.stringify(toCloudEvent(HOSTILE, "urn:glasswatch"));
  const now = Date.parse("2026-11-20T09:14:32.900Z");
  const seconds = Math.floor(now / 1000);
  const signature = signatureOf(body, now, new Secret(SIGNING_KEY));

  it("is signed so that receivers can tell it from any other", () => {
    expect(signature).toMatch(/^t=\d{10},v1=[0-9a-f]{64}$/);
    expect(isGenuine(body, signature, SIGNING_KEY, seconds)).toBe(true);
    expect(isGenuine(`${body} `, signature, SIGNING_KEY, seconds)).toBe(false);
    expect(isGenuine(body, signature, `${SIGNING_KEY}x`, seconds)).toBe(false);
    expect(isGenuine(body, signature.replace(/t=\d+/, `t=${seconds + 1}`), SIGNING_KEY, seconds)).toBe(false);
    expect(isGenuine(body, signature, SIGNING_KEY, seconds + 301)).toBe(false);
    for (const wrong of ["", "t=1,v1=", `${signature}0`, signature.slice(0, -1), "undefined"]) {
      expect(isGenuine(body, wrong, SIGNING_KEY, seconds)).toBe(false);
    }
  });
});

describe("addresses of the settings", () => {
  const deps = { now: () => 0, console: { write: () => {}, colour: false } };
  const secret = new Secret("sEcReT");
  const OPEN: Readonly<Record<string, (url: string) => unknown>> = {
    slack: (url) => openDestination({ kind: "slack", id: "x", webhookUrl: new Secret(url) }, deps),
    "slack-bot": (apiUrl) =>
      openDestination({ kind: "slack-bot", id: "x", token: secret, channel: "C0123456789", apiUrl }, deps),
    jira: (site) =>
      openDestination(
        { kind: "jira", id: "x", site, email: "a@b.example", apiToken: secret, project: "SEC", issueType: "Task" },
        deps,
      ),
    github: (apiUrl) =>
      openDestination({ kind: "github", id: "x", repository: "a/b", token: secret, label: "l", apiUrl }, deps),
    servicenow: (instance) =>
      openDestination({ kind: "servicenow", id: "x", instance, user: "u", password: secret, closeCode: "c" }, deps),
    pagerduty: (apiUrl) => openDestination({ kind: "pagerduty", id: "x", routingKey: secret, apiUrl }, deps),
    "google-chat": (url) => openDestination({ kind: "google-chat", id: "x", webhookUrl: new Secret(url) }, deps),
    webhook: (url) =>
      openDestination({ kind: "webhook", id: "x", url: new Secret(url), signingKey: secret, source: "urn:x" }, deps),
  };
  const WRONG = [
    "http://sEcReT.example.com/",
    "http://169.254.169.254/sEcReT",
    "http://metadata.google.internal/sEcReT",
    "http://127.0.0.1.sEcReT.example/",
    "https://u:sEcReT@example.com/",
    "ftp://example.com/sEcReT",
    "file:///sEcReT",
    "sEcReT",
    "",
  ];

  describe.each(Object.entries(OPEN))("of a %s destination", (_kind, open) => {
    it.each(WRONG)("are not %j", async (url) => {
      expectFailure(await failure((async () => open(url))()), "SETTINGS_INVALID", ["sEcReT"]);
    });

    it("are https, or on this machine", () => {
      for (const url of ["https://example.com/x", "http://127.0.0.1:1/x", "http://localhost:1/x", "http://[::1]:1/x"]) {
        expect(() => open(url)).not.toThrow();
      }
    });
  });

  it("are where everything goes, whatever stands in a log entry or comes as an answer", async () => {
    const elsewhere = await startStandIn({ handle: () => ({ status: 200 }), isWrite: () => true });
    const far = await startStandIn({
      isWrite: () => true,
      handle: () => ({ status: 307, headers: { location: `${elsewhere.origin}/stolen` } }),
    });
    for (const open of Object.values(OPEN)) {
      const destination = open(`${far.origin}/base`) as ReturnType<typeof openDestination>;
      const error = await failure(destination.deliver(HOSTILE, new AbortController().signal));
      expectFailure(error, "DESTINATION_REJECTED", ["sEcReT"]);
      expectNoSecret(error, [elsewhere.origin]);
    }
    expect(far.exchanges.length).toBeGreaterThanOrEqual(Object.keys(OPEN).length);
    expect(elsewhere.exchanges).toEqual([]);
    expect(far.exchanges.filter(({ path }) => !path.startsWith("/base"))).toEqual([]);
    await far.close();
    await elsewhere.close();
  });
});

function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}
