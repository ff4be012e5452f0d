import type { Workload, WorkloadKind } from "../finding.ts";
import { isObject, type JsonObject, member } from "./json.ts";
import { RESOURCE_NAME } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/** How Kubernetes audit entries name what they are about; https://cloud.google.com/kubernetes-engine/docs/how-to/audit-logging */
const CLUSTER = field("resource.labels.cluster_name");
const REQUEST_METADATA = field("protoPayload.request.metadata");
const RESPONSE_METADATA = field("protoPayload.response.metadata");
const TIMESTAMP = field("timestamp");

export const KUBERNETES_FIELDS = [CLUSTER, REQUEST_METADATA, RESPONSE_METADATA, RESOURCE_NAME, TIMESTAMP];

export interface Owner {
  readonly kind: string;
  readonly name: string;
}

export interface KubernetesObject {
  readonly cluster: string | null;
  readonly namespace: string | null;
  /** null where the API server was still to make it up, as for Pods that a controller asks for and is refused. */
  readonly name: string | null;
  /** The controller among the owner references. */
  readonly controller: Owner | null;
  /** The object that a person would name: the Deployment of a ReplicaSet's Pod, the CronJob of a Job; itself if bare. */
  readonly top: Owner | null;
}

/** The object that the entry is about; `kind` is what the method's resource is called, such as Pod or Deployment. */
export function kubernetesObject(view: EntryView, kind: string): KubernetesObject {
  const metadata = [view.object(REQUEST_METADATA), view.object(RESPONSE_METADATA)];
  const path = pathParts(view.text(RESOURCE_NAME) ?? "");
  const name = firstText(metadata, "name") ?? path.name;
  const controller = controllerOf(metadata);
  const self = name === null ? null : { kind, name };
  const time = Date.parse(view.text(TIMESTAMP) ?? "");
  return {
    cluster: view.text(CLUSTER) ?? null,
    namespace: firstText(metadata, "namespace") ?? path.namespace,
    name,
    controller,
    top: topOwner(controller ?? self, metadata, time),
  };
}

const WORKLOAD_KINDS: Readonly<Record<string, WorkloadKind>> = {
  Deployment: "gke-deployment",
  StatefulSet: "gke-statefulset",
  DaemonSet: "gke-daemonset",
  ReplicaSet: "gke-replicaset",
  Job: "gke-job",
  CronJob: "gke-cronjob",
};

/** The workload as findings name it; an owner of a kind that Kubernetes itself does not know leaves the Pod. */
export function kubernetesWorkload(object: KubernetesObject, pod: string | null, bareKind: WorkloadKind): Workload {
  const kind = object.top === null ? undefined : WORKLOAD_KINDS[object.top.kind];
  return {
    kind: kind ?? bareKind,
    name: kind === undefined ? pod : (object.top as Owner).name,
    revision: null,
    execution: null,
    pod,
    cluster: object.cluster,
    namespace: object.namespace,
  };
}

/** KIND/NAME as incident keys carry it; a Pod that has no name yet and no owner is known by its name's beginning. */
export function ownerPath(view: EntryView, object: KubernetesObject): string {
  if (object.top !== null) return `${object.top.kind}/${object.top.name}`;
  const generated = firstText([view.object(REQUEST_METADATA)], "generateName");
  return `Pod/${generated === null ? "unnamed" : `${generated}*`}`;
}

/** `core/v1/namespaces/NS/pods/POD[/SUBRESOURCE]`, cluster-wide and collection forms included. */
function pathParts(resourceName: string): { namespace: string | null; name: string | null } {
  const parts = resourceName.split("/");
  const at = parts.indexOf("namespaces");
  if (at === -1) return { namespace: null, name: null };
  return { namespace: parts[at + 1] ?? null, name: parts[at + 3] ?? null };
}

function firstText(metadata: readonly (JsonObject | undefined)[], key: string): string | null {
  for (const object of metadata) {
    const text = member(object, key);
    if (typeof text === "string" && text !== "") return text;
  }
  return null;
}

function controllerOf(metadata: readonly (JsonObject | undefined)[]): Owner | null {
  for (const object of metadata) {
    const references = member(object, "ownerReferences");
    if (!Array.isArray(references)) continue;
    for (const reference of references) {
      const kind = member(reference, "kind");
      const name = member(reference, "name");
      if (!isObject(reference) || reference.controller !== true) continue;
      // A static Pod is "owned" by its node: it is as bare as a Pod can be.
      if (typeof kind === "string" && typeof name === "string" && kind !== "Node") return { kind, name };
    }
  }
  return null;
}

/**
 * One step up, by the names that Kubernetes' own controllers give: a Deployment's ReplicaSet ends with the hash that its
 * Pods carry as `pod-template-hash`; a CronJob's Job ends with its scheduled minute since 1970.
 */
function topOwner(owner: Owner | null, metadata: readonly (JsonObject | undefined)[], time: number): Owner | null {
  if (owner?.kind === "ReplicaSet") {
    const hash = metadata.map((object) => member(member(object, "labels"), "pod-template-hash")).find(isText);
    if (hash !== undefined && owner.name.endsWith(`-${hash}`)) {
      return { kind: "Deployment", name: owner.name.slice(0, -hash.length - 1) };
    }
  }
  if (owner?.kind === "Job") {
    const scheduled = /^(.+)-(\d{8,9})$/.exec(owner.name);
    const minutes = Number(scheduled?.[2]);
    if (scheduled !== null && Math.abs(minutes * 60_000 - time) < A_WEEK) {
      return { kind: "CronJob", name: scheduled[1] as string };
    }
  }
  return owner;
}

const A_WEEK = 7 * 24 * 60 * 60 * 1000;

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
