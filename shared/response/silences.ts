import { INCIDENT_FIELDS } from "../incidents/incident-schema.ts";
import { compile, type Query } from "../query/compile.ts";

/** "Do not tell us of these, until then": made by a person, with a reason and an end, kept and counted in the store. */
export interface Silence {
  readonly schema: 1;
  readonly id: string;
  /** The query language over the fields of an incident. */
  readonly when: string;
  readonly author: string;
  readonly reason: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  /** How often it kept something from being told. */
  readonly uses: number;
}

const compiled = new Map<string, Query>();

/** The silence that is in force and matches the incident, given by its fields: the one that lasts longest. */
export function silenceFor(silences: readonly Silence[], fields: object, at: Date): Silence | undefined {
  return silences
    .filter(({ createdAt, expiresAt }) => Date.parse(createdAt) <= at.getTime() && at.getTime() < Date.parse(expiresAt))
    .toSorted((a, b) => Date.parse(b.expiresAt) - Date.parse(a.expiresAt) || (a.id < b.id ? -1 : 1))
    .find(({ when }) => compileSilence(when).matches(fields));
}

/** Throws QUERY_* for a condition that cannot be evaluated: asked before a silence is stored. */
export function compileSilence(when: string): Query {
  let query = compiled.get(when);
  if (query === undefined) {
    query = compile(when, { schema: INCIDENT_FIELDS });
    compiled.set(when, query);
  }
  return query;
}
