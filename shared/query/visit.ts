import { walk } from "./read.ts";
import type { LeafType } from "./route.ts";
import type { FieldType, Message, Payload, Schema } from "./schema.ts";

/** Looks at everything a global restriction may look at; each method returns true to stop the walk. */
export interface Visitor {
  /** A scalar or null, with the type that the schema gives it. */
  leaf(leaf: unknown, type: LeafType): boolean;
  /** A key of a map or of free content. Names that the schema defines are not searched, and so are not visited. */
  key(key: string): boolean;
}

/** The key that JSON adds to say a message's type: it is no content of the message. */
export const TYPE_MARKER = "@type";

const OPEN: FieldType = { kind: "open" };

/** Walks an entry until the visitor stops; true when it did. Deep content is walked without recursion. */
export function visitEntry(entry: unknown, schema: Schema, visitor: Visitor): boolean {
  return isObject(entry) && visitMessage(entry, schema, visitor);
}

/** Walks free content: all its keys and values. */
export function visitContent(content: unknown, visitor: Visitor): boolean {
  const open: unknown[] = [content];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) {
      if (visitor.leaf(value, "json")) return true;
    } else if (Array.isArray(value)) {
      for (const element of value) open.push(element);
    } else {
      for (const key of Object.keys(value)) {
        if (key !== TYPE_MARKER && visitor.key(key)) return true;
        open.push((value as Record<string, unknown>)[key]);
      }
    }
  }
  return false;
}

/** The message type of a payload, when the schema knows it. */
export function payloadType(payload: Payload, value: object): Message | undefined {
  const name = (value as Record<string, unknown>)[TYPE_MARKER];
  return typeof name === "string" && Object.hasOwn(payload.types, name) ? payload.types[name] : undefined;
}

export function fieldType(message: Pick<Message, "fields">, name: string): FieldType | undefined {
  return Object.hasOwn(message.fields, name) ? message.fields[name] : undefined;
}

function visitMessage(object: object, type: Pick<Message, "fields">, visitor: Visitor): boolean {
  for (const key of Object.keys(object)) {
    const field = fieldType(type, key) ?? OPEN;
    const value: unknown = (object as Record<string, unknown>)[key];
    if (visitField(value, field, visitor)) return true;
  }
  return false;
}

function visitField(value: unknown, type: FieldType, visitor: Visitor): boolean {
  if (!Array.isArray(value)) return visitOne(value, type, visitor);
  const elements = walk(value, [], 0);
  return Array.isArray(elements) && elements.some((element) => visitOne(element, type, visitor));
}

function visitOne(value: unknown, type: FieldType, visitor: Visitor): boolean {
  if (typeof type === "string" || type.kind === "enumeration") {
    return isObject(value) ? visitContent(value, visitor) : visitor.leaf(value, type);
  }
  if (!isObject(value)) return visitor.leaf(value, "json");
  if (type.kind === "message") return visitMessage(value, type, visitor);
  const known = type.kind === "payload" ? payloadType(type, value) : undefined;
  return known === undefined ? visitContent(value, visitor) : visitMessage(value, known, visitor);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
