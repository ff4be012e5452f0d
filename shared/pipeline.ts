import type { LogEntry } from "./audit-log/entry.ts";
import type { Catalogue } from "./classifier/catalogue.ts";
import { type Classification, classify } from "./classifier/classify.ts";
import type { ClassifyContext } from "./classifier/rule.ts";
import type { Log } from "./log.ts";
import type { Outbox } from "./response/outbox.ts";

/** What the path needs. Without an outbox it only judges: that is a replay. */
export interface Pipeline {
  readonly catalogue: Catalogue;
  readonly log: Log;
  readonly context?: ClassifyContext;
  readonly outbox?: Outbox;
}

/**
 * THE PATH, the same for a live message and for a replayed line: judged, then, where there is an outbox, stored together
 * with what has to be told about it. `at` is now for a live entry and the entry's own timestamp in a replay. Throws only
 * what the store throws; delivering is the next step, and the caller's.
 */
export async function processEntry(entry: LogEntry, at: Date, pipeline: Pipeline): Promise<Classification> {
  const { catalogue, context, outbox, log } = pipeline;
  const classification = classify(entry, catalogue, context);
  for (const { rule, error } of classification.faults) {
    log({
      event: "rule.fault",
      severity: "ERROR",
      message: `rule ${rule} failed on an entry; nobody was told what it would have found`,
      code: error.code,
      rule,
      insertId: entry.insertId,
      cause: error.cause instanceof Error ? error.cause.name : typeof error.cause,
    });
  }
  if (outbox === undefined || classification.findings.length === 0) return classification;
  const { fresh } = await outbox.record(classification.findings, at);
  for (const finding of classification.findings) {
    const isFresh = fresh.includes(finding.id);
    log({
      event: isFresh ? "finding.recorded" : "finding.known",
      severity: isFresh ? "NOTICE" : "INFO",
      message: isFresh ? finding.title : `${finding.title}: delivered before, nobody is told again`,
      findingId: finding.id,
      rule: finding.rule,
      category: finding.category,
      findingSeverity: finding.severity,
      incidentKey: finding.incidentKey,
    });
  }
  return classification;
}
