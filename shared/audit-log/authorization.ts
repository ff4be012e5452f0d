import { isObject, member, textOrNull } from "./json.ts";
import { type EntryView, field } from "./view.ts";

const AUTHORIZATION = field("protoPayload.authorizationInfo");

export const AUTHORIZATION_FIELDS = [AUTHORIZATION];

/**
 * The permission that the caller lacked. A refusal leaves `granted` out rather than setting it to false.
 * https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog#AuthorizationInfo
 */
export function missingPermission(view: EntryView): string | null {
  const lacking = view
    .values(AUTHORIZATION)
    .filter(isObject)
    .find((info) => member(info, "granted") !== true);
  return textOrNull(member(lacking, "permission"));
}
