import type { Change } from "../../shared/finding.ts";

/** The weaker changes in the words of the sample index: one phrase each, joined by commas. */
export function summarizeChanges(changes: readonly Change[]): string {
  return changes
    .filter(({ effect }) => effect === "weaker")
    .map(phrase)
    .join(", ");
}

function phrase({ field, after }: Change): string {
  if (field === "exclusions") return "exclusion added";
  if (after === "true") return field;
  return `${field} ${after ?? "unset"}`;
}
