import type { Fact, Image, Workload, WorkloadKind } from "../finding.ts";
import { imageOf, imagesOf } from "./images.ts";
import { isObject, member, textOrNull } from "./json.ts";
import { KUBERNETES_FIELDS, kubernetesObject, kubernetesWorkload, ownerPath } from "./kubernetes.ts";
import { locationOf, projectOf } from "./origin.ts";
import { METHOD_NAME, STATUS_CODE, statusCodeOf } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/** What entries about Pods say, on GKE and on Distributed Cloud; https://cloud.google.com/binary-authorization/docs/viewing-audit-logs */
export const LABELS = field("labels");
const RESPONSE_STATUS = field("protoPayload.response.status");
export const RESPONSE_REASON = field("protoPayload.response.reason");
export const RESPONSE_MESSAGE = field("protoPayload.response.message");
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

export const POD_FIELDS = [
  ...KUBERNETES_FIELDS,
  ...POD_CONTAINERS,
  ...OBSERVED_CONTAINERS,
  METHOD_NAME,
  LABELS,
  RESPONSE_STATUS,
  RESPONSE_REASON,
  RESPONSE_MESSAGE,
  DENIAL_CAUSES,
  STATUS_CODE,
];

export interface PodEvent {
  readonly incidentKey: string;
  readonly workload: Workload;
  readonly images: readonly Image[];
  readonly facts: Readonly<Record<string, Fact | null>>;
}

/** What every rule on Pods takes from the entry; keys begin with the platform, such as gke-workload. */
export function podEvent(view: EntryView, platform: "gke" | "gdc"): PodEvent {
  const object = kubernetesObject(view, "Pod");
  const operation = operationOf(view);
  const bareKind: WorkloadKind = `${platform}-pod`;
  const workload = kubernetesWorkload(object, object.name, bareKind);
  return {
    incidentKey: kubernetesKey(view, `${platform}-workload`, ownerPath(view, object)),
    // Findings have names for the workloads of GKE only; elsewhere the Pod stands for them.
    workload: platform === "gke" ? workload : { ...workload, kind: bareKind, name: object.name },
    images: podImages(view),
    facts: {
      controller: object.controller === null ? null : `${object.controller.kind}/${object.controller.name}`,
      operation,
      truncated: member(view.object(LABELS), "audit.k8s.io/truncated") === "true" ? true : null,
      container: operation === "ephemeralcontainers" ? ephemeralContainerName(view) : null,
    },
  };
}

/** The same of a Pod that was refused: only the images that the verdict names, and what it says of them. */
export function deniedPodEvent(view: EntryView, platform: "gke" | "gdc"): PodEvent {
  const event = podEvent(view, platform);
  const text = view.text(RESPONSE_MESSAGE) ?? "";
  const verdict = denialCauses(view) ?? text;
  return {
    ...event,
    images: deniedImages(verdict, event.images),
    facts: {
      ...event.facts,
      reason: view.text(RESPONSE_REASON) ?? null,
      rule: admissionRuleIn(text),
      attestor: attestorIn(verdict) ?? attestorIn(text),
      explanation: explanationIn(verdict) ?? explanationIn(text),
      statusCode: statusCodeOf(view) || null,
    },
  };
}

/** WHAT/PROJECT/LOCATION/CLUSTER/NAMESPACE/KIND/NAME */
export function kubernetesKey(view: EntryView, what: string, path: string): string {
  const { cluster, namespace } = kubernetesObject(view, "Pod");
  const where = [projectOf(view), locationOf(view), cluster, namespace].map((part) => part ?? "unknown");
  return [what, ...where, path].join("/");
}

/** `create`, `update`, `patch`, or `ephemeralcontainers` where a debug container is put into a running Pod. */
export function operationOf(view: EntryView): string | null {
  const method = view.text(METHOD_NAME) ?? "";
  return method.includes(".ephemeralcontainers.") ? "ephemeralcontainers" : (method.split(".").at(-1) ?? null);
}

/** Whether the API server refused the write, whoever stood in the way. */
export function wasRefused(view: EntryView): boolean {
  return view.text(RESPONSE_STATUS)?.toLowerCase() === "failure";
}

/** Whether Binary Authorization speaks in the message: not when the words are part of the Pod's own, quoted name. */
export function namesBinaryAuthorization(view: EntryView): boolean {
  const message = (view.text(RESPONSE_MESSAGE) ?? "").replace(/\bpods? "[^"]*"/gi, "");
  return /imagepolicywebhook\.image-policy\.k8s\.io|image policy webhook|binary ?authorization/i.test(message);
}

/** The reasons of a denial, one an image. */
function denialCauses(view: EntryView): string | null {
  const reasons = view
    .values(DENIAL_CAUSES)
    .filter(isObject)
    .map((cause) => member(cause, "reason"))
    .filter((reason): reason is string => typeof reason === "string" && reason !== "");
  return reasons.length === 0 ? null : reasons.join("\n");
}

/** What the Pod asks for; where the audit log left the bodies out, what the verdict names. */
function podImages(view: EntryView): readonly Image[] {
  if (operationOf(view) === "ephemeralcontainers") return imagesOf(view, [EPHEMERAL_CONTAINERS]);
  const asked = imagesOf(view, POD_CONTAINERS);
  if (asked.length > 0) return asked;
  const observed = imagesOf(view, OBSERVED_CONTAINERS);
  return observed.length > 0 ? observed : imagesIn(overriddenVerdict(view) ?? "");
}

function ephemeralContainerName(view: EntryView): string | null {
  const name = view
    .values(EPHEMERAL_CONTAINERS)
    .map((container) => member(container, "name"))
    .at(-1);
  return typeof name === "string" ? name : null;
}

const OVERRIDDEN =
  /^(?:imagepolicywebhook\.image-policy\.k8s\.io|binaryauthorization\.googleapis\.com)\/overridden-verification-result$/;

/** The verdict that break-glass or dry run set aside: one line an image. */
export function overriddenVerdict(view: EntryView): string | null {
  const labels = view.object(LABELS);
  const key = Object.keys(labels ?? {}).find((name) => OVERRIDDEN.test(name));
  return key === undefined ? null : textOrNull(member(labels, key));
}

const ATTESTOR = /\bprojects\/[^\s/:]+\/attestors\/[^\s:]+/;
const ADMISSION_RULE =
  /(?:by Binary Authorization|: Denied by) ((?:[a-z]+ ){1,4}?admission rule(?: for [^\s]+?)?)\.(?=\s|$)/;

export function attestorIn(text: string): string | null {
  return ATTESTOR.exec(text)?.[0] ?? null;
}

function admissionRuleIn(text: string): string | null {
  return ADMISSION_RULE.exec(text)?.[1] ?? null;
}

/** What the attestor said, or which rule stood in the way: the end of the first sentence about an image. */
export function explanationIn(text: string): string | null {
  const attestor = ATTESTOR.exec(text);
  if (attestor !== null) {
    const rest = text.slice(attestor.index + attestor[0].length);
    const said = /^: ([^\n]+)/.exec(rest)?.[1];
    if (said !== undefined) return said.trim();
  }
  return /Denied by [a-z_]+ admission rule/.exec(text)?.[0] ?? null;
}

/** The images that a verdict names; all of the Pod's where it names none. */
export function deniedImages(verdict: string, images: readonly Image[]): readonly Image[] {
  const named = imagesIn(verdict);
  return named.length > 0 ? named : images;
}

/** Images as the verdict lists them: `'IMAGE' : Image IMAGE denied by ...`, or without the quoted part. */
function imagesIn(text: string): readonly Image[] {
  const references = [...text.matchAll(/\bImage (\S+) denied by /g)].map((match) => match[1] as string);
  return [...new Set(references)].map(imageOf);
}
