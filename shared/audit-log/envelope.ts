import { gunzipSync } from "node:zlib";
import { ProcessingError } from "../errors.ts";
import { fromBigQueryRow, isBigQueryRow } from "./bigquery.ts";
import { type LogEntry, toLogEntry } from "./entry.ts";
import { isObject, type Json, type JsonObject, MAX_VALUE_BYTES, member, parseJson } from "./json.ts";
import { fromSccNotification, isSccNotification } from "./scc.ts";

/** One thing that was read: an entry, or why there is none; `place` says where in the input. */
export type Reading =
  | { readonly entry: LogEntry; readonly place: string }
  | { readonly error: ProcessingError; readonly place: string };

/** How many envelopes may lie in each other: a push body in an event in an array is three. */
const MAX_WRAPPINGS = 4;

/** What a gzipped message may unfold to; larger files are read as streams, not through here. */
export const MAX_UNZIPPED_BYTES = 8 * MAX_VALUE_BYTES;

/**
 * Every log entry in the bytes of one message or value, whatever envelope it came in: Pub/Sub push body, CloudEvent,
 * LogEntry, array of any of these, BigQuery export row; plain or gzip, told apart by content. Never throws; what cannot be
 * read is a Reading with its error.
 */
export function readValue(bytes: Uint8Array, place = ""): readonly Reading[] {
  const readings: Reading[] = [];
  guard(readings, place, () => openBytes(bytes, place, 0, readings));
  return readings;
}

/** As readValue, for JSON that is parsed already. */
export function openEnvelope(value: Json, place = ""): readonly Reading[] {
  const readings: Reading[] = [];
  guard(readings, place, () => open(value, place, 0, readings));
  return readings;
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function guard(readings: Reading[], place: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    readings.push({ error, place: [place, error.place].filter(Boolean).join(": ") });
  }
}

function openBytes(bytes: Uint8Array, place: string, wrappings: number, readings: Reading[]): void {
  const plain = isGzip(bytes) ? gunzip(bytes) : bytes;
  open(parseJson(plain), place, wrappings, readings);
}

function gunzip(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNZIPPED_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new ProcessingError("ENVELOPE_TOO_LARGE", `gzip unfolds to more than ${MAX_UNZIPPED_BYTES} bytes`);
    }
    throw new ProcessingError("ENVELOPE_BAD_GZIP", "the gzip data is cut off or damaged");
  }
}

function open(value: Json, place: string, wrappings: number, readings: Reading[]): void {
  if (wrappings > MAX_WRAPPINGS) {
    throw new ProcessingError("ENVELOPE_UNKNOWN", `more than ${MAX_WRAPPINGS} envelopes in each other`);
  }
  if (Array.isArray(value)) {
    for (const [index, element] of (value as readonly Json[]).entries()) {
      const inner = within(place, `[${index}]`);
      guard(readings, inner, () => open(element, inner, wrappings + 1, readings));
    }
    return;
  }
  if (!isObject(value)) {
    throw new ProcessingError("ENVELOPE_UNKNOWN", "expected a JSON object or array of log entries or messages");
  }
  if (typeof member(value, "logName") === "string") {
    readings.push({ entry: toLogEntry(isBigQueryRow(value) ? fromBigQueryRow(value) : value), place });
    return;
  }
  if (isSccNotification(value)) {
    readings.push({ entry: toLogEntry(fromSccNotification(value)), place });
    return;
  }
  const message = pubsubMessage(value);
  if (message !== undefined) {
    const bytes = messageBytes(message);
    const inner = within(place, "message.data");
    guard(readings, inner, () => openBytes(bytes, inner, wrappings + 1, readings));
    return;
  }
  if (typeof member(value, "specversion") === "string" && isObject(member(value, "data"))) {
    const inner = within(place, "data");
    guard(readings, inner, () => open(member(value, "data") as Json, inner, wrappings + 1, readings));
    return;
  }
  if (member(value, "protoPayload") !== undefined || member(value, "insertId") !== undefined) toLogEntry(value);
  throw new ProcessingError(
    "ENVELOPE_UNKNOWN",
    "expected a LogEntry, a Pub/Sub message, a CloudEvent, a BigQuery row, or an array of these",
  );
}

/** The Pub/Sub message in a push body, a CloudEvent's data, a pulled message, or the value itself. */
function pubsubMessage(value: JsonObject): JsonObject | undefined {
  const message = member(value, "message");
  if (isObject(message)) return message;
  const hasData = typeof member(value, "data") === "string";
  const named = ["messageId", "message_id", "attributes", "publishTime", "publish_time"];
  return hasData && named.some((key) => member(value, key) !== undefined) ? value : undefined;
}

/** The message's own bytes, to be read before another message is; throws ENVELOPE_EMPTY or ENVELOPE_BAD_BASE64. */
function messageBytes(message: JsonObject): Uint8Array {
  const data = member(message, "data");
  if (data === undefined || data === null || data === "") {
    throw new ProcessingError("ENVELOPE_EMPTY", "the Pub/Sub message has no data", { place: "message.data" });
  }
  if (typeof data !== "string") {
    throw new ProcessingError("ENVELOPE_BAD_BASE64", "message.data is not a string", { place: "message.data" });
  }
  return decodeBase64(data);
}

function decodeBase64(text: string): Uint8Array {
  const bytes = strictBase64(text) ?? strictBase64(text.replace(/\s+/g, ""));
  if (bytes !== undefined) return bytes;
  throw new ProcessingError("ENVELOPE_BAD_BASE64", "message.data is not base64", { place: "message.data" });
}

/**
 * Where the bytes of a message stand until they are text, which is before anything else is read: a buffer for each
 * message costs an instance several MiB of memory that malloc does not give back.
 */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Either alphabet. Node leaves out what is not base64, so that only a text without it gives all the bytes it should. */
function strictBase64(text: string): Uint8Array | undefined {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const isWhole = padding === 0 ? text.length % 4 !== 1 : text.length % 4 === 0;
  if (!isWhole) return undefined;
  const length = Math.floor(((text.length - padding) * 3) / 4);
  const room = length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
  return room.write(text, "base64") === length ? room.subarray(0, length) : undefined;
}

function within(place: string, inner: string): string {
  return place === "" || inner.startsWith("[") ? place + inner : `${place}.${inner}`;
}
