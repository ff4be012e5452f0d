import { isObject, member } from "../audit-log/json.ts";
import { RESOURCE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, attemptDenied, successfulCalls } from "../classifier/admin-activity.ts";
import { ACCEPTED, type Rule, refused } from "../classifier/rule.ts";

const SERVICE = "cloudresourcemanager.googleapis.com";
const METHODS = String.raw`^(google\.cloud\.resourcemanager\.v[0-9a-z]+\.(Projects|Folders|Organizations)\.)?SetIamPolicy$`;
const BINDING_DELTAS = field("protoPayload.serviceData.policyDelta.bindingDeltas");

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

export const iamRules: readonly Rule[] = [
  {
    id: "iam.sensitive_grant",
    category: "guardrail-change",
    title: "Role granted that can move the guardrails",
    severity: "medium",
    filter: `${successfulCalls(SERVICE, METHODS)}
protoPayload.serviceData.policyDelta.bindingDeltas.action="ADD"
protoPayload.serviceData.policyDelta.bindingDeltas.role=(${WATCHED_ROLES.map((role) => `"${role}"`).join(" OR ")})`,
    reads: [...ADMIN_READS, BINDING_DELTAS],
    refine: (view) =>
      grants(view).length > 0 ? ACCEPTED : refused("the watched role was taken away; what was granted is another one"),
    extract: (view) => ({
      incidentKey: `iam-policy/${resource(view)}`,
      facts: { resource: resource(view), grants: grants(view) },
      changes: grants(view).map(([role, principal]) => ({
        field: "bindings",
        before: null,
        after: `${role} to ${principal}`,
        effect: "weaker" as const,
      })),
    }),
    certainty: { level: "seen", unconfirmed: ["grants on other resources than projects, folders and organizations"] },
    volume: "One entry for each grant of one of these roles: some a week in a large organization.",
    counsel: {
      why: "Whoever holds one of these roles can deploy past the policy, weaken it, sign images, or silence the alarms.",
      falsePositives: "An ordinary grant by whoever manages access: it should have a request behind it.",
      steps: [
        "See who holds what: `gcloud projects get-iam-policy {project} --format=json`",
        "Ask the person who granted it for the request behind it.",
        "Take it back if there is none: `gcloud projects remove-iam-policy-binding {project} --member=MEMBER --role=ROLE`",
      ],
      reference: "https://cloud.google.com/iam/docs/audit-logging",
    },
  },
  attemptDenied({
    service: "iam",
    serviceName: SERVICE,
    methods: METHODS,
    what: "who may do what",
    keyOf: (view) => `iam-policy/${resource(view)}`,
    reference: "https://cloud.google.com/iam/docs/audit-logging",
    command: "gcloud projects get-iam-policy {project} --format=json",
  }),
];

function resource(view: EntryView): string {
  return view.text(RESOURCE_NAME) ?? "unknown";
}

/** Role and member of every watched role that was added. */
function grants(view: EntryView): readonly (readonly [string, string])[] {
  return view
    .values(BINDING_DELTAS)
    .filter(isObject)
    .filter((delta) => member(delta, "action") === "ADD")
    .map((delta) => [member(delta, "role"), member(delta, "member")] as const)
    .filter(
      (grant): grant is readonly [string, string] =>
        WATCHED_ROLES.includes(grant[0] as string) && typeof grant[1] === "string",
    );
}
