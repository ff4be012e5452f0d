import { isObject, type JsonObject, member, textOrNull } from "./json.ts";
import { projectOf, scopeOf } from "./origin.ts";
import { nameAfter, RESOURCE_NAME, STATUS_MESSAGE } from "./payload.ts";
import { type EntryView, field } from "./view.ts";

/**
 * How entries name an organization policy and its constraint, in the v2 and in the legacy API.
 * https://cloud.google.com/resource-manager/docs/organization-policy/audit-logging
 */
const REQUEST_POLICY = field("protoPayload.request.policy");
const REQUEST_CUSTOM = field("protoPayload.request.customConstraint");
const REQUEST_NAME = field("protoPayload.request.name");
const REQUEST_PARENT = field("protoPayload.request.parent");
const REQUEST_RESOURCE = field("protoPayload.request.resource");
const REQUEST_CONSTRAINT = field("protoPayload.request.constraint");
const RESPONSE = field("protoPayload.response");
const STATUS_VIOLATIONS = field("protoPayload.status.details.violations");
const VIOLATION_INFO = field("protoPayload.policyViolationInfo.orgPolicyViolationInfo.violationInfo");

export const ORG_POLICY_FIELDS = [
  REQUEST_POLICY,
  REQUEST_CUSTOM,
  REQUEST_NAME,
  REQUEST_PARENT,
  REQUEST_RESOURCE,
  REQUEST_CONSTRAINT,
  RESPONSE,
  RESOURCE_NAME,
];
export const VIOLATION_FIELDS = [STATUS_VIOLATIONS, VIOLATION_INFO, STATUS_MESSAGE];

export interface ConstraintAt {
  /** As in run.allowedBinaryAuthorizationPolicies or custom.mine: without `constraints/`. */
  readonly constraint: string;
  /** projects/ID, folders/NUMBER or organizations/NUMBER */
  readonly scope: string;
  /** org-policy/SCOPE/CONSTRAINT */
  readonly key: string;
}

/** Which constraint is changed, and where. A project goes by its id, whichever way the entry writes it. */
export function constraintAt(view: EntryView): ConstraintAt {
  const names = [
    member(view.object(REQUEST_POLICY), "name"),
    member(view.object(REQUEST_CUSTOM), "name"),
    view.text(RESOURCE_NAME),
    view.text(REQUEST_NAME),
    member(view.object(RESPONSE), "name"),
    view.text(REQUEST_RESOURCE),
    view.text(REQUEST_PARENT),
  ].filter((name): name is string => typeof name === "string" && name !== "");
  const legacy = [member(view.object(REQUEST_POLICY), "constraint"), view.text(REQUEST_CONSTRAINT)].find(
    (name): name is string => typeof name === "string" && name !== "",
  );
  const named = names
    .map((name) => nameAfter(name, "policies") ?? nameAfter(name, "customConstraints"))
    .find((name) => name !== null);
  const constraint = legacy === undefined ? (named ?? "unknown") : shortConstraint(legacy);
  const parent = names.map(parentIn).find((name) => name !== null) ?? scopeOf(view);
  const project = projectOf(view);
  const scope = parent.startsWith("projects/") && project !== null ? `projects/${project}` : parent;
  return { constraint, scope, key: `org-policy/${scope}/${constraint}` };
}

/** The policy as it stands after the call; an answer holds all of it, a request may hold only what it changes. */
export function orgPolicyIn(view: EntryView): JsonObject | null {
  const answer = view.object(RESPONSE);
  const isPolicy = ["spec", "dryRunSpec", "constraint"].some((key) => member(answer, key) !== undefined);
  return isPolicy ? (answer as JsonObject) : (view.object(REQUEST_POLICY) ?? null);
}

export function customConstraintIn(view: EntryView): JsonObject | null {
  return view.object(REQUEST_CUSTOM) ?? null;
}

/** `constraints/run.x` is run.x */
export function shortConstraint(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/**
 * Constraints that hold Binary Authorization in place: those that Google's own hardened settings use, and any that is
 * named after it.
 */
const WATCHED = new Set([
  "run.allowedBinaryAuthorizationPolicies",
  "container.managed.enableBinaryAuthorization",
  "custom.cloudrunServiceRequireBinaryAuthorization",
  "custom.cloudrunJobRequireBinaryAuthorization",
]);
const BINARY_AUTHORIZATION = /binary[ _.-]?authori[sz]ation|binauthz/i;

export function isWatchedConstraint(name: string): boolean {
  const short = shortConstraint(name);
  return WATCHED.has(short) || BINARY_AUTHORIZATION.test(short);
}

export interface Violation {
  /** As the entry has it, with `constraints/` in front. */
  readonly constraint: string;
  readonly explanation: string | null;
  /** Whether a field says so, or only the sentence of the error. */
  readonly structured: boolean;
}

const CONSTRAINT = /^(?:constraints|customConstraints)\/[A-Za-z0-9_.-]+$/;
const IN_MESSAGE = /\bConstraint (constraints\/[A-Za-z0-9_.-]{1,200}) violated\b/;
const CUSTOM_IN_MESSAGE =
  /\bdenied by (?:custom )?org(?:anization)? polic(?:y|ies)\b[^[]{0,500}\["((?:constraints|customConstraints)\/[A-Za-z0-9_.-]{1,200})"/i;

/** The constraint that a refused call violates; null where the refusal names none. */
export function violationIn(view: EntryView): Violation | null {
  const message = view.text(STATUS_MESSAGE) ?? null;
  const details = view.values(STATUS_VIOLATIONS).map((violation) => ({
    constraint: member(violation, "type"),
    explanation: member(violation, "description"),
  }));
  const infos = view.values(VIOLATION_INFO).map((violation) => ({
    constraint: member(violation, "constraint"),
    explanation: member(violation, "errorMessage"),
  }));
  for (const { constraint, explanation } of [...details, ...infos]) {
    if (typeof constraint !== "string" || !CONSTRAINT.test(constraint)) continue;
    return { constraint, explanation: typeof explanation === "string" ? explanation : message, structured: true };
  }
  const named = IN_MESSAGE.exec(message ?? "")?.[1] ?? CUSTOM_IN_MESSAGE.exec(message ?? "")?.[1];
  return named === undefined ? null : { constraint: named, explanation: message, structured: false };
}

function parentIn(name: string): string | null {
  return (
    /^(?:\/\/cloudresourcemanager\.googleapis\.com\/)?((?:projects|folders|organizations)\/[^/]+)/.exec(name)?.[1] ??
    null
  );
}

const METADATA = field("protoPayload.metadata");
export const DRY_RUN_FIELDS = [METADATA, RESOURCE_NAME];

export interface DryRunVerdict {
  readonly constraint: string | null;
  readonly dryRunResult: string | null;
  readonly liveResult: string | null;
  readonly resourceType: string | null;
}

/** What a policy in dry run would have said; one source names the constraint in a list of violations. */
export function dryRunVerdict(view: EntryView): DryRunVerdict {
  const metadata = view.object(METADATA);
  const text = (key: string) => textOrNull(member(metadata, key));
  const listed = member(metadata, "violationInfo");
  const first = Array.isArray(listed) ? listed.find(isObject) : undefined;
  return {
    constraint: text("constraint") ?? textOrNull(member(first, "constraint")),
    dryRunResult: text("dryRunResult"),
    liveResult: text("liveResult"),
    resourceType: text("resourceType"),
  };
}
