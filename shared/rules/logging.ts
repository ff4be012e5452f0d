import { isObject, type Json, type JsonObject, member, textOrNull } from "../audit-log/json.ts";
import { projectOf } from "../audit-log/origin.ts";
import { METHOD_NAME, nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { changesField, UPDATE_MASK_FIELDS, updateMask } from "../audit-log/update-mask.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, operationAlias, successfulCalls } from "../classifier/admin-activity.ts";
import {
  answeredSink,
  compareSinks,
  filterEffect,
  requestedSink,
  type SinkState,
  storedSink,
} from "../classifier/compare-sink.ts";
import { type GradedChange, neutral, stronger, toChanges, weakensBy, weaker } from "../classifier/graded-change.ts";
import {
  ACCEPTED,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Rule,
  refused,
} from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "logging.googleapis.com";
const REQUEST_SINK = field("protoPayload.request.sink");
const RESPONSE = field("protoPayload.response");
const REQUEST_EXCLUSION = field("protoPayload.request.exclusion");
const REQUEST_BUCKET = field("protoPayload.request.bucket");
const REQUEST_LOG_NAME = field("protoPayload.request.logName");
const OPERATION_FIRST = field("operation.first");
const OPERATION_LAST = field("operation.last");
const AUDIT_DELTAS = field("protoPayload.serviceData.policyDelta.auditConfigDeltas");
const config = (methods: string) => String.raw`^google\.logging\.v2\.ConfigServiceV2\.(${methods})$`;
const SINK_READS = [...ADMIN_READS, REQUEST_SINK, RESPONSE, ...UPDATE_MASK_FIELDS];
const EXCLUSION_READS = [...ADMIN_READS, REQUEST_EXCLUSION, ...UPDATE_MASK_FIELDS];
const BUCKET_READS = [...ADMIN_READS, REQUEST_BUCKET, ...UPDATE_MASK_FIELDS, OPERATION_FIRST, OPERATION_LAST];

export const loggingRules: readonly Rule[] = [
  {
    id: "logging.sink_deleted",
    category: "guardrail-change",
    title: "Log sink deleted",
    severity: "critical",
    filter: successfulCalls(SERVICE, config("DeleteSink")),
    reads: ADMIN_READS,
    extract: (view) => ({
      incidentKey: key(view, "sink", "sinks"),
      facts: { sink: nameIn(view, "sinks"), ...placeOf(view) },
    }),
    certainty: { level: "seen", unconfirmed: [] },
    volume: "One entry for each deleted sink: a handful a year.",
    counsel: sinkCounsel(
      "Whatever the sink carried is not told to anybody any more. If it was the one that feeds Glasswatch, we are deaf from now on.",
      "Make it again: `terraform apply` in the folder that owns it.",
    ),
  },
  {
    id: "logging.sink_weakened",
    category: "guardrail-change",
    title: "Log sink weakened",
    severity: "critical",
    change: "logging.sink",
    filter: successfulCalls(SERVICE, config("UpdateSink")),
    reads: SINK_READS,
    refine: (view, context) =>
      weakensBy(sinkChanges(view, context).changes)
        ? ACCEPTED
        : refused("nothing of the sink became weaker, as far as can be told"),
    extract: sinkUpdate,
    observe: observedSink,
    certainty: {
      level: "seen",
      unconfirmed: [
        "that a disabled sink and its exclusions stand in the request as in the API",
        "that an answer holds the whole sink where it holds a destination",
      ],
    },
    volume: "One entry for each changed sink: a handful a month.",
    counsel: sinkCounsel(
      "The sink brings less than before: it is disabled, leaves entries out, or goes elsewhere. What it no longer brings is told to nobody.",
      "Put it back: `terraform apply` in the folder that owns it.",
    ),
  },
  {
    id: "logging.sink_changed",
    category: "guardrail-change",
    title: "Log sink changed",
    severity: "medium",
    change: "logging.sink",
    filter: successfulCalls(SERVICE, config("UpdateSink")),
    reads: SINK_READS,
    extract: sinkUpdate,
    observe: observedSink,
    certainty: { level: "seen", unconfirmed: [] },
    volume: "One entry for each changed sink: a handful a month.",
    counsel: sinkCounsel(
      "A log sink was changed. Nothing of it became weaker as far as the entry tells; a rewritten filter can still hide events.",
      "Compare the filter with the one in its source, and put it back if nobody asked for the change: `terraform plan` in the folder that owns it.",
    ),
  },
  {
    id: "logging.exclusion_created",
    category: "guardrail-change",
    title: "Log exclusion created",
    severity: "critical",
    filter: successfulCalls(SERVICE, config("CreateExclusion")),
    reads: EXCLUSION_READS,
    extract: exclusionCreated,
    observe: observedExclusion,
    certainty: { level: "seen", unconfirmed: [] },
    volume: "One entry for each new exclusion: a handful a year.",
    counsel: exclusionCounsel(
      "Entries that it matches are dropped before they reach the _Default bucket: policy, data access and continuous validation logs among them.",
    ),
  },
  {
    id: "logging.exclusion_changed",
    category: "guardrail-change",
    title: "Log exclusion changed",
    severity: "medium",
    filter: successfulCalls(SERVICE, config("UpdateExclusion")),
    reads: EXCLUSION_READS,
    extract: exclusionChanged,
    observe: observedExclusion,
    certainty: { level: "seen", unconfirmed: ["the request of UpdateExclusion"] },
    volume: "One entry for each changed exclusion: a handful a year.",
    counsel: exclusionCounsel(
      "An exclusion drops other entries than before. Without a known earlier state, the entry does not say what it dropped until now.",
    ),
  },
  {
    id: "logging.exclusion_deleted",
    category: "guardrail-change",
    title: "Log exclusion deleted",
    severity: "low",
    filter: successfulCalls(SERVICE, config("DeleteExclusion")),
    reads: EXCLUSION_READS,
    extract: exclusionDeleted,
    certainty: { level: "seen", unconfirmed: ["the request of DeleteExclusion"] },
    volume: "One entry for each deleted exclusion: a handful a year.",
    counsel: {
      why: "More is logged than before: the guardrail is stronger, the bill higher.",
      falsePositives: "Cost control of a log that nobody needs, taken back.",
      steps: [
        "See what is still left out: `gcloud logging sinks describe _Default --{facts.scopeKind}={facts.scopeId}`, or the Log Router at https://console.cloud.google.com/logs/router?project={project}",
        "Ask the person for the reason, if nobody expected it.",
      ],
      reference: "https://cloud.google.com/logging/docs/routing/overview",
    },
  },
  {
    id: "logging.retention_changed",
    category: "guardrail-change",
    title: "Retention of a log bucket changed",
    severity: "high",
    change: "logging.bucket",
    filter: successfulCalls(SERVICE, config("UpdateBucket|UpdateBucketAsync")),
    reads: BUCKET_READS,
    refine: (view) => (retentionDays(view) === null ? refused("the request does not touch the retention") : ACCEPTED),
    extract: bucketUpdate,
    observe: (view) => {
      const days = retentionDays(view);
      return days === null ? null : { key: key(view, "log-bucket", "buckets"), state: days };
    },
    certainty: { level: "schema", unconfirmed: ["the request of UpdateBucket in an entry"] },
    volume: "One entry for each changed bucket: a handful a year.",
    counsel: bucketCounsel(
      "Evidence in this bucket is kept for another time than before; shortened, what is older is deleted.",
    ),
  },
  {
    id: "logging.bucket_changed",
    category: "guardrail-change",
    title: "Log bucket changed",
    severity: "medium",
    change: "logging.bucket",
    filter: successfulCalls(SERVICE, config("UpdateBucket|UpdateBucketAsync")),
    reads: BUCKET_READS,
    refine: (view) =>
      isOperationEnd(view) ? refused("the end of an operation, whose first entry told what it changes") : ACCEPTED,
    extract: bucketUpdate,
    certainty: { level: "schema", unconfirmed: ["the request of UpdateBucket in an entry"] },
    volume: "One entry for each changed bucket: a handful a year.",
    counsel: bucketCounsel("A bucket that may hold evidence was changed in something else than its retention."),
  },
  {
    id: "logging.bucket_deleted",
    category: "guardrail-change",
    title: "Log bucket deleted",
    severity: "high",
    filter: successfulCalls(SERVICE, config("DeleteBucket")),
    reads: ADMIN_READS,
    extract: (view) => ({
      incidentKey: key(view, "log-bucket", "buckets"),
      facts: bucketFacts(view),
      aliases: operationAlias(view),
    }),
    certainty: { level: "seen", unconfirmed: [] },
    volume: "One entry for each deleted bucket: a handful a year.",
    counsel: bucketCounsel(
      "The bucket and the evidence in it are gone in seven days; until then it can be brought back.",
    ),
  },
  {
    id: "logging.log_deleted",
    category: "guardrail-change",
    title: "Log deleted",
    severity: "high",
    filter: successfulCalls(SERVICE, String.raw`^google\.logging\.v2\.LoggingServiceV2\.DeleteLog$`),
    reads: [...ADMIN_READS, REQUEST_LOG_NAME],
    extract: (view) => ({
      incidentKey: ["log", scopeOf(view), logIdOf(view) ?? "unknown"].join("/"),
      facts: { log: logIdOf(view), ...placeOf(view) },
    }),
    certainty: { level: "schema", unconfirmed: ["the resource name of DeleteLog"] },
    volume: "One entry for each deleted log: a handful a year.",
    counsel: {
      why: "All entries of one log were deleted. Audit logs in _Required cannot be deleted this way; others can.",
      falsePositives: "A log of an application that nobody writes to any more.",
      steps: [
        "See which logs are left: `gcloud logging logs list --{facts.scopeKind}={facts.scopeId}`",
        "Ask the person for the reason. What was deleted cannot be brought back.",
        "See where a copy may be, in another bucket, BigQuery or Cloud Storage: `gcloud logging sinks list --{facts.scopeKind}={facts.scopeId}`",
      ],
      reference: "https://cloud.google.com/logging/docs/view/logs-explorer-interface",
    },
  },
  {
    id: "logging.audit_config_changed",
    category: "guardrail-change",
    title: "Audit log configuration changed",
    severity: "high",
    filter: `${successfulCalls("cloudresourcemanager.googleapis.com", String.raw`^(google\.cloud\.resourcemanager\.v[0-9a-z]+\.(Projects|Folders|Organizations)\.)?SetIamPolicy$`)}
protoPayload.serviceData.policyDelta.auditConfigDeltas.action:*`,
    reads: [...ADMIN_READS, AUDIT_DELTAS],
    extract: auditConfig,
    certainty: { level: "seen", unconfirmed: ["the form of a removal; additions were seen"] },
    volume: "One entry for each change of the audit configuration: a handful a year.",
    counsel: {
      why: "Data Access logs of a service are off, or somebody is exempt from them: what happens there from now on leaves no trace.",
      falsePositives: "A planned change of costs; new services that are turned on are reported too, as stronger.",
      steps: [
        "See what is logged now: `gcloud {facts.scopeKind}s get-iam-policy {facts.scopeId} --format=yaml --flatten=auditConfigs` (of a folder: `gcloud resource-manager folders get-iam-policy`)",
        "Ask the person for the reason, and put the configuration back where it is kept: `terraform plan` in the folder that owns it.",
      ],
      reference: "https://cloud.google.com/logging/docs/audit/configure-data-access",
    },
  },
  watchedAttempt({
    service: "logging",
    serviceName: SERVICE,
    methods: String.raw`^google\.logging\.v2\.(ConfigServiceV2\.(UpdateSink|DeleteSink|(Create|Update|Delete)Exclusion|UpdateBucket|UpdateBucketAsync|DeleteBucket)|LoggingServiceV2\.DeleteLog)$`,
    what: "where logs go",
    keyOf: attemptKey,
    reads: [REQUEST_LOG_NAME],
    reference: "https://cloud.google.com/logging/docs/routing/overview",
    command: "gcloud logging sinks list --project={project}",
  }),
];

function sinkCounsel(why: string, remedy: string): Counsel {
  return {
    why,
    falsePositives: "A planned change of the sink: it should have a change request or a commit behind it.",
    steps: [
      "See the sink as it stands: `gcloud logging sinks describe {facts.sink} --{facts.scopeKind}={facts.scopeId}`, or the Log Router at https://console.cloud.google.com/logs/router?project={project}",
      `See what was done to sinks before: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.methodName:"ConfigServiceV2" AND protoPayload.methodName:"Sink"' --{facts.scopeKind}={facts.scopeId} --freshness=30d --format=json\``,
      "Ask the person for the reason; nobody changes this at night without one.",
      remedy,
      "What was missed meanwhile is still in the buckets: `gcloud logging read 'timestamp>=\"{time}\"' --{facts.scopeKind}={facts.scopeId} --format=json | glasswatch replay -`",
    ],
    reference: "https://cloud.google.com/logging/docs/export/configure_export_v2",
  };
}

function exclusionCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "Cost control of a log that nobody needs; read the filter to see what it drops.",
    steps: [
      "See all that is left out: `gcloud logging sinks describe _Default --{facts.scopeKind}={facts.scopeId}`, or the Log Router at https://console.cloud.google.com/logs/router?project={project}",
      "Ask the person for the reason.",
      "If it drops policy, data access or continuous validation logs, take it out: `gcloud logging sinks update _Default --remove-exclusions={facts.exclusion} --{facts.scopeKind}={facts.scopeId}`",
    ],
    reference: "https://cloud.google.com/logging/docs/routing/overview",
  };
}

function bucketCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "A planned change of retention or region, with a change request behind it.",
    steps: [
      "See the buckets: `gcloud logging buckets list --{facts.scopeKind}={facts.scopeId}`",
      "Ask the person for the reason.",
      "A retention that was shortened deletes within days; put it back first: `gcloud logging buckets update {facts.bucket} --location={facts.bucketLocation} --retention-days=DAYS --{facts.scopeKind}={facts.scopeId}`",
      "A deleted bucket can be brought back for seven days: `gcloud logging buckets undelete {facts.bucket} --location={facts.bucketLocation} --{facts.scopeKind}={facts.scopeId}`",
    ],
    reference: "https://cloud.google.com/logging/docs/buckets",
  };
}

/** projects/P, folders/N, organizations/N; a project by its id, as far as the entry knows it. */
function scopeOf(view: EntryView): string {
  const [collection = "", id = ""] = (view.text(RESOURCE_NAME) ?? "").split("/");
  const project = projectOf(view);
  if (collection === "projects" && project !== null) return `projects/${project}`;
  return collection === "" || id === "" ? "unknown" : `${collection}/${id}`;
}

/** As gcloud's flags call it: --project=P, --folder=N, --organization=N. */
function placeOf(view: EntryView) {
  const [collection = "", id] = scopeOf(view).split("/");
  return { scopeKind: id === undefined ? null : collection.replace(/s$/, ""), scopeId: id };
}

function nameIn(view: EntryView, collection: string): string | null {
  return nameAfter(view.text(RESOURCE_NAME) ?? "", collection);
}

/** WHAT/SCOPE/[LOCATION/]NAME */
function key(view: EntryView, what: string, collection: string): string {
  const location = nameIn(view, "locations");
  const parts = [what, scopeOf(view), ...(location === null ? [] : [location]), nameIn(view, collection) ?? "unknown"];
  return parts.join("/");
}

/** The log's id without its encoding: names write it either way. */
function logIdOf(view: EntryView): string | null {
  const names = [view.text(RESOURCE_NAME), view.text(REQUEST_LOG_NAME)];
  for (const name of names) {
    const at = name?.indexOf("/logs/") ?? -1;
    if (name !== undefined && at !== -1) return name.slice(at + "/logs/".length).replace(/%2F/gi, "/");
  }
  return null;
}

/** The key of the change that was refused, so that a later one that succeeds joins it. */
function attemptKey(view: EntryView): string {
  if (nameIn(view, "sinks") !== null) return key(view, "sink", "sinks");
  if (nameIn(view, "exclusions") !== null) return key(view, "exclusion", "exclusions");
  if (nameIn(view, "buckets") !== null) return key(view, "log-bucket", "buckets");
  const log = logIdOf(view);
  return log === null ? `log-configuration/${scopeOf(view)}` : ["log", scopeOf(view), log].join("/");
}

interface Judgement {
  readonly changes: readonly GradedChange[];
  readonly comparedWith: "previous" | "none";
}

function judged(changes: readonly GradedChange[], before: unknown): Judgement {
  return { changes, comparedWith: before === undefined ? "none" : "previous" };
}

/** The sink after the call, as far as the entry tells: the answer holds it whole, the request what it changes. */
function sinkAfter(view: EntryView, mask: readonly string[]): SinkState {
  return { ...requestedSink(view.value(REQUEST_SINK), mask), ...answeredSink(view.value(RESPONSE)) };
}

function sinkChanges(view: EntryView, context: ClassifyContext): Judgement {
  const mask = updateMask(view);
  const before = storedSink(context.previousState?.(key(view, "sink", "sinks")));
  return judged(compareSinks(before, sinkAfter(view, mask), mask), before);
}

function sinkUpdate(view: EntryView, context: ClassifyContext): Extraction {
  const { changes, comparedWith } = sinkChanges(view, context);
  return {
    incidentKey: key(view, "sink", "sinks"),
    facts: { sink: nameIn(view, "sinks"), updateMask: updateMask(view), ...placeOf(view) },
    changes: toChanges(changes),
    comparedWith,
  };
}

function observedSink(view: EntryView): ObservedState | null {
  const state = sinkAfter(view, updateMask(view));
  return Object.keys(state).length === 0 ? null : { key: key(view, "sink", "sinks"), state };
}

interface ExclusionState {
  readonly filter?: string;
  readonly disabled?: boolean;
}

/** What an exclusion drops after the call, as far as the request says. */
function exclusionAfter(view: EntryView): ExclusionState {
  const mask = updateMask(view);
  const exclusion = view.object(REQUEST_EXCLUSION);
  if (exclusion === undefined) return {};
  const filter = member(exclusion, "filter");
  const saysFilter = typeof filter === "string" && changesField(mask, "filter");
  const saysDisabled = mask.length === 0 ? member(exclusion, "disabled") !== undefined : changesField(mask, "disabled");
  return {
    ...(saysFilter ? { filter } : {}),
    ...(saysDisabled ? { disabled: member(exclusion, "disabled") === true } : {}),
  };
}

function exclusionName(view: EntryView): string | null {
  return nameIn(view, "exclusions") ?? textOrNull(member(view.object(REQUEST_EXCLUSION), "name"));
}

function exclusionEvent(view: EntryView, filter: string | null): Extraction {
  return {
    incidentKey: ["exclusion", scopeOf(view), exclusionName(view) ?? "unknown"].join("/"),
    facts: { exclusion: exclusionName(view), filter, ...placeOf(view) },
  };
}

function exclusionCreated(view: EntryView): Extraction {
  const { filter = null, disabled = false } = exclusionAfter(view);
  const change = disabled ? neutral("exclusion", null, filter) : weaker("exclusion", null, filter, "critical");
  return { ...exclusionEvent(view, filter), changes: toChanges([change]) };
}

function exclusionDeleted(view: EntryView): Extraction {
  const name = exclusionName(view);
  return { ...exclusionEvent(view, null), changes: toChanges([stronger("exclusion", name, null)]) };
}

/** An exclusion drops: the wider its filter, the less is logged. */
function exclusionChanged(view: EntryView, context: ClassifyContext): Extraction {
  const { filter, disabled } = exclusionAfter(view);
  const event = exclusionEvent(view, filter ?? null);
  const stored = context.previousState?.(event.incidentKey) as Json | undefined;
  const before = isObject(stored) ? stored : undefined;
  const [wasFilter, wasDisabled] = [textOrNull(member(before, "filter")), member(before, "disabled")];
  const changes: GradedChange[] = [];
  if (filter !== undefined && filter !== wasFilter) {
    const effect = wasFilter === null ? "neutral" : filterEffect(filter, wasFilter);
    if (effect === "weaker") changes.push(weaker("exclusion.filter", wasFilter, filter, "critical"));
    else changes.push({ field: "exclusion.filter", before: wasFilter, after: filter, effect, gravity: null });
  }
  if (disabled !== undefined && disabled !== wasDisabled) {
    const was = typeof wasDisabled === "boolean" ? String(wasDisabled) : null;
    if (disabled) changes.push(stronger("exclusion.disabled", was, "true"));
    else if (was !== null) changes.push(weaker("exclusion.disabled", was, "false", "critical"));
  }
  return { ...event, changes: toChanges(changes), comparedWith: before === undefined ? "none" : "previous" };
}

function observedExclusion(view: EntryView): ObservedState | null {
  const state = exclusionAfter(view);
  const { incidentKey } = exclusionEvent(view, null);
  return Object.keys(state).length === 0 ? null : { key: incidentKey, state };
}

/** The last entry of a long operation carries no request: what it would tell, the first one told. */
function isOperationEnd(view: EntryView): boolean {
  const ends = view.value(OPERATION_LAST) === true && view.value(OPERATION_FIRST) !== true;
  return ends && view.object(REQUEST_BUCKET) === undefined;
}

function requestedBucket(view: EntryView): JsonObject | undefined {
  return view.object(REQUEST_BUCKET);
}

function retentionDays(view: EntryView): number | null {
  const days = Number(member(requestedBucket(view), "retentionDays") ?? Number.NaN);
  return Number.isInteger(days) && changesField(updateMask(view), "retentionDays") ? days : null;
}

function bucketFacts(view: EntryView) {
  return { bucket: nameIn(view, "buckets"), bucketLocation: nameIn(view, "locations"), ...placeOf(view) };
}

function bucketUpdate(view: EntryView, context: ClassifyContext): Extraction {
  const incidentKey = key(view, "log-bucket", "buckets");
  const days = retentionDays(view);
  const stored = context.previousState?.(incidentKey);
  const before = typeof stored === "number" ? stored : undefined;
  const locks = member(requestedBucket(view), "locked") === true && changesField(updateMask(view), "locked");
  return {
    incidentKey,
    facts: { ...bucketFacts(view), retentionDays: days, updateMask: updateMask(view), method: view.text(METHOD_NAME) },
    changes: toChanges([
      ...(days === null ? [] : [retentionChange(before, days)]),
      ...(locks ? [stronger("locked", null, "true")] : []),
    ]),
    ...(days === null ? {} : { comparedWith: before === undefined ? "none" : "previous" }),
    aliases: operationAlias(view),
  };
}

/** Audit logs live in _Required, which cannot be changed; 30 days is what _Default has from the start. */
const DEFAULT_RETENTION_DAYS = 30;

function retentionChange(before: number | undefined, after: number): GradedChange {
  const was = before === undefined ? null : String(before);
  const than = before ?? DEFAULT_RETENTION_DAYS;
  if (after === than) return neutral("retentionDays", was, String(after));
  return after < than
    ? weaker("retentionDays", was, String(after), "high")
    : stronger("retentionDays", was, String(after));
}

function auditConfig(view: EntryView): Extraction {
  const deltas = view.values(AUDIT_DELTAS).filter(isObject).map(auditDelta);
  const told = deltas.find(({ change }) => change.effect === "weaker") ?? deltas[0];
  return {
    incidentKey: ["audit-config", scopeOf(view)].join("/"),
    facts: {
      service: told?.service,
      logType: told?.logType,
      exemptedMember: deltas.find(({ exempted }) => exempted !== null)?.exempted,
      ...placeOf(view),
    },
    changes: toChanges(deltas.map(({ change }) => change)),
  };
}

/** Logging that is added is stronger, an exemption that is added is weaker; and the other way round. */
function auditDelta(delta: JsonObject) {
  const [action, service, logType, exempted] = ["action", "service", "logType", "exemptedMember"].map((name) =>
    textOrNull(member(delta, name)),
  ) as [string | null, string | null, string | null, string | null];
  const what = [service, logType, exempted === null ? null : `exempt ${exempted}`]
    .filter((part) => part !== null)
    .join(" ");
  const isAdded = action === "ADD";
  const [before, after] = isAdded ? [null, what] : [what, null];
  const isStronger = isAdded === (exempted === null);
  const change = isStronger ? stronger("auditConfig", before, after) : weaker("auditConfig", before, after, "high");
  return { service, logType, exempted, change };
}
