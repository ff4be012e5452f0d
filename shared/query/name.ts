import type { Cursor } from "./cursor.ts";
import { unescapeValue } from "./escapes.ts";
import type { Token } from "./lexer.ts";
import type { Literal, Path, Position } from "./tree.ts";

/** Tokens joined by dots without white space: a path or a literal, which only what follows can tell. */
export function readName(cursor: Cursor): readonly Token[] {
  const tokens = [cursor.advance()];
  while (cursor.token.kind === "." && cursor.touchesPrevious()) {
    const { kind } = cursor.peek(1);
    if (!cursor.touchesNext() || (kind !== "text" && kind !== "string")) {
      cursor.advance();
      cursor.refuse("expected a name right after the dot");
    }
    cursor.advance();
    tokens.push(cursor.advance());
  }
  if (cursor.token.kind === ".") cursor.refuse("no white space may stand around the dots of a name");
  return tokens;
}

export function toPath(tokens: readonly Token[], at: Position): Path {
  const components = tokens.map((token) =>
    token.kind === "string" ? unescapeValue(token.text, token.at) : token.text,
  );
  return { kind: "path", components, at };
}

/** One quoted string, or bare text with its dots; undefined when quoted and bare parts are mixed. */
export function toLiteral(tokens: readonly Token[], at: Position, replaceEscapes = unescapeValue): Literal | undefined {
  const [first] = tokens;
  if (first?.kind === "string" && tokens.length === 1) {
    return { kind: "literal", text: replaceEscapes(first.text, first.at), quoted: true, at };
  }
  if (tokens.some(({ kind }) => kind === "string")) return undefined;
  return { kind: "literal", text: tokens.map(({ text }) => text).join("."), quoted: false, at };
}
