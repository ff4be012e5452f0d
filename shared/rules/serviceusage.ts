import { member } from "../audit-log/json.ts";
import { projectOf } from "../audit-log/origin.ts";
import { RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, attemptDenied, operationAlias, successfulCalls } from "../classifier/admin-activity.ts";
import { ACCEPTED, type Extraction, type Rule, refused } from "../classifier/rule.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "serviceusage.googleapis.com";
const DISABLE = String.raw`^google\.api\.serviceusage\.v[0-9a-z]+\.ServiceUsage\.DisableService$`;
const RESPONSE_SERVICE = field("protoPayload.response.service");
const BINAUTHZ = "binaryauthorization.googleapis.com";
/** Without these the guardrails cannot be checked, signed for, or heard. */
const WATCHED = [
  "containeranalysis.googleapis.com",
  "cloudkms.googleapis.com",
  "logging.googleapis.com",
  "pubsub.googleapis.com",
  "orgpolicy.googleapis.com",
];
const READS = [...ADMIN_READS, RESPONSE_SERVICE];

export const serviceusageRules: readonly Rule[] = [
  {
    id: "serviceusage.binauthz_disabled",
    category: "guardrail-change",
    title: "Binary Authorization API disabled",
    severity: "critical",
    filter: `${successfulCalls(SERVICE, DISABLE)}
protoPayload.resourceName:"${BINAUTHZ}"`,
    reads: READS,
    refine: (view) => (serviceOf(view) === BINAUTHZ ? ACCEPTED : refused("another service was disabled")),
    extract: disabled,
    certainty: {
      level: "documented",
      unconfirmed: ["that the name stands in the resource name in all versions of the API"],
    },
    volume: "Two entries each time: the beginning and the end of the operation.",
    counsel: disabledCounsel(
      "Nothing in this project is checked against the policy any more; what enforces it may fail open or refuse everything.",
    ),
  },
  {
    id: "serviceusage.service_disabled",
    category: "guardrail-change",
    title: "API disabled that the guardrails need",
    severity: "high",
    filter: `${successfulCalls(SERVICE, DISABLE)}
protoPayload.resourceName:(${WATCHED.map((name) => `"${name}"`).join(" OR ")})`,
    reads: READS,
    refine: (view) => (WATCHED.includes(serviceOf(view)) ? ACCEPTED : refused("another service was disabled")),
    extract: disabled,
    certainty: {
      level: "documented",
      unconfirmed: ["that the name stands in the resource name in all versions of the API"],
    },
    volume: "Two entries each time: the beginning and the end of the operation.",
    counsel: disabledCounsel("Attestations, keys, logs or alarms of this project do not work without it."),
  },
  attemptDenied({
    service: "serviceusage",
    serviceName: SERVICE,
    methods: DISABLE,
    what: "which APIs are on",
    keyOf: (view) => keyOf(view),
    reads: READS,
    reference: "https://cloud.google.com/service-usage/docs/enable-disable",
    command: "gcloud services list --enabled --project={project}",
  }),
];

/** The service at the end of the resource name, which writes it with or without brackets. */
function serviceOf(view: EntryView): string {
  return ((view.text(RESOURCE_NAME) ?? "").split("/").at(-1) ?? "").replace(/^\[|\]$/g, "");
}

/** service/PROJECT/SERVICE */
function keyOf(view: EntryView): string {
  return ["service", projectOf(view) ?? "unknown", serviceOf(view)].join("/");
}

function disabled(view: EntryView): Extraction {
  const state = member(view.object(RESPONSE_SERVICE), "state");
  return {
    incidentKey: keyOf(view),
    facts: { service: serviceOf(view), state: typeof state === "string" ? state : null },
    changes: [{ field: "state", before: "ENABLED", after: "DISABLED", effect: "weaker" }],
    aliases: operationAlias(view),
  };
}

function disabledCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "A project that is being taken down, with everything in it.",
    steps: [
      "See whether it is off: `gcloud services list --enabled --project={project} --filter={facts.service}`",
      "Ask the person for the reason.",
      "Turn it on again: `gcloud services enable {facts.service} --project={project}`",
    ],
    reference: "https://cloud.google.com/service-usage/docs/enable-disable",
  };
}
