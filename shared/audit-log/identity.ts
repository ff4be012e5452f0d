import { createHash } from "node:crypto";
import type { LogEntry } from "./entry.ts";
import { member, textOrNull } from "./json.ts";

export interface EntryIdentity {
  readonly logName: string;
  readonly insertId: string;
  readonly timestamp: string;
}

/**
 * What makes an entry this entry: the same for a redelivery, for any export of it, and for the parts of a split entry.
 * https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry (insertId, split)
 */
export function identityOf(entry: LogEntry): EntryIdentity {
  return { logName: entry.logName, insertId: stableInsertId(entry), timestamp: canonicalTime(entry.timestamp) };
}

function stableInsertId(entry: LogEntry): string {
  const given = textOrNull(member(member(entry, "split"), "uid")) ?? textOrNull(member(entry, "insertId"));
  if (given !== null) return given;
  // Two entries without insertId may share their time, so the content has to tell them apart.
  return `content-${createHash("sha256")
    .update(JSON.stringify(sorted(entry)))
    .digest("hex")
    .slice(0, 32)}`;
}

/** BigQuery pads fractions of a second with zeros, Cloud Logging leaves them out: both name the same instant. */
function canonicalTime(timestamp: string): string {
  const parts = /^(.*:\d\d)\.(\d+)Z$/.exec(timestamp);
  if (parts === null) return timestamp;
  const fraction = (parts[2] as string).replace(/0+$/, "");
  return fraction === "" ? `${parts[1]}Z` : `${parts[1]}.${fraction}Z`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([key]) => key !== "receiveTimestamp")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
