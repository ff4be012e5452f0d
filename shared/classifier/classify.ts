import { createHash } from "node:crypto";
import { authenticatedActor } from "../audit-log/actor.ts";
import type { LogEntry } from "../audit-log/entry.ts";
import { type EntryIdentity, identityOf } from "../audit-log/identity.ts";
import { member, textOrNull } from "../audit-log/json.ts";
import { locationOf, projectOf, scopeOf } from "../audit-log/origin.ts";
import { RESOURCE_NAME, RESOURCE_TYPE } from "../audit-log/payload.ts";
import { type EntryView, viewOf } from "../audit-log/view.ts";
import { ProcessingError } from "../errors.ts";
import { type Confidence, type Fact, FINDING_SCHEMA_VERSION, type Finding } from "../finding.ts";
import { decidingMatches } from "../query/explain.ts";
import type { Catalogue } from "./catalogue.ts";
import { logsLink, resourceLink } from "./links.ts";
import { ACCEPTED, type ClassifyContext, type ObservedState, type Rule } from "./rule.ts";

/** A rule that threw on an entry: its finding may be missing, so this is never passed over. */
export interface Fault {
  readonly rule: string;
  readonly error: ProcessingError;
}

export interface Classification {
  /** In the order of the catalogue. */
  readonly findings: readonly Finding[];
  readonly faults: readonly Fault[];
}

/** An entry that the filters of some rules let through, before these rules are asked what they make of it. */
export interface Recognition {
  readonly entry: LogEntry;
  readonly catalogue: Catalogue;
  /** Of the rules whose filters match, in the order of the catalogue. */
  readonly matching: readonly number[];
  readonly view: EntryView;
  readonly identity: EntryIdentity;
}

/** What an entry says that watched resources are like from now on. */
export interface Observation {
  /** Each key once. */
  readonly states: readonly ObservedState[];
  readonly faults: readonly Fault[];
}

export const NOTHING: Classification = Object.freeze({ findings: Object.freeze([]), faults: Object.freeze([]) });

/** undefined for an entry that is nobody's business: nearly all are, so that nothing is made for them. */
export function recognise(entry: LogEntry, catalogue: Catalogue): Recognition | undefined {
  const matching = catalogue.filters.matching(entry);
  if (matching.length === 0) return undefined;
  return { entry, catalogue, matching, view: viewOf(entry), identity: identityOf(entry) };
}

/** What the catalogue's rules recognise in the entry: a pure function of its three arguments that never throws. */
export function classify(entry: LogEntry, catalogue: Catalogue, context: ClassifyContext = {}): Classification {
  const recognition = recognise(entry, catalogue);
  return recognition === undefined ? NOTHING : judge(recognition, context);
}

/** As classify, for an entry whose filters have been tried. */
export function judge(recognition: Recognition, context: ClassifyContext): Classification {
  const { entry, catalogue, matching, view, identity } = recognition;
  const findings: Finding[] = [];
  const faults: Fault[] = [];
  const changes = new Set<string>();
  for (const index of matching) {
    const rule = catalogue.rules[index] as Rule;
    if (rule.change !== undefined && changes.has(rule.change)) continue;
    try {
      const refinement = rule.refine?.(view, context) ?? ACCEPTED;
      if (!refinement.accept) continue;
      const matched = decidingMatches(catalogue.query(index), entry);
      const base = { rule, entry, view, identity, matched, confidence: refinement.confidence ?? "high" };
      findings.push(toFinding(base, context));
      if (rule.change !== undefined) changes.add(rule.change);
    } catch (cause) {
      faults.push(faultOf(rule, cause));
    }
  }
  return findings.length === 0 && faults.length === 0 ? NOTHING : { findings, faults };
}

/**
 * The states that the entry leaves behind, whether or not its rules find anything in it; never throws. Rules that watch
 * one resource together see the same state of it, so the first that tells it will do.
 */
export function observe({ catalogue, matching, view }: Recognition): Observation {
  const states = new Map<string, ObservedState>();
  const faults: Fault[] = [];
  for (const index of matching) {
    const rule = catalogue.rules[index] as Rule;
    try {
      const observed = rule.observe?.(view) ?? null;
      if (observed !== null && !states.has(observed.key)) states.set(observed.key, observed);
    } catch (cause) {
      faults.push(faultOf(rule, cause));
    }
  }
  return { states: [...states.values()], faults };
}

/** The ids of all findings that the entry can give, whatever was known before. */
export function possibleFindingIds({ catalogue, matching, identity }: Recognition): readonly string[] {
  return [...new Set(matching.map((index) => findingId(identity, catalogue.rules[index] as Rule)))];
}

function faultOf({ id }: Rule, cause: unknown): Fault {
  return {
    rule: id,
    error: new ProcessingError("RULE_FAULT", `rule ${id} failed on an entry`, { place: id, cause }),
  };
}

interface Basis {
  readonly rule: Rule;
  readonly entry: LogEntry;
  readonly view: EntryView;
  readonly identity: EntryIdentity;
  readonly matched: Finding["matched"];
  readonly confidence: Confidence;
}

function toFinding({ rule, entry, view, identity, matched, confidence }: Basis, context: ClassifyContext): Finding {
  const extraction = rule.extract(view, context);
  const project = projectOf(view);
  const location = locationOf(view);
  const scope = scopeOf(view);
  const workload = extraction.workload ?? null;
  const own = { ...identity, insertId: textOrNull(member(entry, "insertId")) ?? identity.insertId };
  return {
    schema: FINDING_SCHEMA_VERSION,
    id: findingId(identity, rule),
    rule: rule.id,
    category: rule.category,
    severity: rule.severity,
    confidence,
    title: rule.title,
    time: entry.timestamp,
    scope,
    project,
    location,
    resource: { type: view.text(RESOURCE_TYPE) ?? null, name: view.text(RESOURCE_NAME) ?? null },
    workload,
    actor: extraction.actor ?? authenticatedActor(view),
    justification: extraction.justification ?? null,
    images: extraction.images ?? [],
    facts: knownFacts(extraction.facts ?? {}),
    changes: extraction.changes ?? [],
    comparedWith: extraction.comparedWith ?? null,
    matched,
    incidentKey: extraction.incidentKey,
    aliases: extraction.aliases ?? [],
    links: {
      logs: logsLink(scope, { ...own, timestamp: entry.timestamp }),
      resource: resourceLink(workload, project, location),
    },
    entry: { logName: entry.logName, insertId: own.insertId, timestamp: entry.timestamp },
  };
}

function findingId({ logName, timestamp, insertId }: EntryIdentity, rule: Rule): string {
  const name = rule.change ?? rule.id;
  return createHash("sha256")
    .update(JSON.stringify([logName, timestamp, insertId, name]))
    .digest("hex");
}

function knownFacts(facts: Readonly<Record<string, Fact | null | undefined>>): Finding["facts"] {
  return Object.fromEntries(
    Object.entries(facts).filter((fact): fact is [string, Fact] => fact[1] !== null && fact[1] !== undefined),
  );
}
