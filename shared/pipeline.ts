import type { LogEntry } from "./audit-log/entry.ts";
import type { Catalogue } from "./classifier/catalogue.ts";
import { type Classification, classify, type Fault } from "./classifier/classify.ts";
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
 * what the store throws; delivering is the next step, and the caller's. An entry that is nobody's business is done at
 * once, without a promise: those are nearly all, and each promise costs as much as judging one.
 */
export function processEntry(entry: LogEntry, at: Date, pipeline: Pipeline): Classification | Promise<Classification> {
  const classification = classify(entry, pipeline.catalogue, pipeline.context);
  for (const fault of classification.faults) report(fault, entry, pipeline.log);
  if (pipeline.outbox === undefined || classification.findings.length === 0) return classification;
  return record(classification, at, pipeline.outbox, pipeline.log);
}

function report({ rule, error }: Fault, entry: LogEntry, log: Log): void {
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

async function record(classification: Classification, at: Date, outbox: Outbox, log: Log): Promise<Classification> {
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
