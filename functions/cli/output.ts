import { writeSync } from "node:fs";
import { styleText } from "node:util";
import { readableLine } from "../../shared/destinations/readable-text.ts";

/** Writes all of it: a pipe may take less than it is given at once, or ask to come again. */
export function writeAll(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") throw new OutputClosed();
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Whoever reads has had enough, as `head` does. */
export class OutputClosed extends Error {}

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  /** Cut beyond this. */
  readonly most: number;
}

/** Rows as data. */
export function writeData(rows: readonly object[], format: "json" | "ndjson"): void {
  if (format === "json") writeAll(1, `${JSON.stringify(rows, null, 2)}\n`);
  else writeAll(1, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** A table for people: columns as wide as their widest cell, text of entries made harmless for terminals. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], colour: boolean): string {
  const cells = rows.map((row) => columns.map(({ text, most }) => readableLine(text(row), most)));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => [...(row[index] as string)].length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => cell + " ".repeat((widths[index] as number) - [...cell].length))
      .join("  ")
      .trimEnd();
  const head = line(columns.map(({ title }) => title));
  return [colour ? styleText("bold", head) : head, ...cells.map(line)].map((text) => `${text}\n`).join("");
}
