import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";

const ROOT = join(import.meta.dirname, "..", "goldens");

/**
 * Compares a text with the file of that name in test/goldens, which a person has read and accepted.
 * With ACCEPT_GOLDENS=1 the file is written instead: review the difference before committing it.
 */
export function expectGolden(relativePath: string, text: string): void {
  const path = join(ROOT, relativePath);
  const actual = text.endsWith("\n") ? text : `${text}\n`;
  if (process.env.ACCEPT_GOLDENS === "1") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
    return;
  }
  expect(actual, `test/goldens/${relativePath} differs: if the new text is right, run "npm run accept"`).toBe(
    read(path),
  );
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
