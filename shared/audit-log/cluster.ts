import type { Workload } from "../finding.ts";
import { locationOf, ORIGIN_FIELDS, projectOf } from "./origin.ts";
import { nameAfter, OPERATION_ID, RESOURCE_NAME } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/** How entries of the GKE API name a cluster; https://cloud.google.com/kubernetes-engine/docs/how-to/audit-logging */
const CLUSTER = field("resource.labels.cluster_name");
const REQUEST_CLUSTER_NAME = field("protoPayload.request.cluster.name");
const RESPONSE_NAME = field("protoPayload.response.name");

export const CLUSTER_FIELDS = [
  ...ORIGIN_FIELDS,
  CLUSTER,
  REQUEST_CLUSTER_NAME,
  RESPONSE_NAME,
  RESOURCE_NAME,
  OPERATION_ID,
];

export function clusterWorkload(view: EntryView): Workload {
  const named = [
    view.text(CLUSTER),
    view.text(REQUEST_CLUSTER_NAME),
    nameAfter(view.text(RESOURCE_NAME) ?? "", "clusters"),
  ];
  const name = named.find((text) => text !== undefined && text !== null && text !== "") ?? null;
  return { kind: "gke-cluster", name, revision: null, execution: null, pod: null, cluster: name, namespace: null };
}

/** gke-cluster/PROJECT/LOCATION/CLUSTER */
export function clusterKey(view: EntryView): string {
  const where = [projectOf(view), locationOf(view), clusterWorkload(view).name];
  return ["gke-cluster", ...where.map((part) => part ?? "unknown")].join("/");
}

/** The operation that the first and the last entry of a change have in common; the answer to the call names it too. */
export function clusterOperation(view: EntryView): readonly string[] {
  const answered = view.text(RESPONSE_NAME);
  const ids = [
    view.text(OPERATION_ID)?.split("/").at(-1),
    answered?.startsWith("operation-") === true ? answered : undefined,
  ].filter((id) => id !== undefined && id !== "");
  return [...new Set(ids)].map((id) => `operation/${id}`);
}
