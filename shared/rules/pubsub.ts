import { IAM_BINDING_FIELDS } from "../audit-log/iam-bindings.ts";
import { isObject, member } from "../audit-log/json.ts";
import { RESOURCE_NAME } from "../audit-log/payload.ts";
import { changesField, UPDATE_MASK_FIELDS, updateMask } from "../audit-log/update-mask.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, successfulCalls } from "../classifier/admin-activity.ts";
import { accessKeyOf, grantDifference, grantText, observedGrants } from "../classifier/compare-grants.ts";
import { type GradedChange, neutral, stronger, toChanges, weaker } from "../classifier/graded-change.ts";
import { accepted, type ClassifyContext, type Extraction, type Refinement, type Rule } from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Watchlists } from "../classifier/watchlists.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "pubsub.googleapis.com";
const TIMESTAMP = field("timestamp");
const SEEK_TIME = field("protoPayload.request.time");
const SEEK_SNAPSHOT = field("protoPayload.request.snapshot");
/** ModifyPushConfig carries the push configuration itself, UpdateSubscription the subscription with it. */
const PUSH_CONFIG = field("protoPayload.request.pushConfig");
const SUBSCRIPTION = field("protoPayload.request.subscription");
const SUBSCRIPTION_READS = [...ADMIN_READS, PUSH_CONFIG, SUBSCRIPTION, ...UPDATE_MASK_FIELDS];
const publisher = (methods: string) => String.raw`^google\.pubsub\.v[0-9a-z]+\.Publisher\.(${methods})$`;
const subscriber = (methods: string) => String.raw`^google\.pubsub\.v[0-9a-z]+\.Subscriber\.(${methods})$`;
const SET_IAM_POLICY = String.raw`^google\.iam\.v[0-9a-z]+\.IAMPolicy\.SetIamPolicy$`;

/** Rules on the topics and subscriptions that carry the alarms. With a watchlist they watch just what it names. */
export function pubsubRules({ ownTopics, ownSubscriptions }: Watchlists): readonly Rule[] {
  const topics = watch("topics", ownTopics);
  const subscriptions = watch("subscriptions", ownSubscriptions);
  const either: Watch = {
    filter: `(${topics.filter} OR ${subscriptions.filter})`,
    volume: `${topics.volume} ${subscriptions.volume}`,
    watchOf: (view) => (collectionOf(view) === "topics" ? topics : subscriptions).watchOf(view),
  };
  return [
    {
      id: "pubsub.topic_deleted",
      category: "guardrail-change",
      title: "Pub/Sub topic of the alarms deleted",
      severity: "critical",
      filter: `${successfulCalls(SERVICE, publisher("DeleteTopic"))}
${topics.filter}`,
      reads: ADMIN_READS,
      ...judgedBy(topics),
      certainty: { level: "schema", unconfirmed: ["the request of DeleteTopic in an entry"] },
      volume: topics.volume,
      counsel: topicCounsel(
        "Log entries that are sent to it find nobody: the sink reports errors, and no alarm is raised any more.",
        "Make it again, and let the sink publish to it: `terraform apply` in the folder that owns it.",
      ),
    },
    {
      id: "pubsub.topic_changed",
      category: "guardrail-change",
      title: "Pub/Sub topic of the alarms changed",
      severity: "medium",
      filter: `${successfulCalls(SERVICE, publisher("UpdateTopic"))}
${topics.filter}`,
      reads: [...ADMIN_READS, ...UPDATE_MASK_FIELDS],
      ...judgedBy(topics, (view) => ({ facts: { updateMask: updateMask(view) } })),
      certainty: { level: "schema", unconfirmed: ["the request of UpdateTopic in an entry"] },
      volume: topics.volume,
      counsel: topicCounsel(
        "A schema, a storage region or a key that does not fit makes the topic refuse what the sink sends to it.",
        "Compare it with its source, and put it back: `terraform plan` in the folder that owns it.",
      ),
    },
    {
      id: "pubsub.subscription_deleted",
      category: "guardrail-change",
      title: "Pub/Sub subscription of the alarms deleted",
      severity: "critical",
      filter: `${successfulCalls(SERVICE, subscriber("DeleteSubscription"))}
${subscriptions.filter}`,
      reads: ADMIN_READS,
      ...judgedBy(subscriptions),
      certainty: { level: "schema", unconfirmed: ["the request of DeleteSubscription in an entry"] },
      volume: subscriptions.volume,
      counsel: subscriptionCounsel(
        "What is published meanwhile reaches nobody, and what was not delivered yet is gone.",
        "Make it again: `terraform apply` in the folder that owns it.",
      ),
    },
    {
      id: "pubsub.subscription_detached",
      category: "guardrail-change",
      title: "Pub/Sub subscription of the alarms detached",
      severity: "critical",
      filter: `${successfulCalls(SERVICE, publisher("DetachSubscription"))}
${subscriptions.filter}`,
      reads: ADMIN_READS,
      ...judgedBy(subscriptions),
      certainty: { level: "schema", unconfirmed: ["the request of DetachSubscription in an entry"] },
      volume: subscriptions.volume,
      counsel: subscriptionCounsel(
        "The subscription gets nothing any more, although it is still there and looks well; what was waiting in it is dropped.",
        "A detached subscription cannot be attached again: delete it and `terraform apply` in the folder that owns it.",
      ),
    },
    {
      id: "pubsub.subscription_changed",
      category: "guardrail-change",
      title: "Pub/Sub subscription of the alarms changed",
      severity: "high",
      filter: `${successfulCalls(SERVICE, subscriber("UpdateSubscription|ModifyPushConfig"))}
${subscriptions.filter}`,
      reads: SUBSCRIPTION_READS,
      ...judgedBy(subscriptions, subscriptionChange),
      observe: (view) => {
        const endpoint = pushEndpoint(view);
        return endpoint === null ? null : { key: keyOf(view), state: endpoint };
      },
      certainty: {
        level: "schema",
        unconfirmed: ["the request of UpdateSubscription and ModifyPushConfig in an entry"],
      },
      volume: subscriptions.volume,
      counsel: subscriptionCounsel(
        "Another endpoint, filter, retention or dead-letter topic can keep the alarms from the function without any error.",
        "Compare it with its source, and put it back: `terraform plan` in the folder that owns it.",
      ),
    },
    {
      id: "pubsub.subscription_seek",
      category: "guardrail-change",
      title: "Pub/Sub subscription of the alarms moved in time",
      severity: "critical",
      filter: `${successfulCalls(SERVICE, subscriber("Seek"))}
${subscriptions.filter}`,
      reads: [...ADMIN_READS, SEEK_TIME, SEEK_SNAPSHOT, TIMESTAMP],
      ...judgedBy(subscriptions, seek),
      certainty: { level: "schema", unconfirmed: ["the request of Seek in an entry"] },
      volume: subscriptions.volume,
      counsel: subscriptionCounsel(
        "A seek marks everything before its time as delivered: to a later time, the alarms that were waiting are gone without having been told. To an earlier one, old alarms come again.",
        "Seek back to the time before, within the retention of the topic: `gcloud pubsub subscriptions seek {facts.resource} --time=TIME`",
      ),
    },
    {
      id: "pubsub.iam_changed",
      category: "guardrail-change",
      title: "Access to a Pub/Sub topic or subscription of the alarms changed",
      severity: "high",
      filter: `${successfulCalls(SERVICE, SET_IAM_POLICY)}
${either.filter}`,
      reads: [...ADMIN_READS, ...IAM_BINDING_FIELDS],
      ...judgedBy(either, accessChange),
      observe: (view) => observedGrants(view, accessKeyOf(view)),
      certainty: { level: "schema", unconfirmed: ["that the entry carries the policy, or what it changes in it"] },
      volume: either.volume,
      counsel: accessCounsel(
        "Without its publisher's role the sink cannot send to the topic any more, and no alarm is raised; with a role of their own, others can read the alarms or take them away.",
        "Compare it with its source, and put it back: `terraform plan` in the folder that owns it.",
      ),
    },
    watchedAttempt({
      service: "pubsub",
      serviceName: SERVICE,
      methods: String.raw`^google\.(pubsub\.v[0-9a-z]+\.(Publisher\.(DeleteTopic|DetachSubscription|UpdateTopic)|Subscriber\.(DeleteSubscription|UpdateSubscription|ModifyPushConfig|Seek))|iam\.v[0-9a-z]+\.IAMPolicy\.SetIamPolicy)$`,
      within: either.filter,
      what: "the topics and subscriptions of the alarms",
      keyOf,
      reference: "https://cloud.google.com/pubsub/docs/audit-logging",
      command: "gcloud pubsub subscriptions list --project={project}",
    }),
  ];
}

/**
 * Names that speak of audit or security, watched as long as the organization names nothing itself. "log" has to be a word
 * of its own: catalogues and logins are something else.
 */
const TELLING = [
  "[^/]*(audit|security|binauthz|binary-?auth|break-?glass|guardrail|glasswatch|policy-violation)",
  "([^/]*[^a-z/])?log(s|ging)?([^a-z]|$)",
];

type Collection = "topics" | "subscriptions";

interface Watch {
  readonly filter: string;
  readonly volume: string;
  watchOf(view: EntryView): { readonly isNamed: boolean };
}

function watch(collection: Collection, own: readonly string[]): Watch {
  const isNamed = own.length > 0;
  const values = isNamed
    ? `=(${own.map((name) => JSON.stringify(name)).join(" OR ")})`
    : `=~(${TELLING.map((pattern) => `"(?i)/${collection}/${pattern}"`).join(" OR ")})`;
  return {
    filter: `protoPayload.resourceName${values}`,
    volume: isNamed
      ? `Only what happens to ${own.length} named ${collection}: a handful of entries a year.`
      : `Only ${collection} whose name holds a telling word; name your own in the watchlist.`,
    watchOf: () => ({ isNamed }),
  };
}

/** How sure a finding is, and why the thing is watched at all: named by the organization, or by its telling name only. */
function judgedBy(
  { watchOf }: Watch,
  more: (view: EntryView, context: ClassifyContext) => Partial<Extraction> = () => ({}),
): Pick<Rule, "refine" | "extract"> {
  const refine = (view: EntryView): Refinement => accepted(watchOf(view).isNamed ? "high" : "medium");
  const extract = (view: EntryView, context: ClassifyContext): Extraction => {
    const { facts, ...rest } = more(view, context);
    const watchedBecause = watchOf(view).isNamed ? "it is on the watchlist" : "its name speaks of audit or security";
    return {
      ...rest,
      incidentKey: keyOf(view),
      facts: { resource: view.text(RESOURCE_NAME), watchedBecause, ...facts },
    };
  };
  return { refine, extract };
}

function collectionOf(view: EntryView): Collection {
  return view.text(RESOURCE_NAME)?.split("/")[2] === "topics" ? "topics" : "subscriptions";
}

/** topic/PROJECT/NAME or subscription/PROJECT/NAME */
function keyOf(view: EntryView): string {
  const [, project, , name] = (view.text(RESOURCE_NAME) ?? "").split("/");
  const what = collectionOf(view) === "topics" ? "topic" : "subscription";
  return [what, project ?? "unknown", name ?? "unknown"].join("/");
}

/** Where the alarms are pushed after the call; "" where they wait to be pulled, null where the call does not say. */
function pushEndpoint(view: EntryView): string | null {
  const subscription = view.object(SUBSCRIPTION);
  const config = subscription === undefined ? view.object(PUSH_CONFIG) : member(subscription, "pushConfig");
  const mask = updateMask(view);
  const isCleared = subscription !== undefined && mask.length > 0;
  if (!changesField(mask, "pushConfig") || !(isObject(config) || isCleared)) return null;
  const endpoint = member(config, "pushEndpoint");
  return typeof endpoint === "string" ? endpoint : "";
}

function subscriptionChange(view: EntryView, context: ClassifyContext): Partial<Extraction> {
  const endpoint = pushEndpoint(view);
  const facts = { pushEndpoint: endpoint, updateMask: updateMask(view) };
  if (endpoint === null) return { facts };
  const stored = context.previousState?.(keyOf(view));
  const before = typeof stored === "string" ? stored : null;
  return {
    facts,
    changes: before === endpoint ? [] : toChanges([endpointChange(before, endpoint)]),
    comparedWith: before === null ? "none" : "previous",
  };
}

/** Pushed to nobody, the alarms wait; pushed elsewhere, somebody else gets them. */
function endpointChange(before: string | null, after: string): GradedChange {
  const isWeaker = after === "" || (before !== null && before !== "");
  return isWeaker ? weaker("pushEndpoint", before, after, "high") : neutral("pushEndpoint", before, after);
}

function seek(view: EntryView): Partial<Extraction> {
  const [time, snapshot] = [view.text(SEEK_TIME) ?? null, view.text(SEEK_SNAPSHOT) ?? null];
  // To its own moment or later: everything that is waiting is discarded. Earlier, a part may be.
  const discardsAll = time !== null && Date.parse(time) >= Date.parse(view.text(TIMESTAMP) ?? "");
  const to = time ?? snapshot;
  return {
    facts: { time, snapshot },
    changes: toChanges([discardsAll ? weaker("backlog", null, to, "critical") : neutral("backlog", null, to)]),
  };
}

/** By these the sink sends to the topic, and the function gets from the subscription. */
const PIPELINE_ROLES: ReadonlySet<string> = new Set(
  ["publisher", "subscriber", "editor", "admin"].map((name) => `roles/pubsub.${name}`),
);

function accessChange(view: EntryView, context: ClassifyContext): Partial<Extraction> {
  const difference = grantDifference(view, context.previousState?.(accessKeyOf(view)));
  if (difference === null) return { comparedWith: "none" };
  const removed = difference.removed.map((grant) =>
    PIPELINE_ROLES.has(grant[0])
      ? weaker("bindings", grantText(grant), null, "critical")
      : stronger("bindings", grantText(grant), null),
  );
  const added = difference.added.map((grant) => neutral("bindings", null, grantText(grant)));
  return {
    changes: toChanges([...removed, ...added]),
    ...(difference.by === "previous" ? { comparedWith: "previous" } : {}),
  };
}

function topicCounsel(why: string, remedy: string): Counsel {
  return counsel(why, remedy, [
    "See whether it is there, and who may publish to it: `gcloud pubsub topics get-iam-policy {facts.resource}`",
    "See the sinks that send to it: `gcloud logging sinks list --project={project}`",
  ]);
}

function accessCounsel(why: string, remedy: string): Counsel {
  return counsel(why, remedy, [
    "See who may do what now: `gcloud pubsub topics get-iam-policy {facts.resource}`; of a subscription: `gcloud pubsub subscriptions get-iam-policy {facts.resource}`",
    "See the identity that each sink publishes with: `gcloud logging sinks list --project={project} --format='table(name,destination,writerIdentity)'`",
  ]);
}

function subscriptionCounsel(why: string, remedy: string): Counsel {
  return counsel(why, remedy, [
    "See it as it stands: `gcloud pubsub subscriptions describe {facts.resource}`, or https://console.cloud.google.com/cloudpubsub/subscription/list?project={project}",
  ]);
}

function counsel(why: string, remedy: string, look: readonly string[]): Counsel {
  return {
    why,
    falsePositives: "A planned rebuild of the pipeline; then the same resource is made again within minutes.",
    steps: [
      ...look,
      "Ask the person for the reason.",
      remedy,
      "What was missed meanwhile is still in the log buckets: `gcloud logging read 'timestamp>=\"{time}\"' --project={project} --format=json | glasswatch replay -`",
    ],
    reference: "https://cloud.google.com/pubsub/docs/audit-logging",
  };
}
