import { momentOrder } from "./planning.ts";
import type { Moment, StateVersion } from "./store.ts";

/** Versions of one resource by their moments, in order. */
interface Versions {
  readonly orders: string[];
  readonly states: unknown[];
  /** Most versions of a resource are like another: each text is kept once. */
  readonly byText: Map<string, unknown>;
}

/**
 * What watched resources were like, remembered for as long as a replay runs. It answers as a store does, and like a store
 * it takes versions in any order.
 */
export class StateHistory {
  readonly #resources = new Map<string, Versions>();

  /** The state of the newest version strictly earlier than the moment; undefined where none is known. */
  previous(before: Moment): unknown {
    const versions = this.#resources.get(before.key);
    if (versions === undefined) return undefined;
    return versions.states[placeOf(momentOrder(before), versions.orders) - 1];
  }

  /** A version of a moment that is known is left as it is. */
  add(version: StateVersion): void {
    const order = momentOrder(version);
    let versions = this.#resources.get(version.key);
    if (versions === undefined) {
      versions = { orders: [], states: [], byText: new Map() };
      this.#resources.set(version.key, versions);
    }
    const { orders, states, byText } = versions;
    const place = placeOf(order, orders);
    if (orders[place] === order) return;
    const text = JSON.stringify(version.state);
    if (!byText.has(text)) byText.set(text, JSON.parse(text));
    orders.splice(place, 0, order);
    states.splice(place, 0, byText.get(text));
  }
}

/** How many are strictly earlier. Nearly always all are: exports go forwards in time. */
function placeOf(order: string, orders: readonly string[]): number {
  if (orders.length === 0 || (orders.at(-1) as string) < order) return orders.length;
  let [low, high] = [0, orders.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((orders[middle] as string) < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
