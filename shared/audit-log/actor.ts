import type { Actor, ActorKind, Person } from "../finding.ts";
import { isObject, type JsonObject, member } from "./json.ts";
import { type EntryView, type Field, field } from "./view.ts";

const PRINCIPAL = field("protoPayload.authenticationInfo.principalEmail");
const SUBJECT = field("protoPayload.authenticationInfo.principalSubject");
const DELEGATION = field("protoPayload.authenticationInfo.serviceAccountDelegationInfo");

export const ACTOR_FIELDS = [PRINCIPAL, SUBJECT, DELEGATION];

export const UNKNOWN_ACTOR: Actor = {
  principal: null,
  kind: "unknown",
  via: null,
  confidence: "low",
  person: null,
  delegation: [],
};

/**
 * Who acted, by the entry's authentication info.
 * https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog#AuthenticationInfo
 */
export function authenticatedActor(view: EntryView): Actor {
  const email = view.text(PRINCIPAL);
  const named = email !== undefined && email !== "" ? { text: email, field: PRINCIPAL } : undefined;
  const subject = view.text(SUBJECT);
  const source = named ?? (subject !== undefined && subject !== "" ? { text: subject, field: SUBJECT } : undefined);
  if (source === undefined) return UNKNOWN_ACTOR;
  return actor(source.text, shortName(source.field), delegationOf(view));
}

/** Who acted, by the first of these annotations that names somebody: the form in which Cloud Run's system events say it. */
export function annotatedActor(view: EntryView, annotations: Field, keys: readonly string[]): Actor {
  const map = view.object(annotations);
  for (const key of keys) {
    const principal = member(map, key);
    if (typeof principal === "string" && principal !== "") return actor(principal, `response annotation ${key}`, []);
  }
  return UNKNOWN_ACTOR;
}

function actor(principal: string, via: string, delegation: readonly string[]): Actor {
  const kind = kindOf(principal);
  const confidence = kind === "redacted" || kind === "unknown" ? "low" : "high";
  return { principal, kind, via, confidence, person: personBehind(principal, kind, via, delegation), delegation };
}

const CONTROLLER =
  /^system:(?:serviceaccount:kube-system:[a-z0-9.-]*controller[a-z0-9.-]*|kube-controller-manager|kube-scheduler|addon-manager|gke-|node:|apiserver|clustermetrics)/;

/** What kind of principal a name is; names are compared with the forms that Google Cloud and Kubernetes document. */
export function kindOf(principal: string): ActorKind {
  if (CONTROLLER.test(principal)) return "workload-controller";
  if (principal.startsWith("system:")) return "service-account";
  if (principal.startsWith("principal://")) {
    return principal.includes("/workforcePools/") ? "workforce" : "service-account";
  }
  if (/\.\.\./.test(principal)) return "redacted";
  if (/(?:\.|@)gserviceaccount\.com(?:\[|$)/.test(principal) || principal.startsWith("serviceAccount:")) {
    return "service-account";
  }
  if (/^(?:user:)?[^@\s]+@[^@\s]+$/.test(principal)) return "user";
  return "unknown";
}

/** The human behind a principal: itself, or whoever began the chain of impersonation. Never a controller, never a guess. */
function personBehind(principal: string, kind: ActorKind, via: string, delegation: readonly string[]): Person | null {
  if (kind === "user" || kind === "workforce") return { principal, via, confidence: "high" };
  const first = delegation[0];
  if (first === undefined) return null;
  const firstKind = kindOf(first);
  return firstKind === "user" || firstKind === "workforce"
    ? { principal: first, via: shortName(DELEGATION), confidence: "high" }
    : null;
}

/** The principals of the chain, from the one who asked first to the last before the actor. */
function delegationOf(view: EntryView): readonly string[] {
  return view
    .values(DELEGATION)
    .filter(isObject)
    .map(delegate)
    .filter((name) => name !== undefined);
}

function delegate(info: JsonObject): string | undefined {
  const named = [
    member(member(info, "firstPartyPrincipal"), "principalEmail"),
    member(info, "principalSubject"),
    member(member(member(info, "thirdPartyPrincipal"), "thirdPartyClaims"), "email"),
    member(member(member(info, "thirdPartyPrincipal"), "thirdPartyClaims"), "sub"),
  ];
  return named.find((name) => typeof name === "string" && name !== "") as string | undefined;
}

function shortName({ text }: Field): string {
  return text.replace("protoPayload.", "");
}
