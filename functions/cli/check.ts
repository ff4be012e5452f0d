import { compileCatalogue } from "../../shared/classifier/catalogue.ts";
import { loadSettings, processEnvironment } from "../../shared/settings.ts";
import { oneOf } from "./arguments.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";
import { rulesOf } from "./rules-in-force.ts";

/** `glasswatch check`: what the functions would read at their start, read here. A mistake is thrown with its place. */
export async function check({ config, format }: { config?: string; format?: string }): Promise<number> {
  const chosen = oneOf(format, ["table", "json"], "--format") ?? (process.stdout.isTTY ? "table" : "json");
  const environment = processEnvironment();
  const settings = await loadSettings(environment, config);
  const catalogue = compileCatalogue(rulesOf(settings));
  const found = {
    settings: settings.source,
    store: settings.store.kind,
    destinations: settings.destinations.map(({ id, kind }) => ({ id, kind })),
    deadLetters: settings.deadLetterTopic ?? "the store",
    rules: catalogue.rules.length,
  };
  if (chosen === "json") writeAll(1, `${JSON.stringify(found)}\n`);
  else {
    const destinations = found.destinations.map(({ id, kind }) => `${id} (${kind})`).join(", ");
    const rows = [
      ["settings", found.settings],
      ["store", found.store],
      ["destinations", destinations],
      ["dead letters", found.deadLetters],
      ["rules", String(found.rules)],
    ];
    writeAll(1, rows.map(([name, value]) => `${(name as string).padEnd(14)}${value}\n`).join(""));
  }
  writeAll(2, "all is in order\n");
  return EXIT.done;
}
