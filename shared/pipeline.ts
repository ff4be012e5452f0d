import type { LogEntry } from "./audit-log/entry.ts";
import type { Catalogue } from "./classifier/catalogue.ts";
import {
  type Classification,
  type Fault,
  judge,
  NOTHING,
  type Observation,
  observe,
  possibleFindingIds,
  type Recognition,
  recognise,
} from "./classifier/classify.ts";
import type { ClassifyContext } from "./classifier/rule.ts";
import type { Finding } from "./finding.ts";
import type { Log } from "./log.ts";
import { decisionEvent } from "./response/decision-log.ts";
import type { Outbox } from "./response/outbox.ts";
import type { StateHistory } from "./state/state-history.ts";

/** What the path needs. */
export interface Pipeline {
  readonly catalogue: Catalogue;
  readonly log: Log;
  /** Without one nothing is stored and nobody is told: that is a replay. */
  readonly outbox?: Outbox;
  /** Where a replay remembers what the entries before have shown; with an outbox the store does. */
  readonly history?: StateHistory;
}

/**
 * THE PATH, the same for a live message and for a replayed line: judged by what is known of before, then, where there is
 * an outbox, stored together with what has to be told about it. `at` is now for a live entry and the entry's own timestamp
 * in a replay. Throws only what the store throws; delivering is the next step, and the caller's. An entry that is nobody's
 * business is done at once, without a promise: those are nearly all, and each promise costs as much as judging one.
 */
export function processEntry(entry: LogEntry, at: Date, pipeline: Pipeline): Classification | Promise<Classification> {
  const recognition = recognise(entry, pipeline.catalogue);
  if (recognition === undefined) return NOTHING;
  const { outbox, history, log } = pipeline;
  const observation = observe(recognition);
  if (outbox === undefined) return reported(replayed(recognition, observation, history), entry, log);
  const asksFor = new Set<string>();
  const { faults } = observation;
  const first = withFaults(judge(recognition, { previousState: (key) => void asksFor.add(key) }), faults);
  // Refused whatever was before, and nothing to remember: no work for a store.
  const isOver = first.findings.length === 0 && observation.states.length === 0 && asksFor.size === 0;
  if (isOver) return reported(first, entry, log);
  return record({ recognition, observation, asksFor, expected: first.findings }, at, outbox, log);
}

function replayed(recognition: Recognition, observation: Observation, history?: StateHistory): Classification {
  const context = history === undefined ? {} : contextIn(history, recognition, observation);
  return withFaults(judge(recognition, context), observation.faults);
}

/** What the entries before have shown; what this one shows is added for those after it, which ask for what is earlier. */
export function contextIn(history: StateHistory, recognition: Recognition, { states }: Observation): ClassifyContext {
  const moment = momentOf(recognition);
  for (const { key, state } of states) history.add({ ...moment, key, state });
  return { previousState: (key) => history.previous({ ...moment, key }) };
}

interface Relevant {
  readonly recognition: Recognition;
  readonly observation: Observation;
  readonly asksFor: ReadonlySet<string>;
  readonly expected: readonly Finding[];
}

async function record(
  { recognition, observation: { states, faults }, asksFor, expected }: Relevant,
  at: Date,
  outbox: Outbox,
  log: Log,
): Promise<Classification> {
  const moment = momentOf(recognition);
  const { judged, decided } = await outbox.record(
    {
      findingIds: possibleFindingIds(recognition),
      expected,
      moment,
      asksFor: [...asksFor],
      states: states.map(({ key, state }) => ({ ...moment, key, state })),
      judge: (previousState) => withFaults(judge(recognition, { previousState }), faults),
    },
    at,
  );
  reported(judged, recognition.entry, log);
  for (const finding of judged.findings) {
    const decision = decided.find(({ findingId }) => findingId === finding.id);
    log({
      event: decision === undefined ? "finding.known" : "finding.recorded",
      severity: decision === undefined ? "INFO" : "NOTICE",
      message: decision === undefined ? `${finding.title}: delivered before, nobody is told again` : finding.title,
      findingId: finding.id,
      rule: finding.rule,
      category: finding.category,
      findingSeverity: finding.severity,
      incidentKey: finding.incidentKey,
    });
    if (decision !== undefined) log(decisionEvent(decision));
  }
  return judged;
}

function momentOf({ identity: { timestamp, insertId } }: Recognition) {
  return { timestamp, insertId };
}

function withFaults(classification: Classification, faults: readonly Fault[]): Classification {
  if (faults.length === 0) return classification;
  return { findings: classification.findings, faults: [...classification.faults, ...faults] };
}

function reported(classification: Classification, { insertId }: LogEntry, log: Log): Classification {
  for (const { rule, error } of classification.faults) {
    log({
      event: "rule.fault",
      severity: "ERROR",
      message: `rule ${rule} failed on an entry; nobody was told what it would have found`,
      code: error.code,
      rule,
      insertId,
      cause: error.cause instanceof Error ? error.cause.name : typeof error.cause,
    });
  }
  return classification;
}
