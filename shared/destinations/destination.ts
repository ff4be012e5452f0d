import type { Notification } from "./notification.ts";

export const DESTINATION_KINDS = ["console", "slack"] as const;
export type DestinationKind = (typeof DESTINATION_KINDS)[number];

/** What one destination answered when it took a message. */
export interface Receipt {
  /** The destination's own name for the message, where it gives one. */
  readonly externalId: string | null;
}

/** A place where people are told. */
export interface Destination {
  /** From the settings; names the delivery intent. */
  readonly id: string;
  readonly kind: DestinationKind;
  /** Whatever shares one rate and one lease. Never a secret. */
  readonly channel: string;
  readonly minIntervalMs: number;
  /**
   * Tells once, without trying again. Throws a ProcessingError: DESTINATION_UNAVAILABLE when nothing was delivered and
   * trying again can help, DESTINATION_REJECTED when it cannot, DESTINATION_UNKNOWN_OUTCOME when the message may have
   * arrived although no answer did.
   */
  deliver(notification: Notification, signal: AbortSignal): Promise<Receipt>;
}
