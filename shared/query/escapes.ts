import { refuseSyntax } from "./refuse.ts";
import type { Position } from "./tree.ts";

const ESCAPE = /\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-3][0-7]{0,2}|[4-7][0-7]?)|([\s\S]))/gu;

const NAMED = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ...Array.from(',:=<>+~"\\.*').map((character): [string, string] => [character, character]),
]);

/** Replaces the escapes of a quoted value or path component; any that the language does not know is an error. */
export function unescapeValue(raw: string, at: Position): string {
  return replaceEscapes(raw, (written) =>
    refuseSyntax(written, at, `invalid escape sequence: ${written}; a backslash itself is written \\\\`),
  );
}

/** Replaces the escapes of a function argument; those that the language does not know stay as written (`\d`). */
export function unescapeArgument(raw: string): string {
  return replaceEscapes(raw, (written) => written);
}

/** Writes a text between quotes so that `unescapeValue` and `unescapeArgument` both give it back. */
export function quote(text: string): string {
  return `"${text.replace(/[\\"\p{Cc}]/gu, escapeCharacter)}"`;
}

function replaceEscapes(raw: string, otherwise: (written: string) => string): string {
  if (!raw.includes("\\")) return raw;
  return raw.replace(ESCAPE, (written, unicode?: string, hex?: string, octal?: string, named?: string) => {
    if (unicode !== undefined || hex !== undefined)
      return String.fromCharCode(Number.parseInt(unicode ?? hex ?? "", 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return NAMED.get(named ?? "") ?? otherwise(written);
  });
}

function escapeCharacter(character: string): string {
  if (character === "\\" || character === '"') return `\\${character}`;
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
