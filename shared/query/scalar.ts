import { parseDuration } from "./duration.ts";
import type { Enumeration, ScalarType } from "./schema.ts";
import { parseTimestamp } from "./timestamp.ts";

/**
 * A value in the form in which its type compares: strings as they are, bools, numbers; integers beyond 2^53 as bigint;
 * timestamps and durations as nanoseconds.
 */
export type Scalar = string | number | bigint | boolean;

const INTEGER = /^[+-]?[0-9]+$/;
const DOUBLE = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const SPECIAL_DOUBLES = new Map([
  ["nan", Number.NaN],
  ["infinity", Number.POSITIVE_INFINITY],
  ["-infinity", Number.NEGATIVE_INFINITY],
]);
const INT32_LIMIT = 2n ** 31n;
const INT64_LIMIT = 2n ** 63n;

/** Converts the text of a literal to the type of a field; undefined when it is no value of that type. */
export function scalarFromText(text: string, type: ScalarType): Scalar | undefined {
  switch (type) {
    case "string":
      return text;
    case "bool":
      return boolFromText(text);
    case "int32":
      return integerFromText(text, INT32_LIMIT);
    case "int64":
      return integerFromText(text, INT64_LIMIT);
    case "double":
      return doubleFromText(text);
    case "timestamp":
      return parseTimestamp(text);
    case "duration":
      return parseDuration(text);
    default:
      return numberInEnumeration(text, type);
  }
}

/** Reads a leaf of JSON as a value of a declared type; undefined when it is none. */
export function scalarFromJson(leaf: unknown, type: ScalarType): Scalar | undefined {
  if (typeof leaf === "string") return type === "bool" ? undefined : scalarFromText(leaf, type);
  if (typeof leaf === "boolean") return type === "bool" ? leaf : undefined;
  if (typeof leaf !== "number") return undefined;
  if (type === "double" || typeof type === "object") return leaf;
  if ((type === "int32" || type === "int64") && Number.isInteger(leaf)) return exactInteger(BigInt(leaf));
  return undefined;
}

/** What a field that is not there compares as. */
export function defaultOf(type: ScalarType): Scalar {
  if (type === "string") return "";
  if (type === "bool") return false;
  return type === "timestamp" || type === "duration" ? 0n : 0;
}

export function boolFromText(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return word === "true" ? true : word === "false" ? false : undefined;
}

export function doubleFromText(text: string): number | undefined {
  return DOUBLE.test(text) ? Number(text) : SPECIAL_DOUBLES.get(text.toLowerCase());
}

export function integerFromText(text: string, limit = INT64_LIMIT): number | bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const integer = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return integer < limit && integer >= -limit ? exactInteger(integer) : undefined;
}

/** One representation for each integer, so that equal ones are identical. */
export function exactInteger(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

export function isInt64(integer: bigint): boolean {
  return integer < INT64_LIMIT && integer >= -INT64_LIMIT;
}

/** A name in any letter case, or one of the numbers that have a name. */
function numberInEnumeration(text: string, { numbers }: Enumeration): number | undefined {
  const wanted = text.toUpperCase();
  for (const [name, number] of Object.entries(numbers)) {
    if (name.toUpperCase() === wanted || String(number) === text) return number;
  }
  return undefined;
}
