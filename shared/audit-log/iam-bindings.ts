import { isObject, type Json, member } from "./json.ts";
import { type EntryView, field } from "./view.ts";

/** Who holds which role, in entries of SetIamPolicy; https://cloud.google.com/iam/docs/audit-logging */
const DELTAS = field("protoPayload.serviceData.policyDelta.bindingDeltas");
const BINDINGS = field("protoPayload.request.policy.bindings");

export const IAM_BINDING_FIELDS = [DELTAS, BINDINGS];

/** A role and who holds it; a condition makes it another grant. */
export type Grant = readonly [role: string, principal: string];

/** Principals that stand for everybody. */
export const EVERYBODY: readonly string[] = ["allUsers", "allAuthenticatedUsers"];

/** What was granted and taken away, by the entry's own comparison; null where the service wrote none. */
export function bindingDeltas(
  view: EntryView,
): { readonly added: readonly Grant[]; readonly removed: readonly Grant[] } | null {
  const deltas = view.values(DELTAS).filter(isObject);
  if (deltas.length === 0) return null;
  const of = (action: string) =>
    deltas
      .filter((delta) => member(delta, "action") === action)
      .map((delta) => [member(delta, "role"), member(delta, "member")] as const)
      .filter(isGrant);
  return { added: of("ADD"), removed: of("REMOVE") };
}

/** Every grant of the policy that the request sets; null where it carries none. */
export function requestedGrants(view: EntryView): readonly Grant[] | null {
  if (view.value(BINDINGS) === undefined) return null;
  return view
    .values(BINDINGS)
    .filter(isObject)
    .flatMap((binding) => {
      const members = member(binding, "members");
      return (Array.isArray(members) ? (members as readonly Json[]) : []).map(
        (principal) => [member(binding, "role"), principal] as const,
      );
    })
    .filter(isGrant);
}

function isGrant(pair: readonly [Json | undefined, Json | undefined]): pair is Grant {
  return pair.every((part) => typeof part === "string" && part !== "");
}
