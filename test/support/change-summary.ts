import type { Change } from "../../shared/finding.ts";

/** The changes that count, in the words of the sample index: one phrase each, joined by commas. */
export function summarizeChanges(changes: readonly Change[]): string {
  return changes.filter(counts).map(phrase).join(", ");
}

/** What weakens; and the mark of a policy that Terraform has reset, which by itself weakens nothing. */
function counts({ field, effect }: Change): boolean {
  return effect === "weaker" || field === "globalPolicyEvaluationMode";
}

/** Fields whose new value says everything. */
const SAYS_ENOUGH = new Set([
  "binaryAuthorization.evaluationMode",
  "binaryAuthorization",
  "policy",
  "customConstraint",
]);

function phrase({ field, before, after }: Change): string {
  if (field === "exclusions") return "exclusion added";
  if (field === "admissionWhitelistPatterns") {
    return after === null ? `allowlist - ${before ?? ""}` : `allowlist + ${after}`;
  }
  if (SAYS_ENOUGH.has(field) && after !== null) return after;
  const name = field.slice(field.lastIndexOf(".") + 1);
  return after === "true" ? name : `${name} ${after ?? "unset"}`;
}
