import { nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, attemptDenied, successfulCalls } from "../classifier/admin-activity.ts";
import { accepted, type Extraction, type Refinement, type Rule, refused } from "../classifier/rule.ts";
import type { Watchlists } from "../classifier/watchlists.ts";
import type { Counsel } from "../finding.ts";

const SERVICE = "pubsub.googleapis.com";
const SEEK_TIME = field("protoPayload.request.time");
const SEEK_SNAPSHOT = field("protoPayload.request.snapshot");
const PUSH_ENDPOINT = field("protoPayload.request.pushConfig.pushEndpoint");
const publisher = (methods: string) => String.raw`^google\.pubsub\.v[0-9a-z]+\.Publisher\.(${methods})$`;
const subscriber = (methods: string) => String.raw`^google\.pubsub\.v[0-9a-z]+\.Subscriber\.(${methods})$`;

/** Words in a name that speak of audit or security, watched as long as the organization names nothing itself. */
const TELLING_WORDS = ["audit", "log", "security", "binauthz", "guardrail", "glasswatch"];

/** Rules on the topics and subscriptions that carry the alarms. With a watchlist they watch just what it names. */
export function pubsubRules({ ownTopics, ownSubscriptions }: Watchlists): readonly Rule[] {
  const topics = watch("topics", ownTopics);
  const subscriptions = watch("subscriptions", ownSubscriptions);
  return [
    {
      id: "pubsub.topic_deleted",
      category: "guardrail-change",
      title: "Pub/Sub topic of the alarms deleted",
      severity: "critical",
      filter: `${successfulCalls(SERVICE, publisher("DeleteTopic"))}
${topics.filter}`,
      reads: ADMIN_READS,
      refine: topics.refine,
      extract: topics.extract,
      certainty: { level: "schema", unconfirmed: ["the request of DeleteTopic in an entry"] },
      volume: topics.volume,
      counsel: counsel(
        "Log entries that are sent to it find nobody: the sink reports errors, and no alarm is raised any more.",
        "Make it again, and let the sink publish to it: `terraform apply` in the folder that owns it.",
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
      refine: subscriptions.refine,
      extract: subscriptions.extract,
      certainty: { level: "schema", unconfirmed: ["the request of DeleteSubscription in an entry"] },
      volume: subscriptions.volume,
      counsel: counsel(
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
      refine: subscriptions.refine,
      extract: subscriptions.extract,
      certainty: { level: "schema", unconfirmed: ["the request of DetachSubscription in an entry"] },
      volume: subscriptions.volume,
      counsel: counsel(
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
      reads: [...ADMIN_READS, PUSH_ENDPOINT],
      refine: subscriptions.refine,
      extract: (view) => {
        const event = subscriptions.extract(view);
        return { ...event, facts: { ...event.facts, pushEndpoint: view.text(PUSH_ENDPOINT) } };
      },
      certainty: {
        level: "schema",
        unconfirmed: ["the request of UpdateSubscription and ModifyPushConfig in an entry"],
      },
      volume: subscriptions.volume,
      counsel: counsel(
        "Another endpoint, filter, retention or dead-letter topic can keep the alarms from the function without any error.",
        "Compare it with its source, and put it back: `terraform plan` in the folder that owns it.",
      ),
    },
    {
      id: "pubsub.subscription_seek",
      category: "guardrail-change",
      title: "Pub/Sub subscription of the alarms moved in time",
      severity: "high",
      filter: `${successfulCalls(SERVICE, subscriber("Seek"))}
${subscriptions.filter}`,
      reads: [...ADMIN_READS, SEEK_TIME, SEEK_SNAPSHOT],
      refine: subscriptions.refine,
      extract: (view) => {
        const event = subscriptions.extract(view);
        return { ...event, facts: { ...event.facts, time: view.text(SEEK_TIME), snapshot: view.text(SEEK_SNAPSHOT) } };
      },
      certainty: { level: "schema", unconfirmed: ["the request of Seek in an entry"] },
      volume: subscriptions.volume,
      counsel: counsel(
        "A seek to a later time marks everything before it as delivered: the alarms that were waiting are gone without having been told.",
        "Seek back to the time before, within the retention of the topic: `gcloud pubsub subscriptions seek {facts.resource} --time=TIME`",
      ),
    },
    attemptDenied({
      service: "pubsub",
      serviceName: SERVICE,
      methods: String.raw`^google\.pubsub\.v[0-9a-z]+\.(Publisher\.(DeleteTopic|DetachSubscription|UpdateTopic)|Subscriber\.(DeleteSubscription|UpdateSubscription|ModifyPushConfig|Seek))$`,
      what: "the topics and subscriptions of the alarms",
      keyOf: (view) => keyOf(view),
      reference: "https://cloud.google.com/pubsub/docs/audit-logging",
      command: "gcloud pubsub subscriptions list --project={project}",
    }),
  ];
}

interface Watch {
  readonly filter: string;
  readonly volume: string;
  refine(view: EntryView): Refinement;
  extract(view: EntryView): Extraction;
}

function watch(collection: "topics" | "subscriptions", own: readonly string[]): Watch {
  const isNamed = own.length > 0;
  const words = (isNamed ? own : TELLING_WORDS).map((word) => JSON.stringify(word)).join(" OR ");
  return {
    filter: `protoPayload.resourceName${isNamed ? "=" : ":"}(${words})`,
    volume: isNamed
      ? `Only what happens to ${own.length} named ${collection}: a handful of entries a year.`
      : `Only ${collection} whose name, or whose project's name, holds a telling word; name your own in the watchlist.`,
    refine: (view) => {
      if (isNamed) return accepted("high");
      const name = nameAfter(view.text(RESOURCE_NAME) ?? "", collection)?.toLowerCase() ?? "";
      return TELLING_WORDS.some((word) => name.includes(word))
        ? accepted("medium")
        : refused("the word stands in the project's name, and nothing says that this carries alarms");
    },
    extract: (view) => ({
      incidentKey: keyOf(view),
      facts: {
        resource: view.text(RESOURCE_NAME),
        watchedBecause: isNamed ? "it is on the watchlist" : "its name speaks of audit or security",
      },
    }),
  };
}

/** topic/PROJECT/NAME or subscription/PROJECT/NAME */
function keyOf(view: EntryView): string {
  const [, project, collection, name] = (view.text(RESOURCE_NAME) ?? "").split("/");
  return [collection === "topics" ? "topic" : "subscription", project ?? "unknown", name ?? "unknown"].join("/");
}

function counsel(why: string, remedy: string): Counsel {
  return {
    why,
    falsePositives: "A planned rebuild of the pipeline; then the same resource is made again within minutes.",
    steps: [
      "See what is left: `gcloud pubsub subscriptions list --project={project}`",
      "Ask the person for the reason.",
      remedy,
      "What was missed meanwhile is still in the log buckets: replay it from the time of this change on.",
    ],
    reference: "https://cloud.google.com/pubsub/docs/audit-logging",
  };
}
