import type { Finding, Workload, WorkloadKind } from "../finding.ts";
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

/** What a person is to put for the workload's name, and how the two tools that need it call such a workload. */
const WORKLOADS: Readonly<Record<WorkloadKind, { word: string; collection?: string; resource?: string }>> = {
  "cloud-run-service": { word: "SERVICE", collection: "services" },
  "cloud-run-job": { word: "JOB", collection: "jobs" },
  "cloud-run-worker-pool": { word: "WORKER_POOL", collection: "worker-pools" },
  "cloud-function": { word: "FUNCTION", collection: "services" },
  "gke-deployment": { word: "DEPLOYMENT", resource: "deployment" },
  "gke-statefulset": { word: "STATEFULSET", resource: "statefulset" },
  "gke-daemonset": { word: "DAEMONSET", resource: "daemonset" },
  "gke-replicaset": { word: "REPLICASET", resource: "replicaset" },
  "gke-job": { word: "JOB", resource: "job" },
  "gke-cronjob": { word: "CRONJOB", resource: "cronjob" },
  // What kubectl is told to do with a workload, roll it out again above all, it cannot do with a bare Pod.
  "gke-pod": { word: "POD" },
  "gdc-pod": { word: "POD" },
  "gke-cluster": { word: "CLUSTER" },
};

/** Not fields of a finding, but made from its workload: `services` for gcloud, `deployment/checkout` for kubectl. */
const DERIVED: Readonly<Record<string, (workload: Workload) => string | null>> = {
  "workload.collection": ({ kind }) => WORKLOADS[kind].collection ?? null,
  "workload.path": ({ kind, name }) => {
    const { resource } = WORKLOADS[kind];
    return resource === undefined || name === null ? null : `${resource}/${name}`;
  },
};
/** Where a word alone would not say enough. */
const DERIVED_WORDS: Readonly<Record<string, string>> = { "workload.path": "KIND/NAME" };

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
    const value = derived(finding, path.join(".")) ?? valueAt(finding, path);
    return value !== null && SAFE_WORD.test(value) ? value : placeholder(finding, path);
  });
  return mark(filled.replace(/[\r\n\t]+/g, " ").trim());
}

function derived({ workload }: Finding, path: string): string | null {
  const derive = Object.hasOwn(DERIVED, path) ? DERIVED[path] : undefined;
  return derive === undefined || workload === null ? null : derive(workload);
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
    return finding.workload === null ? "WORKLOAD" : WORKLOADS[finding.workload.kind].word;
  }
  if (Object.hasOwn(DERIVED_WORDS, whole)) {
    return DERIVED_WORDS[whole] ?? "";
  }
  if (whole.startsWith("images.")) {
    return path.at(-1) === "digest" ? "DIGEST" : "IMAGE";
  }
  const last = path.at(-1) ?? "VALUE";
  return last.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();
}
