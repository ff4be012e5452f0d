/** What the whole catalogue costs on a realistic mix, as shares of parsing the same lines, and what more rules add. */

import type { LogEntry } from "../../shared/audit-log/entry.ts";
import { type Catalogue, compileCatalogue } from "../../shared/classifier/catalogue.ts";
import { classify } from "../../shared/classifier/classify.ts";
import type { Rule } from "../../shared/classifier/rule.ts";
import { BUILT_IN_RULES, builtInCatalogue } from "../../shared/rules/index.ts";
import { EntryGenerator } from "../support/query-entries.ts";
import { sampleEntry, sampleIndex } from "../support/samples.ts";

const ENTRIES = 5_000;
const ROUNDS = 25;
const SEED = 7;
/** One line in so many is one of the samples that a rule recognises: far more than an organization sees. */
const RELEVANT_EVERY = 250;
const FEW = 40;
const MANY = 200;
/** Five times the rules may cost twice as much. */
const MUST = 2;

export async function run(): Promise<boolean> {
  const lines = mixedLines();
  const catalogues: Readonly<Record<string, Catalogue>> = {
    [`${BUILT_IN_RULES.length} rules, all of them`]: builtInCatalogue(),
    [`${FEW} rules`]: compileCatalogue(BUILT_IN_RULES.slice(0, FEW)),
    [`${MANY} rules, of more methods`]: compileCatalogue(grown(anotherMethod)),
    [`${MANY} rules, of the same`]: compileCatalogue(grown(anotherName)),
  };
  const [, few, many] = measure(lines, Object.entries(catalogues));
  const growth = (many ?? Number.NaN) / (few ?? Number.NaN);
  const verdict = growth < MUST ? "ok" : "TOO MUCH";
  process.stdout.write(`\n${MANY} rules / ${FEW} rules = ${growth.toFixed(2)} (must: below ${MUST})  ${verdict}\n`);
  return growth < MUST;
}

/** Entries of an organization's mix with samples among them, as lines of an export. */
function mixedLines(): readonly string[] {
  const ids = new Set(BUILT_IN_RULES.map(({ id }) => id));
  const samples = sampleIndex.filter(({ kind }) => ids.has(kind)).map(({ file }) => sampleEntry(file));
  return new EntryGenerator(SEED, 0)
    .many(ENTRIES)
    .map((entry, index) => (index % RELEVANT_EVERY === 0 ? samples[(index / RELEVANT_EVERY) % samples.length] : entry))
    .map((entry) => JSON.stringify(entry));
}

/** So many rules: the first ones, and others made of them. */
function grown(other: (rule: Rule, index: number, services: readonly string[]) => string): readonly Rule[] {
  const few = BUILT_IN_RULES.slice(0, FEW);
  const services = [...new Set(few.flatMap(({ filter }) => /serviceName="([^"]+)"/.exec(filter)?.[1] ?? []))];
  return Array.from({ length: MANY }, (_, index) => {
    const rule = few[index % FEW] as Rule;
    return index < FEW ? rule : { ...rule, id: `${rule.id}_${index}`, filter: other(rule, index, services) };
  });
}

/** As catalogues grow: one event more of a service that is already watched or is in the mix. */
function anotherMethod(_rule: Rule, index: number, services: readonly string[]): string {
  const all = [...services, "storage.googleapis.com", "bigquery.googleapis.com", "compute.googleapis.com"];
  return [
    'log_id("cloudaudit.googleapis.com/activity")',
    `protoPayload.serviceName="${all[index % all.length]}"`,
    `protoPayload.methodName="google.example.v1.Service.Method${index}"`,
    `protoPayload.request.spec.name:"team-${index}"`,
  ].join("\n");
}

/** The hardest growth: services and methods of the first, so that only the whole filter tells what one of them wants. */
function anotherName(rule: Rule, index: number): string {
  return `(${rule.filter}\n)\nprotoPayload.resourceName:"team-${index}"`;
}

/** Prints a line for each, and returns what each costs in milliseconds for a line that was just parsed. */
function measure(lines: readonly string[], catalogues: readonly (readonly [string, Catalogue])[]): readonly number[] {
  const bytes = lines.reduce((total, line) => total + Buffer.byteLength(line), 0);
  process.stdout.write(
    `${lines.length} lines of ${(bytes / lines.length / 1024).toFixed(1)} KiB, the best of ${ROUNDS} rounds\n`,
  );
  const best = catalogues.map(() => Number.POSITIVE_INFINITY);
  const found = catalogues.map(() => 0);
  let parsing = Number.POSITIVE_INFINITY;
  // Turn by turn, so that a busy machine troubles all of them alike; the quickest round is the one nobody disturbed.
  for (let round = -2; round < ROUNDS; round++) {
    for (const [index, [, catalogue]] of catalogues.entries()) {
      const start = performance.now();
      const entries = lines.map((line) => JSON.parse(line) as LogEntry);
      const parsed = performance.now();
      found[index] = entries.reduce((total, entry) => total + classify(entry, catalogue).findings.length, 0);
      const end = performance.now();
      if (round < 0) continue;
      parsing = Math.min(parsing, (parsed - start) / lines.length);
      best[index] = Math.min(best[index] ?? Number.POSITIVE_INFINITY, (end - parsed) / lines.length);
    }
  }
  print("JSON.parse", parsing, parsing, 0);
  for (const [index, [name]] of catalogues.entries())
    print(name, best[index] ?? Number.NaN, parsing, found[index] ?? 0);
  return best;
}

function print(name: string, cost: number, parsing: number, found: number): void {
  const figures = [
    name.padEnd(28),
    `${Math.round(1000 / cost).toLocaleString("en-US")} entries/s`.padStart(18),
    `${(cost * 1000).toFixed(2)} µs`.padStart(10),
    `${(cost / parsing).toFixed(3)} of JSON.parse`.padStart(22),
    `${found} found`.padStart(12),
  ];
  process.stdout.write(`${figures.join("")}\n`);
}
