import type { LogEntry } from "../../shared/audit-log/entry.ts";
import { viewOf } from "../../shared/audit-log/view.ts";
import type { Catalogue } from "../../shared/classifier/catalogue.ts";
import { judge, observe, recognise } from "../../shared/classifier/classify.ts";
import { readableLine } from "../../shared/destinations/readable-text.ts";
import type { Finding } from "../../shared/finding.ts";
import { contextIn } from "../../shared/pipeline.ts";
import { explainMismatch } from "../../shared/query/explain.ts";
import type { ResponseRules } from "../../shared/response/incident-plan.ts";
import { StateHistory } from "../../shared/state/state-history.ts";
import { formatOption } from "./arguments.ts";
import { emptyTally, entriesOf } from "./entries.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";
import { openRouting, type Routing, routingOf, routingText } from "./routing.ts";
import { rulesNamed } from "./rules-in-force.ts";

/** What one rule made of one entry. */
type Verdict =
  | { readonly rule: string; readonly verdict: "finding"; readonly finding: Finding; readonly routing: Routing }
  | { readonly rule: string; readonly verdict: "refused"; readonly reason: string }
  | {
      readonly rule: string;
      readonly verdict: "no match";
      readonly condition: string;
      readonly field: string;
      readonly met: unknown;
    };

interface Explained {
  readonly place: string;
  readonly logName: string;
  readonly insertId: string | null;
  readonly verdicts: readonly Verdict[];
}

/** `glasswatch explain PATH`: for each entry, which rules matched and by what, and what stopped each of the others. */
export async function explain(
  paths: readonly string[],
  options: { readonly config?: string; readonly format?: string; readonly rules?: string; readonly all?: boolean },
): Promise<number> {
  const format = formatOption(options.format, process.stdout.isTTY === true);
  const { catalogue, rules } = await openRouting(options.config);
  const chosen = rulesNamed(options.rules, catalogue.rules).map(({ id }) => id);
  const all: Explained[] = [];
  const tally = emptyTally();
  const history = new StateHistory();
  for await (const { entry, place } of entriesOf(paths, tally)) {
    const explained = explainEntry(entry, place, catalogue, chosen, history, rules);
    if (format === "json") all.push(explained);
    else if (format === "ndjson") writeAll(1, `${JSON.stringify(explained)}\n`);
    else writeAll(1, readable(explained, options.all === true));
  }
  if (format === "json") writeAll(1, `${JSON.stringify(all, null, 2)}\n`);
  return tally.unreadable > 0 ? EXIT.failed : EXIT.done;
}

function explainEntry(
  entry: LogEntry,
  place: string,
  catalogue: Catalogue,
  chosen: readonly string[],
  history: StateHistory,
  rules: ResponseRules,
): Explained {
  const recognition = recognise(entry, catalogue);
  const context = recognition === undefined ? {} : contextIn(history, recognition, observe(recognition));
  const findings = recognition === undefined ? [] : judge(recognition, context).findings;
  const view = viewOf(entry);
  const verdicts = catalogue.rules.flatMap((rule, index): readonly Verdict[] => {
    if (!chosen.includes(rule.id)) return [];
    const finding = findings.find((one) => one.rule === rule.id);
    if (finding !== undefined) {
      return [{ rule: rule.id, verdict: "finding", finding, routing: routingOf(finding, rules) }];
    }
    const mismatch = explainMismatch(catalogue.query(index), entry);
    if (mismatch !== undefined) {
      const { text, field, met } = mismatch;
      return [{ rule: rule.id, verdict: "no match", condition: text, field, met }];
    }
    const refinement = rule.refine?.(view, context);
    const reason =
      refinement?.accept === false ? refinement.reason : `another rule of the change ${rule.change} has spoken`;
    return [{ rule: rule.id, verdict: "refused", reason }];
  });
  const { insertId } = entry;
  return { place, logName: entry.logName, insertId: typeof insertId === "string" ? insertId : null, verdicts };
}

/** Findings in full; then what was refused; then, asked for, the first condition that failed in every other rule. */
function readable({ place, logName, insertId, verdicts }: Explained, isWhole: boolean): string {
  const lines = [`${place}: ${logName} ${insertId ?? "without insertId"}`];
  for (const verdict of verdicts) {
    if (verdict.verdict === "finding") {
      const { finding, routing } = verdict;
      lines.push(`  ${finding.rule}: ${finding.title} (${finding.severity}, confidence ${finding.confidence})`);
      for (const { field, value } of finding.matched) lines.push(`    because ${field} is ${shown(value)}`);
      if (finding.comparedWith !== null) lines.push(`    ${COMPARED[finding.comparedWith]}`);
      lines.push(`    incident ${readableLine(finding.incidentKey, 200)}`);
      lines.push(`    graded ${routing.severity}: ${readableLine(routing.grading.join("; "), 400)}`);
      lines.push(`    ${routingText(routing)}`);
    } else if (verdict.verdict === "refused") {
      lines.push(`  ${verdict.rule}: not this one: ${verdict.reason}`);
    }
  }
  const misses = verdicts.filter((verdict) => verdict.verdict === "no match");
  if (lines.length === 1) lines.push("  no rule recognises it");
  if (isWhole) {
    for (const { rule, condition, met } of misses) {
      lines.push(`  ${rule}: no match: ${readableLine(condition, 160)}, but it is ${shown(met)}`);
    }
  } else if (misses.length > 0) {
    lines.push(`  ${misses.length} rules do not match; --all says what stopped each of them`);
  }
  return `${lines.join("\n")}\n\n`;
}

const COMPARED = {
  previous: "compared with the state before, as earlier entries show it",
  none: "no earlier state is known to compare it with",
} as const;

function shown(value: unknown): string {
  return readableLine(typeof value === "string" ? value : (JSON.stringify(value) ?? "absent"), 120);
}
