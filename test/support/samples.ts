import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogEntry } from "../../shared/audit-log/entry.ts";
import { readValue } from "../../shared/audit-log/envelope.ts";

export const SAMPLES = join(import.meta.dirname, "..", "samples");

export interface Sample {
  readonly file: string;
  readonly kind: string;
  readonly provenance: string;
  readonly negative: boolean;
  readonly expect: Readonly<Record<string, unknown>>;
  readonly basis: string;
}

export const sampleIndex = (
  JSON.parse(readFileSync(join(SAMPLES, "index.json"), "utf8")) as { samples: readonly Sample[] }
).samples;

export function sampleBytes(file: string): Buffer {
  return readFileSync(join(SAMPLES, file));
}

/** The one log entry of a sample file. */
export function sampleEntry(file: string): LogEntry {
  const [reading, ...rest] = readValue(sampleBytes(file), file);
  if (reading === undefined || !("entry" in reading) || rest.length > 0) throw new Error(`${file} is not one entry`);
  return reading.entry;
}
