import { isObject, type Json, member } from "../audit-log/json.ts";
import { changesField } from "../audit-log/update-mask.ts";
import { compareFilters } from "./compare-filters.ts";
import { type GradedChange, neutral, stronger, weaker } from "./graded-change.ts";

/** What decides whether a log sink still brings everything; a field that is left out is not known. */
export interface SinkState {
  readonly filter?: string;
  readonly destination?: string;
  readonly disabled?: boolean;
  /** Name and filter of each exclusion that is in force. */
  readonly exclusions?: readonly string[];
  /** Of a folder's or an organization's sink: whether it brings the logs of the projects below. */
  readonly includeChildren?: boolean;
}

type SinkField = keyof SinkState;

/**
 * The sink as a request leaves it, as far as the request says: what its mask names is set, to the default where the
 * request leaves it out. https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks
 */
export function requestedSink(sink: Json | undefined, mask: readonly string[]): SinkState | null {
  if (!isObject(sink)) return null;
  const isNamed = (name: SinkField) => mask.length > 0 && changesField(mask, name);
  const isGiven = (name: SinkField) => mask.length === 0 && member(sink, name) !== undefined;
  return sinkOf(sink, (name) => isNamed(name) || isGiven(name));
}

/** The whole sink, where an answer carries it; null where it carries a part only. */
export function answeredSink(sink: Json | undefined): SinkState | null {
  const destination = member(sink, "destination");
  return typeof destination === "string" && destination !== "" ? sinkOf(sink, () => true) : null;
}

function sinkOf(sink: Json | undefined, isKnown: (name: SinkField) => boolean): SinkState {
  const destination = textOf(member(sink, "destination"));
  return {
    ...(isKnown("filter") ? { filter: textOf(member(sink, "filter")) } : {}),
    ...(isKnown("destination") && destination !== "" ? { destination } : {}),
    ...(isKnown("disabled") ? { disabled: member(sink, "disabled") === true } : {}),
    ...(isKnown("exclusions") ? { exclusions: exclusionsOf(member(sink, "exclusions")) } : {}),
    ...(isKnown("includeChildren") ? { includeChildren: member(sink, "includeChildren") === true } : {}),
  };
}

function exclusionsOf(exclusions: Json | undefined): readonly string[] {
  return (Array.isArray(exclusions) ? (exclusions as readonly Json[]) : [])
    .filter((exclusion) => isObject(exclusion) && member(exclusion, "disabled") !== true)
    .map((exclusion) => `${textOf(member(exclusion, "name"))}: ${textOf(member(exclusion, "filter"))}`);
}

/** What was stored of a sink, read again; a state of another shape is none. */
export function storedSink(state: unknown): SinkState | undefined {
  if (!isObject(state as Json)) return undefined;
  const text = (name: "filter" | "destination") => {
    const value = member(state as Json, name);
    return typeof value === "string" ? { [name]: value } : {};
  };
  const flag = (name: "disabled" | "includeChildren") => {
    const value = member(state as Json, name);
    return typeof value === "boolean" ? { [name]: value } : {};
  };
  const exclusions = member(state as Json, "exclusions");
  const known = Array.isArray(exclusions)
    ? { exclusions: (exclusions as readonly Json[]).filter((one) => typeof one === "string") }
    : {};
  return { ...text("filter"), ...text("destination"), ...flag("disabled"), ...flag("includeChildren"), ...known };
}

/**
 * What became of the sink. Fields whose earlier value is known are compared exactly; of the others only what is weak in
 * itself counts: that it is disabled, that it leaves things out, that it does not look below its own folder. `mask` are
 * the fields that the request changes; all where it does not say.
 */
export function compareSinks(
  before: SinkState | undefined,
  after: SinkState,
  mask: readonly string[],
): readonly GradedChange[] {
  const isChanged = (name: SinkField) => changesField(mask, name);
  return [
    ...(isChanged("disabled") ? flagChange("disabled", before?.disabled, after.disabled, true) : []),
    ...(isChanged("includeChildren")
      ? flagChange("includeChildren", before?.includeChildren, after.includeChildren, false)
      : []),
    ...(isChanged("exclusions") ? exclusionChanges(before?.exclusions, after.exclusions) : []),
    ...(isChanged("destination") ? destinationChange(before?.destination, after.destination) : []),
    ...(isChanged("filter") ? filterChange(before?.filter, after.filter) : []),
  ];
}

function flagChange(
  name: SinkField,
  before: boolean | undefined,
  after: boolean | undefined,
  weak: boolean,
): readonly GradedChange[] {
  if (after === undefined || after === before) return [];
  const was = before === undefined ? null : String(before);
  return [after === weak ? weaker(name, was, String(after), "critical") : stronger(name, was, String(after))];
}

function exclusionChanges(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): readonly GradedChange[] {
  if (after === undefined) return [];
  const known = before ?? [];
  return [
    ...after
      .filter((exclusion) => !known.includes(exclusion))
      .map((added) => weaker("exclusions", null, added, "critical")),
    ...known.filter((exclusion) => !after.includes(exclusion)).map((removed) => stronger("exclusions", removed, null)),
  ];
}

/** What goes elsewhere is not told here any more, wherever it goes. */
function destinationChange(before: string | undefined, after: string | undefined): readonly GradedChange[] {
  if (before === undefined || after === undefined || after === before) return [];
  return [weaker("destination", before, after, "critical")];
}

function filterChange(before: string | undefined, after: string | undefined): readonly GradedChange[] {
  if (before === undefined || after === undefined || after === before) return [];
  const effect = filterEffect(before, after);
  if (effect === "weaker") return [weaker("filter", before, after, "critical")];
  return [effect === "stronger" ? stronger("filter", before, after) : neutral("filter", before, after)];
}

/** A sink that lets less through is weaker; where the texts do not tell, nothing is claimed. */
export function filterEffect(before: string, after: string): "weaker" | "stronger" | "neutral" {
  const breadth = compareFilters(before, after);
  if (breadth === "narrower") return "weaker";
  return breadth === "wider" ? "stronger" : "neutral";
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
