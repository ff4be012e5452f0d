import { isObject, type Json, type JsonObject, member, objectsIn } from "../audit-log/json.ts";
import type { Severity } from "../finding.ts";
import { canonical, type GradedChange, listChanges, neutral, stronger, summed, weaker } from "./graded-change.ts";

/**
 * What became weaker between two platform policies (check-based, continuous validation).
 * https://cloud.google.com/binary-authorization/docs/overview-cv
 */
export function comparePlatformPolicies(before: unknown, after: unknown): readonly GradedChange[] {
  const allowlists = compareAllowlists(POLICY, member(before, POLICY), member(after, POLICY));
  const [had, has] = [setsOf(before), setsOf(after)];
  if (had.size === 0 && has.size === 0) return allowlists;
  if (has.size === 0) return [weaker(SETS, counted(had.size), ALLOWS_ALL, "critical"), ...allowlists];
  if (had.size === 0) return [stronger(SETS, ALLOWS_ALL, counted(has.size)), ...allowlists];
  return [...allowlists, ...compareSets(had, has)];
}

/** What is weak in a policy whatever it was before: without a check set, or with one that checks nothing, all may run. */
export function weaknessesOfPlatformPolicy(policy: unknown): readonly GradedChange[] {
  const sets = setsOf(policy);
  if (sets.size === 0) return [weaker(SETS, null, ALLOWS_ALL, "critical")];
  return [...sets]
    .filter(([, set]) => objectsIn(member(set, "checks")).length === 0)
    .map(([scope]) => weaker(`${setPath(scope)}.checks`, null, ALLOWS_ALL, "high"));
}

/** The parts of a policy that later comparisons need. */
export function platformPolicyState(policy: JsonObject): JsonObject {
  const kept = member(policy, POLICY);
  return kept === undefined ? {} : { [POLICY]: kept };
}

const POLICY = "gkePolicy";
const SETS = "gkePolicy.checkSets";
const ALLOWS_ALL = "none (everything is allowed)";
const NO_SET: JsonObject = {};

function counted(count: number): string {
  return count === 1 ? "1 check set" : `${count} check sets`;
}

/** The first set whose scope fits judges a Pod; the set without a scope judges the rest. */
function setsOf(policy: unknown): ReadonlyMap<string, JsonObject> {
  const sets = new Map<string, JsonObject>();
  for (const set of objectsIn(member(member(policy, POLICY), "checkSets"))) {
    const scope = scopeOf(set);
    if (!sets.has(scope)) sets.set(scope, set);
  }
  return sets;
}

function scopeOf(set: JsonObject): string {
  const scope = member(set, "scope");
  for (const kind of ["kubernetesServiceAccount", "kubernetesNamespace"]) {
    const name = member(scope, kind);
    if (typeof name === "string" && name !== "") return `${kind} ${name}`;
  }
  return "";
}

function setPath(scope: string): string {
  return scope === "" ? SETS : `${SETS}[${scope}]`;
}

function compareSets(
  had: ReadonlyMap<string, JsonObject>,
  has: ReadonlyMap<string, JsonObject>,
): readonly GradedChange[] {
  const [general, generalNow] = [had.get("") ?? NO_SET, has.get("") ?? NO_SET];
  return [...new Set([...had.keys(), ...has.keys()])].flatMap((scope) => {
    const path = setPath(scope);
    const [from, to] = [had.get(scope), has.get(scope)];
    const parts = compareSet(path, from ?? general, to ?? generalNow);
    if (from !== undefined && to !== undefined) return parts;
    return [summed(path, describedSet(from), describedSet(to), parts)];
  });
}

function describedSet(set: JsonObject | undefined): string | null {
  if (set === undefined) return null;
  const types = objectsIn(member(set, "checks")).map(typeOf);
  return types.length === 0 ? ALLOWS_ALL : types.join(", ");
}

function compareSet(path: string, before: JsonObject, after: JsonObject): readonly GradedChange[] {
  const [had, has] = [checksByType(before), checksByType(after)];
  const checks = [...new Set([...had.keys(), ...has.keys()])].flatMap((type) => {
    const [from, to] = [had.get(type) ?? [], has.get(type) ?? []];
    return Array.from({ length: Math.max(from.length, to.length) }, (_, index) =>
      compareCheck(path, type, from[index], to[index]),
    ).flat();
  });
  return [...compareAllowlists(path, before, after), ...checks];
}

/** Checks have no names that are their own, so the first of a type is compared with the first of that type. */
function checksByType(set: JsonObject): ReadonlyMap<string, readonly JsonObject[]> {
  const checks = new Map<string, JsonObject[]>();
  for (const check of objectsIn(member(set, "checks"))) {
    const type = typeOf(check);
    const known = checks.get(type);
    if (known === undefined) checks.set(type, [check]);
    else known.push(check);
  }
  return checks;
}

function typeOf(check: JsonObject): string {
  return Object.keys(check).find((key) => key.endsWith("Check") || key === "alwaysDeny") ?? "unknown check";
}

/** What a longer list, or a higher number, means for a check. */
const PARTS: Readonly<Record<string, "weaker" | "stronger">> = {
  "imageFreshnessCheck.maxUploadAgeDays": "weaker",
  "sigstoreSignatureCheck.sigstoreAuthorities": "weaker",
  "simpleSigningAttestationCheck.attestationAuthenticators": "weaker",
  "simpleSigningAttestationCheck.containerAnalysisAttestationProjects": "weaker",
  "slsaCheck.rules": "weaker",
  "trustedDirectoryCheck.trustedDirPatterns": "weaker",
  "vulnerabilityCheck.allowedCves": "weaker",
  "vulnerabilityCheck.blockedCves": "stronger",
  "vulnerabilityCheck.maximumFixableSeverity": "weaker",
  "vulnerabilityCheck.maximumUnfixableSeverity": "weaker",
};
const VULNERABILITIES = ["BLOCK_ALL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", "ALLOW_ALL"];
const GRAVITY: Severity = "high";

function compareCheck(
  path: string,
  type: string,
  before: JsonObject | undefined,
  after: JsonObject | undefined,
): readonly GradedChange[] {
  const at = `${path}.${type}`;
  if (after === undefined) return [weaker(at, "checked", "removed", GRAVITY)];
  if (before === undefined) return [stronger(at, null, "checked")];
  const [from, to] = [member(before, type), member(after, type)];
  const allowlists = compareAllowlists(at, before, after);
  if (type === "alwaysDeny") {
    if ((from === true) === (to === true)) return allowlists;
    return [...allowlists, from === true ? weaker(at, "true", "false", GRAVITY) : stronger(at, "false", "true")];
  }
  const keys = new Set([...Object.keys(isObject(from) ? from : {}), ...Object.keys(isObject(to) ? to : {})]);
  return [
    ...allowlists,
    ...[...keys].flatMap((key) => comparePart(at, `${type}.${key}`, key, member(from, key), member(to, key))),
  ];
}

function comparePart(
  at: string,
  part: string,
  key: string,
  before: Json | undefined,
  after: Json | undefined,
): readonly GradedChange[] {
  const name = `${at}.${key}`;
  const meaning = Object.hasOwn(PARTS, part) ? (PARTS[part] as "weaker" | "stronger") : "neutral";
  if (Array.isArray(before ?? after)) {
    return listChanges(name, textsIn(before), textsIn(after), meaning, GRAVITY);
  }
  if (canonical(before) === canonical(after)) return [];
  const [from, to] = [shown(before), shown(after)];
  const [was, is] = [rankOf(before), rankOf(after)];
  if (meaning === "neutral" || was === null || is === null || was === is) return [neutral(name, from, to)];
  return [is > was === (meaning === "weaker") ? weaker(name, from, to, GRAVITY) : stronger(name, from, to)];
}

function rankOf(value: Json | undefined): number | null {
  if (typeof value === "number") return value;
  const rank = typeof value === "string" ? VULNERABILITIES.indexOf(value) : -1;
  if (rank !== -1) return rank;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  return Number.isNaN(number) ? null : number;
}

function compareAllowlists(at: string, before: unknown, after: unknown): readonly GradedChange[] {
  const [had, has] = [before, after].map((holder) =>
    textsIn(member(member(holder, "imageAllowlist"), "allowPattern")),
  ) as [readonly string[], readonly string[]];
  return listChanges(`${at}.imageAllowlist`, had, has, "weaker", GRAVITY);
}

/** The elements of a list as text: as they are, or as JSON where they are objects. */
function textsIn(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map((item) => (typeof item === "string" ? item : canonical(item))) : [];
}

function shown(value: Json | undefined): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : canonical(value);
}
