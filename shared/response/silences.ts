import type { Query } from "../query/compile.ts";
import type { SilenceDraft, StoredSilence } from "../state/store.ts";
import { compileCondition } from "./routes.ts";

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

/** What the store keeps of a silence beside its end and its uses. */
type SilenceDocument = Pick<Silence, "schema" | "when" | "author" | "reason" | "createdAt">;

export function silenceFrom({ id, expiresAt, uses, document }: StoredSilence): Silence {
  return { ...(document as SilenceDocument), id, expiresAt: new Date(expiresAt).toISOString(), uses };
}

/** The silence as a new one is stored, or as version `version` of it is changed. */
export function silenceDraft(silence: Silence, version = 0): SilenceDraft {
  const { schema, id, when, author, reason, createdAt, expiresAt } = silence;
  const document: SilenceDocument = { schema, when, author, reason, createdAt };
  return { id, version, expiresAt: Date.parse(expiresAt), document };
}

const compiled = new Map<string, Query>();

/** The silence that is in force and matches the incident, given by its fields: the one that lasts longest. */
export function silenceFor(silences: readonly Silence[], fields: object, at: Date): Silence | undefined {
  return silences
    .filter(({ createdAt, expiresAt }) => Date.parse(createdAt) <= at.getTime() && at.getTime() < Date.parse(expiresAt))
    .toSorted((a, b) => Date.parse(b.expiresAt) - Date.parse(a.expiresAt) || (a.id < b.id ? -1 : 1))
    .find(({ when }) => matches(when, fields));
}

/** What was stored by another version and cannot be evaluated silences nobody, and stops no message. */
function matches(when: string, fields: object): boolean {
  try {
    return compileSilence(when).matches(fields);
  } catch {
    return false;
  }
}

/** Throws QUERY_* for a condition that cannot be evaluated: asked before a silence is stored. */
export function compileSilence(when: string): Query {
  let query = compiled.get(when);
  if (query === undefined) {
    query = compileCondition(when);
    compiled.set(when, query);
  }
  return query;
}
