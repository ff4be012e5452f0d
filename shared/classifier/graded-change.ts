import { type Change, compareSeverity, SEVERITIES, type Severity } from "../finding.ts";

/** A change of a control, and how grave it is where it weakens it. */
export interface GradedChange extends Change {
  /** null for what weakens nothing. */
  readonly gravity: Severity | null;
}

type Side = string | null;

export function weaker(field: string, before: Side, after: Side, gravity: Severity): GradedChange {
  return { field, before, after, effect: "weaker", gravity };
}

export function stronger(field: string, before: Side, after: Side): GradedChange {
  return { field, before, after, effect: "stronger", gravity: null };
}

export function neutral(field: string, before: Side, after: Side): GradedChange {
  return { field, before, after, effect: "neutral", gravity: null };
}

/** What is in one list and not in the other, one change each; `more` says what a longer list means for the control. */
export function listChanges(
  field: string,
  before: readonly string[],
  after: readonly string[],
  more: "weaker" | "stronger" | "neutral",
  gravity: Severity,
): readonly GradedChange[] {
  const [had, has] = [new Set(before), new Set(after)];
  const added = [...has].filter((item) => !had.has(item));
  const removed = [...had].filter((item) => !has.has(item));
  if (more === "neutral") {
    return [...added.map((item) => neutral(field, null, item)), ...removed.map((item) => neutral(field, item, null))];
  }
  const isWeaker = more === "weaker";
  return [
    ...added.map((item) => (isWeaker ? weaker(field, null, item, gravity) : stronger(field, null, item))),
    ...removed.map((item) => (isWeaker ? stronger(field, item, null) : weaker(field, item, null, gravity))),
  ];
}

/** Many small changes told as one: weaker where any of them is, stronger where any is and none is weaker. */
export function summed(field: string, before: Side, after: Side, parts: readonly GradedChange[]): GradedChange {
  const gravity = gravest(parts);
  if (gravity !== null) return weaker(field, before, after, gravity);
  return parts.some(({ effect }) => effect === "stronger")
    ? stronger(field, before, after)
    : neutral(field, before, after);
}

/** The gravest of what weakens; null where nothing does. */
export function gravest(changes: readonly GradedChange[]): Severity | null {
  return changes.reduce<Severity | null>(
    (most, { gravity }) => (gravity !== null && (most === null || compareSeverity(gravity, most) > 0) ? gravity : most),
    null,
  );
}

/** Whether anything weakens as gravely as this, or more. */
export function weakensBy(changes: readonly GradedChange[], least: Severity = SEVERITIES[0]): boolean {
  const most = gravest(changes);
  return most !== null && compareSeverity(most, least) >= 0;
}

/** A finding is stored and sent as a whole; what one policy can hold is far more than anybody reads. */
const MOST_CHANGES = 100;
const MOST_CHARACTERS = 1000;

const ORDER = { weaker: 0, stronger: 1, neutral: 2 } as const;

/** The changes as a finding carries them: what weakens stands first, and nothing grows without end. */
export function toChanges(changes: readonly GradedChange[]): readonly Change[] {
  const sorted = changes.toSorted((a, b) => ORDER[a.effect] - ORDER[b.effect]);
  const shown = sorted.slice(0, MOST_CHANGES).map(({ field, before, after, effect }) => ({
    field: cut(field),
    before: before === null ? null : cut(before),
    after: after === null ? null : cut(after),
    effect,
  }));
  const left = sorted.length - shown.length;
  return left === 0 ? shown : [...shown, { field: `${left} more`, before: null, after: null, effect: "neutral" }];
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1).toWellFormed()}…` : text;
}

/** The same value gives the same text, whatever the order of its keys: for comparing, not for reading. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
