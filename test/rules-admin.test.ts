import { describe, expect, test } from "vitest";
import { openEnvelope } from "../shared/audit-log/envelope.ts";
import type { Json } from "../shared/audit-log/json.ts";
import { compileCatalogue } from "../shared/classifier/catalogue.ts";
import { classify } from "../shared/classifier/classify.ts";
import { compareSinks, filterEffect, type SinkState } from "../shared/classifier/compare-sink.ts";
import { EMPTY_WATCHLISTS } from "../shared/classifier/watchlists.ts";
import { builtInCatalogue, builtInRules } from "../shared/rules/index.ts";
import { changed } from "./support/changed-entry.ts";
import { find, rules } from "./support/rule-stories.ts";
import { sampleBytes, sampleEntry } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const PAYLOAD = "protoPayload";

const GRANT = "iam-setiampolicy-binauthz-role-grant.json";
const TOPIC = "pubsub-deletetopic.json";
const SUBSCRIPTION = "pubsub-deletesubscription.json";
const DISABLE = "serviceusage-disableservice-first.json";
const SINK = "logging-updatesink-disabled.json";
const BUCKET = "logging-updatebucket-retention.json";
const REPOSITORY = "artifactregistry-setiampolicy.json";
const OCCURRENCE = "grafeas-createoccurrence-attestation.json";
const NOTE = "grafeas-createnote.json";
const GDC_DENIED = "gdc-pod-denied.json";
const GDC_BREAKGLASS = "gdc-pod-breakglass.json";
const GDC_DRYRUN = "gdc-pod-dryrun.json";
const CV = "cv-pod-violation-multi-check.json";
const DELTAS = `${PAYLOAD}.serviceData.policyDelta.bindingDeltas`;
const FAILURE = { status: "Failure", reason: "Forbidden", message: "exceeded quota" };

describe("what refine leaves", () => {
  const STORIES: readonly (readonly [string, string, Readonly<Record<string, Json | undefined>>, readonly string[]])[] =
    [
      [
        "a watched role that is taken away, another that is granted",
        GRANT,
        {
          [DELTAS]: [
            { action: "REMOVE", role: "roles/owner", member: "user:a@b" },
            { action: "ADD", role: "roles/viewer", member: "user:a@b" },
          ],
        },
        [],
      ],
      [
        "a watched role that is granted beside one that is taken away",
        GRANT,
        {
          [DELTAS]: [
            { action: "REMOVE", role: "roles/viewer", member: "user:a@b" },
            { action: "ADD", role: "roles/owner", member: "user:a@b" },
          ],
        },
        ["iam.sensitive_grant"],
      ],
      [
        "a topic of a project that is called audit",
        TOPIC,
        { [`${PAYLOAD}.resourceName`]: "projects/audit-prod/topics/orders" },
        [],
      ],
      [
        "a subscription of a project that is called audit",
        SUBSCRIPTION,
        { [`${PAYLOAD}.resourceName`]: "projects/audit-prod/subscriptions/orders" },
        [],
      ],
      [
        "a service whose name only ends like ours",
        DISABLE,
        { [`${PAYLOAD}.resourceName`]: "projects/1/services/my-binaryauthorization.googleapis.com" },
        [],
      ],
      [
        "a service that only ends like a watched one",
        DISABLE,
        { [`${PAYLOAD}.resourceName`]: "projects/1/services/x-logging.googleapis.com" },
        [],
      ],
      [
        "a repository that is opened to a group",
        REPOSITORY,
        { [`${PAYLOAD}.request.policy.bindings`]: [{ role: "roles/artifactregistry.reader", members: ["group:a@b"] }] },
        [],
      ],
      [
        "an occurrence that is a vulnerability",
        OCCURRENCE,
        { [`${PAYLOAD}.request.occurrence`]: { kind: "VULNERABILITY" } },
        [],
      ],
      [
        "an attestation in a batch",
        OCCURRENCE,
        {
          [`${PAYLOAD}.methodName`]: "grafeas.v1beta1.GrafeasV1Beta1.BatchCreateOccurrences",
          [`${PAYLOAD}.request`]: { occurrences: [{ kind: "ATTESTATION" }] },
        },
        ["attestation.created"],
      ],
      ["a note about a vulnerability", NOTE, { [`${PAYLOAD}.request.note`]: { kind: "VULNERABILITY" } }, []],
      [
        "a note of an authority in a batch",
        NOTE,
        {
          [`${PAYLOAD}.methodName`]: "grafeas.v1.Grafeas.BatchCreateNotes",
          [`${PAYLOAD}.request`]: { notes: { rogue: { attestationAuthority: {} } } },
        },
        ["attestation.note_created"],
      ],
      ["a Pod on Distributed Cloud that quota refused", GDC_DENIED, { [`${PAYLOAD}.response`]: FAILURE }, []],
      [
        "a Pod there that only the reason says was refused by policy",
        GDC_DENIED,
        { [`${PAYLOAD}.response`]: { ...FAILURE, reason: "VIOLATES_POLICY" } },
        ["gdc.denied"],
      ],
      ["a Pod there with the flag that quota refused", GDC_BREAKGLASS, { [`${PAYLOAD}.response`]: FAILURE }, []],
      ["a Pod there in dry run that quota refused", GDC_DRYRUN, { [`${PAYLOAD}.response`]: FAILURE }, []],
      [
        "a bucket that gets another description",
        BUCKET,
        { [`${PAYLOAD}.request.updateMask`]: "description" },
        ["logging.bucket_changed"],
      ],
      [
        "a bucket whose mask is written with underscores",
        BUCKET,
        { [`${PAYLOAD}.request.updateMask`]: "retention_days" },
        ["logging.retention_changed"],
      ],
      [
        "a sink that is enabled again",
        SINK,
        { [`${PAYLOAD}.request.sink`]: { disabled: false }, [`${PAYLOAD}.request.updateMask`]: "disabled" },
        ["logging.sink_changed"],
      ],
      [
        "a sink whose exclusion is itself disabled",
        SINK,
        {
          [`${PAYLOAD}.request.sink`]: { exclusions: [{ name: "x", filter: "y", disabled: true }] },
          [`${PAYLOAD}.request.updateMask`]: "exclusions",
        },
        ["logging.sink_changed"],
      ],
      [
        "a sink that says disabled, but whose mask does not",
        SINK,
        { [`${PAYLOAD}.request.updateMask`]: "description" },
        ["logging.sink_changed"],
      ],
      [
        "a sink without a mask is judged by all that it says",
        SINK,
        { [`${PAYLOAD}.request.updateMask`]: undefined },
        ["logging.sink_weakened"],
      ],
    ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });

  test("a finding of Security Command Center that was closed", () => {
    const notification = JSON.parse(sampleBytes("scc-finding-breakglass.json").toString()) as { finding: object };
    const read = (state: string) =>
      openEnvelope({ ...notification, finding: { ...notification.finding, state } } as Json).flatMap((reading) =>
        "entry" in reading ? classify(reading.entry, catalogue).findings : [],
      );
    expect(read("ACTIVE").map(({ rule }) => rule)).toEqual(["scc.breakglass_finding"]);
    expect(read("INACTIVE")).toEqual([]);
  });
});

describe("what findings say", () => {
  test("Security Command Center's finding joins the story of the entry that it was made from", () => {
    const [scc] = classify(sampleEntry("scc-finding-breakglass.json"), catalogue).findings;
    const [gke] = classify(sampleEntry("gke-pod-breakglass-label.json"), catalogue).findings;
    expect(scc?.aliases).toEqual(gke?.aliases);
    expect(scc).toMatchObject({ severity: "low", project: "example-prod", actor: { principal: null } });
  });

  test("continuous validation names violating images only, and whether the Pod still runs", () => {
    const allowed = { image: "r.example/fine:1", result: "ALLOW" };
    const images = (sampleEntry(CV).jsonPayload as { podEvent: { images: Json[] } }).podEvent.images;
    const [finding] = find(CV, {
      "jsonPayload.podEvent.images": [allowed, ...images],
      "jsonPayload.podEvent.endTime": "2026-11-20T20:00:00Z",
    });
    expect(finding?.images.map(({ reference }) => reference)).not.toContain("r.example/fine:1");
    expect(finding?.facts.stillRunning).toBe(false);
  });

  test("an audit configuration that is added is stronger, an exemption is weaker", () => {
    const [finding] = find("iam-auditconfig-removed.json");
    expect(finding?.changes.map(({ effect }) => effect)).toEqual(["weaker", "weaker"]);
    const path = `${PAYLOAD}.serviceData.policyDelta.auditConfigDeltas`;
    const [added] = find("iam-auditconfig-removed.json", {
      [path]: [
        { action: "ADD", service: "s", logType: "DATA_READ" },
        { action: "REMOVE", service: "s", logType: "DATA_READ", exemptedMember: "user:a@b" },
      ],
    });
    expect(added?.changes.map(({ effect }) => effect)).toEqual(["stronger", "stronger"]);
  });

  test("both entries of a long operation share its alias", () => {
    const aliases = ["first", "last"].map((part) => find(`serviceusage-disableservice-${part}.json`)[0]?.aliases);
    expect(aliases[0]).toEqual(["operation/acat.p2-123456789012-0c7a"]);
    expect(aliases[1]).toEqual(aliases[0]);
  });
});

describe("a watchlist of topics and subscriptions", () => {
  const named = compileCatalogue(
    builtInRules({
      ...EMPTY_WATCHLISTS,
      ownTopics: ["projects/example-prod/topics/orders"],
      ownSubscriptions: ["projects/example-prod/subscriptions/orders-push"],
    }),
  );
  const judge = (file: string, resourceName: string) =>
    classify(changed(file, { [`${PAYLOAD}.resourceName`]: resourceName }), named).findings.map(
      ({ rule, confidence }) => `${rule} ${confidence}`,
    );

  test.each([
    ["a named topic is watched, and sure", TOPIC, "projects/example-prod/topics/orders", ["pubsub.topic_deleted high"]],
    ["a telling name is not enough any more", TOPIC, "projects/example-prod/topics/audit", []],
    ["another project's topic of that name is not meant", TOPIC, "projects/other/topics/orders", []],
    [
      "a named subscription is watched",
      SUBSCRIPTION,
      "projects/example-prod/subscriptions/orders-push",
      ["pubsub.subscription_deleted high"],
    ],
  ])("%s", (_name, file, resourceName, expected) => {
    expect(judge(file, resourceName)).toEqual(expected);
  });

  test("without one, a telling name is watched, less sure", () => {
    expect(find(TOPIC)[0]).toMatchObject({
      confidence: "medium",
      facts: { watchedBecause: "its name speaks of audit or security" },
    });
  });
});

describe("a sink compared with what it was", () => {
  const BEFORE: SinkState = {
    filter: 'logName:"audit" severity>=ERROR',
    destination: "pubsub/a",
    disabled: false,
    exclusions: ["x: y"],
  };
  const COMPARISONS: readonly (readonly [string, Partial<SinkState>, readonly string[]])[] = [
    ["nothing", {}, []],
    ["disabled", { disabled: true }, ["disabled weaker"]],
    ["an exclusion more", { exclusions: ["x: y", "z: w"] }, ["exclusions weaker"]],
    ["an exclusion less", { exclusions: [] }, ["exclusions stronger"]],
    [
      "an exclusion that drops something else",
      { exclusions: ["x: other"] },
      ["exclusions weaker", "exclusions stronger"],
    ],
    ["another destination", { destination: "pubsub/b" }, ["destination weaker"]],
    ["a filter that demands more", { filter: 'severity>=ERROR logName:"audit" resource.type="x"' }, ["filter weaker"]],
    ["a filter that demands less", { filter: 'logName:"audit"' }, ["filter stronger"]],
    ["a filter that demands something else", { filter: 'logName:"other"' }, ["filter neutral"]],
    ["no filter at all", { filter: "" }, ["filter stronger"]],
  ];
  test.each(COMPARISONS)("%s", (_name, change, expected) => {
    const changes = compareSinks(BEFORE, { ...BEFORE, ...change }, []);
    expect(changes.map(({ field, effect }) => `${field} ${effect}`)).toEqual(expected);
  });

  test("with itself: nothing is weaker; and back again what was weaker is stronger", () => {
    for (const [, change] of COMPARISONS) {
      const after = { ...BEFORE, ...change };
      expect(compareSinks(after, after, [])).toEqual([]);
      const there = compareSinks(BEFORE, after, []).map(({ field, effect }) => [field, effect]);
      const back = compareSinks(after, BEFORE, []).map(({ field, effect }) => [field, effect]);
      for (const [field, effect] of there) {
        if (field === "disabled" && effect === "weaker") expect(back).toContainEqual([field, "stronger"]);
        if (field === "filter" && effect === "weaker") expect(back).toContainEqual([field, "stronger"]);
      }
    }
  });

  test("a filter that we cannot read is not judged", () => {
    expect(filterEffect("a = (", "b")).toBe("neutral");
    expect(filterEffect('severity>=ERROR logName:"a"', 'logName:"a" severity>=ERROR')).toBe("neutral");
  });

  test("the finding says with what it compared, and keeps its id", () => {
    const [alone] = find(SINK);
    const [compared] = find(SINK, {}, { previousState: () => ({ ...BEFORE, disabled: true, exclusions: [] }) });
    expect(alone).toMatchObject({ rule: "logging.sink_weakened", comparedWith: "none" });
    expect(compared).toMatchObject({ rule: "logging.sink_weakened", comparedWith: "previous" });
    expect(compared?.changes.map(({ field }) => field)).toEqual(["exclusions"]);
    expect(compared?.id).toBe(alone?.id);
    const same = { ...BEFORE, disabled: true, exclusions: ['hide: "breakglass"'] };
    const [unchanged] = find(SINK, {}, { previousState: () => same });
    expect(unchanged).toMatchObject({ rule: "logging.sink_changed", id: alone?.id });
  });

  test("retention: shorter than before is weaker, longer stronger; without a before, the default counts", () => {
    const effect = (before: number | undefined) =>
      find(BUCKET, {}, before === undefined ? {} : { previousState: () => before })[0]?.changes[0]?.effect;
    expect([effect(undefined), effect(400), effect(1)]).toEqual(["weaker", "weaker", "neutral"]);
    const longer = find(BUCKET, { [`${PAYLOAD}.request.bucket.retentionDays`]: 400 })[0];
    expect(longer?.changes[0]).toMatchObject({ before: null, after: "400", effect: "stronger" });
  });
});
