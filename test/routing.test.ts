import { describe, expect, test } from "vitest";
import { classify } from "../shared/classifier/classify.ts";
import type { Finding } from "../shared/finding.ts";
import { acted, type Incident, type IncidentSettings, joined, opened } from "../shared/incidents/incident.ts";
import { incidentFields } from "../shared/incidents/incident-schema.ts";
import { isTimeZone } from "../shared/query/timestamp.ts";
import { type DecisionBasis, decide } from "../shared/response/decide.ts";
import { compileRoutes, destinationsOf, type RouteDocument, waysOf } from "../shared/response/routes.ts";
import { type Silence, silenceFor } from "../shared/response/silences.ts";
import { isWithin, type TimeWindow } from "../shared/response/time-window.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { sampleEntry } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const finding = (file: string): Finding => classify(sampleEntry(file), catalogue).findings[0] as Finding;
const SETTINGS: IncidentSettings = {
  productionProjects: [],
  emergencyAccounts: [],
  quietAfterMs: {},
  reopenWithinMs: 0,
};
const incidentOf = (file: string) => opened(finding(file), SETTINGS);

const BREAKGLASS = incidentOf("cloudrun-service-breakglass-system-event.json");
const CONTROLLER = incidentOf("gke-pod-breakglass-by-controller.json");
const DENIED = incidentOf("gke-pod-denied-violates-policy.json");
const DRY_RUN = incidentOf("gke-pod-dryrun.json");
const NOON = new Date("2026-11-20T12:00:00Z");

describe("a condition names fields of an incident", () => {
  const CONDITIONS: readonly (readonly [string, Incident, boolean])[] = [
    ["severity>=high", BREAKGLASS, true],
    ["severity>=critical", BREAKGLASS, false],
    ['severity>=medium AND project="example-prod"', DENIED, true],
    ["category=break-glass", CONTROLLER, true],
    ['rule:"gke."', CONTROLLER, true],
    ['rule=("cloudrun.breakglass" OR "cloudrun.denied")', BREAKGLASS, true],
    ['workload.namespace="payments" workload.cluster="prod-ew1"', CONTROLLER, true],
    ['person="alice@example.com"', BREAKGLASS, true],
    ["NOT person:*", CONTROLLER, true],
    ["actorKind=workload-controller", CONTROLLER, true],
    ["count>1", BREAKGLASS, false],
    ['image:"/apps/checkout@"', BREAKGLASS, true],
    ['justification=~"^INC-"', BREAKGLASS, true],
    ['openedAt>="2026-11-20T00:00:00Z"', BREAKGLASS, true],
    ["reason=production", BREAKGLASS, false],
  ];
  test.each(CONDITIONS)("%s", (when, incident, isMatch) => {
    const root = compileRoutes({ destinations: ["a"], routes: [{ when, destinations: ["b"] }] });
    expect(waysOf(root, incidentFields(incident), NOON)[0]?.destinations).toEqual([isMatch ? "b" : "a"]);
  });

  test.each([
    ["a field that does not exist", "severty>=high", "QUERY_FIELD"],
    ["a severity that does not exist", "severity>=grave", "QUERY_VALUE"],
    ["what does not parse", "severity>=", "QUERY_SYNTAX"],
  ])("%s stops the start", (_name, when, code) => {
    expect(() => compileRoutes({ routes: [{ when }] })).toThrow(expect.objectContaining({ code }));
  });
});

describe("the tree of routes", () => {
  const TREE: RouteDocument = {
    destinations: ["everybody"],
    routes: [
      { name: "audit", when: "severity>=low", destinations: ["archive"], continue: true },
      {
        name: "glass",
        when: "category=break-glass",
        destinations: ["security"],
        groupWaitMs: 5,
        routes: [
          { name: "controllers", when: "actorKind=workload-controller" },
          { name: "run", when: 'rule:"cloudrun."', destinations: ["run-team"], repeatIntervalMs: 7 },
        ],
      },
      {
        name: "never",
        when: "severity>=low",
        destinations: ["nobody"],
        during: [{ zone: "UTC", from: "00:00", to: "00:01" }],
      },
    ],
  };
  const ways = (incident: Incident, at = NOON) => waysOf(compileRoutes(TREE), incidentFields(incident), at);

  test.each([
    [
      "a child that continues lets the next one have it too",
      BREAKGLASS,
      ["default / audit → archive", "default / glass / run → run-team"],
    ],
    [
      "a child without destinations tells those of its parent",
      CONTROLLER,
      ["default / audit → archive", "default / glass / controllers → security"],
    ],
    ["where no further child matches, only the one that continued has it", DENIED, ["default / audit → archive"]],
  ])("%s", (_name, incident, expected) => {
    expect(ways(incident).map(({ route, destinations }) => `${route} → ${destinations.join()}`)).toEqual(expected);
  });

  test("what is not said is inherited", () => {
    const [, run] = ways(BREAKGLASS);
    expect(run).toMatchObject({ groupWaitMs: 5, repeatIntervalMs: 7 });
  });

  test("without children everything goes to the root", () => {
    expect(waysOf(compileRoutes({ destinations: ["a"] }), {}, NOON)).toMatchObject([
      { route: "default", destinations: ["a"] },
    ]);
  });

  test("a route outside of its hours does not match", () => {
    expect(ways(DENIED, new Date("2026-11-20T00:00:30Z")).map(({ destinations }) => destinations)).toEqual([
      ["archive"],
      ["nobody"],
    ]);
  });

  test("the destinations of a tree are known", () => {
    expect(destinationsOf(TREE)).toEqual(["everybody", "archive", "security", "run-team", "nobody"]);
  });
});

describe("hours are those of the clock on the wall", () => {
  const WORK: TimeWindow = {
    zone: "Europe/Berlin",
    days: ["mon", "tue", "wed", "thu", "fri"],
    from: "08:00",
    to: "18:00",
  };
  const NIGHT: TimeWindow = { zone: "America/New_York", days: ["fri"], from: "22:00", to: "06:00" };
  test.each([
    ["a winter morning", WORK, "2026-01-15T07:00:00Z", true],
    ["the minute before", WORK, "2026-01-15T06:59:59Z", false],
    ["a summer morning begins an hour earlier in UTC", WORK, "2026-07-15T06:00:00Z", true],
    ["the end belongs to the evening", WORK, "2026-01-15T17:00:00Z", false],
    ["a Saturday", WORK, "2026-01-17T10:00:00Z", false],
    ["Sunday in UTC, Monday in the zone", { zone: "Asia/Tokyo", days: ["mon"] }, "2026-01-18T20:00:00Z", true],
    ["Friday night", NIGHT, "2026-01-17T03:30:00Z", true],
    ["the night goes on into Saturday morning", NIGHT, "2026-01-17T10:59:00Z", true],
    ["Saturday night is not Friday's", NIGHT, "2026-01-18T04:00:00Z", false],
    ["Friday morning is Thursday's night", NIGHT, "2026-01-16T10:00:00Z", false],
    ["all day", { zone: "UTC" }, "2026-01-18T23:59:00Z", true],
  ] as const)("%s", (_name, window, at, isIn) => {
    expect(isWithin(window as TimeWindow, new Date(at))).toBe(isIn);
  });

  test("zones are checked by name", () => {
    expect([isTimeZone("Europe/Berlin"), isTimeZone("Europe/Bonn")]).toEqual([true, false]);
  });
});

const SILENCE: Silence = {
  schema: 1,
  id: "s1",
  when: 'workload.name="checkout"',
  author: "bob@example.com",
  reason: "known, CHG-7",
  createdAt: "2026-11-20T10:00:00Z",
  expiresAt: "2026-11-20T14:00:00Z",
  uses: 0,
};

describe("a silence", () => {
  const found = (silences: readonly Silence[], at: string, incident = BREAKGLASS) =>
    silenceFor(silences, incidentFields(incident), new Date(at))?.id;
  test.each([
    ["is in force between its times", "2026-11-20T12:00:00Z", BREAKGLASS, "s1"],
    ["is not, before", "2026-11-20T09:59:59Z", BREAKGLASS, undefined],
    ["is not, from its end on", "2026-11-20T14:00:00Z", BREAKGLASS, undefined],
    ["is not for what it does not match", "2026-11-20T12:00:00Z", DENIED, undefined],
  ] as const)("%s", (_name, at, incident, id) => {
    expect(found([SILENCE], at, incident)).toBe(id);
  });

  test("of several, the one that lasts longest is named", () => {
    const longer = { ...SILENCE, id: "s2", expiresAt: "2026-11-20T15:00:00Z" };
    expect(found([SILENCE, longer], "2026-11-20T12:00:00Z")).toBe("s2");
    expect(found([longer, SILENCE], "2026-11-20T12:00:00Z")).toBe("s2");
  });
});

describe("tell whom, or why not", () => {
  const ROUTES = compileRoutes({ destinations: ["a"], groupWaitMs: 5, repeatIntervalMs: 7 });
  const basis = (more: Partial<DecisionBasis>): DecisionBasis => ({
    incident: BREAKGLASS,
    fit: "opens",
    newFacts: [],
    related: [],
    silences: [],
    routes: ROUTES,
    at: NOON,
    ...more,
  });
  const enforced = { ...DENIED, names: DRY_RUN.names };
  const resolved = acted(enforced, { what: "resolved", at: "2026-11-20T11:00:00Z", by: "b", note: "" }) as Incident;
  const DECISIONS: readonly (readonly [string, Partial<DecisionBasis>, string, number | undefined])[] = [
    ["the first is told at once", {}, "first", 0],
    ["news waits for more of it", { fit: "joins", newFacts: ["another image"] }, "news", 5],
    ["the same again is told after the repeat interval", { fit: "joins" }, "repeat", 7],
    ["what goes on after its resolution is told at once", { fit: "reopens" }, "reopened", 0],
    ["what came late is told to nobody", { fit: "late", newFacts: ["x"] }, "late", undefined],
    [
      "a fact that is only tracked is told to nobody",
      { incident: { ...BREAKGLASS, category: "tracking" } },
      "tracking",
      undefined,
    ],
    ["a silence tells nobody", { silences: [SILENCE] }, "silenced", undefined],
    [
      "a dry run beside a real refusal tells nobody",
      { incident: DRY_RUN, related: [enforced] },
      "inhibited",
      undefined,
    ],
    ["a dry run beside a refusal that is over is told", { incident: DRY_RUN, related: [resolved] }, "first", 0],
    ["a real refusal beside a dry run is told", { incident: enforced, related: [DRY_RUN] }, "first", 0],
    ["routes without destinations tell nobody, and say so", { routes: compileRoutes({}) }, "no_destination", undefined],
  ];
  test.each(DECISIONS)("%s", (_name, more, reason, waitMs) => {
    const decision = decide(basis(more));
    expect(decision.reason).toBe(reason);
    expect(decision.ways.map((way) => decision.waitMs(way))).toEqual(waitMs === undefined ? [] : [waitMs]);
    expect(decision.text.length).toBeGreaterThan(5);
    expect(decision.silence?.id).toBe(reason === "silenced" ? "s1" : undefined);
  });

  test("an incident of a dry run that then was refused for real is no dry run any more", () => {
    const both = joined(DRY_RUN, { ...finding("gke-pod-denied-violates-policy.json"), id: "x" }, SETTINGS);
    expect(decide(basis({ incident: both, related: [enforced] })).reason).toBe("first");
  });
});
