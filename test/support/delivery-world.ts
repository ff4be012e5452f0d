/** Stand-ins for destinations that remember what people got to see, and workers that deliver to them. */
import type { Destination, Receipt } from "../../shared/destinations/destination.ts";
import type { Notification } from "../../shared/destinations/notification.ts";
import { ProcessingError } from "../../shared/errors.ts";
import { type DeliveryOptions, deliverDue } from "../../shared/response/deliver.ts";
import type { DeliveryEvent } from "../../shared/response/delivery-log.ts";
import type { DeliveryCounts } from "../../shared/response/drain.ts";
import type { Store } from "../../shared/state/store.ts";
import type { VirtualClock } from "./delivery-clock.ts";

/** What a destination does with a message. */
export type Answer =
  | "takes it"
  | "is down"
  | { readonly asksToWait: number }
  | "refuses"
  | "takes it, the answer is lost"
  | "loses it, and the answer"
  | "hangs"
  | "takes it and hangs"
  | "hangs, and was never connected"
  | "hangs and hears no signal"
  | "throws something else";

export interface StandIn extends Destination {
  /** What people saw, with the time: every accepted message, copies too. */
  readonly seen: { readonly id: string; readonly at: number }[];
  /** Every call, accepted or not. */
  readonly calls: { readonly id: string; readonly at: number }[];
  /** May be changed at any time. */
  answer: (id: string) => Answer;
}

export interface StandInSettings {
  readonly channel?: string;
  readonly minIntervalMs?: number;
  readonly answer?: (id: string) => Answer;
}

export function standIn(id: string, clock: VirtualClock, settings: StandInSettings = {}): StandIn {
  const seen: StandIn["seen"] = [];
  const calls: StandIn["calls"] = [];
  const self: StandIn = {
    id,
    kind: "console",
    channel: settings.channel ?? `channel of ${id}`,
    minIntervalMs: settings.minIntervalMs ?? 0,
    seen,
    calls,
    answer: settings.answer ?? (() => "takes it"),
    async deliver(notification: Notification, signal: AbortSignal): Promise<Receipt> {
      const message = { id: notification.id, at: clock.now() };
      const answer = self.answer(notification.id);
      calls.push(message);
      // A network takes a moment.
      await Promise.resolve();
      if (typeof answer === "object") throw unavailable("was asked to wait", answer.asksToWait);
      switch (answer) {
        case "takes it":
          seen.push(message);
          return { externalId: `receipt ${seen.length}` };
        case "takes it, the answer is lost":
          seen.push(message);
          throw lost();
        case "loses it, and the answer":
          throw lost();
        case "is down":
          throw unavailable("did not answer");
        case "refuses":
          throw new ProcessingError("DESTINATION_REJECTED", "answered 400");
        case "takes it and hangs":
          seen.push(message);
          return hang(signal, lost());
        case "hangs":
          return hang(signal, lost());
        case "hangs, and was never connected":
          return hang(signal, unavailable("was never connected"));
        case "hangs and hears no signal":
          return new Promise(() => {});
        case "throws something else":
          throw new TypeError("https://hooks.example.com/services/T0/B0/SECRET is not iterable");
      }
    },
  };
  return self;
}

const lost = () => new ProcessingError("DESTINATION_UNKNOWN_OUTCOME", "the answer was lost");

const unavailable = (message: string, retryAfterMs?: number) =>
  new ProcessingError("DESTINATION_UNAVAILABLE", message, retryAfterMs === undefined ? {} : { retryAfterMs });

function hang(signal: AbortSignal, error: Error): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(error)));
}

/** One process that delivers. */
export interface Worker {
  deliver(channels?: readonly string[]): Promise<DeliveryCounts>;
  readonly events: DeliveryEvent[];
}

export const WORKER_TIMES = { budgetMs: 20_000, leaseMs: 30_000, attemptTimeoutMs: 5_000 } as const;

export function workerOn(
  store: Store,
  destinations: readonly Destination[],
  clock: VirtualClock,
  settings: Partial<DeliveryOptions> = {},
): Worker {
  const events: DeliveryEvent[] = [];
  const options: DeliveryOptions = {
    store,
    destinations,
    clock: clock.now,
    sleep: clock.sleep,
    random: () => 0.5,
    owner: "a worker",
    ...WORKER_TIMES,
    log: (event) => events.push(event),
    ...settings,
  };
  return { events, deliver: (channels) => deliverDue(channels === undefined ? options : { ...options, channels }) };
}
