import { UNKNOWN_ACTOR } from "../audit-log/actor.ts";
import { imageOf } from "../audit-log/images.ts";
import { isObject, member, textOrNull } from "../audit-log/json.ts";
import { locationOf, ORIGIN_FIELDS, projectOf } from "../audit-log/origin.ts";
import { nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, attemptDenied, successfulCalls } from "../classifier/admin-activity.ts";
import type { Rule } from "../classifier/rule.ts";
import type { Counsel, Workload } from "../finding.ts";

const LOG = `log_id("binaryauthorization.googleapis.com/continuous_validation")`;
const POD_EVENT = field("jsonPayload.podEvent");
const IMAGES = field("jsonPayload.podEvent.images");
const CONFIG_ERROR = field("jsonPayload.configErrorEvent.description");
const CLUSTER = field("resource.labels.cluster_name");
const READS = [...ORIGIN_FIELDS, POD_EVENT, IMAGES, CONFIG_ERROR, CLUSTER];

const ASSET = "cloudasset.googleapis.com";
const FEED = "binauthz-cv-cai-feed";
const feedCalls = (names: string) => String.raw`^google\.cloud\.asset\.v[0-9a-z]+\.AssetService\.(${names})$`;
const FEED_NAME = field("protoPayload.request.name");

export const cvRules: readonly Rule[] = [
  {
    id: "cv.violation",
    category: "policy-violation",
    title: "Running Pod violates the policy",
    severity: "medium",
    filter: `${LOG}
jsonPayload.podEvent.verdict="VIOLATES_POLICY"`,
    reads: READS,
    extract: (view) => {
      const event = view.object(POD_EVENT);
      const text = (key: string) => textOrNull(member(event, key));
      const [pod, namespace, policy] = [text("pod"), text("podNamespace"), text("policyName")];
      const images = view.values(IMAGES).filter(isObject);
      const checks = images.flatMap((image) => checksOf(member(image, "checkResults")));
      const cluster = view.text(CLUSTER) ?? null;
      const where = [projectOf(view), locationOf(view), cluster, namespace].map((part) => part ?? "unknown");
      return {
        incidentKey: ["gke-workload", ...where, "Pod", pod ?? "unknown"].join("/"),
        actor: UNKNOWN_ACTOR,
        workload: workload({ kind: "gke-pod", name: pod, pod, cluster, namespace }),
        images: images
          .filter((image) => member(image, "result") !== "ALLOW")
          .map((image) => textOrNull(member(image, "image")))
          .filter((reference) => reference !== null)
          .map(imageOf),
        facts: {
          policy,
          checks: [...new Set(checks)],
          legacy: policy === null ? true : null,
          stillRunning: text("endTime") === null,
          deployTime: text("deployTime"),
        },
        aliases: [
          ["cv", where[0], cluster, policy ?? "legacy", namespace, pod].map((part) => part ?? "unknown").join("/"),
        ],
      };
    },
    certainty: {
      level: "documented",
      unconfirmed: ["the order of checks and images", "entries of the legacy form, which ended in 2025"],
    },
    volume: "One entry for each Pod and policy every 24 hours, as long as the Pod runs.",
    counsel: {
      why: "The image of a running Pod does not satisfy the policy any more, or never did. Continuous validation only reports: the Pod goes on.",
      falsePositives:
        "Pods that were let in by break-glass or in dry run keep being reported; one entry may come after the Pod has ended.",
      steps: [
        "See whether it still runs: `kubectl get pod {workload.pod} --namespace {workload.namespace} --output wide`",
        "See which check it failed: `gcloud beta container binauthz policy describe {facts.policy}`",
        "Have the image rebuilt, scanned and attested by the approved pipeline, and roll it out.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    },
  },
  {
    id: "cv.config_error",
    category: "policy-violation",
    title: "Continuous validation cannot check a cluster",
    severity: "high",
    filter: `${LOG}
jsonPayload.configErrorEvent.description:*`,
    reads: READS,
    extract: (view) => {
      const description = view.text(CONFIG_ERROR) ?? "";
      const policy = POLICY.exec(description)?.[0] ?? null;
      const cluster = view.text(CLUSTER) ?? null;
      return {
        incidentKey: ["cv-config", projectOf(view), cluster, nameAfter(policy ?? "", "policies")]
          .map((part) => part ?? "unknown")
          .join("/"),
        actor: UNKNOWN_ACTOR,
        workload: workload({ kind: "gke-cluster", name: cluster, pod: null, cluster, namespace: null }),
        facts: { policy, explanation: description },
      };
    },
    certainty: { level: "documented", unconfirmed: ["the wording beyond the documented sample"] },
    volume: "One entry for each policy and cluster, repeated while the error lasts.",
    counsel: {
      why: "As long as this lasts nobody checks what runs in the cluster against the policy, and nothing else says so.",
      falsePositives: "A policy that is being replaced: it passes within the hour.",
      steps: [
        "See the policies: `gcloud beta container binauthz policy list {project} --platform=gke`",
        "See what the cluster is bound to: `gcloud container clusters describe {workload.cluster} --location={location} --project={project} --format=yaml`",
        "Make the policy again, or bind the cluster to one that exists.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    },
  },
  {
    id: "cv.feed_deleted",
    category: "guardrail-change",
    title: "Asset feed of continuous validation deleted",
    severity: "high",
    filter: `${successfulCalls(ASSET, feedCalls("DeleteFeed"))}
protoPayload.resourceName:"${FEED}"`,
    reads: [...ADMIN_READS, FEED_NAME],
    extract: (view) => feedEvent(view),
    certainty: { level: "schema", unconfirmed: ["the audit entry of a feed", "that its name is in the resource name"] },
    volume: "One entry each time: never, in a quiet year.",
    counsel: feedCounsel(
      "Continuous validation learns of new Pods by this feed. Without it it sees nothing, and raises no error.",
    ),
  },
  {
    id: "cv.feed_changed",
    category: "guardrail-change",
    title: "Asset feed of continuous validation changed",
    severity: "medium",
    filter: `${successfulCalls(ASSET, feedCalls("UpdateFeed"))}
protoPayload.resourceName:"${FEED}"`,
    reads: [...ADMIN_READS, FEED_NAME],
    extract: (view) => feedEvent(view),
    certainty: { level: "schema", unconfirmed: ["the audit entry of a feed", "that its name is in the resource name"] },
    volume: "One entry each time: never, in a quiet year.",
    counsel: feedCounsel(
      "Continuous validation learns of new Pods by this feed; changed, it may miss them without an error.",
    ),
  },
  attemptDenied({
    service: "cv",
    serviceName: ASSET,
    methods: feedCalls("DeleteFeed|UpdateFeed"),
    what: "the asset feed of continuous validation",
    keyOf: (view) => feedEvent(view).incidentKey,
    reads: [FEED_NAME],
    reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    command: "gcloud asset feeds list --project={project}",
  }),
];

const POLICY = /\bprojects\/[^\s/']+\/platforms\/[^\s/']+\/policies\/[A-Za-z0-9_-]+/;

function checksOf(results: unknown): readonly string[] {
  if (!Array.isArray(results)) return [];
  return results
    .map((result) => member(result, "checkType"))
    .filter((type): type is string => typeof type === "string");
}

function feedEvent(view: EntryView) {
  const name = view.text(RESOURCE_NAME) ?? view.text(FEED_NAME) ?? "unknown";
  return { incidentKey: `feed/${name}`, facts: { feed: name } };
}

function feedCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "None known: nobody but Google's own service has a reason to touch it.",
    steps: [
      "See whether it is there: `gcloud asset feeds list --project={project}`",
      "Ask the person for the reason.",
      "Let continuous validation make it again: turn it off and on for the cluster.",
    ],
    reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
  };
}

function workload(parts: Pick<Workload, "kind" | "name" | "pod" | "cluster" | "namespace">): Workload {
  return { ...parts, revision: null, execution: null };
}
