import { UNKNOWN_ACTOR } from "../audit-log/actor.ts";
import {
  CONTINUOUS_VALIDATION_FIELDS,
  configError,
  deploymentInName,
  podViolation,
} from "../audit-log/continuous-validation.ts";
import { imageOf } from "../audit-log/images.ts";
import { locationOf, ORIGIN_FIELDS, projectOf, scopeOf } from "../audit-log/origin.ts";
import { nameAfter, RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, successfulCalls } from "../classifier/admin-activity.ts";
import type { Extraction, Rule } from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";
import type { Counsel, Workload } from "../finding.ts";

const LOG = `log_id("binaryauthorization.googleapis.com/continuous_validation")`;
const CLUSTER = field("resource.labels.cluster_name");
const READS = [...ORIGIN_FIELDS, ...CONTINUOUS_VALIDATION_FIELDS, CLUSTER];

const ASSET = "cloudasset.googleapis.com";
const FEED = "binauthz-cv-cai-feed";
const feedCalls = (names: string) => String.raw`^google\.cloud\.asset\.v[0-9a-z]+\.AssetService\.(${names})$`;
const REQUEST_NAME = field("protoPayload.request.name");
const REQUEST_FEED_NAME = field("protoPayload.request.feed.name");
const FEED_READS = [...ADMIN_READS, REQUEST_NAME, REQUEST_FEED_NAME];
/** Where these entries carry the feed's name is not confirmed: any of the likely places will do. */
const OUR_FEED = `(
  protoPayload.resourceName=~"/feeds/${FEED}$"
  OR protoPayload.request.name=~"/feeds/${FEED}$"
  OR protoPayload.request.feed.name=~"/feeds/${FEED}$"
)`;
const FEED_CERTAINTY = {
  level: "schema",
  unconfirmed: ["the audit entry of a feed", "which of its fields carries the feed's name"],
} as const;

export const cvRules: readonly Rule[] = [
  {
    id: "cv.violation",
    category: "policy-violation",
    title: "Running Pod violates the policy",
    severity: "medium",
    filter: `${LOG}
jsonPayload.podEvent.verdict="VIOLATES_POLICY"`,
    reads: READS,
    extract: violation,
    certainty: {
      level: "documented",
      unconfirmed: [
        "the order of checks and images",
        "that a Pod of a Deployment is known by its name",
        "entries of the legacy form, which ended in 2025",
      ],
    },
    volume: "One entry for each Pod and policy every 24 hours, as long as the Pod runs.",
    counsel: {
      why: "The image of a running Pod does not satisfy the policy any more, or never did. Continuous validation only reports: the Pod goes on.",
      falsePositives:
        "Pods that were let in by break-glass or in dry run keep being reported; one entry may come after the Pod has ended.",
      steps: [
        "See whether it still runs: `kubectl get pod {workload.pod} --namespace {workload.namespace} --output wide`",
        "See what the policy asks for: `gcloud beta container binauthz policy describe {facts.policy}`",
        "See what is attested: `gcloud container binauthz attestations list --artifact-url={images.0.reference} --project={project}`",
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
      const description = configError(view);
      const policy = POLICY.exec(description)?.[0] ?? null;
      const cluster = view.text(CLUSTER) ?? null;
      return {
        incidentKey: ["cv-config", projectOf(view), cluster, nameAfter(policy ?? "", "policies")]
          .map((part) => part ?? "unknown")
          .join("/"),
        actor: UNKNOWN_ACTOR,
        workload: workload({ kind: "gke-cluster", name: cluster, pod: null, cluster, namespace: null }),
        facts: { policy, explanation: description === "" ? null : description },
      };
    },
    certainty: { level: "documented", unconfirmed: ["the wording beyond the documented sample"] },
    volume: "One entry for each policy and cluster, repeated while the error lasts.",
    counsel: {
      why: "As long as this lasts nobody checks what runs in the cluster against the policy, and nothing else says so.",
      falsePositives: "A policy that is being replaced: it passes within the hour.",
      steps: [
        "See the policies there are: `gcloud beta container binauthz policy list gke --project={project}`",
        "See which the cluster is bound to: `gcloud container clusters describe {workload.cluster} --location={location} --project={project} --format='yaml(binaryAuthorization)'`",
        "Make the policy again, or bind the cluster to one that exists: `gcloud beta container clusters update {workload.cluster} --location={location} --project={project} --binauthz-policy-bindings=name=POLICY`",
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
${OUR_FEED}`,
    reads: FEED_READS,
    extract: feedEvent,
    certainty: FEED_CERTAINTY,
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
${OUR_FEED}`,
    reads: FEED_READS,
    extract: feedEvent,
    certainty: FEED_CERTAINTY,
    volume: "One entry each time: never, in a quiet year.",
    counsel: feedCounsel(
      "Continuous validation learns of new Pods by this feed; changed, it may miss them without an error.",
    ),
  },
  watchedAttempt({
    service: "cv",
    serviceName: ASSET,
    methods: feedCalls("DeleteFeed|UpdateFeed"),
    within: OUR_FEED,
    what: "the asset feed of continuous validation",
    keyOf: (view) => feedEvent(view).incidentKey,
    reads: FEED_READS,
    reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
    command: "gcloud asset feeds list --project={project}",
  }),
];

function violation(view: EntryView): Extraction {
  const { pod, namespace, policy, deployedAt, endedAt, images, checks, explanation } = podViolation(view);
  const cluster = view.text(CLUSTER) ?? null;
  const where = [projectOf(view), locationOf(view), cluster, namespace].map((part) => part ?? "unknown");
  const deployment = pod === null ? null : deploymentInName(pod);
  const keyOf = (kind: string, name: string) => ["gke-workload", ...where, kind, name].join("/");
  const own = keyOf("Pod", pod ?? "unknown");
  return {
    incidentKey: deployment === null ? own : keyOf("Deployment", deployment),
    actor: UNKNOWN_ACTOR,
    workload: workload({ kind: "gke-pod", name: pod, pod, cluster, namespace }),
    images: images.map(imageOf),
    facts: {
      policy,
      checks,
      explanation,
      legacy: policy === null ? true : null,
      stillRunning: endedAt === null,
      deployTime: deployedAt,
      endTime: endedAt,
      likelyOwner: deployment === null ? null : `Deployment/${deployment}`,
    },
    aliases: [
      ...(deployment === null ? [] : [own]),
      ["cv", where[0], cluster, policy ?? "legacy", namespace, pod].map((part) => part ?? "unknown").join("/"),
    ],
  };
}

const POLICY = /\bprojects\/[^\s/']+\/platforms\/[^\s/']+\/policies\/[A-Za-z0-9_-]+/;

/** feed/SCOPE/NAME */
function feedEvent(view: EntryView): Extraction {
  const names = [view.text(RESOURCE_NAME), view.text(REQUEST_NAME), view.text(REQUEST_FEED_NAME)];
  const feed = names.find((name) => name?.endsWith(`/feeds/${FEED}`)) ?? null;
  const project = projectOf(view);
  const scope = project === null ? scopeOf(view) : `projects/${project}`;
  return { incidentKey: `feed/${scope}/${FEED}`, facts: { feed } };
}

function feedCounsel(why: string): Counsel {
  return {
    why,
    falsePositives: "None known: nobody but Google's own service has a reason to touch it.",
    steps: [
      "See whether it is there, and what it watches: `gcloud asset feeds list --project={project}`",
      "See when the last verdict came: `gcloud logging read 'log_id(\"binaryauthorization.googleapis.com/continuous_validation\")' --project={project} --freshness=7d --limit=1`",
      "Ask the person for the reason.",
      "Let continuous validation make it again: turn it off and on for the cluster.",
    ],
    reference: "https://cloud.google.com/binary-authorization/docs/overview-cv",
  };
}

function workload(parts: Pick<Workload, "kind" | "name" | "pod" | "cluster" | "namespace">): Workload {
  return { ...parts, revision: null, execution: null };
}
