import type { EntryView, Field } from "../audit-log/view.ts";
import type { Actor, Category, Change, Confidence, Counsel, Fact, Image, Severity, Workload } from "../finding.ts";

/**
 * What is known about the world beside the entry, as far as a rule may use it: given from outside, so that judging stays
 * a pure function of entry and context.
 */
export interface ClassifyContext {
  /** The newest state of a resource that is strictly earlier than the entry, by the resource's key. */
  readonly previousState?: (resourceKey: string) => unknown;
}

/** What a resource looked like after the entry: the rule's own choice of what it later compares. */
export interface ObservedState {
  /** As `previousState` is asked for it. */
  readonly key: string;
  readonly state: unknown;
}

/** Accepting may set the confidence; refusing needs a reason that a person can read. */
export type Refinement =
  | { readonly accept: true; readonly confidence?: Confidence }
  | { readonly accept: false; readonly reason: string };

/** What a rule takes out of the entry; what it leaves out is taken from the entry as for every rule. */
export interface Extraction {
  readonly incidentKey: string;
  readonly actor?: Actor;
  readonly workload?: Workload;
  readonly justification?: string | null;
  readonly images?: readonly Image[];
  /** Facts without a value are left out of the finding. */
  readonly facts?: Readonly<Record<string, Fact | null | undefined>>;
  readonly changes?: readonly Change[];
  readonly comparedWith?: "previous" | "none";
  readonly aliases?: readonly string[];
}

/**
 * How sure it is that Google writes the entries as the rule reads them, best source first: stated by Google's
 * documentation, seen in a published real entry, in an API schema or Google's source, in a third party's parser, inferred.
 */
export const CERTAINTIES = ["documented", "seen", "schema", "third-party", "inferred"] as const;

export interface Certainty {
  /** The source of what decides. */
  readonly level: (typeof CERTAINTIES)[number];
  /** Facts that the rule relies on and that nobody has confirmed on a live project; the rule takes likely variants too. */
  readonly unconfirmed: readonly string[];
}

/** What is known about one kind of event. `refine` may only narrow what `filter` lets through. */
export interface Rule {
  /** SERVICE.EVENT; the service is the file in shared/rules that holds it. */
  readonly id: string;
  readonly category: Category;
  readonly title: string;
  readonly severity: Severity;
  /** Rules that are alternative verdicts on one change share its name: an entry gets one finding of them. */
  readonly change?: string;
  /** Google's Logging query language, ready to be pasted into Logs Explorer. */
  readonly filter: string;
  /** Every field that `refine` and `extract` read. */
  readonly reads: readonly Field[];
  readonly refine?: (view: EntryView, context: ClassifyContext) => Refinement;
  readonly extract: (view: EntryView, context: ClassifyContext) => Extraction;
  /** The state of a resource that the entry carries, to compare later changes with; null where it carries none. */
  readonly observe?: (view: EntryView) => ObservedState | null;
  readonly certainty: Certainty;
  /** How many entries the filter lets through in a large organization, and why: a sink is paid by volume. */
  readonly volume: string;
  readonly counsel: Counsel;
}

export const ACCEPTED: Refinement = { accept: true };

export function accepted(confidence: Confidence): Refinement {
  return { accept: true, confidence };
}

export function refused(reason: string): Refinement {
  return { accept: false, reason };
}
