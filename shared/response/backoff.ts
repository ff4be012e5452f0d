/** How long to leave a destination alone after a failure. */
const BASE_MS = 1_000;
export const LONGEST_BACKOFF_MS = 300_000;

/** Nobody is believed who asks for more: a slip in a header must not make a channel silent for a year. */
export const LONGEST_RETRY_AFTER_MS = 86_400_000;

/** Full jitter: anywhere between nothing and a ceiling that doubles with each failure in a row, up to five minutes. */
export function backoffMs(failuresInARow: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_BACKOFF_MS, BASE_MS * 2 ** Math.max(0, failuresInARow - 1));
  return Math.ceil(random() * ceiling);
}

/** The wait that a destination asked for, or undefined when it did not ask in earnest. */
export function askedForMs(retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs === undefined || !(retryAfterMs >= 0)) return undefined;
  return Math.min(Math.ceil(retryAfterMs), LONGEST_RETRY_AFTER_MS);
}
