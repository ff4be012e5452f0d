import type { LogEntry } from "../../shared/audit-log/entry.ts";
import type { Json } from "../../shared/audit-log/json.ts";
import { changed } from "./changed-entry.ts";

const POLICY_UPDATE = "binauthz-updatepolicy-v1beta1-allow-all.json";
const SERVICE_UPDATE = "cloudrun-activity-v2-updateservice-binauthz-disabled.json";

export const ALLOW = { evaluationMode: "ALWAYS_ALLOW", enforcementMode: "ENFORCED_BLOCK_AND_AUDIT_LOG" };
export const REQUIRE = {
  evaluationMode: "REQUIRE_ATTESTATION",
  enforcementMode: "ENFORCED_BLOCK_AND_AUDIT_LOG",
  requireAttestationsBy: ["projects/example-prod/attestors/built"],
};

/** The minute of a morning; also the insertId of its entry. */
function moment(minute: number): Readonly<Record<string, Json>> {
  return { timestamp: `2026-11-20T08:${String(minute).padStart(2, "0")}:00.5Z`, insertId: `minute-${minute}` };
}

/** The project's policy is replaced by one with this default rule. */
export function policySet(minute: number, rule: Json): LogEntry {
  return changed(POLICY_UPDATE, {
    ...moment(minute),
    "protoPayload.request.policy.defaultAdmissionRule": rule,
    "protoPayload.response": undefined,
  });
}

/** A Cloud Run service is deployed with this setting, `{}` being none. */
export function deployed(minute: number, binaryAuthorization: Json): LogEntry {
  return changed(SERVICE_UPDATE, {
    ...moment(minute),
    "protoPayload.request.service.binaryAuthorization": binaryAuthorization,
    "protoPayload.request.updateMask": "template,binary_authorization",
  });
}
