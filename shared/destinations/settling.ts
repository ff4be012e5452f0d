import { setTimeout as pause } from "node:timers/promises";
import { codeOf, ProcessingError } from "../errors.ts";

/**
 * "Not found" right after a message was sent means nothing: the server may still be at work on a request that we gave
 * up waiting for, and its search may show what it has only seconds later. So a search is believed when it finds, and
 * believed not to find only when it was made long enough after the message was sent.
 */
export interface Settling {
  /**
   * Looks, and looks again within the time that is left. Throws DESTINATION_UNAVAILABLE, with the time to wait, as long
   * as what was sent may not be visible yet.
   */
  search<T>(search: Search<T>): Promise<T | undefined>;
  /** Something was sent under this key just now, and nobody knows whether it was taken. */
  sent(key: string): void;
  /** Sends; remembers the keys where nobody knows whether what was sent under them was taken. Throws what `send` throws. */
  sending<T>(keys: readonly string[], send: () => Promise<T>): Promise<T>;
}

export interface Search<T> {
  /** How errors name the destination. */
  readonly destination: string;
  readonly key: string;
  /** When the message was sent; without it the first question about the key counts. */
  readonly sentAt: number | undefined;
  readonly signal: AbortSignal;
  readonly look: () => Promise<T | undefined>;
}

/** Search indexes of ticket systems take seconds; requests that hang at a gateway up to half a minute. */
export const SETTLE_MS = 30_000;
const PAUSES_MS = [0, 500, 1_000] as const;
/** Keys are forgotten beyond it, which only lengthens the wait for them. */
const MAX_KEYS = 1_000;

export function settling(now: () => number, settleMs: number = SETTLE_MS): Settling {
  const sentAtOf = new Map<string, number>();
  const remember = (key: string, at: number) => {
    sentAtOf.delete(key);
    sentAtOf.set(key, at);
    const [oldest] = sentAtOf.keys();
    if (sentAtOf.size > MAX_KEYS && oldest !== undefined) {
      sentAtOf.delete(oldest);
    }
    return at;
  };
  const sent = (key: string) => void remember(key, now());
  return {
    sent,
    async sending(keys, send) {
      try {
        return await send();
      } catch (error) {
        if (codeOf(error) === "DESTINATION_UNKNOWN_OUTCOME") {
          keys.forEach(sent);
        }
        throw error;
      }
    },
    async search({ destination, key, sentAt, signal, look }) {
      const known = sentAtOf.get(key);
      const since = sentAt === undefined ? (known ?? remember(key, now())) : Math.max(sentAt, known ?? sentAt);
      for (const ms of PAUSES_MS) {
        await paused(ms, signal);
        // What was sent is visible to a search that begins from here on, if it was taken at all.
        const settled = now() - since >= settleMs;
        const found = await look();
        if (found !== undefined || settled) {
          sentAtOf.delete(key);
          return found;
        }
      }
      throw new ProcessingError(
        "DESTINATION_UNAVAILABLE",
        `${destination}: not found, but it may not be visible yet; nothing is sent before that is certain`,
        { retryAfterMs: Math.max(1_000, since + settleMs - now()) },
      );
    },
  };
}

async function paused(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) {
    await pause(ms, undefined, { signal }).catch(() => undefined);
  }
  if (signal.aborted) {
    throw new ProcessingError("DESTINATION_UNAVAILABLE", "stopped while it was asked whether the message is there");
  }
}
