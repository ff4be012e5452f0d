/** Processes that die or freeze at a chosen step. Each call of a store or a destination is two: before and after. */

import type { Store } from "../../shared/state/store.ts";
import type { VirtualClock } from "./delivery-clock.ts";
import type { StandIn } from "./delivery-world.ts";

export interface FatePlan {
  /** From this step on the process does nothing any more. */
  readonly diesAt?: number | undefined;
  /** At this step it stands still for a while, as a throttled instance does, and then goes on. */
  readonly freezesAt?: number | undefined;
  readonly freezesForMs?: number | undefined;
}

export class Killed extends Error {
  override readonly name = "Killed";
}

export class Fate {
  readonly #plan: FatePlan;
  readonly #clock: VirtualClock;
  #steps = 0;
  #dead = false;

  constructor(plan: FatePlan, clock: VirtualClock) {
    this.#plan = plan;
    this.#clock = clock;
  }

  /** Whether the process lived long enough to meet it. */
  get met(): boolean {
    return this.#steps >= (this.#plan.diesAt ?? 0) && this.#steps >= (this.#plan.freezesAt ?? 0);
  }

  async step(): Promise<void> {
    this.#steps += 1;
    if (this.#steps === this.#plan.freezesAt) await this.#clock.sleep(this.#plan.freezesForMs ?? 0);
    if (this.#steps === this.#plan.diesAt) this.#dead = true;
    if (this.#dead) throw new Killed("the process is gone");
  }
}

export function mortalStore(store: Store, fate: Fate): Store {
  return new Proxy(store, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        await fate.step();
        const result: unknown = await method.apply(target, args);
        await fate.step();
        return result;
      };
    },
  });
}

export function mortalSender(destination: StandIn, fate: Fate): StandIn {
  return {
    ...destination,
    async deliver(notification, signal) {
      await fate.step();
      const receipt = await destination.deliver(notification, signal);
      await fate.step();
      return receipt;
    },
  };
}
