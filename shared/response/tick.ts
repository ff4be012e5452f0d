/** What time itself brings: each minute, whatever has become due is done. */
import { type DeliveryOptions, deliverDue } from "./deliver.ts";
import type { DeliveryCounts } from "./drain.ts";

export type TickOptions = Omit<DeliveryOptions, "channels">;

/** Tries everything that is due, on all channels. Two ticks at once, or a tick beside an inline delivery, do no harm. */
export async function tick(options: TickOptions): Promise<DeliveryCounts> {
  return deliverDue(options);
}
