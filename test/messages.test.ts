import { expect, test } from "vitest";
import { classify } from "../shared/classifier/classify.ts";
import { toConsoleText } from "../shared/destinations/console.ts";
import { type Notification, toNotification } from "../shared/destinations/notification.ts";
import { processEntry } from "../shared/pipeline.ts";
import { openOutbox } from "../shared/response/outbox.ts";
import { BUILT_IN_RULES, builtInCatalogue } from "../shared/rules/index.ts";
import { memoryStore } from "../shared/state/memory.ts";
import { expectGolden } from "./support/golden.ts";
import { rulesFor } from "./support/response-rules.ts";
import { sampleEntry, sampleIndex } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const ruleIds = new Set(BUILT_IN_RULES.map(({ id }) => id));

function messageFor(file: string): string {
  const [finding] = classify(sampleEntry(file), catalogue).findings;
  const counsel = finding === undefined ? undefined : catalogue.rule(finding.rule)?.counsel;
  if (finding === undefined || counsel === undefined) throw new Error(`${file} gives no finding`);
  return toConsoleText(toNotification(finding, counsel, {}), { colour: false });
}

test("the message that the README shows is the one of the demo's first step", async () => {
  const store = memoryStore();
  const outbox = openOutbox({ ...rulesFor(["console"]), store: async () => store });
  const entry = sampleEntry("cloudrun-service-breakglass-system-event.json");
  await processEntry(entry, new Date(entry.timestamp), { catalogue, log: () => {}, outbox });
  const [intent] = await store.intents();
  expectGolden(
    "console/what-the-demo-shows.txt",
    toConsoleText(intent?.notification as Notification, { colour: false }),
  );
});

const firstOfEachKind = [...ruleIds].map((kind) => ({ kind, file: sampleIndex.find((s) => s.kind === kind)?.file }));

test.each(firstOfEachKind)("$kind gives commands that can be pasted, filled as far as the entry allows", ({ file }) => {
  const commands = messageFor(file as string).match(/^ {5}(?:gcloud|kubectl) .*$/gm) ?? [];
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) {
    // What is quoted the shell leaves alone; the one pipe that is meant leads to us.
    const bare = command.replace(/'[^'`$]*'/g, "''").replace(/ \| glasswatch replay -$/, "");
    expect(bare).not.toMatch(/[{}<>`;&|$]/);
    expect(command).not.toMatch(/[{}]/);
    expect(command, "only what no entry can know stays in capitals").not.toMatch(
      /\b(?:PROJECT|LOCATION|NAME|NAMESPACE|CLUSTER|SERVICE|JOB|POD|COLLECTION|PATH|IMAGE|REVISION|EXECUTION)\b/,
    );
  }
});
