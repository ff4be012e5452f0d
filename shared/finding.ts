/**
 * The hinge of the house: detection ends in a Finding, response begins with one.
 * The published contract (schema version 1) is `finding.schema.json`; `finding-schema.ts` holds the same shape as zod.
 */
export const FINDING_SCHEMA_VERSION = 1;

export const CATEGORIES = ["break-glass", "policy-violation", "guardrail-change", "tracking"] as const;
export type Category = (typeof CATEGORIES)[number];

/** In rising order. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

export const CONFIDENCES = ["low", "medium", "high"] as const;
export type Confidence = (typeof CONFIDENCES)[number];

export const ACTOR_KINDS = [
  "user",
  "service-account",
  "workload-controller",
  "workforce",
  "redacted",
  "unknown",
] as const;
export type ActorKind = (typeof ACTOR_KINDS)[number];

export const WORKLOAD_KINDS = [
  "cloud-run-service",
  "cloud-run-job",
  "cloud-run-worker-pool",
  "cloud-function",
  "gke-deployment",
  "gke-statefulset",
  "gke-daemonset",
  "gke-replicaset",
  "gke-job",
  "gke-cronjob",
  "gke-pod",
  "gdc-pod",
  "gke-cluster",
] as const;
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

export interface Workload {
  readonly kind: WorkloadKind;
  readonly name: string | null;
  readonly revision: string | null;
  readonly execution: string | null;
  readonly pod: string | null;
  readonly cluster: string | null;
  readonly namespace: string | null;
}

export interface Person {
  readonly principal: string;
  /** Which field says so. */
  readonly via: string;
  readonly confidence: Confidence;
}

export interface Actor {
  /** Who the entry says acted; null when it names nobody. An impersonated service account stays itself. */
  readonly principal: string | null;
  readonly kind: ActorKind;
  readonly via: string | null;
  readonly confidence: Confidence;
  /** The human behind the principal when that is known, else null; never a controller. */
  readonly person: Person | null;
  /** From the one who asked first to the one who acted last, the principal itself left out. */
  readonly delegation: readonly string[];
}

export interface Image {
  readonly reference: string;
  readonly digest: string | null;
}

/** Text, number, flag, or a list of texts: what a person can read in a message. */
export type Fact = string | number | boolean | readonly string[] | readonly (readonly string[])[];

export interface Change {
  readonly field: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly effect: "weaker" | "stronger" | "neutral";
}

export interface Match {
  /** The path of the field as the query language writes it. */
  readonly field: string;
  readonly value: string | number | boolean | null;
}

export interface Finding {
  readonly schema: typeof FINDING_SCHEMA_VERSION;
  /** SHA-256 of logName, timestamp, insertId and the rule's id (or its `change` name). */
  readonly id: string;
  readonly rule: string;
  readonly category: Category;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly title: string;
  /** The entry's own timestamp, RFC 3339 with up to nine digits of fraction. */
  readonly time: string;
  /** projects/ID, folders/ID, organizations/ID or billingAccounts/ID that wrote the entry. */
  readonly scope: string;
  readonly project: string | null;
  readonly location: string | null;
  readonly resource: { readonly type: string | null; readonly name: string | null };
  readonly workload: Workload | null;
  readonly actor: Actor;
  /** null when this kind of event has none or it is absent, "" when it was given empty. */
  readonly justification: string | null;
  readonly images: readonly Image[];
  readonly facts: Readonly<Record<string, Fact>>;
  readonly changes: readonly Change[];
  /** "previous" or "none" where a change is compared with an earlier state, null where nothing is compared. */
  readonly comparedWith: "previous" | "none" | null;
  readonly matched: readonly Match[];
  readonly incidentKey: string;
  readonly aliases: readonly string[];
  readonly links: { readonly logs: string | null; readonly resource: string | null };
  readonly entry: { readonly logName: string; readonly insertId: string; readonly timestamp: string };
}

/**
 * What a rule tells the person who is woken by it. `steps` may name finding fields in braces, such as
 * `{workload.name}`; they are filled only with text that is safe to paste into a shell.
 */
export interface Counsel {
  readonly why: string;
  readonly falsePositives: string;
  readonly steps: readonly string[];
  readonly reference: string;
}

/** -1, 0 or 1 as a is milder than, as severe as, or more severe than b. */
export function compareSeverity(a: Severity, b: Severity): number {
  return Math.sign(SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b));
}
