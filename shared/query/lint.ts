import { checkTree } from "./check.ts";
import { contradictions } from "./contradiction.ts";
import { partsOf, toFormula } from "./formula.ts";
import { isKeyword } from "./lexer.ts";
import { parseWithNotes } from "./parse.ts";
import { printPath, printSubject } from "./print.ts";
import { article, shorten } from "./refuse.ts";
import { findRoute, isScalar } from "./route.ts";
import { scalarFromText } from "./scalar.ts";
import { LOG_ENTRY, type Schema } from "./schema.ts";
import {
  type Atom,
  type Combination,
  type Comparison,
  isAnd,
  isExistenceTest,
  isNot,
  isNullValue,
  isOr,
  type Literal,
  type Operator,
  type Position,
  type Subject,
} from "./tree.ts";

export type WarningCode =
  | "single-quotes"
  | "typographic-quotes"
  | "lower-case-operator"
  | "mixed-operators"
  | "loose-value"
  | "not-equal-any-of"
  | "star-is-no-wildcard"
  | "unescaped-dot"
  | "text-order"
  | "never-matches";

/** Something that a valid filter says, and that its author hardly means. */
export interface Warning {
  readonly code: WarningCode;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface LintOptions {
  /** Which fields exist; a LogEntry's when left out. */
  readonly schema?: Schema;
}

/** The warnings of a filter, in the order of the text; throws as `parse` does when it is invalid. */
export function lint(filter: string, options: LintOptions = {}): readonly Warning[] {
  const schema = options.schema ?? LOG_ENTRY;
  const { tree, notes } = parseWithNotes(filter);
  checkTree(tree, schema);
  const warnings = new Warnings();
  for (const at of notes.mixedOperators) {
    warnings.add(
      "mixed-operators",
      at,
      "OR binds tighter than AND and than a line break; put parentheses where you mean them",
    );
  }
  if (tree.condition !== null) lintCondition(tree.condition, schema, warnings);
  // A comparison that is never true contradicts all others; one warning about it is enough.
  if (!warnings.has("never-matches")) {
    for (const { at, message } of contradictions(toFormula(tree), schema)) warnings.add("never-matches", at, message);
  }
  return warnings.inOrder();
}

class Warnings {
  private readonly list: Warning[] = [];

  add(code: WarningCode, { line, column }: Position, message: string): void {
    this.list.push({ code, line, column, message });
  }

  has(code: WarningCode): boolean {
    return this.list.some((warning) => warning.code === code);
  }

  inOrder(): readonly Warning[] {
    return this.list.sort((left, right) => left.line - right.line || left.column - right.column);
  }
}

function lintCondition(condition: Combination<Atom>, schema: Schema, warnings: Warnings): void {
  if (isAnd(condition) || isOr(condition)) {
    if (isOr(condition)) lintLooseValues(condition.terms, warnings);
    for (const term of condition.terms) lintCondition(term, schema, warnings);
  } else if (isNot(condition)) {
    lintCondition(condition.term, schema, warnings);
  } else {
    lintAtom(condition as Atom, schema, warnings);
  }
}

/** `field = "a" OR "b"` searches every field for b. */
function lintLooseValues(terms: readonly Combination<Atom>[], warnings: Warnings): void {
  const [first, ...others] = terms;
  if (first === undefined || isAnd(first) || isOr(first) || isNot(first) || first.kind !== "comparison") return;
  for (const term of others) {
    if (isAnd(term) || isOr(term) || isNot(term) || term.kind !== "global") continue;
    const field = printSubject(first.subject);
    const list = `${field}${first.operator}(... OR ...)`;
    warnings.add("loose-value", term.at, `this value is looked for in every field, not in ${field}; write ${list}`);
  }
}

function lintAtom(atom: Atom, schema: Schema, warnings: Warnings): void {
  switch (atom.kind) {
    case "global":
      lintWord(atom.literal, warnings);
      lintQuotes(atom.literal, warnings);
      return;
    case "comparison":
      lintComparison(atom, schema, warnings);
      return;
    default:
  }
}

const PROGRAMMING_OPERATORS = new Map([
  ["&&", "AND"],
  ["||", "OR"],
  ["!", "NOT"],
]);

function lintWord(literal: Literal, warnings: Warnings): void {
  if (literal.quoted) return;
  const word = literal.text.toUpperCase();
  const meant = isKeyword(word) ? word : PROGRAMMING_OPERATORS.get(literal.text);
  // In upper case it can only stand where a value does, which is what its author wants.
  if (meant === undefined || meant === literal.text) return;
  warnings.add(
    "lower-case-operator",
    literal.at,
    `'${literal.text}' is searched for as text; the operator is ${meant}`,
  );
}

function lintQuotes({ text, quoted, at }: Literal, warnings: Warnings): void {
  if (quoted) return;
  if (text.startsWith("'") || text.endsWith("'")) {
    warnings.add("single-quotes", at, "single quotes are part of the value; quote with double quotes");
  } else if (/^[“”„‘’«]|[“”‘’»]$/u.test(text)) {
    warnings.add("typographic-quotes", at, 'these quotes are part of the value; quote with "');
  }
}

function lintComparison(comparison: Comparison, schema: Schema, warnings: Warnings): void {
  const { subject, operator } = comparison;
  lintPathQuotes(subject, warnings);
  if ((operator === "!=" || operator === "!~") && hasOr(comparison.values)) {
    const field = printSubject(subject);
    warnings.add(
      "not-equal-any-of",
      comparison.at,
      `true whenever ${field} differs from one of the values; for none of them write NOT ${field} ${operator === "!=" ? "=" : "=~"} (...)`,
    );
  }
  for (const part of partsOf(toFormula({ kind: "filter", condition: comparison }))) {
    if (part.kind !== "comparison") continue;
    lintQuotes(part.literal, warnings);
    lintWord(part.literal, warnings);
    lintStar(part.literal, operator, subject, warnings);
    if (operator === "=~" || operator === "!~") lintDots(part.literal, warnings);
    if (subject.kind === "path") lintType(part.literal, operator, subject, schema, warnings);
  }
}

function lintPathQuotes(subject: Subject, warnings: Warnings): void {
  if (subject.kind !== "path") return;
  if (subject.components.some((name) => /^'.*'$/s.test(name))) {
    warnings.add("single-quotes", subject.at, "single quotes are part of the name; quote with double quotes");
  }
}

function hasOr(values: Comparison["values"]): boolean {
  if (isOr(values)) return true;
  if (isAnd(values)) return values.terms.some(hasOr);
  return isNot(values) && hasOr(values.term);
}

/** A star where authors of wildcards put it: at an end, or between two parts of a name. */
const WILDCARD = /^\*|\*$|[\w./-]\*[\w./-]/;

function lintStar(literal: Literal, operator: Operator, subject: Subject, warnings: Warnings): void {
  if (operator === "=~" || operator === "!~" || isExistenceTest(operator, literal)) return;
  if (!WILDCARD.test(literal.text)) return;
  const field = printSubject(subject);
  const advice =
    literal.text === "*"
      ? `to test that the field is there write ${field}:* without quotes`
      : operator === ":"
        ? `${field}:"..." already finds text anywhere in the value`
        : `write ${field}:"..." for a part of the value, or use =~`;
  warnings.add("star-is-no-wildcard", literal.at, `the star stands for itself; ${advice}`);
}

/** What cannot stand in a host name, nor between its parts as a dot or an escaped one. */
const BETWEEN_HOSTS = /\\[^.]|[^A-Za-z0-9_.\\-]/;
const TOP_LEVEL = /\\?\.(?:com|net|org|io|dev|app|cloud|goog|gov|edu|internal|local)(?![A-Za-z0-9_-])/g;
const BARE_DOT = /(?<!\\)\./g;

function lintDots(literal: Literal, warnings: Warnings): void {
  for (const piece of literal.text.split(BETWEEN_HOSTS)) {
    const end = Math.max(...Array.from(piece.matchAll(TOP_LEVEL), ({ 0: name, index }) => index + name.length));
    // Dots in front belong to what comes before the name.
    const host = piece.slice(0, Math.max(end, 0)).replace(/^[\\.]+/, "");
    if (!host.includes(".") || host.search(BARE_DOT) === -1) continue;
    const escaped = host.replaceAll(BARE_DOT, "\\.");
    warnings.add("unescaped-dot", literal.at, `a dot in a pattern is any character; write ${shorten(escaped)}`);
  }
}

function lintType(
  literal: Literal,
  operator: Operator,
  path: Extract<Subject, { readonly kind: "path" }>,
  schema: Schema,
  warnings: Warnings,
): void {
  const { main, text, place } = findRoute(path, schema);
  const field = printPath(path);
  if (isNullValue(literal) && !["=", "!=", ":"].includes(operator)) {
    warnings.add("never-matches", literal.at, `NULL_VALUE has no order; ${field} ${operator} NULL_VALUE is never true`);
    return;
  }
  if (isExistenceTest(operator, literal) || isNullValue(literal)) return;
  if (place === "below-map-value") {
    warnings.add(
      "never-matches",
      path.at,
      `the values of a map are strings and have no fields; ${field} is never there`,
    );
    return;
  }
  if (place === "map-value" && [">", ">=", "<", "<="].includes(operator) && /^[+-]?[0-9.]+$/.test(literal.text)) {
    warnings.add("text-order", literal.at, `${field} is a string, so this compares texts: "10" comes before "9"`);
  }
  if (text === "logName" && operator === "=" && /^[^/]+\/[^/]+\/logs\/.*\//.test(literal.text)) {
    warnings.add("never-matches", literal.at, "the log ID in a logName is URL-encoded: write %2F, or use log_id()");
  }
  if (!isScalar(main.type) || main.type === "string") return;
  const typeName = typeof main.type === "string" ? main.type : "enumeration";
  const isOfType = `${field} is ${article(typeName)} ${typeName}`;
  if (operator === "=~" || operator === "!~") {
    warnings.add("never-matches", literal.at, `${isOfType}; only strings match regular expressions`);
  } else if (scalarFromText(literal.text, main.type) === undefined) {
    const value = `'${shorten(literal.text)}' is not a value of the type ${typeName}`;
    warnings.add("never-matches", literal.at, `${value}, so this comparison is never true`);
  }
}
