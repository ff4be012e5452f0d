import { isObject, member } from "../audit-log/json.ts";
import { type GradedChange, listChanges, neutral, stronger, weaker } from "./graded-change.ts";

/**
 * What a cluster does with Binary Authorization.
 * https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#BinaryAuthorization
 */
export interface ClusterSetting {
  readonly mode: string;
  /** Platform policies that continuous validation reports by. */
  readonly policyBindings: readonly string[];
}

const DISABLED = "DISABLED";
const MONITORING = "POLICY_BINDINGS";
const ENFORCING = "PROJECT_SINGLETON_POLICY_ENFORCE";
const BOTH = "POLICY_BINDINGS_AND_PROJECT_SINGLETON_POLICY_ENFORCE";
const KNOWN = [DISABLED, MONITORING, ENFORCING, BOTH];

/** A setting without a mode is off, unless the flag that came before modes says otherwise. */
export function clusterSettingFrom(value: unknown): ClusterSetting {
  const mode = member(value, "evaluationMode");
  const named = typeof mode === "string" && mode !== "" && mode !== "EVALUATION_MODE_UNSPECIFIED" ? mode : null;
  const bindings = member(value, "policyBindings");
  return {
    mode: named ?? (member(value, "enabled") === true ? ENFORCING : DISABLED),
    policyBindings: (Array.isArray(bindings) ? (bindings as readonly unknown[]) : [])
      .map((binding) => (isObject(binding) ? member(binding, "name") : binding))
      .filter((name) => typeof name === "string"),
  };
}

export function enforces({ mode }: ClusterSetting): boolean {
  return isEnforcing(mode);
}

export function compareClusterSettings(before: ClusterSetting, after: ClusterSetting): readonly GradedChange[] {
  const bindings = listChanges(
    "binaryAuthorization.policyBindings",
    before.policyBindings,
    after.policyBindings,
    "stronger",
    "medium",
  );
  if (before.mode === after.mode) return bindings;
  return [modeChange(before.mode, after.mode), ...bindings];
}

/** What is weak in a setting whatever it was before. */
export function weaknessesOfCluster(setting: ClusterSetting): readonly GradedChange[] {
  return enforces(setting) ? [] : [weaker(MODE, null, inWords(setting.mode), "critical")];
}

/** What a cluster begins with. */
export function newCluster(setting: ClusterSetting): readonly GradedChange[] {
  return [neutral(MODE, null, inWords(setting.mode))];
}

const MODE = "binaryAuthorization.evaluationMode";

function modeChange(before: string, after: string): GradedChange {
  const [from, to] = [inWords(before), inWords(after)];
  if (!KNOWN.includes(after)) return neutral(MODE, from, to);
  if (isEnforcing(before) !== isEnforcing(after)) {
    return isEnforcing(after) ? stronger(MODE, from, to) : weaker(MODE, from, to, "critical");
  }
  if (isMonitoring(before) === isMonitoring(after)) return neutral(MODE, from, to);
  return isMonitoring(after) ? stronger(MODE, from, to) : weaker(MODE, from, to, "medium");
}

/** A mode that is not known yet is taken for an enforcing one: nothing is said to be off that may not be. */
function isEnforcing(mode: string): boolean {
  return mode !== DISABLED && mode !== MONITORING;
}

function isMonitoring(mode: string): boolean {
  return mode === MONITORING || mode === BOTH;
}

function inWords(mode: string): string {
  return mode === MONITORING ? `${mode} (monitoring only)` : mode;
}
