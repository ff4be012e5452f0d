import type { Query } from "./compile.ts";
import { fold } from "./fold.ts";
import { type Formula, type Part, type SingleComparison, toFormula } from "./formula.ts";
import { missingVerdict } from "./leaf-test.ts";
import { canonicalLogId } from "./log-name.ts";
import { parseRegex, type Regex } from "./regex-syntax.ts";
import { findRoute, isScalar, type Route } from "./route.ts";
import { doubleFromText, scalarFromText } from "./scalar.ts";
import type { FieldType, ScalarType, Schema } from "./schema.ts";
import { parseSearch } from "./search-text.ts";
import { isExistenceTest, isNullValue, type Literal, type Path, type Subject } from "./tree.ts";

/**
 * What the JSON text of an entry must hold for a filter to match: of each clause at least one needle. No clauses means
 * that nothing can be said and every entry has to be looked at.
 *
 * JSON can hide any character, so a scanner has to count more than the needles' own bytes as a possible hit:
 * - of every needle: an escape `\u00XX` of a character of `NEEDLE_ALPHABET`, in either case of its hexadecimal digits;
 * - of a needle whose letter case is free, which Unicode folding was applied to: an escape `\uXXXX` of any character
 *   beyond ASCII, and any of the byte pairs that `foldingPairs` gives.
 */
export interface LiteralSets {
  readonly clauses: readonly Clause[];
}

export interface Clause {
  readonly needles: readonly Needle[];
}

export interface Needle {
  /** At least three characters of `NEEDLE_ALPHABET`; in lower case when `caseInsensitive` is set. */
  readonly text: string;
  /** Whether the letters A to Z may stand for a to z. */
  readonly caseInsensitive: boolean;
}

/** The characters that needles are made of: no JSON writer puts a backslash before one of them. */
export const NEEDLE_ALPHABET = /[A-Za-z0-9 ._-]/;

const RUNS = /[A-Za-z0-9 ._-]{3,}/g;

/** Derives the needles of a filter. Sound: the JSON text of every matching entry satisfies all clauses. */
export function literals(query: Query): LiteralSets {
  return { clauses: withoutRepeats(clausesOf(toFormula(query.tree), true, query.schema)) };
}

/** Of parts joined by AND the clauses add up; of parts joined by OR each must offer one, and together they make one. */
function clausesOf(formula: Formula, wanted: boolean, schema: Schema): readonly Clause[] {
  switch (formula.kind) {
    case "always":
      return [];
    case "none":
      return clausesOf(formula.of, !wanted, schema);
    case "part":
      return wanted ? partClauses(formula.part, schema) : [];
    case "all":
    case "any": {
      const each = formula.of.map((inner) => clausesOf(inner, wanted, schema));
      return (formula.kind === "all") === wanted ? each.flat() : oneOf(each);
    }
  }
}

function oneOf(alternatives: readonly (readonly Clause[])[]): readonly Clause[] {
  const needles: Needle[] = [];
  for (const clauses of alternatives) {
    const best = mostTelling(clauses);
    if (best === undefined) return [];
    needles.push(...best.needles);
  }
  return needles.length === 0 ? [] : [{ needles }];
}

/** The clause whose shortest needle is the longest: long texts are rare. */
function mostTelling(clauses: readonly Clause[]): Clause | undefined {
  let best: Clause | undefined;
  for (const clause of clauses) if (best === undefined || shortest(clause) > shortest(best)) best = clause;
  return best;
}

function shortest({ needles }: Clause): number {
  return Math.min(...needles.map(({ text }) => text.length));
}

function partClauses(part: Part, schema: Schema): readonly Clause[] {
  switch (part.kind) {
    case "comparison":
      return comparisonClauses(part, schema);
    case "global":
      return globalClauses(part.literal, schema);
    case "log_id":
      // Escapes of letters and digits stay escapes in the canonical form, so its other characters stand in the name.
      return clausesOfTexts(canonicalLogId(part.logId.text).split(/%[0-9a-f]{2}/), true);
    case "source":
      return clausesOfTexts([fold(part.resource.text)], true);
    case "search": {
      const { words, phrases } = parseSearch(part.query.text) ?? { words: [], phrases: [] };
      return clausesOfTexts([...words, ...phrases], true);
    }
    case "sample":
    case "ip_in_net":
      return pathClauses(part.field, schema);
  }
}

function comparisonClauses(part: SingleComparison, schema: Schema): readonly Clause[] {
  const { subject, operator, literal } = part;
  const path = innerPath(subject);
  if (subject.kind !== "path") return pathClauses(path, schema);
  const route = findRoute(path, schema);
  if (missingVerdict(route.main.type, route.defaulted, operator, literal)) return [];
  return [...keyClauses(route), ...valueClauses(part, typesOf(route))];
}

/** What the value must hold, given the types it may have. */
function valueClauses({ operator, literal }: SingleComparison, types: readonly ScalarType[]): readonly Clause[] {
  if (isExistenceTest(operator, literal) || isNullValue(literal)) return [];
  if (operator === "=~") {
    const regex = parseRegex(literal.text);
    return regex === undefined ? [] : regexClauses(regex);
  }
  return operator === "=" || operator === ":" ? textClauses(literal, types) : [];
}

/** Every field may hold the text of a global restriction, so it must have one spelling in all their types. */
function globalClauses(literal: Literal, schema: Schema): readonly Clause[] {
  const isStar = isExistenceTest(":", literal);
  return isStar || isNullValue(literal) ? [] : textClauses(literal, scalarTypesIn(schema.fields));
}

/** A text that is also a number, an instant or a name with a number may be spelled otherwise in the JSON. */
function textClauses(literal: Literal, types: readonly ScalarType[]): readonly Clause[] {
  if (doubleFromText(literal.text) !== undefined) return [];
  const hasOtherSpelling = types.some(
    (type) => type !== "string" && type !== "bool" && scalarFromText(literal.text, type) !== undefined,
  );
  return hasOtherSpelling ? [] : clausesOfTexts([fold(literal.text)], true);
}

/** A path that must find something needs its keys, as far as they are not names that every entry has. */
function pathClauses(path: Path, schema: Schema): readonly Clause[] {
  const route = findRoute(path, schema);
  return route.defaulted ? [] : keyClauses(route);
}

function keyClauses(route: Route): readonly Clause[] {
  const keys = route.main.steps.filter(({ loose, isField }) => loose === undefined && !isField).map(({ key }) => key);
  return clausesOfTexts(keys, false);
}

function innerPath(subject: Subject): Path {
  return subject.kind === "path" ? subject : innerPath(subject.value);
}

function typesOf(route: Route): readonly ScalarType[] {
  const branches = [route.main, ...(route.payload?.branches ?? [])];
  return branches.map(({ type }) => type).filter((type) => isScalar(type));
}

function scalarTypesIn(fields: Readonly<Record<string, FieldType>>): readonly ScalarType[] {
  return Object.values(fields).flatMap((type): readonly ScalarType[] => {
    if (typeof type === "string" || type.kind === "enumeration") return [type];
    if (type.kind === "message") return scalarTypesIn(type.fields);
    return type.kind === "payload" ? Object.values(type.types).flatMap(({ fields }) => scalarTypesIn(fields)) : [];
  });
}

function clausesOfTexts(texts: readonly string[], caseInsensitive: boolean): readonly Clause[] {
  const runs = texts.flatMap((text) => text.match(RUNS) ?? []);
  return runs.map((text) => ({ needles: [{ text, caseInsensitive }] }));
}

/** The texts that every match of a pattern holds, letter for letter. */
function regexClauses(regex: Regex): readonly Clause[] {
  switch (regex.kind) {
    case "sequence":
      return sequenceClauses(regex.parts);
    case "alternation":
      return oneOf(regex.branches.map(regexClauses));
    case "repetition":
      return regex.min === 0 ? [] : regexClauses(regex.part);
    default:
      return [];
  }
}

function sequenceClauses(parts: readonly Regex[]): readonly Clause[] {
  const clauses: Clause[] = [];
  let run = "";
  for (const part of parts) {
    const character = onlyCharacter(part);
    run += character ?? "\n";
    if (character === undefined) clauses.push(...regexClauses(part));
  }
  return [...clausesOfTexts(run.split("\n"), false), ...clauses];
}

function onlyCharacter(regex: Regex): string | undefined {
  const range = regex.kind === "set" && regex.ranges.length === 1 ? regex.ranges[0] : undefined;
  return range !== undefined && range[0] === range[1] ? String.fromCodePoint(range[0]) : undefined;
}

function withoutRepeats(clauses: readonly Clause[]): readonly Clause[] {
  return [...new Map(clauses.map((clause) => [JSON.stringify(clause), clause])).values()];
}
