import type { Query } from "./compile.ts";
import { type Formula, mapFormula, type Part, toFormula } from "./formula.ts";
import { GlobalSearch } from "./global-search.ts";
import { type Place, placesBelow, placesIn } from "./locate.ts";
import { compilePart, type PartTest } from "./part-test.ts";
import { printComparison, printCondition, printLiteral, printPath, printSubject } from "./print.ts";
import { leavesOf } from "./read.ts";
import { Readers } from "./reader.ts";
import { parseSearch, SearchProgress } from "./search-text.ts";
import { isExistenceTest, isNullValue, type Literal, type Path, type Subject } from "./tree.ts";

/** The tree of a filter with what an entry had to say to each part of it. */
export interface Explanation {
  /** "all" and "any" join the parts in `of`; "none" negates the one there; "always" is the empty filter. */
  readonly kind: "always" | "all" | "any" | "none" | "part";
  /** The canonical text of this part of the filter. */
  readonly text: string;
  readonly verdict: boolean;
  readonly of: readonly Explanation[];
  /** Of a part: the field it looks at, `*` for every field. */
  readonly field: string | null;
  /** Of a part: what it wants there, operator and value. */
  readonly expected: string | null;
  /** Of a part: the values met, each with its own verdict; empty when the field is absent. */
  readonly met: readonly Met[];
}

export interface Met {
  readonly field: string;
  readonly value: unknown;
  readonly verdict: boolean;
}

/** The first comparison that kept an entry from passing. */
export interface Mismatch {
  readonly text: string;
  readonly field: string;
  readonly expected: string;
  /** The value met there, or the word "absent"; `isAbsent` tells it from a value of that text. */
  readonly met: unknown;
  readonly isAbsent: boolean;
  /** Whether it is the negation of a comparison, which failed because the comparison held. */
  readonly isNegated: boolean;
}

/** A value that made a filter true. */
export interface DecidingMatch {
  readonly field: string;
  readonly value: string | number | boolean | null;
}

/** Judges every part of a filter, without stopping at the first that decides. Never throws. */
export function explain(query: Query, entry: unknown): Explanation {
  const { formula, readers } = explainable(query);
  readers.open(entry);
  const explanation = explainFormula(formula, readers);
  readers.close();
  return explanation;
}

/** Why an entry does not pass: the first comparison that failed; undefined when the entry passes. */
export function explainMismatch(query: Query, entry: unknown): Mismatch | undefined {
  const explanation = explain(query, entry);
  return explanation.verdict ? undefined : firstFailure(explanation, false);
}

/**
 * What made an entry pass, in the order of the filter and each once: of parts joined by AND all, of parts joined by OR
 * the first that holds. Negations and absences count only when nothing else explains the match; then they give the
 * value met, or null. Empty when the entry does not pass.
 */
export function decidingMatches(query: Query, entry: unknown): readonly DecidingMatch[] {
  const explanation = explain(query, entry);
  if (!explanation.verdict) return [];
  const positive = deciding(explanation);
  return unique(positive.length > 0 ? positive : decidingAbsences(explanation, true));
}

interface ExplainedPart {
  readonly part: Part;
  readonly test: PartTest;
}

interface Explainable {
  readonly formula: Formula<ExplainedPart>;
  readonly readers: Readers;
}

const prepared = new WeakMap<Query, Explainable>();

function explainable(query: Query): Explainable {
  let known = prepared.get(query);
  if (known === undefined) {
    const readers = new Readers(query.schema);
    const formula = mapFormula(toFormula(query.tree), (part) => ({ part, test: compilePart(part, readers) }));
    known = { formula, readers };
    prepared.set(query, known);
  }
  return known;
}

function explainFormula(formula: Formula<ExplainedPart>, readers: Readers): Explanation {
  const joint = { field: null, expected: null, met: [] };
  switch (formula.kind) {
    case "always":
      return { kind: "always", text: "", verdict: true, of: [], ...joint };
    case "part":
      return explainPart(formula.part, readers);
    case "none": {
      const inner = explainFormula(formula.of, readers);
      const text = inner.kind === "part" ? inner.text : `(${inner.text})`;
      return { kind: "none", text: `NOT ${text}`, verdict: !inner.verdict, of: [inner], ...joint };
    }
    case "all":
    case "any": {
      const of = formula.of.map((inner) => explainFormula(inner, readers));
      const verdict = formula.kind === "all" ? of.every((inner) => inner.verdict) : of.some((inner) => inner.verdict);
      const texts = of.map(({ kind, text }) => (kind === "all" || kind === "any" ? `(${text})` : text));
      return { kind: formula.kind, text: texts.join(formula.kind === "all" ? " AND " : " OR "), verdict, of, ...joint };
    }
  }
}

function explainPart({ part, test }: ExplainedPart, readers: Readers): Explanation {
  const verdict = test.check();
  const description = describe(part);
  const met = [...metBy(part, test, readers)];
  return { kind: "part", verdict, of: [], met, ...description };
}

function describe(part: Part): { readonly text: string; readonly field: string; readonly expected: string } {
  if (part.kind === "comparison") {
    const { subject, operator, literal } = part;
    const expected = isExistenceTest(operator, literal) ? "present" : `${operator} ${printLiteral(literal, operator)}`;
    return { text: printComparison(subject, operator, literal), field: printSubject(subject), expected };
  }
  const text = printCondition(part);
  switch (part.kind) {
    case "global":
      return { text, field: "*", expected: `: ${printLiteral(part.literal)}` };
    case "log_id":
    case "source":
      return { text, field: "logName", expected: text };
    case "search":
      return { text, field: part.field === null ? "*" : printPath(part.field), expected: text };
    case "sample":
    case "ip_in_net":
      return { text, field: printPath(part.field), expected: text };
  }
}

function* metBy(part: Part, test: PartTest, readers: Readers): Generator<Met> {
  if (part.kind === "global") {
    yield* placesOfLiteral(part.literal, readers);
  } else if (part.kind === "search" && part.field === null) {
    yield* placesOfSearch(part.query, test.check(), readers);
  } else if (part.kind === "comparison" && part.subject.kind !== "path") {
    const reader = readers.for(innerPath(part.subject));
    const verdict = test.check();
    for (const value of leavesOf(reader.read())) yield { field: reader.route.text, value, verdict };
  } else if (test.onPath !== undefined) {
    const { reader, verdict } = test.onPath;
    const leaves = leavesOf(reader.read());
    for (const value of looksAtFirst(part) ? leaves.slice(0, 1) : leaves) {
      if (isTextInObject(part, value) && verdict(value))
        yield* placesOfLiteralBelow(part.literal, reader.route.text, value);
      else yield { field: reader.route.text, value, verdict: verdict(value) };
    }
  }
}

/** Functions of one value take the first that is there. */
function looksAtFirst({ kind }: Part): boolean {
  return kind === "sample" || kind === "log_id" || kind === "source";
}

/** `obj:"text"` looks below the object; the place where the text stands says more than the object. */
function isTextInObject(part: Part, value: unknown): part is Extract<Part, { readonly kind: "comparison" }> {
  if (part.kind !== "comparison" || typeof value !== "object" || value === null) return false;
  return part.operator === ":" && !isExistenceTest(part.operator, part.literal) && !isNullValue(part.literal);
}

function* placesOfLiteral(literal: Literal, readers: Readers): Generator<Met> {
  const search = new GlobalSearch(literal);
  for (const place of placesIn(readers.entry, readers.schema)) {
    const inKey = place.key !== undefined && search.key(place.key);
    if (!inKey && !(isScalarValue(place.value) && search.scalar(place.value, place.type))) continue;
    yield { field: place.field, value: place.value, verdict: true };
    return;
  }
}

function* placesOfLiteralBelow(literal: Literal, field: string, value: unknown): Generator<Met> {
  const search = new GlobalSearch(literal);
  for (const place of placesBelow(field, value)) {
    if (!isScalarValue(place.value) || !search.scalar(place.value, "json")) continue;
    yield { field: place.field, value: place.value, verdict: true };
    return;
  }
}

/** Where the words stand that were found; all of them have to be. */
function* placesOfSearch(literal: Literal, verdict: boolean, readers: Readers): Generator<Met> {
  const query = parseSearch(literal.text);
  if (query === undefined) return;
  const wanted = [
    ...query.words.map((word) => ({ words: [word], phrases: [] })),
    ...query.phrases.map((phrase) => ({ words: [], phrases: [phrase] })),
  ];
  const texts = [...placesIn(readers.entry, readers.schema)].filter(isSearched);
  for (const piece of wanted) {
    const place = texts.find(({ value }) => new SearchProgress(piece).add(String(value)));
    if (place !== undefined) yield { field: place.field, value: place.value, verdict };
  }
}

function isSearched({ value, type }: Place): boolean {
  return typeof value === "string" && (type === "json" || type === "string");
}

function innerPath(subject: Subject): Path {
  return subject.kind === "path" ? subject : innerPath(subject.value);
}

function firstFailure(explanation: Explanation, isNegated: boolean): Mismatch | undefined {
  if (explanation.kind === "part") {
    const shown = explanation.met.find(({ verdict }) => verdict === isNegated) ?? explanation.met[0];
    return {
      text: isNegated ? `NOT ${explanation.text}` : explanation.text,
      field: explanation.field ?? "",
      expected: isNegated ? `not ${explanation.expected ?? ""}` : (explanation.expected ?? ""),
      met: shown === undefined ? "absent" : shown.value,
      isAbsent: shown === undefined,
      isNegated,
    };
  }
  const negated = explanation.kind === "none" ? !isNegated : isNegated;
  const failing = explanation.of.find((inner) => inner.verdict === negated);
  return failing === undefined ? undefined : firstFailure(failing, negated);
}

/** The matches of the parts that hold and are not negated. */
function deciding(explanation: Explanation): readonly DecidingMatch[] {
  switch (explanation.kind) {
    case "part":
      return explanation.met
        .filter(({ verdict }) => verdict)
        .slice(0, isSpread(explanation) ? undefined : 1)
        .map(toMatch);
    case "all":
      return explanation.of.flatMap(deciding);
    case "any": {
      const holding = explanation.of.filter(({ verdict }) => verdict).map(deciding);
      return holding.find((matches) => matches.length > 0) ?? [];
    }
    default:
      return [];
  }
}

/** The words of a SEARCH may stand in several fields, each of which is worth telling. */
function isSpread({ field }: Explanation): boolean {
  return field === "*";
}

/** What stands at the fields of the parts that hold because of what is not there. */
function decidingAbsences(explanation: Explanation, wanted: boolean): readonly DecidingMatch[] {
  if (explanation.kind === "part") {
    const [met] = explanation.met;
    return [met === undefined ? { field: explanation.field ?? "", value: null } : toMatch(met)];
  }
  const inner = explanation.kind === "none" ? !wanted : wanted;
  const holding = explanation.of.filter(({ verdict }) => verdict === inner);
  const joinsAll = (explanation.kind === "all") === inner;
  return (joinsAll ? holding : holding.slice(0, 1)).flatMap((each) => decidingAbsences(each, inner));
}

function toMatch({ field, value }: Met): DecidingMatch {
  return { field, value: isScalarValue(value) ? value : null };
}

function isScalarValue(value: unknown): value is string | number | boolean | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function unique(matches: readonly DecidingMatch[]): readonly DecidingMatch[] {
  const seen = new Map(matches.map((match) => [`${match.field} ${JSON.stringify(match.value)}`, match]));
  return [...seen.values()];
}
