/** What a plan comes to, the same for every store: which documents are written, and which plans are mistakes. Pure. */
import type {
  AuditRecord,
  Found,
  IncidentDraft,
  Intent,
  Lookup,
  Moment,
  Plan,
  PlannedIntent,
  RecordedFinding,
  RecordRequest,
  RecordResult,
  StateVersion,
  StoredIncident,
  StoredSilence,
} from "./store.ts";
import { STORE_SCHEMA_VERSION } from "./store.ts";
import { isUnsent, newIntent } from "./transitions.ts";

export interface IncidentChange {
  readonly before: StoredIncident | undefined;
  readonly after: StoredIncident;
}

/** What is to be written; every list names a document once. */
export interface Changes {
  readonly findings: readonly RecordedFinding[];
  readonly incidents: readonly IncidentChange[];
  /** Not written where the id is known. */
  readonly freshIntents: readonly Intent[];
  readonly amendedIntents: readonly Intent[];
  /** Without the uses of this transaction. */
  readonly silences: readonly StoredSilence[];
  /** How often each was used. */
  readonly usedSilences: ReadonlyMap<string, number>;
  /** Not written where the moment is known. */
  readonly states: readonly StateVersion[];
  readonly audit: readonly AuditRecord[];
}

/** Throws a RangeError for a plan that writes what it did not look at. */
export function changesOf(lookup: Lookup, found: Found, plan: Plan<unknown>): Changes {
  const { at } = lookup;
  return {
    findings: freshFindings(lookup, found, plan),
    incidents: distinct(plan.incidents ?? [], ({ id }) => id, "changes an incident twice").map((draft) =>
      incidentChange(draft, found, at),
    ),
    freshIntents: freshIntents(plan.intents ?? [], at),
    amendedIntents: distinct(plan.amendments ?? [], ({ intentId }) => intentId, "amends an intent twice").map(
      ({ intentId, notification, notBefore }) => {
        const intent = found.openIntents.find(({ id }) => id === intentId);
        demand(intent !== undefined && isUnsent(intent), "amends an intent that may have been sent, or is not found");
        return { ...intent, notification, notBefore: notBefore ?? intent.notBefore };
      },
    ),
    silences: distinct(plan.silences ?? [], ({ id }) => id, "changes a silence twice").map((draft) => {
      const before = found.silences.find(({ id }) => id === draft.id);
      demand(draft.version === (before?.version ?? 0), "changes another version of a silence than the one found");
      const { id, version, expiresAt, document } = draft;
      return {
        schema: STORE_SCHEMA_VERSION,
        id,
        version: version + 1,
        expiresAt,
        document,
        createdAt: before?.createdAt ?? at,
        updatedAt: at,
        uses: before?.uses ?? 0,
        lastUsedAt: before?.lastUsedAt ?? null,
      };
    }),
    usedSilences: usesOf(plan.usedSilences ?? [], found),
    states: moments(plan.states ?? [], "remembers two states of one resource"),
    audit: (plan.audit ?? []).map(({ actor, action, subject, details }) => ({
      schema: STORE_SCHEMA_VERSION,
      at,
      actor,
      action,
      subject,
      details,
    })),
  };
}

function freshFindings(lookup: Lookup, found: Found, plan: Plan<unknown>): RecordedFinding[] {
  const fresh = new Map<string, RecordedFinding>();
  for (const { finding, incidentId } of plan.findings ?? []) {
    demand(lookup.findingIds?.includes(finding.id) === true, "stores a finding that it did not ask for");
    if (found.knownFindings.has(finding.id) || fresh.has(finding.id)) continue;
    fresh.set(finding.id, {
      schema: STORE_SCHEMA_VERSION,
      recordedAt: lookup.at,
      finding,
      ...(incidentId === undefined ? {} : { incidentId }),
    });
  }
  return [...fresh.values()];
}

function incidentChange(draft: IncidentDraft, found: Found, at: number): IncidentChange {
  const before = found.incidents.find(({ id }) => id === draft.id);
  demand(draft.version === (before?.version ?? 0), "changes another version of an incident than the one found");
  const { id, version, key, category, aliases, state, dueAt, document } = draft;
  if (before !== undefined) {
    demand(key === before.key && category === before.category, "moves an incident to another key or category");
  }
  const after: StoredIncident = {
    schema: STORE_SCHEMA_VERSION,
    id,
    version: version + 1,
    key,
    category,
    aliases: [...new Set(aliases)],
    state,
    dueAt,
    document,
    createdAt: before?.createdAt ?? at,
    updatedAt: at,
  };
  return { before, after };
}

function freshIntents(planned: readonly PlannedIntent[], at: number): Intent[] {
  const fresh = new Map<string, Intent>();
  for (const draft of planned) {
    const intent = newIntent(draft, at);
    if (!fresh.has(intent.id)) fresh.set(intent.id, intent);
  }
  return [...fresh.values()];
}

function usesOf(ids: readonly string[], found: Found): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const id of ids) {
    demand(
      found.silences.some((silence) => silence.id === id),
      "uses a silence that was not found",
    );
    uses.set(id, (uses.get(id) ?? 0) + 1);
  }
  return uses;
}

/** The silence after it was used so often; its version stays, so that counting disturbs nobody. */
export function usedSilence(silence: StoredSilence, uses: number, at: number): StoredSilence {
  return { ...silence, uses: silence.uses + uses, lastUsedAt: Math.max(silence.lastUsedAt ?? at, at) };
}

/** `Store.record` as a transaction: findings that are told of by themselves. */
export function recordingPlan({ findings, at }: RecordRequest): {
  readonly lookup: Lookup;
  readonly plan: (found: Found) => Plan<RecordResult>;
} {
  return {
    lookup: { at, findingIds: findings.map(({ finding }) => finding.id) },
    plan: ({ knownFindings }) => {
      const seen = new Set(knownFindings);
      const fresh: (typeof findings)[number][] = [];
      const known: string[] = [];
      for (const each of findings) {
        if (seen.has(each.finding.id)) known.push(each.finding.id);
        else fresh.push(each);
        seen.add(each.finding.id);
      }
      return {
        findings: fresh.map(({ finding }) => ({ finding })),
        intents: fresh.flatMap(({ finding, intents }) => intents.map((draft) => ({ ...draft, about: finding.id }))),
        result: { fresh: fresh.map(({ finding }) => finding.id), known },
      };
    },
  };
}

/** The questions of a lookup for previous states; throws a RangeError for those that cannot be answered. */
export function statesAskedFor({ previousStates = [] }: Lookup): readonly Moment[] {
  return moments(previousStates, "asks twice for the previous state of one resource");
}

/** Looked at before anything is read or written: a moment that is none would otherwise look like a failing store. */
function moments<T extends Moment>(all: readonly T[], mistake: string): readonly T[] {
  for (const moment of all) momentOrder(moment);
  return distinct(all, ({ key }) => key, mistake);
}

const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** A text of a moment that sorts as time does; the insertId decides between entries of one nanosecond. */
export function momentOrder({ timestamp, insertId }: Moment): string {
  const [, second, fraction = "", zone] = INSTANT.exec(timestamp) ?? [];
  const time = Date.parse(`${second}${zone}`);
  demand(!Number.isNaN(time), "gives a timestamp that is not RFC 3339");
  return `${new Date(time).toISOString().slice(0, -".000Z".length)}.${fraction.padEnd(9, "0")}Z ${insertId}`;
}

/** For what a plan makes as new although it is there, unseen because the plan did not look for it. */
export function notLookedFor(what: "an incident" | "a silence"): RangeError {
  return new RangeError(`a plan makes ${what} that is there already`);
}

function distinct<T>(items: readonly T[], idOf: (item: T) => string, mistake: string): readonly T[] {
  demand(new Set(items.map(idOf)).size === items.length, mistake);
  return items;
}

function demand(holds: boolean, mistake: string): asserts holds {
  if (!holds) throw new RangeError(`a plan ${mistake}`);
}
