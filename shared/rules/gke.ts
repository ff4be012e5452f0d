import { ACTOR_FIELDS } from "../audit-log/actor.ts";
import { AUTHORIZATION_FIELDS, missingPermission } from "../audit-log/authorization.ts";
import { CLUSTER_FIELDS, clusterKey, clusterOperation, clusterWorkload } from "../audit-log/cluster.ts";
import { imagesOf } from "../audit-log/images.ts";
import { member } from "../audit-log/json.ts";
import { KUBERNETES_FIELDS, kubernetesObject, kubernetesWorkload, ownerPath } from "../audit-log/kubernetes.ts";
import { ORIGIN_FIELDS } from "../audit-log/origin.ts";
import { INSERT_ID, METHOD_NAME, STATUS_CODE, STATUS_MESSAGE, statusCodeOf } from "../audit-log/payload.ts";
import {
  attestorIn,
  deniedImages,
  deniedPodEvent,
  explanationIn,
  kubernetesKey,
  LABELS,
  namesBinaryAuthorization,
  operationOf,
  overriddenVerdict,
  POD_FIELDS,
  podEvent,
  RESPONSE_REASON,
  wasRefused,
} from "../audit-log/pods.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, adminCalls, successfulCalls } from "../classifier/admin-activity.ts";
import {
  type ClusterSetting,
  clusterSettingFrom,
  compareClusterSettings,
  enforces,
  newCluster,
  weaknessesOfCluster,
} from "../classifier/compare-cluster.ts";
import { type GradedChange, gravest, toChanges, weakensBy } from "../classifier/graded-change.ts";
import {
  ACCEPTED,
  accepted,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Rule,
  refused,
} from "../classifier/rule.ts";

const WEBHOOK = "imagepolicywebhook.image-policy.k8s.io";
const POD_LABEL = "image-policy.k8s.io/break-glass";
const POD_ALPHA_ANNOTATION = "alpha.image-policy.k8s.io/break-glass";
const FAILED_OPEN_ROUND = /^failed-open\.validating\.webhook\.admission\.k8s\.io\/round_\d+_index_\d+$/;
const FAILED_OPEN_LEGACY = [`${WEBHOOK}/failed-open`, "image-policy.k8s.io/failed-open"];

const REQUEST_LABELS = field("protoPayload.request.metadata.labels");
const REQUEST_ANNOTATIONS = field("protoPayload.request.metadata.annotations");
const RESPONSE_ANNOTATIONS = field("protoPayload.response.metadata.annotations");
const TEMPLATE_SPECS = [
  "protoPayload.request.spec.template.spec",
  "protoPayload.request.spec.jobTemplate.spec.template.spec",
  "protoPayload.response.spec.template.spec",
  "protoPayload.response.spec.jobTemplate.spec.template.spec",
];
const TEMPLATE_CONTAINERS = TEMPLATE_SPECS.flatMap((spec) => [
  field(`${spec}.initContainers`),
  field(`${spec}.containers`),
]);

const POD_READS = [
  ...ORIGIN_FIELDS,
  ...ACTOR_FIELDS,
  ...POD_FIELDS,
  INSERT_ID,
  STATUS_MESSAGE,
  REQUEST_LABELS,
  REQUEST_ANNOTATIONS,
  RESPONSE_ANNOTATIONS,
];
const WORKLOAD_READS = [
  ...ORIGIN_FIELDS,
  ...ACTOR_FIELDS,
  ...KUBERNETES_FIELDS,
  ...TEMPLATE_CONTAINERS,
  METHOD_NAME,
  INSERT_ID,
  STATUS_CODE,
];

const KUBERNETES_ACTIVITY = `log_id("cloudaudit.googleapis.com/activity")
resource.type="k8s_cluster"
protoPayload.serviceName="k8s.io"`;
const POD_WRITE = String.raw`${KUBERNETES_ACTIVITY}
protoPayload.methodName=~"^io\.k8s\.core\.v1\.pods(\.ephemeralcontainers)?\.(create|update|patch)$"`;
const WORKLOAD_WRITE = String.raw`${KUBERNETES_ACTIVITY}
protoPayload.methodName=~"^io\.k8s\.(apps|batch)\.v[0-9a-z]+\.(deployments|replicasets|statefulsets|daemonsets|jobs|cronjobs)\.(create|update|patch)$"`;

/** Every place of a Pod template in a request or response that can carry the flag. */
const TEMPLATE_FLAGS = ["request", "response"].flatMap((side) =>
  ["spec.template", "spec.jobTemplate.spec.template"].flatMap((template) => [
    `protoPayload.${side}.${template}.metadata.labels."${POD_LABEL}"="true"`,
    `protoPayload.${side}.${template}.metadata.annotations."${POD_ALPHA_ANNOTATION}"="true"`,
  ]),
);

const CLUSTER_SERVICE = "container.googleapis.com";
const CLUSTER_UPDATE = String.raw`\.ClusterManager\.UpdateCluster$`;
const CLUSTER_CHANGE = String.raw`\.ClusterManager\.(Update|Create)Cluster$`;
const DESIRED = field("protoPayload.request.update.desiredBinaryAuthorization");
const CREATED = field("protoPayload.request.cluster");
/** The last entry of the operation carries no request, and so tells nothing that the first one has not told. */
const SETS_BINARY_AUTHORIZATION = "protoPayload.request.update.desiredBinaryAuthorization:*";
const CLUSTER_READS = [...ADMIN_READS, ...CLUSTER_FIELDS, DESIRED, CREATED];

const SHOW_CLUSTER =
  "See what is set now: `gcloud container clusters describe {workload.name} --location={location} --project={project} --format='yaml(binaryAuthorization)'`";
const ENFORCE =
  "`gcloud container clusters update {workload.name} --location={location} --project={project} --binauthz-evaluation-mode=PROJECT_SINGLETON_POLICY_ENFORCE`";
const ENABLING = "https://cloud.google.com/binary-authorization/docs/enable-cluster";

export const gkeRules: readonly Rule[] = [
  {
    id: "gke.breakglass",
    category: "break-glass",
    title: "Pod admitted with break-glass",
    severity: "high",
    filter: `${POD_WRITE}
(
  labels."${WEBHOOK}/break-glass"="true"
  OR protoPayload.request.metadata.labels."${POD_LABEL}"="true"
  OR protoPayload.request.metadata.annotations."${POD_ALPHA_ANNOTATION}"="true"
  OR protoPayload.response.metadata.labels."${POD_LABEL}"="true"
  OR protoPayload.response.metadata.annotations."${POD_ALPHA_ANNOTATION}"="true"
)`,
    reads: POD_READS,
    refine: (view) =>
      wasRefused(view) ? refused("the Pod was refused all the same: nothing runs that was not allowed") : ACCEPTED,
    extract: (view) => {
      const event = podEvent(view, "gke");
      const overridden = overriddenVerdict(view);
      return {
        ...event,
        aliases: entryAliases(view),
        facts: {
          ...event.facts,
          overridden: overridden !== null,
          explanation: overridden === null ? null : explanationIn(overridden),
          attestor: overridden === null ? null : attestorIn(overridden),
          form: breakGlassForm(view),
        },
      };
    },
    certainty: {
      level: "documented",
      unconfirmed: [
        "that a flag without an overridden verification result means that the image passed",
        "what is left of an entry that the API server marks as truncated",
      ],
    },
    volume: "One entry for each Pod that carries the flag.",
    counsel: {
      why: "A Pod was let past Binary Authorization by the break-glass flag. The image may be one that the policy refuses, and it runs now.",
      falsePositives:
        "The flag is reported whether or not the image would have passed: without an overridden verification result it probably would have. A Pod that keeps the flag reports again when it is changed.",
      steps: [
        "See what runs: `kubectl get pods --namespace {workload.namespace} --output wide`",
        "Find who wrote the workload behind it: the request on the Deployment or Job with the same owner names the person.",
        "Check the image against the policy: `gcloud container binauthz policy export --project={project}`",
        "Way back: take the break-glass label out of the Pod template in its source and roll out a compliant image; a bare Pod is deleted and made again.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/using-breakglass",
    },
  },
  {
    id: "gke.breakglass_template",
    category: "break-glass",
    title: "Workload template carries the break-glass label",
    severity: "high",
    filter: `${WORKLOAD_WRITE}
(
  ${TEMPLATE_FLAGS.join("\n  OR ")}
)`,
    reads: WORKLOAD_READS,
    extract: (view) => {
      const object = kubernetesObject(view, workloadKindOf(view));
      const workload = kubernetesWorkload(object, null, "gke-pod");
      return {
        incidentKey: kubernetesKey(view, "gke-workload", ownerPath(view, object)),
        workload,
        images: imagesOf(view, TEMPLATE_CONTAINERS),
        facts: {
          controller: object.controller === null ? null : `${object.controller.kind}/${object.controller.name}`,
          operation: operationOf(view),
          succeeded: statusCodeOf(view) === 0,
        },
        aliases: entryAliases(view),
      };
    },
    certainty: { level: "inferred", unconfirmed: ["that template changes are logged with the whole template"] },
    volume: "One entry for each write of a template that carries the flag.",
    counsel: {
      why: "Every Pod made from this template bypasses Binary Authorization, now and at each later scaling or restart, until the label is gone.",
      falsePositives: "A template that has carried the label for long reports again with every change to the workload.",
      steps: [
        "See the template: `kubectl get {workload.path} --namespace {workload.namespace} --output yaml`",
        "Ask the person who wrote it whether it is still needed, and for the ticket.",
        "Way back: take the label out of the template in its source, and apply it: kubectl diff, then kubectl apply, from the repository that owns it.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/using-breakglass",
    },
  },
  {
    id: "gke.denied",
    category: "policy-violation",
    title: "Pod refused by Binary Authorization",
    severity: "medium",
    filter: `${POD_WRITE}
protoPayload.response.status="Failure"
(
  protoPayload.response.reason="VIOLATES_POLICY"
  OR (
    protoPayload.response.reason="Forbidden"
    AND protoPayload.response.message:("${WEBHOOK}" OR "image policy webhook" OR "Binary Authorization")
  )
)`,
    reads: POD_READS,
    refine: (view) => {
      if (view.text(RESPONSE_REASON)?.toUpperCase() === "VIOLATES_POLICY") {
        return accepted(namesBinaryAuthorization(view) ? "high" : "medium");
      }
      return namesBinaryAuthorization(view)
        ? accepted("high")
        : refused(
            "the words stand in the Pod's name: quota, RBAC or Pod Security refused it, not Binary Authorization",
          );
    },
    extract: (view) => deniedPodEvent(view, "gke"),
    certainty: { level: "documented", unconfirmed: ["the method name of debug containers"] },
    volume: "One entry for each refused Pod; a controller repeats it every few minutes.",
    counsel: {
      why: "Somebody, or a controller on somebody's behalf, tried to run an image that the policy does not allow. The guardrail held.",
      falsePositives:
        "A controller tries again every few minutes, so one broken workload makes many entries: they belong to one incident.",
      steps: [
        "See who is stuck: `kubectl get events --namespace {workload.namespace} --field-selector reason=FailedCreate`",
        "See the policy and the rule that refused it: `gcloud container binauthz policy export --project={project}`",
        "See which attestations the image has: `gcloud container binauthz attestations list --attestor={facts.attestor} --artifact-url={images.0.reference}`",
        "Help with the regular way: build and attest the image in the approved pipeline, and deploy it by digest.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/viewing-audit-logs",
    },
  },
  {
    id: "gke.dryrun",
    category: "policy-violation",
    title: "Pod would have been refused (dry run)",
    severity: "low",
    filter: `${POD_WRITE}
labels."${WEBHOOK}/dry-run"="true"`,
    reads: POD_READS,
    refine: (view) => (wasRefused(view) ? refused("something else refused the Pod: it does not run") : ACCEPTED),
    extract: (view) => {
      const event = podEvent(view, "gke");
      const verdict = overriddenVerdict(view) ?? "";
      return {
        ...event,
        images: deniedImages(verdict, event.images),
        facts: { ...event.facts, attestor: attestorIn(verdict), explanation: explanationIn(verdict) },
      };
    },
    certainty: { level: "documented", unconfirmed: [] },
    volume: "One entry for each Pod that a dry-run policy would refuse.",
    counsel: {
      why: "The policy runs in dry-run mode: this Pod was let through, and will be refused once the policy is enforced.",
      falsePositives: "None known: the webhook writes this label only where its policy says dry run.",
      steps: [
        "See the policy: `gcloud container binauthz policy export --project={project}`",
        "Have the image built and attested by the approved pipeline, or add its repository to the policy, before the policy is enforced.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/enabling-dry-run",
    },
  },
  {
    id: "gke.failopen",
    category: "break-glass",
    title: "Pod admitted without a check: Binary Authorization failed open",
    severity: "high",
    filter: `${POD_WRITE}
(
  labels."image-policy.k8s.io/failed-open":*
  OR labels."${WEBHOOK}/failed-open":*
  OR "failed-open.validating.webhook.admission.k8s.io"
)`,
    reads: POD_READS,
    refine: (view) => {
      if (!failedOpen(view)) return refused("another webhook failed open, not Binary Authorization's");
      return wasRefused(view) ? refused("something else refused the Pod: it does not run") : ACCEPTED;
    },
    extract: (view) => {
      const event = podEvent(view, "gke");
      return { ...event, facts: { ...event.facts, verification: "unknown" } };
    },
    certainty: { level: "documented", unconfirmed: ["that the key and the name of this webhook come together"] },
    volume:
      "One entry for each Pod that is let in while the webhook does not answer; entries of other webhooks pass the sink too.",
    counsel: {
      why: "The cluster could not reach Binary Authorization and let the Pod in unchecked. Nobody knows whether the policy would have allowed the image.",
      falsePositives:
        "A short outage of the webhook lets ordinary Pods in; each of them still has to be checked afterwards.",
      steps: [
        "See what came in unchecked: `kubectl get pods --namespace {workload.namespace} --output wide`",
        "Check the image against the policy: `gcloud container binauthz policy export --project={project}`",
        "Look for a cause: egress rules to binaryauthorization.googleapis.com, the API's quota, the status page of Google Cloud.",
        "Have the Pod made again, and so checked, once the webhook answers (a bare Pod has to be applied again): `kubectl delete pod {workload.pod} --namespace {workload.namespace}`",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/viewing-audit-logs",
    },
  },
  {
    id: "gke.binauthz_disabled",
    category: "guardrail-change",
    title: "Binary Authorization turned off on a cluster",
    severity: "critical",
    change: "gke.binauthz",
    filter: `${successfulCalls(CLUSTER_SERVICE, CLUSTER_UPDATE)}
${SETS_BINARY_AUTHORIZATION}`,
    reads: CLUSTER_READS,
    refine: (view, context) => {
      const { changes, comparedWith, setting } = judgeCluster(view, context);
      if (enforces(setting)) return refused("the cluster enforces the policy");
      if (!weakensBy(changes, "critical")) return refused("the cluster enforced nothing before");
      return accepted(comparedWith === "previous" ? "high" : "medium");
    },
    extract: clusterChange,
    observe: observeCluster,
    certainty: {
      level: "schema",
      unconfirmed: ["that an update without a mode turns Binary Authorization off", "the whole log entry"],
    },
    volume: "One entry for each change of this setting on a cluster: rare.",
    counsel: {
      why: "Every Pod of this cluster starts unchecked from now on, whatever the policy of the project says. Policy bindings alone only report; they stop nothing.",
      falsePositives:
        "A cluster that is about to be deleted; and without a known earlier state, it may have been off for long.",
      steps: [
        SHOW_CLUSTER,
        `Way back: ${ENFORCE}`,
        "Pods that started meanwhile were not checked: list them by age, and compare their images with the policy: `kubectl get pods --all-namespaces --sort-by=.metadata.creationTimestamp`",
        "Ask the person who changed it for the change behind it; if the cluster is made by Terraform, see that its definition says the same.",
      ],
      reference: ENABLING,
    },
  },
  {
    id: "gke.binauthz_changed",
    category: "guardrail-change",
    title: "Binary Authorization of a cluster changed, or cluster created without it",
    severity: "medium",
    change: "gke.binauthz",
    filter: `${successfulCalls(CLUSTER_SERVICE, CLUSTER_CHANGE)}
(${SETS_BINARY_AUTHORIZATION} OR protoPayload.request.cluster:*)`,
    reads: CLUSTER_READS,
    refine: (view, context) => {
      const { changes, setting } = judgeCluster(view, context);
      if (isCreation(view)) {
        return enforces(setting) ? refused("the new cluster enforces the policy from the start") : ACCEPTED;
      }
      return !enforces(setting) && weakensBy(changes, "critical")
        ? refused("it turns enforcement off: gke.binauthz_disabled tells of it")
        : ACCEPTED;
    },
    extract: clusterChange,
    observe: observeCluster,
    certainty: { level: "schema", unconfirmed: ["the whole log entry"] },
    volume: "One entry for each change of this setting on a cluster, and for each cluster that is created.",
    counsel: {
      why: "This setting decides whether the cluster checks images at all. A cluster that was created without it runs anything.",
      falsePositives: "A cluster for tests; or enforcement that is turned on as planned.",
      steps: [
        SHOW_CLUSTER,
        `If the cluster is to enforce the policy, and does not: ${ENFORCE}`,
        "Ask the person who made or changed it, if nobody expected it.",
      ],
      reference: ENABLING,
    },
  },
  {
    id: "gke.change_attempt_denied",
    category: "guardrail-change",
    title: "Refused attempt to change Binary Authorization on a cluster",
    severity: "medium",
    filter: `${adminCalls(CLUSTER_SERVICE, CLUSTER_UPDATE)}
${SETS_BINARY_AUTHORIZATION}
protoPayload.status.code=7`,
    reads: [...CLUSTER_READS, ...AUTHORIZATION_FIELDS],
    extract: (view) => ({
      incidentKey: clusterKey(view),
      workload: clusterWorkload(view),
      facts: {
        succeeded: false,
        asked: settingIn(view).mode,
        permission: missingPermission(view),
        statusCode: 7,
      },
      aliases: clusterOperation(view),
    }),
    certainty: {
      level: "schema",
      unconfirmed: ["that this service's refusals have the shape of other services' refusals"],
    },
    volume: "One entry for each refused call of this kind: rare.",
    counsel: {
      why: "Nothing changed, but somebody without the permission tried to change whether this cluster checks images. It may be a mistake, or a search for a way around the guardrail.",
      falsePositives: "A pipeline or a colleague whose permission was taken away, or never given.",
      steps: [
        "Ask the person, or the owner of the service account, what it was for.",
        SHOW_CLUSTER,
        `See what else was tried: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.status.code=7' --project={project} --freshness=1d\``,
      ],
      reference: ENABLING,
    },
  },
];

function isCreation(view: EntryView): boolean {
  return view.text(METHOD_NAME)?.endsWith("CreateCluster") === true;
}

function settingIn(view: EntryView): ClusterSetting {
  return clusterSettingFrom(
    isCreation(view) ? member(view.object(CREATED), "binaryAuthorization") : view.value(DESIRED),
  );
}

interface ClusterJudgement {
  readonly setting: ClusterSetting;
  readonly changes: readonly GradedChange[];
  readonly comparedWith: "previous" | "none";
}

function judgeCluster(view: EntryView, context: ClassifyContext): ClusterJudgement {
  const setting = settingIn(view);
  const before = context.previousState?.(clusterKey(view));
  // A cluster that is created is another one than an earlier cluster of its name, and was no better before.
  if (isCreation(view)) return { setting, changes: newCluster(setting), comparedWith: "none" };
  return before === undefined
    ? { setting, changes: weaknessesOfCluster(setting), comparedWith: "none" }
    : { setting, changes: compareClusterSettings(clusterSettingFrom(before), setting), comparedWith: "previous" };
}

function clusterChange(view: EntryView, context: ClassifyContext): Extraction {
  const { changes, comparedWith, setting } = judgeCluster(view, context);
  return {
    incidentKey: clusterKey(view),
    workload: clusterWorkload(view),
    facts: {
      enforcing: enforces(setting),
      created: isCreation(view) ? true : null,
      evaluationMode: setting.mode,
      weakening: gravest(changes),
    },
    changes: toChanges(changes),
    comparedWith,
    aliases: clusterOperation(view),
  };
}

function observeCluster(view: EntryView): ObservedState {
  const { mode, policyBindings } = settingIn(view);
  return { key: clusterKey(view), state: { evaluationMode: mode, policyBindings } };
}

const KINDS: Readonly<Record<string, string>> = {
  deployments: "Deployment",
  replicasets: "ReplicaSet",
  statefulsets: "StatefulSet",
  daemonsets: "DaemonSet",
  jobs: "Job",
  cronjobs: "CronJob",
};

function workloadKindOf(view: EntryView): string {
  const resource = view.text(METHOD_NAME)?.split(".").at(-2) ?? "";
  return KINDS[resource] ?? resource;
}

function breakGlassForm(view: EntryView): string {
  if (member(view.object(REQUEST_LABELS), POD_LABEL) === "true") return "label";
  const annotated = [REQUEST_ANNOTATIONS, RESPONSE_ANNOTATIONS].some(
    (annotations) => member(view.object(annotations), POD_ALPHA_ANNOTATION) === "true",
  );
  return annotated ? "alpha-annotation" : "label";
}

/** Kubernetes gives the webhook's name alone as the value of a round's key; older masters use keys of our own webhook. */
function failedOpen(view: EntryView): boolean {
  const labels = view.object(LABELS);
  if (FAILED_OPEN_LEGACY.some((key) => member(labels, key) !== undefined)) return true;
  return Object.keys(labels ?? {}).some((key) => FAILED_OPEN_ROUND.test(key) && member(labels, key) === WEBHOOK);
}

/** By which a finding of Security Command Center, which names the entry that it saw, joins the same story. */
function entryAliases(view: EntryView): readonly string[] {
  const insertId = view.text(INSERT_ID);
  return insertId === undefined ? [] : [`entry/${insertId}`];
}
