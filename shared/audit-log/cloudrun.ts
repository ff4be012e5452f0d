import type { Image, Workload, WorkloadKind } from "../finding.ts";
import { imagesOf, withResolvedDigests } from "./images.ts";
import { isObject, member, textOrNull } from "./json.ts";
import { OPERATION_ID, RESOURCE_NAME, RESOURCE_TYPE } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/**
 * Where Cloud Run's entries say what they are about. System events carry the v1 (Knative) object as response, requests
 * the v1 or v2 object. https://cloud.google.com/run/docs/reference/rest and https://cloud.google.com/run/docs/audit-logging
 */
const SERVICE_LABEL = field("resource.labels.service_name");
const REVISION_LABEL = field("resource.labels.revision_name");
const JOB_LABEL = field("resource.labels.job_name");
const WORKER_POOL_LABEL = field("resource.labels.worker_pool_name");
const RESPONSE_LABELS = field("protoPayload.response.metadata.labels");
const RESPONSE_ANNOTATIONS = field("protoPayload.response.metadata.annotations");
const LATEST_REVISION = field("protoPayload.response.status.latestCreatedRevisionName");

const OBSERVED_CONTAINERS = [
  field("protoPayload.response.spec.containers"),
  field("protoPayload.response.spec.template.spec.containers"),
  field("protoPayload.response.spec.template.spec.template.spec.containers"),
];
const OBSERVED_DIGESTS = [
  field("protoPayload.response.status.imageDigest"),
  field("protoPayload.response.status.containerStatuses.imageDigest"),
];
const REQUESTED_CONTAINERS = [
  field("protoPayload.request.service.spec.template.spec.containers"),
  field("protoPayload.request.job.spec.template.spec.template.spec.containers"),
  field("protoPayload.request.service.template.containers"),
  field("protoPayload.request.job.template.template.containers"),
  field("protoPayload.request.workerPool.template.containers"),
];

const WORKLOAD_FIELDS = [
  RESOURCE_TYPE,
  RESOURCE_NAME,
  SERVICE_LABEL,
  REVISION_LABEL,
  JOB_LABEL,
  WORKER_POOL_LABEL,
  RESPONSE_LABELS,
  LATEST_REVISION,
];

export const OBSERVED_FIELDS = [
  ...WORKLOAD_FIELDS,
  ...OBSERVED_CONTAINERS,
  ...OBSERVED_DIGESTS,
  RESPONSE_ANNOTATIONS,
  OPERATION_ID,
];
export const REQUESTED_FIELDS = [...WORKLOAD_FIELDS, ...REQUESTED_CONTAINERS, RESPONSE_ANNOTATIONS, OPERATION_ID];

/** The service, job or worker pool that the entry is about; a revision is its service's, an execution its job's. */
export function cloudRunWorkload(view: EntryView): Workload {
  const [collection, name] = lastPair(view.text(RESOURCE_NAME) ?? "");
  const labels = view.object(RESPONSE_LABELS);
  const labelled = (key: string) => textOrNull(member(labels, key));
  const kind = workloadKind(view, collection);
  const own = {
    "cloud-run-service": textOrNull(view.text(SERVICE_LABEL)) ?? labelled("serving.knative.dev/service"),
    "cloud-run-job": textOrNull(view.text(JOB_LABEL)) ?? labelled("run.googleapis.com/job"),
    "cloud-run-worker-pool": textOrNull(view.text(WORKER_POOL_LABEL)) ?? labelled("run.googleapis.com/workerPool"),
  }[kind];
  const isRevision = collection === "revisions";
  return {
    kind,
    name: own ?? (isRevision || collection === "executions" ? null : name),
    revision: textOrNull(view.text(REVISION_LABEL)) ?? (isRevision ? name : textOrNull(view.text(LATEST_REVISION))),
    execution: collection === "executions" ? name : null,
    pod: null,
    cluster: null,
    namespace: null,
  };
}

type CloudRunKind = Extract<WorkloadKind, "cloud-run-service" | "cloud-run-job" | "cloud-run-worker-pool">;

function workloadKind(view: EntryView, collection: string | null): CloudRunKind {
  const type = view.text(RESOURCE_TYPE);
  if (type === "cloud_run_job" || collection === "jobs" || collection === "executions") return "cloud-run-job";
  if (type === "cloud_run_worker_pool" || /^workerpools$/i.test(collection ?? "")) return "cloud-run-worker-pool";
  return "cloud-run-service";
}

/** Images of the object that Cloud Run answered with, tags resolved where its status says to what. */
export function observedImages(view: EntryView): readonly Image[] {
  return withResolvedDigests(
    imagesOf(view, OBSERVED_CONTAINERS),
    OBSERVED_DIGESTS.flatMap((digest) => view.texts(digest)),
  );
}

export function requestedImages(view: EntryView): readonly Image[] {
  return imagesOf(view, REQUESTED_CONTAINERS);
}

/** The operation that a system event, and the response of the request that caused it, have in common. */
export function operationAliases(view: EntryView): readonly string[] {
  const annotated = member(view.object(RESPONSE_ANNOTATIONS), "run.googleapis.com/operation-id");
  const operation = view.text(OPERATION_ID)?.split("/").at(-1);
  const ids = [annotated, operation].filter((id): id is string => typeof id === "string" && id !== "");
  return [...new Set(ids)].map((id) => `operation/${id}`);
}

export interface Condition {
  readonly type: string | null;
  readonly status: string | null;
  readonly reason: string | null;
  readonly message: string | null;
}

export const CONDITIONS = field("protoPayload.response.status.conditions");

export function conditionsOf(view: EntryView): readonly Condition[] {
  return view
    .values(CONDITIONS)
    .filter(isObject)
    .map((condition) => ({
      type: textOrNull(member(condition, "type")),
      status: textOrNull(member(condition, "status")),
      reason: textOrNull(member(condition, "reason")),
      message: textOrNull(member(condition, "message")),
    }));
}

/** `.../COLLECTION/NAME` at the end of a resource name. */
function lastPair(resourceName: string): readonly [string | null, string | null] {
  const parts = resourceName.split("/");
  return parts.length < 2 ? [null, null] : [parts.at(-2) as string, textOrNull(parts.at(-1))];
}
