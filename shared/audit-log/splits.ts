import type { LogEntry } from "./entry.ts";
import { isObject, type Json, member } from "./json.ts";

/** How many unfinished entries are held back; beyond it the oldest is given out as far as it has come. */
const MAX_OPEN = 1000;

/**
 * Joins the parts of entries that Cloud Logging split for their size. Entries that were not split pass through at once.
 * https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSplit
 */
export class SplitJoiner {
  readonly #open = new Map<string, LogEntry[]>();

  /** Takes one entry; returns what is whole by now. */
  take(entry: LogEntry): readonly LogEntry[] {
    const split = member(entry, "split");
    const uid = member(split, "uid");
    const total = Number(member(split, "totalSplits"));
    if (typeof uid !== "string" || uid === "" || !(total > 1)) return [entry];
    const key = `${entry.logName} ${uid}`;
    const parts = [...(this.#open.get(key) ?? []).filter((part) => splitIndex(part) !== splitIndex(entry)), entry];
    this.#open.set(key, parts);
    if (parts.length >= total) {
      this.#open.delete(key);
      return [joinParts(parts)];
    }
    const oldest = this.#open.size > MAX_OPEN ? this.#open.entries().next().value : undefined;
    if (oldest === undefined) return [];
    this.#open.delete(oldest[0]);
    return [joinParts(oldest[1])];
  }

  /** At the end of the input: entries of which parts are missing, joined as far as they have come. */
  flush(): readonly LogEntry[] {
    const rest = [...this.#open.values()].map(joinParts);
    this.#open.clear();
    return rest;
  }
}

function joinParts(parts: readonly LogEntry[]): LogEntry {
  const [first, ...rest] = parts.toSorted((a, b) => splitIndex(a) - splitIndex(b)) as [LogEntry, ...LogEntry[]];
  return rest.reduce((whole, part) => merged(whole, part) as LogEntry, first);
}

function splitIndex(entry: LogEntry): number {
  return Number(member(member(entry, "split"), "index") ?? 0);
}

/** Which fields move into which part is not documented, so whatever a part has and the earlier ones lack is added. */
function merged(whole: Json | undefined, part: Json | undefined): Json | undefined {
  if (!isObject(whole) || !isObject(part)) return whole ?? part;
  const keys = new Set([...Object.keys(whole), ...Object.keys(part)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(member(whole, key), member(part, key))]));
}
