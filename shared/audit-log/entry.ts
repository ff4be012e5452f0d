import { ProcessingError } from "../errors.ts";
import { isObject, type Json, type JsonObject, member } from "./json.ts";

/**
 * One Cloud Logging entry in its JSON form. Only what every reader relies on is typed; every other field survives as it came.
 * https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
 */
export interface LogEntry extends JsonObject {
  readonly logName: string;
  /** RFC 3339; from receiveTimestamp where the entry itself has none. */
  readonly timestamp: string;
  readonly insertId?: string;
}

const LOG_NAME = /^(?:projects|folders|organizations|billingAccounts)\/[^/]+\/logs\/./;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const OBJECT_FIELDS = ["resource", "labels", "operation", "split", "protoPayload", "jsonPayload", "httpRequest"];

/** The value as a LogEntry; throws ENTRY_INVALID naming the field that stands in the way. */
export function toLogEntry(value: Json): LogEntry {
  if (!isObject(value)) throw invalid("", "a log entry is a JSON object");
  const logName = member(value, "logName");
  if (typeof logName !== "string" || !LOG_NAME.test(logName)) {
    throw invalid(
      "logName",
      "expected PARENT/logs/LOG_ID, such as projects/P/logs/cloudaudit.googleapis.com%2Factivity",
    );
  }
  for (const field of OBJECT_FIELDS) {
    const found = member(value, field);
    if (found !== undefined && found !== null && !isObject(found)) throw invalid(field, "expected an object");
  }
  const insertId = member(value, "insertId");
  if (insertId !== undefined && insertId !== null && typeof insertId !== "string" && typeof insertId !== "number") {
    throw invalid("insertId", "expected a string");
  }
  const timestamp = member(value, "timestamp") ?? member(value, "receiveTimestamp");
  if (typeof timestamp !== "string" || !isInstant(timestamp)) {
    throw invalid("timestamp", "expected a time in RFC 3339, such as 2026-03-01T02:14:05.123Z");
  }
  if (value.timestamp === timestamp && (insertId === undefined || typeof insertId === "string")) {
    return value as LogEntry;
  }
  const { insertId: _, ...rest } = value;
  return { ...rest, logName, timestamp, ...(insertId == null ? {} : { insertId: String(insertId) }) };
}

function isInstant(text: string): boolean {
  return RFC3339.test(text) && !Number.isNaN(Date.parse(text));
}

function invalid(place: string, expectation: string): ProcessingError {
  const named = place === "" ? "" : ` at ${place}`;
  return new ProcessingError("ENTRY_INVALID", `not a log entry${named}: ${expectation}`, { place });
}
