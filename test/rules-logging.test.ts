import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../shared/audit-log/json.ts";
import { viewOf } from "../shared/audit-log/view.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { changed } from "./support/changed-entry.ts";
import { type Changes, find, rules, type Story } from "./support/rule-stories.ts";

const catalogue = builtInCatalogue();
const REQUEST = "protoPayload.request";

const SINK = "logging-updatesink-disabled.json";
const SINK_GONE = "logging-deletesink.json";
const EXCLUSION = "logging-createexclusion.json";
const EXCLUSION_CHANGED = "logging-updateexclusion.json";
const BUCKET = "logging-updatebucket-retention.json";
const LOG = "logging-deletelog.json";
const AUDIT = "iam-auditconfig-removed.json";
const DENIED = "logging-deletesink-permission-denied.json";
const METHOD = "protoPayload.methodName";
const config = (name: string) => `google.logging.v2.ConfigServiceV2.${name}`;
const DELTAS = "protoPayload.serviceData.policyDelta.auditConfigDeltas";
const sink = (sink: Json, updateMask?: Json): Changes => ({
  [`${REQUEST}.sink`]: sink,
  [`${REQUEST}.updateMask`]: updateMask,
  "protoPayload.response": undefined,
});

describe("which changes of logging are told, and as what", () => {
  const STORIES: readonly Story[] = [
    ["a sink that is made is no weakening", SINK_GONE, { [METHOD]: config("CreateSink") }, []],
    ["a sink that is only read is none", SINK_GONE, { [METHOD]: config("GetSink") }, []],
    [
      "a refused deletion is an attempt",
      SINK_GONE,
      { "protoPayload.status": { code: 7 } },
      ["logging.change_attempt_denied"],
    ],
    ["a deletion of what was not there changed nothing", SINK_GONE, { "protoPayload.status": { code: 5 } }, []],
    ["refused to make a sink: no guardrail was meant", DENIED, { [METHOD]: config("CreateSink") }, []],
    ["refused to make a bucket: no guardrail was meant", DENIED, { [METHOD]: config("CreateBucket") }, []],
    [
      "refused to make an exclusion",
      DENIED,
      { [METHOD]: config("CreateExclusion") },
      ["logging.change_attempt_denied"],
    ],
    [
      "a destination that is set, before unknown",
      SINK,
      sink({ destination: "pubsub/x" }, "destination"),
      ["logging.sink_changed"],
    ],
    ["a filter that is set, before unknown", SINK, sink({ filter: "x" }, "filter"), ["logging.sink_changed"]],
    [
      "an exclusion that drops everything",
      SINK,
      sink({ exclusions: [{ filter: "*", name: "all" }] }, "exclusions"),
      ["logging.sink_weakened"],
    ],
    ["exclusions that are taken out", SINK, sink({ name: "s" }, "exclusions"), ["logging.sink_changed"]],
    ["children that are left out", SINK, sink({ name: "s" }, "includeChildren"), ["logging.sink_weakened"]],
    ["children that are looked at", SINK, sink({ includeChildren: true }, "includeChildren"), ["logging.sink_changed"]],
    ["children that a request without a mask does not name", SINK, sink({ filter: "x" }), ["logging.sink_changed"]],
    ["a mask with underscores", SINK, sink({ name: "s" }, "include_children"), ["logging.sink_weakened"]],
    [
      "a mask that is a list of paths",
      SINK,
      sink({ disabled: true }, { paths: ["disabled"] }),
      ["logging.sink_weakened"],
    ],
    ["a mask that names everything", SINK, sink({ disabled: true }, "*"), ["logging.sink_weakened"]],
    ["a sink that is no object", SINK, sink("sink"), ["logging.sink_changed"]],
    [
      "the end of a long change of a bucket",
      BUCKET,
      { [METHOD]: config("UpdateBucketAsync"), [REQUEST]: undefined, operation: { id: "o/1", last: true } },
      [],
    ],
    [
      "a change that is its own end",
      BUCKET,
      {
        [METHOD]: config("UpdateBucketAsync"),
        [REQUEST]: undefined,
        operation: { id: "o/1", first: true, last: true },
      },
      ["logging.bucket_changed"],
    ],
    [
      "a retention that is no number",
      BUCKET,
      { [`${REQUEST}.bucket.retentionDays`]: "long" },
      ["logging.bucket_changed"],
    ],
    [
      "a retention that is written as text",
      BUCKET,
      { [`${REQUEST}.bucket.retentionDays`]: "7" },
      ["logging.retention_changed"],
    ],
    ["another service of that method name", BUCKET, { "protoPayload.serviceName": "example.com" }, []],
    ["a policy without a change of what is audited", AUDIT, { [DELTAS]: undefined }, []],
    [
      "a call in another log",
      LOG,
      { logName: "projects/example-prod/logs/cloudaudit.googleapis.com%2Fsystem_event" },
      [],
    ],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });
});

describe("which story it is", () => {
  const NUMBER = "projects/123456789012/sinks/binauthz-audit";
  test.each([
    [
      "a project by its id, whatever the resource is called",
      SINK,
      { "protoPayload.resourceName": NUMBER },
      "sink/projects/example-prod/binauthz-audit",
    ],
    ["a folder by its number", SINK, { "protoPayload.resourceName": "folders/77/sinks/s" }, "sink/folders/77/s"],
    ["a bucket by its place", BUCKET, {}, "log-bucket/projects/example-prod/global/_Default"],
    [
      "an exclusion whose name only the request holds",
      EXCLUSION,
      { "protoPayload.resourceName": "projects/example-prod" },
      "exclusion/projects/example-prod/drop-cv",
    ],
    [
      "a log whose id is encoded",
      LOG,
      { "protoPayload.resourceName": "projects/p/logs/a.b%2Fc" },
      "log/projects/example-prod/a.b/c",
    ],
    [
      "a log whose id is not",
      LOG,
      { "protoPayload.resourceName": "projects/p/logs/a.b/c" },
      "log/projects/example-prod/a.b/c",
    ],
    [
      "a log that only the request names",
      LOG,
      { "protoPayload.resourceName": "projects/p" },
      "log/projects/example-prod/evidence",
    ],
    ["a refused attempt is of the story of its sink", DENIED, {}, find(SINK_GONE)[0]?.incidentKey],
    ["no resource name at all", SINK_GONE, { "protoPayload.resourceName": undefined }, "sink/unknown/unknown"],
  ] as const)("%s", (_name, file, changes, expected) => {
    expect(find(file, changes)[0]?.incidentKey).toBe(expected);
  });
});

describe("with the state before", () => {
  const STATE = {
    filter: 'logName:"cloudaudit" OR severity>=ERROR',
    destination: "pubsub/a",
    disabled: false,
    exclusions: [],
  };
  const compared = (changes: Changes, state: unknown) =>
    find(SINK, changes, {
      previousState: (key) => (key === "sink/projects/example-prod/binauthz-audit" ? state : undefined),
    })[0];

  test.each([
    ["a filter that lost an alternative", sink({ filter: "severity>=ERROR" }, "filter"), "logging.sink_weakened"],
    [
      "a filter that is only written otherwise",
      sink({ filter: 'severity >= ERROR OR (logName : "cloudaudit")' }, "filter"),
      "logging.sink_changed",
    ],
    [
      "a filter with another alternative",
      sink({ filter: `${STATE.filter} OR severity=INFO` }, "filter"),
      "logging.sink_changed",
    ],
    ["a filter that demands something else", sink({ filter: 'resource.type="x"' }, "filter"), "logging.sink_changed"],
    ["another destination", sink({ destination: "pubsub/b" }, "destination"), "logging.sink_weakened"],
    ["the same destination", sink({ destination: "pubsub/a" }, "destination"), "logging.sink_changed"],
    [
      "what the mask leaves out is not changed",
      sink({ destination: "pubsub/b", disabled: true }, "filter"),
      "logging.sink_changed",
    ],
  ] as const)("%s", (_name, changes, expected) => {
    expect(compared(changes, STATE)).toMatchObject({ rule: expected, comparedWith: "previous" });
  });

  test("a whole answer says what the sink became", () => {
    const answer = { name: "s", destination: "pubsub/b", filter: STATE.filter };
    const finding = compared({ ...sink({ name: "s" }, "destination"), "protoPayload.response": answer }, STATE);
    expect(finding?.changes).toEqual([
      { field: "destination", before: "pubsub/a", after: "pubsub/b", effect: "weaker" },
    ]);
  });

  test("what an entry shows of a sink is what a later one is compared with", () => {
    const rule = catalogue.rule("logging.sink_changed");
    const observed = observe(sink({ filter: "a", disabled: true }, "filter"));
    expect(rule?.observe).toBeDefined();
    expect(observed).toEqual({ key: "sink/projects/example-prod/binauthz-audit", state: { filter: "a" } });
    expect(observe(sink("nothing", "filter"))).toBeNull();
    const again = find(SINK, sink({ filter: "a b" }, "filter"), { previousState: () => observed?.state });
    expect(again[0]).toMatchObject({ rule: "logging.sink_weakened", comparedWith: "previous" });
  });

  function observe(changes: Changes) {
    const { observe: observed } = catalogue.rule("logging.sink_weakened") ?? {};
    return observed?.(viewOf(changed(SINK, changes))) ?? null;
  }

  test.each([
    ["wider: less is logged", { filter: "a" }, { filter: "a OR b" }, "filter", "exclusion.filter weaker"],
    ["narrower: more is logged", { filter: "a OR b" }, { filter: "a" }, "filter", "exclusion.filter stronger"],
    ["in force again", { disabled: true }, {}, "disabled", "exclusion.disabled weaker"],
    ["out of force", { disabled: false }, { disabled: true }, "disabled", "exclusion.disabled stronger"],
  ] as const)("an exclusion that is %s", (_name, state, exclusion, updateMask, expected) => {
    const changes = { [`${REQUEST}.exclusion`]: exclusion, [`${REQUEST}.updateMask`]: updateMask };
    const [finding] = find(EXCLUSION_CHANGED, changes, { previousState: () => state });
    expect(finding?.comparedWith).toBe("previous");
    expect(finding?.changes.map(({ field, effect }) => `${field} ${effect}`)).toEqual([expected]);
  });

  test("an exclusion that is made out of force drops nothing", () => {
    const [finding] = find(EXCLUSION, { [`${REQUEST}.exclusion.disabled`]: true });
    expect(finding?.changes.map(({ effect }) => effect)).toEqual(["neutral"]);
    expect(find(EXCLUSION)[0]?.changes.map(({ effect }) => effect)).toEqual(["weaker"]);
  });

  test("any state, any request: an answer, never a fault", () => {
    const json = fc.jsonValue() as fc.Arbitrary<Json>;
    const places = fc.constantFrom(
      "request",
      "request.sink",
      "request.exclusion",
      "request.bucket",
      "request.updateMask",
      "response",
      "serviceData",
      "resourceName",
    );
    const files = fc.constantFrom(SINK, SINK_GONE, EXCLUSION, EXCLUSION_CHANGED, BUCKET, LOG, AUDIT, DENIED);
    fc.assert(
      fc.property(files, places, json, json, (file, place, value, state) => {
        find(file, { [`protoPayload.${place}`]: value }, { previousState: () => state });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what is audited", () => {
  test.each([
    ["a log type that is taken out", { action: "REMOVE", service: "s", logType: "DATA_READ" }, "weaker"],
    ["a log type that is added", { action: "ADD", service: "s", logType: "DATA_READ" }, "stronger"],
    [
      "somebody who is exempted",
      { action: "ADD", service: "s", logType: "DATA_READ", exemptedMember: "user:a@b" },
      "weaker",
    ],
    [
      "somebody who no longer is",
      { action: "REMOVE", service: "s", logType: "DATA_READ", exemptedMember: "user:a@b" },
      "stronger",
    ],
  ] as const)("%s", (_name, delta, effect) => {
    const [finding] = find(AUDIT, { [DELTAS]: [delta] });
    expect(finding?.changes.map((change) => change.effect)).toEqual([effect]);
    expect(finding?.incidentKey).toBe("audit-config/projects/example-prod");
  });
});

describe("what else a change of logging may be", () => {
  const TO = { previousState: () => ({ filter: "severity<ERROR", disabled: true }) };

  test("an exclusion that is turned on again drops from now on", () => {
    const turnedOn = { [`${REQUEST}.exclusion`]: { disabled: false }, [`${REQUEST}.updateMask`]: "disabled" };
    expect(find(EXCLUSION_CHANGED, turnedOn, TO)[0]?.changes).toEqual([
      { field: "exclusion.disabled", before: "true", after: "false", effect: "weaker" },
    ]);
    // Where it was not known to be off, being on is nothing new.
    expect(find(EXCLUSION_CHANGED, turnedOn)[0]?.changes).toEqual([]);
  });

  test("a bucket that is locked is stronger", () => {
    const locked = { [`${REQUEST}.bucket`]: { locked: true }, [`${REQUEST}.updateMask`]: "locked" };
    expect(find(BUCKET, locked)[0]).toMatchObject({
      rule: "logging.bucket_changed",
      changes: [{ field: "locked", before: null, after: "true", effect: "stronger" }],
    });
  });

  test.each([
    ["DeleteExclusion", "projects/example-prod/exclusions/drop-cv", "exclusion/projects/example-prod/drop-cv"],
    [
      "DeleteBucket",
      "projects/example-prod/locations/global/buckets/evidence",
      "log-bucket/projects/example-prod/global/evidence",
    ],
  ])("a refused %s is of the story of what it was tried on", (method, resourceName, incidentKey) => {
    const tried = { [METHOD]: config(method), "protoPayload.resourceName": resourceName, [REQUEST]: undefined };
    expect(find(DENIED, tried)[0]).toMatchObject({ rule: "logging.change_attempt_denied", incidentKey });
  });
});
