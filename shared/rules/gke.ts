import { ACTOR_FIELDS } from "../audit-log/actor.ts";
import { imageOf, imagesOf } from "../audit-log/images.ts";
import { isObject, member } from "../audit-log/json.ts";
import { KUBERNETES_FIELDS, kubernetesObject, kubernetesWorkload, ownerPath } from "../audit-log/kubernetes.ts";
import { locationOf, ORIGIN_FIELDS, projectOf } from "../audit-log/origin.ts";
import { METHOD_NAME, STATUS_CODE, STATUS_MESSAGE, statusCodeOf } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ACCEPTED, accepted, type Extraction, type Rule, refused } from "../classifier/rule.ts";
import type { Fact, Image } from "../finding.ts";

const WEBHOOK = "imagepolicywebhook.image-policy.k8s.io";
const POD_LABEL = "image-policy.k8s.io/break-glass";
const POD_ALPHA_ANNOTATION = "alpha.image-policy.k8s.io/break-glass";
const ENTRY_LABEL_OVERRIDDEN = `${WEBHOOK}/overridden-verification-result`;
const FAILED_OPEN_ROUND = /^failed-open\.validating\.webhook\.admission\.k8s\.io\/round_\d+_index_\d+$/;
const FAILED_OPEN_LEGACY = [`${WEBHOOK}/failed-open`, "image-policy.k8s.io/failed-open"];

const LABELS = field("labels");
const REQUEST_LABELS = field("protoPayload.request.metadata.labels");
const REQUEST_ANNOTATIONS = field("protoPayload.request.metadata.annotations");
const RESPONSE_ANNOTATIONS = field("protoPayload.response.metadata.annotations");
const RESPONSE_STATUS = field("protoPayload.response.status");
const RESPONSE_REASON = field("protoPayload.response.reason");
const RESPONSE_MESSAGE = field("protoPayload.response.message");
const DENIAL_CAUSES = field("protoPayload.response.details.causes");
const EPHEMERAL_CONTAINERS = field("protoPayload.request.spec.ephemeralContainers");
const POD_CONTAINERS = [
  field("protoPayload.request.spec.initContainers"),
  field("protoPayload.request.spec.containers"),
  EPHEMERAL_CONTAINERS,
];
const OBSERVED_CONTAINERS = [
  field("protoPayload.response.spec.initContainers"),
  field("protoPayload.response.spec.containers"),
];
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
  ...KUBERNETES_FIELDS,
  ...POD_CONTAINERS,
  ...OBSERVED_CONTAINERS,
  METHOD_NAME,
  STATUS_CODE,
  STATUS_MESSAGE,
  LABELS,
  REQUEST_LABELS,
  REQUEST_ANNOTATIONS,
  RESPONSE_ANNOTATIONS,
  RESPONSE_STATUS,
  RESPONSE_REASON,
  RESPONSE_MESSAGE,
  DENIAL_CAUSES,
];
const WORKLOAD_READS = [
  ...ORIGIN_FIELDS,
  ...ACTOR_FIELDS,
  ...KUBERNETES_FIELDS,
  ...TEMPLATE_CONTAINERS,
  METHOD_NAME,
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
      const event = podEvent(view);
      const overridden = verdictText(view);
      return {
        ...event,
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
      unconfirmed: ["that a flag without an overridden verification result means that the image passed"],
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
        incidentKey: kubernetesKey(view, ownerPath(view, object)),
        workload,
        images: imagesOf(view, TEMPLATE_CONTAINERS),
        facts: {
          controller: object.controller === null ? null : `${object.controller.kind}/${object.controller.name}`,
          operation: operationOf(view),
          succeeded: statusCodeOf(view) === 0,
        },
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
        return accepted(namesTheWebhook(view) ? "high" : "medium");
      }
      return namesTheWebhook(view)
        ? accepted("high")
        : refused(
            "the words stand in the Pod's name: quota, RBAC or Pod Security refused it, not Binary Authorization",
          );
    },
    extract: (view) => {
      const event = podEvent(view);
      const text = view.text(RESPONSE_MESSAGE) ?? "";
      const verdict = denialCauses(view) ?? text;
      return {
        ...event,
        images: deniedImages(verdict, event.images ?? []),
        facts: {
          ...event.facts,
          reason: view.text(RESPONSE_REASON),
          rule: admissionRuleIn(text),
          attestor: attestorIn(verdict) ?? attestorIn(text),
          explanation: explanationIn(verdict) ?? explanationIn(text),
          statusCode: statusCodeOf(view) || null,
        },
      };
    },
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
      const event = podEvent(view);
      const verdict = verdictText(view) ?? "";
      return {
        ...event,
        images: deniedImages(verdict, event.images ?? []),
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
      const event = podEvent(view);
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
];

/** What every rule on Pods takes from the entry. */
function podEvent(view: EntryView): Extraction {
  const object = kubernetesObject(view, "Pod");
  const labels = view.object(LABELS);
  const operation = operationOf(view);
  const facts: Record<string, Fact | null | undefined> = {
    controller: object.controller === null ? null : `${object.controller.kind}/${object.controller.name}`,
    operation,
    truncated: member(labels, "audit.k8s.io/truncated") === "true" ? true : null,
    container: operation === "ephemeralcontainers" ? ephemeralContainerName(view) : null,
  };
  return {
    incidentKey: kubernetesKey(view, ownerPath(view, object)),
    workload: kubernetesWorkload(object, object.name, "gke-pod"),
    images: podImages(view),
    facts,
  };
}

/** gke-workload/PROJECT/LOCATION/CLUSTER/NAMESPACE/KIND/NAME */
function kubernetesKey(view: EntryView, path: string): string {
  const { cluster, namespace } = kubernetesObject(view, "Pod");
  const where = [projectOf(view), locationOf(view), cluster, namespace].map((part) => part ?? "unknown");
  return ["gke-workload", ...where, path].join("/");
}

/** What the Pod asks for; where the audit log left the bodies out, what the verdict names. */
function podImages(view: EntryView): readonly Image[] {
  if (operationOf(view) === "ephemeralcontainers") return imagesOf(view, [EPHEMERAL_CONTAINERS]);
  const asked = imagesOf(view, POD_CONTAINERS);
  if (asked.length > 0) return asked;
  const observed = imagesOf(view, OBSERVED_CONTAINERS);
  return observed.length > 0 ? observed : imagesIn(verdictText(view) ?? "");
}

/** The Pod's images that the verdict names first; all of them where it names none. */
function deniedImages(verdict: string, images: readonly Image[]): readonly Image[] {
  const named = imagesIn(verdict);
  return named.length > 0 ? named : images;
}

/** `create`, `update`, `patch`, or `ephemeralcontainers` where a debug container is put into a running Pod. */
function operationOf(view: EntryView): string | null {
  const method = view.text(METHOD_NAME) ?? "";
  return method.includes(".ephemeralcontainers.") ? "ephemeralcontainers" : (method.split(".").at(-1) ?? null);
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

function ephemeralContainerName(view: EntryView): string | null {
  const name = view
    .values(EPHEMERAL_CONTAINERS)
    .map((container) => member(container, "name"))
    .at(-1);
  return typeof name === "string" ? name : null;
}

function wasRefused(view: EntryView): boolean {
  return view.text(RESPONSE_STATUS)?.toLowerCase() === "failure";
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

/** The verdict that break-glass or dry run set aside: one line an image. */
function verdictText(view: EntryView): string | null {
  const text = member(view.object(LABELS), ENTRY_LABEL_OVERRIDDEN);
  return typeof text === "string" && text !== "" ? text : null;
}

function denialCauses(view: EntryView): string | null {
  const reasons = view
    .values(DENIAL_CAUSES)
    .filter(isObject)
    .map((cause) => member(cause, "reason"))
    .filter((reason): reason is string => typeof reason === "string" && reason !== "");
  return reasons.length === 0 ? null : reasons.join("\n");
}

/** Whether Binary Authorization speaks in the message: not when the words are part of the Pod's own, quoted name. */
function namesTheWebhook(view: EntryView): boolean {
  const message = (view.text(RESPONSE_MESSAGE) ?? "").replace(/\bpods? "[^"]*"/gi, "");
  return /imagepolicywebhook\.image-policy\.k8s\.io|image policy webhook|binary authorization/i.test(message);
}

const ATTESTOR = /\bprojects\/[^\s/:]+\/attestors\/[^\s:]+/;
const ADMISSION_RULE =
  /(?:by Binary Authorization|: Denied by) ((?:[a-z]+ ){1,4}?admission rule(?: for [^\s]+?)?)\.(?=\s|$)/;

function attestorIn(text: string): string | null {
  return ATTESTOR.exec(text)?.[0] ?? null;
}

function admissionRuleIn(text: string): string | null {
  return ADMISSION_RULE.exec(text)?.[1] ?? null;
}

/** What the attestor said, or which rule stood in the way: the end of the first sentence about an image. */
function explanationIn(text: string): string | null {
  const attestor = ATTESTOR.exec(text);
  if (attestor !== null) {
    const rest = text.slice(attestor.index + attestor[0].length);
    const said = /^: ([^\n]+)/.exec(rest)?.[1];
    if (said !== undefined) return said.trim();
  }
  return /Denied by [a-z_]+ admission rule/.exec(text)?.[0] ?? null;
}

/** Images as the verdict lists them: `'IMAGE' : Image IMAGE denied by ...`, or without the quoted part. */
function imagesIn(text: string): readonly Image[] {
  const references = [...text.matchAll(/\bImage (\S+) denied by /g)].map((match) => match[1] as string);
  return [...new Set(references)].map(imageOf);
}
