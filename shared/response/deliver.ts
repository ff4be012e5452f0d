/** The way out of the outbox: inline after a message is stored, and again by each tick. */
import type { Destination } from "../destinations/destination.ts";
import type { Store } from "../state/store.ts";
import { ABORT_GRACE_MS, type Sleep } from "./attempt.ts";
import type { DeliveryLog } from "./delivery-log.ts";
import { type DeliveryCounts, drainChannel, NOTHING_DONE } from "./drain.ts";

export interface DeliveryOptions {
  readonly store: Store;
  readonly destinations: Iterable<Destination>;
  /** Only these channels; all that have something due when it is not given. */
  readonly channels?: readonly string[];
  readonly clock: () => number;
  readonly sleep: Sleep;
  /** From 0 to below 1, for jitter. */
  readonly random: () => number;
  /** Who holds the leases, for people who read the store. */
  readonly owner: string;
  /** All attempts are over within it. Inline it stays below the acknowledgement deadline of the subscription. */
  readonly budgetMs: number;
  readonly leaseMs: number;
  /** When an attempt is told to stop. Must leave room in the lease and in the budget. */
  readonly attemptTimeoutMs: number;
  readonly log: DeliveryLog;
}

/**
 * Tries what is due. The channels go side by side, so that a dead destination delays only itself; within a channel
 * intents go in order, one at a time, under one lease. Throws only when the store fails; nothing is lost then either.
 */
export async function deliverDue(options: DeliveryOptions): Promise<DeliveryCounts> {
  const { store, channels, clock, log, budgetMs, leaseMs, attemptTimeoutMs } = options;
  const longestAttempt = attemptTimeoutMs + ABORT_GRACE_MS;
  if (longestAttempt >= leaseMs || longestAttempt > budgetMs) {
    throw new RangeError(`an attempt of up to ${longestAttempt} ms does not fit the lease or the budget`);
  }
  const delivery = {
    ...options,
    destinations: new Map(Array.from(options.destinations, (destination) => [destination.id, destination])),
    lastBegin: clock() + budgetMs - longestAttempt,
  };

  const open = (await store.dueChannels(Number.MAX_SAFE_INTEGER)).filter(
    ({ channel }) => channels === undefined || channels.includes(channel),
  );
  const done = await Promise.allSettled(
    open.map(async ({ channel, dueAt, failures }) => {
      // A short wait for the rate is worth it; a pause after a failure is not.
      if (dueAt <= (failures > 0 ? clock() : delivery.lastBegin)) return drainChannel(channel, delivery);
      // Nothing has failed, and no lease lasts that long: it waits for more to come, or for its repeat interval.
      if (failures === 0 && dueAt > clock() + leaseMs) return NOTHING_DONE;
      const message = `${channel} is not to be used yet`;
      log({ event: "delivery.deferred", severity: "INFO", message, channel, failures, notBefore: dueAt });
      return { ...NOTHING_DONE, left: 1 };
    }),
  );

  const failed = done.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return done
    .filter((result) => result.status === "fulfilled")
    .reduce((sum, { value }) => add(sum, value), NOTHING_DONE);
}

function add(a: DeliveryCounts, b: DeliveryCounts): DeliveryCounts {
  return {
    told: a.told + b.told,
    postponed: a.postponed + b.postponed,
    refused: a.refused + b.refused,
    unknown: a.unknown + b.unknown,
    heldElsewhere: a.heldElsewhere + b.heldElsewhere,
    left: a.left + b.left,
  };
}
