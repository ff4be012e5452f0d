import type { Finding } from "../finding.ts";
import { type IncidentAction, namesOf } from "../incidents/incident.ts";
import type { AuditDraft, Lookup, Moment, StateVersion, Store, StoredIncident } from "../state/store.ts";
import { type Decided, IncidentPlan, type ResponseRules } from "./incident-plan.ts";

export interface OutboxOptions extends ResponseRules {
  /** Opened when there is something to store, so that entries that matter to nobody cost nothing. */
  readonly store: () => Promise<Store>;
}

/** What was known of a resource before: undefined where nothing was. */
export type PreviousState = (key: string) => unknown;

/** One entry to be judged by what is known, and what it leaves behind. */
export interface Case<J extends { readonly findings: readonly Finding[] }> {
  /** Of every finding that it can come to. */
  readonly findingIds: readonly string[];
  /** What it comes to where nothing is known: incidents are looked for by it. */
  readonly expected: readonly Finding[];
  /** When it happened. */
  readonly moment: Omit<Moment, "key">;
  /** Resources that judging asks for, as far as that is known before. */
  readonly asksFor: readonly string[];
  readonly states: readonly StateVersion[];
  /** Pure: it is asked again when somebody else was quicker. */
  readonly judge: (previousState: PreviousState) => J;
}

export interface Recorded<J> {
  readonly judged: J;
  /** What became of each finding that was not known; the others of `judged` were recorded before. */
  readonly decided: readonly Decided[];
}

/** What has to be looked up before the case can be decided. */
interface Missing {
  readonly fresh: readonly Finding[];
}

export interface Outbox {
  /**
   * Judges the case by the states that the store knows, and stores in one transaction: the findings, the incidents that
   * they are part of, what people are to hear of it, and the new states. What is recorded already stays as it is. Throws
   * STORE_UNAVAILABLE; then nothing was stored.
   */
  record<J extends { readonly findings: readonly Finding[] }>(entry: Case<J>, at: Date): Promise<Recorded<J>>;
}

export function openOutbox(options: OutboxOptions): Outbox {
  return {
    async record<J extends { readonly findings: readonly Finding[] }>(entry: Case<J>, at: Date) {
      const { findingIds, expected, moment, asksFor, states, judge } = entry;
      const store = await options.store();
      const asked = new Set(asksFor);
      const stories = new Stories(expected);
      for (;;) {
        const missed = new Set<string>();
        const previousStates = [...asked].map((key) => ({ ...moment, key }));
        const lookup = { at: at.getTime(), findingIds, previousStates, ...stories.lookup };
        const recorded = await store.transact<Recorded<J> | Missing>(lookup, (found) => {
          missed.clear();
          const judged = judge((key) => {
            if (!asked.has(key)) missed.add(key);
            return found.previousStates.get(key)?.state;
          });
          const fresh = judged.findings.filter(({ id }) => !found.knownFindings.has(id));
          if (missed.size > 0 || !stories.hold(fresh)) return { result: { fresh } };
          const plan = new IncidentPlan(found, options, at);
          const decided = fresh.map((finding) => plan.add(finding));
          return { ...plan.changes, states, result: { judged, decided } };
        });
        if ("judged" in recorded) return recorded;
        // What one state was made a rule ask for more, or find what it would not have found without.
        for (const key of missed) asked.add(key);
        stories.add(recorded.fresh);
      }
    },
  };
}

/**
 * Somebody does something to an incident: those who have heard of it hear of that, and it is audited. undefined where
 * there is no such incident, nothing of it changes, or it is not meant any more as it is found. Throws STORE_UNAVAILABLE.
 */
export async function actOnIncident(
  store: Store,
  rules: ResponseRules,
  incidentId: string,
  action: IncidentAction,
  at: Date,
  isStillMeant: (found: StoredIncident) => boolean = () => true,
): Promise<Decided | undefined> {
  return store.transact<Decided | undefined>({ at: at.getTime(), incidentIds: [incidentId] }, (found) => {
    const plan = new IncidentPlan(found, rules, at);
    const isMeant = found.incidents.some((one) => one.id === incidentId && isStillMeant(one));
    const decided = isMeant ? plan.act(incidentId, action) : undefined;
    if (decided === undefined) return { result: undefined };
    return { ...plan.changes, audit: [auditOf(incidentId, action)], result: decided };
  });
}

function auditOf(incidentId: string, { what, by, note }: IncidentAction): AuditDraft {
  return { actor: by, action: `incident.${what}`, subject: incidentId, details: { note } };
}

/** The names under which incidents are looked for. */
class Stories {
  readonly #names = new Set<string>();
  readonly #findings: Finding[] = [];

  constructor(findings: readonly Finding[]) {
    this.add(findings);
  }

  get lookup(): Pick<Lookup, "incidentKeys" | "aliases" | "silences"> {
    if (this.#findings.length === 0) return {};
    return {
      incidentKeys: this.#findings.map(({ incidentKey, category }) => ({ key: incidentKey, category })),
      aliases: [...this.#names],
      silences: true,
    };
  }

  hold(findings: readonly Finding[]): boolean {
    return findings.flatMap(namesOf).every((name) => this.#names.has(name));
  }

  add(findings: readonly Finding[]): void {
    this.#findings.push(...findings.filter((finding) => !this.hold([finding])));
    for (const name of findings.flatMap(namesOf)) this.#names.add(name);
  }
}
