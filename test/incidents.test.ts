import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify } from "../shared/classifier/classify.ts";
import type { Finding } from "../shared/finding.ts";
import {
  acted,
  fitOf,
  type Incident,
  type IncidentSettings,
  joined,
  namesOf,
  newFacts,
  opened,
} from "../shared/incidents/incident.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { sampleEntry } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const finding = (file: string): Finding => classify(sampleEntry(file), catalogue).findings[0] as Finding;
const REVISION = finding("cloudrun-service-breakglass-system-event.json");
const MESSAGE_ONLY = finding("cloudrun-service-breakglass-system-event-message-only.json");
const SERVICE = finding("cloudrun-service-breakglass-system-event-service-level.json");
const REQUEST = finding("cloudrun-activity-v1-replaceservice-breakglass.json");
const POD = finding("gke-pod-breakglass-by-controller.json");
const TEMPLATE = finding("gke-deployment-breakglass-template.json");
const DENIED = finding("gke-pod-denied-by-controller.json");

const HOUR = 3_600_000;
const SETTINGS: IncidentSettings = {
  productionProjects: [],
  emergencyAccounts: [],
  quietAfterMs: { "policy-violation": 48 * HOUR },
  reopenWithinMs: 24 * HOUR,
};
const at = (base: Finding, time: string, id = `${base.id}${time}`): Finding => ({ ...base, time, id });
const story = (findings: readonly Finding[]): Incident =>
  findings
    .slice(1)
    .reduce<Incident>((incident, next) => joined(incident, next, SETTINGS), opened(findings[0] as Finding, SETTINGS));

/** Everything that has to be the same whatever the order was. */
function outcome(incident: Incident): unknown {
  return { ...incident, id: "" };
}

describe("findings of one story make one incident", () => {
  test("the request, the revision's and the service's entry of one break-glass", () => {
    const incident = story([REQUEST, MESSAGE_ONLY, SERVICE]);
    expect(incident.count).toBe(3);
    expect(incident.key).toBe("cloud-run-service/example-prod/europe-west1/checkout");
    expect(incident.face.actor.person?.principal).toBe("alice@example.com");
    expect(incident.face.justification).toBe("INC-4821 payment outage, hotfix without attestation");
    expect(incident.openedAt).toBe(REQUEST.time);
  });

  test("a controller's Pod learns its person from the template", () => {
    const incident = story([POD, TEMPLATE]);
    expect(POD.actor.person).toBeNull();
    expect(incident.face.actor.person?.principal).toBe("alice@example.com");
    expect(newFacts(opened(POD, SETTINGS), incident)).toEqual([
      "the person is known now: alice@example.com (authenticationInfo.principalEmail)",
    ]);
  });

  test("fifty Pods of one ReplicaSet are one incident with an exact count and span", () => {
    const pods = Array.from({ length: 50 }, (_, n) => at(POD, `2026-11-20T14:${String(n).padStart(2, "0")}:00Z`));
    const incident = story(pods);
    expect(incident.count).toBe(50);
    expect([incident.openedAt, incident.lastAt]).toEqual(["2026-11-20T14:00:00Z", "2026-11-20T14:49:00Z"]);
    expect(newFacts(opened(pods[0] as Finding, SETTINGS), incident)).toEqual([]);
  });

  test("a thousand findings are counted, the first and the last hundred kept", () => {
    const many = Array.from({ length: 1000 }, (_, n) => at(POD, new Date(n * 60_000).toISOString()));
    const incident = story(many.toReversed());
    expect(incident.count).toBe(1000);
    expect(incident.members).toHaveLength(200);
    expect(incident.members.map(({ time }) => time)).toEqual(
      [...many.slice(0, 100), ...many.slice(-100)].map(({ time }) => time),
    );
    expect(JSON.stringify(incident).length).toBeLessThan(500_000);
  });

  test("every permutation of a story, with duplicates, ends in the same state", () => {
    const all = [
      REQUEST,
      MESSAGE_ONLY,
      REVISION,
      SERVICE,
      at(SERVICE, "2026-11-20T10:00:00Z"),
      at(REVISION, "2026-11-19T10:00:00Z"),
    ];
    const expected = outcome(story(all));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(all, { minLength: all.length }),
        fc.array(fc.nat(all.length - 1), { maxLength: 5 }),
        (order, again) => {
          const doubled = [...order, ...again.map((n) => all[n] as Finding)];
          expect(outcome(story(doubled))).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("a story is known by its keys and aliases", () => {
    expect(story([REQUEST, REVISION]).names).toEqual(
      [...new Set([...namesOf(REQUEST), ...namesOf(REVISION)])].toSorted(),
    );
  });
});

describe("whether a finding belongs to an incident", () => {
  const resolved = (incident: Incident, when: string) =>
    acted(incident, { what: "resolved", at: when, by: "bob@example.com", note: "" }) as Incident;
  const open = opened(at(DENIED, "2026-11-20T12:00:00Z"), SETTINGS);
  const broken = opened(at(REVISION, "2026-11-20T12:00:00Z"), SETTINGS);

  test.each([
    ["soon after", open, DENIED, "2026-11-20T13:00:00Z", "joins"],
    ["within the quiet time", open, DENIED, "2026-11-22T12:00:00Z", "joins"],
    ["after the quiet time it is another story", open, DENIED, "2026-11-22T12:00:01Z", "apart"],
    ["late, from before it began", open, DENIED, "2026-11-19T12:00:00Z", "joins"],
    ["late, from long before", open, DENIED, "2026-11-10T12:00:00Z", "apart"],
    ["a break-glass stays open until it is resolved", broken, REVISION, "2027-11-20T12:00:00Z", "joins"],
    [
      "from before the resolution, only late",
      resolved(broken, "2026-11-20T15:00:00Z"),
      REVISION,
      "2026-11-20T14:00:00Z",
      "late",
    ],
    [
      "soon after the resolution it is open again",
      resolved(broken, "2026-11-20T15:00:00Z"),
      REVISION,
      "2026-11-21T15:00:00Z",
      "reopens",
    ],
    [
      "long after the resolution it is another story",
      resolved(broken, "2026-11-20T15:00:00Z"),
      REVISION,
      "2026-11-21T15:00:01Z",
      "apart",
    ],
  ] as const)("%s", (_name, incident, base, time, fit) => {
    expect(fitOf(incident, at(base, time), SETTINGS)).toBe(fit);
  });
});

describe("what people do to an incident", () => {
  const act = (what: "acknowledged" | "resolved" | "reopened") => ({
    what,
    at: "2026-11-21T00:00:00Z",
    by: "bob@example.com",
    note: "n",
  });
  const open = opened(REVISION, SETTINGS);

  test("acknowledge, resolve, reopen: the state follows, and who did it is kept", () => {
    const acknowledged = acted(open, act("acknowledged")) as Incident;
    const resolved = acted(acknowledged, act("resolved")) as Incident;
    const reopened = acted(resolved, act("reopened")) as Incident;
    expect([acknowledged, resolved, reopened].map(({ state }) => state)).toEqual(["acknowledged", "resolved", "open"]);
    expect(resolved.resolvedAt).toBe("2026-11-21T00:00:00Z");
    expect(reopened.resolvedAt).toBeNull();
    expect(reopened.actions.map(({ what, by }) => `${what} by ${by}`)).toHaveLength(3);
  });

  test("what makes no difference is not done", () => {
    expect(acted(open, act("reopened"))).toBeUndefined();
    const resolved = acted(open, act("resolved")) as Incident;
    expect(acted(resolved, act("resolved"))).toBeUndefined();
    expect(acted(resolved, act("acknowledged"))).toBeUndefined();
    expect(acted(acted(open, act("acknowledged")) as Incident, act("acknowledged"))).toBeUndefined();
  });
});

describe("what is new", () => {
  const other = { ...REVISION, id: "other", images: [{ reference: "r.example/new:1", digest: null }] };
  test.each([
    [
      "another image",
      opened(REVISION, SETTINGS),
      joined(opened(REVISION, SETTINGS), other, SETTINGS),
      ["another image: r.example/new:1"],
    ],
    ["a reason", opened(MESSAGE_ONLY, SETTINGS), story([MESSAGE_ONLY, SERVICE]), ["somebody gave a reason"]],
    [
      "the same again is nothing new",
      opened(REVISION, SETTINGS),
      story([REVISION, at(REVISION, "2026-11-20T10:00:00Z")]),
      [],
    ],
  ] as const)("%s", (_name, before, after, facts) => {
    expect(newFacts(before, after)).toEqual(facts);
  });

  test("a higher grade, with its reason", () => {
    const twice = {
      ...REVISION,
      id: "r2",
      workload: { ...(REVISION.workload as NonNullable<Finding["workload"]>), revision: "checkout-00043-abc" },
    };
    expect(newFacts(opened(REVISION, SETTINGS), story([REVISION, twice]))).toEqual([
      "graded critical now: the same justification stands on 2 revisions: the bypass has become a habit",
    ]);
  });
});
