import { isUtf8 } from "node:buffer";
import { ProcessingError } from "../errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Deeper than any message of Google's (protobuf's JSON readers stop at 100 levels), shallower than any stack. */
export const MAX_DEPTH = 200;

/** One JSON value of at most this many bytes: an audit entry has at most 512 KiB, a Pub/Sub message 10 MB, in base64. */
export const MAX_VALUE_BYTES = 32 * 1024 * 1024;

const BYTE_ORDER_MARK = 0xfeff;

/** The text of the bytes, a byte order mark left out; throws ENVELOPE_NOT_UTF8. */
export function decodeText(bytes: Uint8Array): string {
  // A strict TextDecoder says the same and costs more than parsing what it decoded.
  if (!isUtf8(bytes)) throw new ProcessingError("ENVELOPE_NOT_UTF8", "the bytes are not UTF-8 text");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

/** One JSON value; throws ENVELOPE_EMPTY, ENVELOPE_TOO_LARGE, ENVELOPE_NOT_UTF8, ENVELOPE_NOT_JSON or ENVELOPE_TOO_DEEP. */
export function parseJson(bytes: Uint8Array): Json {
  if (bytes.length > MAX_VALUE_BYTES) {
    throw new ProcessingError("ENVELOPE_TOO_LARGE", `one JSON value may have ${MAX_VALUE_BYTES} bytes at most`);
  }
  return parseJsonText(decodeText(bytes));
}

/** As parseJson, for text that is decoded already. */
export function parseJsonText(text: string): Json {
  refuseDeepNesting(text);
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (text.trim() === "") throw new ProcessingError("ENVELOPE_EMPTY", "there is nothing to read");
    // V8's message quotes the text around the mistake; the position is all that may leave this room.
    const message = error instanceof Error ? error.message : "";
    const position = /position (\d+)/.exec(message)?.[1];
    if (position !== undefined) throw notJson(`position ${position}`);
    throw /end of JSON/.test(message) ? notJson("its end") : new ProcessingError("ENVELOPE_NOT_JSON", "not JSON");
  }
}

function notJson(place: string): ProcessingError {
  return new ProcessingError("ENVELOPE_NOT_JSON", `not JSON: the mistake is at ${place}`, { place });
}

/** JSON.parse takes any depth, but everything that walks the value afterwards would pay for it with its stack. */
function refuseDeepNesting(text: string): void {
  if (!hasMoreThan(MAX_DEPTH, text)) return;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH) {
        throw new ProcessingError("ENVELOPE_TOO_DEEP", `nested more than ${MAX_DEPTH} levels deep`, {
          place: `position ${at}`,
        });
      }
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    }
  }
}

/** Whether the text opens so many objects and arrays at all, deep or not: few entries do, and this is cheap to ask. */
function hasMoreThan(most: number, text: string): boolean {
  let count = 0;
  for (const opener of ["{", "["]) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      if (++count > most) return true;
    }
  }
  return false;
}

/** The index of the quote that closes the string opened at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at === -1) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
}

/** A value as text for people: text as it is, anything else as JSON. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The text, where the value is one that is not empty. */
export function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects in a list; none for anything else. */
export function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}

/** An own member of an object; undefined for anything else, inherited members and `__proto__` tricks included. */
export function member(value: unknown, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
