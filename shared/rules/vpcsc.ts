import { scopeOf } from "../audit-log/origin.ts";
import { RESOURCE_NAME, SERVICE_NAME } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS } from "../classifier/admin-activity.ts";
import type { Rule } from "../classifier/rule.ts";

const DRY_RUN = field("protoPayload.metadata.dryRun");
const REASON = field("protoPayload.metadata.violationReason");
const UNIQUE_ID = field("protoPayload.metadata.vpcServiceControlsUniqueId");
const PERIMETER = field("protoPayload.metadata.securityPolicyInfo.servicePerimeterName");
const RESOURCE_NAMES = field("protoPayload.metadata.resourceNames");

/** Perimeters refuse much; these services are the ones that the guardrails are made of. */
const SERVICES = [
  "binaryauthorization.googleapis.com",
  "containeranalysis.googleapis.com",
  "artifactregistry.googleapis.com",
  "cloudkms.googleapis.com",
  "run.googleapis.com",
  "container.googleapis.com",
  "logging.googleapis.com",
  "pubsub.googleapis.com",
  "orgpolicy.googleapis.com",
];

export const vpcscRules: readonly Rule[] = [
  {
    id: "vpcsc.denied",
    category: "policy-violation",
    title: "Call to a guardrail's service refused by a perimeter",
    severity: "medium",
    filter: `log_id("cloudaudit.googleapis.com/policy")
protoPayload.metadata."@type"=~"VpcServiceControlAuditMetadata$"
protoPayload.serviceName=(${SERVICES.map((service) => `"${service}"`).join(" OR ")})`,
    reads: [...ADMIN_READS, DRY_RUN, REASON, UNIQUE_ID, PERIMETER, RESOURCE_NAMES],
    extract: (view) => ({
      incidentKey: ["perimeter", perimeter(view), view.text(SERVICE_NAME) ?? "unknown"].join("/"),
      facts: {
        service: view.text(SERVICE_NAME),
        // An enforced refusal has no such field at all.
        enforced: view.value(DRY_RUN) !== true,
        reason: view.text(REASON),
        perimeter: view.text(PERIMETER),
        resources: view.texts(RESOURCE_NAMES),
        resource: view.text(RESOURCE_NAME),
        uniqueId: view.text(UNIQUE_ID),
      },
    }),
    certainty: { level: "seen", unconfirmed: [] },
    volume: "One entry for each refused call to one of nine services; a misconfigured client can make thousands.",
    counsel: {
      why: "Somebody called a service of the guardrails from outside of its perimeter, or a pipeline was shut out by a new one. The name of the caller may be redacted.",
      falsePositives: "A perimeter in dry run (see `enforced`), or a new network that nobody has let in yet.",
      steps: [
        "Look the refusal up by its unique id, {facts.uniqueId}, in the violation analyzer: https://console.cloud.google.com/security/service-perimeter",
        "See the perimeter: `gcloud access-context-manager perimeters list --policy=POLICY`",
        "If the call was meant, add an ingress rule for just this caller; if not, find out whose network it came from.",
      ],
      reference: "https://cloud.google.com/vpc-service-controls/docs/audit-logging",
    },
  },
];

/** An entry that names no perimeter is told by where it was refused. */
function perimeter(view: EntryView): string {
  return view.text(PERIMETER)?.split("/").at(-1) || scopeOf(view);
}
