import type { Finding } from "../finding.ts";
import { readableLine } from "./readable-text.ts";

/** What became of it, as far as the log entry can tell. */
export interface Verdict {
  readonly kind:
    | "denied"
    | "allowed-break-glass"
    | "allowed-overridden"
    | "allowed-dry-run"
    | "unknown-failed-open"
    | "unknown-not-checked"
    | "requested"
    | "violating"
    | "weakened"
    | "changed"
    | "attempt-refused"
    | "reported";
  /** Readable alone. */
  readonly headline: string;
  readonly detail: string | null;
}

type Judge = (finding: Finding) => Verdict;

/** By the event in the rule's id (the part behind the dot). A rule that is not listed is judged by its category. */
const JUDGES: Readonly<Record<string, Judge>> = {
  breakglass: brokenGlass,
  breakglass_request: asked,
  breakglass_template: () => ({
    kind: "requested",
    headline: "Every Pod of this workload may now start with the glass broken",
    detail: "The label stands in the Pod template: it lets in every later Pod too, until it is removed.",
  }),
  breakglass_finding: () => ({
    kind: "reported",
    headline: "Reported by Security Command Center",
    detail: "The log entry of the deployment itself says more.",
  }),
  denied,
  job_denied: denied,
  orgpolicy_violation: () => ({
    kind: "denied",
    headline: "Denied by an organization policy",
    detail: "Nothing was deployed.",
  }),
  dryrun: dryRun,
  dryrun_violation: dryRun,
  failopen: () => ({
    kind: "unknown-failed-open",
    headline: "Not checked: Binary Authorization failed open",
    detail: "It gave no answer, so the cluster let the image in. Whether it would have passed is not known.",
  }),
  check_failed: () => ({
    kind: "unknown-not-checked",
    headline: "Not checked: the check itself failed",
    detail: "Cloud Run could not ask Binary Authorization, and the revision did not become ready.",
  }),
  violation: () => ({
    kind: "violating",
    headline: "Running in violation of the policy",
    detail: "Continuous validation only reports; it stops nothing.",
  }),
  config_error: () => ({
    kind: "unknown-not-checked",
    headline: "Not checked: continuous validation cannot use its policy",
    detail: "Until that is mended, violations of this policy are not reported.",
  }),
  change_attempt_denied: () => ({
    kind: "attempt-refused",
    headline: "The attempt was refused; nothing changed",
    detail: null,
  }),
};

/** Says in words what became of it: denied, let through and why, or not known. */
export function verdictOf(finding: Finding): Verdict {
  const event = finding.rule.slice(finding.rule.indexOf(".") + 1);
  const judge = Object.hasOwn(JUDGES, event) ? JUDGES[event] : undefined;
  return (judge ?? byCategory)(finding);
}

function brokenGlass(finding: Finding): Verdict {
  const headline = "Allowed because the glass was broken";
  if (finding.facts.overridden === true) {
    return {
      kind: "allowed-overridden",
      headline: `${headline}: a failed verification was overridden`,
      detail: refusedBy(finding),
    };
  }
  return {
    kind: "allowed-break-glass",
    headline,
    detail:
      finding.facts.overridden === false
        ? "No failed verification was recorded, so the image may have passed anyway."
        : "The log does not say whether the image would have passed.",
  };
}

function asked(finding: Finding): Verdict {
  const headline = "Asked for a deployment with the glass broken";
  return finding.facts.succeeded === false
    ? { kind: "requested", headline: `${headline}; the request failed`, detail: "Nothing was deployed by it." }
    : {
        kind: "requested",
        headline,
        detail: "Binary Authorization will not block it. A second entry tells when the deployment is up.",
      };
}

function denied(finding: Finding): Verdict {
  if (finding.facts.enforced === false) {
    return dryRun(finding);
  }
  if (finding.rule.startsWith("vpcsc.")) {
    return { kind: "denied", headline: "Denied by a service perimeter", detail: null };
  }
  return {
    kind: "denied",
    headline: "Denied by Binary Authorization",
    detail: refusedBy(finding) ?? "The image was not deployed.",
  };
}

function dryRun(finding: Finding): Verdict {
  return {
    kind: "allowed-dry-run",
    headline: "Let through: the policy is in dry run, enforced it would have denied this",
    detail: refusedBy(finding),
  };
}

function byCategory(finding: Finding): Verdict {
  const compared = finding.comparedWith === "none" ? "No earlier state is known to compare it with." : null;
  switch (finding.category) {
    case "guardrail-change":
      return finding.changes.some((change) => change.effect === "weaker") ||
        /weakened|disabled|deleted/.test(finding.rule)
        ? { kind: "weakened", headline: "The guardrail is weaker than before", detail: compared }
        : { kind: "changed", headline: "The guardrail was changed", detail: compared };
    case "break-glass":
      return { kind: "allowed-break-glass", headline: "Allowed because the glass was broken", detail: null };
    case "policy-violation":
      return { kind: "reported", headline: "Reported as a violation of the policy", detail: null };
    case "tracking":
      return { kind: "reported", headline: "Recorded", detail: null };
  }
}

function refusedBy(finding: Finding): string | null {
  const attestor = finding.facts.attestor;
  return typeof attestor === "string" && attestor !== ""
    ? `The image was refused by attestor ${readableLine(attestor, 300)}.`
    : null;
}
