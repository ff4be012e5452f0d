import { walk } from "./read.ts";
import type { FieldType, Message, Payload, ScalarType, Schema } from "./schema.ts";

/** Looks at everything a global restriction may look at; each method returns true to stop the walk. */
export interface Visitor {
  /** A text in a field of strings: the commonest case of `scalar`. */
  text(text: string): boolean;
  /** A value of a field whose type the schema names. Names of such fields are not searched, and so are not shown. */
  scalar(leaf: unknown, type: ScalarType): boolean;
  /** A map, a Struct, or whatever the schema does not know the inside of: keys and values are the visitor's affair. */
  content(value: unknown): boolean;
}

/** The key that JSON adds to say a message's type: it is no content of the message. */
export const TYPE_MARKER = "@type";

/** Walks the fields of an entry until the visitor stops; true when it did. */
export function visitEntry(entry: unknown, schema: Schema, visitor: Visitor): boolean {
  return isObject(entry) && visitMessage(entry, schema, visitor);
}

/** The message type of a payload, when the schema knows it. */
export function payloadType(payload: Payload, value: object): Message | undefined {
  const name = (value as Record<string, unknown>)[TYPE_MARKER];
  return typeof name === "string" && Object.hasOwn(payload.types, name) ? payload.types[name] : undefined;
}

/** The fields of a message by name: a map finds no "constructor" where there is none, and is quick to ask. */
export function fieldsOf({ fields }: Pick<Message, "fields">): ReadonlyMap<string, FieldType> {
  let known = knownFields.get(fields);
  if (known === undefined) {
    known = new Map(Object.entries(fields));
    knownFields.set(fields, known);
  }
  return known;
}

const knownFields = new WeakMap<Message["fields"], ReadonlyMap<string, FieldType>>();

function visitMessage(object: object, type: Pick<Message, "fields">, visitor: Visitor): boolean {
  const record = object as Readonly<Record<string, unknown>>;
  const fields = fieldsOf(type);
  for (const key in record) {
    const value = record[key];
    const field = fields.get(key);
    if (field === "string" && typeof value === "string") {
      if (visitor.text(value)) return true;
    } else if (field === undefined ? visitor.content(value) : visitField(value, field, visitor)) {
      return true;
    }
  }
  return false;
}

function visitField(value: unknown, type: FieldType, visitor: Visitor): boolean {
  if (!Array.isArray(value)) return visitOne(value, type, visitor);
  const elements = walk(value, [], 0);
  return Array.isArray(elements) && elements.some((element) => visitOne(element, type, visitor));
}

function visitOne(value: unknown, type: FieldType, visitor: Visitor): boolean {
  if (!isObject(value)) {
    return typeof type === "string" || type.kind === "enumeration"
      ? visitor.scalar(value, type)
      : visitor.content(value);
  }
  if (typeof type === "string") return visitor.content(value);
  if (type.kind === "message") return visitMessage(value, type, visitor);
  const known = type.kind === "payload" ? payloadType(type, value) : undefined;
  return known === undefined ? visitor.content(value) : visitMessage(value, known, visitor);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
