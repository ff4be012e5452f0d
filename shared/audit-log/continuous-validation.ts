import { isObject, type JsonObject, member, objectsIn, textOrNull } from "./json.ts";
import { type EntryView, field } from "./view.ts";

/**
 * Entries of continuous validation: what runs in a cluster, against a policy; or why that could not be checked.
 * https://cloud.google.com/binary-authorization/docs/overview-cv
 */
const POD_EVENT = field("jsonPayload.podEvent");
const IMAGES = field("jsonPayload.podEvent.images");
const CONFIG_ERROR = field("jsonPayload.configErrorEvent");

export const CONTINUOUS_VALIDATION_FIELDS = [POD_EVENT, IMAGES, CONFIG_ERROR];

export interface PodViolation {
  readonly pod: string | null;
  readonly namespace: string | null;
  /** projects/NUMBER/platforms/gke/policies/P; the service that ended in 2025 named none. */
  readonly policy: string | null;
  readonly deployedAt: string | null;
  readonly endedAt: string | null;
  /** References of the images that violate it. */
  readonly images: readonly string[];
  /** Types of the checks that they fail, each once. */
  readonly checks: readonly string[];
  readonly explanation: string | null;
}

export function podViolation(view: EntryView): PodViolation {
  const event = view.object(POD_EVENT);
  const images = view
    .values(IMAGES)
    .filter(isObject)
    .filter((image) => member(image, "result") !== "ALLOW");
  const results = images.flatMap((image) => objectsIn(member(image, "checkResults")));
  const texts = (objects: readonly JsonObject[], key: string) =>
    objects.map((object) => textOrNull(member(object, key))).filter((text) => text !== null);
  return {
    pod: textOrNull(member(event, "pod")),
    namespace: textOrNull(member(event, "podNamespace")),
    policy: textOrNull(member(event, "policyName")),
    deployedAt: textOrNull(member(event, "deployTime")),
    endedAt: textOrNull(member(event, "endTime")),
    images: texts(images, "image"),
    checks: [...new Set(texts(results, "checkType"))],
    explanation: texts(results, "explanation")[0] ?? texts(images, "description")[0] ?? null,
  };
}

/** Why a policy could not be used; empty where the entry gives no reason. */
export function configError(view: EntryView): string {
  return textOrNull(member(view.object(CONFIG_ERROR), "description")) ?? "";
}

/**
 * Kubernetes makes names of Pods and ReplicaSets without vowels and without digits that look like letters: a Deployment's
 * Pod is DEPLOYMENT-HASH-SUFFIX. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
const DEPLOYMENT_POD = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/;

/** The Deployment that a Pod's name speaks of; null where it speaks of none. The entry itself names no owner. */
export function deploymentInName(pod: string): string | null {
  return DEPLOYMENT_POD.exec(pod)?.[1] ?? null;
}
