import type {
  Category,
  Change,
  Confidence,
  Counsel,
  Fact,
  Finding,
  Image,
  Severity,
  WorkloadKind,
} from "../finding.ts";
import { consoleLink, type Link, runbookLink } from "./links.ts";
import { readableLine, readableText } from "./readable-text.ts";
import { fillStep, type Step } from "./steps.ts";
import { type Verdict, verdictOf } from "./verdict.ts";
import { byWhom, type Line, whoLines } from "./who.ts";

export const NOTIFICATION_SCHEMA_VERSION = 1;

/**
 * What a person reads, before any platform's markup. It is stored in the outbox, so it is plain JSON of bounded size.
 * All its text can be looked at without harm, but none of it is escaped: that is done where it becomes markup.
 */
export interface Notification {
  readonly schema: typeof NOTIFICATION_SCHEMA_VERSION;
  /**
   * The finding's id, or INCIDENT_ID:SEQUENCE for news of an incident: the same event always has the same one, and a
   * second copy carries it too.
   */
  readonly id: string;
  readonly rule: string;
  readonly category: Category;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly incidentKey: string;
  /** The entry's own timestamp. */
  readonly time: string;
  /** The same for people, in UTC. */
  readonly when: string;
  /** What happened, to what, by whom, on one line. */
  readonly headline: string;
  readonly verdict: Verdict;
  /** Who, what, where and the facts, in reading order. */
  readonly lines: readonly Line[];
  /** null where this kind of event cannot carry one. */
  readonly justification: Justification | null;
  readonly images: readonly Image[];
  /** How many there were, the ones left out for length included. */
  readonly imageCount: number;
  readonly changes: readonly Change[];
  readonly changeCount: number;
  readonly why: string;
  readonly steps: readonly Step[];
  readonly links: readonly Link[];
  /** What became of the incident; null for a finding told alone. */
  readonly incident: IncidentNews | null;
}

export const INCIDENT_STATES = ["open", "acknowledged", "justified", "overdue", "resolved"] as const;
export const INCIDENT_NEWS = [
  "opened",
  "repeated",
  "updated",
  "acknowledged",
  "justified",
  "overdue",
  "resolved",
  "reopened",
] as const;

/** How an incident stands, and what is new about it. */
export interface IncidentNews {
  readonly id: string;
  readonly state: (typeof INCIDENT_STATES)[number];
  readonly news: (typeof INCIDENT_NEWS)[number];
  /** Counts the news of one incident; the first is 1. */
  readonly sequence: number;
  readonly openedAt: string;
  readonly updatedAt: string;
  /** How many findings it has by now. */
  readonly findings: number;
  /** Why it is graded as it is, for people. */
  readonly grading: readonly string[];
  /** What was not known before, for people. */
  readonly newFacts: readonly string[];
  readonly resolvedBy: string | null;
}

export interface Justification {
  readonly given: "text" | "empty" | "none";
  /** The words as they were given, or what there is instead of them. */
  readonly text: string;
}

export interface NotificationOptions {
  /** Where an organization keeps its own runbooks: relative references of rules lead there. */
  readonly runbookBase?: string | undefined;
}

/** What one value may take of the outbox; platforms cut further. */
const LIMITS = {
  title: 120,
  name: 300,
  image: 600,
  justification: 3000,
  justificationLines: 20,
  fact: 500,
  facts: 12,
  images: 20,
  changes: 20,
  counsel: 1000,
  steps: 10,
  grading: 10,
  newFacts: 20,
} as const;

/** The verdict puts them into words, or they say nothing to a reader. */
const FACTS_TOLD_ELSEWHERE: ReadonlySet<string> = new Set([
  "overridden",
  "enforced",
  "succeeded",
  "verification",
  "operation",
  "operationId",
  "form",
  "statusCode",
  // Short forms of what another fact or line says in full; the commands need them.
  "attestorId",
  "constraintName",
  "scopeKind",
  "scopeId",
]);

/** Events in which somebody broke the glass by hand, and so could have said why. */
const JUSTIFIABLE = /^(?:cloudrun|gke|gdc)\.breakglass(?:_request|_template)?$/;

const WORKLOAD_WORDS: Readonly<Record<WorkloadKind, string>> = {
  "cloud-run-service": "Cloud Run service",
  "cloud-run-job": "Cloud Run job",
  "cloud-run-worker-pool": "Cloud Run worker pool",
  "cloud-function": "Cloud Run function",
  "gke-deployment": "Deployment",
  "gke-statefulset": "StatefulSet",
  "gke-daemonset": "DaemonSet",
  "gke-replicaset": "ReplicaSet",
  "gke-job": "Job",
  "gke-cronjob": "CronJob",
  "gke-pod": "Pod",
  "gdc-pod": "Pod",
  "gke-cluster": "GKE cluster",
};

/** Pure: the words for one finding, the same for every destination. */
export function toNotification(finding: Finding, counsel: Counsel, options: NotificationOptions = {}): Notification {
  const verdict = verdictOf(finding);
  return {
    schema: NOTIFICATION_SCHEMA_VERSION,
    id: finding.id,
    rule: finding.rule,
    category: finding.category,
    severity: finding.severity,
    confidence: finding.confidence,
    incidentKey: line(finding.incidentKey),
    time: line(finding.time),
    when: whenOf(finding.time),
    headline: headlineOf(finding),
    verdict,
    lines: linesOf(finding, counsel, verdict),
    justification: justificationOf(finding),
    images: finding.images.slice(0, LIMITS.images).map(readableImage),
    imageCount: finding.images.length,
    changes: finding.changes.slice(0, LIMITS.changes).map((change) => readableChange(change, finding.comparedWith)),
    changeCount: finding.changes.length,
    why: readableLine(counsel.why, LIMITS.counsel),
    steps: counsel.steps.slice(0, LIMITS.steps).map((step) => fillStep(step, finding)),
    links: [
      consoleLink("log-entry", finding.links.logs),
      consoleLink("resource", finding.links.resource),
      runbookLink(counsel.reference, options.runbookBase),
    ].filter((link) => link !== null),
    incident: null,
  };
}

/** What is told of an incident: its main finding with what the others know filled in, and the news. */
export interface IncidentTold {
  readonly finding: Finding;
  readonly counsel: Counsel;
  readonly news: IncidentNews;
  /** As the organization grades it. */
  readonly severity: Severity;
}

/** Pure: the words for one piece of news of an incident. */
export function toIncidentNotification(told: IncidentTold, options: NotificationOptions = {}): Notification {
  const { finding, counsel, news, severity } = told;
  return {
    ...toNotification(finding, counsel, options),
    id: `${news.id}:${news.sequence}`,
    severity,
    incident: {
      id: news.id,
      state: news.state,
      news: news.news,
      sequence: news.sequence,
      openedAt: line(news.openedAt),
      updatedAt: line(news.updatedAt),
      findings: news.findings,
      grading: news.grading.slice(0, LIMITS.grading).map((reason) => readableLine(reason, LIMITS.fact)),
      newFacts: news.newFacts.slice(0, LIMITS.newFacts).map((fact) => readableLine(fact, LIMITS.fact)),
      resolvedBy: news.resolvedBy === null ? null : line(news.resolvedBy),
    },
  };
}

function headlineOf(finding: Finding): string {
  const title = readableLine(finding.title, LIMITS.title);
  const subject = subjectOf(finding);
  const what = subject === null ? title : `${title}: ${subject}`;
  // A violation is often found by a machine, long after anyone acted; a broken glass always has somebody behind it.
  const nobody = finding.category === "policy-violation" ? null : "person not known";
  const whom = byWhom(finding.actor) ?? nobody;
  return whom === null ? what : `${what}, ${whom}`;
}

function subjectOf(finding: Finding): string | null {
  const { workload } = finding;
  const name = workload?.name ?? workload?.pod ?? workload?.cluster;
  if (name === undefined || name === null || name === "") {
    return finding.resource.name === null ? null : line(finding.resource.name);
  }
  const place = workload?.namespace ?? finding.project;
  return place === null || place === "" ? line(name) : `${line(name)} in ${line(place)}`;
}

function linesOf(finding: Finding, counsel: Counsel, verdict: Verdict): readonly Line[] {
  const lines: Line[] = [...whoLines(finding.actor)];
  const what = whatOf(finding);
  if (what !== "") {
    lines.push({ label: "What", value: what });
  }
  const where = whereOf(finding);
  if (where !== "") {
    lines.push({ label: "Where", value: where });
  }
  if (finding.confidence !== "high") {
    const doubt = readableLine(counsel.falsePositives, LIMITS.counsel);
    lines.push({
      label: "Confidence",
      value: doubt === "" ? finding.confidence : `${finding.confidence}; it may be something else: ${doubt}`,
    });
  }
  return [...lines, ...factLines(finding.facts, verdict.detail ?? "")];
}

function whatOf(finding: Finding): string {
  const { workload } = finding;
  if (workload === null) {
    return finding.resource.name === null ? "" : line(finding.resource.name);
  }
  return parts([
    [WORKLOAD_WORDS[workload.kind], workload.name],
    ["revision", workload.revision],
    ["execution", workload.execution],
    ["Pod", workload.pod === workload.name ? null : workload.pod],
  ]);
}

function whereOf(finding: Finding): string {
  return parts([
    ["namespace", finding.workload?.namespace],
    ["cluster", finding.workload?.cluster],
    ["project", finding.project],
    ["location", finding.location],
    ["scope", finding.project === null ? finding.scope : null],
  ]);
}

/** "namespace payments, cluster prod-ew1": what is there, each with its word. */
function parts(pairs: readonly (readonly [word: string, value: string | null | undefined])[]): string {
  return pairs
    .filter((pair): pair is readonly [string, string] => typeof pair[1] === "string" && pair[1] !== "")
    .map(([word, value]) => `${word} ${line(value)}`)
    .join(", ");
}

/** The facts of the rule, without those that the reader has just been told. */
function factLines(facts: Finding["facts"], told: string): readonly Line[] {
  return Object.entries(facts)
    .filter(([name]) => !FACTS_TOLD_ELSEWHERE.has(name))
    .map(([name, fact]) => ({ label: labelOf(name), value: readableLine(factText(fact), LIMITS.fact) }))
    .filter(({ value }) => value !== "" && !told.includes(value))
    .slice(0, LIMITS.facts);
}

/** "imageDigest" is "Image digest". */
function labelOf(name: string): string {
  const words = readableLine(name, 40)
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function factText(fact: Fact): string {
  if (typeof fact === "boolean") {
    return fact ? "yes" : "no";
  }
  if (typeof fact === "string" || typeof fact === "number") {
    return String(fact);
  }
  return fact.map((item) => (typeof item === "string" ? item : item.join(" → "))).join("; ");
}

function justificationOf(finding: Finding): Justification | null {
  const { justification } = finding;
  if (justification !== null && justification.trim() !== "") {
    return { given: "text", text: quoted(justification) };
  }
  if (justification !== null) {
    return { given: "empty", text: "given, but empty" };
  }
  if (!JUSTIFIABLE.test(finding.rule)) {
    return null;
  }
  return {
    given: "none",
    text: finding.rule.startsWith("cloudrun.") ? "none given" : "none given (the label of a Pod cannot carry one)",
  };
}

function quoted(justification: string): string {
  const text = readableText(justification, LIMITS.justification, LIMITS.justificationLines);
  const length = justification.length.toLocaleString("en-US");
  return justification.length > LIMITS.justification ? `${text} (cut; ${length} characters in all)` : text;
}

/** 2026-03-01 02:14:05 UTC */
export function whenOf(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) {
    return line(time);
  }
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function readableImage(image: Image): Image {
  return {
    reference: readableLine(image.reference, LIMITS.image),
    digest: image.digest === null ? null : line(image.digest),
  };
}

/** Without an earlier state nobody knows whether nothing was set before. */
function readableChange(change: Change, comparedWith: Finding["comparedWith"]): Change {
  const unknown = comparedWith === "none" ? "(not known)" : null;
  return {
    field: line(change.field),
    before: change.before === null ? unknown : readableLine(change.before, LIMITS.fact),
    after: change.after === null ? null : readableLine(change.after, LIMITS.fact),
    effect: change.effect,
  };
}

function line(text: string): string {
  return readableLine(text, LIMITS.name);
}
