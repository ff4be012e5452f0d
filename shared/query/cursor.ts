import { type Token, type TokenKind, tokenize } from "./lexer.ts";
import { refuse, refuseSyntax } from "./refuse.ts";
import type { Position } from "./tree.ts";

/**
 * How deeply groups, negations and functions may be nested. Google documents no limit; ours keeps every walk over a
 * tree far from the end of the stack.
 */
export const MAX_DEPTH = 200;

/** A place in the tokens of a filter, shared by the parts of the grammar. */
export class Cursor {
  readonly filter: string;
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;

  constructor(filter: string) {
    this.filter = filter;
    this.tokens = tokenize(filter);
  }

  get token(): Token {
    return this.peek(0);
  }

  peek(distance: number): Token {
    const token = this.tokens[Math.min(this.index + distance, this.tokens.length - 1)];
    if (token === undefined) throw new RangeError("a tokenized filter always ends with an end token");
    return token;
  }

  advance(): Token {
    const token = this.token;
    this.index++;
    return token;
  }

  accept(kind: TokenKind): boolean {
    if (this.token.kind !== kind) return false;
    this.index++;
    return true;
  }

  expect(kind: TokenKind, expectation: string): Token {
    if (this.token.kind !== kind) this.refuse(expectation);
    return this.advance();
  }

  /** Whether the current token begins where the one before it ended. */
  touchesPrevious(): boolean {
    return this.index > 0 && this.token.start === this.peek(-1).end;
  }

  /** Whether the token after the current one begins where the current one ends. */
  touchesNext(): boolean {
    const next = this.peek(1);
    return next.kind !== "end" && next.start === this.token.end;
  }

  /** Runs one more level of nesting. */
  nested<Result>(read: () => Result): Result {
    this.depth++;
    if (this.depth > MAX_DEPTH) refuseDepth(this.token.at);
    const result = read();
    this.depth--;
    return result;
  }

  refuse(expectation: string): never {
    const { kind, text, at } = this.token;
    if (kind === "end") refuseSyntax("end of filter", at, expectation);
    refuseSyntax(kind === "string" ? `"${text}"` : text, at, expectation);
  }
}

export function refuseDepth(at: Position): never {
  refuse("QUERY_TOO_DEEP", `Unparseable filter: groups are nested deeper than ${MAX_DEPTH} levels`, at);
}
