import { createHash } from "node:crypto";
import { isObject, type Json, type JsonObject, member, objectsIn, textOrNull } from "../audit-log/json.ts";
import { canonical, type GradedChange, neutral, stronger, weaker } from "./graded-change.ts";

/**
 * Which keys an attestor trusts. Any one of them is enough to sign for it, so each further key widens it.
 * https://cloud.google.com/binary-authorization/docs/reference/rest/v1/projects.attestors
 */
export function compareAttestors(before: unknown, after: unknown): readonly GradedChange[] {
  const [had, has] = [keysOf(before), keysOf(after)];
  const changes: GradedChange[] = [];
  for (const [print, id] of has) if (!had.has(print)) changes.push(weaker("publicKeys", null, id, "high"));
  for (const [print, id] of had) if (!has.has(print)) changes.push(stronger("publicKeys", id, null));
  const [from, to] = [noteOf(before), noteOf(after)];
  if (from !== to) changes.push(neutral("noteReference", from, to));
  return changes;
}

/** The parts that later comparisons need. */
export function attestorState(attestor: JsonObject): JsonObject {
  return { note: noteOf(attestor), keys: Object.fromEntries(keysOf(attestor)) };
}

export function keyIds(attestor: unknown): readonly string[] {
  return [...keysOf(attestor).values()];
}

/** A key's own text makes it what it is: another key under an id that is known already is another key. */
function keysOf(attestor: unknown): ReadonlyMap<string, string> {
  const remembered = member(attestor, "keys");
  if (isObject(remembered)) {
    return new Map(Object.entries(remembered).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  }
  const keys = member(holderOf(attestor), "publicKeys");
  return new Map(
    objectsIn(keys).map((key) => {
      const material = [member(key, "asciiArmoredPgpPublicKey"), member(key, "pkixPublicKey")];
      const id = member(key, "id");
      const named = textOrNull(id) ?? "a key without an id";
      return [
        createHash("sha256")
          .update(canonical([named, material]))
          .digest("hex"),
        named,
      ];
    }),
  );
}

function noteOf(attestor: unknown): string | null {
  return textOrNull(member(attestor, "note") ?? member(holderOf(attestor), "noteReference"));
}

/** The v1 and the v1beta1 API call it differently. */
function holderOf(attestor: unknown): Json | undefined {
  return member(attestor, "userOwnedGrafeasNote") ?? member(attestor, "userOwnedDrydockNote");
}
