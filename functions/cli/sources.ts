import { createReadStream, type Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ProcessingError } from "../../shared/errors.ts";

/** One thing to read: a file, or standard input. */
export interface Source {
  readonly name: string;
  open(): AsyncIterable<Uint8Array>;
}

/** Files as named, folders read recursively in name order, `-` for standard input. Throws SOURCE_UNREADABLE. */
export async function* sourcesOf(paths: readonly string[]): AsyncGenerator<Source> {
  for (const path of paths) {
    if (path === "-") {
      yield { name: "stdin", open: () => process.stdin };
      continue;
    }
    const found = await stat(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    if (found.isDirectory()) yield* filesBelow(path);
    else yield fileSource(path);
  }
}

async function* filesBelow(folder: string): AsyncGenerator<Source> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield fileSource(path);
  }
}

function fileSource(name: string): Source {
  return { name, open: () => fileChunks(name) };
}

async function* fileChunks(name: string): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(name, { highWaterMark: 1 << 20 });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(path: string, error: unknown): ProcessingError {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  return new ProcessingError("SOURCE_UNREADABLE", `cannot read ${path} (${code})`, { place: path });
}
