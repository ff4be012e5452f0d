/** Every hop of a delivery, as log events with stable names: docs, alerts and dashboards are made on them. */
import type { DECISION_EVENTS } from "./decision-log.ts";

export const DELIVERY_EVENTS = [
  /** A destination has the message; the receipt is written. */
  "delivery.told",
  /** Not now: the destination is unavailable, or its channel is pausing. It stays in the outbox. */
  "delivery.deferred",
  /** The destination will never take this message. */
  "delivery.refused",
  /** Sent, and nobody knows whether it arrived; it will be sent again with the same id. */
  "delivery.unknown_outcome",
  /** A destination has the message, but something was wrong, such as one recipient of several that was refused. */
  "delivery.warning",
  /** Something of the same incident that was recorded before is still on its way; this waits for it. */
  "delivery.waits_its_turn",
  /** Somebody else delivers on this channel. */
  "delivery.held_elsewhere",
  /** The settings no longer name the destination of a stored intent. */
  "delivery.destination_missing",
] as const;
export type DeliveryEventName = (typeof DELIVERY_EVENTS)[number];

/** What `tick` does beside delivering, and what it decides. */
export const TICK_EVENTS = ["tick.forgot"] as const;

export interface DeliveryEvent {
  readonly event: DeliveryEventName | (typeof TICK_EVENTS)[number] | (typeof DECISION_EVENTS)[number];
  readonly severity: "INFO" | "WARNING" | "ERROR";
  readonly message: string;
  /** Ids, codes, counts and times; never a secret or the text of an entry. */
  readonly [field: string]: unknown;
}

export type DeliveryLog = (event: DeliveryEvent) => void;
