import { test as property } from "@fast-check/vitest";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toConsoleText } from "../shared/destinations/console.ts";
import { spanOf, toDigest } from "../shared/destinations/digest.ts";
import {
  eventMark,
  incidentLines,
  isOpening,
  newsHeadline,
  newsLine,
  newsOf,
  stateHeadline,
} from "../shared/destinations/incident-words.ts";
import {
  type IncidentNews,
  type Notification,
  toIncidentNotification,
  toNotification,
} from "../shared/destinations/notification.ts";
import { SEVERITIES } from "../shared/finding.ts";
import { anyText, hasUnseen } from "./support/destination-texts.ts";
import { example } from "./support/example-findings.ts";
import { DIGEST, newsOfStory, STORIES, storedBeforeIncidents } from "./support/example-incidents.ts";

const { finding, counsel } = example("cloud-run-break-glass-with-justification");

describe("a notification of an incident", () => {
  it("has the incident's id and number for its own, and the organization's severity", () => {
    for (const told of STORIES.flatMap(({ news }) => news)) {
      expect(told.id).toBe(`${told.incident?.id}:${told.incident?.sequence}`);
    }
    const told = newsOfStory("cloud-run-break-glass", "opened");
    expect([told.severity, finding.severity]).toEqual(["critical", "high"]);
    expect(told.headline).toBe(toNotification(finding, counsel).headline);
  });

  property.prop([fc.array(anyText, { maxLength: 40 }), anyText])(
    "is of bounded size and can be looked at",
    (texts, text) => {
      const news: IncidentNews = {
        id: "0a1b2c",
        state: "resolved",
        news: "resolved",
        sequence: 3,
        openedAt: text,
        updatedAt: text,
        findings: 2,
        grading: texts,
        newFacts: texts,
        resolvedBy: text,
      };
      const told = toIncidentNotification({ finding, counsel, news, severity: "low" });
      expect(JSON.parse(JSON.stringify(told))).toEqual(told);
      expect(JSON.stringify(told).length).toBeLessThan(100_000);
      const lines = incidentLines(told).map(({ label, value }) => label + value);
      for (const shown of [...lines, newsLine(told.incident as IncidentNews), newsHeadline(told)]) {
        expect(hasUnseen(shown)).toBe(false);
      }
    },
  );

  it.each([
    { news: "opened", line: "Open", headline: "Open: " },
    {
      news: "repeated",
      line: "Repeated: 7 findings by now, the last at 2026-11-20 09:31:02 UTC",
      headline: "Repeated: ",
    },
    { news: "acknowledged", line: "Acknowledged: bob@example.com is looking after it", headline: "Acknowledged: " },
    {
      news: "resolved",
      line: "Resolved by a compliant deployment by alice@example.com after 2 hours; 7 findings: revision checkout-00043-hes was deployed without break-glass and passed the policy",
      headline: "Resolved: ",
    },
  ] as const)("that is $news is put into one line", ({ news, line, headline }) => {
    const told = newsOfStory("cloud-run-break-glass", news);
    expect(newsLine(told.incident as IncidentNews)).toBe(line);
    expect(newsHeadline(told).startsWith(headline)).toBe(true);
  });

  it("tells its news by one word, and how it stands by another", () => {
    const told = newsOfStory("cloud-run-break-glass", "updated");
    expect([newsHeadline(told).split(":")[0], stateHeadline(told).split(":")[0]]).toEqual(["Updated", "Open"]);
  });

  it("that is over no longer says what to do", () => {
    const text = (told: Notification) => toConsoleText(told, { colour: false });
    expect(text(newsOfStory("cloud-run-break-glass", "opened"))).toContain("What to do");
    expect(text(newsOfStory("cloud-run-break-glass", "resolved"))).not.toMatch(/What to do|Why it matters/);
  });
});

describe("a notification that was stored before there were incidents", () => {
  it("is read as a finding told alone, and looks as it did", () => {
    const stored = storedBeforeIncidents();
    expect("incident" in stored).toBe(false);
    expect([newsOf(stored), isOpening(stored), incidentLines(stored)]).toEqual([null, true, []]);
    const look = { colour: false, columns: 100 };
    expect(toConsoleText(stored, look)).toBe(toConsoleText(toNotification(finding, counsel), look));
  });

  it("is one told alone, too, when its news are of a kind that we do not know", () => {
    const told = newsOfStory("cloud-run-break-glass", "opened");
    const incident = { ...told.incident, news: "exploded" } as unknown as IncidentNews;
    expect(newsOf({ ...told, incident })).toBeNull();
    expect(eventMark({ ...told, incident })).toBe(told.id.slice(0, 12));
  });
});

describe("a digest", () => {
  const counts = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}\.[a-z]{1,8}$/), fc.integer({ min: 1, max: 5_000 }), {
    maxKeys: 40,
  });

  property.prop([counts, counts])("counts everything exactly, however many names there are", (byRule, byProject) => {
    const sum = (of: Readonly<Record<string, number>>) => Object.values(of).reduce((a, b) => a + b, 0);
    const count = sum(byRule);
    const digest = toDigest({
      id: "d",
      category: "policy-violation",
      severity: "high",
      key: "flood",
      from: "2026-11-20T10:00:00Z",
      to: "2026-11-20T10:05:00Z",
      count,
      bySeverity: { high: count },
      byRule,
      byProject,
      link: null,
    });
    const line = (label: string) => digest.lines.find((one) => one.label === label)?.value ?? "";
    expect(figuresOf(line("By rule"))).toBe(count);
    expect(figuresOf(line("By project"))).toBe(sum(byProject));
    expect(line("By rule").length).toBeLessThan(600);
    expect(digest.headline).toContain("in 5 minutes");
  });

  it("is a notification like others, with one way to all that it stands for", () => {
    expect(isOpening(DIGEST)).toBe(true);
    expect(DIGEST.links.map(({ kind, label }) => [kind, label])).toEqual([["ledger", "All of them"]]);
    expect(toDigest({ ...digestBase(), link: "javascript:alert(1)" }).links).toEqual([]);
    expect(toDigest({ ...digestBase(), link: "http://example.com" }).links).toEqual([]);
  });

  it("names severities from the gravest down", () => {
    expect(DIGEST.lines.find(({ label }) => label === "By severity")?.value).toBe("12 high, 1,401 medium, 69 low");
    expect(SEVERITIES.at(-1)).toBe("critical");
  });

  it.each([
    { from: "2026-11-20T10:00:00Z", to: "2026-11-20T10:00:01Z", span: "1 second" },
    { from: "2026-11-20T10:00:00Z", to: "2026-11-20T11:31:00Z", span: "2 hours" },
    { from: "2026-11-20T10:00:00Z", to: "2026-11-23T10:00:00Z", span: "3 days" },
    { from: "2026-11-20T10:00:00Z", to: "2026-11-20T10:00:00Z", span: null },
    { from: "yesterday", to: "2026-11-20T10:00:00Z", span: null },
  ])("spans $span", ({ from, to, span }) => {
    expect(spanOf(from, to)).toBe(span);
  });
});

function digestBase() {
  return {
    id: "d",
    category: "policy-violation",
    severity: "high",
    key: "flood",
    from: "2026-11-20T10:00:00Z",
    to: "2026-11-20T10:05:00Z",
    count: 0,
    bySeverity: {},
    byRule: {},
    byProject: {},
  } as const;
}

/** The sum of all figures that stand before a name; "and 7 more rules with 31" counts its last. */
function figuresOf(line: string): number {
  if (line === "none") return 0;
  return line
    .replace(/and \d+ more \w+ with/, "")
    .split(", ")
    .reduce((sum, part) => sum + Number(/[\d,]+/.exec(part)?.[0].replaceAll(",", "") ?? 0), 0);
}
