import type { Rule } from "../../shared/classifier/rule.ts";
import { sinkFilter } from "../../shared/classifier/sink-filter.ts";
import { CATEGORIES, type Category } from "../../shared/finding.ts";
import { formatOption, oneOf, usage } from "./arguments.ts";
import { EXIT } from "./exit.ts";
import { type Column, table, writeAll, writeData } from "./output.ts";
import { chosenRules } from "./rules-in-force.ts";

interface RulesOptions {
  readonly config?: string;
  readonly format?: string;
}

const COLUMNS: readonly Column<Rule>[] = [
  { title: "RULE", text: ({ id }) => id, most: 40 },
  { title: "CATEGORY", text: ({ category }) => category, most: 16 },
  { title: "SEVERITY", text: ({ severity }) => severity, most: 8 },
  { title: "FORMAT", text: ({ certainty }) => certainty.level, most: 11 },
  { title: "WHAT IT MEANS", text: ({ title }) => title, most: 80 },
];

/** `glasswatch rules [ID]`: all rules, or one explained. */
export async function rules(id: string | undefined, options: RulesOptions): Promise<number> {
  const known = await chosenRules(options.config);
  const format = formatOption(options.format, process.stdout.isTTY === true);
  if (id === undefined) {
    if (format === "table") writeAll(1, table(known, COLUMNS, process.stdout.hasColors?.() ?? false));
    else writeData(known.map(asData), format);
    return EXIT.done;
  }
  const rule = known.find((one) => one.id === id);
  if (rule === undefined) throw usage(`there is no rule ${JSON.stringify(id)}; \`glasswatch rules\` lists them`);
  if (format === "table") writeAll(1, explained(rule));
  else writeData([asData(rule)], format);
  return EXIT.done;
}

/** `glasswatch rules filter --category C`: the filter of the log sink that feeds the category. */
export async function rulesFilter(options: { readonly config?: string; readonly category?: string }): Promise<number> {
  const category = oneOf<Category>(options.category, CATEGORIES, "--category");
  if (category === undefined) throw usage(`--category: expected ${CATEGORIES.join(", ")}`);
  const known = await chosenRules(options.config);
  writeAll(1, `${sinkFilter(known.filter((rule) => rule.category === category))}\n`);
  return EXIT.done;
}

/** What can be said of a rule as data: its code is left out. */
function asData({ id, category, title, severity, filter, reads, certainty, volume, counsel }: Rule) {
  return { id, category, title, severity, filter, reads: reads.map(({ text }) => text), certainty, volume, counsel };
}

function explained(rule: Rule): string {
  const { certainty, counsel } = rule;
  const unconfirmed = certainty.unconfirmed.map((fact) => `\n  not confirmed: ${fact}`).join("");
  return `${rule.id}: ${rule.title}

${rule.category}, severity ${rule.severity}
${counsel.why}

Format: ${certainty.level}${unconfirmed}
Volume: ${rule.volume}
False positives: ${counsel.falsePositives}

What to do:
${counsel.steps.map((step, index) => `  ${index + 1}. ${step}`).join("\n")}

Filter, for Logs Explorer:

${rule.filter}

${counsel.reference}
`;
}
