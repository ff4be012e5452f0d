import { bindingDeltas, type Grant, requestedGrants } from "../audit-log/iam-bindings.ts";
import { RESOURCE_NAME } from "../audit-log/payload.ts";
import type { EntryView } from "../audit-log/view.ts";
import type { ObservedState } from "./rule.ts";

/** What an entry of SetIamPolicy changed. */
export interface GrantDifference {
  readonly added: readonly Grant[];
  readonly removed: readonly Grant[];
  /** The entry's own comparison, or ours with the policy before. */
  readonly by: "entry" | "previous";
}

/**
 * Who got which role, and who lost it. Some services write the difference into the entry; others write the new policy
 * only, which says nothing until it is compared with the one before: then null, where that is not known.
 */
export function grantDifference(view: EntryView, previous: unknown): GrantDifference | null {
  const deltas = bindingDeltas(view);
  if (deltas !== null) return { ...deltas, by: "entry" };
  const [before, after] = [storedGrants(previous), requestedGrants(view)];
  if (before === null || after === null) return null;
  const [had, has] = [before, after].map((grants) => new Set(grants.map(textOf))) as [Set<string>, Set<string>];
  return {
    added: after.filter((grant) => !had.has(textOf(grant))),
    removed: before.filter((grant) => !has.has(textOf(grant))),
    by: "previous",
  };
}

/** Access to a resource is kept apart from what else is known of it: iam-policy/RESOURCE. */
export function accessKeyOf(view: EntryView): string {
  return `iam-policy/${view.text(RESOURCE_NAME) ?? "unknown"}`;
}

/** Who holds what after the entry, to compare later entries with; null where it does not carry the policy. */
export function observedGrants(view: EntryView, key: string): ObservedState | null {
  const state = requestedGrants(view);
  return state === null ? null : { key, state };
}

/** As a finding's facts and changes show it. */
export function grantText([role, principal]: Grant): string {
  return `${role} to ${principal}`;
}

/** What was stored of a policy, read again; a state of another shape is none. */
function storedGrants(state: unknown): readonly Grant[] | null {
  if (!Array.isArray(state)) return null;
  return (state as readonly unknown[]).filter(
    (grant): grant is Grant => Array.isArray(grant) && typeof grant[0] === "string" && typeof grant[1] === "string",
  );
}

function textOf(grant: Grant): string {
  return JSON.stringify([grant[0], grant[1]]);
}
