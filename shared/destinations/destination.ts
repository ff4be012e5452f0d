import type { Notification } from "./notification.ts";

export const DESTINATION_KINDS = [
  "console",
  "slack",
  "slack-bot",
  "email",
  "jira",
  "github",
  "servicenow",
  "pagerduty",
  "google-chat",
  "webhook",
] as const;
export type DestinationKind = (typeof DESTINATION_KINDS)[number];

/** What one destination answered when it took a message. */
export interface Receipt {
  /** The destination's own name for the message, where it gives one. */
  readonly externalId: string | null;
  /** What went wrong although the message was taken, such as one recipient of several that was refused. For the log. */
  readonly warning?: string;
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
   *
   * `earlier` is the receipt of the message that opened the incident here: what follows goes to the same ticket or
   * thread. null says that none was taken here and none is on its way; undefined that nobody knows, and then a ticket
   * that may have been made a moment ago is waited for before another is made.
   */
  deliver(notification: Notification, signal: AbortSignal, earlier?: Receipt | null): Promise<Receipt>;
  /**
   * Whether this very message is there already, by its exact key: to be asked before anything is sent again after an
   * unknown outcome. undefined means "certainly not there"; a search that fails, or that may not show yet what was sent
   * a moment ago, throws DESTINATION_UNAVAILABLE. `sentAt` is when the last such attempt ended, in epoch milliseconds;
   * without it the first question counts as that moment. Absent where nobody can be asked.
   */
  find?(notification: Notification, signal: AbortSignal, sentAt?: number): Promise<Receipt | undefined>;
  /** Whether the credentials and the target are right; nothing is posted. Throws what `deliver` would. */
  check?(signal: AbortSignal): Promise<void>;
}
