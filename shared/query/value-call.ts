import { CAST_RESULT, castScalar, type TypedScalar } from "./cast.ts";
import { leavesOf } from "./read.ts";
import type { Reader, Readers } from "./reader.ts";
import { compileExtractingPattern } from "./regex.ts";
import { isScalar } from "./route.ts";
import { defaultOf, scalarFromJson } from "./scalar.ts";
import type { ScalarType } from "./schema.ts";
import type { Subject, ValueCall } from "./tree.ts";

/** A value function made ready: what it gives for the entry at hand. */
export interface ValueSource {
  readonly type: ScalarType;
  /** `explicit` leaves out what a field that is not there would be taken for. */
  values(explicit: boolean): readonly TypedScalar[];
}

export function compileValueCall(call: ValueCall, readers: Readers): ValueSource {
  const input = compileInput(call.value, readers);
  if (call.kind === "regexp_extract") {
    const pattern = compileExtractingPattern(call.pattern.text, call.pattern.at);
    return mapSource(input, "string", ({ value }) => (typeof value === "string" ? pattern.extract(value) : undefined));
  }
  const { type, timeZone } = call;
  return mapSource(input, CAST_RESULT[type], (scalar) => castScalar(scalar, type, timeZone ?? undefined));
}

type Values = ValueSource["values"];

function mapSource(
  input: Values,
  type: ScalarType,
  convert: (scalar: TypedScalar) => TypedScalar["value"] | undefined,
): ValueSource {
  return {
    type,
    values(explicit) {
      const results: TypedScalar[] = [];
      for (const scalar of input(explicit)) {
        const value = convert(scalar);
        if (value !== undefined) results.push({ type, value });
      }
      return results;
    },
  };
}

function compileInput(subject: Subject, readers: Readers): Values {
  if (subject.kind !== "path") {
    const source = compileValueCall(subject, readers);
    return (explicit) => source.values(explicit);
  }
  const reader = readers.for(subject);
  return (explicit) => readScalars(reader, explicit);
}

function readScalars(reader: Reader, explicit: boolean): readonly TypedScalar[] {
  const found = reader.read();
  const { type } = reader.branch();
  const unset = reader.route.defaulted && isScalar(type) ? { type, value: defaultOf(type) } : undefined;
  if (found === undefined) return explicit || unset === undefined ? [] : [unset];
  const scalars: TypedScalar[] = [];
  for (const leaf of leavesOf(found)) {
    const scalar = leaf === null && !explicit ? unset : typedScalar(leaf, type);
    if (scalar !== undefined) scalars.push(scalar);
  }
  return scalars;
}

/** A leaf with its declared type when it fits that, else with the type of its JSON value. */
function typedScalar(leaf: unknown, type: Reader["route"]["main"]["type"]): TypedScalar | undefined {
  if (isScalar(type)) {
    const value = scalarFromJson(leaf, type);
    if (value !== undefined) return { type, value };
  }
  if (typeof leaf === "string") return { type: "string", value: leaf };
  if (typeof leaf === "number") return { type: "double", value: leaf };
  return typeof leaf === "boolean" ? { type: "bool", value: leaf } : undefined;
}
