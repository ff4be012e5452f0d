import type { LogEntry } from "../../shared/audit-log/entry.ts";
import type { Json } from "../../shared/audit-log/json.ts";
import { sampleEntry } from "./samples.ts";

/** A sample with some members replaced; a path that does not exist yet is made. */
export function changed(file: string, changes: Readonly<Record<string, Json | undefined>>): LogEntry {
  const entry = structuredClone(sampleEntry(file)) as unknown as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.match(/"[^"]*"|[^.]+/g)?.map((key) => key.replaceAll('"', "")) ?? [];
    const last = keys.pop() as string;
    let at = entry;
    for (const key of keys) {
      at[key] ??= {};
      at = at[key] as Record<string, unknown>;
    }
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  return entry as unknown as LogEntry;
}
