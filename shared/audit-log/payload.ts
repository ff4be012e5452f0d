import { type EntryView, field } from "./view.ts";

/** The fields of AuditLog that most rules look at. */
export const METHOD_NAME = field("protoPayload.methodName");
export const SERVICE_NAME = field("protoPayload.serviceName");
export const RESOURCE_NAME = field("protoPayload.resourceName");
export const RESOURCE_TYPE = field("resource.type");
export const STATUS_CODE = field("protoPayload.status.code");
export const STATUS_MESSAGE = field("protoPayload.status.message");
export const INSERT_ID = field("insertId");
export const OPERATION_ID = field("operation.id");

/** `%2F` and the like undone, as names of logs and of bound resources have them; as it is where that is not possible. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** google.rpc.Status code, 0 where the call went well; JSON writers give it as number or text. */
export function statusCodeOf(view: EntryView): number {
  const code = Number(view.value(STATUS_CODE) ?? 0);
  return Number.isInteger(code) ? code : 0;
}

/** The segment behind a collection in a resource name: `nameAfter("projects/p/topics/t", "topics")` is "t". */
export function nameAfter(resourceName: string, collection: string): string | null {
  const parts = resourceName.split("/");
  const at = parts.lastIndexOf(collection);
  const name = at === -1 ? undefined : parts[at + 1];
  return name === undefined || name === "" ? null : name;
}
