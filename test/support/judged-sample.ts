import { expect } from "vitest";
import type { Json } from "../../shared/audit-log/json.ts";
import { type EntryView, type Field, viewOf } from "../../shared/audit-log/view.ts";
import { type Catalogue, compileCatalogue } from "../../shared/classifier/catalogue.ts";
import { classify } from "../../shared/classifier/classify.ts";
import type { ClassifyContext, ObservedState, Rule } from "../../shared/classifier/rule.ts";
import type { Finding } from "../../shared/finding.ts";
import { changed } from "./changed-entry.ts";

export type Changes = Readonly<Record<string, Json | undefined>>;

/** A world in which these states are known, by key. */
export function knowing(states: Readonly<Record<string, unknown>>): ClassifyContext {
  return { previousState: (key) => (Object.hasOwn(states, key) ? states[key] : undefined) };
}

export interface Bench {
  /** What the rules find in a sample with some members replaced. */
  readonly find: (file: string, changes?: Changes, context?: ClassifyContext) => readonly Finding[];
  /** The ids of the rules that find it. */
  readonly kinds: (file: string, changes?: Changes, context?: ClassifyContext) => readonly string[];
  /** The state that the sample leaves behind, which all rules that observe it agree on. */
  readonly observed: (file: string, changes?: Changes) => ObservedState | null;
}

export function benchOf(rules: readonly Rule[]): Bench {
  const catalogue = compileCatalogue(rules);
  const find: Bench["find"] = (file, changes = {}, context = {}) => {
    const { findings, faults } = classify(changed(file, changes), catalogue, context);
    expect(faults).toEqual([]);
    return findings;
  };
  return {
    find,
    kinds: (...args) => find(...args).map(({ rule }) => rule),
    observed: (file, changes = {}) => observedIn(catalogue, file, changes),
  };
}

function observedIn(catalogue: Catalogue, file: string, changes: Changes): ObservedState | null {
  const entry = changed(file, changes);
  const states = catalogue.filters
    .matching(entry)
    .map((index) => catalogue.rules[index] as Rule)
    .flatMap((rule) => (rule.observe === undefined ? [] : [rule.observe(declaredOnly(rule, viewOf(entry)))]));
  for (const state of states) expect(state).toEqual(states[0]);
  return states[0] ?? null;
}

/** The view, when it is asked for nothing but what the rule has declared. */
export function declaredOnly(rule: Rule, view: EntryView): EntryView {
  const declared = new Set(rule.reads.map(({ text }) => text));
  const watched =
    <T>(read: (field: Field) => T) =>
    (field: Field) => {
      expect(declared, `${rule.id} reads ${field.text}`).toContain(field.text);
      return read(field);
    };
  return {
    value: watched((f) => view.value(f)),
    text: watched((f) => view.text(f)),
    object: watched((f) => view.object(f)),
    values: watched((f) => view.values(f)),
    texts: watched((f) => view.texts(f)),
  };
}
