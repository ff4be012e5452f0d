import { ACTOR_FIELDS } from "../audit-log/actor.ts";
import { ORIGIN_FIELDS } from "../audit-log/origin.ts";
import {
  attestorIn,
  deniedImages,
  deniedPodEvent,
  explanationIn,
  namesBinaryAuthorization,
  overriddenVerdict,
  POD_FIELDS,
  podEvent,
  RESPONSE_REASON,
  wasRefused,
} from "../audit-log/pods.ts";
import { ACCEPTED, accepted, type Rule, refused } from "../classifier/rule.ts";
import type { Counsel } from "../finding.ts";

const READS = [...ORIGIN_FIELDS, ...ACTOR_FIELDS, ...POD_FIELDS];
/** The audit log of Distributed Cloud; only there if cloudAuditLogging is set in the configuration of the user cluster. */
const POD_WRITE = String.raw`log_id("externalaudit.googleapis.com/activity")
protoPayload.methodName=~"^io\.k8s\.core\.v1\.pods(\.ephemeralcontainers)?\.(create|update|patch)$"`;
const REFERENCE = "https://cloud.google.com/binary-authorization/docs/overview";
const UNCONFIRMED = [
  "the resource type and service name of these entries",
  "the whole body: only the log and the labels are documented",
];

const SEE_POD = "See the Pod: `kubectl get pod {workload.pod} --namespace {workload.namespace} --output wide`";
const SEE_WHO_IS_STUCK =
  "See who is stuck: `kubectl get events --namespace {workload.namespace} --field-selector reason=FailedCreate`";

export const gdcRules: readonly Rule[] = [
  {
    id: "gdc.breakglass",
    category: "break-glass",
    title: "Pod on Distributed Cloud admitted with break-glass",
    severity: "high",
    filter: `${POD_WRITE}
(
  labels."binaryauthorization.googleapis.com/break-glass"="true"
  OR protoPayload.request.metadata.labels."image-policy.k8s.io/break-glass"="true"
  OR protoPayload.response.metadata.labels."image-policy.k8s.io/break-glass"="true"
  OR protoPayload.request.metadata.annotations."alpha.image-policy.k8s.io/break-glass"="true"
  OR protoPayload.response.metadata.annotations."alpha.image-policy.k8s.io/break-glass"="true"
)`,
    reads: READS,
    refine: (view) =>
      wasRefused(view) ? refused("the Pod was refused all the same: nothing runs that was not allowed") : ACCEPTED,
    extract: (view) => {
      const event = podEvent(view, "gdc");
      const verdict = overriddenVerdict(view);
      const attestor = verdict === null ? null : attestorIn(verdict);
      return { ...event, facts: { ...event.facts, overridden: verdict === null ? null : true, attestor } };
    },
    certainty: { level: "documented", unconfirmed: UNCONFIRMED },
    volume: "One entry for each Pod that carries the flag.",
    counsel: counsel(
      "A Pod in your own data centre was let past Binary Authorization by the break-glass flag, and runs now.",
      "Way back: take the label out of the Pod template in its source and roll out a compliant image.",
    ),
  },
  {
    id: "gdc.denied",
    category: "policy-violation",
    title: "Pod on Distributed Cloud refused by Binary Authorization",
    severity: "medium",
    filter: `${POD_WRITE}
protoPayload.response.status="Failure"`,
    reads: READS,
    refine: (view) => {
      if (namesBinaryAuthorization(view)) return accepted("high");
      return view.text(RESPONSE_REASON)?.toUpperCase() === "VIOLATES_POLICY"
        ? accepted("medium")
        : refused("something else refused the Pod: quota, RBAC, Pod Security or another webhook");
    },
    extract: (view) => deniedPodEvent(view, "gdc"),
    certainty: { level: "documented", unconfirmed: UNCONFIRMED },
    volume:
      "Every refused write of a Pod passes the sink, those of quota and RBAC too: the documented query knows no narrower way.",
    counsel: counsel(
      "Somebody, or a controller on somebody's behalf, tried to run an image that the policy does not allow. The guardrail held.",
      "Help with the regular way: build and attest the image in the approved pipeline, and deploy it by digest.",
      SEE_WHO_IS_STUCK,
    ),
  },
  {
    id: "gdc.dryrun",
    category: "policy-violation",
    title: "Pod on Distributed Cloud would have been refused (dry run)",
    severity: "low",
    filter: `${POD_WRITE}
labels."binaryauthorization.googleapis.com/dry-run"="true"`,
    reads: READS,
    refine: (view) => (wasRefused(view) ? refused("something else refused the Pod: it does not run") : ACCEPTED),
    extract: (view) => {
      const event = podEvent(view, "gdc");
      const verdict = overriddenVerdict(view) ?? "";
      return {
        ...event,
        images: deniedImages(verdict, event.images),
        facts: { ...event.facts, attestor: attestorIn(verdict), explanation: explanationIn(verdict) },
      };
    },
    certainty: { level: "documented", unconfirmed: UNCONFIRMED },
    volume: "One entry for each Pod that a dry-run policy would refuse.",
    counsel: counsel(
      "The policy runs in dry-run mode: this Pod was let through, and will be refused once the policy is enforced.",
      "Have the image built and attested by the approved pipeline before the policy is enforced.",
    ),
  },
];

function counsel(why: string, remedy: string, look = SEE_POD): Counsel {
  return {
    why,
    falsePositives:
      "A Pod that keeps its flag, or a controller that tries again, makes more than one entry: they are one incident.",
    steps: [
      "Reach the cluster: `gcloud container fleet memberships get-credentials {workload.cluster} --project={project}`",
      look,
      "See the policy: `gcloud container binauthz policy export --project={project}`",
      remedy,
    ],
    reference: REFERENCE,
  };
}
