import { createHash } from "node:crypto";
import type { Notification } from "./notification.ts";
import { readableLine } from "./readable-text.ts";

/** A message that one destination will never take, told to another instead. */
export interface Refused {
  readonly intentId: string;
  readonly destinationId: string;
  readonly notification: Notification;
  /** What the destination said, for people; never a secret or a full URL. */
  readonly why: string;
}

/** Pure: the same message, saying who did not get it. It stands alone: here nobody has heard of its incident. */
export function toRefusalNotification({ intentId, destinationId, notification, why }: Refused): Notification {
  const value = `${destinationId} refused this message: ${readableLine(why, 300)}`;
  return {
    ...notification,
    id: createHash("sha256").update(`refusal:${intentId}`).digest("hex"),
    headline: `Not told to ${destinationId}: ${notification.headline}`,
    lines: [{ label: "Not told", value }, ...notification.lines],
    incident: null,
  };
}
