import type { LogEntry } from "../../shared/audit-log/entry.ts";
import { SplitJoiner } from "../../shared/audit-log/splits.ts";
import { readStream } from "../../shared/audit-log/stream.ts";
import { writeAll } from "./output.ts";
import { sourcesOf } from "./sources.ts";

/** What was read so far. */
export interface ReadingTally {
  files: number;
  entries: number;
  /** Parts that could not be read; each was named on stderr. */
  unreadable: number;
}

export function emptyTally(): ReadingTally {
  return { files: 0, entries: 0, unreadable: 0 };
}

export interface PlacedEntry {
  readonly entry: LogEntry;
  /** File and line, or what else leads back to it. */
  readonly place: string;
}

/**
 * Every entry of the files, folders or standard input, split ones joined, counted in the tally. What cannot be read is
 * named on stderr with file and line, and never stops the reading. Throws SOURCE_UNREADABLE.
 */
export async function* entriesOf(paths: readonly string[], tally: ReadingTally): AsyncGenerator<PlacedEntry> {
  for await (const { name, open } of sourcesOf(paths)) {
    tally.files++;
    const joiner = new SplitJoiner();
    for await (const reading of readStream(open())) {
      const place = reading.place === "" ? name : `${name}, ${reading.place}`;
      if ("error" in reading) {
        tally.unreadable++;
        writeAll(2, `${place}: ${reading.error.code}: ${reading.error.message}\n`);
        continue;
      }
      for (const entry of joiner.take(reading.entry)) {
        tally.entries++;
        yield { entry, place };
      }
    }
    for (const entry of joiner.flush()) {
      tally.entries++;
      yield { entry, place: `${name}, incomplete parts` };
    }
  }
}
