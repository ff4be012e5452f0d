import { isObject, type Json, member } from "../audit-log/json.ts";
import type { Change } from "../finding.ts";
import { parse } from "../query/parse.ts";
import { printCondition } from "../query/print.ts";
import { type Condition, isAnd } from "../query/tree.ts";

/** What decides whether a log sink still brings everything. */
export interface SinkState {
  readonly filter: string;
  readonly destination: string;
  readonly disabled: boolean;
  /** Name and filter of each. */
  readonly exclusions: readonly string[];
}

/** The sink of a request or response; https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks */
export function sinkState(sink: Json | undefined): SinkState | null {
  if (!isObject(sink)) return null;
  const exclusions = member(sink, "exclusions");
  return {
    filter: textOf(member(sink, "filter")),
    destination: textOf(member(sink, "destination")),
    disabled: member(sink, "disabled") === true,
    exclusions: (Array.isArray(exclusions) ? (exclusions as readonly Json[]) : [])
      .filter((exclusion) => member(exclusion, "disabled") !== true)
      .map((exclusion) => `${textOf(member(exclusion, "name"))}: ${textOf(member(exclusion, "filter"))}`),
  };
}

/**
 * What became of the sink. With the state before, the comparison is exact; without it only what is weak in itself
 * counts: that it is disabled, and that it leaves things out. `masked` are the fields that the request changes; all when
 * it does not say.
 */
export function compareSinks(
  before: SinkState | undefined,
  after: SinkState,
  masked: readonly string[],
): readonly Change[] {
  const isChanged = (field: string) => masked.length === 0 || masked.includes(field);
  const changes: Change[] = [];
  if (isChanged("disabled") && after.disabled !== (before?.disabled ?? false)) {
    const effect = after.disabled ? "weaker" : "stronger";
    changes.push({
      field: "disabled",
      before: before === undefined ? null : String(before.disabled),
      after: String(after.disabled),
      effect,
    });
  }
  if (isChanged("exclusions")) {
    const known = before?.exclusions ?? [];
    for (const added of after.exclusions.filter((exclusion) => !known.includes(exclusion))) {
      changes.push({ field: "exclusions", before: null, after: added, effect: "weaker" });
    }
    for (const removed of known.filter((exclusion) => !after.exclusions.includes(exclusion))) {
      changes.push({ field: "exclusions", before: removed, after: null, effect: "stronger" });
    }
  }
  if (before === undefined) return changes;
  if (isChanged("destination") && after.destination !== "" && after.destination !== before.destination) {
    changes.push({ field: "destination", before: before.destination, after: after.destination, effect: "weaker" });
  }
  if (isChanged("filter") && after.filter !== before.filter) {
    changes.push({
      field: "filter",
      before: before.filter,
      after: after.filter,
      effect: filterEffect(before.filter, after.filter),
    });
  }
  return changes;
}

/**
 * A filter that demands all that the other demands, and more, lets less through. Where neither is so, what it does
 * cannot be told from the texts alone.
 */
export function filterEffect(before: string, after: string): Change["effect"] {
  const [old, now] = [conjuncts(before), conjuncts(after)];
  if (old === undefined || now === undefined) return "neutral";
  if ([...old].every((term) => now.has(term))) return now.size > old.size ? "weaker" : "neutral";
  if ([...now].every((term) => old.has(term))) return "stronger";
  return "neutral";
}

function conjuncts(filter: string): ReadonlySet<string> | undefined {
  try {
    const terms = new Set<string>();
    const collect = (condition: Condition): void => {
      if (isAnd(condition)) condition.terms.forEach(collect);
      else terms.add(printCondition(condition));
    };
    const { condition } = parse(filter);
    if (condition !== null) collect(condition);
    return terms;
  } catch {
    // Google took it, so it means something to Google; what, we cannot say.
    return undefined;
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
