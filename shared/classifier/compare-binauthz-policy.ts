import { isObject, type Json, type JsonObject, member, textOrNull } from "../audit-log/json.ts";
import { field } from "../audit-log/view.ts";
import { breadthOf, coverageOf } from "./allowlist-breadth.ts";
import { type GradedChange, listChanges, neutral, stronger, summed, weaker } from "./graded-change.ts";

/**
 * What became weaker between two Binary Authorization policies of a project; any JSON is taken as a policy, and what is
 * not understood is neither weaker nor stronger.
 * https://cloud.google.com/binary-authorization/docs/policy-yaml-reference
 */
export function comparePolicies(before: unknown, after: unknown): readonly GradedChange[] {
  return [
    ...compareRules("defaultAdmissionRule", defaultRuleOf(before), defaultRuleOf(after)),
    ...compareSpecificRules(before, after),
    ...compareAllowlists(allowlistOf(before), allowlistOf(after)),
    ...compareGlobalMode(before, after),
  ];
}

/** What is weak in a policy whatever it was before: all that can be said when no earlier state is known. */
export function weaknessesOf(policy: unknown): readonly GradedChange[] {
  const rules = [
    { path: "defaultAdmissionRule", rule: defaultRuleOf(policy) },
    ...specificMapsOf(policy).flatMap((map) =>
      Object.entries(rulesIn(policy, map)).map(([key, rule]) => ({ path: field(map, key).text, rule: ruleFrom(rule) })),
    ),
  ];
  const weak = rules.flatMap(({ path, rule: { evaluationMode, enforcementMode } }) => [
    ...(evaluationMode === "ALWAYS_ALLOW" ? [weaker(`${path}.evaluationMode`, null, evaluationMode, "critical")] : []),
    ...(enforcementMode === "DRYRUN_AUDIT_LOG_ONLY"
      ? [weaker(`${path}.enforcementMode`, null, enforcementMode, "critical")]
      : []),
  ]);
  const open = allowlistOf(policy)
    .filter((pattern) => breadthOf(pattern).gravity === "critical")
    .map((pattern) => weaker(ALLOWLIST, null, pattern, "critical"));
  const reset = isTerraformDefault(policy) ? [neutral(GLOBAL_MODE, null, null)] : [];
  return [...weak, ...open, ...reset];
}

/**
 * The policy that Terraform's provider puts in place when its resource is destroyed: everything is allowed.
 * https://github.com/hashicorp/terraform-provider-google (google_binary_authorization_policy)
 */
export function isTerraformDefault(policy: unknown): boolean {
  const { evaluationMode, enforcementMode } = defaultRuleOf(policy);
  const patterns = allowlistOf(policy);
  return (
    evaluationMode === "ALWAYS_ALLOW" &&
    enforcementMode === "ENFORCED_BLOCK_AND_AUDIT_LOG" &&
    globalModeOf(policy) === null &&
    patterns.length === 1 &&
    patterns[0] === "gcr.io/google_containers/*" &&
    specificMapsOf(policy).every((map) => Object.keys(rulesIn(policy, map)).length === 0)
  );
}

/** What the newly allowed patterns let in beyond what they look like, a sentence each. */
export function allowlistWarnings(before: unknown, after: unknown): readonly string[] {
  const known = new Set(allowlistOf(before));
  return allowlistOf(after)
    .filter((pattern) => !known.has(pattern))
    .map((pattern) => breadthOf(pattern).warning)
    .filter((warning) => warning !== null);
}

/** The parts of a policy that later comparisons need; not its description, which anybody may word as they like. */
export function policyState(policy: JsonObject): JsonObject {
  const kept = ["defaultAdmissionRule", ALLOWLIST, GLOBAL_MODE, ...specificMapsOf(policy)];
  return Object.fromEntries(
    kept.map((key) => [key, member(policy, key)]).filter((pair): pair is [string, Json] => pair[1] !== undefined),
  );
}

const ALLOWLIST = "admissionWhitelistPatterns";
const GLOBAL_MODE = "globalPolicyEvaluationMode";

interface AdmissionRule {
  readonly evaluationMode: string | null;
  readonly enforcementMode: string | null;
  readonly attestors: readonly string[];
}

const EVALUATION = ["ALWAYS_ALLOW", "REQUIRE_ATTESTATION", "ALWAYS_DENY"];
const ENFORCEMENT = ["DRYRUN_AUDIT_LOG_ONLY", "ENFORCED_BLOCK_AND_AUDIT_LOG"];

function compareRules(path: string, before: AdmissionRule, after: AdmissionRule): readonly GradedChange[] {
  const changes: GradedChange[] = [];
  if (before.evaluationMode !== after.evaluationMode) {
    changes.push(
      ranked(`${path}.evaluationMode`, before.evaluationMode, after.evaluationMode, EVALUATION, (mode) =>
        mode === "ALWAYS_ALLOW" ? "critical" : "high",
      ),
    );
  }
  if (before.enforcementMode !== after.enforcementMode) {
    const name = `${path}.enforcementMode`;
    const change = ranked(name, before.enforcementMode, after.enforcementMode, ENFORCEMENT, () => "critical");
    // A rule that allows everything blocks nothing, enforced or not: from there, a dry run is the usual first step up.
    const blocking = change.effect === "weaker" ? before : after;
    changes.push(blocking.evaluationMode === "ALWAYS_ALLOW" ? neutral(name, change.before, change.after) : change);
  }
  if (before.evaluationMode === "REQUIRE_ATTESTATION" && after.evaluationMode === "REQUIRE_ATTESTATION") {
    const name = `${path}.requireAttestationsBy`;
    changes.push(...listChanges(name, before.attestors, after.attestors, "stronger", "high"));
  }
  return changes;
}

function ranked(
  name: string,
  before: string | null,
  after: string | null,
  rising: readonly string[],
  gravityOf: (after: string) => "critical" | "high",
): GradedChange {
  const [from, to] = [before, after].map((mode) => (mode === null ? -1 : rising.indexOf(mode))) as [number, number];
  if (from === -1 || to === -1) return neutral(name, before, after);
  return to < from ? weaker(name, before, after, gravityOf(after as string)) : stronger(name, before, after);
}

/**
 * A specific rule takes the place of the default one. So what counts is which rule judged a cluster, namespace or account
 * before, and which does now; that makes a rule that is added or removed comparable too.
 */
function compareSpecificRules(before: unknown, after: unknown): readonly GradedChange[] {
  const maps = [...new Set([...specificMapsOf(before), ...specificMapsOf(after)])];
  return maps.flatMap((map) => {
    const [had, has] = [rulesIn(before, map), rulesIn(after, map)];
    return [...new Set([...Object.keys(had), ...Object.keys(has)])].flatMap((key) => {
      const path = field(map, key).text;
      const from = Object.hasOwn(had, key) ? ruleFrom(had[key]) : null;
      const to = Object.hasOwn(has, key) ? ruleFrom(has[key]) : null;
      const parts = compareRules(path, from ?? defaultRuleOf(before), to ?? defaultRuleOf(after));
      if (from !== null && to !== null) return parts;
      return [summed(path, from === null ? null : described(from), to === null ? null : described(to), parts)];
    });
  });
}

function described({ evaluationMode, enforcementMode, attestors }: AdmissionRule): string {
  const by = attestors.length === 0 ? "" : ` by ${attestors.join(", ")}`;
  return `${evaluationMode ?? "no evaluation mode"}${by}, ${enforcementMode ?? "no enforcement mode"}`;
}

function compareAllowlists(before: readonly string[], after: readonly string[]): readonly GradedChange[] {
  const [had, has] = [new Set(before), new Set(after)];
  const [coveredBefore, coveredAfter] = [coverageOf(before), coverageOf(after)];
  const added = [...has].filter((pattern) => !had.has(pattern));
  const removed = [...had].filter((pattern) => !has.has(pattern));
  return [
    ...added.map((pattern) =>
      coveredBefore(pattern)
        ? neutral(ALLOWLIST, null, pattern)
        : weaker(ALLOWLIST, null, pattern, breadthOf(pattern).gravity),
    ),
    ...removed.map((pattern) =>
      coveredAfter(pattern) ? neutral(ALLOWLIST, pattern, null) : stronger(ALLOWLIST, pattern, null),
    ),
  ];
}

/** ENABLE has Google's own system images allowed before this policy is asked; what is not set counts as DISABLE. */
function compareGlobalMode(before: unknown, after: unknown): readonly GradedChange[] {
  const [from, to] = [globalModeOf(before), globalModeOf(after)];
  if (from === to) return [];
  const [trusted, trusts] = [from === "ENABLE", to === "ENABLE"];
  if (trusted === trusts) return [neutral(GLOBAL_MODE, from, to)];
  return [trusts ? weaker(GLOBAL_MODE, from, to, "medium") : stronger(GLOBAL_MODE, from, to)];
}

function globalModeOf(policy: unknown): string | null {
  const mode = textOrNull(member(policy, GLOBAL_MODE));
  return mode === "GLOBAL_POLICY_EVALUATION_MODE_UNSPECIFIED" ? null : mode;
}

function defaultRuleOf(policy: unknown): AdmissionRule {
  return ruleFrom(member(policy, "defaultAdmissionRule"));
}

function ruleFrom(value: unknown): AdmissionRule {
  const attestors = member(value, "requireAttestationsBy");
  return {
    evaluationMode: textOrNull(member(value, "evaluationMode")),
    enforcementMode: textOrNull(member(value, "enforcementMode")),
    attestors: Array.isArray(attestors) ? attestors.filter((name) => typeof name === "string") : [],
  };
}

/** Rules for clusters, namespaces, accounts and identities, and of kinds that are yet to come. */
function specificMapsOf(policy: unknown): readonly string[] {
  if (!isObject(policy)) return [];
  return Object.keys(policy).filter((key) => key.endsWith("AdmissionRules") && isObject(policy[key]));
}

function rulesIn(policy: unknown, map: string): JsonObject {
  const rules = member(policy, map);
  return isObject(rules) ? rules : {};
}

function allowlistOf(policy: unknown): readonly string[] {
  const patterns = member(policy, ALLOWLIST);
  if (!Array.isArray(patterns)) return [];
  return (patterns as readonly Json[])
    .map((pattern) => textOrNull(member(pattern, "namePattern")))
    .filter((pattern) => pattern !== null);
}
