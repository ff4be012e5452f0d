import type { LogEntry } from "./entry.ts";
import { isObject, type Json, type JsonObject, member } from "./json.ts";

/** A field of an entry: its keys from the outside in, and the text that the query language has for it. */
export interface Field {
  readonly keys: readonly string[];
  readonly text: string;
}

const PLAIN_KEY = /^[A-Za-z_@][A-Za-z0-9_@]*$/;

/** `field("protoPayload.response.metadata.annotations", "serving.knative.dev/creator")`: dotted names, then keys as they are. */
export function field(dotted: string, ...keys: readonly string[]): Field {
  const all = [...dotted.split("."), ...keys];
  const text = all.map((key) => (PLAIN_KEY.test(key) ? key : `"${key.replace(/["\\]/g, "\\$&")}"`)).join(".");
  return { keys: all, text };
}

/**
 * What a rule may read of an entry: declared fields, never the object behind them. Values are what JSON had there; a wrong
 * type reads as absent, arrays on the way are spread by `values` and absent for the others.
 */
export interface EntryView {
  value(field: Field): Json | undefined;
  /** The text there; undefined for anything that is not a string. */
  text(field: Field): string | undefined;
  object(field: Field): JsonObject | undefined;
  /** All values reached, arrays on the way and at the end spread. */
  values(field: Field): readonly Json[];
  texts(field: Field): readonly string[];
}

export function viewOf(entry: LogEntry): EntryView {
  return new ParsedEntry(entry);
}

class ParsedEntry implements EntryView {
  readonly #entry: LogEntry;

  constructor(entry: LogEntry) {
    this.#entry = entry;
  }

  value({ keys }: Field): Json | undefined {
    let at: Json | undefined = this.#entry;
    for (const key of keys) at = member(at, key);
    return at;
  }

  text(field: Field): string | undefined {
    const value = this.value(field);
    return typeof value === "string" ? value : undefined;
  }

  object(field: Field): JsonObject | undefined {
    const value = this.value(field);
    return isObject(value) ? value : undefined;
  }

  values({ keys }: Field): readonly Json[] {
    let reached = spread([this.#entry]);
    for (const key of keys) reached = spread(reached.map((value) => member(value, key)));
    return reached;
  }

  texts(field: Field): readonly string[] {
    return this.values(field).filter((value) => typeof value === "string");
  }
}

function spread(values: readonly (Json | undefined)[]): readonly Json[] {
  const flat: Json[] = [];
  for (const value of values) {
    if (Array.isArray(value)) flat.push(...spread(value as readonly Json[]));
    else if (value !== undefined) flat.push(value as Json);
  }
  return flat;
}
