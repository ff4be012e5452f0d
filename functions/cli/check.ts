import { compileCatalogue } from "../../shared/classifier/catalogue.ts";
import { codeOf } from "../../shared/errors.ts";
import { loadSettings, processEnvironment } from "../../shared/settings.ts";
import { oneOf } from "./arguments.ts";
import { inHouse } from "./by-hand.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";
import { rulesOf } from "./rules-in-force.ts";

/** `glasswatch check`: what the functions would read at their start, read here. A mistake is thrown with its place. */
export async function check(options: { config?: string; format?: string; live?: boolean }): Promise<number> {
  const { config, format } = options;
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
  const isAlive = options.live !== true || (await isLive(config));
  writeAll(2, isAlive ? "all is in order\n" : "not all is in order\n");
  return isAlive ? EXIT.done : EXIT.failed;
}

const LIVE_TIMEOUT_MS = 15_000;

/** Asks each destination whether its credentials and target are right; nothing is posted. */
async function isLive(config: string | undefined): Promise<boolean> {
  return inHouse(config, async (house) => {
    const { destinations } = await house.response();
    const answers = await Promise.all(
      destinations.map(async (destination) => {
        if (destination.check === undefined) return `${destination.id}: cannot be asked without posting something`;
        try {
          await destination.check(AbortSignal.timeout(LIVE_TIMEOUT_MS));
          return `${destination.id}: in order`;
        } catch (error) {
          const code = codeOf(error);
          // The message of an error that is not ours may hold a URL, and a webhook's URL is its secret.
          const message = code === undefined ? "failed in an unforeseen way" : (error as Error).message;
          return { failed: `${destination.id}: ${code ?? "unknown"}: ${message}` };
        }
      }),
    );
    for (const answer of answers) writeAll(2, `${typeof answer === "string" ? answer : answer.failed}\n`);
    return answers.every((answer) => typeof answer === "string");
  });
}
