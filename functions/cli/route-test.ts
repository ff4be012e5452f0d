import { type Pipeline, processEntry } from "../../shared/pipeline.ts";
import { StateHistory } from "../../shared/state/state-history.ts";
import { formatOption } from "./arguments.ts";
import { emptyTally, entriesOf } from "./entries.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";
import { openRouting, routingOf, routingText } from "./routing.ts";

/** `glasswatch route test PATH...`: for each finding, how it is graded and whom it would reach, by which route. */
export async function routeTest(
  paths: readonly string[],
  options: { readonly config?: string; readonly format?: string },
): Promise<number> {
  const format = formatOption(options.format, process.stdout.isTTY === true);
  const { catalogue, rules } = await openRouting(options.config);
  const log: Pipeline["log"] = ({ message }) => writeAll(2, `${message}\n`);
  const pipeline: Pipeline = { catalogue, log, history: new StateHistory() };
  const tally = emptyTally();
  const all: object[] = [];
  for await (const { entry, place } of entriesOf(paths, tally)) {
    const { findings } = await processEntry(entry, new Date(entry.timestamp), pipeline);
    for (const finding of findings) {
      const routing = routingOf(finding, rules);
      const row = { place, rule: finding.rule, ...routing };
      if (format === "json") all.push(row);
      else if (format === "ndjson") writeAll(1, `${JSON.stringify(row)}\n`);
      else {
        const graded = `${routing.severity}: ${routing.grading.join("; ")}`;
        writeAll(1, `${place}: ${finding.rule}\n  graded ${graded}\n  ${routingText(routing)}\n`);
      }
    }
  }
  if (format === "json") writeAll(1, `${JSON.stringify(all, null, 2)}\n`);
  return tally.unreadable > 0 ? EXIT.failed : EXIT.done;
}
