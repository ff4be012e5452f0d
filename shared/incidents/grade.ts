import { compareSeverity, type Finding, SEVERITIES, type Severity } from "../finding.ts";

/** What grading reads of a finding. */
export type Graded = Pick<Finding, "rule" | "severity" | "project" | "actor" | "justification" | "workload">;

/** What the organization says about itself, as far as it grades incidents. */
export interface GradingSettings {
  readonly productionProjects: readonly string[];
  readonly emergencyAccounts: readonly string[];
  /** A regular expression that finds a ticket reference in a justification; without it none is asked for. */
  readonly ticketPattern?: string | undefined;
}

/** Why an incident is graded as it is; the list is closed, so that people can route and count by it. */
export const GRADING_REASONS = [
  "rule",
  "production",
  "emergency_account",
  "no_justification",
  "no_ticket",
  "standing",
] as const;
export type GradingReason = (typeof GRADING_REASONS)[number];

export interface GradingStep {
  readonly reason: GradingReason;
  /** For people. */
  readonly text: string;
  /** The severity after this step. */
  readonly severity: Severity;
}

export interface Grade {
  readonly severity: Severity;
  /** In the order in which they were taken; the first is the rule's own severity. */
  readonly steps: readonly GradingStep[];
}

/** Kinds of events on which somebody can say why: others are not blamed for a justification that they cannot carry. */
const CARRIES_JUSTIFICATION: ReadonlySet<string> = new Set(["cloudrun.breakglass", "cloudrun.breakglass_request"]);

/**
 * The organization's own grading of one incident: from the findings of its story, in any order and with duplicates, and
 * from its watchlists. Each step raises the severity by one and says why. Nothing that a caller wrote lowers it.
 */
export function grade(findings: readonly [Graded, ...Graded[]], settings: GradingSettings): Grade {
  const gravest = (findings as readonly Graded[]).reduce((a, b) => {
    const order = compareSeverity(b.severity, a.severity);
    return order > 0 || (order === 0 && b.rule < a.rule) ? b : a;
  });
  const steps: GradingStep[] = [
    { reason: "rule", text: `rule ${gravest.rule} is ${gravest.severity}`, severity: gravest.severity },
  ];
  const raise = (reason: GradingReason, text: string) => {
    const { severity } = steps.at(-1) as GradingStep;
    steps.push({ reason, text, severity: oneHigher(severity) });
  };
  const project = findings
    .map((finding) => finding.project)
    .find((id) => id !== null && isIn(settings.productionProjects, id));
  if (project !== undefined) raise("production", `project ${project} is on the watchlist of production`);
  const account = findings.flatMap(principalsOf).find((name) => isIn(settings.emergencyAccounts, name));
  if (account !== undefined) raise("emergency_account", `${account} is an account for emergencies`);
  gradeJustification(findings, settings, raise);
  const standing = standingJustification(findings);
  if (standing !== undefined) {
    raise("standing", `the same justification stands on ${standing} revisions: the bypass has become a habit`);
  }
  return { severity: (steps.at(-1) as GradingStep).severity, steps };
}

function gradeJustification(
  findings: readonly Graded[],
  { ticketPattern }: GradingSettings,
  raise: (reason: GradingReason, text: string) => void,
): void {
  if (!findings.some(({ rule }) => CARRIES_JUSTIFICATION.has(rule))) return;
  const given = findings.map(({ justification }) => justification?.trim()).filter(isText);
  if (given.length === 0) raise("no_justification", "nobody said why the glass was broken");
  else if (ticketPattern !== undefined && !given.some((text) => new RegExp(ticketPattern).test(text))) {
    raise("no_ticket", "the justification names no ticket");
  }
}

/** On how many revisions the same justification stands, when it is more than one. */
function standingJustification(findings: readonly Graded[]): number | undefined {
  const revisions = new Map<string, Set<string>>();
  for (const { justification, workload } of findings) {
    if (!isText(justification?.trim()) || !isText(workload?.revision)) continue;
    const known = revisions.get(justification as string) ?? new Set();
    revisions.set(justification as string, known.add(workload?.revision as string));
  }
  const most = Math.max(0, ...[...revisions.values()].map((names) => names.size));
  return most > 1 ? most : undefined;
}

function principalsOf({ actor }: Graded): readonly string[] {
  return [actor.principal, actor.person?.principal, ...actor.delegation].filter(isText);
}

function oneHigher(severity: Severity): Severity {
  return SEVERITIES[Math.min(SEVERITIES.indexOf(severity) + 1, SEVERITIES.length - 1)] as Severity;
}

function isIn(watchlist: readonly string[], name: string): boolean {
  return watchlist.some((listed) => listed.toLowerCase() === name.toLowerCase());
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
