/** What time itself brings: each minute, whatever has become due is done. */
import type { Incident } from "../incidents/incident.ts";
import type { Store } from "../state/store.ts";
import { decisionEvent } from "./decision-log.ts";
import { type DeliveryOptions, deliverDue } from "./deliver.ts";
import type { DeliveryCounts } from "./drain.ts";
import type { ResponseRules } from "./incident-plan.ts";
import { actOnIncident } from "./outbox.ts";

export interface TickOptions extends Omit<DeliveryOptions, "channels"> {
  readonly rules: ResponseRules;
  /** Whether what has been over for long is to be removed with this tick; true once a day. */
  readonly isForgettingDue: () => boolean;
}

/** What a tick did: deliveries, and incidents that were over by themselves. */
export interface TickCounts extends DeliveryCounts {
  readonly quieted: number;
}

/** More than these wait for the next tick. */
const MOST_QUIETED = 50;

/**
 * Ends the incidents of which nothing has been heard for long enough, then tries everything that is due, on all channels.
 * Two ticks at once, or a tick beside an inline delivery, do no harm. Throws only what the store throws.
 */
export async function tick(options: TickOptions): Promise<TickCounts> {
  const { store, rules, clock, log, isForgettingDue } = options;
  const at = new Date(clock());
  const due = await store.incidents({ state: "open", dueBy: at.getTime(), limit: MOST_QUIETED });
  let quieted = 0;
  for (const { id, document } of due) {
    const decided = await quiet(document as Incident, id, at, store, rules);
    if (decided === undefined) continue;
    quieted += 1;
    log(decisionEvent(decided));
  }
  if (isForgettingDue()) {
    const removed = await store.forget(at.getTime());
    log({
      event: "tick.forgot",
      severity: "INFO",
      message: `removed ${removed} documents that were long over`,
      removed,
    });
  }
  return { ...(await deliverDue(options)), quieted };
}

/** Looks again in the transaction: what has come meanwhile keeps the incident open. */
function quiet({ category }: Incident, id: string, at: Date, store: Store, rules: ResponseRules) {
  const hours = (rules.incidents.quietAfterMs[category] ?? 0) / 3_600_000;
  const note = `nothing more has happened for ${hours} hours`;
  return actOnIncident(
    store,
    rules,
    id,
    { what: "resolved", at: at.toISOString(), by: "glasswatch", note },
    at,
    (found) => (found.dueAt === null ? false : found.dueAt <= at.getTime()),
  );
}
