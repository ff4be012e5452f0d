import { quote } from "./escapes.ts";
import { isBareText } from "./lexer.ts";
import type { LeafType } from "./route.ts";
import type { FieldType, Schema } from "./schema.ts";
import { fieldsOf, payloadType, TYPE_MARKER } from "./visit.ts";

/** One place that a global restriction looks at. */
export interface Place {
  /** The path as the language writes it; elements of arrays have no index there. */
  readonly field: string;
  readonly value: unknown;
  readonly type: LeafType;
  /** The key at the end of the path, when it is searched as well. */
  readonly key: string | undefined;
}

interface Open {
  readonly field: string;
  readonly value: unknown;
  readonly type: FieldType;
  readonly key: string | undefined;
}

/**
 * All places of an entry that a global restriction looks at, in document order: the same that `visitEntry` walks, with
 * the path of each. For explanations; it is slower.
 */
export function* placesIn(entry: unknown, schema: Schema): Generator<Place> {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return;
  yield* places({ field: "", value: entry, type: { kind: "message", fields: schema.fields }, key: undefined });
}

/** All places at and below a value that a path found. */
export function* placesBelow(field: string, value: unknown): Generator<Place> {
  yield* places({ field, value, type: { kind: "struct" }, key: undefined });
}

function* places(root: Open): Generator<Place> {
  const stack = [root];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { value, type, key } = top;
    if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index--) stack.push({ ...top, value: value[index] });
      if (key !== undefined && value.length === 0) yield { ...top, type: "json" };
    } else if (typeof value === "object" && value !== null) {
      if (key !== undefined) yield { ...top, type: "json" };
      // One by one: a call cannot take as many arguments as an object can have keys.
      for (const [name, inner] of Object.entries(value).reverse()) stack.push(child(top, name, inner));
    } else {
      yield { ...top, type: typeof type === "string" || type.kind === "enumeration" ? type : "json" };
    }
  }
}

function child(parent: Open, name: string, value: unknown): Open {
  const field = `${parent.field}${parent.field === "" ? "" : "."}${isBareText(name) ? name : quote(name)}`;
  const message = messageFields(parent);
  if (message !== undefined)
    return { field, value, type: fieldsOf(message).get(name) ?? { kind: "open" }, key: undefined };
  return { field, value, type: { kind: "struct" }, key: name === TYPE_MARKER ? undefined : name };
}

function messageFields({ type, value }: Open): { readonly fields: Readonly<Record<string, FieldType>> } | undefined {
  if (typeof type === "string") return undefined;
  if (type.kind === "message") return type;
  return type.kind === "payload" && typeof value === "object" && value !== null ? payloadType(type, value) : undefined;
}
