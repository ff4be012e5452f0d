import { readFileSync } from "node:fs";
import type { LogEntry } from "../../shared/audit-log/entry.ts";
import { asText, member, textOrNull } from "../../shared/audit-log/json.ts";
import { percentDecoded } from "../../shared/audit-log/payload.ts";
import { readableLine } from "../../shared/destinations/readable-text.ts";
import { ProcessingError } from "../../shared/errors.ts";
import { compile, type Query } from "../../shared/query/compile.ts";
import { type Explanation, explain } from "../../shared/query/explain.ts";
import { lint } from "../../shared/query/lint.ts";
import { print } from "../../shared/query/print.ts";
import { formatOption, usage } from "./arguments.ts";
import { emptyTally, entriesOf } from "./entries.ts";
import { EXIT } from "./exit.ts";
import { type Column, OutputClosed, table, writeAll } from "./output.ts";

export interface QueryOptions {
  readonly file?: string;
  readonly check?: boolean;
  readonly count?: boolean;
  readonly limit?: string;
  readonly explain?: boolean;
  readonly format?: string;
}

const COLUMNS: readonly Column<LogEntry>[] = [
  { title: "TIMESTAMP", text: ({ timestamp }) => timestamp, most: 30 },
  { title: "SEVERITY", text: ({ severity }) => asText(severity ?? ""), most: 9 },
  { title: "LOG", text: ({ logName }) => percentDecoded(logName.slice(logName.indexOf("/logs/") + 6)), most: 44 },
  { title: "RESOURCE", text: ({ resource }) => textOrNull(member(resource, "type")) ?? "", most: 24 },
  { title: "METHOD", text: ({ protoPayload }) => textOrNull(member(protoPayload, "methodName")) ?? "", most: 60 },
  { title: "INSERT ID", text: ({ insertId }) => insertId ?? "", most: 40 },
];

/**
 * `glasswatch query LQL PATH...`: the entries that Logs Explorer would show. With `--file` the filter is read from a
 * file and every argument is a path; with `--check` the filter is only compiled and linted.
 */
export async function query(args: readonly string[], options: QueryOptions): Promise<number> {
  const [text, paths] = filterAndPaths(args, options);
  const compiled = compileNamed(text, options.file);
  for (const { line, column, message } of lint(text))
    writeAll(2, `warning: line ${line}, column ${column}: ${message}\n`);
  if (options.check === true) {
    writeAll(1, `${print(compiled.tree)}\n`);
    return EXIT.done;
  }
  if (paths.length === 0) throw usage("name a file, a folder, or - for standard input");
  return search(compiled, paths, options);
}

function filterAndPaths(args: readonly string[], { file }: QueryOptions): [string, readonly string[]] {
  if (file !== undefined) {
    try {
      return [readFileSync(file, "utf8"), args];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new ProcessingError("SOURCE_UNREADABLE", `cannot read ${file} (${code})`, { place: file });
    }
  }
  const [text, ...paths] = args;
  if (text === undefined) throw usage("expected a filter, or --file FILE");
  return [text, paths];
}

/** A filter that cannot be compiled was used wrongly: exit 2, as for any other mistake on the command line. */
function compileNamed(text: string, file: string | undefined): Query {
  try {
    return compile(text);
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    const { code, message } = error;
    throw usage(`${file === undefined ? "" : `${file}: `}${code}: ${message}`);
  }
}

async function search(compiled: Query, paths: readonly string[], options: QueryOptions): Promise<number> {
  const format = options.count === true ? "count" : formatOption(options.format, process.stdout.isTTY === true);
  const limit = limitOption(options.limit);
  const matching: LogEntry[] = [];
  const tally = emptyTally();
  let matches = 0;
  try {
    for await (const { entry } of entriesOf(paths, tally)) {
      if (options.explain === true) writeAll(2, `${explained(explain(compiled, entry), entry)}\n`);
      if (!compiled.matches(entry)) continue;
      matches++;
      if (format === "ndjson") writeAll(1, `${JSON.stringify(entry)}\n`);
      else if (format !== "count") matching.push(entry);
      if (matches >= limit) break;
    }
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.done;
    throw error;
  }
  if (format === "count") writeAll(1, `${matches}\n`);
  if (format === "json") writeAll(1, `${JSON.stringify(matching, null, 2)}\n`);
  if (format === "table") writeAll(1, table(matching, COLUMNS, process.stdout.hasColors?.() ?? false));
  const notRead = tally.unreadable === 0 ? "" : `; ${tally.unreadable} could not be read (named above)`;
  writeAll(2, `${matches} of ${tally.entries} entries match${notRead}\n`);
  return EXIT.done;
}

function limitOption(value: string | undefined): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(value)) throw usage("--limit: expected a whole number from 1 on");
  return Number(value);
}

/** The filter as a tree, each part with its verdict and the values that it met. */
function explained(explanation: Explanation, entry: LogEntry): string {
  const lines = [
    `${entry.timestamp} ${entry.insertId ?? "without insertId"}: ${explanation.verdict ? "matches" : "does not match"}`,
  ];
  const visit = ({ kind, text, verdict, of, met }: Explanation, depth: number): void => {
    const words = { always: "every entry", all: "all of", any: "any of", none: "not", part: readableLine(text, 200) };
    const values = met.map(({ value }) => readableLine(JSON.stringify(value) ?? "absent", 80)).slice(0, 3);
    const found = kind === "part" ? ` (${values.length === 0 ? "absent" : values.join(", ")})` : "";
    lines.push(`${"  ".repeat(depth)}${verdict ? "+" : "-"} ${words[kind]}${found}`);
    for (const inner of of) visit(inner, depth + 1);
  };
  visit(explanation, 1);
  return lines.join("\n");
}
