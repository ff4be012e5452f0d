import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEntry } from "../shared/audit-log/entry.ts";
import { readValue } from "../shared/audit-log/envelope.ts";
import type { Json } from "../shared/audit-log/json.ts";
import { viewOf } from "../shared/audit-log/view.ts";
import { compileCatalogue, openCatalogue } from "../shared/classifier/catalogue.ts";
import { classify } from "../shared/classifier/classify.ts";
import { groupFilters } from "../shared/classifier/grouped-filters.ts";
import { type Rule, refused } from "../shared/classifier/rule.ts";
import type { Finding } from "../shared/finding.ts";
import { parseFinding } from "../shared/finding-schema.ts";
import { BUILT_IN_RULES, builtInCatalogue } from "../shared/rules/index.ts";
import { summarizeChanges } from "./support/change-summary.ts";
import { changed } from "./support/changed-entry.ts";
import { fixtures } from "./support/fixtures.ts";
import { expectGolden } from "./support/golden.ts";
import { declaredOnly } from "./support/judged-sample.ts";
import { type Sample, sampleBytes, sampleEntry, sampleIndex } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const ruleIds = new Set(BUILT_IN_RULES.map(({ id }) => id));
const ours = sampleIndex.filter(({ kind }) => ruleIds.has(kind));
const notOurs = sampleIndex.filter(({ kind }) => !ruleIds.has(kind) && kind !== "envelope");

function findingsOf(entry: LogEntry): readonly Finding[] {
  const { findings, faults } = classify(entry, catalogue);
  expect(faults).toEqual([]);
  return findings;
}

function onlyFinding(file: string): Finding {
  const [finding, ...rest] = findingsOf(sampleEntry(file));
  expect(rest.map(({ rule }) => rule)).toEqual([]);
  if (finding === undefined) throw new Error(`${file} gives no finding`);
  return finding;
}

/** How the names in index.json are found in a finding. */
const EXPECTATIONS: Readonly<Record<string, (finding: Finding, wanted: unknown) => void>> = {
  actor: (f, wanted) => expect(f.actor.principal).toBe(wanted),
  delegatedBy: (f, wanted) => expect(f.actor.person?.principal).toBe(wanted),
  justification: (f, wanted) => expect(f.justification).toBe(wanted),
  images: (f, wanted) => expect(f.images.map(({ reference }) => reference)).toEqual(wanted),
  change: (f, wanted) => expect(summarizeChanges(f.changes)).toBe(wanted),
  mergeWith: (f, wanted) => expect(isOneStory(f, onlyFinding(String(wanted)))).toBe(true),
  image: (f, wanted) => expect(f.images[0]?.reference).toBe(wanted),
  project: (f, wanted) => expect(f.project).toBe(wanted),
  location: (f, wanted) => expect(f.location).toBe(wanted),
  service: (f, wanted) =>
    f.workload === null
      ? expect(f.facts.service).toBe(wanted)
      : expect(f.workload).toMatchObject({ kind: "cloud-run-service", name: wanted }),
  job: (f, wanted) => expect(f.workload).toMatchObject({ kind: "cloud-run-job", name: wanted }),
  workerPool: (f, wanted) => expect(f.workload).toMatchObject({ kind: "cloud-run-worker-pool", name: wanted }),
  workload: (f, wanted) => {
    const [kind, name] = String(wanted).split("/") as [string, string];
    expect(f.workload).toMatchObject({ kind: `gke-${kind.toLowerCase()}`, name });
  },
  revision: (f, wanted) => expect(f.workload?.revision).toBe(wanted),
  execution: (f, wanted) => expect(f.workload?.execution).toBe(wanted),
  namespace: (f, wanted) => expect(f.workload?.namespace).toBe(wanted),
  pod: (f, wanted) => expect(f.workload?.pod).toBe(wanted),
  cluster: (f, wanted) => expect(f.workload?.cluster).toBe(wanted),
  operationId: (f, wanted) => expect(f.aliases).toContain(`operation/${String(wanted)}`),
  duplicateOf: (f, wanted) => expect(isOneStory(f, onlyFinding(String(wanted)))).toBe(true),
  correlateTo: (f, wanted) => expect(isOneStory(f, onlyFinding(String(wanted)))).toBe(true),
  correlateOn: (f) => expect(f.aliases.some((alias) => alias.startsWith("operation/"))).toBe(true),
};

function isOneStory(a: Finding, b: Finding): boolean {
  return a.incidentKey === b.incidentKey || a.aliases.some((alias) => b.aliases.includes(alias));
}

describe("every sample of a known kind gives exactly that finding", () => {
  test.each(ours)("$file is $kind", (sample: Sample) => {
    const finding = onlyFinding(sample.file);
    expect(finding.rule).toBe(sample.kind);
    for (const [name, wanted] of Object.entries(sample.expect)) {
      const check = EXPECTATIONS[name] ?? ((f: Finding, value: unknown) => expect(f.facts[name], name).toEqual(value));
      check(finding, wanted);
    }
    expect(parseFinding(finding)).toEqual(finding);
    expectGolden(`findings/${sample.file}`, JSON.stringify(finding, null, 2));
  });

  test("every rule has a sample", () => {
    const sampled = new Set(ours.map(({ kind }) => kind));
    expect([...ruleIds].filter((id) => !sampled.has(id))).toEqual([]);
  });

  test.each([
    ["envelope-pubsub-push.json", ["cloudrun.breakglass"]],
    ["envelope-cloudevent-pubsub.json", ["cloudrun.breakglass"]],
    ["envelope-bigquery-row.json", ["gke.breakglass"]],
    ["envelope-gcloud-logging-read.json", ["gke.denied", "gke.breakglass"]],
  ])("the envelope %s gives what is in it", (file, rules) => {
    const found = readValue(sampleBytes(file)).flatMap((reading) =>
      "entry" in reading ? findingsOf(reading.entry).map(({ rule }) => rule) : ["unreadable"],
    );
    expect(found.toSorted()).toEqual(rules.toSorted());
  });

  test("a BigQuery row gives the finding of the entry that it was made from", () => {
    const row = onlyFinding("envelope-bigquery-row.json");
    const original = onlyFinding("gke-pod-breakglass-label.json");
    expect({ ...row, matched: [] }).toEqual({ ...original, matched: [] });
  });

  test("both parts of a split entry give one finding id", () => {
    const ids = [0, 1].map((n) => onlyFinding(`envelope-split-entry-${n}.json`).id);
    expect(new Set(ids).size).toBe(1);
  });
});

describe("what is none of the known kinds gives nothing", () => {
  test.each(notOurs)("$file", ({ file }) => {
    for (const reading of readValue(sampleBytes(file))) {
      if ("entry" in reading) expect(findingsOf(reading.entry).map(({ rule }) => rule)).toEqual([]);
    }
  });
});

const RUN_BREAKGLASS = "cloudrun-service-breakglass-system-event.json";
const RUN_MESSAGE_ONLY = "cloudrun-service-breakglass-system-event-message-only.json";
const RUN_REQUEST_V1 = "cloudrun-activity-v1-replaceservice-breakglass.json";
const RUN_REQUEST_V2 = "cloudrun-activity-v2-updateservice-breakglass.json";
const RUN_DENIED = "cloudrun-service-denied-system-event.json";
const RUN_DRYRUN = "cloudrun-service-dryrun-system-event.json";
const RUN_CHECK = "cloudrun-service-authcheckfailed-system-event.json";
const RUN_READY = "cloudrun-negative-service-ready.json";
const GKE_LABEL = "gke-pod-breakglass-label.json";
const GKE_ALPHA = "gke-pod-breakglass-alpha-annotation.json";
const GKE_DENIED = "gke-pod-denied-violates-policy.json";
const GKE_FORBIDDEN = "gke-pod-denied-forbidden-legacy.json";
const GKE_DRYRUN = "gke-pod-dryrun.json";
const GKE_FAILOPEN = "gke-pod-failopen.json";
const GKE_FAILOPEN_OLD = "gke-pod-failopen-legacy-label.json";
const GKE_TEMPLATE = "gke-deployment-breakglass-template.json";

const SYSTEM_EVENT = "projects/example-prod/logs/cloudaudit.googleapis.com%2Fsystem_event";
const ACTIVITY = "projects/example-prod/logs/cloudaudit.googleapis.com%2Factivity";
const DATA_ACCESS = "projects/example-prod/logs/cloudaudit.googleapis.com%2Fdata_access";
const ANNOTATIONS = "protoPayload.response.metadata.annotations";
const RUN_FLAG = `${ANNOTATIONS}."run.googleapis.com/binary-authorization-breakglass"`;
const ready = (name: string, rest = "") => `Ready condition status changed to True for Service ${name}${rest}.`;
const failedOpenKey = 'labels."failed-open.validating.webhook.admission.k8s.io/round_0_index_2"';
const POD_FLAG = 'protoPayload.request.metadata.labels."image-policy.k8s.io/break-glass"';
const POD_SEEN_FLAG = 'protoPayload.response.metadata.labels."image-policy.k8s.io/break-glass"';
const POD_ENTRY_FLAG = 'labels."imagepolicywebhook.image-policy.k8s.io/break-glass"';
const TEMPLATE_LABELS = "protoPayload.request.spec.template.metadata.labels";
const TEMPLATE_SEEN_LABELS = "protoPayload.response.spec.template.metadata.labels";
const TEMPLATE_FLAG_OFF = { [TEMPLATE_LABELS]: { app: "x" }, [TEMPLATE_SEEN_LABELS]: { app: "x" } };
const FLAG = { "image-policy.k8s.io/break-glass": "true" };
const failure = (reason: string, message: string) => ({
  "protoPayload.response.reason": reason,
  "protoPayload.response.message": message,
});

describe("a small difference decides", () => {
  const STORIES: readonly (readonly [string, string, Readonly<Record<string, Json | undefined>>, readonly string[]])[] =
    [
      [
        "Cloud Run: the annotation alone is enough",
        RUN_BREAKGLASS,
        { "protoPayload.status.message": ready("checkout") },
        ["cloudrun.breakglass"],
      ],
      [
        "Cloud Run: an empty justification is still a break-glass",
        RUN_BREAKGLASS,
        { [RUN_FLAG]: "" },
        ["cloudrun.breakglass"],
      ],
      [
        "Cloud Run: the word in a condition's message is enough",
        RUN_READY,
        {
          "protoPayload.response.status.conditions": [
            { type: "Ready", message: "Deployed with breakglass justification: x" },
          ],
        },
        ["cloudrun.breakglass"],
      ],
      [
        "Cloud Run: hyphenated, the word counts too",
        RUN_READY,
        { "protoPayload.status.message": ready("web", " with message: Deployed with break-glass") },
        ["cloudrun.breakglass"],
      ],
      [
        "Cloud Run: a service that is named breakglass is none",
        RUN_READY,
        { "protoPayload.status.message": ready("breakglass") },
        [],
      ],
      [
        "Cloud Run: a revision that is named after it is none",
        RUN_READY,
        { "protoPayload.status.message": "Ready condition status changed to True for Revision breakglass-00001-abc." },
        [],
      ],
      [
        "Cloud Run: an image that is named after it is none",
        RUN_READY,
        {
          "protoPayload.status.message": ready(
            "web",
            " with message: Imported 'r.example/breakglass:1' and r.example/breakglass",
          ),
        },
        [],
      ],
      [
        "Cloud Run: an execution that is named after it is none",
        RUN_READY,
        { "protoPayload.status.message": "Execution breakglass has completed" },
        [],
      ],
      [
        "Cloud Run: a longer word is none",
        RUN_READY,
        { "protoPayload.status.message": ready("web", " with message: see breakglass-policy") },
        [],
      ],
      ["Cloud Run: in another log it is none", RUN_BREAKGLASS, { logName: ACTIVITY }, []],
      ["Cloud Run: of another service it is none", RUN_BREAKGLASS, { "protoPayload.serviceName": "k8s.io" }, []],
      ["Cloud Run: of another resource it is none", RUN_BREAKGLASS, { "resource.type": "gce_instance" }, []],
      [
        "Cloud Run: the deletion of such a service is none",
        RUN_BREAKGLASS,
        { "protoPayload.methodName": "/Services.DeleteService" },
        [],
      ],
      [
        "Cloud Run: a gen2 function counts as well",
        RUN_BREAKGLASS,
        { "protoPayload.methodName": "/InternalServices.ReplaceInternalService" },
        ["cloudrun.breakglass"],
      ],
      [
        "Cloud Run: a worker pool counts as well",
        RUN_BREAKGLASS,
        { "resource.type": "cloud_run_worker_pool" },
        ["cloudrun.breakglass"],
      ],
      [
        "Cloud Run request: in v1, without the annotation there is nothing",
        RUN_REQUEST_V1,
        { "protoPayload.request.service.metadata.annotations": {} },
        [],
      ],
      [
        "Cloud Run request: in v2, without the block there is nothing",
        RUN_REQUEST_V2,
        { "protoPayload.request.service.binaryAuthorization": { useDefault: true } },
        [],
      ],
      [
        "Cloud Run request: in v2, an empty justification is one",
        RUN_REQUEST_V2,
        { "protoPayload.request.service.binaryAuthorization": { useDefault: true, breakglassJustification: "" } },
        ["cloudrun.breakglass_request"],
      ],
      [
        "Cloud Run request: a v1 job counts as well",
        RUN_REQUEST_V1,
        {
          "protoPayload.methodName": "google.cloud.run.v1.Jobs.ReplaceJob",
          "protoPayload.request.job": sampleEntry(RUN_REQUEST_V1).protoPayload as Json,
          "protoPayload.request.job.metadata.annotations": {
            "run.googleapis.com/binary-authorization-breakglass": "x",
          },
          "protoPayload.request.service": undefined,
        },
        ["cloudrun.breakglass_request"],
      ],
      [
        "Cloud Run request: a deletion is none",
        RUN_REQUEST_V1,
        { "protoPayload.methodName": "google.cloud.run.v1.Services.DeleteService" },
        [],
      ],
      ["Cloud Run request: in the data access log it is none", RUN_REQUEST_V1, { logName: DATA_ACCESS }, []],
      [
        "Cloud Run request: of another service it is none",
        RUN_REQUEST_V1,
        { "protoPayload.serviceName": "run.example.com" },
        [],
      ],
      [
        "Cloud Run denial: in the v2 spelling",
        RUN_DENIED,
        { "protoPayload.response.status.conditions": [{ type: "Ready", reason: "CONTAINER_IMAGE_UNAUTHORIZED" }] },
        ["cloudrun.denied"],
      ],
      [
        "Cloud Run denial: another reason with the same code is none",
        RUN_DENIED,
        { "protoPayload.response.status.conditions": [{ type: "Ready", reason: "HealthCheckContainerError" }] },
        [],
      ],
      [
        "Cloud Run denial: of a job it is the job's kind",
        RUN_DENIED,
        { "resource.type": "cloud_run_job" },
        ["cloudrun.job_denied"],
      ],
      [
        "Cloud Run denial: a sentence of a dry run is no denial",
        RUN_DENIED,
        {
          "protoPayload.status.message": "x",
          "protoPayload.response.status.conditions": [
            { type: "Ready", status: "False", reason: "RevisionFailed", message: "dryrun: not authorized by policy" },
          ],
        },
        ["cloudrun.dryrun"],
      ],
      [
        "Cloud Run denial: the sentence in a condition that did not fail is no denial",
        RUN_DENIED,
        {
          "protoPayload.response.status.conditions": [
            { type: "Ready", status: "True", message: "not authorized by policy" },
          ],
        },
        [],
      ],
      ["Cloud Run denial: in another log it is none", RUN_DENIED, { logName: ACTIVITY }, []],
      ["Cloud Run denial: of another service it is none", RUN_DENIED, { "protoPayload.serviceName": "k8s.io" }, []],
      ["Cloud Run denial: of another resource it is none", RUN_DENIED, { "resource.type": "cloud_function" }, []],
      [
        "Cloud Run check: in the v2 spelling",
        RUN_CHECK,
        { "protoPayload.response.status.conditions": [{ reason: "CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED" }] },
        ["cloudrun.check_failed"],
      ],
      ["Cloud Run check: in another log it is none", RUN_CHECK, { logName: ACTIVITY }, []],
      ["Cloud Run check: of another resource it is none", RUN_CHECK, { "resource.type": "cloud_function" }, []],
      [
        "Cloud Run dry run: with a hyphen",
        RUN_READY,
        { "protoPayload.status.message": ready("web", " with message: dry-run: image is not authorized by policy") },
        ["cloudrun.dryrun"],
      ],
      [
        "Cloud Run dry run: in one word",
        RUN_READY,
        { "protoPayload.status.message": ready("web", " with message: dryrun policy violation") },
        ["cloudrun.dryrun"],
      ],
      [
        "Cloud Run dry run: without image or policy it is something else",
        RUN_READY,
        { "protoPayload.status.message": ready("web", " with message: this was a dry run") },
        [],
      ],
      [
        "Cloud Run dry run: a service that is named dryrun-policy is none",
        RUN_READY,
        { "protoPayload.status.message": ready("dryrun-policy") },
        [],
      ],
      ["Cloud Run dry run: in another log it is none", RUN_DRYRUN, { logName: ACTIVITY }, []],
      ["Cloud Run dry run: of another resource it is none", RUN_DRYRUN, { "resource.type": "gce_instance" }, []],
      [
        "Cloud Run dry run: the deletion of such a service is none",
        RUN_DRYRUN,
        { "protoPayload.methodName": "/Services.DeleteService" },
        [],
      ],

      [
        "GKE: the entry's own label is enough",
        GKE_LABEL,
        { [POD_FLAG]: undefined, [POD_SEEN_FLAG]: undefined },
        ["gke.breakglass"],
      ],
      [
        "GKE: the Pod's label in the request is enough",
        GKE_LABEL,
        { [POD_ENTRY_FLAG]: undefined, [POD_SEEN_FLAG]: undefined },
        ["gke.breakglass"],
      ],
      [
        "GKE: the Pod's label in the response is enough",
        GKE_LABEL,
        { [POD_ENTRY_FLAG]: undefined, [POD_FLAG]: undefined },
        ["gke.breakglass"],
      ],
      [
        "GKE: a flag that says false is none",
        GKE_LABEL,
        { [POD_ENTRY_FLAG]: "false", [POD_FLAG]: "false", [POD_SEEN_FLAG]: "false" },
        [],
      ],
      [
        "GKE: a Pod that is named break-glass is none",
        "gke-negative-pod-allowed.json",
        {
          "protoPayload.request.metadata.name": "break-glass",
          "protoPayload.request.metadata.labels": { app: "image-policy.k8s.io/break-glass" },
        },
        [],
      ],
      [
        "GKE: a refused Pod with the flag broke nothing",
        GKE_LABEL,
        {
          "protoPayload.response": {
            kind: "Status",
            status: "Failure",
            reason: "Forbidden",
            message: "exceeded quota",
          },
        },
        [],
      ],
      [
        "GKE: a patch counts as well",
        GKE_LABEL,
        { "protoPayload.methodName": "io.k8s.core.v1.pods.patch" },
        ["gke.breakglass"],
      ],
      ["GKE: a deletion is none", GKE_LABEL, { "protoPayload.methodName": "io.k8s.core.v1.pods.delete" }, []],
      ["GKE: an eviction is none", GKE_LABEL, { "protoPayload.methodName": "io.k8s.core.v1.pods.eviction.create" }, []],
      ["GKE: in another log it is none", GKE_LABEL, { logName: DATA_ACCESS }, []],
      ["GKE: of another resource it is none", GKE_LABEL, { "resource.type": "gke_cluster" }, []],
      ["GKE: of another service it is none", GKE_LABEL, { "protoPayload.serviceName": "container.googleapis.com" }, []],
      [
        "GKE: the alpha annotation of the response is enough",
        GKE_ALPHA,
        { [POD_ENTRY_FLAG]: undefined, "protoPayload.request.metadata.annotations": undefined },
        ["gke.breakglass"],
      ],
      ["GKE denial: Forbidden by quota is not ours", GKE_DENIED, failure("Forbidden", "exceeded quota: compute"), []],
      [
        "GKE denial: Forbidden by Pod Security is not ours",
        GKE_DENIED,
        failure("Forbidden", 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'),
        [],
      ],
      [
        "GKE denial: Forbidden by the webhook's old name is ours",
        GKE_DENIED,
        failure("Forbidden", 'pods "x" is forbidden: image policy webhook backend denied one or more images'),
        ["gke.denied"],
      ],
      [
        "GKE denial: a Pod that is named after the webhook is not ours",
        GKE_DENIED,
        failure("Forbidden", 'pods "imagepolicywebhook.image-policy.k8s.io" is forbidden: exceeded quota'),
        [],
      ],
      ["GKE denial: another reason is not ours", GKE_DENIED, failure("Invalid", "Binary Authorization"), []],
      ["GKE denial: what succeeded was not denied", GKE_DENIED, { "protoPayload.response.status": "Success" }, []],
      [
        "GKE denial: a refused Deployment is not a Pod",
        GKE_DENIED,
        { "protoPayload.methodName": "io.k8s.apps.v1.deployments.create" },
        [],
      ],
      ["GKE denial: in another log it is none", GKE_FORBIDDEN, { logName: SYSTEM_EVENT }, []],
      [
        "GKE dry run: a label that says false is none",
        GKE_DRYRUN,
        { 'labels."imagepolicywebhook.image-policy.k8s.io/dry-run"': "false" },
        [],
      ],
      [
        "GKE dry run: a Pod that something else refused does not run",
        GKE_DRYRUN,
        { "protoPayload.response": { status: "Failure", reason: "Forbidden", message: "exceeded quota" } },
        [],
      ],
      [
        "GKE fail open: of another webhook is not ours",
        GKE_FAILOPEN,
        { labels: { "failed-open.validating.webhook.admission.k8s.io/round_0_index_1": "other.example.com" } },
        [],
      ],
      [
        "GKE fail open: in any round it is ours",
        GKE_FAILOPEN,
        { labels: {}, [failedOpenKey]: "imagepolicywebhook.image-policy.k8s.io" },
        ["gke.failopen"],
      ],
      [
        "GKE fail open: the key in a Pod's own label is not ours",
        GKE_FAILOPEN,
        {
          labels: {},
          'protoPayload.request.metadata.labels."failed-open.validating.webhook.admission.k8s.io/round_0_index_1"':
            "imagepolicywebhook.image-policy.k8s.io",
        },
        [],
      ],
      [
        "GKE fail open: the key of the image policy plug-in is ours",
        GKE_FAILOPEN_OLD,
        { labels: { "image-policy.k8s.io/failed-open": "true" } },
        ["gke.failopen"],
      ],
      [
        "GKE fail open: a Pod that something else refused does not run",
        GKE_FAILOPEN,
        { "protoPayload.response": { status: "Failure", reason: "Forbidden", message: "exceeded quota" } },
        [],
      ],
      [
        "GKE template: the response's template is enough",
        GKE_TEMPLATE,
        { [TEMPLATE_LABELS]: { app: "x" } },
        ["gke.breakglass_template"],
      ],
      [
        "GKE template: the request's template is enough",
        GKE_TEMPLATE,
        { [TEMPLATE_SEEN_LABELS]: { app: "x" } },
        ["gke.breakglass_template"],
      ],
      [
        "GKE template: the label on the Deployment itself is none",
        GKE_TEMPLATE,
        { ...TEMPLATE_FLAG_OFF, "protoPayload.request.metadata.labels": FLAG },
        [],
      ],
      [
        "GKE template: a label that says false is none",
        GKE_TEMPLATE,
        { [TEMPLATE_LABELS]: { "image-policy.k8s.io/break-glass": "false" }, [TEMPLATE_SEEN_LABELS]: {} },
        [],
      ],
      [
        "GKE template: the alpha annotation counts",
        GKE_TEMPLATE,
        {
          ...TEMPLATE_FLAG_OFF,
          "protoPayload.request.spec.template.metadata.annotations": {
            "alpha.image-policy.k8s.io/break-glass": "true",
          },
        },
        ["gke.breakglass_template"],
      ],
      [
        "GKE template: a CronJob's counts",
        GKE_TEMPLATE,
        {
          ...TEMPLATE_FLAG_OFF,
          "protoPayload.methodName": "io.k8s.batch.v1.cronjobs.create",
          "protoPayload.request.spec.jobTemplate.spec.template.metadata.labels": FLAG,
        },
        ["gke.breakglass_template"],
      ],
      [
        "GKE template: a scaling says nothing of the template",
        GKE_TEMPLATE,
        { "protoPayload.methodName": "io.k8s.apps.v1.deployments.scale.patch" },
        [],
      ],
      [
        "GKE template: a deletion is none",
        GKE_TEMPLATE,
        { "protoPayload.methodName": "io.k8s.apps.v1.deployments.delete" },
        [],
      ],
    ];

  test.each(STORIES)("%s", (_name, file, changes, rules) => {
    expect(findingsOf(changed(file, changes)).map(({ rule }) => rule)).toEqual(rules);
  });
});

describe("how sure a finding is", () => {
  test.each([
    ["a break-glass with its annotation is sure", RUN_BREAKGLASS, {}, "high"],
    ["one that is only spoken of as a justification is sure", RUN_MESSAGE_ONLY, {}, "high"],
    [
      "one that is only mentioned is less sure",
      RUN_READY,
      { "protoPayload.status.message": ready("web", " with message: breakglass was used") },
      "medium",
    ],
    ["a refusal that names the policy is sure", RUN_DENIED, {}, "high"],
    [
      "a refusal that may be a failed pull is less sure",
      RUN_DENIED,
      {
        "protoPayload.status.message": "pull failed",
        "protoPayload.response.status.conditions": [{ reason: "ContainerImageUnauthorized", message: "pull failed" }],
      },
      "medium",
    ],
    ["a GKE refusal that names the webhook is sure", GKE_DENIED, {}, "high"],
    ["a GKE refusal that does not is less sure", GKE_DENIED, { "protoPayload.response.message": "denied" }, "medium"],
  ] as const)("%s", (_name, file, changes, confidence) => {
    expect(findingsOf(changed(file, changes)).map((finding) => finding.confidence)).toEqual([confidence]);
  });
});

describe("who and why", () => {
  test("an empty justification is kept apart from none", () => {
    expect(findingsOf(changed(RUN_BREAKGLASS, { [RUN_FLAG]: "" }))[0]?.justification).toBe("");
    expect(onlyFinding(RUN_MESSAGE_ONLY).justification).toBeNull();
  });

  test("a service-level entry names the last modifier, not whoever first made the service", () => {
    const { actor } = onlyFinding("cloudrun-service-breakglass-system-event-service-level.json");
    expect(actor).toMatchObject({
      principal: "alice@example.com",
      via: "response annotation serving.knative.dev/lastModifier",
    });
  });

  test("a controller's Pod names no person, and is of the story of its Deployment", () => {
    const pod = onlyFinding("gke-pod-breakglass-by-controller.json");
    expect(pod.actor).toMatchObject({ kind: "workload-controller", person: null });
    expect(pod.incidentKey).toBe("gke-workload/example-prod/europe-west1/prod-ew1/payments/Deployment/checkout");
    expect(pod.incidentKey).toBe(onlyFinding(GKE_TEMPLATE).incidentKey);
  });

  test("a request that was refused says so", () => {
    const [finding] = findingsOf(changed(RUN_REQUEST_V1, { "protoPayload.status": { code: 7, message: "denied" } }));
    expect(finding?.facts).toMatchObject({ succeeded: false, statusCode: 7 });
  });

  test("every entry of one Cloud Run break-glass is one story", () => {
    const files = [
      RUN_BREAKGLASS,
      RUN_MESSAGE_ONLY,
      "cloudrun-service-breakglass-system-event-service-level.json",
      RUN_REQUEST_V1,
      RUN_REQUEST_V2,
    ];
    const keys = files.map((file) => onlyFinding(file).incidentKey);
    expect(new Set(keys)).toEqual(new Set(["cloud-run-service/example-prod/europe-west1/checkout"]));
  });
});

describe("classifying is a pure function", () => {
  const entries = ours.map(({ file }) => sampleEntry(file));

  test("the order of the rules makes no difference", () => {
    // Rules that share a change are ordered by gravity: they stay together.
    const groups = Object.values(Object.groupBy(BUILT_IN_RULES, ({ id, change }) => change ?? id)) as Rule[][];
    fc.assert(
      fc.property(fc.shuffledSubarray(groups, { minLength: groups.length }), (order) => {
        const rules = order.flat();
        const shuffled = compileCatalogue(rules);
        for (const entry of entries) {
          const sorted = (found: readonly Finding[]) => found.toSorted((a, b) => (a.rule < b.rule ? -1 : 1));
          expect(sorted(classify(entry, shuffled).findings)).toEqual(sorted(findingsOf(entry)));
        }
      }),
      { numRuns: 20 },
    );
  });

  test("the entry is left as it was", () => {
    for (const entry of entries) {
      const before = structuredClone(entry);
      classify(entry, catalogue);
      expect(entry).toEqual(before);
    }
  });

  test("an entry that matches nothing gives the same empty answer each time", () => {
    const entry = sampleEntry(RUN_READY);
    expect(classify(entry, catalogue)).toBe(classify(entry, catalogue));
  });

  test("any JSON in the payload: an answer, never a throw or a fault", () => {
    const bases = entries.map((entry) => structuredClone(entry));
    const paths = ["request", "response", "status", "authenticationInfo", "metadata", "resourceName"];
    fc.assert(
      fc.property(fc.constantFrom(...bases), fc.constantFrom(...paths), fc.jsonValue(), (base, path, value) => {
        const entry = changed0(base, path, value as Json);
        expect(classify(entry, catalogue).faults).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  function changed0(base: LogEntry, path: string, value: Json): LogEntry {
    return { ...base, protoPayload: { ...(base.protoPayload as object), [path]: value } };
  }

  test("a rule reads nothing that it has not declared", () => {
    for (const { file, kind } of ours) {
      const rule = catalogue.rule(kind) as Rule;
      const view = declaredOnly(rule, viewOf(sampleEntry(file)));
      rule.refine?.(view, {});
      rule.extract(view, {});
    }
  });

  test("a rule that throws is a fault, and hides no other rule", () => {
    const broken: Rule = {
      ...(BUILT_IN_RULES[0] as Rule),
      id: "cloudrun.broken",
      extract: () => {
        throw new TypeError("secret text of the entry");
      },
    };
    const { findings, faults } = classify(sampleEntry(RUN_BREAKGLASS), compileCatalogue([broken, ...BUILT_IN_RULES]));
    expect(findings.map(({ rule }) => rule)).toEqual(["cloudrun.breakglass"]);
    expect(faults).toMatchObject([{ rule: "cloudrun.broken", error: { code: "RULE_FAULT" } }]);
    expect(faults[0]?.error.message).not.toContain("secret");
  });

  test("of rules that judge one change, one speaks", () => {
    const twice = BUILT_IN_RULES.map((rule) => ({ ...rule, change: "service.event" }));
    const both = [...twice, ...twice.map((rule) => ({ ...rule, id: `${rule.id}_again` }))];
    expect(classify(sampleEntry(RUN_BREAKGLASS), compileCatalogue(both)).findings).toHaveLength(1);
  });

  test("a rule that refuses gives nothing", () => {
    const refusing = BUILT_IN_RULES.map((rule) => ({ ...rule, refine: () => refused("never") }));
    expect(classify(sampleEntry(RUN_BREAKGLASS), compileCatalogue(refusing)).findings).toEqual([]);
  });
});

describe("filters that are compiled when they are needed", () => {
  const grouped = groupFilters(BUILT_IN_RULES);
  const whole = catalogue.filters;
  const samples = sampleIndex
    .filter(({ kind }) => kind !== "envelope")
    .flatMap(({ file }) => readValue(sampleBytes(file)))
    .flatMap((reading) => ("entry" in reading ? [reading.entry] : []));

  test("match just what all of them match at once", () => {
    for (const entry of samples) expect(grouped.matching(entry), entry.logName).toEqual(whole.matching(entry));
  });

  test("also where an entry is a mixture of others, or its service is no text", () => {
    const service = fc.oneof(
      fc.constantFrom(
        ...samples.map((entry) => (entry.protoPayload as { serviceName?: Json } | undefined)?.serviceName),
      ),
      fc.constantFrom(["run.googleapis.com", "k8s.io"], 5, "RUN.googleapis.com", null),
    );
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.constantFrom(...samples), service, (a, b, serviceName) => {
        const entry = { ...a, logName: b.logName, protoPayload: { ...(a.protoPayload as object), serviceName } };
        expect(grouped.matching(entry)).toEqual(whole.matching(entry));
      }),
      { numRuns: 1000 },
    );
  });

  test("are compiled at once where they are not known to compile", () => {
    const wrong = { ...(BUILT_IN_RULES[0] as Rule), id: "own.wrong", filter: "a = (" };
    expect(() => openCatalogue([...BUILT_IN_RULES, wrong], BUILT_IN_RULES)).toThrow(
      expect.objectContaining({ code: "QUERY_SYNTAX" }),
    );
    expect(openCatalogue(BUILT_IN_RULES, BUILT_IN_RULES).rules).toBe(BUILT_IN_RULES);
  });
});

describe("the catalogue refuses what could not work", () => {
  const good = BUILT_IN_RULES[0] as Rule;
  test.each([
    ["two rules of one id", [good, good], "RULE_INVALID"],
    ["an id without a service", [{ ...good, id: "breakglass" }], "RULE_INVALID"],
    ["a filter that does not parse", [{ ...good, filter: "a = (" }], "QUERY_SYNTAX"],
    ["a filter with an unknown field", [{ ...good, filter: 'logname2="x"' }], "QUERY_FIELD"],
  ] as const)("%s", (_name, rules, code) => {
    expect(() => compileCatalogue(rules)).toThrow(expect.objectContaining({ code }));
  });
});

/** What is true of the public entries, by reading them; none of the others is one of our events. */
const TRUTH: Readonly<Record<string, readonly string[]>> = {
  // It came without its log; SetIamPolicy is Admin Activity, and organizationAdmin is granted in it.
  "panther-brute_force_by_ip-1": ["iam.sensitive_grant"],
};

const corpus = fixtures("corpus/entries.ndjson");
describe.runIf(corpus !== undefined)("the public corpus, read in place", () => {
  test("gives no finding that its own truth does not bear out", () => {
    const lines = readFileSync(corpus as string, "utf8")
      .trim()
      .split("\n");
    expect(lines.length).toBeGreaterThan(50);
    let judged = 0;
    for (const line of lines) {
      const { id, entry } = JSON.parse(line) as { id: string; entry: Json };
      for (const logName of [ACTIVITY, SYSTEM_EVENT]) {
        // Some of the entries came without their log or time: whichever they had, none of ours is in them.
        const whole = { timestamp: "2026-01-01T00:00:00Z", logName, ...(entry as object) };
        for (const reading of readValue(Buffer.from(JSON.stringify(whole)))) {
          if ("error" in reading) {
            // One entry came with a word where its resource should be: it is refused by name, not judged.
            expect(reading.error, id).toMatchObject({ code: "ENTRY_INVALID", place: "resource" });
            continue;
          }
          judged++;
          const found = findingsOf(reading.entry).map(({ rule }) => rule);
          expect(found, id).toEqual(reading.entry.logName === ACTIVITY ? (TRUTH[id] ?? []) : []);
        }
      }
    }
    expect(judged).toBeGreaterThan(2 * (lines.length - 3));
  });
});

test("the published JSON Schema is the one that findings are checked against", async () => {
  const { publishedFindingSchema } = await import("../shared/finding-schema.ts");
  const path = join(import.meta.dirname, "..", "docs", "schemas", "finding.schema.json");
  expectGolden("../../docs/schemas/finding.schema.json", publishedFindingSchema());
  expect(JSON.parse(readFileSync(path, "utf8"))).toHaveProperty("$schema");
});
