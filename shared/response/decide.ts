import type { Fit, Incident } from "../incidents/incident.ts";
import { incidentFields } from "../incidents/incident-schema.ts";
import { type Route, type Way, waysOf } from "./routes.ts";
import { type Silence, silenceFor } from "./silences.ts";

/** Why people are told, or not: the list is closed, and every decision carries one of it. */
export const DECISION_REASONS = [
  /** A new incident. */
  "first",
  /** Something that people do not know yet. */
  "news",
  /** Nothing new, but it goes on: told when the repeat interval has passed. */
  "repeat",
  /** Its resolution is over: it goes on. */
  "reopened",
  /** Somebody did something to the incident. */
  "action",
  /** Tracking: told to nobody. */
  "tracking",
  /** It happened before the incident was resolved, and came late. */
  "late",
  /** A silence matches. */
  "silenced",
  /** A dry run of a workload whose deployments are refused or forced for real: the other incident says more. */
  "inhibited",
  /** The routes name no destination for it. */
  "no_destination",
] as const;
export type DecisionReason = (typeof DECISION_REASONS)[number];

export interface Decision {
  readonly reason: DecisionReason;
  /** For people. */
  readonly text: string;
  /** Empty when nobody is told. */
  readonly ways: readonly Way[];
  /** Milliseconds that this waits for more to come: nothing for what is first. */
  readonly waitMs: (way: Way) => number;
  readonly silence: Silence | undefined;
}

export interface DecisionBasis {
  readonly incident: Incident;
  /** How the finding came to it; "opens" for the first one. */
  readonly fit: Fit | "opens";
  readonly newFacts: readonly string[];
  /** Other incidents that are not resolved and share a name with it. */
  readonly related: readonly Incident[];
  readonly silences: readonly Silence[];
  readonly routes: Route;
  readonly at: Date;
}

/** Tell whom, or why not: a pure function of what is known. */
export function decide(basis: DecisionBasis): Decision {
  const { incident, fit, newFacts, related, silences, routes, at } = basis;
  const nobody = (reason: DecisionReason, text: string, silence?: Silence): Decision => ({
    reason,
    text,
    ways: [],
    waitMs: () => 0,
    silence,
  });
  if (incident.category === "tracking") return nobody("tracking", "a fact that is told to nobody");
  if (fit === "late") return nobody("late", "it happened before the incident was resolved");
  const fields = incidentFields(incident);
  const silence = silenceFor(silences, fields, at);
  if (silence !== undefined) {
    return nobody("silenced", `silence ${silence.id} of ${silence.author} until ${silence.expiresAt}`, silence);
  }
  const graver = related.find((other) => inhibits(other, incident));
  if (graver !== undefined) return nobody("inhibited", `incident ${graver.id} of the same workload says more`);
  const ways = waysOf(routes, fields, at).filter(({ destinations }) => destinations.length > 0);
  if (ways.length === 0) return nobody("no_destination", "no route that matches names a destination");
  const told = (reason: DecisionReason, text: string, waitMs: Decision["waitMs"]): Decision => ({
    reason,
    text,
    ways,
    waitMs,
    silence: undefined,
  });
  if (fit === "opens") return told("first", "a new incident", () => 0);
  if (fit === "reopens") return told("reopened", "it goes on after it was resolved", () => 0);
  if (newFacts.length > 0) return told("news", newFacts.join("; "), ({ groupWaitMs }) => groupWaitMs);
  return told("repeat", "the same again", ({ repeatIntervalMs }) => repeatIntervalMs);
}

/** Enforced over dry run: whoever is refused for real need not hear that a dry run would have refused them. */
function inhibits(other: Incident, incident: Incident): boolean {
  return other.id !== incident.id && other.state !== "resolved" && !isDryRun(other) && isDryRun(incident);
}

function isDryRun({ members }: Incident): boolean {
  return members.every(({ rule }) => /\.dryrun(?:_violation)?$/.test(rule));
}
