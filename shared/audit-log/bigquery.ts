import { isObject, type Json, type JsonObject, member, parseJsonText } from "./json.ts";

/**
 * BigQuery export rows, undone into LogEntry form as far as the export allows it.
 * https://cloud.google.com/logging/docs/export/bigquery (names and types of the columns)
 */

const AUDIT_LOG = "type.googleapis.com/google.cloud.audit.AuditLog";
const CONTINUOUS_VALIDATION = "type.googleapis.com/google.cloud.binaryauthorization.v1beta1.ContinuousValidationEvent";
const CV_COLUMN = "jsonpayload_v1beta1_continuousvalidationevent";

/** The JSON text columns of an audit row and the field each was made from. */
const JSON_COLUMNS: Readonly<Record<string, string>> = {
  requestJson: "request",
  responseJson: "response",
  metadataJson: "metadata",
  resourceOriginalStateJson: "resourceOriginalState",
};

/** Columns of a row are lower-cased user fields; only these keys of a validation event can be told apart again. */
const CV_KEYS = new Map(
  [
    "podEvent podNamespace policyName deployTime endTime checkResults checkSetIndex checkSetName checkSetScope",
    "kubernetesServiceAccount kubernetesNamespace checkIndex checkName checkType containerName containerType",
    "configErrorEvent",
  ]
    .join(" ")
    .split(" ")
    .map((key) => [key.toLowerCase(), key]),
);

/** Label keys that rules read; in a row each character that is not a letter, digit or underscore became an underscore. */
const LABEL_KEYS = new Map(
  [
    "imagepolicywebhook.image-policy.k8s.io/break-glass",
    "imagepolicywebhook.image-policy.k8s.io/overridden-verification-result",
    "imagepolicywebhook.image-policy.k8s.io/dry-run",
    "imagepolicywebhook.image-policy.k8s.io/failed-open",
    "image-policy.k8s.io/failed-open",
    "binaryauthorization.googleapis.com/break-glass",
    "binaryauthorization.googleapis.com/dry-run",
    "authorization.k8s.io/decision",
    "authorization.k8s.io/reason",
    "audit.k8s.io/truncated",
    "pod-security.kubernetes.io/enforce-policy",
    "run.googleapis.com/execution_name",
  ].map((key) => [mangled(key), key]),
);
const FAILED_OPEN = /^failed_open_validating_webhook_admission_k8s_io_(round_\d+_index_\d+)$/;

/** Whether a row of this shape came out of BigQuery rather than out of Cloud Logging. */
export function isBigQueryRow(value: JsonObject): boolean {
  if (Object.hasOwn(value, "protopayload_auditlog")) return true;
  if (Object.keys(value).some((key) => /^(?:json|proto)payload_/.test(key))) return true;
  return typeof value.timestamp === "string" && value.timestamp.endsWith(" UTC");
}

/** The row in LogEntry form; columns that are not known stay under their own names. */
export function fromBigQueryRow(row: JsonObject): JsonObject {
  const entry: Record<string, Json> = {};
  for (const [column, value] of Object.entries(row)) {
    if (value === undefined || value === null) continue;
    if (column === "protopayload_auditlog") entry.protoPayload = auditLog(value);
    else if (column === CV_COLUMN) entry.jsonPayload = continuousValidation(value);
    else if (column === "labels") entry.labels = labels(value);
    else if (column === "timestamp" || column === "receiveTimestamp") entry[column] = instant(value);
    else entry[column] = withoutNulls(value);
  }
  return entry;
}

function auditLog(column: Json): Json {
  if (!isObject(column)) return column;
  const payload: Record<string, Json> = { "@type": AUDIT_LOG };
  for (const [name, value] of Object.entries(column)) {
    if (value === undefined || value === null) continue;
    const field = JSON_COLUMNS[name];
    if (field !== undefined && typeof value === "string") payload[field] = parseJsonText(value);
    else if (name === "servicedata_v1_iam") payload.serviceData = withoutNulls(value);
    else payload[name] = withoutNulls(value);
  }
  return payload;
}

function continuousValidation(column: Json): Json {
  const event = restoreKeys(column);
  return isObject(event) ? { "@type": CONTINUOUS_VALIDATION, ...event } : event;
}

function restoreKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(restoreKeys);
  if (!isObject(value)) return value;
  return objectOf(value, (key, inner) => [CV_KEYS.get(key) ?? key, restoreKeys(inner)]);
}

function labels(column: Json): Json {
  if (!isObject(column)) return column;
  return objectOf(column, (key, value) => {
    const round = FAILED_OPEN.exec(key)?.[1];
    if (round !== undefined) return [`failed-open.validating.webhook.admission.k8s.io/${round}`, value];
    return [LABEL_KEYS.get(key.toLowerCase()) ?? key, value];
  });
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return objectOf(value, (key, inner) => [key, withoutNulls(inner)]);
}

/** A copy of the object, nulls left out; defined member by member, so that a `__proto__` key stays a plain key. */
function objectOf(value: JsonObject, change: (key: string, inner: Json) => readonly [string, Json]): JsonObject {
  const members: (readonly [string, Json])[] = [];
  for (const key of Object.keys(value)) {
    const inner = member(value, key);
    if (inner !== undefined && inner !== null) members.push(change(key, inner));
  }
  return Object.fromEntries(members);
}

/** `2026-11-20 18:44:28.729881 UTC`, or seconds since 1970 as the BigQuery API writes them, as RFC 3339. */
function instant(value: Json): Json {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return value;
  const written = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ?UTC|Z|\+00:00)?$/.exec(text);
  if (written !== null) return `${written[1]}T${written[2]}Z`;
  const seconds = /^(\d{9,10})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (seconds !== null)
    return `${new Date(Number(seconds[1]) * 1000).toISOString().slice(0, 19)}.${seconds[2] ?? "0"}Z`;
  const exponent = Number(text);
  return Number.isFinite(exponent) && exponent > 1e8 && exponent < 1e10
    ? new Date(exponent * 1000).toISOString()
    : text;
}

function mangled(key: string): string {
  return key.replace(/[^A-Za-z0-9_]/g, "_");
}
