/** One channel, told in order under one lease, for as long as it goes well and the budget lasts. */
import type { Destination, Receipt } from "../destinations/destination.ts";
import type { Notification } from "../destinations/notification.ts";
import { codeOf } from "../errors.ts";
import type { Intent, Lease, Store } from "../state/store.ts";
import { ABORT_GRACE_MS, ask, attempt, type Failure, type Sleep } from "./attempt.ts";
import { askedForMs, backoffMs, LONGEST_BACKOFF_MS } from "./backoff.ts";
import type { DeliveryEvent, DeliveryLog } from "./delivery-log.ts";
import { tellElsewhere } from "./refusal.ts";

export interface DeliveryCounts {
  /** Intents. */
  readonly told: number;
  readonly postponed: number;
  readonly refused: number;
  /** Attempts of which nobody knows the outcome, found or made now; their intents will be sent again. */
  readonly unknown: number;
  /** Channels that somebody else delivers on; their intents are neither done nor lost. */
  readonly heldElsewhere: number;
  /** Channels on which a pause, a failure or the end of the budget left something for a later tick. */
  readonly left: number;
}

/** What all channels of one delivery share. */
export interface Delivery {
  readonly store: Store;
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly clock: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
  readonly owner: string;
  readonly leaseMs: number;
  readonly attemptTimeoutMs: number;
  readonly log: DeliveryLog;
  /** Nothing is begun after it, so that the last attempt ends inside the budget. */
  readonly lastBegin: number;
}

/** Failures after which an intent lets the others of its channel go first and pauses them no longer. */
export const STEP_ASIDE_AFTER = 3;

const RECEIPT_TRIES = 3;
/** How long after what is ahead of it a message is looked at again. */
const TURN_MS = 1_000;
const RECEIPT_PAUSE_MS = 200;

export const NOTHING_DONE: DeliveryCounts = {
  told: 0,
  postponed: 0,
  refused: 0,
  unknown: 0,
  heldElsewhere: 0,
  left: 0,
};

/** Why work on a channel ended: nothing is due any more, something is left for later, or somebody else has it. */
type Ending = "nothing due" | "left" | "lost";

export async function drainChannel(channel: string, delivery: Delivery): Promise<DeliveryCounts> {
  const counts = { ...NOTHING_DONE };
  const { store, owner, clock, leaseMs, log } = delivery;
  for (;;) {
    const lease = await store.acquireChannel(channel, owner, clock(), leaseMs);
    if (lease === undefined) {
      log({ event: "delivery.held_elsewhere", severity: "INFO", message: `${channel} is served by another`, channel });
      return { ...counts, heldElsewhere: 1 };
    }
    for (const intent of lease.recovered) {
      counts.unknown += 1;
      log({
        ...about(intent),
        event: "delivery.unknown_outcome",
        severity: "WARNING",
        message: `whether ${intent.destinationId} was told is not known: ${intent.lastError?.message}`,
      });
    }
    const ending = await drainUnder(lease, delivery, counts);
    if (ending === "lost") {
      const message = `${channel} was taken over by another, its lease had run out`;
      log({ event: "delivery.held_elsewhere", severity: "WARNING", message, channel });
      return { ...counts, heldElsewhere: 1 };
    }
    if (ending === "left") return { ...counts, left: 1 };
    // Who recorded an intent after the last look found the channel held and left it to us.
    if ((await store.due(channel, clock(), 1)).length === 0) return counts;
  }
}

/** Drains, and gives the channel back whatever happens. */
async function drainUnder(lease: Lease, delivery: Delivery, counts: Mutable<DeliveryCounts>): Promise<Ending> {
  let ending: Ending;
  try {
    ending = await new Drain(lease, delivery, counts).run();
  } catch (error) {
    // The store failed; if it fails again the lease runs out by itself.
    await delivery.store.releaseChannel(lease).catch(() => false);
    throw error;
  }
  await delivery.store.releaseChannel(lease);
  return ending;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Drain {
  readonly #delivery: Delivery;
  readonly #counts: Mutable<DeliveryCounts>;
  #lease: Lease;
  #nextAt: number;
  #failures: number;

  constructor(lease: Lease, delivery: Delivery, counts: Mutable<DeliveryCounts>) {
    this.#lease = lease;
    this.#delivery = delivery;
    this.#counts = counts;
    this.#nextAt = lease.nextAt;
    this.#failures = lease.failures;
  }

  async run(): Promise<Ending> {
    const { store, clock } = this.#delivery;
    for (;;) {
      const [intent] = await store.due(this.#lease.channel, clock(), 1);
      if (intent === undefined) return "nothing due";
      const ending = (await this.#turn()) ?? (await this.#tell(intent));
      if (ending !== undefined) return ending;
    }
  }

  /** Waits until the channel may be used; a pause after a failure is left to a later tick. */
  async #turn(): Promise<Ending | undefined> {
    const { store, clock, sleep, leaseMs, attemptTimeoutMs, lastBegin } = this.#delivery;
    const now = clock();
    const wait = Math.max(0, this.#nextAt - now);
    const needed = wait + attemptTimeoutMs + ABORT_GRACE_MS;
    if (now + wait > lastBegin || (wait > 0 && this.#failures > 0) || needed >= leaseMs) return "left";
    if (now + needed >= this.#lease.expiresAt) {
      const renewed = await store.renewChannel(this.#lease, now, leaseMs);
      if (renewed === undefined) return "lost";
      this.#lease = renewed;
    }
    if (wait > 0) await sleep(wait);
    return undefined;
  }

  async #tell(intent: Intent): Promise<Ending | undefined> {
    const { store, destinations, clock, sleep, attemptTimeoutMs } = this.#delivery;
    const destination = destinations.get(intent.destinationId);
    if (destination === undefined) return this.#missing(intent);
    const ahead = await this.#ahead(intent);
    if (ahead !== undefined) return this.#behind(intent, ahead);
    const timing = { sleep, timeoutMs: attemptTimeoutMs };

    if (destination.find !== undefined && intent.unknownOutcomes > 0) {
      const notification = intent.notification as Notification;
      const { lastError } = intent;
      // A failure that came later has taken its place: then nobody knows when the attempt ended.
      const sentAt = lastError?.code === "DESTINATION_UNKNOWN_OUTCOME" ? lastError.at : undefined;
      const found = await ask(async (signal) => destination.find?.(notification, signal, sentAt), timing);
      if ("failure" in found) return this.#failed(intent, found.failure);
      if (found.answer !== undefined) return this.#told(intent, found.answer, "found");
      // Asking took time, from the lease and from the budget.
      const ending = await this.#turn();
      if (ending !== undefined) return ending;
    }

    const at = clock();
    const nextAt = at + destination.minIntervalMs;
    if (!(await store.begin(this.#lease, intent.id, { at, nextAt }))) return "lost";
    this.#nextAt = Math.max(this.#nextAt, nextAt);
    const begun = await this.#begun(intent);
    // The store keeps it as JSON; the path put a Notification in.
    const notification = begun.notification as Notification;
    const earlier = await this.#earlier(begun);

    const outcome = await attempt((signal) => destination.deliver(notification, signal, earlier), timing);
    switch (outcome.kind) {
      case "told":
        return this.#told(begun, outcome.receipt, "sent");
      case "refused":
        return this.#refused(begun, outcome.failure);
      case "unavailable":
      case "unknown":
        return this.#failed(begun, outcome.failure);
    }
  }

  /**
   * News of one incident reach a destination in the order in which they were recorded. Only what has stepped aside can
   * be overtaken, and only by what is not the first about its incident.
   */
  async #ahead({ id, incidentId, destinationId, channel, notification }: Intent): Promise<Intent | undefined> {
    if (incidentId === undefined || (notification as Notification).incident?.sequence === 1) return undefined;
    const pending = await this.#delivery.store.intents({ channel, state: "pending" });
    const before = pending.slice(
      0,
      Math.max(
        0,
        pending.findIndex((other) => other.id === id),
      ),
    );
    return before.findLast((other) => other.incidentId === incidentId && other.destinationId === destinationId);
  }

  async #behind(intent: Intent, ahead: Intent): Promise<Ending | undefined> {
    const { store, clock } = this.#delivery;
    const at = clock();
    const notBefore = Math.max(ahead.notBefore, at) + TURN_MS;
    const message = `news that was recorded before it is still on its way (${ahead.id})`;
    const postponement = { at, code: "DESTINATION_UNAVAILABLE", message, notBefore } as const;
    if (!(await store.postpone(this.#lease, intent.id, postponement))) return "lost";
    this.#counts.postponed += 1;
    this.#log(intent, { event: "delivery.waits_its_turn", severity: "INFO", message, notBefore });
    return undefined;
  }

  /** As it is now that an attempt of it has begun: until then its words could still be amended. */
  async #begun(intent: Intent): Promise<Intent> {
    const { store } = this.#delivery;
    const now = intent.incidentId === undefined ? [] : await store.intents({ about: intent.about });
    return now.find(({ id }) => id === intent.id) ?? { ...intent, attempts: intent.attempts + 1 };
  }

  /**
   * The receipt of what opened the incident here. Nobody else sends on the channel, so that where there is none and this
   * was never tried before, nothing is on its way.
   */
  async #earlier({ incidentId, destinationId, unknownOutcomes }: Intent): Promise<Receipt | null | undefined> {
    const { store } = this.#delivery;
    if (incidentId === undefined) return unknownOutcomes === 0 ? null : undefined;
    const receipts = await store.receipts(incidentId, destinationId);
    if (receipts !== undefined) return { externalId: receipts.first.externalId };
    return unknownOutcomes === 0 ? null : undefined;
  }

  async #told(intent: Intent, receipt: Receipt, how: "sent" | "found"): Promise<Ending | undefined> {
    if (!(await this.#writeReceipt(intent, receipt))) return "lost";
    this.#failures = 0;
    this.#counts.told += 1;
    const message = how === "sent" ? `told ${intent.destinationId}` : `${intent.destinationId} had the message`;
    this.#log(intent, { event: "delivery.told", severity: "INFO", message, how, externalId: receipt.externalId });
    const { warning } = receipt;
    if (warning !== undefined) this.#log(intent, { event: "delivery.warning", severity: "WARNING", message: warning });
    return undefined;
  }

  /** Tried more than once: a receipt that is lost makes a second copy. */
  async #writeReceipt(intent: Intent, receipt: Receipt): Promise<boolean> {
    const { store, clock, sleep } = this.#delivery;
    const success = { at: clock(), externalId: receipt.externalId };
    for (let tries = 1; ; tries++) {
      try {
        return await store.succeed(this.#lease, intent.id, success);
      } catch (error) {
        if (tries === RECEIPT_TRIES || codeOf(error) !== "STORE_UNAVAILABLE") throw error;
        await sleep(RECEIPT_PAUSE_MS * tries);
      }
    }
  }

  async #refused(intent: Intent, { code, message }: Failure): Promise<Ending | undefined> {
    const { store, clock, destinations } = this.#delivery;
    // Before it is settled: a process that ends between the two must not keep it to itself.
    const instead = await tellElsewhere(intent, message, destinations.values(), store, clock());
    if (!(await store.refuse(this.#lease, intent.id, { at: clock(), code, message }))) return "lost";
    this.#failures = 0;
    this.#counts.refused += 1;
    this.#log(intent, {
      event: "delivery.refused",
      severity: "ERROR",
      message: `${intent.destinationId} will never take it: ${message}`,
      code,
      toldInstead: instead ?? null,
    });
    return undefined;
  }

  /** Unavailable, or unknown: in both cases the channel is left alone for a while and the intent stays. */
  async #failed(intent: Intent, failure: Failure): Promise<Ending> {
    const { store, clock, random } = this.#delivery;
    const { code, message } = failure;
    const at = clock();
    const askedFor = askedForMs(failure.retryAfterMs);
    const aside = askedFor === undefined && intent.attempts >= STEP_ASIDE_AFTER;
    const notBefore = at + (askedFor ?? backoffMs(aside ? intent.attempts : this.#failures + 1, random));
    const written = await store.postpone(this.#lease, intent.id, {
      at,
      code,
      message,
      notBefore,
      aside,
      // One message that always fails must not keep pausing the channel for the others.
      ...(intent.aside && askedFor === undefined ? {} : { channelNextAt: notBefore }),
    });
    if (!written) return "lost";
    const unknown = code === "DESTINATION_UNKNOWN_OUTCOME";
    this.#counts[unknown ? "unknown" : "postponed"] += 1;
    this.#log(intent, {
      event: unknown ? "delivery.unknown_outcome" : "delivery.deferred",
      severity: failure.unexpected === true ? "ERROR" : "WARNING",
      message: unknown
        ? `whether ${intent.destinationId} was told is not known: ${message}`
        : `${intent.destinationId} is not available: ${message}`,
      code,
      notBefore,
    });
    return "left";
  }

  async #missing(intent: Intent): Promise<Ending | undefined> {
    const { store, clock } = this.#delivery;
    const at = clock();
    const notBefore = at + LONGEST_BACKOFF_MS;
    const message = "the settings name no such destination";
    const postponement = { at, code: "DESTINATION_UNAVAILABLE", message, notBefore, aside: true } as const;
    if (!(await store.postpone(this.#lease, intent.id, postponement))) return "lost";
    this.#counts.postponed += 1;
    this.#log(intent, {
      event: "delivery.destination_missing",
      severity: "ERROR",
      message: `the settings name no destination ${intent.destinationId}`,
      notBefore,
    });
    return undefined;
  }

  #log(intent: Intent, event: DeliveryEvent): void {
    this.#delivery.log({ ...about(intent), ...event });
  }
}

function about(intent: Intent) {
  const { id, about: subject, destinationId, channel, attempts, unknownOutcomes } = intent;
  return { intent: id, about: subject, destination: destinationId, channel, attempts, unknownOutcomes };
}
