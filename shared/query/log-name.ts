/** A log name taken apart: the resource that wrote the entry, and the ID of its log in canonical form. */
export interface LogName {
  readonly parent: string;
  readonly logId: string;
}

const LOG_NAME = /^([^/]+\/[^/]+)\/logs\/(.*)$/s;
const RESOURCE = /^(?:projects|folders|organizations|billingAccounts)\/[^/]+$/i;
const ESCAPE_OR_SPECIAL = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~]/gu;

/** Log names are few, and every filter of a catalogue asks about them; beyond this many they are forgotten. */
const MAX_REMEMBERED = 1024;
const remembered = new Map<string, LogName | null>();

/** Undefined for a text that is no log name. */
export function parseLogName(name: string): LogName | undefined {
  let known = remembered.get(name);
  if (known === undefined) {
    const match = LOG_NAME.exec(name);
    known = match === null ? null : { parent: match[1] ?? "", logId: canonicalLogId(match[2] ?? "") };
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(name, known);
  }
  return known ?? undefined;
}

/**
 * A log ID in the one form in which two of them are compared: URL-encoded and in lower case, whether it was written
 * encoded or not. An escape of a letter or digit, which no encoder writes, stays one.
 */
export function canonicalLogId(logId: string): string {
  return logId
    .replace(ESCAPE_OR_SPECIAL, (part) => (part.length === 3 && part.startsWith("%") ? part : percentEncode(part)))
    .toLowerCase();
}

/** Whether the text has the shape of a resource that can own logs. */
export function isLogParent(text: string): boolean {
  return RESOURCE.test(text);
}

function percentEncode(character: string): string {
  let encoded = "";
  for (const byte of Buffer.from(character, "utf8")) encoded += `%${byte.toString(16).padStart(2, "0")}`;
  return encoded;
}
