import { ACTOR_FIELDS } from "../audit-log/actor.ts";
import { toLogEntry } from "../audit-log/entry.ts";
import { imageOf } from "../audit-log/images.ts";
import type { Json } from "../audit-log/json.ts";
import { locationOf, ORIGIN_FIELDS, projectOf, scopeOf } from "../audit-log/origin.ts";
import { type EntryView, type Field, field } from "../audit-log/view.ts";
import { ProcessingError } from "../errors.ts";
import type { Category, Counsel, Severity } from "../finding.ts";
import { parse } from "../query/parse.ts";
import { compileCatalogue } from "./catalogue.ts";
import { classify } from "./classify.ts";
import type { Rule } from "./rule.ts";

/** A rule of the organization's own, as it stands in the settings: data, no code. Fields are paths as in a filter. */
export interface RuleDocument {
  readonly id: string;
  readonly category: Category;
  readonly title: string;
  readonly severity: Severity;
  readonly filter: string;
  /** `deploys/{project}/{resource.labels.service_name}`: entries of one story give the same. */
  readonly incidentKey: string;
  readonly justification?: string | undefined;
  readonly images?: readonly string[] | undefined;
  readonly facts?: Readonly<Record<string, string>> | undefined;
  readonly counsel: Counsel;
  /** Entries that the rule must recognise, and near misses that it must leave. */
  readonly matches: readonly unknown[];
  readonly leaves: readonly unknown[];
}

/** What an organization changes about a rule that comes with Glasswatch. */
export interface RuleChange {
  readonly id: string;
  /** Why; shown wherever the rule is. */
  readonly reason: string;
  readonly disabled?: boolean | undefined;
  readonly severity?: Severity | undefined;
}

/** The rules that are in force. Throws RULE_INVALID for a change of a rule that does not exist. */
export function rulesInForce(
  builtIn: readonly Rule[],
  own: readonly RuleDocument[] = [],
  changes: readonly RuleChange[] = [],
): readonly Rule[] {
  for (const { id } of changes) {
    if (!builtIn.some((rule) => rule.id === id)) throw invalid(id, "no rule of this id comes with Glasswatch");
  }
  const changed = builtIn.flatMap((rule) => {
    const change = changes.find(({ id }) => id === rule.id);
    if (change?.disabled === true) return [];
    return [change?.severity === undefined ? rule : { ...rule, severity: change.severity }];
  });
  return [...changed, ...own.map(toRule)];
}

/** The document as a rule; throws RULE_INVALID when a path in it is none, QUERY_* for its filter when it is compiled. */
export function toRule(document: RuleDocument): Rule {
  const { id, category, title, severity, filter, counsel } = document;
  const key = keyTemplate(document);
  const justification = document.justification === undefined ? undefined : toField(id, document.justification);
  const images = (document.images ?? []).map((path) => toField(id, path));
  const facts = Object.entries(document.facts ?? {}).map(([name, path]) => [name, toField(id, path)] as const);
  return {
    id,
    category,
    title,
    severity,
    filter,
    reads: [
      ...ORIGIN_FIELDS,
      ...ACTOR_FIELDS,
      ...key.fields,
      ...images,
      ...facts.map(([, path]) => path),
      ...(justification === undefined ? [] : [justification]),
    ],
    extract: (view) => ({
      incidentKey: key.fill(view),
      ...(justification === undefined ? {} : { justification: view.text(justification) ?? null }),
      images: images.flatMap((path) => view.texts(path)).map(imageOf),
      facts: Object.fromEntries(facts.map(([name, path]) => [name, factAt(view, path)])),
    }),
    certainty: { level: "inferred", unconfirmed: ["everything: the rule is your own"] },
    volume: "As much as its filter lets through.",
    counsel,
  };
}

/** Runs the entries that the document brings along; throws RULE_INVALID naming the first that is judged wrongly. */
export function checkRuleDocument(document: RuleDocument): void {
  const catalogue = compileCatalogue([toRule(document)]);
  const judge = (entries: readonly unknown[], name: string, expected: boolean) => {
    for (const [index, value] of entries.entries()) {
      const entry = readEntry(document.id, value, `${name}[${index}]`);
      const { findings, faults } = classify(entry, catalogue);
      if (faults[0] !== undefined)
        throw invalid(document.id, `${name}[${index}] made it fail: ${faults[0].error.message}`);
      if (findings.length > 0 === expected) continue;
      const verdict = expected ? "is not recognised" : "is recognised, but must not be";
      throw invalid(document.id, `the entry ${name}[${index}] ${verdict}`);
    }
  };
  judge(document.matches, "matches", true);
  judge(document.leaves, "leaves", false);
}

function readEntry(id: string, value: unknown, place: string) {
  try {
    return toLogEntry(value as Json);
  } catch (error) {
    throw invalid(id, `${place}: ${(error as Error).message}`);
  }
}

function factAt(view: EntryView, path: Field): string | number | boolean | null {
  const value = view.value(path);
  return typeof value === "object" || value === undefined ? null : value;
}

interface Template {
  readonly fields: readonly Field[];
  fill(view: EntryView): string;
}

const DERIVED: Readonly<Record<string, (view: EntryView) => string | null>> = {
  project: projectOf,
  location: locationOf,
  scope: scopeOf,
};

/** Text with fields in braces; what is absent reads "unknown", so that a key always has the same number of parts. */
function keyTemplate({ id, incidentKey }: RuleDocument): Template {
  const parts = incidentKey.split(/\{([^{}]*)\}/).map((text, index) => {
    if (index % 2 === 0) return () => text;
    const derive = Object.hasOwn(DERIVED, text) ? DERIVED[text] : undefined;
    if (derive !== undefined) return (view: EntryView) => derive(view) ?? "unknown";
    const path = toField(id, text);
    return Object.assign((view: EntryView) => view.text(path) ?? "unknown", { path });
  });
  return {
    fields: parts.flatMap((part) => ("path" in part ? [part.path as Field] : [])),
    fill: (view) => parts.map((part) => part(view)).join(""),
  };
}

function toField(id: string, path: string): Field {
  try {
    const { condition } = parse(`${path}:*`);
    if (condition?.kind === "comparison" && condition.subject.kind === "path") {
      const [first, ...rest] = condition.subject.components as [string, ...string[]];
      return field(first, ...rest);
    }
  } catch (error) {
    throw invalid(id, `${JSON.stringify(path)} is not a field: ${(error as Error).message}`);
  }
  throw invalid(id, `${JSON.stringify(path)} is not a field`);
}

function invalid(id: string, why: string): ProcessingError {
  return new ProcessingError("RULE_INVALID", `rule ${id}: ${why}`, { place: id });
}
