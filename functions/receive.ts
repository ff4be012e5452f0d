import type { LogEntry } from "../shared/audit-log/entry.ts";
import { openEnvelope, type Reading } from "../shared/audit-log/envelope.ts";
import type { Json } from "../shared/audit-log/json.ts";
import { codeOf } from "../shared/errors.ts";
import { createLog, type Log, traceOf } from "../shared/log.ts";
import { processEntry } from "../shared/pipeline.ts";
import { type DeadLetterReason, originalMessage } from "./dead-letters.ts";
import type { House } from "./runtime.ts";

/**
 * One message of Pub/Sub, as an event of Eventarc or as the body of a push: what is in it is judged and stored, what
 * cannot be understood is kept as a dead letter, then what is due is delivered. Returning acknowledges the message;
 * throwing, which only a failing store or dead-letter topic makes it do, has Pub/Sub deliver it again. A message that is
 * nobody's business is done when this returns; only others give a promise.
 */
export function receive(event: unknown, house: House): void | Promise<void> {
  const readings = openEnvelope(event as Json);
  const at = new Date();
  // Judging first, without storing: what nobody cares for, and that is nearly all, ends here.
  const isQuiet = readings.every((reading) => "entry" in reading && isNobodysBusiness(reading.entry, house));
  if (isQuiet) return;
  const { traceparent } = (event ?? {}) as { traceparent?: unknown };
  const log = createLog({ ...house.logOptions, trace: traceOf(traceparent) });
  return handle(event, readings, at, house, log).catch((error: unknown) => {
    const code = codeOf(error) ?? "unknown";
    const message = error instanceof Error ? error.message : "a message could not be handled";
    log({ event: "message.failed", severity: "ERROR", message: `${message}; Pub/Sub will deliver it again`, code });
    throw error;
  });
}

function isNobodysBusiness(entry: LogEntry, { pipeline }: House): boolean {
  return pipeline.catalogue.filters.matching(entry).length === 0;
}

async function handle(event: unknown, readings: readonly Reading[], at: Date, house: House, log: Log): Promise<void> {
  const reasons: DeadLetterReason[] = [];
  let hasFindings = false;
  for (const reading of readings) {
    if ("error" in reading) {
      reasons.push(unreadable(reading));
      continue;
    }
    const { findings, faults } = await processEntry(reading.entry, at, { ...house.pipeline, log });
    hasFindings ||= findings.length > 0;
    for (const { error } of faults) {
      reasons.push({ code: error.code, message: error.message, place: error.place ?? null });
    }
  }
  const [first] = reasons;
  if (first !== undefined) await keep(event, first, reasons.length, at, house, log);
  if (hasFindings) await house.deliver(log);
}

function unreadable({ error, place }: Extract<Reading, { error: unknown }>): DeadLetterReason {
  return { code: error.code, message: error.message, place };
}

/** One dead letter a message, however many of its parts are unreadable: it holds the whole message. */
async function keep(
  event: unknown,
  reason: DeadLetterReason,
  count: number,
  at: Date,
  house: House,
  log: Log,
): Promise<void> {
  const original = originalMessage(event);
  await house.deadLetters.put(original, reason, at);
  log({
    event: "message.dead_lettered",
    severity: "ERROR",
    message: `a message could not be understood and is kept as a dead letter: ${reason.message}`,
    code: reason.code,
    place: reason.place,
    reasons: count,
    messageId: original.id,
    bytes: original.data.length,
  });
}
