/** One call of a destination: it ends in time, and whatever happens becomes one of four outcomes. */
import type { Receipt } from "../destinations/destination.ts";
import { codeOf, type ErrorCode, ProcessingError } from "../errors.ts";

/** Waits; ends early, by returning or by throwing, when the signal is aborted. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<unknown>;

export interface Timing {
  readonly sleep: Sleep;
  readonly timeoutMs: number;
}

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** Not foreseen by the destination: a mistake in our code. */
  readonly unexpected?: boolean;
}

export type Outcome =
  | { readonly kind: "told"; readonly receipt: Receipt }
  | { readonly kind: "unavailable" | "refused" | "unknown"; readonly failure: Failure };

/** How long an aborted call may take to say what became of it, before that counts as unknown. */
export const ABORT_GRACE_MS = 500;

const LATE = Symbol("late");

/** Sends. Whatever is not known to have failed before sending is an unknown outcome. */
export async function attempt(send: (signal: AbortSignal) => Promise<Receipt>, timing: Timing): Promise<Outcome> {
  try {
    return { kind: "told", receipt: await inTime(send, timing) };
  } catch (error) {
    const failure = failureOf(error);
    switch (failure.code) {
      case "DESTINATION_UNAVAILABLE":
        return { kind: "unavailable", failure };
      case "DESTINATION_REJECTED":
        return { kind: "refused", failure };
      default:
        return { kind: "unknown", failure };
    }
  }
}

/** Asks, without sending: a call that fails says nothing about what the destination has. */
export async function ask<T>(
  question: (signal: AbortSignal) => Promise<T>,
  timing: Timing,
): Promise<{ readonly answer: T } | { readonly failure: Failure }> {
  try {
    return { answer: await inTime(question, timing) };
  } catch (error) {
    return { failure: { ...failureOf(error), code: "DESTINATION_UNAVAILABLE" } };
  }
}

/** The call's own result, or DESTINATION_UNKNOWN_OUTCOME when there is none although it was told to stop. */
async function inTime<T>(call: (signal: AbortSignal) => Promise<T>, { sleep, timeoutMs }: Timing): Promise<T> {
  const stop = new AbortController();
  const answered = new AbortController();
  const late = async (ms: number): Promise<typeof LATE> => {
    await sleep(ms, answered.signal).catch(() => undefined);
    return LATE;
  };
  try {
    const running = call(stop.signal);
    const result = await Promise.race([running, late(timeoutMs)]);
    if (result !== LATE) return result;
    stop.abort();
    const lateResult = await Promise.race([running, late(ABORT_GRACE_MS)]);
    if (lateResult !== LATE) return lateResult;
    throw new ProcessingError("DESTINATION_UNKNOWN_OUTCOME", "no answer in time");
  } finally {
    answered.abort();
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof ProcessingError && codeOf(error)?.startsWith("DESTINATION_")) {
    return { code: error.code, message: error.message, retryAfterMs: error.retryAfterMs };
  }
  // Only the name: the message of an error that is not ours may hold a URL, and a webhook's URL is its secret.
  const name = error instanceof Error ? error.name : typeof error;
  return { code: "DESTINATION_UNKNOWN_OUTCOME", message: `failed in an unforeseen way (${name})`, unexpected: true };
}
