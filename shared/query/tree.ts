/** Where something stands in the text of a filter; both count from 1, columns in Unicode code points. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type Operator = ":" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~";

/** A whole filter; `condition` is null for an empty one, which matches every entry. Plain data: it survives JSON. */
export interface Tree {
  readonly kind: "filter";
  readonly condition: Condition | null;
}

export interface And<Leaf> {
  readonly kind: "and";
  readonly terms: readonly Combination<Leaf>[];
  readonly at: Position;
}

export interface Or<Leaf> {
  readonly kind: "or";
  readonly terms: readonly Combination<Leaf>[];
  readonly at: Position;
}

export interface Not<Leaf> {
  readonly kind: "not";
  readonly term: Combination<Leaf>;
  readonly at: Position;
}

/** A Boolean structure over leaves: over conditions in a filter, over literals in a list of values. */
export type Combination<Leaf> = Leaf | And<Leaf> | Or<Leaf> | Not<Leaf>;

export type Condition = Combination<Atom>;

/** The right side of a comparison: one literal, or a list such as `("a" OR "b")`. */
export type Values = Combination<Literal>;

/** What stands alone as one term of a filter. */
export type Atom = Comparison | GlobalRestriction | BooleanCall;

export interface Comparison {
  readonly kind: "comparison";
  readonly subject: Subject;
  readonly operator: Operator;
  readonly values: Values;
  readonly at: Position;
}

/** A literal alone: it is looked for in every field. */
export interface GlobalRestriction {
  readonly kind: "global";
  readonly literal: Literal;
  readonly at: Position;
}

/**
 * `text` is the value after escapes were replaced, except for the operand of `=~` and `!~`, which is kept raw for RE2,
 * and for bare text, where escapes stay as written.
 */
export interface Literal {
  readonly kind: "literal";
  readonly text: string;
  readonly quoted: boolean;
  readonly at: Position;
}

export interface Path {
  readonly kind: "path";
  readonly components: readonly string[];
  readonly at: Position;
}

export type Subject = Path | ValueCall;

export type BooleanCall = LogIdCall | SourceCall | SampleCall | IpInNetCall | SearchCall;

export type ValueCall = CastCall | RegexpExtractCall;

export interface LogIdCall {
  readonly kind: "log_id";
  readonly logId: Literal;
  readonly at: Position;
}

export interface SourceCall {
  readonly kind: "source";
  readonly resource: Literal;
  readonly at: Position;
}

export interface SampleCall {
  readonly kind: "sample";
  readonly field: Path;
  readonly fraction: Literal;
  readonly at: Position;
}

export interface IpInNetCall {
  readonly kind: "ip_in_net";
  readonly field: Path;
  readonly subnet: Literal;
  readonly at: Position;
}

export interface SearchCall {
  readonly kind: "search";
  readonly field: Path | null;
  readonly query: Literal;
  readonly at: Position;
}

export const CAST_TYPES = ["STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP", "DURATION"] as const;
export type CastType = (typeof CAST_TYPES)[number];

export interface CastCall {
  readonly kind: "cast";
  readonly value: Subject;
  readonly type: CastType;
  /** An IANA time zone, as written; null when the option was left out. */
  readonly timeZone: string | null;
  readonly at: Position;
}

export interface RegexpExtractCall {
  readonly kind: "regexp_extract";
  readonly value: Subject;
  readonly pattern: Literal;
  readonly at: Position;
}

/** `f:*`, the existence test, is written with an unquoted star. */
export function isExistenceTest(operator: Operator, literal: Literal): boolean {
  return operator === ":" && !literal.quoted && literal.text === "*";
}

/** `NULL_VALUE` is a value of its own only without quotes; like every name it may be written in any letter case. */
export function isNullValue(literal: Literal): boolean {
  return !literal.quoted && literal.text.length === 10 && literal.text.toUpperCase() === "NULL_VALUE";
}

export function isAnd<Leaf>(combination: Combination<Leaf>): combination is And<Leaf> {
  return (combination as { readonly kind: string }).kind === "and";
}

export function isOr<Leaf>(combination: Combination<Leaf>): combination is Or<Leaf> {
  return (combination as { readonly kind: string }).kind === "or";
}

export function isNot<Leaf>(combination: Combination<Leaf>): combination is Not<Leaf> {
  return (combination as { readonly kind: string }).kind === "not";
}
