import type { Decided } from "./incident-plan.ts";

/** Whether people hear of something, as log events with stable names. */
export const DECISION_EVENTS = [
  /** People are to hear of it; `reason` says why. */
  "decision.tell",
  /** Nobody is; `reason` says why not. */
  "decision.nobody",
] as const;

/** The decision as it is logged. */
export function decisionEvent({ reason, text, incidentId, findingId, routes, destinations }: Decided) {
  const isTold = destinations.length > 0;
  return {
    event: (isTold ? "decision.tell" : "decision.nobody") satisfies (typeof DECISION_EVENTS)[number],
    severity: "INFO",
    message: isTold ? `${destinations.join(", ")}: ${text}` : `nobody is told: ${text}`,
    reason,
    incident: incidentId,
    ...(findingId === null ? {} : { findingId }),
    routes,
    destinations,
  } as const;
}
