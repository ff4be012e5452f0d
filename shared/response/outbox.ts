import type { Destination } from "../destinations/destination.ts";
import { toNotification } from "../destinations/notification.ts";
import type { Counsel, Finding } from "../finding.ts";
import type { Moment, PlannedIntent, StateVersion, Store } from "../state/store.ts";

export interface OutboxOptions {
  /** Opened when there is something to store, so that entries that matter to nobody cost nothing. */
  readonly store: () => Promise<Store>;
  readonly destinations: readonly Pick<Destination, "id" | "channel">[];
  readonly counselOf: (rule: string) => Counsel;
  readonly runbookBase?: string | undefined;
}

/** What was known of a resource before: undefined where nothing was. */
export type PreviousState = (key: string) => unknown;

/** One entry to be judged by what is known, and what it leaves behind. */
export interface Case<J extends { readonly findings: readonly Finding[] }> {
  /** Of every finding that it can come to. */
  readonly findingIds: readonly string[];
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
  /** Ids of the findings that were not known; the others of `judged` were recorded before. */
  readonly fresh: ReadonlySet<string>;
}

export interface Outbox {
  /**
   * Judges the case by the states that the store knows, and stores in the same transaction the findings, for those that
   * people are told of one delivery intent for each destination, and the new states. What is recorded already stays as
   * it is. Throws STORE_UNAVAILABLE; then nothing was stored.
   */
  record<J extends { readonly findings: readonly Finding[] }>(entry: Case<J>, at: Date): Promise<Recorded<J>>;
}

export function openOutbox({ store, destinations, counselOf, runbookBase }: OutboxOptions): Outbox {
  const intentsOf = (finding: Finding): readonly PlannedIntent[] => {
    const told = finding.category === "tracking" ? [] : destinations;
    const notification = toNotification(finding, counselOf(finding.rule), { runbookBase });
    return told.map(({ id, channel }) => ({ about: finding.id, destinationId: id, channel, notification }));
  };
  return {
    async record({ findingIds, moment, asksFor, states, judge }, at) {
      const opened = await store();
      const asked = new Set(asksFor);
      for (;;) {
        const missed = new Set<string>();
        const previousStates = [...asked].map((key) => ({ ...moment, key }));
        const recorded = await opened.transact({ at: at.getTime(), findingIds, previousStates }, (found) => {
          missed.clear();
          const judged = judge((key) => {
            if (!asked.has(key)) missed.add(key);
            return found.previousStates.get(key)?.state;
          });
          if (missed.size > 0) return { result: undefined };
          const fresh = judged.findings.filter(({ id }) => !found.knownFindings.has(id));
          return {
            findings: fresh.map((finding) => ({ finding })),
            intents: fresh.flatMap(intentsOf),
            states,
            result: { judged, fresh: new Set(fresh.map(({ id }) => id)) },
          };
        });
        if (recorded !== undefined) return recorded;
        // What one rule saw made another one ask for more.
        for (const key of missed) asked.add(key);
      }
    },
  };
}
