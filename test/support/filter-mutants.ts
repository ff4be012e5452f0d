import type { LogEntry } from "../../shared/audit-log/entry.ts";
import { viewOf } from "../../shared/audit-log/view.ts";
import { compile } from "../../shared/query/compile.ts";
import { parse } from "../../shared/query/parse.ts";
import { printCondition, printLiteral } from "../../shared/query/print.ts";
import {
  type Atom,
  type Condition,
  isAnd,
  isExistenceTest,
  isNot,
  isOr,
  type Literal,
  type Values,
} from "../../shared/query/tree.ts";

/**
 * A filter without one of its conditions. Of conditions that all have to hold, one is no longer asked for; of
 * alternatives, one no longer counts.
 */
export interface Mutant {
  readonly removed: string;
  /** The whole condition that is left; undefined lets everything through. */
  readonly left: Condition | undefined;
  /** Conditions that have to fail, and hold, for the removed one to decide alone. */
  readonly others: readonly Atom[];
  readonly needed: readonly Atom[];
  readonly target: Atom;
  /** Of a list of values, the one that was removed. */
  readonly literal: Literal | undefined;
}

/** Every filter that is one condition, or one value of a list, short of this one. */
export function mutantsOf(filter: string): readonly Mutant[] {
  const { condition } = parse(filter);
  return condition === null ? [] : [...mutants(condition, (left) => left, [], [])];
}

type Rebuild = (left: Condition | undefined) => Condition | undefined;

function* mutants(
  at: Condition,
  rebuild: Rebuild,
  others: readonly Atom[],
  needed: readonly Atom[],
): Generator<Mutant> {
  if (isAnd(at) || isOr(at)) {
    for (const [index, term] of at.terms.entries()) {
      const rest = at.terms.filter((_, other) => other !== index);
      const siblings = rest.flatMap(atomsOf);
      yield* mutants(
        term,
        (left) => rebuild(joined(at.kind, left === undefined ? rest : at.terms.with(index, left))),
        isOr(at) ? [...others, ...siblings] : others,
        isAnd(at) ? [...needed, ...rest.filter(isAtom)] : needed,
      );
    }
    return;
  }
  const removed = printCondition(at);
  const target = isNot(at) ? atomsOf(at)[0] : at;
  if (target === undefined) return;
  yield { removed, left: rebuild(undefined), others, needed, target, literal: undefined };
  if (at.kind !== "comparison" || !isOr(at.values)) return;
  const { terms } = at.values;
  for (const [index, literal] of terms.entries()) {
    if (literal.kind !== "literal") continue;
    const values = joined("or", terms.filter((_, other) => other !== index) as Values[]) as Values;
    const text = `${printLiteral(literal, at.operator)} of ${removed}`;
    yield { removed: text, left: rebuild({ ...at, values }), others, needed, target: at, literal };
  }
}

function joined<T>(kind: "and" | "or", terms: readonly T[]): T | undefined {
  if (terms.length <= 1) return terms[0];
  return { kind, terms, at: { line: 1, column: 1 } } as T;
}

function isAtom(condition: Condition): condition is Atom {
  return !isAnd(condition) && !isOr(condition) && !isNot(condition);
}

function atomsOf(condition: Condition): readonly Atom[] {
  if (isAnd(condition) || isOr(condition)) return condition.terms.flatMap(atomsOf);
  return isNot(condition) ? atomsOf(condition.term) : [condition];
}

/** Entries that may show the difference which the removed condition makes, made from one that the rule recognises. */
export function* candidates(positive: LogEntry, { target, literal, others, needed }: Mutant): Generator<LogEntry> {
  yield* broken(positive, target);
  for (const solo of made(others.reduce(firstBroken, structuredClone(positive)), target, literal)) {
    const whole = needed
      .filter((atom) => !holds(solo, atom))
      .reduce<LogEntry>((entry, atom) => [...made(entry, atom, undefined)][0] ?? entry, solo);
    yield whole;
    yield* broken(whole, target);
  }
}

function holds(entry: LogEntry, atom: Atom): boolean {
  return compile(printCondition(atom)).matches(entry);
}

function firstBroken(entry: LogEntry, atom: Atom): LogEntry {
  return broken(entry, atom).next().value ?? entry;
}

/** The entry with the condition made false, in several ways. */
function* broken(entry: LogEntry, atom: Atom): Generator<LogEntry> {
  if (atom.kind === "log_id") {
    yield { ...entry, logName: entry.logName.replace(/\/logs\/.*/, "/logs/other") };
  } else if (atom.kind === "comparison" && atom.subject.kind === "path") {
    const { components } = atom.subject;
    yield withValue(entry, components, undefined);
    for (const value of ["something else", "something/else", 7, 0, false, true, {}, "x.y.z"]) {
      yield withValue(entry, components, value);
    }
  } else if (atom.kind === "global") {
    yield JSON.parse(JSON.stringify(entry).replaceAll(atom.literal.text, "removed")) as LogEntry;
  }
}

/** The entry with the condition made true, as far as its text tells how. */
function* made(entry: LogEntry, atom: Atom, literal: Literal | undefined): Generator<LogEntry> {
  if (atom.kind === "log_id") {
    const log = encodeURIComponent(atom.logId.text);
    yield { ...entry, logName: entry.logName.replace(/\/logs\/.*/, `/logs/${log}`) };
    return;
  }
  if (atom.kind === "global") {
    yield {
      ...entry,
      labels: { ...(entry.labels as object), [`${atom.literal.text}/round_0_index_1`]: WEBHOOK },
    } as LogEntry;
    return;
  }
  if (atom.kind !== "comparison" || atom.subject.kind !== "path") return;
  const { components } = atom.subject;
  for (const one of literal === undefined ? literalsOf(atom.values) : [literal]) {
    if (isExistenceTest(atom.operator, one)) {
      for (const value of ["x", { a: "b" }]) yield withValue(entry, components, value);
    } else if (atom.operator === "=" || atom.operator === ":") {
      yield withValue(entry, components, one.text);
      yield withValue(entry, components, `${one.text} of an image by policy`);
      yield withValue(entry, components, [one.text]);
      const now = viewOf(entry).text({ keys: components, text: "" });
      if (now !== undefined) yield withValue(entry, components, now.replace(/[^/]*$/, one.text));
    } else if (atom.operator === ">" || atom.operator === ">=") {
      yield withValue(entry, components, Number(one.text) + 1);
    } else if (atom.operator === "=~") {
      for (const text of textsFor(one.text)) yield withValue(entry, components, text);
    } else if (atom.operator === "!=") {
      yield withValue(entry, components, "something else");
    }
  }
}

const WEBHOOK = "imagepolicywebhook.image-policy.k8s.io";

function literalsOf(values: Values): readonly Literal[] {
  if (values.kind === "literal") return [values];
  return isNot(values) ? [] : values.terms.flatMap(literalsOf);
}

/** Texts that a pattern of our rules takes: the pattern itself with its first alternatives, and with its last. */
function textsFor(pattern: string): readonly string[] {
  const chosen = (choose: (alternatives: readonly string[]) => string) =>
    pattern
      .replace(/\(\?:/g, "(")
      .replace(/\(([^()]*)\)(\?)?/g, (_, inner: string) => choose(inner.split("|")))
      .replace(/\[[^\]]*\][+*]?/g, "1")
      .replace(/\\/g, "")
      .replace(/[\^$]/g, "");
  return [chosen((all) => all[0] ?? ""), chosen((all) => all.at(-1) ?? "")];
}

/** A copy with the value at the path; elements of lists on the way all get it, missing objects are made. */
function withValue(entry: LogEntry, components: readonly string[], value: unknown): LogEntry {
  const copy = structuredClone(entry) as unknown as Record<string, unknown>;
  set(copy, components, value);
  return copy as unknown as LogEntry;
}

function set(at: unknown, [key, ...rest]: readonly string[], value: unknown): void {
  if (Array.isArray(at)) {
    for (const element of at) set(element, [key as string, ...rest], value);
    return;
  }
  if (typeof at !== "object" || at === null || key === undefined) return;
  const object = at as Record<string, unknown>;
  const own = Object.keys(object).find((name) => name === key) ?? key;
  if (rest.length === 0) {
    if (value === undefined) delete object[own];
    else object[own] = value;
    return;
  }
  if (typeof object[own] !== "object" || object[own] === null) {
    if (value === undefined) return;
    object[own] = {};
  }
  set(object[own], rest, value);
}
