import { EVERYBODY, type Grant, IAM_BINDING_FIELDS, requestedGrants } from "../audit-log/iam-bindings.ts";
import { projectOf } from "../audit-log/origin.ts";
import { RESOURCE_NAME } from "../audit-log/payload.ts";
import type { EntryView } from "../audit-log/view.ts";
import { ADMIN_READS } from "../classifier/admin-activity.ts";
import { grantDifference, grantText, observedGrants } from "../classifier/compare-grants.ts";
import { toChanges, weaker } from "../classifier/graded-change.ts";
import { ACCEPTED, type ClassifyContext, type Rule, refused } from "../classifier/rule.ts";
import { watchedAttempt } from "../classifier/watched-attempt.ts";

const RESOURCE_MANAGER = "cloudresourcemanager.googleapis.com";
const RESOURCE_MANAGER_METHODS = String.raw`^(google\.cloud\.resourcemanager\.v[0-9a-z]+\.(Projects|Folders|Organizations)\.)?SetIamPolicy$`;

/** Roles by which somebody can deploy past, weaken, or silence the guardrails. */
const WATCHED_ROLES = [
  "binaryauthorization.policyAdmin binaryauthorization.policyEditor binaryauthorization.attestorsAdmin",
  "binaryauthorization.attestorsEditor run.admin run.developer container.admin container.developer",
  "container.clusterAdmin orgpolicy.policyAdmin logging.admin logging.configWriter pubsub.admin pubsub.editor",
  "containeranalysis.admin containeranalysis.notes.attacher containeranalysis.notes.editor",
  "containeranalysis.occurrences.editor cloudkms.admin cloudkms.signer cloudkms.signerVerifier",
  "artifactregistry.admin artifactregistry.repoAdmin artifactregistry.writer iam.securityAdmin",
  "iam.serviceAccountUser iam.serviceAccountTokenCreator resourcemanager.projectIamAdmin",
  "resourcemanager.folderIamAdmin resourcemanager.organizationAdmin owner editor",
]
  .join(" ")
  .split(" ")
  .map((role) => `roles/${role}`);

const ROLES = `(${WATCHED_ROLES.map((role) => `"${role}"`).join(" OR ")})`;

/**
 * Projects, folders, organizations and service accounts: the entry says itself what was granted. Services, keys and notes
 * can be given away one by one as well; their entries carry the new policy only.
 */
const GRANTS = String.raw`log_id("cloudaudit.googleapis.com/activity")
(
  (
    protoPayload.serviceName=("${RESOURCE_MANAGER}" OR "iam.googleapis.com")
    AND protoPayload.methodName=~"(^|\.)SetI(am|AM)Policy$"
    AND protoPayload.serviceData.policyDelta.bindingDeltas.action="ADD"
    AND protoPayload.serviceData.policyDelta.bindingDeltas.role=${ROLES}
  ) OR (
    protoPayload.serviceName=("run.googleapis.com" OR "cloudkms.googleapis.com" OR "containeranalysis.googleapis.com")
    AND protoPayload.methodName=~"(^|\.)SetIamPolicy$"
  )
)
NOT protoPayload.status.code>0`;

export const iamRules: readonly Rule[] = [
  {
    id: "iam.sensitive_grant",
    category: "guardrail-change",
    title: "Role granted that can move the guardrails",
    severity: "medium",
    filter: GRANTS,
    reads: [...ADMIN_READS, ...IAM_BINDING_FIELDS],
    refine: (view, context) => {
      const { grants, by } = watchedGrants(view, context);
      if (grants.length > 0) return ACCEPTED;
      return by === "none"
        ? refused("the policy before is not known, and nothing in this one is weak in itself")
        : refused("what was granted is no watched role, or was held before");
    },
    extract: (view, context) => {
      const { grants, by } = watchedGrants(view, context);
      return {
        incidentKey: keyOf(view),
        facts: { resource: view.text(RESOURCE_NAME), grants: grants.slice(0, MOST_GRANTS) },
        changes: toChanges(grants.map((grant) => weaker("bindings", null, grantText(grant), "medium"))),
        ...(by === "entry" ? {} : { comparedWith: by }),
      };
    },
    observe: (view) => observedGrants(view, keyOf(view)),
    certainty: {
      level: "seen",
      unconfirmed: ["what entries of services, keys and notes hold", "that service accounts write what was granted"],
    },
    volume:
      "One entry for each grant of one of these roles, and for each policy of a Cloud Run service, a key or a note: some a day in a large organization.",
    counsel: {
      why: "Whoever holds one of these roles can deploy past the policy, weaken it, sign images, or silence the alarms.",
      falsePositives: "An ordinary grant by whoever manages access: it should have a request behind it.",
      steps: [
        "See who holds what: `gcloud projects get-iam-policy {project} --format=json`, or https://console.cloud.google.com/iam-admin/iam?project={project}",
        "Ask the person who granted it for the request behind it.",
        "Take it back if there is none: `gcloud projects remove-iam-policy-binding {project} --member={facts.grants.0.1} --role={facts.grants.0.0}`",
        `See what else the one who granted it did since: \`gcloud logging read 'timestamp>="{time}" AND protoPayload.authenticationInfo.principalEmail="{actor.principal}"' --project={project} --limit=50\``,
      ],
      reference: "https://cloud.google.com/iam/docs/audit-logging",
    },
  },
  watchedAttempt({
    service: "iam",
    serviceName: RESOURCE_MANAGER,
    methods: RESOURCE_MANAGER_METHODS,
    what: "who may do what",
    keyOf,
    reference: "https://cloud.google.com/iam/docs/audit-logging",
    command: "gcloud projects get-iam-policy {project} --format=json",
  }),
];

/** A finding is stored and sent as a whole; a policy can name 1,500 principals. */
const MOST_GRANTS = 100;

/** iam-policy/RESOURCE; a project by its id, as far as the entry knows it. */
function keyOf(view: EntryView): string {
  const resource = view.text(RESOURCE_NAME) ?? "unknown";
  const project = projectOf(view);
  const isProject = /^projects\/[^/]+$/.test(resource);
  return `iam-policy/${isProject && project !== null ? `projects/${project}` : resource}`;
}

/**
 * Every watched role that somebody got. Where neither the entry nor an earlier policy says what is new, only that counts
 * which no policy should hold: a watched role for everybody.
 */
function watchedGrants(view: EntryView, context: ClassifyContext) {
  const isWatched = ([role]: Grant) => WATCHED_ROLES.includes(role);
  const difference = grantDifference(view, context.previousState?.(keyOf(view)));
  if (difference !== null) return { grants: difference.added.filter(isWatched), by: difference.by };
  const grants = (requestedGrants(view) ?? []).filter((grant) => isWatched(grant) && EVERYBODY.includes(grant[1]));
  return { grants, by: "none" as const };
}
