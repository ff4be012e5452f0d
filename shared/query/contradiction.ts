import { printDuration } from "./duration.ts";
import { type Formula, type Part, partsOf, type SingleComparison } from "./formula.ts";
import { type LeafTest, leafTest, missingVerdict } from "./leaf-test.ts";
import { canonicalLogId } from "./log-name.ts";
import { canBe, type Decide } from "./possibility.ts";
import { findRoute, isScalar, type Route } from "./route.ts";
import { defaultOf, type Scalar, scalarFromText } from "./scalar.ts";
import { LOG_ENTRY, type ScalarType, type Schema } from "./schema.ts";
import { printTimestamp } from "./timestamp.ts";
import { isExistenceTest, isNullValue, type Path, type Position } from "./tree.ts";

/** Why no entry at all can pass a filter, and where the trouble begins. */
export interface Contradiction {
  readonly at: Position;
  readonly message: string;
}

/**
 * Finds conditions that exclude each other: on one field that has a single value, on the log, on the payload. Each kind
 * is tried with every case that can make a difference; what else the filter asks for is taken as possible.
 */
export function contradictions(formula: Formula, schema: Schema): readonly Contradiction[] {
  const found: Contradiction[] = [];
  for (const [text, parts] of byField(formula, schema)) {
    const cases = casesOfField(parts, schema);
    const isPossible = cases.some((decide) => canBe(true, formula, decide));
    if (!isPossible)
      found.push({ at: lastOf(parts).at, message: `no value of ${text} satisfies all conditions on it` });
  }
  const logs = partsOf(formula).filter((part) => part.kind === "log_id");
  if (
    logs.length > 1 &&
    !casesOfLog(logs.map(({ logId }) => logId.text)).some((decide) => canBe(true, formula, decide))
  ) {
    found.push({ at: lastOf(logs).at, message: "an entry is in one log only" });
  }
  if (schema === LOG_ENTRY && found.length === 0) found.push(...payloadContradictions(formula));
  return found;
}

/** Comparisons that look at the same field, for fields that cannot have two values at once. */
function byField(formula: Formula, schema: Schema): ReadonlyMap<string, readonly PathComparison[]> {
  const groups = new Map<string, PathComparison[]>();
  for (const part of partsOf(formula)) {
    if (!isPathComparison(part)) continue;
    const route = findRoute(part.subject, schema);
    if (!isSingleValued(route)) continue;
    const group = groups.get(route.text);
    if (group === undefined) groups.set(route.text, [part]);
    else group.push(part);
  }
  return groups;
}

type PathComparison = SingleComparison & { readonly subject: Path };

function isPathComparison(part: Part): part is PathComparison {
  return part.kind === "comparison" && part.subject.kind === "path";
}

/** Arrays can have many values: free content may be one, and so may messages of an audit entry. */
function isSingleValued({ place, main, payload, text }: Route): boolean {
  if (place === "field") return isScalar(main.type);
  return (
    place === "map-value" || (payload !== undefined && /^protoPayload\.(?:service|method|resource)Name$/i.test(text))
  );
}

/** One case for each value that can make a difference to the comparisons, one for any other, one for no value. */
function casesOfField(parts: readonly PathComparison[], schema: Schema): readonly Decide<Part>[] {
  const { main, defaulted } = findRoute(lastOf(parts).subject, schema);
  const tests = new Map<Part, LeafTest>(
    parts.map((part) => [part, leafTest(main.type, defaulted, part.operator, part.literal)]),
  );
  const decideBy =
    (verdict: (part: PathComparison, test: LeafTest) => boolean | undefined): Decide<Part> =>
    (part) => {
      const test = tests.get(part);
      return test === undefined ? undefined : verdict(part as PathComparison, test);
    };
  const missing = decideBy(({ operator, literal }) => missingVerdict(main.type, defaulted, operator, literal));
  const isText = !isScalar(main.type) || main.type === "string";
  // The text of a pattern is a value that hardly any pattern is about.
  const texts = parts.filter(({ operator }) => operator !== "=~" && operator !== "!~").map(textOf);
  const leaves = isText ? texts : neighbours(parts, main.type as ScalarType);
  const present = [...new Set(leaves)].map((leaf) => decideBy((_, test) => test(leaf)));
  return [missing, ...present, ...(isText ? [decideBy(ofAnyOtherText)] : [])];
}

/** A text that is equal to none of the literals; whether it contains or precedes them is open. */
function ofAnyOtherText({ operator, literal }: SingleComparison): boolean | undefined {
  if (isExistenceTest(operator, literal)) return true;
  if (operator === "!=") return true;
  return operator === "=" || isNullValue(literal) ? false : undefined;
}

function textOf({ literal }: SingleComparison): string {
  return literal.text;
}

/** Between two neighbouring literals no comparison changes its verdict, so the values next to each suffice. */
function neighbours(parts: readonly SingleComparison[], type: ScalarType): readonly unknown[] {
  if (typeof type === "object") return Object.keys(type.numbers);
  if (type === "bool") return [true, false];
  const named = parts.map(({ literal }) => scalarFromText(literal.text, type)).filter((value) => value !== undefined);
  // Existence tests tell the default from all others.
  const values = [defaultOf(type), ...named];
  const next = values.flatMap((value) => around(value, type));
  return type === "double" ? [...next, ...betweenNumbers(values)] : next;
}

/** For fields with fractions. */
function betweenNumbers(values: readonly Scalar[]): readonly number[] {
  const numbers = values.filter((value) => typeof value === "number").sort((left, right) => left - right);
  return numbers.slice(1).map((number, index) => (number + (numbers[index] ?? number)) / 2);
}

function around(value: Scalar, type: ScalarType): readonly unknown[] {
  if (typeof value === "number") return [value - 1, value, value + 1];
  if (typeof value !== "bigint") return [value];
  return [value - 1n, value, value + 1n].map((each) => jsonOf(each, type));
}

function jsonOf(value: bigint, type: ScalarType): string {
  return type === "timestamp" ? printTimestamp(value) : type === "duration" ? printDuration(value) : String(value);
}

/** One case for each log that is named, one for any other. */
function casesOfLog(logIds: readonly string[]): readonly Decide<Part>[] {
  const canonical = logIds.map(canonicalLogId);
  return [...canonical, undefined].map(
    (logId): Decide<Part> =>
      (part) =>
        part.kind === "log_id" ? canonicalLogId(part.logId.text) === logId : undefined,
  );
}

const PAYLOADS = ["textPayload", "jsonPayload", "protoPayload"];

/** An entry has one payload: one case for each, in which whatever looks at the others finds nothing. */
function payloadContradictions(formula: Formula): readonly Contradiction[] {
  const cases = PAYLOADS.map(
    (payload): Decide<Part> =>
      (part) => {
        if (!isPathComparison(part)) return undefined;
        const { main, defaulted } = findRoute(part.subject, LOG_ENTRY);
        const root = main.steps[0]?.key ?? "";
        if (root === payload || !PAYLOADS.includes(root)) return undefined;
        return missingVerdict(main.type, defaulted, part.operator, part.literal);
      },
  );
  if (cases.some((decide) => canBe(true, formula, decide))) return [];
  const roots = partsOf(formula).filter((part) => isPathComparison(part) && PAYLOADS.includes(rootOf(part.subject)));
  const [at] = roots.map((part) => part.at).slice(-1);
  if (at === undefined || !canBe(true, formula, () => undefined)) return [];
  return [{ at, message: "an entry has one payload only: textPayload, jsonPayload or protoPayload" }];
}

function rootOf(path: Path): string {
  return findRoute(path, LOG_ENTRY).main.steps[0]?.key ?? "";
}

function lastOf<Each>(items: readonly Each[]): Each {
  return items[items.length - 1] as Each;
}
