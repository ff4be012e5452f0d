import { ACTOR_FIELDS, annotatedActor } from "../audit-log/actor.ts";
import { AUTHORIZATION_FIELDS, missingPermission } from "../audit-log/authorization.ts";
import {
  CONDITIONS,
  type Condition,
  cloudRunWorkload,
  conditionsOf,
  OBSERVED_FIELDS,
  observedImages,
  operationAliases,
  REQUESTED_FIELDS,
  requestedImages,
} from "../audit-log/cloudrun.ts";
import {
  BINARY_AUTHORIZATION_FIELDS,
  type BinaryAuthorizationSetting,
  binaryAuthorizationIn,
  isCreation,
} from "../audit-log/cloudrun-binauthz.ts";
import { asText, member } from "../audit-log/json.ts";
import { isWatchedConstraint, shortConstraint, VIOLATION_FIELDS, violationIn } from "../audit-log/orgpolicy.ts";
import { locationOf, ORIGIN_FIELDS, projectOf } from "../audit-log/origin.ts";
import { STATUS_CODE, STATUS_MESSAGE, statusCodeOf } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { adminCalls, successfulCalls } from "../classifier/admin-activity.ts";
import { compareOrgPolicies, orgPolicyFrom } from "../classifier/compare-org-policy.ts";
import {
  accepted,
  type ClassifyContext,
  type Extraction,
  type ObservedState,
  type Refinement,
  type Rule,
  refused,
} from "../classifier/rule.ts";
import { EMPTY_WATCHLISTS, type Watchlists } from "../classifier/watchlists.ts";
import type { Change, Confidence, Counsel, Workload } from "../finding.ts";

const BREAKGLASS = "run.googleapis.com/binary-authorization-breakglass";
const RESPONSE_KIND = field("protoPayload.response.kind");
const RESPONSE_ANNOTATIONS = field("protoPayload.response.metadata.annotations");
const REQUEST_ANNOTATIONS = [
  field("protoPayload.request.service.metadata.annotations"),
  field("protoPayload.request.job.metadata.annotations"),
];
const REQUEST_BINARY_AUTHORIZATION = [
  field("protoPayload.request.service.binaryAuthorization"),
  field("protoPayload.request.job.binaryAuthorization"),
  field("protoPayload.request.workerPool.binaryAuthorization"),
];
const UNAUTHORIZED = /^container_?image_?unauthorized$/i;
const CHECK_FAILED = /^container_?image_?authorization_?check_?failed$/i;

const SYSTEM_EVENT_READS = [
  ...ORIGIN_FIELDS,
  ...OBSERVED_FIELDS,
  CONDITIONS,
  STATUS_MESSAGE,
  STATUS_CODE,
  RESPONSE_KIND,
  RESPONSE_ANNOTATIONS,
];

const SYSTEM_EVENT = `log_id("cloudaudit.googleapis.com/system_event")
protoPayload.serviceName="run.googleapis.com"`;
/** A revision says it by reason; the service above it fails for its revision's sake, and only its sentence says why. */
const UNAUTHORIZED_IMAGE = `(
  protoPayload.response.status.conditions.reason=("ContainerImageUnauthorized" OR "CONTAINER_IMAGE_UNAUTHORIZED")
  OR protoPayload.response.status.conditions.message:("unauthorized container image" OR "not authorized by policy")
)`;
const OUTCOME_OF_A_DEPLOYMENT = String.raw`protoPayload.methodName=~"^/(Services|InternalServices|Jobs|WorkerPools)\.(Create|Replace|Update|Run)"`;

const SERVICE = "run.googleapis.com";
const DEPLOYMENT = String.raw`^google\.cloud\.run\.v[0-9a-z]+\.(Services|Jobs|WorkerPools)\.(Create|Replace|Update)`;
/** The last entry of a long operation carries no request, and so tells nothing that the first one has not told. */
const HAS_REQUEST = `(
  protoPayload.request.service:*
  OR protoPayload.request.job:*
  OR protoPayload.request.workerPool:*
)`;
const REQUEST_READS = [
  ...ORIGIN_FIELDS,
  ...ACTOR_FIELDS,
  ...REQUESTED_FIELDS,
  ...BINARY_AUTHORIZATION_FIELDS,
  STATUS_CODE,
  STATUS_MESSAGE,
];

/** Every rule on Cloud Run; which deployments have to have Binary Authorization on, only the organization knows. */
export function cloudrunRules(watchlists: Watchlists = EMPTY_WATCHLISTS): readonly Rule[] {
  return [...BREAKGLASS_AND_REFUSALS, ...protectionRules(watchlists)];
}

const BREAKGLASS_AND_REFUSALS: readonly Rule[] = [
  {
    id: "cloudrun.breakglass",
    category: "break-glass",
    title: "Cloud Run deployment with break-glass",
    severity: "high",
    filter: `${SYSTEM_EVENT}
resource.type=("cloud_run_revision" OR "cloud_run_job" OR "cloud_run_worker_pool")
${OUTCOME_OF_A_DEPLOYMENT}
(
  protoPayload.response.metadata.annotations."${BREAKGLASS}":*
  OR protoPayload.status.message:("breakglass" OR "break-glass")
  OR protoPayload.response.status.conditions.message:("breakglass" OR "break-glass")
)`,
    reads: SYSTEM_EVENT_READS,
    refine: (view) => {
      if (observedJustification(view) !== null) return accepted("high");
      const said = spokenMessages(view).filter((message) => BREAKGLASS_WORD.test(message));
      if (said.length === 0) return refused("the word stands in a name or an image, not in what Cloud Run says");
      return accepted(said.some((message) => BREAKGLASS_SENTENCE.test(message)) ? "high" : "medium");
    },
    extract: (view) => ({
      ...observedEvent(view),
      justification: observedJustification(view),
      facts: { statusCode: statusCodeOf(view) || null },
    }),
    certainty: {
      level: "documented",
      unconfirmed: [
        "the wording of the message",
        "that the revision carries the annotation",
        "the shape of job and worker pool events",
      ],
    },
    volume: "One or two entries for each break-glass deployment; the method and the words are tested in the sink.",
    counsel: {
      why: "Somebody deployed past Binary Authorization. The image may be one that the policy would have refused, and it now serves in production.",
      falsePositives:
        "Every use of the break-glass option is logged, whether or not the image would have passed the policy. A service that keeps the annotation reports again each time it is changed.",
      steps: [
        "See what runs now: `gcloud run {workload.collection} describe {workload.name} --project={project} --region={location}`",
        "Ask the person who deployed it whether it was needed, and for the ticket.",
        "Check what the image would have needed: `gcloud container binauthz policy export --project={project}`",
        "Way back: deploy a compliant image; the next deployment without --breakglass clears the flag: `gcloud run {workload.collection} update {workload.name} --image=COMPLIANT_IMAGE_WITH_DIGEST --binary-authorization=default --project={project} --region={location}`",
        "If the service is made from YAML or Terraform, remove the break-glass annotation there, or every later deployment bypasses the policy too.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/run/using-breakglass-cloud-run",
    },
  },
  {
    id: "cloudrun.breakglass_request",
    category: "break-glass",
    title: "Break-glass asked for on Cloud Run",
    severity: "high",
    filter: `log_id("cloudaudit.googleapis.com/activity")
protoPayload.serviceName="run.googleapis.com"
protoPayload.methodName=~"^google\\.cloud\\.run\\.v[0-9a-z]+\\.(Services|Jobs|WorkerPools)\\.(Create|Replace|Update|Run)"
(
  protoPayload.request.service.metadata.annotations."${BREAKGLASS}":*
  OR protoPayload.request.job.metadata.annotations."${BREAKGLASS}":*
  OR protoPayload.request.service.binaryAuthorization.breakglassJustification:*
  OR protoPayload.request.job.binaryAuthorization.breakglassJustification:*
  OR protoPayload.request.workerPool.binaryAuthorization.breakglassJustification:*
)`,
    reads: [
      ...ORIGIN_FIELDS,
      ...ACTOR_FIELDS,
      ...REQUESTED_FIELDS,
      ...REQUEST_ANNOTATIONS,
      ...REQUEST_BINARY_AUTHORIZATION,
      STATUS_CODE,
    ],
    extract: (view) => {
      const workload = cloudRunWorkload(view);
      const aliases = operationAliases(view);
      const code = statusCodeOf(view);
      return {
        incidentKey: cloudRunKey(view, workload),
        workload,
        justification: requestedJustification(view),
        images: requestedImages(view),
        facts: { operationId: aliases[0]?.slice("operation/".length), succeeded: code === 0, statusCode: code || null },
        aliases,
      };
    },
    certainty: {
      level: "schema",
      unconfirmed: [
        "the method names of v1 jobs",
        "the resource type of worker pools",
        "that an empty justification leaves no trace in a v2 request",
      ],
    },
    volume: "One entry for each request that carries a justification.",
    counsel: {
      why: "This is the request behind a break-glass deployment: it says who asked for it, from where, and with which words.",
      falsePositives:
        "A request that was refused changes nothing (see the status). A definition in YAML or Terraform that still carries an old justification repeats it with every change.",
      steps: [
        "See what runs now: `gcloud run {workload.collection} describe {workload.name} --project={project} --region={location}`",
        "Ask the person whether it was needed, and for the ticket; a service account that deploys has a pipeline run behind it.",
        "Way back: deploy a compliant image without --breakglass: `gcloud run {workload.collection} update {workload.name} --image=COMPLIANT_IMAGE_WITH_DIGEST --binary-authorization=default --project={project} --region={location}`",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/run/using-breakglass-cloud-run",
    },
  },
  {
    id: "cloudrun.denied",
    category: "policy-violation",
    title: "Cloud Run deployment refused by policy",
    severity: "medium",
    filter: `${SYSTEM_EVENT}
resource.type=("cloud_run_revision" OR "cloud_run_worker_pool")
${UNAUTHORIZED_IMAGE}`,
    reads: SYSTEM_EVENT_READS,
    refine: judgeDenial,
    extract: (view) => refusedEvent(view, denyingCondition(view)),
    certainty: { level: "documented", unconfirmed: ["the resource type of worker pools"] },
    volume: "One or two entries for each refused revision.",
    counsel: denialCounsel("gcloud run revisions describe {workload.revision} --project={project} --region={location}"),
  },
  {
    id: "cloudrun.job_denied",
    category: "policy-violation",
    title: "Cloud Run job refused by policy",
    severity: "medium",
    filter: `${SYSTEM_EVENT}
resource.type="cloud_run_job"
${UNAUTHORIZED_IMAGE}`,
    reads: SYSTEM_EVENT_READS,
    refine: judgeDenial,
    extract: (view) => refusedEvent(view, denyingCondition(view)),
    certainty: { level: "documented", unconfirmed: ["the reason and message of a refused execution"] },
    volume: "One entry for each refused execution; a schedule repeats it.",
    counsel: denialCounsel(
      "gcloud run jobs executions describe {workload.execution} --project={project} --region={location}",
    ),
  },
  {
    id: "cloudrun.dryrun",
    category: "policy-violation",
    title: "Cloud Run deployment would have been refused (dry run)",
    severity: "low",
    filter: `${SYSTEM_EVENT}
resource.type=("cloud_run_revision" OR "cloud_run_job" OR "cloud_run_worker_pool")
${OUTCOME_OF_A_DEPLOYMENT}
(
  protoPayload.status.message:("dry run" OR "dry-run" OR "dryrun")
  OR protoPayload.response.status.conditions.message:("dry run" OR "dry-run" OR "dryrun")
)`,
    reads: SYSTEM_EVENT_READS,
    refine: (view) =>
      spokenMessages(view).some((message) => DRY_RUN.test(message) && POLICY_WORD.test(message))
        ? accepted("high")
        : refused("no message of Cloud Run's own speaks of an image or a policy in a dry run"),
    extract: (view) => ({
      ...observedEvent(view),
      facts: { explanation: messagesOf(view).findLast((message) => DRY_RUN.test(message)) },
    }),
    certainty: { level: "documented", unconfirmed: ['the wording of the message beyond the words "dry run"'] },
    volume: "One or two entries for each deployment that a dry-run policy would refuse.",
    counsel: {
      why: "The policy runs in dry-run mode: this image was let through, and will be refused once the policy is enforced.",
      falsePositives: "None known: Binary Authorization writes this only where it evaluated a policy in dry run.",
      steps: [
        "See the policy: `gcloud container binauthz policy export --project={project}`",
        "Have the image built and attested by the approved pipeline, or add its repository to the policy, before the policy is enforced.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/enabling-dry-run",
    },
  },
  {
    id: "cloudrun.check_failed",
    category: "policy-violation",
    title: "Cloud Run could not check the image against the policy",
    severity: "medium",
    filter: `${SYSTEM_EVENT}
resource.type=("cloud_run_revision" OR "cloud_run_job" OR "cloud_run_worker_pool")
protoPayload.response.status.conditions.reason=("ContainerImageAuthorizationCheckFailed" OR "CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED")`,
    reads: SYSTEM_EVENT_READS,
    extract: (view) => refusedEvent(view, conditionFor(view, CHECK_FAILED)),
    certainty: { level: "schema", unconfirmed: ["the whole log entry: only the reason is in the API"] },
    volume: "One or two entries for each deployment whose check failed.",
    counsel: {
      why: "The check itself failed, so the deployment was stopped without a verdict on the image: a policy, attestor or permission is out of order, and the next emergency deployment will meet it too.",
      falsePositives: "A passing fault of the service; the same deployment then succeeds when it is tried again.",
      steps: [
        "See that the policy can be read: `gcloud container binauthz policy export --project={project}`",
        "See that its attestors exist: `gcloud container binauthz attestors list --project={project}`",
        "See that the API is on: `gcloud services list --enabled --project={project} --filter=binaryauthorization.googleapis.com`",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/run/enabling-binauthz-cloud-run",
    },
  },
  {
    id: "cloudrun.orgpolicy_violation",
    category: "policy-violation",
    title: "Cloud Run deployment refused by an organization policy",
    severity: "medium",
    filter: `log_id("cloudaudit.googleapis.com/activity")
protoPayload.serviceName="${SERVICE}"
protoPayload.status.code=9
(
  protoPayload.status.details.violations.type=~"^(constraints|customConstraints)/[A-Za-z0-9]"
  OR protoPayload.policyViolationInfo.orgPolicyViolationInfo.violationInfo.constraint=~"^(constraints|customConstraints)/[A-Za-z0-9]"
  OR protoPayload.status.message=~"(Constraint constraints/[A-Za-z0-9_.-]+ violated|customConstraints/[A-Za-z0-9_.-]+)"
)`,
    reads: [...REQUEST_READS, ...VIOLATION_FIELDS],
    refine: (view) => {
      const violation = violationIn(view);
      if (violation === null) return refused("no constraint is named as violated, only mentioned");
      return accepted(violation.structured ? "high" : "medium");
    },
    extract: (view) => {
      const workload = cloudRunWorkload(view);
      const violation = violationIn(view);
      return {
        incidentKey: cloudRunKey(view, workload),
        workload,
        images: requestedImages(view),
        facts: {
          constraint: violation?.constraint,
          constraintName: shortConstraint(violation?.constraint ?? ""),
          watched: isWatchedConstraint(violation?.constraint ?? ""),
          explanation: violation?.explanation,
          succeeded: false,
          statusCode: statusCodeOf(view),
        },
        aliases: operationAliases(view),
      };
    },
    certainty: {
      level: "seen",
      unconfirmed: [
        "the sentence for this constraint: it is known from other constraints of Cloud Run",
        "that the fields for violations are there on entries of Cloud Run",
      ],
    },
    volume: "One entry for each refused deployment.",
    counsel: {
      why: "Somebody tried to deploy what an organization policy forbids, such as a service without Binary Authorization. The guardrail held; a person may be stuck behind it, or be testing it.",
      falsePositives: "A new team that does not know the policy yet.",
      steps: [
        "See the policy: `gcloud org-policies describe {facts.constraintName} --effective --project={project}`",
        "If Binary Authorization is what is missing, deploy with it on; where the workload exists already: `gcloud run {workload.collection} update {workload.name} --binary-authorization=default --project={project} --region={location}`",
        "Ask the person what it was for, if the same is tried again.",
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/run/requiring-binauthz-cloud-run",
    },
  },
];

/** What is said of deployments without Binary Authorization; rules that are alternative verdicts share a change. */
function protectionRules(watchlists: Watchlists): readonly Rule[] {
  const demand = demandOf(watchlists);
  const disabled: Rule = {
    id: "cloudrun.binauthz_disabled",
    category: "guardrail-change",
    title: "Binary Authorization turned off on Cloud Run",
    severity: "high",
    change: "cloudrun.binauthz",
    filter: `${successfulCalls(SERVICE, DEPLOYMENT)}
${HAS_REQUEST}`,
    reads: REQUEST_READS,
    refine: (view, context) => judgeDisabled(view, context, demand),
    extract: (view, context) => unprotectedDeployment(view, context, demand),
    observe: observeProtection,
    certainty: {
      level: "inferred",
      unconfirmed: [
        "that a request without the annotation or the block turns Binary Authorization off",
        "that a request that is only validated says so",
        "the method names of v1 jobs",
        "the resource type of worker pools",
      ],
    },
    volume:
      "One entry for each deployment by request, protected or not: what was on before has to be seen to know what is turned off.",
    counsel: unprotectedCounsel(
      "New revisions of this workload start unchecked from now on, whatever the policy of the project says.",
      "Without a known earlier state a workload that never had it looks the same: a request cannot tell what it leaves out from what it takes away.",
    ),
  };
  const attempt: Rule = {
    id: "cloudrun.change_attempt_denied",
    category: "guardrail-change",
    title: "Refused attempt to deploy to Cloud Run without Binary Authorization",
    severity: "medium",
    filter: `${adminCalls(SERVICE, DEPLOYMENT)}
${HAS_REQUEST}
protoPayload.status.code=7`,
    reads: [...REQUEST_READS, ...VIOLATION_FIELDS, ...AUTHORIZATION_FIELDS],
    refine: (view, context) => {
      // Both are asked for whatever comes of it: which states a rule needs, its entry alone has to say.
      const before = stateBefore(view, context);
      const demanded = demand(view, context) !== null;
      const setting = binaryAuthorizationIn(view);
      if (setting.state !== "off") return refused("it would not have turned Binary Authorization off");
      if (before?.policy === null) return refused("Binary Authorization was off before");
      if (isCreation(view) && !demanded) return refused("it would have made something new");
      return accepted(confidenceOf(setting, before));
    },
    extract: (view, context) => {
      const event = requestEvent(view);
      return {
        ...event,
        facts: {
          ...event.facts,
          succeeded: false,
          demandedBy: demand(view, context),
          permission: missingPermission(view),
          constraint: violationIn(view)?.constraint,
          statusCode: 7,
        },
      };
    },
    certainty: {
      level: "inferred",
      unconfirmed: [
        "that a request without the annotation or the block would turn Binary Authorization off",
        "that this service's refusals have the shape of other services' refusals",
      ],
    },
    volume: "One entry for each refused deployment; few, unless a pipeline lacks a permission and keeps trying.",
    counsel: {
      why: "Nothing changed, but somebody without the permission tried to deploy with Binary Authorization off. It may be a mistake, or a search for a way around the guardrail.",
      falsePositives:
        "A pipeline or a colleague whose permission was taken away, with a workload that never had Binary Authorization on.",
      steps: [
        "Ask the person, or the owner of the service account, what it was for.",
        "See what is set now: `gcloud run {workload.collection} describe {workload.name} --project={project} --region={location} --format=yaml`",
        `See what else was tried: \`gcloud logging read 'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.status.code=7' --project={project} --freshness=1d\``,
      ],
      reference: "https://cloud.google.com/binary-authorization/docs/run/enabling-binauthz-cloud-run",
    },
  };
  if (isEmpty(watchlists)) return [disabled, attempt];
  const unprotected: Rule = {
    ...disabled,
    id: "cloudrun.unprotected_deployment",
    title: "Cloud Run deployment without the Binary Authorization that it has to have",
    refine: (view, context) => {
      const disabling = judgeDisabled(view, context, demand);
      if (disabling.accept) return refused("it turns Binary Authorization off: cloudrun.binauthz_disabled tells of it");
      if (binaryAuthorizationIn(view).state !== "off") return refused("it does not leave Binary Authorization off");
      return demand(view, context) === null
        ? refused("nothing demands Binary Authorization there")
        : accepted(binaryAuthorizationIn(view).named ? "high" : "medium");
    },
    counsel: unprotectedCounsel(
      "This workload is on the watchlist of those that have to have Binary Authorization on, or a known organization policy demands it. It was deployed without, and nothing checks its images.",
      "A workload that is exempted on purpose, and still on the watchlist.",
    ),
  };
  return [disabled, unprotected, attempt];
}

function denialCounsel(describe: string): Counsel {
  return {
    why: "Somebody tried to deploy an image that the policy does not allow. The guardrail held; a person may be stuck behind it, or be testing it.",
    falsePositives:
      "A job whose image could not be pulled has been seen with the same reason; confidence is medium where the message does not say that a policy refused it.",
    steps: [
      `See what was tried: \`${describe}\``,
      "See which attestation is missing: `gcloud container binauthz attestations list --attestor={facts.attestor} --artifact-url={images.0.reference}`",
      "Help with the regular way: build and attest the image in the approved pipeline, and deploy it by digest.",
    ],
    reference: "https://cloud.google.com/binary-authorization/docs/run/troubleshooting-binauthz-cloud-run",
  };
}

const BREAKGLASS_WORD = /(?<![\w-])break-?glass(?![\w-])/i;
const BREAKGLASS_SENTENCE = /(?<![\w-])(?:deployed with break-?glass|break-?glass justification)(?![\w-])/i;
const UNAUTHORIZED_SENTENCE = /unauthorized container image|not authorized by policy/i;
const DRY_RUN = /(?<![\w-])dry[ -]?run(?![\w-])/i;
const POLICY_WORD = /\b(?:image|policy|attest)/i;

/** The Ready sentence names the revision or service; what Cloud Run adds to it comes after "with message:". */
const READY_SENTENCE = /^Ready condition status changed to \S+ for \S+ \S+?(?: with message: |\.?$)/;
const NAMED_OBJECT =
  /\b(revision|service|execution|job|configuration|route|worker ?pool|task) ['"]?[a-z0-9][a-z0-9-]*['"]?/gi;
const QUOTED = /'[^']*'|"[^"]*"/g;

function spokenMessages(view: EntryView): readonly string[] {
  return messagesOf(view).map(spokenIn);
}

/**
 * What Cloud Run says, without what the caller chose: names of services and revisions, images, paths. A service that is
 * called breakglass is no break-glass.
 */
function spokenIn(message: string): string {
  const spoken = message.replace(READY_SENTENCE, "").replace(QUOTED, " ").replace(NAMED_OBJECT, "$1");
  return spoken
    .split(/\s/)
    .filter((word) => !word.includes("/"))
    .join(" ");
}

function messagesOf(view: EntryView): readonly string[] {
  const messages = [view.text(STATUS_MESSAGE), ...conditionsOf(view).map(({ message }) => message)];
  return messages.filter((message) => typeof message === "string");
}

/** The annotation's text, "" included; null where the object does not carry it. */
function observedJustification(view: EntryView): string | null {
  const annotation = member(view.object(RESPONSE_ANNOTATIONS), BREAKGLASS);
  return annotation === undefined || annotation === null ? null : asText(annotation);
}

function requestedJustification(view: EntryView): string | null {
  const given = [
    ...REQUEST_ANNOTATIONS.map((annotations) => member(view.object(annotations), BREAKGLASS)),
    ...REQUEST_BINARY_AUTHORIZATION.map((block) => member(view.object(block), "breakglassJustification")),
  ].find((justification) => justification !== undefined && justification !== null);
  return given === undefined || given === null ? null : asText(given);
}

function observedEvent(view: EntryView): Extraction {
  const workload = cloudRunWorkload(view);
  return {
    incidentKey: cloudRunKey(view, workload),
    actor: annotatedActor(view, RESPONSE_ANNOTATIONS, deployerAnnotations(view)),
    workload,
    images: observedImages(view),
    aliases: operationAliases(view),
  };
}

/** A service's creator is whoever made it first; a revision and an execution are made by whoever deploys them. */
function deployerAnnotations(view: EntryView): readonly string[] {
  const made = ["serving.knative.dev/creator", "run.googleapis.com/creator"];
  const changed = ["serving.knative.dev/lastModifier", "run.googleapis.com/lastModifier"];
  const kind = view.text(RESPONSE_KIND);
  return kind === "Revision" || kind === "Execution" ? [...made, ...changed] : [...changed, ...made];
}

function refusedEvent(view: EntryView, condition: Condition | undefined): Extraction {
  return {
    ...observedEvent(view),
    facts: {
      reason: condition?.reason,
      explanation: condition?.message ?? view.text(STATUS_MESSAGE),
      statusCode: statusCodeOf(view) || null,
    },
  };
}

function conditionFor(view: EntryView, reason: RegExp): Condition | undefined {
  return conditionsOf(view).find((condition) => condition.reason !== null && reason.test(condition.reason));
}

function denyingCondition(view: EntryView): Condition | undefined {
  const saysSo = ({ status, message }: Condition) =>
    status === "False" && message !== null && UNAUTHORIZED_SENTENCE.test(message) && !DRY_RUN.test(spokenIn(message));
  return conditionFor(view, UNAUTHORIZED) ?? conditionsOf(view).find(saysSo);
}

/** An image that could not be pulled was reported with the same reason: only the sentence makes it sure. */
function judgeDenial(view: EntryView): Refinement {
  if (denyingCondition(view) === undefined)
    return refused("no condition failed because of it: the words tell of a dry run");
  return accepted(messagesOf(view).some((message) => UNAUTHORIZED_SENTENCE.test(message)) ? "high" : "medium");
}

function cloudRunKey(view: EntryView, { kind, name }: Workload): string {
  return [kind, projectOf(view) ?? "unknown", locationOf(view) ?? "unknown", name ?? "unknown"].join("/");
}

function unprotectedCounsel(why: string, falsePositives: string): Counsel {
  return {
    why,
    falsePositives,
    steps: [
      "See what runs now, and whether it is set: `gcloud run {workload.collection} describe {workload.name} --project={project} --region={location} --format=yaml`",
      "Ask the person who deployed it for the change behind it; a service account that deploys has a pipeline run behind it.",
      "Way back: `gcloud run {workload.collection} update {workload.name} --binary-authorization=default --project={project} --region={location}`",
      "If it is made from YAML or Terraform, set it there too, or the next deployment turns it off again.",
      "To have Google refuse the next one: the organization policy run.allowedBinaryAuthorizationPolicies.",
    ],
    reference: "https://cloud.google.com/binary-authorization/docs/run/enabling-binauthz-cloud-run",
  };
}

/** Who demands Binary Authorization for a deployment, in words; null where nobody does. */
type Demand = (view: EntryView, context: ClassifyContext) => string | null;

function isEmpty({ protectedProjects, protectedServices }: Watchlists): boolean {
  return protectedProjects.length === 0 && protectedServices.length === 0;
}

/** Off as a whole where the watchlists name nothing: most workloads of the world have no Binary Authorization. */
function demandOf(watchlists: Watchlists): Demand {
  if (isEmpty(watchlists)) return () => null;
  const [projects, services] = [new Set(watchlists.protectedProjects), new Set(watchlists.protectedServices)];
  return (view, context) => {
    const project = projectOf(view) ?? "";
    const { kind, name } = cloudRunWorkload(view);
    const policy = context.previousState?.(`org-policy/projects/${project}/run.allowedBinaryAuthorizationPolicies`);
    if (projects.has(project)) return `watchlist: project ${project}`;
    const whole = `projects/${project}/locations/${locationOf(view) ?? ""}/${COLLECTIONS[kind] ?? ""}/${name ?? ""}`;
    if (name !== null && (services.has(name) || services.has(whole))) return `watchlist: ${name}`;
    return demandsPolicy(policy) ? "organization policy run.allowedBinaryAuthorizationPolicies" : null;
  };
}

const COLLECTIONS: Readonly<Partial<Record<Workload["kind"], string>>> = {
  "cloud-run-service": "services",
  "cloud-run-job": "jobs",
  "cloud-run-worker-pool": "workerPools",
};

/** A policy that is enforced refuses by itself; one in dry run, or one that does not hold yet, does not. */
function demandsPolicy(state: unknown): boolean {
  const policy = orgPolicyFrom(state);
  if (policy === null) return false;
  const tightens = (spec: typeof policy.spec) =>
    compareOrgPolicies(null, { spec, dryRunSpec: null }).some(({ effect }) => effect === "stronger");
  return tightens(policy.spec) || tightens(policy.dryRunSpec);
}

/** What a workload had before: a policy, or none. */
function stateBefore(view: EntryView, context: ClassifyContext): { readonly policy: string | null } | undefined {
  const state = context.previousState?.(cloudRunKey(view, cloudRunWorkload(view)));
  const policy = member(state, "policy");
  return policy === null || typeof policy === "string" ? { policy } : undefined;
}

function judgeDisabled(view: EntryView, context: ClassifyContext, demand: Demand): Refinement {
  const before = stateBefore(view, context);
  const demanded = demand(view, context) !== null;
  const setting = binaryAuthorizationIn(view);
  if (setting.state !== "off") return refused("it does not turn Binary Authorization off");
  if (before?.policy === null) return refused("Binary Authorization was off before");
  if (before === undefined && isCreation(view)) return refused("something new has nothing to turn off");
  if (before === undefined && demanded) return refused("whether it was on before is not known, only that it has to be");
  return accepted(confidenceOf(setting, before));
}

function confidenceOf(
  setting: BinaryAuthorizationSetting,
  before: { readonly policy: string | null } | undefined,
): Confidence {
  if (before !== undefined) return "high";
  return setting.named ? "medium" : "low";
}

function requestEvent(view: EntryView): Extraction {
  const workload = cloudRunWorkload(view);
  const aliases = operationAliases(view);
  return {
    incidentKey: cloudRunKey(view, workload),
    workload,
    images: requestedImages(view),
    facts: { operationId: aliases[0]?.slice("operation/".length) },
    aliases,
  };
}

function unprotectedDeployment(view: EntryView, context: ClassifyContext, demand: Demand): Extraction {
  const before = stateBefore(view, context);
  const event = requestEvent(view);
  const change: Change = {
    field: "binaryAuthorization",
    before: before === undefined ? null : (before.policy ?? "off"),
    after: "off",
    effect: before?.policy === null ? "neutral" : "weaker",
  };
  return {
    ...event,
    facts: { ...event.facts, demandedBy: demand(view, context) },
    changes: [change],
    comparedWith: before === undefined ? "none" : "previous",
  };
}

function observeProtection(view: EntryView): ObservedState | null {
  const { state, policy } = binaryAuthorizationIn(view);
  return state === "unsaid" ? null : { key: cloudRunKey(view, cloudRunWorkload(view)), state: { policy } };
}
