/** A log name taken apart: the resource that wrote the entry, and the ID of its log as it is encoded there. */
export interface LogName {
  readonly parent: string;
  readonly logId: string;
}

const LOG_NAME = /^([^/]+\/[^/]+)\/logs\/(.*)$/s;
const RESOURCE = /^(?:projects|folders|organizations|billingAccounts)\/[^/]+$/i;
const ESCAPE_OR_SPECIAL = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~]/gu;

export function parseLogName(name: string): LogName | undefined {
  const match = LOG_NAME.exec(name);
  return match === null ? undefined : { parent: match[1] ?? "", logId: match[2] ?? "" };
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
