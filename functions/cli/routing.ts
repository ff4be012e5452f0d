import { type Catalogue, compileCatalogue } from "../../shared/classifier/catalogue.ts";
import type { Finding } from "../../shared/finding.ts";
import { opened } from "../../shared/incidents/incident.ts";
import { decide } from "../../shared/response/decide.ts";
import type { ResponseRules } from "../../shared/response/incident-plan.ts";
import { loadDocument, processEnvironment } from "../../shared/settings.ts";
import { responseRules } from "../response.ts";
import { rulesOf } from "./rules-in-force.ts";

/** Where a finding would go, were it the first of its story. */
export interface Routing {
  readonly incidentKey: string;
  /** As the organization grades it, each step with its reason. */
  readonly severity: string;
  readonly grading: readonly string[];
  readonly reason: string;
  readonly routes: readonly { readonly route: string; readonly destinations: readonly string[] }[];
}

/** What the settings put in force; their secrets are not needed for it. Throws SETTINGS_*, RULE_INVALID and QUERY_*. */
export async function openRouting(config: string | undefined): Promise<{ catalogue: Catalogue; rules: ResponseRules }> {
  const { document } = await loadDocument(processEnvironment(), config);
  const catalogue = compileCatalogue(rulesOf(document));
  const destinations = document.destinations.map(({ id }) => ({ id, channel: id }));
  return { catalogue, rules: responseRules(document, catalogue, destinations) };
}

/** At the time of the event, silences left aside: they are in the store, and end. */
export function routingOf(finding: Finding, { incidents, routes }: ResponseRules): Routing {
  const incident = opened(finding, incidents);
  const at = new Date(finding.time);
  const decision = decide({ incident, fit: "opens", newFacts: [], related: [], silences: [], routes, at });
  return {
    incidentKey: finding.incidentKey,
    severity: incident.grade.severity,
    grading: incident.grade.steps.map(({ text }) => text),
    reason: decision.reason,
    routes: decision.ways.map(({ route, destinations }) => ({ route, destinations })),
  };
}

/** One line for people. */
export function routingText({ reason, routes }: Routing): string {
  if (routes.length === 0) return `told to nobody (${reason})`;
  return routes.map(({ route, destinations }) => `route ${route}, told to ${destinations.join(", ")}`).join("; ");
}
