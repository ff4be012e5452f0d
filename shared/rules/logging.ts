import { isObject, member } from "../audit-log/json.ts";
import { METHOD_NAME, nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, attemptDenied, successfulCalls } from "../classifier/admin-activity.ts";
import { compareSinks, type SinkState, sinkState } from "../classifier/compare-sink.ts";
import { ACCEPTED, type ClassifyContext, type Extraction, type Rule, refused } from "../classifier/rule.ts";
import type { Change, Counsel } from "../finding.ts";

const SERVICE = "logging.googleapis.com";
const REQUEST_SINK = field("protoPayload.request.sink");
const UPDATE_MASK = field("protoPayload.request.updateMask");
const REQUEST_EXCLUSION = field("protoPayload.request.exclusion");
const RETENTION_DAYS = field("protoPayload.request.bucket.retentionDays");
const LOCKED = field("protoPayload.request.bucket.locked");
const AUDIT_DELTAS = field("protoPayload.serviceData.policyDelta.auditConfigDeltas");
const config = (methods: string) => String.raw`^google\.logging\.v2\.ConfigServiceV2\.(${methods})$`;
const SINK_READS = [...ADMIN_READS, REQUEST_SINK, UPDATE_MASK];

export const loggingRules: readonly Rule[] = [
  {
    id: "logging.sink_deleted",
    category: "guardrail-change",
    title: "Log sink deleted",
    severity: "critical",
    filter: successfulCalls(SERVICE, config("DeleteSink")),
    reads: ADMIN_READS,
    extract: (view) => ({ incidentKey: key(view, "sink", "sinks"), facts: { sink: nameIn(view, "sinks") } }),
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
      sinkChanges(view, context).some(({ effect }) => effect === "weaker")
        ? ACCEPTED
        : refused("nothing of the sink became weaker, as far as can be told"),
    extract: sinkUpdate,
    observe: observedSink,
    certainty: {
      level: "seen",
      unconfirmed: ["that a disabled sink and its exclusions stand in the request as in the API"],
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
    severity: "high",
    filter: successfulCalls(SERVICE, config("CreateExclusion")),
    reads: [...ADMIN_READS, REQUEST_EXCLUSION],
    extract: (view) => exclusion(view, "weaker"),
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
    reads: [...ADMIN_READS, REQUEST_EXCLUSION],
    extract: (view) => exclusion(view, "neutral"),
    certainty: { level: "seen", unconfirmed: ["the request of UpdateExclusion"] },
    volume: "One entry for each changed exclusion: a handful a year.",
    counsel: exclusionCounsel(
      "An exclusion drops other entries than before; the entry does not say what it dropped until now.",
    ),
  },
  {
    id: "logging.exclusion_deleted",
    category: "guardrail-change",
    title: "Log exclusion deleted",
    severity: "low",
    filter: successfulCalls(SERVICE, config("DeleteExclusion")),
    reads: [...ADMIN_READS, REQUEST_EXCLUSION],
    extract: (view) => exclusion(view, "stronger"),
    certainty: { level: "seen", unconfirmed: ["the request of DeleteExclusion"] },
    volume: "One entry for each deleted exclusion: a handful a year.",
    counsel: exclusionCounsel("More is logged than before: the guardrail is stronger, the bill higher."),
  },
  {
    id: "logging.retention_changed",
    category: "guardrail-change",
    title: "Retention of a log bucket changed",
    severity: "high",
    change: "logging.bucket",
    filter: successfulCalls(SERVICE, config("UpdateBucket|UpdateBucketAsync")),
    reads: [...ADMIN_READS, RETENTION_DAYS, LOCKED, UPDATE_MASK],
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
    reads: [...ADMIN_READS, RETENTION_DAYS, LOCKED, UPDATE_MASK],
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
    extract: (view) => ({ incidentKey: key(view, "log-bucket", "buckets"), facts: bucketFacts(view) }),
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
    reads: ADMIN_READS,
    extract: (view) => ({
      incidentKey: ["log", scopeOf(view), nameIn(view, "logs") ?? "unknown"].join("/"),
      facts: { log: nameIn(view, "logs") },
    }),
    certainty: { level: "schema", unconfirmed: ["the resource name of DeleteLog"] },
    volume: "One entry for each deleted log: a handful a year.",
    counsel: bucketCounsel(
      "All entries of one log were deleted. Audit logs in _Required cannot be deleted this way; others can.",
    ),
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
        "See what is logged now: `gcloud projects get-iam-policy {project} --format=yaml --flatten=auditConfigs`",
        "Ask the person for the reason, and put the configuration back where it is kept: `terraform plan` in the folder that owns it.",
      ],
      reference: "https://cloud.google.com/logging/docs/audit/configure-data-access",
    },
  },
  attemptDenied({
    service: "logging",
    serviceName: SERVICE,
    methods: String.raw`^google\.logging\.v2\.(ConfigServiceV2\.(Update|Delete|Create)(Sink|Exclusion|Bucket|BucketAsync)|LoggingServiceV2\.DeleteLog)$`,
    what: "where logs go",
    keyOf: (view) => ["log-configuration", scopeOf(view)].join("/"),
    reference: "https://cloud.google.com/logging/docs/routing/overview",
    command: "gcloud logging sinks list --project={project}",
  }),
];

function sinkCounsel(why: string, remedy: string): Counsel {
  return {
    why,
    falsePositives: "A planned change of the sink: it should have a change request or a commit behind it.",
    steps: [
      "See the sink: `gcloud logging sinks describe {facts.sink} --project={project}`",
      "Ask the person for the reason; nobody changes this at night without one.",
      remedy,
      "What was missed meanwhile is still in the buckets: read it with `gcloud logging read` from the time of this change on.",
    ],
    reference: "https://cloud.google.com/logging/docs/export/configure_export_v2",
  };
}

function exclusionCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "Cost control of a log that nobody needs; read the filter to see what it drops.",
    steps: [
      "See all that is left out: `gcloud logging sinks describe _Default --project={project}`",
      "Ask the person for the reason; remove it if it drops audit, policy or continuous validation logs.",
    ],
    reference: "https://cloud.google.com/logging/docs/routing/overview",
  };
}

function bucketCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "A planned change of retention or region, with a change request behind it.",
    steps: [
      "See the buckets: `gcloud logging buckets list --project={project}`",
      "A deleted bucket can be brought back for seven days: `gcloud logging buckets undelete {facts.bucket} --location={facts.bucketLocation} --project={project}`",
      "Ask the person for the reason, and secure what is still there if there is none.",
    ],
    reference: "https://cloud.google.com/logging/docs/buckets",
  };
}

/** projects/P, folders/N, organizations/N: the beginning of the resource name. */
function scopeOf(view: EntryView): string {
  return (view.text(RESOURCE_NAME) ?? "").split("/").slice(0, 2).join("/") || "unknown";
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

/** One text with commas, as the entries write it; names in either spelling. */
function updateMask(view: EntryView): readonly string[] {
  const mask = view.text(UPDATE_MASK) ?? "";
  return mask
    .split(",")
    .map((name) => name.trim().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    .filter((name) => name !== "");
}

function sinkChanges(view: EntryView, context: ClassifyContext): readonly Change[] {
  const after = sinkState(view.value(REQUEST_SINK));
  const before = context.previousState?.(key(view, "sink", "sinks")) as SinkState | undefined;
  return after === null ? [] : compareSinks(before, after, updateMask(view));
}

function sinkUpdate(view: EntryView, context: ClassifyContext): Extraction {
  const incidentKey = key(view, "sink", "sinks");
  return {
    incidentKey,
    facts: { sink: nameIn(view, "sinks"), updateMask: updateMask(view) },
    changes: sinkChanges(view, context),
    comparedWith: context.previousState?.(incidentKey) === undefined ? "none" : "previous",
  };
}

function observedSink(view: EntryView) {
  const state = sinkState(view.value(REQUEST_SINK));
  // A request with a mask holds what changes, not what is: only a whole one is a state to compare with.
  return state === null || state.filter === "" || state.destination === ""
    ? null
    : { key: key(view, "sink", "sinks"), state };
}

function exclusion(view: EntryView, effect: Change["effect"]): Extraction {
  const filter = member(view.object(REQUEST_EXCLUSION), "filter");
  const text = typeof filter === "string" ? filter : null;
  const isGone = effect === "stronger";
  return {
    incidentKey: key(view, "exclusion", "exclusions"),
    facts: { exclusion: nameIn(view, "exclusions"), filter: text },
    changes: [
      { field: "exclusion", before: isGone ? nameIn(view, "exclusions") : null, after: isGone ? null : text, effect },
    ],
    comparedWith: "none",
  };
}

function retentionDays(view: EntryView): number | null {
  const days = Number(view.value(RETENTION_DAYS) ?? Number.NaN);
  const mask = updateMask(view);
  const isMeant = mask.length === 0 || mask.some((name) => name.endsWith("retentionDays"));
  return Number.isInteger(days) && isMeant ? days : null;
}

function bucketFacts(view: EntryView) {
  return { bucket: nameIn(view, "buckets"), bucketLocation: nameIn(view, "locations") };
}

function bucketUpdate(view: EntryView, context: ClassifyContext): Extraction {
  const incidentKey = key(view, "log-bucket", "buckets");
  const days = retentionDays(view);
  const before = context.previousState?.(incidentKey) as number | undefined;
  return {
    incidentKey,
    facts: { ...bucketFacts(view), retentionDays: days, updateMask: updateMask(view), method: view.text(METHOD_NAME) },
    changes:
      days === null
        ? []
        : [
            {
              field: "retentionDays",
              before: before === undefined ? null : String(before),
              after: String(days),
              effect: retentionEffect(before, days),
            },
          ],
    ...(days === null ? {} : { comparedWith: before === undefined ? "none" : "previous" }),
  };
}

/** Audit logs live in _Required, which cannot be changed; 30 days is what _Default has from the start. */
const DEFAULT_RETENTION_DAYS = 30;

function retentionEffect(before: number | undefined, after: number): Change["effect"] {
  const than = before ?? DEFAULT_RETENTION_DAYS;
  if (after === than) return "neutral";
  return after < than ? "weaker" : "stronger";
}

function auditConfig(view: EntryView): Extraction {
  const deltas = view.values(AUDIT_DELTAS).filter(isObject);
  const texts = deltas.map((delta) => {
    const text = (name: string) => {
      const value = member(delta, name);
      return typeof value === "string" ? value : null;
    };
    return {
      action: text("action"),
      service: text("service"),
      logType: text("logType"),
      exempted: text("exemptedMember"),
    };
  });
  const weaker = texts.find(({ action, exempted }) => (action === "REMOVE") !== (exempted !== null)) ?? texts[0];
  return {
    incidentKey: ["audit-config", scopeOf(view)].join("/"),
    facts: {
      service: weaker?.service,
      logType: weaker?.logType,
      exemptedMember: texts.find(({ exempted }) => exempted !== null)?.exempted,
    },
    changes: texts.map(({ action, service, logType, exempted }) => {
      const what = [service, logType, exempted === null ? null : `exempt ${exempted}`]
        .filter((part) => part !== null)
        .join(" ");
      const isAdded = action === "ADD";
      // Logging that is added is stronger, an exemption that is added is weaker.
      const effect = isAdded === (exempted === null) ? "stronger" : "weaker";
      return { field: "auditConfig", before: isAdded ? null : what, after: isAdded ? what : null, effect };
    }),
  };
}
