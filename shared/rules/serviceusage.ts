import { member } from "../audit-log/json.ts";
import { projectOf } from "../audit-log/origin.ts";
import { METHOD_NAME, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, operationAlias } from "../classifier/admin-activity.ts";
import { toChanges, weaker } from "../classifier/graded-change.ts";
import {
  ACCEPTED,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Refinement,
  type Rule,
  refused,
} from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "serviceusage.googleapis.com";
const RESPONSE_SERVICE = field("protoPayload.response.service");
/** The second version of the API sets the list of all services that are on; https://cloud.google.com/service-usage/docs/reference/rest */
const ENABLED_SERVICES = [
  field("protoPayload.request.consumerPolicy.enableRules.services"),
  field("protoPayload.request.policy.enableRules.services"),
];
const READS = [...ADMIN_READS, RESPONSE_SERVICE, ...ENABLED_SERVICES];

const DISABLE = String.raw`^google\.api\.serviceusage\.v[0-9a-z]+\.ServiceUsage\.DisableService$`;
const UPDATE_POLICY = String.raw`^google\.api\.serviceusage\.v2[0-9a-z]*\.ServiceUsage\.UpdateConsumerPolicy(LRO)?$`;
const BINAUTHZ = ["binaryauthorization.googleapis.com"];
/** Without these the guardrails cannot be checked, signed for, or heard. */
const WATCHED = [
  "containeranalysis.googleapis.com",
  "cloudkms.googleapis.com",
  "logging.googleapis.com",
  "pubsub.googleapis.com",
  "orgpolicy.googleapis.com",
];

/** The name at the end of the resource name, which writes it with or without brackets. */
const named = (services: readonly string[]) =>
  String.raw`protoPayload.resourceName=~"/services/\[?(${services.map((name) => name.replaceAll(".", "\\.")).join("|")})\]?$"`;

const disabling = (services: readonly string[]) => `log_id("cloudaudit.googleapis.com/activity")
protoPayload.serviceName="${SERVICE}"
(
  (protoPayload.methodName=~"${DISABLE}" AND ${named(services)})
  OR protoPayload.methodName=~"${UPDATE_POLICY}"
)
NOT protoPayload.status.code>0`;

const UNCONFIRMED = [
  "that the name stands in the resource name in all versions of the API",
  "the request of UpdateConsumerPolicy in an entry",
];
const VOLUME =
  "Two entries each time, the beginning and the end of the operation; and one for each service that is turned on or off by the second version of the API, which sets the whole list.";

export const serviceusageRules: readonly Rule[] = [
  {
    id: "serviceusage.binauthz_disabled",
    category: "guardrail-change",
    title: "Binary Authorization API disabled",
    severity: "critical",
    change: "serviceusage.service",
    filter: disabling(BINAUTHZ),
    reads: READS,
    ...judgedFor(BINAUTHZ),
    observe: enabledServices,
    certainty: { level: "documented", unconfirmed: UNCONFIRMED },
    volume: VOLUME,
    counsel: counsel(
      "Nothing in this project is checked against the policy any more; what enforces it may fail open or refuse everything.",
    ),
  },
  {
    id: "serviceusage.service_disabled",
    category: "guardrail-change",
    title: "API disabled that the guardrails need",
    severity: "high",
    change: "serviceusage.service",
    filter: disabling(WATCHED),
    reads: READS,
    ...judgedFor(WATCHED),
    observe: enabledServices,
    certainty: { level: "documented", unconfirmed: UNCONFIRMED },
    volume: VOLUME,
    counsel: counsel("Attestations, keys, logs or alarms of this project do not work without it."),
  },
  watchedAttempt({
    service: "serviceusage",
    serviceName: SERVICE,
    methods: DISABLE,
    within: named([...BINAUTHZ, ...WATCHED]),
    what: "which APIs of the guardrails are on",
    keyOf: (view) => keyOf(view, serviceOf(view)),
    reads: READS,
    reference: "https://cloud.google.com/service-usage/docs/enable-disable",
    command: "gcloud services list --enabled --project={project}",
  }),
];

function judgedFor(services: readonly string[]): Pick<Rule, "refine" | "extract"> {
  const refine = (view: EntryView, context: ClassifyContext): Refinement => {
    if (!setsTheList(view)) return ACCEPTED;
    const taken = takenOut(view, context);
    if (taken === null) return refused("the services before are not known, so what was turned off cannot be told");
    return taken.some((name) => services.includes(name)) ? ACCEPTED : refused("no watched service was turned off");
  };
  const extract = (view: EntryView, context: ClassifyContext): Extraction => {
    const isList = setsTheList(view);
    const taken = isList ? (takenOut(view, context) ?? []).filter((name) => ALL.includes(name)) : [serviceOf(view)];
    const service = taken.find((name) => services.includes(name)) ?? taken[0] ?? "unknown";
    const state = member(view.object(RESPONSE_SERVICE), "state");
    return {
      incidentKey: keyOf(view, service),
      facts: { service, state: typeof state === "string" ? state : null },
      changes: toChanges(
        taken.map((name) => weaker(taken.length > 1 ? `state of ${name}` : "state", "ENABLED", "DISABLED", "critical")),
      ),
      ...(isList ? { comparedWith: "previous" } : {}),
      aliases: operationAlias(view),
    };
  };
  return { refine, extract };
}

const ALL: readonly string[] = [...BINAUTHZ, ...WATCHED];

function serviceOf(view: EntryView): string {
  return ((view.text(RESOURCE_NAME) ?? "").split("/").at(-1) ?? "").replace(/^\[|\]$/g, "");
}

function setsTheList(view: EntryView): boolean {
  return (view.text(METHOD_NAME) ?? "").includes(".UpdateConsumerPolicy");
}

/** What was on before the call and is not any more; null where that is not known. */
function takenOut(view: EntryView, context: ClassifyContext): readonly string[] | null {
  const after = enabledServices(view);
  const before = after === null ? undefined : context.previousState?.(after.key);
  if (after === null || !Array.isArray(before)) return null;
  const isOn = new Set(after.state as readonly string[]);
  return before.filter((name): name is string => typeof name === "string" && !isOn.has(name));
}

/** Every service that is on after the call, where the call sets them all. */
function enabledServices(view: EntryView): ObservedState | null {
  if (!setsTheList(view)) return null;
  const names = ENABLED_SERVICES.flatMap((services) => view.texts(services));
  if (names.length === 0) return null;
  return { key: `enabled-services/${projectOf(view) ?? "unknown"}`, state: names.map(lastSegment).toSorted() };
}

function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** service/PROJECT/SERVICE */
function keyOf(view: EntryView, service: string): string {
  return ["service", projectOf(view) ?? "unknown", service].join("/");
}

function counsel(why: string): Counsel {
  return {
    why,
    falsePositives: "A project that is being taken down, with everything in it.",
    steps: [
      "See whether it is off: `gcloud services list --enabled --project={project} --filter={facts.service}`, or https://console.cloud.google.com/apis/dashboard?project={project}",
      "Turn it on again: `gcloud services enable {facts.service} --project={project}`",
      "Ask the person for the reason.",
      'See what was deployed meanwhile: `gcloud logging read \'timestamp>="{time}" AND protoPayload.methodName:("Services" OR "pods.create")\' --project={project} --limit=100`',
    ],
    reference: "https://cloud.google.com/service-usage/docs/enable-disable",
  };
}
