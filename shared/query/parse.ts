import { checkTree } from "./check.ts";
import { Cursor } from "./cursor.ts";
import type { Token } from "./lexer.ts";
import { readName, toLiteral, toPath } from "./name.ts";
import { beginsCall, isValueCall, parseCall, refuseUnknownCall } from "./parse-call.ts";
import { refuse } from "./refuse.ts";
import { LOG_ENTRY, type Schema } from "./schema.ts";
import type { Atom, Combination, Condition, Literal, Operator, Position, Subject, Tree, Values } from "./tree.ts";

export interface ParseOptions {
  /** Which fields exist; a LogEntry's when left out. */
  readonly schema?: Schema;
}

/** What the text showed and the tree does not keep: for warnings only. */
export interface ParseNotes {
  /** Where AND and OR (or a left-out AND and OR) stand side by side without parentheses. */
  readonly mixedOperators: Position[];
}

/** Parses and checks a filter; throws a `ProcessingError` with code, line and column for an invalid one. */
export function parse(filter: string, options: ParseOptions = {}): Tree {
  const tree = parseWithNotes(filter).tree;
  checkTree(tree, options.schema ?? LOG_ENTRY);
  return tree;
}

/** The syntax alone, fields and patterns not yet checked. */
export function parseWithNotes(filter: string): { readonly tree: Tree; readonly notes: ParseNotes } {
  const grammar = new Grammar(filter);
  return { tree: grammar.filter(), notes: grammar.notes };
}

/** NOT binds tightest, then OR, then AND; a left-out operator is AND. One method a production. */
class Grammar {
  readonly notes: ParseNotes = { mixedOperators: [] };
  private readonly cursor: Cursor;

  constructor(filter: string) {
    this.cursor = new Cursor(filter);
  }

  filter(): Tree {
    if (this.cursor.peek(0).kind === "end") return { kind: "filter", condition: null };
    const condition: Condition = this.expression(() => this.atom());
    const { kind } = this.cursor.token;
    if (kind === ")") this.cursor.refuse("no parenthesis is open here");
    if (kind !== "end") this.cursor.refuse("expected AND, OR, or the start of another condition");
    return { kind: "filter", condition };
  }

  private expression<Leaf>(leaf: () => Leaf): Combination<Leaf> {
    const { at } = this.cursor.token;
    const terms: Combination<Leaf>[] = [];
    let firstOr: Position | undefined;
    do {
      do {
        const factor = this.factor(leaf);
        terms.push(factor.combination);
        firstOr ??= factor.or;
      } while (this.beginsTerm());
    } while (this.acceptKeyword("AND"));
    if (terms.length === 1) return terms[0] as Combination<Leaf>;
    if (firstOr !== undefined) this.notes.mixedOperators.push(firstOr);
    return { kind: "and", terms, at };
  }

  private factor<Leaf>(leaf: () => Leaf): { combination: Combination<Leaf>; or: Position | undefined } {
    const { at } = this.cursor.token;
    const first = this.term(leaf);
    const or = this.cursor.token.at;
    if (!this.acceptKeyword("OR")) return { combination: first, or: undefined };
    const terms = [first];
    do terms.push(this.term(leaf));
    while (this.acceptKeyword("OR"));
    return { combination: { kind: "or", terms, at }, or };
  }

  private term<Leaf>(leaf: () => Leaf): Combination<Leaf> {
    const { cursor } = this;
    const { at } = cursor.token;
    if (cursor.token.kind === "-") {
      if (!cursor.touchesNext()) cursor.refuse('a "-" that negates touches what it negates');
      cursor.advance();
    } else if (!this.acceptKeyword("NOT")) {
      return this.simple(leaf);
    }
    if (cursor.token.kind === "-" || this.isKeyword("NOT")) cursor.refuse("one negation a condition; use parentheses");
    return { kind: "not", term: this.simple(leaf), at };
  }

  private simple<Leaf>(leaf: () => Leaf): Combination<Leaf> {
    const { cursor } = this;
    if (this.isKeyword("AND") || this.isKeyword("OR")) {
      cursor.refuse("AND and OR stand between two conditions; quote the word to search for it");
    }
    if (!cursor.accept("(")) return leaf();
    return cursor.nested(() => {
      if (cursor.token.kind === ")") cursor.refuse("expected something between the parentheses");
      const inner = this.expression(leaf);
      if (cursor.token.kind === "operator") cursor.refuse("a list holds values, not comparisons");
      cursor.expect(")", 'expected AND, OR, another term, or ")"');
      return inner;
    });
  }

  private atom(): Atom {
    const { cursor } = this;
    const { kind, at } = cursor.token;
    if (kind === "operator") cursor.refuse("expected a field name before the operator");
    if (kind !== "text" && kind !== "string") cursor.refuse("expected a condition");
    if (beginsCall(cursor)) {
      const call = parseCall(cursor);
      if (isValueCall(call)) return this.comparison(call, at);
      if (cursor.token.kind === "operator") cursor.refuse(`${call.kind}() is a condition and takes no operator`);
      return call;
    }
    const name = readName(cursor);
    if (cursor.token.kind === "operator") return this.comparison(toPath(name, at), at);
    if (name.at(-1)?.kind === "text" && cursor.token.kind === "(" && cursor.touchesPrevious()) {
      refuseUnknownCall(name.map(({ text }) => text).join("."), at);
    }
    const literal = toLiteral(name, at) ?? cursor.refuse("expected an operator after a field name");
    return { kind: "global", literal, at };
  }

  private comparison(subject: Subject, at: Position): Atom {
    const { cursor } = this;
    if (cursor.token.kind !== "operator") cursor.refuse("the result of a function needs an operator and a value");
    const operator = cursor.advance().text as Operator;
    const values = cursor.token.kind === "(" ? this.simple(() => this.value(operator)) : this.value(operator);
    if (cursor.token.kind === "operator") cursor.refuse("a comparison has one operator; put a value with it in quotes");
    return { kind: "comparison", subject, operator, values: values as Values, at };
  }

  private value(operator: Operator): Literal {
    const { cursor } = this;
    const { token } = cursor;
    if (token.kind === "operator") cursor.refuse(operatorAdvice(operator, token));
    if (token.kind === ".") cursor.refuse("a value that starts with a dot is put in double quotes");
    if (token.kind !== "text" && token.kind !== "string") cursor.refuse(`expected a value after "${operator}"`);
    if (operator === "=~" || operator === "!~") return readPattern(cursor);
    const literal =
      toLiteral(readName(cursor), token.at) ?? cursor.refuse("a value with dots is bare text or one quoted string");
    if (!literal.quoted && cursor.token.kind === "(" && cursor.touchesPrevious()) {
      refuse("QUERY_FUNCTION", `Function calls such as ${literal.text}(...) cannot stand on the right side.`, token.at);
    }
    return literal;
  }

  private beginsTerm(): boolean {
    const { kind } = this.cursor.token;
    if (kind === "text") return !this.isKeyword("AND") && !this.isKeyword("OR");
    return kind === "string" || kind === "(" || kind === "-";
  }

  private isKeyword(word: "AND" | "OR" | "NOT"): boolean {
    return this.cursor.token.kind === "text" && this.cursor.token.text === word;
  }

  private acceptKeyword(word: "AND" | "OR" | "NOT"): boolean {
    if (!this.isKeyword(word)) return false;
    this.cursor.advance();
    return true;
  }
}

function readPattern(cursor: Cursor): Literal {
  const { kind, text, at } = cursor.token;
  if (kind !== "string") {
    refuse("QUERY_REGEX", `Unparseable filter: regular expressions must begin and end with '"' (token '${text}')`, at);
  }
  cursor.advance();
  return { kind: "literal", text, quoted: true, at };
}

function operatorAdvice(before: Operator, { text }: Token): string {
  const known: Record<string, string> = {
    "==": 'there is no "=="; did you mean "="?',
    "=>": 'there is no "=>"; did you mean ">="?',
    "=<": 'there is no "=<"; did you mean "<="?',
    "<>": 'there is no "<>"; did you mean "!="?',
    "!==": 'there is no "!=="; did you mean "!="?',
  };
  return known[before + text] ?? `expected a value after "${before}"`;
}
