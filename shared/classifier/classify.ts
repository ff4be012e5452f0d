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
import { ACCEPTED, type ClassifyContext, type Rule } from "./rule.ts";

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

const NOTHING: Classification = Object.freeze({ findings: Object.freeze([]), faults: Object.freeze([]) });

/** What the catalogue's rules recognise in the entry: a pure function of its three arguments that never throws. */
export function classify(entry: LogEntry, catalogue: Catalogue, context: ClassifyContext = {}): Classification {
  const matching = catalogue.filters.matching(entry);
  if (matching.length === 0) return NOTHING;
  const findings: Finding[] = [];
  const faults: Fault[] = [];
  const view = viewOf(entry);
  const identity = identityOf(entry);
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
      const error = new ProcessingError("RULE_FAULT", `rule ${rule.id} failed on an entry`, { place: rule.id, cause });
      faults.push({ rule: rule.id, error });
    }
  }
  return findings.length === 0 && faults.length === 0 ? NOTHING : { findings, faults };
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
