import type { Destination } from "../destinations/destination.ts";
import { toNotification } from "../destinations/notification.ts";
import type { Counsel, Finding } from "../finding.ts";
import type { RecordResult, Store } from "../state/store.ts";

export interface OutboxOptions {
  /** Opened when there is something to store, so that entries that matter to nobody cost nothing. */
  readonly store: () => Promise<Store>;
  readonly destinations: readonly Pick<Destination, "id" | "channel">[];
  readonly counselOf: (rule: string) => Counsel;
  readonly runbookBase?: string | undefined;
}

export interface Outbox {
  /**
   * Stores the findings and, for those that people are told of, one delivery intent for each destination: all in one
   * transaction. What is recorded already stays as it is. Throws STORE_UNAVAILABLE; then nothing was stored.
   */
  record(findings: readonly Finding[], at: Date): Promise<RecordResult>;
}

export function openOutbox({ store, destinations, counselOf, runbookBase }: OutboxOptions): Outbox {
  return {
    async record(findings, at) {
      const drafts = findings.map((finding) => {
        const told = finding.category === "tracking" ? [] : destinations;
        const notification = toNotification(finding, counselOf(finding.rule), { runbookBase });
        return {
          finding,
          intents: told.map(({ id, channel }) => ({ destinationId: id, channel, notification })),
        };
      });
      return (await store()).record({ findings: drafts, at: at.getTime() });
    },
  };
}
