import { AUTHORIZATION_FIELDS, missingPermission } from "../audit-log/authorization.ts";
import { type AttemptRule, attemptDenied } from "./admin-activity.ts";
import type { Rule } from "./rule.ts";

/**
 * A refused attempt, on what is watched only: `within` is a condition of its own, in the query language. The finding names
 * the permission that was lacking.
 */
export function watchedAttempt(attempt: AttemptRule & { readonly within?: string }): Rule {
  const rule = attemptDenied(attempt);
  return {
    ...rule,
    filter: attempt.within === undefined ? rule.filter : `${rule.filter}\n${attempt.within}`,
    reads: [...rule.reads, ...AUTHORIZATION_FIELDS],
    extract: (view, context) => {
      const extraction = rule.extract(view, context);
      return { ...extraction, facts: { ...extraction.facts, permission: missingPermission(view) } };
    },
  };
}
