import { isObject, type JsonObject, member, objectsIn, textOrNull } from "../audit-log/json.ts";
import { canonical, type GradedChange, listChanges, neutral, stronger, summed, weaker } from "./graded-change.ts";

/**
 * An organization policy in the form of the v2 API, whichever API it came from; null where none is set.
 * https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/organizations.policies
 */
export interface OrgPolicy {
  readonly spec: PolicySpec | null;
  readonly dryRunSpec: PolicySpec | null;
}

interface PolicySpec {
  readonly inheritFromParent: boolean;
  readonly reset: boolean;
  readonly rules: readonly PolicyRule[];
}

interface PolicyRule {
  /** A CEL expression over tags; "" where the rule holds everywhere. */
  readonly condition: string;
  readonly allowAll: boolean;
  readonly denyAll: boolean;
  readonly enforce: boolean | null;
  readonly allowedValues: readonly string[];
  readonly deniedValues: readonly string[];
  readonly parameters: string | null;
}

const NO_RULE: PolicyRule = {
  condition: "",
  allowAll: false,
  denyAll: false,
  enforce: null,
  allowedValues: [],
  deniedValues: [],
  parameters: null,
};
const NO_SPEC: PolicySpec = { inheritFromParent: false, reset: false, rules: [] };

/** A policy of the v2 API, of the legacy API, or one that this function made and a store kept; null for anything else. */
export function orgPolicyFrom(value: unknown): OrgPolicy | null {
  if (!isObject(value)) return null;
  const legacy = legacySpec(value);
  if (legacy !== null) return { spec: legacy, dryRunSpec: null };
  return { spec: specFrom(member(value, "spec")), dryRunSpec: specFrom(member(value, "dryRunSpec")) };
}

/** What changed from one policy to the next; null where none is, or was, set. */
export function compareOrgPolicies(before: OrgPolicy | null, after: OrgPolicy | null): readonly GradedChange[] {
  if (after === null) return before === null ? [] : [deletion(before)];
  const [from, to] = [before?.spec ?? null, after.spec];
  const changes: GradedChange[] = [];
  if (from !== null && to === null) {
    const left = after.dryRunSpec === null ? null : "dryRunSpec only";
    changes.push(summed("spec", describedSpec(from), left, compareSpecs(from, NO_SPEC)));
  } else if (to !== null) {
    changes.push(...compareSpecs(from ?? NO_SPEC, to, from !== null));
  }
  const [tried, tries] = [before?.dryRunSpec ?? null, after.dryRunSpec];
  if (canonical(tried) !== canonical(tries)) {
    changes.push(neutral("dryRunSpec", describedSpec(tried), describedSpec(tries)));
  }
  return changes;
}

/** What is weak in a policy whatever it was before: all that can be said when no earlier state is known. */
export function weaknessesOfOrgPolicy(policy: OrgPolicy | null): readonly GradedChange[] {
  if (policy === null) return [weaker("policy", null, "deleted", "critical")];
  const { spec } = policy;
  if (spec === null) return [];
  const open = spec.rules.flatMap((rule) => {
    const path = pathOf(rule.condition);
    return [
      ...(rule.allowAll ? [weaker(`${path}.allowAll`, null, "true", "critical")] : []),
      ...(rule.enforce === false ? [weaker(`${path}.enforce`, null, "false", "critical")] : []),
    ];
  });
  return spec.reset ? [weaker("spec.reset", null, "true", "critical"), ...open] : open;
}

/** Custom constraints: when it bites, and on which calls. */
export function compareCustomConstraints(before: unknown, after: unknown): readonly GradedChange[] {
  if (!isObject(after)) return [weaker("customConstraint", null, "deleted", "critical")];
  const changes: GradedChange[] = [];
  const known = isObject(before);
  if (known) {
    for (const name of ["resourceTypes", "methodTypes"]) {
      const [had, has] = [textsOf(member(before, name)), textsOf(member(after, name))];
      changes.push(...listChanges(`customConstraint.${name}`, had, has, "stronger", "high"));
    }
  }
  const [from, to] = [before, after].map((constraint) => ({
    condition: textOrNull(member(constraint, "condition")),
    action: textOrNull(member(constraint, "actionType")),
  })) as [ConstraintTest, ConstraintTest];
  const test = "customConstraint.condition";
  if (neverBites(to)) {
    if (!known || !neverBites(from)) changes.push(weaker(test, from.condition, to.condition, "critical"));
  } else if (known && neverBites(from)) {
    changes.push(stronger(test, from.condition, to.condition));
  } else if (known && from.condition !== to.condition) {
    // What an expression lets through is not for us to guess.
    changes.push(neutral(test, from.condition, to.condition));
  }
  if (known && from.action !== to.action) changes.push(neutral("customConstraint.actionType", from.action, to.action));
  return changes;
}

interface ConstraintTest {
  readonly condition: string | null;
  readonly action: string | null;
}

/** DENY where false, or ALLOW where true: a constraint that stops nothing. */
function neverBites({ condition, action }: ConstraintTest): boolean {
  const plain = condition?.trim().toLowerCase();
  return (action === "DENY" && plain === "false") || (action === "ALLOW" && plain === "true");
}

function deletion(before: OrgPolicy): GradedChange {
  const lost = compareSpecs(before.spec ?? NO_SPEC, NO_SPEC);
  const { effect, gravity } = summed("policy", null, null, lost);
  const was = describedSpec(before.spec) ?? describedSpec(before.dryRunSpec);
  return { field: "policy", before: was, after: "deleted", effect, gravity };
}

function compareSpecs(before: PolicySpec, after: PolicySpec, bothSet = false): readonly GradedChange[] {
  const changes: GradedChange[] = [];
  if (!before.reset && after.reset) changes.push(weaker("spec.reset", describedSpec(before), "true", "critical"));
  if (before.reset && !after.reset) changes.push(stronger("spec.reset", "true", null));
  if (bothSet && before.inheritFromParent !== after.inheritFromParent) {
    // Either way rules come or go that nobody sees here: the parent's are merged in, or no longer asked.
    const [from, to] = [String(before.inheritFromParent), String(after.inheritFromParent)];
    changes.push(weaker("spec.inheritFromParent", from, to, "high"));
  }
  const [had, has] = [rulesByCondition(before), rulesByCondition(after)];
  const [general, generalNow] = [had.get("") ?? NO_RULE, has.get("") ?? NO_RULE];
  changes.push(...compareRules(pathOf(""), general, generalNow));
  for (const condition of new Set([...had.keys(), ...has.keys()])) {
    if (condition === "") continue;
    const path = pathOf(condition);
    const [from, to] = [had.get(condition), has.get(condition)];
    const parts = compareRules(path, from ?? general, to ?? generalNow);
    if (from !== undefined && to !== undefined) changes.push(...parts);
    else changes.push(summed(path, describedRule(from ?? NO_RULE), describedRule(to ?? NO_RULE), parts));
  }
  return changes;
}

function compareRules(path: string, before: PolicyRule, after: PolicyRule): readonly GradedChange[] {
  const changes: GradedChange[] = [];
  const [from, to] = [describedValues(before), describedValues(after)];
  if (!before.allowAll && after.allowAll) changes.push(weaker(`${path}.allowAll`, from, "true", "critical"));
  if (before.allowAll && !after.allowAll) changes.push(stronger(`${path}.allowAll`, "true", to));
  if (!before.denyAll && after.denyAll) changes.push(stronger(`${path}.denyAll`, from, "true"));
  if (before.denyAll && !after.denyAll) changes.push(weaker(`${path}.denyAll`, "true", to, "high"));
  if (![before, after].some(({ allowAll, denyAll }) => allowAll || denyAll)) {
    changes.push(...compareAllowed(`${path}.values.allowedValues`, before.allowedValues, after.allowedValues));
    const denied = `${path}.values.deniedValues`;
    changes.push(...listChanges(denied, before.deniedValues, after.deniedValues, "stronger", "high"));
  }
  if (before.enforce !== after.enforce) {
    const [was, is] = [before.enforce, after.enforce].map((flag) => (flag === null ? null : String(flag)));
    const name = `${path}.enforce`;
    const isWeaker = rankOf(after.enforce) < rankOf(before.enforce);
    changes.push(
      isWeaker ? weaker(name, was ?? null, is ?? null, "critical") : stronger(name, was ?? null, is ?? null),
    );
  }
  if (before.parameters !== after.parameters) {
    changes.push(neutral(`${path}.parameters`, before.parameters, after.parameters));
  }
  return changes;
}

/** Not set leaves the constraint as its parents, or Google, have it. */
function rankOf(enforce: boolean | null): number {
  return enforce === null ? 1 : enforce ? 2 : 0;
}

/** No list at all restricts nothing, so that the first value narrows and each further one widens. */
function compareAllowed(name: string, before: readonly string[], after: readonly string[]): readonly GradedChange[] {
  if (before.length === 0 && after.length > 0) return [stronger(name, null, after.join(", "))];
  if (before.length > 0 && after.length === 0) return [weaker(name, before.join(", "), null, "critical")];
  return listChanges(name, before, after, "weaker", "high");
}

/** The rules of one condition hold together. */
function rulesByCondition({ rules, reset }: PolicySpec): ReadonlyMap<string, PolicyRule> {
  const merged = new Map<string, PolicyRule>();
  for (const rule of reset ? [] : rules) {
    const known = merged.get(rule.condition);
    merged.set(rule.condition, known === undefined ? rule : together(known, rule));
  }
  return merged;
}

function together(a: PolicyRule, b: PolicyRule): PolicyRule {
  return {
    condition: a.condition,
    allowAll: a.allowAll || b.allowAll,
    denyAll: a.denyAll || b.denyAll,
    enforce: a.enforce === null ? b.enforce : a.enforce || b.enforce === true,
    allowedValues: [...a.allowedValues, ...b.allowedValues],
    deniedValues: [...a.deniedValues, ...b.deniedValues],
    parameters: a.parameters ?? b.parameters,
  };
}

function pathOf(condition: string): string {
  return condition === "" ? "spec.rules" : `spec.rules[${condition.slice(0, 300).toWellFormed()}]`;
}

function describedSpec(spec: PolicySpec | null): string | null {
  if (spec === null) return null;
  if (spec.reset) return "reset to Google's default";
  const rules = [...rulesByCondition(spec).values()].map((rule) => {
    const text = describedRule(rule) ?? "nothing";
    return rule.condition === "" ? text : `${text} where ${rule.condition}`;
  });
  return rules.length === 0 ? "no rules" : rules.join("; ");
}

function describedRule(rule: PolicyRule): string | null {
  const parts = [
    rule.enforce === null ? null : rule.enforce ? "enforced" : "not enforced",
    describedValues(rule),
    rule.parameters === null ? null : `parameters ${rule.parameters}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(", ");
}

function describedValues({ allowAll, denyAll, allowedValues, deniedValues }: PolicyRule): string | null {
  if (allowAll) return "all allowed";
  if (denyAll) return "all denied";
  const parts = [
    allowedValues.length === 0 ? null : `allowed ${allowedValues.join(", ")}`,
    deniedValues.length === 0 ? null : `denied ${deniedValues.join(", ")}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(", ");
}

function specFrom(value: unknown): PolicySpec | null {
  if (!isObject(value)) return null;
  const rules = member(value, "rules");
  return {
    inheritFromParent: isTrue(member(value, "inheritFromParent")),
    reset: isTrue(member(value, "reset")),
    rules: objectsIn(rules).map(ruleFrom),
  };
}

function ruleFrom(rule: JsonObject): PolicyRule {
  const values = member(rule, "values");
  const [condition, enforce, parameters] = ["condition", "enforce", "parameters"].map((key) => member(rule, key));
  return {
    condition: textOrNull(isObject(condition) ? member(condition, "expression") : condition) ?? "",
    allowAll: isTrue(member(rule, "allowAll")),
    denyAll: isTrue(member(rule, "denyAll")),
    enforce: enforce === undefined || enforce === null ? null : isTrue(enforce),
    allowedValues: textsOf(member(values, "allowedValues") ?? member(rule, "allowedValues")),
    deniedValues: textsOf(member(values, "deniedValues") ?? member(rule, "deniedValues")),
    parameters:
      parameters === undefined || parameters === null ? null : (textOrNull(parameters) ?? canonical(parameters)),
  };
}

/** https://cloud.google.com/resource-manager/reference/rest/v1/Policy */
function legacySpec(policy: JsonObject): PolicySpec | null {
  const [list, bool, restored] = ["listPolicy", "booleanPolicy", "restoreDefault"].map((key) => member(policy, key));
  if (isObject(list)) {
    const all = textOrNull(member(list, "allValues"));
    const rule: PolicyRule = {
      ...NO_RULE,
      allowAll: all === "ALLOW",
      denyAll: all === "DENY",
      allowedValues: textsOf(member(list, "allowedValues")),
      deniedValues: textsOf(member(list, "deniedValues")),
    };
    return { inheritFromParent: isTrue(member(list, "inheritFromParent")), reset: false, rules: [rule] };
  }
  if (isObject(bool)) {
    return { ...NO_SPEC, rules: [{ ...NO_RULE, enforce: isTrue(member(bool, "enforced")) }] };
  }
  return isObject(restored) ? { ...NO_SPEC, reset: true } : null;
}

/** Terraform and older tools write flags as text. */
function isTrue(value: unknown): boolean {
  return value === true || (typeof value === "string" && value.toLowerCase() === "true");
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
