import type { Destination } from "../destinations/destination.ts";
import type { Notification } from "../destinations/notification.ts";
import { toRefusalNotification } from "../destinations/refusal.ts";
import type { Intent, Store } from "../state/store.ts";

/**
 * What one destination will never take is told to another: the first of the settings on another channel. Answers its id;
 * undefined where there is none, or where this is no news of an incident: such a message itself goes no further. May be
 * repeated: the same refusal is told once.
 */
export async function tellElsewhere(
  { id, incidentId, destinationId, channel, notification }: Intent,
  why: string,
  destinations: Iterable<Pick<Destination, "id" | "channel">>,
  store: Store,
  at: number,
): Promise<string | undefined> {
  if (incidentId === undefined) return undefined;
  const other = [...destinations].find((one) => one.channel !== channel);
  if (other === undefined) return undefined;
  const told = toRefusalNotification({ intentId: id, destinationId, notification: notification as Notification, why });
  await store.transact({ at }, () => ({
    intents: [{ about: `refusal:${id}`, destinationId: other.id, channel: other.channel, notification: told }],
    result: undefined,
  }));
  return other.id;
}
