import { type ErrorCode, ProcessingError } from "../errors.ts";
import type { Position } from "./tree.ts";

export type QueryCode = Extract<ErrorCode, `QUERY_${string}`>;

/** Throws the one error of a filter that cannot be used, with the place in its text. */
export function refuse(code: QueryCode, message: string, at: Position): never {
  throw new ProcessingError(code, message, {
    place: `line ${at.line}, column ${at.column}`,
    line: at.line,
    column: at.column,
  });
}

/** The API's own wording, followed by what would have been right. */
export function refuseSyntax(token: string, at: Position, expectation: string): never {
  refuse(
    "QUERY_SYNTAX",
    `Unparseable filter: syntax error at line ${at.line}, column ${at.column}, token '${shorten(token)}': ${expectation}`,
    at,
  );
}

/** Keeps a quoted piece of a filter short enough for one line of a message. */
export function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

export function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? "an" : "a";
}
