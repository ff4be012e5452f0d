import { describe, expect, test } from "vitest";
import type { ClassifyContext } from "../shared/classifier/rule.ts";
import { find, rules, type Story } from "./support/rule-stories.ts";

const FIRST = "serviceusage-disableservice-first.json";
const LAST = "serviceusage-disableservice-last.json";
const DENIED = "serviceusage-disableservice-permission-denied.json";
const POLICY = "serviceusage-updateconsumerpolicy.json";
const NAME = "protoPayload.resourceName";
const METHOD = "protoPayload.methodName";
const BINAUTHZ = "binaryauthorization.googleapis.com";

describe("which services are told of", () => {
  const STORIES: readonly Story[] = [
    ["in brackets", FIRST, { [NAME]: `projects/1/services/[${BINAUTHZ}]` }, ["serviceusage.binauthz_disabled"]],
    ["without brackets", FIRST, { [NAME]: `projects/1/services/${BINAUTHZ}` }, ["serviceusage.binauthz_disabled"]],
    [
      "by the beta of the API",
      FIRST,
      { [METHOD]: "google.api.serviceusage.v1beta1.ServiceUsage.DisableService" },
      ["serviceusage.binauthz_disabled"],
    ],
    ["turned on", FIRST, { [METHOD]: "google.api.serviceusage.v1.ServiceUsage.EnableService" }, []],
    ["a name that goes on", FIRST, { [NAME]: `projects/1/services/${BINAUTHZ}.example.com` }, []],
    ["a name that begins otherwise", FIRST, { [NAME]: `projects/1/services/x-${BINAUTHZ}` }, []],
    ["the project is called so", FIRST, { [NAME]: `projects/${BINAUTHZ}/services/run.googleapis.com` }, []],
    [
      "another watched service",
      FIRST,
      { [NAME]: "projects/1/services/cloudkms.googleapis.com" },
      ["serviceusage.service_disabled"],
    ],
    ["a service that is not watched", FIRST, { [NAME]: "projects/1/services/bigquery.googleapis.com" }, []],
    ["a call that failed", FIRST, { "protoPayload.status": { code: 9 } }, []],
    ["a refused attempt on a watched service", DENIED, {}, ["serviceusage.change_attempt_denied"]],
    ["a refused attempt on another", DENIED, { [NAME]: "projects/1/services/bigquery.googleapis.com" }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });

  test("the first and the last entry, and a refused attempt, are one story", () => {
    const keys = [FIRST, LAST, DENIED].map((file) => find(file)[0]?.incidentKey);
    expect(new Set(keys)).toEqual(new Set([`service/example-prod/${BINAUTHZ}`]));
  });
});

describe("the list of all services, set by the second version of the API", () => {
  const before = (...services: readonly string[]): ClassifyContext => ({
    previousState: (key) => (key === "enabled-services/example-prod" ? services : undefined),
  });

  test.each([
    ["without the list before it, nothing is known", {}, []],
    ["a state of another shape is none", { previousState: () => "x" }, []],
    ["nothing was taken out", before("run.googleapis.com"), []],
    ["a service that is not watched was", before("run.googleapis.com", "bigquery.googleapis.com"), []],
    ["Binary Authorization was", before("run.googleapis.com", BINAUTHZ), ["serviceusage.binauthz_disabled"]],
    ["another watched one was", before("pubsub.googleapis.com"), ["serviceusage.service_disabled"]],
    ["both were: the graver is told", before("pubsub.googleapis.com", BINAUTHZ), ["serviceusage.binauthz_disabled"]],
  ] as const)("%s", (_name, context, expected) => {
    expect(rules(POLICY, {}, context)).toEqual(expected);
  });

  test("everything watched that was taken out is named", () => {
    const [finding] = find(POLICY, {}, before("pubsub.googleapis.com", "bigquery.googleapis.com", BINAUTHZ));
    expect(finding).toMatchObject({ comparedWith: "previous", incidentKey: `service/example-prod/${BINAUTHZ}` });
    expect(finding?.changes.map(({ field, effect }) => [field, effect])).toEqual([
      ["state of pubsub.googleapis.com", "weaker"],
      [`state of ${BINAUTHZ}`, "weaker"],
    ]);
  });

  test("a failed call changes nothing", () => {
    expect(rules(POLICY, { "protoPayload.status": { code: 7 } }, before(BINAUTHZ))).toEqual([]);
  });
});
