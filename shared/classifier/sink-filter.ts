import { parse } from "../query/parse.ts";
import { printComparison, printCondition } from "../query/print.ts";
import { type Comparison, type Condition, isAnd, isNot, isOr, type Values } from "../query/tree.ts";
import type { Rule } from "./rule.ts";

/**
 * The log that Glasswatch writes to itself: each sink lets it through, so that a dead sink is noticed.
 * https://cloud.google.com/logging/docs/view/logging-query-language (log_id)
 */
export const HEARTBEAT_LOG_ID = "glasswatch-heartbeat";

/** Google's limit for a sink's filter; https://cloud.google.com/logging/quotas */
export const MAX_FILTER_CHARACTERS = 20_000;

/**
 * The filter of the log sink that feeds these rules: it lets through whatever one of them can match, and little else.
 * Conditions that rules share are written once. May be wider than the rules, never narrower.
 */
export function sinkFilter(rules: readonly Rule[]): string {
  const alternatives = rules.filter(comesThroughSink).map(({ filter }) => conjunctsOf(filter));
  const terms = alternativesOf(withoutCovered(alternatives)).map((term) => written(term, "or"));
  return [...terms, `log_id("${HEARTBEAT_LOG_ID}")`].join("\nOR ");
}

/** Security Command Center sends its findings itself; no sink sees them. */
function comesThroughSink({ id }: Rule): boolean {
  return !id.startsWith("scc.");
}

/** Conditions that have to hold together; the text is the canonical one, so equal conditions have equal texts. */
type Conjunction = ReadonlyMap<string, Condition>;

/** What the parts of a conjunction or disjunction become when they are written. */
type Term = Condition | { readonly all: readonly Term[] } | { readonly any: readonly Term[] };

function conjunctsOf(filter: string): Conjunction {
  const { condition } = parse(filter);
  const conjuncts = new Map<string, Condition>();
  const collect = (part: Condition): void => {
    if (isAnd(part)) part.terms.forEach(collect);
    else conjuncts.set(printCondition(part), part);
  };
  if (condition !== null) collect(condition);
  return conjuncts;
}

/** An alternative that demands all that another demands, and more, adds nothing. */
function withoutCovered(alternatives: readonly Conjunction[]): readonly Conjunction[] {
  return alternatives.filter((one, index) =>
    alternatives.every((other, otherIndex) => {
      if (index === otherIndex || ![...other.keys()].every((text) => one.has(text))) return true;
      return other.size === one.size && otherIndex > index;
    }),
  );
}

/** The alternatives, to be joined by OR: what most of them share is drawn out, until nothing is shared. */
function alternativesOf(alternatives: readonly Conjunction[]): readonly Term[] {
  const shared = mostShared(alternatives);
  if (shared === undefined) return withMergedLists(alternatives);
  const having = alternatives.filter((one) => one.has(shared));
  const others = alternatives.filter((one) => !one.has(shared));
  const rest = withoutCovered(having.map((one) => new Map([...one].filter(([text]) => text !== shared))));
  const first = having[0]?.get(shared) as Condition;
  const isEnough = rest.some((one) => one.size === 0);
  return [isEnough ? first : { all: [first, { any: alternativesOf(rest) }] }, ...alternativesOf(others)];
}

function mostShared(alternatives: readonly Conjunction[]): string | undefined {
  const counts = new Map<string, number>();
  for (const one of alternatives) {
    for (const text of one.keys()) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const [best] = [...counts].toSorted((a, b) => b[1] - a[1]);
  return best === undefined || best[1] === 1 ? undefined : best[0];
}

/** `f="a"` OR `f="b"` is `f=("a" OR "b")`: lists of one field and operator are merged. */
function withMergedLists(alternatives: readonly Conjunction[]): readonly Term[] {
  const lists = new Map<string, Comparison>();
  const others: Term[] = [];
  for (const one of alternatives) {
    const [only] = one.values();
    if (one.size !== 1 || only?.kind !== "comparison" || isAnd(only.values) || isNot(only.values)) {
      others.push({ all: [...one.values()] });
      continue;
    }
    const key = printComparison(only.subject, only.operator, ANY_VALUE);
    const known = lists.get(key);
    const values = known === undefined ? only.values : either(known.values, only.values);
    lists.set(key, { ...only, values });
  }
  return [...lists.values(), ...others];
}

const NOWHERE = { line: 1, column: 1 };
const ANY_VALUE: Values = { kind: "literal", text: "", quoted: true, at: NOWHERE };

function either(a: Values, b: Values): Values {
  return { kind: "or", terms: [a, b].flatMap((values) => (isOr(values) ? values.terms : [values])), at: NOWHERE };
}

/** Text with parentheses wherever AND and OR meet: nobody has to remember which of them binds tighter. */
function written(term: Term, within: "and" | "or"): string {
  if ("all" in term) {
    const [only, ...more] = term.all;
    if (only !== undefined && more.length === 0) return written(only, within);
    const text = flat(term.all, "all")
      .map((part) => written(part, "and"))
      .join(" ");
    return within === "or" ? `(${text})` : text;
  }
  if ("any" in term) {
    const [only, ...more] = term.any;
    if (only !== undefined && more.length === 0) return written(only, within);
    const text = flat(term.any, "any")
      .map((part) => written(part, "or"))
      .join(" OR ");
    return within === "and" ? `(${text})` : text;
  }
  if (isAnd(term)) return written({ all: term.terms }, within);
  if (isOr(term)) return written({ any: term.terms }, within);
  return printCondition(term);
}

/** Conjunctions in a conjunction, and alternatives in alternatives, need no parentheses of their own. */
function flat(terms: readonly Term[], kind: "all" | "any"): readonly Term[] {
  return terms.flatMap((term) => {
    const single = "any" in term && term.any.length === 1 ? (term.any[0] as Term) : term;
    if (kind === "all" && "all" in single) return flat(single.all, kind);
    if (kind === "any" && "any" in single) return flat(single.any, kind);
    return [single];
  });
}
