import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../shared/audit-log/json.ts";
import { viewOf } from "../shared/audit-log/view.ts";
import { clusterSettingFrom, compareClusterSettings, enforces } from "../shared/classifier/compare-cluster.ts";
import { orgPolicyFrom } from "../shared/classifier/compare-org-policy.ts";
import { EMPTY_WATCHLISTS, type Watchlists } from "../shared/classifier/watchlists.ts";
import { cloudrunRules } from "../shared/rules/cloudrun.ts";
import { gkeRules } from "../shared/rules/gke.ts";
import { builtInRules } from "../shared/rules/index.ts";
import { benchOf, type Changes, knowing } from "./support/judged-sample.ts";
import { sampleEntry } from "./support/samples.ts";

const METHOD = "protoPayload.methodName";
const SERVICE = "protoPayload.serviceName";
const REQUEST = "protoPayload.request";
const RESPONSE = "protoPayload.response";
const STATUS = "protoPayload.status";

describe("a cluster's setting", () => {
  const compared = (before: Json, after: Json) =>
    compareClusterSettings(clusterSettingFrom(before), clusterSettingFrom(after)).map(
      ({ field, before: from, after: to, effect, gravity }) =>
        `${effect}${gravity === null ? "" : ` (${gravity})`} ${field.replace("binaryAuthorization.", "")}: ${from ?? "-"} > ${to ?? "-"}`,
    );
  const mode = (evaluationMode: string, ...names: readonly string[]) => ({
    evaluationMode,
    policyBindings: names.map((name) => ({ name })),
  });
  const [ENFORCE, BOTH] = ["PROJECT_SINGLETON_POLICY_ENFORCE", "POLICY_BINDINGS_AND_PROJECT_SINGLETON_POLICY_ENFORCE"];
  const BINDINGS = "POLICY_BINDINGS (monitoring only)";

  test.each([
    ["is turned off", mode(ENFORCE), mode("DISABLED"), [`weaker (critical) evaluationMode: ${ENFORCE} > DISABLED`]],
    [
      "only watches from now on",
      mode(ENFORCE),
      mode("POLICY_BINDINGS"),
      [`weaker (critical) evaluationMode: ${ENFORCE} > ${BINDINGS}`],
    ],
    [
      "no longer watches, and still enforces",
      mode(BOTH),
      mode(ENFORCE),
      [`weaker (medium) evaluationMode: ${BOTH} > ${ENFORCE}`],
    ],
    [
      "no longer watches, and never enforced",
      mode("POLICY_BINDINGS"),
      mode("DISABLED"),
      [`weaker (medium) evaluationMode: ${BINDINGS} > DISABLED`],
    ],
    ["is turned on", mode("DISABLED"), mode(ENFORCE), [`stronger evaluationMode: DISABLED > ${ENFORCE}`]],
    ["watches as well", mode(ENFORCE), mode(BOTH), [`stronger evaluationMode: ${ENFORCE} > ${BOTH}`]],
    [
      "watches at least",
      mode("DISABLED"),
      mode("POLICY_BINDINGS"),
      [`stronger evaluationMode: DISABLED > ${BINDINGS}`],
    ],
    ["stays as it is", mode(ENFORCE), mode(ENFORCE), []],
    [
      "gets a mode that nobody knows",
      mode(ENFORCE),
      mode("ASK_TWICE"),
      [`neutral evaluationMode: ${ENFORCE} > ASK_TWICE`],
    ],
    [
      "was off, and gets a mode that nobody knows",
      mode("DISABLED"),
      mode("ASK_TWICE"),
      ["neutral evaluationMode: DISABLED > ASK_TWICE"],
    ],
    [
      "loses a mode that nobody knows",
      mode("ASK_TWICE"),
      mode("DISABLED"),
      ["weaker (critical) evaluationMode: ASK_TWICE > DISABLED"],
    ],
    [
      "leaves a mode that nobody knows",
      mode("ASK_TWICE"),
      mode(ENFORCE),
      [`neutral evaluationMode: ASK_TWICE > ${ENFORCE}`],
    ],
    ["loses a policy to report by", mode(BOTH, "a", "b"), mode(BOTH, "a"), ["weaker (medium) policyBindings: b > -"]],
    ["gets a policy to report by", mode(BOTH, "a"), mode(BOTH, "a", "b"), ["stronger policyBindings: - > b"]],
  ])("%s", (_name, before, after, lines) => {
    expect(compared(before, after)).toEqual(lines);
  });

  test.each([
    ["nothing", {}, false],
    ["no object", "x", false],
    ["an unspecified mode", { evaluationMode: "EVALUATION_MODE_UNSPECIFIED" }, false],
    ["the old flag", { enabled: true }, true],
    ["the old flag, off", { enabled: false }, false],
    ["the old flag beside a mode", { enabled: true, evaluationMode: "DISABLED" }, false],
    ["policy bindings", { evaluationMode: "POLICY_BINDINGS" }, false],
    ["a mode that nobody knows", { evaluationMode: "ASK_TWICE" }, true],
  ])("%s: enforced or not", (_name, value, is) => {
    expect(enforces(clusterSettingFrom(value))).toBe(is);
  });

  test("any JSON as setting: an answer, and nothing has changed in itself", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [one, other] = [clusterSettingFrom(a), clusterSettingFrom(b)];
        compareClusterSettings(one, other);
        expect(compareClusterSettings(one, clusterSettingFrom(structuredClone(a)))).toEqual([]);
      }),
    );
  });
});

const OFF = "gke-updatecluster-binauthz-disabled.json";
const LAST = "gke-updatecluster-binauthz-disabled-last.json";
const WATCHES = "gke-updatecluster-policy-bindings-only.json";
const ON = "gke-updatecluster-binauthz-enforced.json";
const NEW = "gke-createcluster-without-binauthz.json";
const OFF_REFUSED = "gke-updatecluster-permission-denied.json";
const DESIRED = `${REQUEST}.update.desiredBinaryAuthorization`;
const CLUSTER_KEY = "gke-cluster/example-prod/europe-west1/prod-ew1";
const ENFORCING = { evaluationMode: "PROJECT_SINGLETON_POLICY_ENFORCE" };

const gke = benchOf(gkeRules);

describe("GKE: a small difference decides", () => {
  const STORIES: readonly (readonly [string, string, Changes, readonly string[]])[] = [
    ["turned off", OFF, {}, ["gke.binauthz_disabled"]],
    ["turned off by an empty block", OFF, { [DESIRED]: {} }, ["gke.binauthz_disabled"]],
    ["turned off by the old flag", OFF, { [DESIRED]: { enabled: false } }, ["gke.binauthz_disabled"]],
    ["turned on by the old flag", OFF, { [DESIRED]: { enabled: true } }, ["gke.binauthz_changed"]],
    ["bindings alone stop nothing", WATCHES, {}, ["gke.binauthz_disabled"]],
    [
      "bindings beside enforcement do not matter",
      WATCHES,
      { [`${DESIRED}.evaluationMode`]: "POLICY_BINDINGS_AND_PROJECT_SINGLETON_POLICY_ENFORCE" },
      ["gke.binauthz_changed"],
    ],
    ["turned on", ON, {}, ["gke.binauthz_changed"]],
    ["the update is about something else", OFF, { [`${REQUEST}.update`]: { desiredNodeVersion: "1.31" } }, []],
    ["the last entry of the operation tells nothing", LAST, {}, []],
    ["another method", OFF, { [METHOD]: "google.container.v1.ClusterManager.SetLabels" }, []],
    [
      "any version of the API",
      OFF,
      { [METHOD]: "google.container.v1beta1.ClusterManager.UpdateCluster" },
      ["gke.binauthz_disabled"],
    ],
    ["another service", OFF, { [SERVICE]: "gkehub.googleapis.com" }, []],
    ["another log", OFF, { logName: "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access" }, []],
    ["an update that failed", OFF, { [STATUS]: { code: 9 } }, []],
    ["an update that was refused", OFF_REFUSED, {}, ["gke.change_attempt_denied"]],
    ["a refused update of something else", OFF_REFUSED, { [`${REQUEST}.update`]: { desiredNodeVersion: "1.31" } }, []],
    ["a refused call of another method", OFF_REFUSED, { [METHOD]: "google.container.v1.ClusterManager.SetLabels" }, []],
    ["an attempt that failed otherwise", OFF_REFUSED, { [`${STATUS}.code`]: 3 }, []],
    ["a cluster is made without it", NEW, {}, ["gke.binauthz_changed"]],
    ["a cluster is made with it", NEW, { [`${REQUEST}.cluster.binaryAuthorization`]: ENFORCING }, []],
    [
      "a cluster is made that only watches",
      NEW,
      { [`${REQUEST}.cluster.binaryAuthorization`]: { evaluationMode: "POLICY_BINDINGS" } },
      ["gke.binauthz_changed"],
    ],
    ["the last entry of making a cluster tells nothing", NEW, { [REQUEST]: undefined }, []],
    ["a cluster that could not be made", NEW, { [STATUS]: { code: 7 } }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, wanted) => {
    expect(gke.kinds(file, changes)).toEqual(wanted);
  });

  test.each([
    ["it was off before", OFF, { evaluationMode: "DISABLED" }, "gke.binauthz_changed"],
    ["it enforced before", OFF, ENFORCING, "gke.binauthz_disabled"],
    ["it only watched before", OFF, { evaluationMode: "POLICY_BINDINGS" }, "gke.binauthz_changed"],
    ["it only watches from now on", WATCHES, ENFORCING, "gke.binauthz_disabled"],
    ["it watches at least from now on", WATCHES, { evaluationMode: "DISABLED" }, "gke.binauthz_changed"],
    ["a mode that nobody knows was on for all we know", OFF, { evaluationMode: "ASK_TWICE" }, "gke.binauthz_disabled"],
  ])("with a known earlier state: %s", (_name, file, before, wanted) => {
    const found = gke.find(file, {}, knowing({ [CLUSTER_KEY]: before }));
    expect(found).toMatchObject([{ rule: wanted, comparedWith: "previous", confidence: "high" }]);
    expect(found[0]?.id).toBe(gke.find(file)[0]?.id);
  });

  test("an earlier cluster of the same name is another cluster", () => {
    const key = "gke-cluster/example-prod/europe-west1/lab-ew1";
    expect(gke.find(NEW, {}, knowing({ [key]: ENFORCING }))).toMatchObject([
      { incidentKey: key, comparedWith: "none", facts: { created: true, enforcing: false } },
    ]);
  });

  test("what one entry leaves behind is what the next is compared with", () => {
    const left = gke.observed(ON);
    expect(left).toEqual({ key: CLUSTER_KEY, state: { ...ENFORCING, policyBindings: [] } });
    expect(gke.find(OFF, {}, knowing({ [CLUSTER_KEY]: left?.state }))).toMatchObject([
      { changes: [{ before: ENFORCING.evaluationMode, after: "DISABLED", effect: "weaker" }] },
    ]);
    expect(gke.observed(LAST)).toBeNull();
    expect(gke.observed(OFF_REFUSED)).toBeNull();
  });

  test("the first and the last entry of an operation name it", () => {
    const [first] = gke.find(OFF);
    expect(first).toMatchObject({ aliases: ["operation/operation-1763625600000-5f0f3c2a"], incidentKey: CLUSTER_KEY });
    expect(gke.find(OFF, { operation: undefined })[0]?.aliases).toEqual(first?.aliases);
    expect(gke.find(OFF, { operation: undefined, [RESPONSE]: { name: "prod-ew1" } })[0]?.aliases).toEqual([]);
  });

  test.each([
    ["the cluster enforces the policy", ON, {}],
    ["the cluster enforced nothing before", OFF, knowing({ [CLUSTER_KEY]: { evaluationMode: "DISABLED" } })],
  ])("it says why it is not turned off: %s", (reason, file, context) => {
    const rule = gkeRules.find(({ id }) => id === "gke.binauthz_disabled");
    expect(rule?.refine?.(viewOf(sampleEntry(file)), context)).toEqual({ accept: false, reason });
  });

  test("a cluster without a label goes by its name", () => {
    const unlabelled = { "resource.labels.cluster_name": undefined };
    expect(gke.find(OFF, unlabelled)[0]?.incidentKey).toBe(CLUSTER_KEY);
    expect(gke.find(NEW, unlabelled)[0]?.workload).toMatchObject({ kind: "gke-cluster", cluster: "lab-ew1" });
  });
});

const V1_OFF = "cloudrun-activity-v1-replaceservice-binauthz-removed.json";
const V2_OFF = "cloudrun-activity-v2-updateservice-binauthz-disabled.json";
const V1_GLASS = "cloudrun-activity-v1-replaceservice-breakglass.json";
const V2_GLASS = "cloudrun-activity-v2-updateservice-breakglass.json";
const JOB = "cloudrun-activity-v2-updatejob-breakglass.json";
const POOL = "cloudrun-activity-v2-updateworkerpool-breakglass.json";
const UNPROTECTED = "cloudrun-activity-v2-createservice-unprotected.json";
const REFUSED = "cloudrun-activity-v2-updateservice-permission-denied.json";
const VIOLATION = "cloudrun-orgpolicy-violation-activity.json";
const BLOCK = `${REQUEST}.service.binaryAuthorization`;
const MASK = `${REQUEST}.updateMask`;
const ANNOTATION = `${REQUEST}.service.metadata.annotations."run.googleapis.com/binary-authorization"`;
const ANNOTATED = `${RESPONSE}.metadata.annotations."run.googleapis.com/binary-authorization"`;
const GLASS = `${REQUEST}.service.metadata.annotations."run.googleapis.com/binary-authorization-breakglass"`;
const SERVICE_KEY = "cloud-run-service/example-prod/europe-west1/checkout";
const DISABLED = ["cloudrun.binauthz_disabled"];
const MESSAGE = `${STATUS}.message`;
const DETAILS = `${STATUS}.details`;
const INFO = "protoPayload.policyViolationInfo.orgPolicyViolationInfo";

const run = benchOf(cloudrunRules());

describe("Cloud Run: a small difference decides", () => {
  const STORIES: readonly (readonly [string, string, Changes, readonly string[]])[] = [
    ["v2: an empty block", V2_OFF, {}, DISABLED],
    ["v2: no block, and a mask that names it", V2_OFF, { [BLOCK]: undefined }, DISABLED],
    ["v2: no block, and no mask: all is replaced", V2_OFF, { [BLOCK]: undefined, [MASK]: undefined }, DISABLED],
    [
      "v2: no block, and a mask without it: it is left alone",
      V2_OFF,
      { [BLOCK]: undefined, [MASK]: "template,traffic" },
      [],
    ],
    [
      "v2: a mask in the other spelling",
      V2_OFF,
      { [BLOCK]: undefined, [MASK]: "template, binaryAuthorization.useDefault" },
      DISABLED,
    ],
    ["v2: a mask as a list", V2_OFF, { [BLOCK]: undefined, [MASK]: { paths: ["template"] } }, []],
    [
      "v2: a mask as a list that names it",
      V2_OFF,
      { [BLOCK]: undefined, [MASK]: { paths: ["binary_authorization"] } },
      DISABLED,
    ],
    ["v2: a mask that names all", V2_OFF, { [BLOCK]: undefined, [MASK]: "*" }, DISABLED],
    ["v2: useDefault: false", V2_OFF, { [BLOCK]: { useDefault: false } }, DISABLED],
    ["v2: the project's policy", V2_OFF, { [BLOCK]: { useDefault: true } }, []],
    ["v2: a platform policy", V2_OFF, { [BLOCK]: { policy: "projects/p/platforms/cloudRun/x" } }, []],
    ["v2: an empty policy", V2_OFF, { [BLOCK]: { policy: "" } }, DISABLED],
    ["v2: a request that is only validated", V2_OFF, { [`${REQUEST}.validateOnly`]: true }, []],
    ["v2: the last entry of the operation tells nothing", V2_OFF, { [REQUEST]: undefined }, []],
    [
      "v2: broken glass speaks for itself",
      V2_GLASS,
      { [`${BLOCK}.useDefault`]: undefined },
      ["cloudrun.breakglass_request"],
    ],
    ["v2: a job", JOB, { [`${REQUEST}.job.binaryAuthorization`]: {} }, DISABLED],
    ["v2: a worker pool", POOL, { [`${REQUEST}.workerPool.binaryAuthorization`]: {} }, DISABLED],
    ["v1: no annotation", V1_OFF, {}, DISABLED],
    ["v1: an empty annotation", V1_OFF, { [ANNOTATION]: "" }, DISABLED],
    ["v1: the annotation", V1_OFF, { [ANNOTATION]: "default" }, []],
    ["v1: the annotation in the answer: something put it there", V1_OFF, { [ANNOTATED]: "default" }, []],
    ["v1: broken glass speaks for itself", V1_OFF, { [GLASS]: "" }, ["cloudrun.breakglass_request"]],
    ["v1: broken glass beside the annotation", V1_GLASS, {}, ["cloudrun.breakglass_request"]],
    ["v1: a dry run", V1_OFF, { [`${REQUEST}.dryRun`]: "all" }, []],
    ["something new has nothing to turn off", UNPROTECTED, {}, []],
    ["a deletion is no deployment", V2_OFF, { [METHOD]: "google.cloud.run.v2.Services.DeleteService" }, []],
    ["another service", V2_OFF, { [SERVICE]: "cloudfunctions.googleapis.com" }, []],
    ["another log", V2_OFF, { logName: "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access" }, []],
    ["a deployment that failed", V2_OFF, { [STATUS]: { code: 3 } }, []],
    [
      "a user agent neither silences nor raises",
      V2_OFF,
      { "protoPayload.requestMetadata.callerSuppliedUserAgent": "binary-authorization" },
      DISABLED,
    ],
    ["a refused deployment without it", REFUSED, {}, ["cloudrun.change_attempt_denied"]],
    ["a refused deployment with it", REFUSED, { [BLOCK]: { useDefault: true } }, []],
    ["a refused request for something new", UNPROTECTED, { [STATUS]: { code: 7 } }, []],
    ["a refused deletion", REFUSED, { [METHOD]: "google.cloud.run.v2.Services.DeleteService" }, []],
    [
      "a refused deployment that breaks the glass",
      V2_GLASS,
      { [STATUS]: { code: 7 } },
      ["cloudrun.breakglass_request"],
    ],
    ["a violation, by every field", VIOLATION, {}, ["cloudrun.orgpolicy_violation"]],
    ["a violation, by the details", VIOLATION, { [MESSAGE]: "no", [INFO]: {} }, ["cloudrun.orgpolicy_violation"]],
    ["a violation, by its own field", VIOLATION, { [MESSAGE]: "no", [DETAILS]: [] }, ["cloudrun.orgpolicy_violation"]],
    ["a violation, by the sentence", VIOLATION, { [DETAILS]: [], [INFO]: {} }, ["cloudrun.orgpolicy_violation"]],
    [
      "of any constraint",
      VIOLATION,
      { [MESSAGE]: "Constraint constraints/run.allowedIngress violated for attempting x", [DETAILS]: [], [INFO]: {} },
      ["cloudrun.orgpolicy_violation"],
    ],
    [
      "of a custom constraint",
      VIOLATION,
      {
        [MESSAGE]: 'Operation denied by custom org policies: ["customConstraints/custom.x": "y"]',
        [DETAILS]: [],
        [INFO]: {},
      },
      ["cloudrun.orgpolicy_violation"],
    ],
    [
      "an empty list of violations is none",
      VIOLATION,
      { [MESSAGE]: "no", [DETAILS]: [], [INFO]: { violationInfo: [] } },
      [],
    ],
    ["no list of violations is none", VIOLATION, { [MESSAGE]: "no", [DETAILS]: [], [INFO]: {} }, []],
    [
      "a constraint that is only mentioned",
      VIOLATION,
      { [MESSAGE]: "see customConstraints/custom.x", [DETAILS]: [], [INFO]: {} },
      [],
    ],
    [
      "another precondition",
      VIOLATION,
      { [MESSAGE]: "no", [INFO]: {}, [DETAILS]: [{ violations: [{ type: "TOS" }] }] },
      [],
    ],
    [
      "another precondition beside the sentence",
      VIOLATION,
      { [INFO]: {}, [DETAILS]: [{ violations: [{ type: "TOS" }] }] },
      ["cloudrun.orgpolicy_violation"],
    ],
    ["the same with another code", VIOLATION, { [`${STATUS}.code`]: 3 }, []],
    ["the same of another service", VIOLATION, { [SERVICE]: "compute.googleapis.com" }, []],
    ["the same in another log", VIOLATION, { logName: "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access" }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, wanted) => {
    expect(run.kinds(file, changes)).toEqual(wanted);
  });

  test.each([
    ["the block is there and empty", V2_OFF, {}, "medium"],
    ["the mask names it", V2_OFF, { [BLOCK]: undefined }, "medium"],
    ["it is only left out", V2_OFF, { [BLOCK]: undefined, [MASK]: undefined }, "low"],
    ["the annotation is only left out", V1_OFF, {}, "low"],
    ["a violation that a field names", VIOLATION, { [MESSAGE]: "no" }, "high"],
    ["a violation that only the sentence names", VIOLATION, { [DETAILS]: [], [INFO]: {} }, "medium"],
  ])("how sure it is: %s", (_name, file, changes, confidence) => {
    expect(run.find(file, changes as Changes).map((finding) => finding.confidence)).toEqual([confidence]);
  });

  test.each([
    ["it was on", { policy: "default" }, V2_OFF, DISABLED],
    ["it was on, in v1", { policy: "default" }, V1_OFF, DISABLED],
    ["it was off", { policy: null }, V2_OFF, []],
    ["it was off, in v1", { policy: null }, V1_OFF, []],
    ["it was on, and was made anew", { policy: "default" }, UNPROTECTED, DISABLED],
    ["it was on, and would have been off", { policy: "default" }, REFUSED, ["cloudrun.change_attempt_denied"]],
    ["it was off, and would have stayed so", { policy: null }, REFUSED, []],
  ])("with a known earlier state: %s", (_name, before, file, wanted) => {
    const key = file === UNPROTECTED ? SERVICE_KEY.replace("checkout", "shadow") : SERVICE_KEY;
    const found = run.find(file, {}, knowing({ [key]: before }));
    expect(found.map(({ rule }) => rule)).toEqual(wanted);
    for (const { confidence } of found) expect(confidence).toBe("high");
  });

  test("with one, the finding says what it was; without, that it is not known; its id is the same", () => {
    const [alone] = run.find(V2_OFF);
    const [compared] = run.find(V2_OFF, {}, knowing({ [SERVICE_KEY]: { policy: "default" } }));
    expect(alone).toMatchObject({ comparedWith: "none", changes: [{ before: null, after: "off", effect: "weaker" }] });
    expect(compared).toMatchObject({ comparedWith: "previous", changes: [{ before: "default", after: "off" }] });
    expect(compared?.id).toBe(alone?.id);
    expect(run.find(V2_OFF, {}, knowing({ [SERVICE_KEY]: "nonsense" }))[0]).toMatchObject({ comparedWith: "none" });
  });

  test.each([
    ["a service that has it off", V2_OFF, {}, { key: SERVICE_KEY, state: { policy: null } }],
    [
      "a service that has it on",
      V2_OFF,
      { [BLOCK]: { useDefault: true } },
      { key: SERVICE_KEY, state: { policy: "default" } },
    ],
    [
      "a v1 service that has it on",
      V1_OFF,
      { [ANNOTATION]: "projects/p/x" },
      { key: SERVICE_KEY, state: { policy: "projects/p/x" } },
    ],
    ["a request that leaves it alone", V2_OFF, { [MASK]: "template" }, null],
    ["a refused request", REFUSED, {}, null],
  ])("what is left behind: %s", (_name, file, changes, state) => {
    expect(run.observed(file, changes as Changes)).toEqual(state);
  });

  test("a violation says which constraint, and whether it holds Binary Authorization in place", () => {
    expect(run.find(VIOLATION)[0]?.facts).toMatchObject({
      constraint: "constraints/run.allowedBinaryAuthorizationPolicies",
      watched: true,
      statusCode: 9,
    });
    const besides = { [INFO]: {}, [DETAILS]: [{ violations: [{ type: "TOS" }] }] };
    expect(run.find(VIOLATION, besides)[0]?.facts).toMatchObject({
      constraint: "constraints/run.allowedBinaryAuthorizationPolicies",
    });
    const other = { [DETAILS]: [{ violations: [{ type: "constraints/run.allowedIngress" }] }] };
    expect(run.find(VIOLATION, other)[0]?.facts).toMatchObject({
      constraint: "constraints/run.allowedIngress",
      watched: false,
    });
  });
});

describe("deployments that have to have Binary Authorization", () => {
  const watching = (lists: Partial<Watchlists>) => benchOf(cloudrunRules({ ...EMPTY_WATCHLISTS, ...lists }));
  const project = watching({ protectedProjects: ["example-prod"] });
  const elsewhere = watching({ protectedProjects: ["example-lab"] });
  const FOUND = ["cloudrun.unprotected_deployment"];

  test("off unless somebody demands it: without watchlists there is no such rule", () => {
    const ids = (lists: Watchlists) => builtInRules(lists).map(({ id }) => id);
    expect(ids(EMPTY_WATCHLISTS)).not.toContain("cloudrun.unprotected_deployment");
    expect(ids({ ...EMPTY_WATCHLISTS, protectedServices: ["x"] })).toContain("cloudrun.unprotected_deployment");
  });

  test.each([
    ["the project is protected", { protectedProjects: ["example-prod"] }, FOUND],
    ["another project is", { protectedProjects: ["example-lab"] }, []],
    ["the service is, by its name", { protectedServices: ["shadow"] }, FOUND],
    [
      "the service is, by its whole name",
      { protectedServices: ["projects/example-prod/locations/europe-west1/services/shadow"] },
      FOUND,
    ],
    ["another service is", { protectedServices: ["checkout"] }, []],
    ["a job of that name is", { protectedServices: ["projects/example-prod/locations/europe-west1/jobs/shadow"] }, []],
  ])("%s", (_name, lists, wanted) => {
    expect(watching(lists).kinds(UNPROTECTED)).toEqual(wanted);
  });

  test.each([
    ["a job", JOB, "job", "jobs/nightly-settlement"],
    ["a worker pool", POOL, "workerPool", "workerPools/queue-worker"],
  ])("%s by its whole name", (_name, file, part, name) => {
    const bench = watching({ protectedServices: [`projects/example-prod/locations/europe-west1/${name}`] });
    expect(bench.kinds(file, { [`${REQUEST}.${part}.binaryAuthorization`]: {} })).toEqual(FOUND);
  });

  test.each([
    ["with Binary Authorization on", UNPROTECTED, { [BLOCK]: { useDefault: true } }, []],
    ["with it off by an empty block", UNPROTECTED, { [BLOCK]: {} }, FOUND],
    ["of an update, when the earlier state is not known", V2_OFF, {}, FOUND],
    ["that leaves it alone", V2_OFF, { [MASK]: "template" }, []],
    ["that failed", UNPROTECTED, { [STATUS]: { code: 3 } }, []],
    ["that was refused", UNPROTECTED, { [STATUS]: { code: 7 } }, ["cloudrun.change_attempt_denied"]],
  ])("a deployment %s", (_name, file, changes, wanted) => {
    expect(project.kinds(file, changes as Changes)).toEqual(wanted);
  });

  test("one entry gives one finding: turned off where it was on, unprotected where it was not", () => {
    const kinds = (policy: string | null) => project.find(V2_OFF, {}, knowing({ [SERVICE_KEY]: { policy } }));
    expect(kinds("default")).toMatchObject([{ rule: "cloudrun.binauthz_disabled", confidence: "high" }]);
    expect(kinds(null)).toMatchObject([
      {
        rule: "cloudrun.unprotected_deployment",
        comparedWith: "previous",
        changes: [{ before: "off", effect: "neutral" }],
      },
    ]);
    expect(kinds("default")[0]?.id).toBe(kinds(null)[0]?.id);
    expect(elsewhere.kinds(V2_OFF, {}, knowing({ [SERVICE_KEY]: { policy: null } }))).toEqual([]);
  });

  const POLICY = "org-policy/projects/example-prod/run.allowedBinaryAuthorizationPolicies";
  test.each([
    ["a policy in dry run demands it", { dryRunSpec: { rules: [{ values: { allowedValues: ["default"] } }] } }, FOUND],
    [
      "a policy that does not hold yet demands it",
      { spec: { rules: [{ values: { allowedValues: ["default"] } }] } },
      FOUND,
    ],
    ["a policy that allows everything does not", { spec: { rules: [{ allowAll: true }] } }, []],
    ["a policy that is gone does not", null, []],
  ])("a known organization policy: %s", (_name, policy, wanted) => {
    const found = elsewhere.find(UNPROTECTED, {}, knowing({ [POLICY]: orgPolicyFrom(policy) }));
    expect(found.map(({ rule }) => rule)).toEqual(wanted);
    for (const { facts } of found) {
      expect(facts.demandedBy).toBe("organization policy run.allowedBinaryAuthorizationPolicies");
    }
  });

  test("without watchlists, a known organization policy demands nothing", () => {
    const policy = orgPolicyFrom({ dryRunSpec: { rules: [{ enforce: true }] } });
    expect(run.find(V2_OFF, {}, knowing({ [POLICY]: policy }))).toMatchObject([
      { rule: "cloudrun.binauthz_disabled", confidence: "medium" },
    ]);
  });

  test("it says who demands it", () => {
    expect(project.find(UNPROTECTED)[0]?.facts.demandedBy).toBe("watchlist: project example-prod");
    expect(watching({ protectedServices: ["shadow"] }).find(UNPROTECTED)[0]?.facts.demandedBy).toBe(
      "watchlist: shadow",
    );
  });
});

test("which earlier states a rule asks for depends on the entry alone, not on what it is told", () => {
  const rules = builtInRules({ ...EMPTY_WATCHLISTS, protectedProjects: ["example-prod"] });
  const files = [OFF, WATCHES, ON, NEW, OFF_REFUSED, V1_OFF, V2_OFF, UNPROTECTED, REFUSED];
  const answers = [undefined, null, { policy: null }, { policy: "default" }, { evaluationMode: "DISABLED" }, {}];
  const bench = benchOf(rules);
  for (const file of files) {
    const asked = answers.map((answer) => {
      const keys = new Set<string>();
      const previousState = (key: string) => {
        keys.add(key);
        return answer;
      };
      bench.find(file, {}, { previousState });
      return [...keys].toSorted();
    });
    for (const keys of asked) expect(keys).toEqual(asked[0]);
  }
});

test("the order in which rules are asked makes no difference", () => {
  const rules = builtInRules({ ...EMPTY_WATCHLISTS, protectedProjects: ["example-prod"] });
  const [forth, back] = [benchOf(rules), benchOf(rules.toReversed())];
  const files = [OFF, WATCHES, ON, NEW, V1_OFF, V2_OFF, UNPROTECTED, REFUSED, VIOLATION];
  for (const file of files) {
    for (const context of [{}, knowing({ [SERVICE_KEY]: { policy: "default" }, [CLUSTER_KEY]: ENFORCING })]) {
      expect(back.kinds(file, {}, context).toSorted()).toEqual(forth.kinds(file, {}, context).toSorted());
    }
  }
});
