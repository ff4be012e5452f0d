import { compareCodePoints, equalsFolded, fold, includesFolded } from "./fold.ts";
import { anyScalarBelow } from "./read.ts";
import { compilePattern } from "./regex.ts";
import { isScalar, type LeafType } from "./route.ts";
import { boolFromText, defaultOf, doubleFromText, type Scalar, scalarFromJson, scalarFromText } from "./scalar.ts";
import type { ScalarType } from "./schema.ts";
import { isExistenceTest, isNullValue, type Literal, type Operator } from "./tree.ts";

/** Whether one leaf that a path found passes one comparison. */
export type LeafTest = (leaf: unknown) => boolean;

/** Whether a value of a known type passes one comparison. */
export type ScalarTest = (value: Scalar) => boolean;

export type Fold = (text: string) => string;

const never = () => false;

/**
 * The test of a path's leaves. A leaf compares by the type that the schema gives its field; one that is no value of
 * that type, and one without a declared type, compares by the type of its JSON value.
 */
export function leafTest(
  type: LeafType,
  defaulted: boolean,
  operator: Operator,
  literal: Literal,
  foldLeaf: Fold = fold,
): LeafTest {
  if (isExistenceTest(operator, literal)) return presenceTest(type, defaulted);
  if (isNullValue(literal)) return nullTest(operator);
  const test = valueTest(type, operator, literal, foldLeaf);
  if (!missingVerdict(type, defaulted, operator, literal)) return test;
  // The JSON form of a message writes null for a field that is not set.
  return (leaf) => leaf === null || test(leaf);
}

function valueTest(type: LeafType, operator: Operator, literal: Literal, foldLeaf: Fold): LeafTest {
  if (!isScalar(type) || type === "string") return jsonTest(operator, literal, foldLeaf);
  const declared = scalarTest(type, operator, literal);
  if (declared === undefined) return never;
  const read = scalarReader(type);
  let inferred: LeafTest | undefined;
  return (leaf) => {
    const value = read(leaf);
    if (value !== undefined) return declared(value);
    inferred ??= jsonTest(operator, literal, foldLeaf);
    return inferred(leaf);
  };
}

/** What a comparison says of a field that is not there. */
export function missingVerdict(type: LeafType, defaulted: boolean, operator: Operator, literal: Literal): boolean {
  if (!defaulted || !isScalar(type) || isExistenceTest(operator, literal) || isNullValue(literal)) return false;
  return scalarTest(type, operator, literal)?.(defaultOf(type)) ?? false;
}

/** The test of values of one type; undefined when the literal cannot be converted to it, or the operator never holds. */
export function scalarTest(
  type: ScalarType,
  operator: Operator,
  literal: Literal,
  foldValue: Fold = fold,
): ScalarTest | undefined {
  if (operator === "=~" || operator === "!~")
    return type === "string" ? (patternTest(operator, literal) as ScalarTest) : undefined;
  if (type === "string") return textTest(operator, literal.text, foldValue) as ScalarTest;
  const operand = scalarFromText(literal.text, type);
  return operand === undefined ? undefined : orderTest(operator, operand);
}

/** Reads leaves as values of a declared type; names of an enumeration, which repeat, are looked up. */
function scalarReader(type: ScalarType): (leaf: unknown) => Scalar | undefined {
  if (typeof type === "string") return (leaf) => scalarFromJson(leaf, type);
  const known = new Map<unknown, number>(Object.entries(type.numbers));
  return (leaf) => known.get(leaf) ?? scalarFromJson(leaf, type);
}

function jsonTest(operator: Operator, literal: Literal, foldLeaf: Fold): LeafTest {
  if (operator === "=~" || operator === "!~") {
    const test = patternTest(operator, literal);
    return (leaf) => typeof leaf === "string" && test(leaf);
  }
  const ofText = textTest(operator, literal.text, foldLeaf);
  const number = doubleFromText(literal.text);
  const ofNumber = number === undefined ? never : orderTest(operator, number);
  const bool = boolFromText(literal.text);
  const ofBool = bool === undefined ? never : orderTest(operator, bool);
  const ofScalar = (leaf: unknown): boolean => {
    if (typeof leaf === "string") return ofText(leaf);
    if (typeof leaf === "number") return ofNumber(leaf);
    return typeof leaf === "boolean" && ofBool(leaf);
  };
  if (operator !== ":") return ofScalar;
  return (leaf) => (typeof leaf === "object" && leaf !== null ? anyScalarBelow(leaf, ofScalar) : ofScalar(leaf));
}

function textTest(operator: Operator, operand: string, foldLeaf: Fold): (text: string) => boolean {
  const folded = fold(operand);
  switch (operator) {
    case ":":
      return includesFolded(folded, foldLeaf);
    case "=": {
      const equals = equalsFolded(folded, foldLeaf);
      return (text) => text === operand || equals(text);
    }
    case "!=": {
      const equals = equalsFolded(folded, foldLeaf);
      return (text) => text !== operand && !equals(text);
    }
    case "<":
      return (text) => compareCodePoints(foldLeaf(text), folded) < 0;
    case "<=":
      return (text) => compareCodePoints(foldLeaf(text), folded) <= 0;
    case ">":
      return (text) => compareCodePoints(foldLeaf(text), folded) > 0;
    default:
      return (text) => compareCodePoints(foldLeaf(text), folded) >= 0;
  }
}

/** Patterns see the text as it is: no folding. */
function patternTest(operator: Operator, literal: Literal): (text: string) => boolean {
  const pattern = compilePattern(literal.text, literal.at);
  return operator === "=~" ? (text) => pattern.test(text) : (text) => !pattern.test(text);
}

/** JavaScript's own order is exact between number and bigint, and a NaN is unequal and unordered to everything. */
function orderTest(operator: Operator, operand: Scalar): ScalarTest {
  switch (operator) {
    case "!=":
      return (value) => value !== operand;
    case "<":
      return (value) => value < operand;
    case "<=":
      return (value) => value <= operand;
    case ">":
      return (value) => value > operand;
    case ">=":
      return (value) => value >= operand;
    default:
      return (value) => value === operand;
  }
}

/**
 * An unset field of a message is not in the JSON, or is there with its default or null; an empty map is not there
 * either. In free content everything that is written is present.
 */
function presenceTest(type: LeafType, defaulted: boolean): LeafTest {
  if (type === "map") return (leaf) => typeof leaf !== "object" || (leaf !== null && Object.keys(leaf).length > 0);
  if (!defaulted || !isScalar(type)) return () => true;
  const unset = defaultOf(type);
  return (leaf) => leaf !== null && scalarFromJson(leaf, type) !== unset;
}

function nullTest(operator: Operator): LeafTest {
  if (operator === "=" || operator === ":") return (leaf) => leaf === null;
  return operator === "!=" ? (leaf) => leaf !== null : never;
}
