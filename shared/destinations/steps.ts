import type { Finding, WorkloadKind } from "../finding.ts";
import { mark } from "./readable-text.ts";

/** A piece of a step: words to read, or a command to paste. */
export interface StepPart {
  readonly kind: "text" | "command";
  readonly text: string;
}

export type Step = readonly StepPart[];

/**
 * What a shell takes as one plain word, quoted or not: no spaces, quotes, globs, variables or operators. The first
 * character is a letter or digit, so that no value can be read as an option, a home directory or a file argument.
 */
const SAFE_WORD = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,511}$/;
/** `{workload.name}`, `{images.0.reference}`. What begins otherwise, such as kubectl's `{.spec}`, is left alone. */
const PLACEHOLDER = /\{([a-z][A-Za-z]*)((?:\.[A-Za-z0-9_]+)*)\}/g;
const FILLABLE: ReadonlySet<string> = new Set<keyof Finding>([
  "actor",
  "entry",
  "facts",
  "images",
  "location",
  "project",
  "resource",
  "scope",
  "time",
  "workload",
]);
const COMMAND_START = /^(?:gcloud|kubectl|gsutil|bq|terraform) /;

const WORKLOAD_WORDS: Readonly<Record<WorkloadKind, string>> = {
  "cloud-run-service": "SERVICE",
  "cloud-run-job": "JOB",
  "cloud-run-worker-pool": "WORKER_POOL",
  "cloud-function": "FUNCTION",
  "gke-deployment": "DEPLOYMENT",
  "gke-statefulset": "STATEFULSET",
  "gke-daemonset": "DAEMONSET",
  "gke-replicaset": "REPLICASET",
  "gke-job": "JOB",
  "gke-cronjob": "CRONJOB",
  "gke-pod": "POD",
  "gdc-pod": "POD",
  "gke-cluster": "CLUSTER",
};

/**
 * Fills a step of a rule's counsel. Text between backticks is a command, and so is a step that begins with one of the
 * tools that people paste. Both are filled only with text that no shell could understand as more than one plain word;
 * where the finding has no such text, a word in capitals shows what to put there.
 */
export function fillStep(template: string, finding: Finding): Step {
  if (!template.includes("`") && COMMAND_START.test(template)) {
    return [{ kind: "command", text: fill(template, finding) }];
  }
  return template
    .split("`")
    .map((piece, index): StepPart => ({ kind: index % 2 === 0 ? "text" : "command", text: fill(piece, finding) }))
    .filter((part) => part.text !== "");
}

function fill(template: string, finding: Finding): string {
  const filled = template.replace(PLACEHOLDER, (whole: string, root: string, rest: string) => {
    if (!FILLABLE.has(root)) {
      return whole;
    }
    const path = [root, ...rest.split(".").slice(1)];
    const value = valueAt(finding, path);
    return value !== null && SAFE_WORD.test(value) ? value : placeholder(finding, path);
  });
  return mark(filled.replace(/[\r\n\t]+/g, " ").trim());
}

function valueAt(finding: Finding, path: readonly string[]): string | null {
  let value: unknown = finding;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) {
      return null;
    }
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

/** SERVICE, REVISION, PROJECT, IMAGE: what a person is to put there. */
function placeholder(finding: Finding, path: readonly string[]): string {
  const whole = path.join(".");
  if (whole === "workload.name") {
    return finding.workload === null ? "WORKLOAD" : WORKLOAD_WORDS[finding.workload.kind];
  }
  if (whole.startsWith("images.")) {
    return path.at(-1) === "digest" ? "DIGEST" : "IMAGE";
  }
  const last = path.at(-1) ?? "VALUE";
  return last.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();
}
