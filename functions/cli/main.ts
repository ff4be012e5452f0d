#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { codeOf, ProcessingError } from "../../shared/errors.ts";
import { EXIT } from "./exit.ts";
import { version } from "./package-root.ts";
import type { QueryOptions } from "./query.ts";
import type { ReplayOptions } from "./replay.ts";

const LEAST_NODE = 24;

/** Runs one command line; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const major = Number(process.versions.node.split(".", 1)[0]);
  if (major < LEAST_NODE) {
    process.stderr.write(`glasswatch needs Node ${LEAST_NODE} or newer; this is ${process.version}\n`);
    return EXIT.failed;
  }
  let exitCode: number = EXIT.done;
  const program = new Command("glasswatch")
    .description("Hears broken glass, refused deployments and weakened guardrails in Google Cloud audit logs.")
    .version(version())
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(glasswatch --help lists the commands)");

  const CONFIG = ["--config <file>", "the settings file; by default the one that the functions would read"] as const;
  const FORMAT = ["--format <format>", "table, json or ndjson; table on a terminal, ndjson when piped"] as const;
  const BY = ["--by <name>", "who does this, for the audit; such as an e-mail address"] as const;

  program
    .command("replay")
    .description("findings of exported history: files, folders, or - for standard input; every envelope and gzip")
    .argument("<path...>", "what to read")
    .option(...FORMAT)
    .option("--since <time>", "only entries at or after this time (RFC 3339, a date, or an age such as 36h or 30d)")
    .option("--until <time>", "only entries before this time")
    .option("--rules <ids>", "only these rules, separated by commas")
    .option("--category <category>", "only this category")
    .option("--min-severity <severity>", "only findings of at least this severity")
    .option("--fail-on <severity>", "exit 3 when a finding has at least this severity")
    .option("--strict", "exit 1 when anything could not be read")
    .option(...CONFIG)
    .action(async (paths: string[], options: ReplayOptions) => {
      const { replay } = await import("./replay.ts");
      exitCode = await replay(paths, options);
    });

  program
    .command("query")
    .description("the entries that match a filter of Google's Logging query language, as Logs Explorer would show them")
    .argument("<lql-and-paths...>", "the filter, then files, folders, or - for standard input")
    .option("--file <file>", "read the filter from a file; every argument is then a path")
    .option("--check", "only compile the filter, print it, and warn of common mistakes")
    .option("--count", "print the number of matching entries only")
    .option("--limit <n>", "stop after so many matching entries")
    .option("--explain", "say on stderr, for each entry, what each part of the filter met")
    .option(...FORMAT)
    .action(async (args: string[], options: QueryOptions) => {
      const { query } = await import("./query.ts");
      exitCode = await query(args, options);
    });

  program
    .command("explain")
    .description("for each entry: which rules recognise it and by what, and what stopped each of the others")
    .argument("<path...>", "what to read")
    .option("--rules <ids>", "only these rules, separated by commas")
    .option(...CONFIG)
    .option("--all", "in a table: also the first condition that failed in every rule that does not match")
    .option(...FORMAT)
    .action(async (paths: string[], options: { config?: string; format?: string; rules?: string; all?: boolean }) => {
      const { explain } = await import("./explain.ts");
      exitCode = await explain(paths, options);
    });

  const rules = program
    .command("rules")
    .description("list the rules, or explain one: its filter, how sure its format is, and what to do")
    .argument("[id]", "the rule to explain")
    .option(...CONFIG)
    .option(...FORMAT)
    .action(async (id: string | undefined, options: { config?: string; format?: string }) => {
      const { rules } = await import("./rules.ts");
      exitCode = await rules(id, options);
    });
  rules
    .command("filter")
    .description("the filter of the log sink that feeds a category")
    .requiredOption("--category <category>", "break-glass, policy-violation, guardrail-change or tracking")
    .option(...CONFIG)
    .action(async (options: { config?: string; category?: string }) => {
      const { rulesFilter } = await import("./rules.ts");
      exitCode = await rulesFilter(options);
    });

  program
    .command("send")
    .description("post one sample or file to a running function, as Pub/Sub would push it")
    .argument("<sample>", "a file, or the name of a sample that comes with Glasswatch")
    .option("--url <url>", "where the function listens", "http://127.0.0.1:8080")
    .option("--topic <topic>", "projects/PROJECT/topics/TOPIC", "projects/local/topics/break-glass")
    .option("--message-id <id>", "the message's id; by default one that only this message has")
    .action(async (sample: string, options: { url: string; topic: string; messageId?: string }) => {
      const { send } = await import("./send.ts");
      exitCode = await send(sample, options);
    });

  program
    .command("check")
    .description("validate settings and rules")
    .option(...CONFIG)
    .option("--format <format>", "table or json")
    .option("--live", "also ask each destination whether its credentials and target are right; nothing is posted")
    .action(async (options: { config?: string; format?: string; live?: boolean }) => {
      const { check } = await import("./check.ts");
      exitCode = await check(options);
    });

  const incident = program.command("incident").description("the incidents in the store: list, show, ack, resolve");
  incident
    .command("list")
    .description("those that changed last are first")
    .option("--state <state>", "open or resolved")
    .option("--limit <n>", "so many at most; 50 by default")
    .option(...CONFIG)
    .option(...FORMAT)
    .action(async (options: { config?: string; state?: string; limit?: string; format?: string }) => {
      const { listIncidents } = await import("./incident.ts");
      exitCode = await listIncidents(options);
    });
  incident
    .command("show")
    .description("one incident with who was told of it and what was done by hand, as JSON")
    .argument("<id>", "its id, the beginning of it, or the event of a message")
    .option(...CONFIG)
    .action(async (id: string, options: { config?: string }) => {
      const { showIncident } = await import("./incident.ts");
      exitCode = await showIncident(id, options);
    });
  for (const [name, what, says] of [
    ["ack", "acknowledged", "say that somebody looks after it"],
    ["resolve", "resolved", "say that it is over; --note says how"],
  ] as const) {
    incident
      .command(name)
      .description(`${says}; those who have heard of the incident are told`)
      .argument("<id>", "its id, the beginning of it, or the event of a message")
      .requiredOption(...BY)
      .option("--note <text>", "what people should know about it")
      .option(...CONFIG)
      .action(async (id: string, options: { config?: string; by?: string; note?: string }) => {
        const { changeIncident } = await import("./incident.ts");
        exitCode = await changeIncident(what, id, options);
      });
  }

  const silence = program
    .command("silence")
    .description("keep incidents from being told for a while: add, list, expire");
  silence
    .command("add")
    .description("incidents that match are not told until it ends; they are recorded all the same")
    .argument("<lql>", 'which incidents, such as project="payments-dev" AND severity<high')
    .requiredOption("--for <time>", "how long: 90m, 8h or 7d, 90d at most")
    .requiredOption("--reason <text>", "why")
    .requiredOption(...BY)
    .option(...CONFIG)
    .action(async (when: string, options: { config?: string; by?: string; for?: string; reason?: string }) => {
      const { addSilence } = await import("./silence.ts");
      exitCode = await addSilence(when, options);
    });
  silence
    .command("list")
    .description("silences in force, with how often each kept something from being told")
    .option("--all", "those that are over too")
    .option(...CONFIG)
    .option(...FORMAT)
    .action(async (options: { config?: string; all?: boolean; format?: string }) => {
      const { listSilences } = await import("./silence.ts");
      exitCode = await listSilences(options);
    });
  silence
    .command("expire")
    .description("end a silence now")
    .argument("<id>", "as silence list shows it")
    .requiredOption(...BY)
    .option(...CONFIG)
    .action(async (id: string, options: { config?: string; by?: string }) => {
      const { expireSilence } = await import("./silence.ts");
      exitCode = await expireSilence(id, options);
    });

  program
    .command("route")
    .description("what the routes of the settings do")
    .command("test")
    .description("for each finding in these files: how it is graded, and whom it would reach by which route")
    .argument("<path...>", "what to read")
    .option(...CONFIG)
    .option(...FORMAT)
    .action(async (paths: string[], options: { config?: string; format?: string }) => {
      const { routeTest } = await import("./route-test.ts");
      exitCode = await routeTest(paths, options);
    });

  program
    .command("smoke")
    .description("a test message on the very path of alarms, to all destinations of a route; resolved again at once")
    .argument("<route>", 'its path, such as default or "default / on call"')
    .requiredOption(...BY)
    .option(...CONFIG)
    .action(async (route: string, options: { config?: string; by?: string }) => {
      const { smoke } = await import("./smoke.ts");
      exitCode = await smoke(route, options);
    });

  program
    .command("demo")
    .description("the whole path on this machine: real functions, a store, sample events, and what people would get")
    .action(async () => {
      const { demo } = await import("./demo.ts");
      exitCode = await demo();
    });

  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (!(error instanceof ProcessingError)) throw error;
    process.stderr.write(`glasswatch: ${error.code}: ${error.message}\n`);
    return codeOf(error) === "USAGE" ? EXIT.usage : EXIT.failed;
  }
}

// A Node that is too old for us knows no import.meta.main either; it has to be told so, not left with a silent success.
if (import.meta.main !== false) process.exitCode = await main(process.argv.slice(2));
