import { compileCatalogue } from "../../shared/classifier/catalogue.ts";
import { codeOf, type ProcessingError } from "../../shared/errors.ts";
import { compareSeverity, type Finding, type Severity } from "../../shared/finding.ts";
import { type Pipeline, processEntry } from "../../shared/pipeline.ts";
import { StateHistory } from "../../shared/state/state-history.ts";
import { categoryOption, type Format, formatOption, severityOption, timeOption } from "./arguments.ts";
import { emptyTally, entriesOf, type ReadingTally } from "./entries.ts";
import { EXIT } from "./exit.ts";
import { type Column, OutputClosed, table, writeAll } from "./output.ts";
import { chosenRules, rulesNamed } from "./rules-in-force.ts";

export interface ReplayOptions {
  readonly config?: string;
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
  readonly rules?: string;
  readonly category?: string;
  readonly minSeverity?: string;
  readonly failOn?: string;
  readonly strict?: boolean;
}

interface Selection {
  readonly rules: ReadonlySet<string>;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly category: string | undefined;
  readonly minSeverity: Severity | undefined;
}

interface Tally extends ReadingTally {
  faults: number;
  duplicates: number;
  readonly rules: Map<string, number>;
  worst: Severity | undefined;
}

/** `glasswatch replay PATH...`: the findings of exported history on stdout, the summary on stderr. */
export async function replay(paths: readonly string[], options: ReplayOptions): Promise<number> {
  const now = new Date();
  const format = formatOption(options.format, process.stdout.isTTY === true);
  const failOn = severityOption(options.failOn, "--fail-on");
  const catalogue = compileCatalogue(await chosenRules(options.config));
  const selection: Selection = {
    rules: new Set(rulesNamed(options.rules, catalogue.rules).map(({ id }) => id)),
    since: timeOption(options.since, "--since", now),
    until: timeOption(options.until, "--until", now),
    category: categoryOption(options.category, "--category"),
    minSeverity: severityOption(options.minSeverity, "--min-severity"),
  };
  const pipeline: Pipeline = {
    catalogue,
    log: noted,
    history: new StateHistory(),
  };
  const tally: Tally = {
    ...emptyTally(),
    faults: 0,
    duplicates: 0,
    rules: new Map(),
    worst: undefined,
  };
  const output = openOutput(format);
  let isBroken = false;
  try {
    for await (const finding of findingsOf(paths, pipeline, selection, tally)) output.add(finding);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.done;
    if (codeOf(error) !== "SOURCE_UNREADABLE") throw error;
    note((error as ProcessingError).message);
    isBroken = true;
  }
  output.end();
  note(summary(tally));
  if (isBroken || (options.strict === true && tally.unreadable > 0) || tally.faults > 0) return EXIT.failed;
  const isReached = failOn !== undefined && tally.worst !== undefined && compareSeverity(tally.worst, failOn) >= 0;
  return isReached ? EXIT.severityReached : EXIT.done;
}

async function* findingsOf(
  paths: readonly string[],
  pipeline: Pipeline,
  selection: Selection,
  tally: Tally,
): AsyncGenerator<Finding> {
  const seen = new Set<string>();
  for await (const { entry } of entriesOf(paths, tally)) {
    const at = new Date(entry.timestamp);
    if (selection.until !== undefined && at.getTime() >= selection.until) continue;
    // All rules, and what was before `--since` too: it tells what the chosen ones compare with.
    const { findings, faults } = await processEntry(entry, at, pipeline);
    if (selection.since !== undefined && at.getTime() < selection.since) continue;
    tally.faults += faults.length;
    for (const finding of findings) {
      if (!isChosen(finding, selection)) continue;
      if (seen.has(finding.id)) {
        tally.duplicates++;
        continue;
      }
      seen.add(finding.id);
      tally.rules.set(finding.rule, (tally.rules.get(finding.rule) ?? 0) + 1);
      if (tally.worst === undefined || compareSeverity(finding.severity, tally.worst) > 0) {
        tally.worst = finding.severity;
      }
      yield finding;
    }
  }
}

function isChosen(finding: Finding, { rules, category, minSeverity }: Selection): boolean {
  if (!rules.has(finding.rule)) return false;
  if (category !== undefined && finding.category !== category) return false;
  return minSeverity === undefined || compareSeverity(finding.severity, minSeverity) >= 0;
}

interface Output {
  add(finding: Finding): void;
  end(): void;
}

function openOutput(format: Format): Output {
  if (format === "ndjson") return { add: (finding) => writeAll(1, `${JSON.stringify(finding)}\n`), end() {} };
  const findings: Finding[] = [];
  const add = (finding: Finding) => void findings.push(finding);
  if (format === "json") return { add, end: () => writeAll(1, `${JSON.stringify(findings, null, 2)}\n`) };
  const colour = process.stdout.isTTY === true && process.stdout.hasColors();
  return { add, end: () => writeAll(1, findings.length === 0 ? "" : table(findings, COLUMNS, colour)) };
}

const COLUMNS: readonly Column<Finding>[] = [
  { title: "TIME", text: ({ time }) => `${time.slice(0, 19)}Z`, most: 20 },
  { title: "SEVERITY", text: ({ severity }) => severity, most: 8 },
  { title: "RULE", text: ({ rule }) => rule, most: 32 },
  { title: "PROJECT", text: ({ project, scope }) => project ?? scope, most: 30 },
  { title: "WHAT", text: ({ workload, resource }) => workload?.name ?? resource.name ?? "", most: 36 },
  { title: "WHO", text: ({ actor }) => actor.person?.principal ?? actor.principal ?? "unknown", most: 44 },
  { title: "JUSTIFICATION", text: ({ justification }) => justification ?? "", most: 50 },
];

function summary(tally: Tally): string {
  const found = [...tally.rules.values()].reduce((sum, count) => sum + count, 0);
  const byRule = [...tally.rules].toSorted((a, b) => b[1] - a[1]).map(([rule, count]) => `  ${count}  ${rule}`);
  const lines = [
    `${count(found, "finding")} in ${count(tally.entries, "entry", "entries")} of ${count(tally.files, "file")}`,
  ];
  if (tally.duplicates > 0) lines.push(`${count(tally.duplicates, "duplicate")} left out`);
  if (tally.unreadable > 0) lines.push(`${count(tally.unreadable, "part")} could not be read (named above)`);
  if (tally.faults > 0) lines.push(`${count(tally.faults, "rule fault")} (named above)`);
  return [lines.join("; "), ...byRule].join("\n");
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function note(text: string): void {
  writeAll(2, `${text}\n`);
}

const noted: Pipeline["log"] = ({ severity, message }) => {
  if (severity === "ERROR") note(message);
};
