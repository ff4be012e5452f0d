import { INCIDENT_FIELDS } from "../incidents/incident-schema.ts";
import { compile, type Query } from "../query/compile.ts";
import { isWithin, type TimeWindow } from "./time-window.ts";

/**
 * Who is told of which incidents: a tree. The children are tried in order, depth first; the first that matches takes the
 * incident, unless it says `continue`; where none does, the parent itself takes it. The root has no condition, so that
 * there is always somebody to tell.
 */
export interface RouteDocument {
  /** For people, in decisions and in `route test`. */
  readonly name?: string | undefined;
  /** The query language over the fields of an incident; everything when not given. */
  readonly when?: string | undefined;
  /** Outside of these the route does not match. */
  readonly during?: readonly TimeWindow[] | undefined;
  readonly destinations?: readonly string[] | undefined;
  readonly continue?: boolean | undefined;
  /** How long news about a known incident waits for more of it. */
  readonly groupWaitMs?: number | undefined;
  /** How often people hear of an incident that goes on without anything new. */
  readonly repeatIntervalMs?: number | undefined;
  readonly routes?: readonly RouteDocument[] | undefined;
}

/** A route with what it inherits from those above it filled in. */
export interface Route {
  /** From the root: "default / payments / pager". */
  readonly path: string;
  readonly query: Query | undefined;
  readonly during: readonly TimeWindow[];
  readonly destinations: readonly string[];
  readonly continues: boolean;
  readonly groupWaitMs: number;
  readonly repeatIntervalMs: number;
  readonly routes: readonly Route[];
}

/** A way that an incident takes: to which destinations, and by which route. */
export interface Way {
  readonly route: string;
  readonly destinations: readonly string[];
  readonly groupWaitMs: number;
  readonly repeatIntervalMs: number;
}

export const DEFAULT_GROUP_WAIT_MS = 30_000;
export const DEFAULT_REPEAT_INTERVAL_MS = 4 * 3_600_000;

/** Compiles the tree; throws QUERY_* for a condition that cannot be evaluated. */
export function compileRoutes(root: RouteDocument): Route {
  return compiled(root, undefined, 0);
}

/** A condition over the fields of an incident; throws QUERY_* for one that cannot be evaluated. */
export function compileCondition(when: string): Query {
  return compile(when, { schema: INCIDENT_FIELDS });
}

function compiled(document: RouteDocument, parent: Route | undefined, index: number): Route {
  const name = document.name ?? (parent === undefined ? "default" : `route ${index + 1}`);
  const route = {
    path: parent === undefined ? name : `${parent.path} / ${name}`,
    query: document.when === undefined ? undefined : compileCondition(document.when),
    during: document.during ?? [],
    destinations: document.destinations ?? parent?.destinations ?? [],
    continues: document.continue ?? false,
    groupWaitMs: document.groupWaitMs ?? parent?.groupWaitMs ?? DEFAULT_GROUP_WAIT_MS,
    repeatIntervalMs: document.repeatIntervalMs ?? parent?.repeatIntervalMs ?? DEFAULT_REPEAT_INTERVAL_MS,
    routes: [],
  };
  return { ...route, routes: (document.routes ?? []).map((child, number) => compiled(child, route, number)) };
}

/** The ways of an incident, given by its fields; at least one, since the root always matches. */
export function waysOf(root: Route, fields: object, at: Date): readonly Way[] {
  const ways: Way[] = [];
  let isTaken = false;
  for (const child of root.routes) {
    if (!matches(child, fields, at)) continue;
    ways.push(...waysOf(child, fields, at));
    isTaken = true;
    if (!child.continues) break;
  }
  if (isTaken) return ways;
  const { path, destinations, groupWaitMs, repeatIntervalMs } = root;
  return [{ route: path, destinations, groupWaitMs, repeatIntervalMs }];
}

function matches({ query, during }: Route, fields: object, at: Date): boolean {
  if (query !== undefined && !query.matches(fields)) return false;
  return during.length === 0 || during.some((window) => isWithin(window, at));
}

/** Every destination that some route names. */
export function destinationsOf({ destinations, routes }: RouteDocument): readonly string[] {
  return [...new Set([...(destinations ?? []), ...(routes ?? []).flatMap(destinationsOf)])];
}
