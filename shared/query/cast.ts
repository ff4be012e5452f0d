import { parseDuration, printDuration } from "./duration.ts";
import { boolFromText, doubleFromText, exactInteger, integerFromText, isInt64, type Scalar } from "./scalar.ts";
import type { ScalarName, ScalarType } from "./schema.ts";
import { parseTimestamp, printTimestamp } from "./timestamp.ts";
import type { CastType } from "./tree.ts";

/** A value together with the type it has. */
export interface TypedScalar {
  readonly type: ScalarType;
  readonly value: Scalar;
}

/** The field type that the result of a cast has. */
export const CAST_RESULT: Readonly<Record<CastType, ScalarName>> = {
  STRING: "string",
  INT64: "int64",
  FLOAT64: "double",
  BOOL: "bool",
  TIMESTAMP: "timestamp",
  DURATION: "duration",
};

/** Converts a value; undefined when it has no counterpart in the type, which makes the comparison fail. */
export function castScalar(scalar: TypedScalar, type: CastType, timeZone: string | undefined): Scalar | undefined {
  switch (type) {
    case "STRING":
      return toText(scalar, timeZone);
    case "INT64":
      return toInteger(scalar);
    case "FLOAT64":
      return toDouble(scalar);
    case "BOOL":
      return toBool(scalar);
    case "TIMESTAMP":
      if (scalar.type === "timestamp") return scalar.value;
      return typeof scalar.value === "string" ? parseTimestamp(scalar.value, timeZone) : undefined;
    case "DURATION":
      if (scalar.type === "duration") return scalar.value;
      return typeof scalar.value === "string" ? parseDuration(scalar.value) : undefined;
  }
}

function toText({ type, value }: TypedScalar, timeZone: string | undefined): string {
  if (typeof type === "object") return nameOf(value, type.numbers);
  if (typeof value === "bigint" && type === "timestamp") return printTimestamp(value, timeZone);
  if (typeof value === "bigint" && type === "duration") return printDuration(value);
  return String(value);
}

function nameOf(value: Scalar, numbers: Readonly<Record<string, number>>): string {
  return Object.keys(numbers).find((name) => numbers[name] === value) ?? String(value);
}

function toInteger({ type, value }: TypedScalar): number | bigint | undefined {
  if (typeof value === "string") return integerFromText(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return type === "int64" ? value : undefined;
  const rounded = Math.sign(value) * Math.round(Math.abs(value));
  if (!Number.isFinite(rounded)) return undefined;
  const integer = BigInt(rounded);
  return isInt64(integer) ? exactInteger(integer) : undefined;
}

function toDouble({ type, value }: TypedScalar): number | undefined {
  if (typeof value === "string") return doubleFromText(value);
  if (typeof value === "number") return value;
  return typeof value === "bigint" && type === "int64" ? Number(value) : undefined;
}

function toBool({ value }: TypedScalar): boolean | undefined {
  if (typeof value === "string") return boolFromText(value);
  if (typeof value === "number") return value !== 0;
  return typeof value === "boolean" ? value : undefined;
}
