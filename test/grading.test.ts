import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify } from "../shared/classifier/classify.ts";
import { compareSeverity, type Finding } from "../shared/finding.ts";
import { type GradingSettings, grade } from "../shared/incidents/grade.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { sampleEntry } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const finding = (file: string): Finding => classify(sampleEntry(file), catalogue).findings[0] as Finding;

const BREAKGLASS = finding("cloudrun-service-breakglass-system-event.json");
const MESSAGE_ONLY = finding("cloudrun-service-breakglass-system-event-message-only.json");
const REQUEST = finding("cloudrun-activity-v2-updateservice-breakglass.json");
const GKE = finding("gke-pod-breakglass-label.json");
const DENIED = finding("cloudrun-service-denied-system-event.json");
const NOTHING: GradingSettings = { productionProjects: [], emergencyAccounts: [] };
const PRODUCTION = { ...NOTHING, productionProjects: ["example-prod"] };
const revision = (name: string, base = BREAKGLASS): Finding => ({
  ...base,
  workload: { ...(base.workload as NonNullable<Finding["workload"]>), revision: name },
});
const given = (justification: string | null): Finding => ({ ...BREAKGLASS, justification });

describe("the organization grades an incident, and says why", () => {
  const GRADES: readonly (readonly [string, readonly Finding[], GradingSettings, string, readonly string[]])[] = [
    ["without watchlists the rule's severity stands", [BREAKGLASS], NOTHING, "high", ["rule"]],
    ["the gravest rule of the story counts", [DENIED, BREAKGLASS], NOTHING, "high", ["rule"]],
    ["production is one higher", [BREAKGLASS], PRODUCTION, "critical", ["rule", "production"]],
    ["a denial in production is high", [DENIED], PRODUCTION, "high", ["rule", "production"]],
    [
      "another project is not production",
      [BREAKGLASS],
      { ...NOTHING, productionProjects: ["example"] },
      "high",
      ["rule"],
    ],
    ["nobody said why", [MESSAGE_ONLY], NOTHING, "critical", ["rule", "no_justification"]],
    ["given empty is not given", [given("")], NOTHING, "critical", ["rule", "no_justification"]],
    ["white space is not given", [given("  ")], NOTHING, "critical", ["rule", "no_justification"]],
    ["the request of the same story says why", [MESSAGE_ONLY, REQUEST], NOTHING, "high", ["rule"]],
    ["a Pod is not asked for what it cannot carry", [GKE], NOTHING, "high", ["rule"]],
    ["a denial is not asked why", [DENIED], { ...NOTHING, ticketPattern: "INC" }, "medium", ["rule"]],
    [
      "the justification names no ticket",
      [given("urgent")],
      { ...NOTHING, ticketPattern: "\\bINC-\\d+" },
      "critical",
      ["rule", "no_ticket"],
    ],
    ["the justification names one", [BREAKGLASS], { ...NOTHING, ticketPattern: "\\bINC-\\d+" }, "high", ["rule"]],
    [
      "the actor is an emergency account",
      [BREAKGLASS],
      { ...NOTHING, emergencyAccounts: ["Alice@example.com"] },
      "critical",
      ["rule", "emergency_account"],
    ],
    [
      "the person behind a service account is one",
      [REQUEST],
      { ...NOTHING, emergencyAccounts: ["alice@example.com"] },
      "critical",
      ["rule", "emergency_account"],
    ],
    [
      "one justification on two revisions is a habit",
      [revision("r1"), revision("r2")],
      NOTHING,
      "critical",
      ["rule", "standing"],
    ],
    ["a redelivery is no habit", [revision("r1"), revision("r1")], NOTHING, "high", ["rule"]],
    [
      "two reasons on two revisions are none",
      [revision("r1"), revision("r2", given("INC-2"))],
      NOTHING,
      "high",
      ["rule"],
    ],
    [
      "critical is the end, and every reason is still named",
      [MESSAGE_ONLY],
      PRODUCTION,
      "critical",
      ["rule", "production", "no_justification"],
    ],
  ];

  test.each(GRADES)("%s", (_name, findings, settings, severity, reasons) => {
    const graded = grade(findings as [Finding], settings);
    expect(graded.severity).toBe(severity);
    expect(graded.steps.map(({ reason }) => reason)).toEqual(reasons);
    expect(graded.steps.at(-1)?.severity).toBe(severity);
    for (const { text } of graded.steps) expect(text.length).toBeGreaterThan(10);
  });

  const all = [BREAKGLASS, MESSAGE_ONLY, REQUEST, GKE, DENIED, revision("r2"), given("")];
  const story = fc.shuffledSubarray(all, { minLength: 1 });

  test("order and duplicates make no difference", () => {
    fc.assert(
      fc.property(story, fc.infiniteStream(fc.nat(6)), (findings, picks) => {
        const doubled = [...findings, ...[...picks.take(3)].map((n) => findings[n % findings.length] as Finding)];
        const one = grade(findings as [Finding], PRODUCTION);
        const other = grade(doubled.toReversed() as [Finding], PRODUCTION);
        expect(other.severity).toBe(one.severity);
        expect(other.steps.map(({ reason }) => reason)).toEqual(one.steps.map(({ reason }) => reason));
      }),
    );
  });

  test("no text of a caller brings an incident below the rule's severity", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (justification, name) => {
        const hostile = { ...given(justification), actor: { ...BREAKGLASS.actor, principal: name, person: null } };
        expect(compareSeverity(grade([hostile], PRODUCTION).severity, BREAKGLASS.severity)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
