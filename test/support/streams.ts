import type { Reading } from "../../shared/audit-log/envelope.ts";
import { readStream } from "../../shared/audit-log/stream.ts";

/** Everything that is read from the text or bytes, handed over in chunks of the given size. */
export async function readAll(input: string | Uint8Array, chunkSize = Number.POSITIVE_INFINITY): Promise<Reading[]> {
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += chunkSize) {
      yield bytes.subarray(start, Math.min(bytes.length, start + chunkSize));
    }
  }
  const readings: Reading[] = [];
  for await (const reading of readStream(chunks())) readings.push(reading);
  return readings;
}

/** insertId of an entry, code of an error: what a test compares. */
export function brief(readings: readonly Reading[]): readonly string[] {
  return readings.map((reading) => ("entry" in reading ? (reading.entry.insertId ?? "") : reading.error.code));
}
