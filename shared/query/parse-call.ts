import type { Cursor } from "./cursor.ts";
import { unescapeArgument } from "./escapes.ts";
import { readName, toLiteral, toPath } from "./name.ts";
import { refuse } from "./refuse.ts";
import { nearestName } from "./suggest.ts";
import {
  type BooleanCall,
  CAST_TYPES,
  type CastCall,
  type CastType,
  type Literal,
  type Path,
  type Position,
  type RegexpExtractCall,
  type Subject,
  type ValueCall,
} from "./tree.ts";

type FunctionName = (BooleanCall | ValueCall)["kind"];

/** Each known function with the way it is called, as error messages show it. */
const USAGE: Readonly<Record<FunctionName, string>> = {
  log_id: 'log_id("LOG_ID")',
  source: "source(projects/PROJECT_ID)",
  sample: "sample(FIELD, FRACTION)",
  ip_in_net: 'ip_in_net(FIELD, "SUBNET")',
  search: 'SEARCH([FIELD,] "QUERY")',
  cast: 'cast(FIELD, TYPE[, TIMEZONE("Area/City")])',
  regexp_extract: 'regexp_extract(FIELD, "REGEX")',
};

export function isValueCall(call: BooleanCall | ValueCall): call is ValueCall {
  return call.kind === "cast" || call.kind === "regexp_extract";
}

/** A name that touches its parenthesis, or a known function's name with white space before it. */
export function beginsCall(cursor: Cursor): boolean {
  const { kind, text } = cursor.token;
  if (kind !== "text" || cursor.peek(1).kind !== "(") return false;
  return cursor.touchesNext() || functionName(text) !== undefined;
}

/** Reads one call, from its name to its closing parenthesis. */
export function parseCall(cursor: Cursor): BooleanCall | ValueCall {
  const { text, at } = cursor.token;
  const name = functionName(text);
  if (name === undefined) refuseUnknownCall(text, at);
  cursor.advance();
  cursor.expect("(", "expected the arguments of the function");
  const call = cursor.nested(() => readArguments(cursor, name, at));
  if (cursor.token.kind !== ")") refuseUsage(name, cursor.token.at);
  cursor.advance();
  return call;
}

export function refuseUnknownCall(name: string, at: Position): never {
  const near = nearestName(name, Object.keys(USAGE));
  const advice = near === undefined ? `known are ${Object.keys(USAGE).join(", ")}` : `did you mean \`${near}\`?`;
  refuse("QUERY_FUNCTION", `Function not found: '${name}'; ${advice}`, at);
}

export function refuseUsage(name: FunctionName, at: Position): never {
  refuse("QUERY_FUNCTION", `Wrong arguments of ${name}(); it is called as ${USAGE[name]}`, at);
}

function functionName(text: string): FunctionName | undefined {
  const name = text.toLowerCase();
  return Object.hasOwn(USAGE, name) ? (name as FunctionName) : undefined;
}

function readArguments(cursor: Cursor, name: FunctionName, at: Position): BooleanCall | ValueCall {
  switch (name) {
    case "log_id":
      return { kind: name, logId: literal(cursor, name), at };
    case "source":
      return { kind: name, resource: literal(cursor, name), at };
    case "sample":
      return { kind: name, field: field(cursor, name), fraction: secondLiteral(cursor, name), at };
    case "ip_in_net":
      return { kind: name, field: field(cursor, name), subnet: secondLiteral(cursor, name), at };
    case "search":
      return search(cursor, at);
    case "cast":
      return cast(cursor, at);
    case "regexp_extract":
      return regexpExtract(cursor, at);
  }
}

function search(cursor: Cursor, at: Position): BooleanCall {
  const alone = cursor.token.kind === "string" && cursor.peek(1).kind === ")";
  const path = alone ? null : field(cursor, "search");
  if (path !== null) comma(cursor, "search");
  return { kind: "search", field: path, query: quotedLiteral(cursor, "search"), at };
}

function cast(cursor: Cursor, at: Position): CastCall {
  const value = subject(cursor, "cast");
  comma(cursor, "cast");
  const type = castType(cursor);
  const timeZone = cursor.token.kind === "," ? timeZoneOption(cursor) : null;
  return { kind: "cast", value, type, timeZone, at };
}

function castType(cursor: Cursor): CastType {
  const { kind, text, at } = cursor.token;
  const type = CAST_TYPES.find((known) => known === text.toUpperCase());
  if (kind !== "text" || type === undefined) {
    refuse("QUERY_FUNCTION", `Unknown type of cast(): '${text}'; known are ${CAST_TYPES.join(", ")}`, at);
  }
  cursor.advance();
  return type;
}

function timeZoneOption(cursor: Cursor): string {
  cursor.advance();
  const { kind, text, at } = cursor.token;
  if (kind !== "text" || !["TIMEZONE", "TIME_ZONE"].includes(text.toUpperCase())) {
    refuse("QUERY_FUNCTION", `Unknown option of cast(): '${text}'; the option is TIMEZONE("Area/City")`, at);
  }
  cursor.advance();
  if (!cursor.accept("(")) refuseUsage("cast", cursor.token.at);
  const zone = quotedLiteral(cursor, "cast");
  if (!cursor.accept(")")) refuseUsage("cast", cursor.token.at);
  return zone.text;
}

function regexpExtract(cursor: Cursor, at: Position): RegexpExtractCall {
  const value = subject(cursor, "regexp_extract");
  comma(cursor, "regexp_extract");
  return { kind: "regexp_extract", value, pattern: quotedLiteral(cursor, "regexp_extract"), at };
}

function subject(cursor: Cursor, name: FunctionName): Subject {
  if (!beginsCall(cursor)) return field(cursor, name);
  const { at } = cursor.token;
  const call = parseCall(cursor);
  if (!isValueCall(call)) refuse("QUERY_FUNCTION", `${call.kind}() is a condition and has no value for ${name}()`, at);
  return call;
}

function field(cursor: Cursor, name: FunctionName): Path {
  const { kind, at } = cursor.token;
  if (kind !== "text" && kind !== "string") refuseUsage(name, at);
  return toPath(readName(cursor), at);
}

function secondLiteral(cursor: Cursor, name: FunctionName): Literal {
  comma(cursor, name);
  return literal(cursor, name);
}

function literal(cursor: Cursor, name: FunctionName): Literal {
  const { kind, at } = cursor.token;
  if (kind !== "text" && kind !== "string") refuseUsage(name, at);
  return toLiteral(readName(cursor), at, unescapeArgument) ?? refuseUsage(name, at);
}

function quotedLiteral(cursor: Cursor, name: FunctionName): Literal {
  const { kind, text, at } = cursor.token;
  if (kind !== "string") refuseUsage(name, at);
  cursor.advance();
  return { kind: "literal", text: unescapeArgument(text), quoted: true, at };
}

function comma(cursor: Cursor, name: FunctionName): void {
  if (!cursor.accept(",")) refuseUsage(name, cursor.token.at);
}
