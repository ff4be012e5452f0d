import { isObject, type JsonObject, member } from "./json.ts";
import { projectOf } from "./origin.ts";
import { METHOD_NAME, nameAfter, RESOURCE_NAME } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/**
 * How entries of the Binary Authorization API name what they are about, and carry it.
 * https://cloud.google.com/binary-authorization/docs/audit-logging
 */
const REQUEST_POLICY = field("protoPayload.request.policy");
const REQUEST_ATTESTOR = field("protoPayload.request.attestor");
const REQUEST_ATTESTOR_ID = field("protoPayload.request.attestorId");
const REQUEST_POLICY_ID = field("protoPayload.request.policyId");
const REQUEST_NAME = field("protoPayload.request.name");
const REQUEST_PARENT = field("protoPayload.request.parent");
const REQUEST_RESOURCE = field("protoPayload.request.resource");
const RESPONSE = field("protoPayload.response");

export const BINAUTHZ_FIELDS = [
  REQUEST_POLICY,
  REQUEST_ATTESTOR,
  REQUEST_ATTESTOR_ID,
  REQUEST_POLICY_ID,
  REQUEST_NAME,
  REQUEST_PARENT,
  REQUEST_RESOURCE,
  RESPONSE,
  RESOURCE_NAME,
  METHOD_NAME,
];

/** The thing that is changed: by its full name as far as the entry has it, and by the key of its story. */
export interface GuardedResource {
  readonly kind: "policy" | "attestor" | "platform-policy";
  /** projects/P/policy, projects/P/attestors/A, projects/P/platforms/PLATFORM/policies/ID */
  readonly name: string;
  readonly id: string;
  readonly key: string;
}

/** What the entry is about. Calls that make something carry its parent as resource name, and its id in the request. */
export function guardedResource(view: EntryView): GuardedResource {
  const project = projectOf(view) ?? "unknown";
  const names = namesIn(view);
  const method = view.text(METHOD_NAME)?.split(".").at(-1) ?? "";
  const attestor = names.find((name) => name.includes("/attestors/"));
  if (attestor !== undefined || method.endsWith("Attestor")) {
    const id = nameAfter(attestor ?? "", "attestors") ?? view.text(REQUEST_ATTESTOR_ID) ?? "unknown";
    const name = attestor ?? `${parentOf(view, project)}/attestors/${id}`;
    return { kind: "attestor", name, id, key: `attestor/${project}/${id}` };
  }
  const platformPolicy = names.find((name) => name.includes("/platforms/"));
  if (platformPolicy !== undefined || method.endsWith("PlatformPolicy")) {
    const whole = names.find((name) => /\/platforms\/[^/]+\/./.test(name)) ?? platformPolicy ?? "";
    const platform = nameAfter(whole, "platforms") ?? "unknown";
    const last = whole.split("/").at(-1) ?? "";
    const id = view.text(REQUEST_POLICY_ID) ?? (last === platform || last === "" ? "unknown" : last);
    const name = `${parentOf(view, project)}/platforms/${platform}/policies/${id}`;
    return { kind: "platform-policy", name, id, key: `platform-policy/${project}/${platform}/${id}` };
  }
  if (method === "UpdateContinuousValidationConfig") {
    const id = "continuousValidationConfig";
    return {
      kind: "platform-policy",
      name: `projects/${project}/${id}`,
      id,
      key: `platform-policy/${project}/gke/${id}`,
    };
  }
  const name = names.find((text) => text.endsWith("/policy")) ?? `projects/${project}/policy`;
  return { kind: "policy", name, id: "policy", key: `binauthz-policy/${project}` };
}

/** The policy as it stands after the call: the request holds it whole, since it replaces what was there. */
export function policyIn(view: EntryView): JsonObject | null {
  return bodyIn(view, view.object(REQUEST_POLICY), ["defaultAdmissionRule", "gkePolicy"]);
}

/** An attestor as it stands after the call. */
export function attestorIn(view: EntryView): JsonObject | null {
  return bodyIn(view, view.object(REQUEST_ATTESTOR), ["userOwnedGrafeasNote"]);
}

/** What the request asks for; where the log left the request out, what the service answered with. */
function bodyIn(view: EntryView, asked: JsonObject | undefined, parts: readonly string[]): JsonObject | null {
  if (asked !== undefined) return asked;
  const answer = view.object(RESPONSE);
  return parts.some((part) => isObject(member(answer, part))) ? (answer as JsonObject) : null;
}

function namesIn(view: EntryView): readonly string[] {
  const named = [
    view.text(RESOURCE_NAME),
    member(view.object(REQUEST_ATTESTOR), "name"),
    member(view.object(REQUEST_POLICY), "name"),
    view.text(REQUEST_RESOURCE),
    view.text(REQUEST_NAME),
    member(view.object(RESPONSE), "name"),
    view.text(REQUEST_PARENT),
  ];
  return named.filter((name): name is string => typeof name === "string" && name !== "");
}

function parentOf(view: EntryView, project: string): string {
  const parent = namesIn(view).find((name) => /^projects\/[^/]+/.test(name));
  return /^projects\/[^/]+/.exec(parent ?? "")?.[0] ?? `projects/${project}`;
}
