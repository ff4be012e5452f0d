import { refuse, refuseSyntax } from "./refuse.ts";
import type { Position } from "./tree.ts";

/** The API's limit, comments included; a character is a Unicode code point. */
export const MAX_FILTER_LENGTH = 20_000;

export type TokenKind = "string" | "text" | "operator" | "(" | ")" | "." | "," | "-" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** The characters as written; of a string those between the quotes, escapes untouched. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly at: Position;
}

/** Characters that a backslash makes legal in bare text, or that it replaces in a string. */
const TEXT_ESCAPE = String.raw`\\(?:[,:=<>+~"\\.*]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[0-3][0-7]{0,2}|[4-7][0-7]?)`;
// "!" belongs to text unless it begins an operator, so that `email!~"x"` needs no space.
const TEXT_START = String.raw`[#$%&'*/;?@\[\]^_\u0060{|}A-Za-z\u00A1-\u{10FFFF}]|!(?![=~])`;
const TEXT = new RegExp(`(?:${TEXT_START}|-?[0-9]|${TEXT_ESCAPE})(?:${TEXT_START}|[0-9+\\-]|${TEXT_ESCAPE})*`, "uy");
const STRING = /"((?:[^"\\]|\\[\s\S])*)"/uy;
const OPERATOR = /=~|!~|!=|<=|>=|[:=<>]/y;
const BLANK = /(?:[ \t\r\n\f\u00A0]+|--[^\n\r]*)+/y;

/** Whether the text can be written without quotes, as one token of bare text. */
export function isBareText(text: string): boolean {
  TEXT.lastIndex = 0;
  return TEXT.test(text) && TEXT.lastIndex === text.length;
}

const KEYWORDS = new Set(["AND", "OR", "NOT"]);

/** The Boolean operators are words of the language only in upper case. */
export function isKeyword(text: string): boolean {
  return KEYWORDS.has(text);
}

/** Cuts a filter into tokens, the last of which has the kind "end". */
export function tokenize(filter: string): readonly Token[] {
  refuseLongFilter(filter);
  const tokens: Token[] = [];
  const positions = new PositionCounter(filter);
  let offset = skipBlank(filter, 0);
  while (offset < filter.length) {
    const token = readToken(filter, offset, positions.at(offset));
    tokens.push(token);
    offset = skipBlank(filter, token.end);
  }
  tokens.push({ kind: "end", text: "", start: offset, end: offset, at: positions.at(offset) });
  return tokens;
}

function refuseLongFilter(filter: string): void {
  if (filter.length <= MAX_FILTER_LENGTH) return;
  let characters = 0;
  for (const _ of filter) characters++;
  if (characters <= MAX_FILTER_LENGTH) return;
  refuse(
    "QUERY_TOO_LONG",
    `Unparseable filter: it has ${characters} characters, the limit is ${MAX_FILTER_LENGTH}, comments included`,
    { line: 1, column: 1 },
  );
}

function skipBlank(filter: string, offset: number): number {
  BLANK.lastIndex = offset;
  return BLANK.test(filter) ? BLANK.lastIndex : offset;
}

function readToken(filter: string, start: number, at: Position): Token {
  const character = filter[start] ?? "";
  if (character === "(" || character === ")" || character === "." || character === ",") {
    return { kind: character, text: character, start, end: start + 1, at };
  }
  if (character === '"') return readString(filter, start, at);
  TEXT.lastIndex = start;
  if (TEXT.test(filter)) {
    return { kind: "text", text: filter.slice(start, TEXT.lastIndex), start, end: TEXT.lastIndex, at };
  }
  OPERATOR.lastIndex = start;
  if (OPERATOR.test(filter)) {
    return { kind: "operator", text: filter.slice(start, OPERATOR.lastIndex), start, end: OPERATOR.lastIndex, at };
  }
  if (character === "-") return { kind: "-", text: "-", start, end: start + 1, at };
  return refuseCharacter(filter, start, at);
}

function readString(filter: string, start: number, at: Position): Token {
  STRING.lastIndex = start;
  const match = STRING.exec(filter);
  if (match === null) refuseSyntax('"', at, 'this quotation mark is never closed; a quote inside is written \\"');
  return { kind: "string", text: match[1] ?? "", start, end: STRING.lastIndex, at };
}

function refuseCharacter(filter: string, start: number, at: Position): never {
  const character = String.fromCodePoint(filter.codePointAt(start) ?? 0);
  if (character === "\\") {
    refuseSyntax(filter.slice(start, start + 2), at, 'outside quotes a backslash escapes only , : = < > + ~ " \\ . *');
  }
  refuseSyntax(character, at, "put text with this character in double quotes");
}

/** Turns offsets that only grow into lines and columns, in one pass over the text. */
class PositionCounter {
  private readonly text: string;
  private offset = 0;
  private line = 1;
  private column = 1;

  constructor(text: string) {
    this.text = text;
  }

  at(offset: number): Position {
    while (this.offset < offset) {
      const point = this.text.codePointAt(this.offset) ?? 0;
      this.offset += point > 0xffff ? 2 : 1;
      if (point === 0x0a) {
        this.line++;
        this.column = 1;
      } else {
        this.column++;
      }
    }
    return { line: this.line, column: this.column };
  }
}
