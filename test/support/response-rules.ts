import type { Rule } from "../../shared/classifier/rule.ts";
import type { ResponseRules } from "../../shared/response/incident-plan.ts";
import { compileRoutes, type RouteDocument } from "../../shared/response/routes.ts";
import { BUILT_IN_RULES } from "../../shared/rules/index.ts";

const HOUR = 3_600_000;

/** The rules of an organization that has said nothing, with these destinations; each is a channel of its own. */
export function rulesFor(
  destinations: readonly string[],
  routes: RouteDocument = { destinations },
  more: Partial<ResponseRules["incidents"]> = {},
): ResponseRules {
  return {
    incidents: {
      productionProjects: [],
      emergencyAccounts: [],
      quietAfterMs: { "policy-violation": 48 * HOUR },
      reopenWithinMs: 24 * HOUR,
      ...more,
    },
    routes: compileRoutes(routes),
    channelOf: (id) => (destinations.includes(id) ? `channel of ${id}` : undefined),
    counselOf: (id) => (BUILT_IN_RULES.find((rule) => rule.id === id) as Rule).counsel,
  };
}
