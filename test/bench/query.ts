/** What evaluating filters costs, beside parsing the same lines and beside jq with the same expression. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileCatalogue } from "../../shared/query/catalogue.ts";
import { compile } from "../../shared/query/compile.ts";
import { EntryGenerator } from "../support/query-entries.ts";
import { ruleFilters } from "../support/query-filters.ts";

const ENTRIES = 5000;
const ROUNDS = 25;
const SEED = 7;

const FILTER = `log_id("cloudaudit.googleapis.com/activity")
protoPayload.serviceName="k8s.io"
protoPayload.methodName="io.k8s.core.v1.pods.create"
labels."imagepolicywebhook.image-policy.k8s.io/break-glass"="true"`;

const JQ_FILTER = `select((.logName | endswith("/logs/cloudaudit.googleapis.com%2Factivity"))
and .protoPayload.serviceName == "k8s.io"
and .protoPayload.methodName == "io.k8s.core.v1.pods.create"
and .labels["imagepolicywebhook.image-policy.k8s.io/break-glass"] == "true") | .insertId`;

type Test = (entry: unknown) => boolean;

/**
 * A test is measured where it is used: on an entry that was just parsed. Parsing alone is measured beside it. Resolves to
 * whether the catalogue costs less than a third of parsing.
 */
export async function run(): Promise<boolean> {
  const filters = ruleFilters();
  const catalogue = compileCatalogue(filters);
  const queries = filters.map(({ filter }) => compile(filter));
  const query = compile(FILTER);
  const tests: Readonly<Record<string, Test>> = {
    "JSON.parse": (entry) => entry === null,
    "one filter": (entry) => query.matches(entry),
    [`catalogue of ${filters.length}`]: (entry) => catalogue.matching(entry).length > 0,
    [`${filters.length} filters, each by itself`]: (entry) => queries.some((each) => each.matches(entry)),
  };
  const generator = new EntryGenerator(SEED);
  const lines = generator.many(ENTRIES).map((entry) => JSON.stringify(entry));
  const shares = measureLines("an organization's mix", lines, tests);
  const pods = Array.from({ length: ENTRIES / 5 }, () => JSON.stringify(generator.podCreation()));
  measureLines("Pod creations only, which every one has a search in all fields", pods, tests);
  compareWithJq(lines, (line) => query.matches(JSON.parse(line)));
  const share = shares[2] ?? Number.NaN;
  console.log(`\ncatalogue / JSON.parse = ${share.toFixed(3)} (target: below 0.333)`);
  return share < 1 / 3;
}

/** Prints a line for each test, and returns their costs as shares of the first, which only parses. */
function measureLines(
  title: string,
  lines: readonly string[],
  tests: Readonly<Record<string, Test>>,
): readonly number[] {
  const bytes = lines.reduce((total, line) => total + Buffer.byteLength(line), 0);
  console.log(
    `\n${title}: ${lines.length} entries of ${(bytes / lines.length / 1024).toFixed(1)} KiB, the best of ${ROUNDS} rounds`,
  );
  const names = Object.keys(tests);
  const times = names.map((): number[] => []);
  const passed = names.map(() => 0);
  // Turn by turn, so that a busy machine troubles all of them alike.
  for (let round = -2; round < ROUNDS; round++) {
    for (const [index, test] of Object.values(tests).entries()) {
      const start = performance.now();
      passed[index] = countPassing(lines, test);
      if (round >= 0) times[index]?.push((performance.now() - start) / lines.length);
    }
  }
  // The quickest round is the one that nobody else disturbed.
  const milliseconds = times.map((each) => Math.min(...each));
  const parsing = milliseconds[0] ?? Number.NaN;
  return names.map((name, index) => {
    const own = index === 0 ? parsing : (milliseconds[index] ?? Number.NaN) - parsing;
    const rate = Math.round(1000 / own).toLocaleString("en-US");
    const share = own / parsing;
    console.log(
      `${name.padEnd(30)}${rate.padStart(12)} entries/s ${(own * 1000).toFixed(2).padStart(8)} us  ${share.toFixed(3)} of parsing  ${passed[index]} passed`,
    );
    return share;
  });
}

function countPassing(lines: readonly string[], test: Test): number {
  let passed = 0;
  for (const line of lines) if (test(JSON.parse(line))) passed++;
  return passed;
}

/** Wall time of jq over a file of the lines, less what starting it takes; ours parses and evaluates the same lines. */
function compareWithJq(lines: readonly string[], matches: (line: string) => boolean): void {
  const folder = mkdtempSync(join(tmpdir(), "glasswatch-bench-"));
  try {
    const file = join(folder, "entries.ndjson");
    const empty = join(folder, "empty.ndjson");
    writeFileSync(file, `${lines.join("\n")}\n`);
    writeFileSync(empty, "");
    if (runJq(empty) === undefined) {
      console.log("\njq is not installed: the comparison with it is left out");
      return;
    }
    const theirs = timeOf(() => runJq(file) ?? Number.NaN);
    const start = timeOf(() => runJq(empty) ?? Number.NaN);
    const ours = timeOf(() => lines.filter(matches).length);
    const ratio = (theirs.milliseconds - start.milliseconds) / ours.milliseconds;
    console.log(
      `\njq takes ${ratio.toFixed(1)} times as long as parsing and one filter (${theirs.result} and ${ours.result} passed)`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runJq(file: string): number | undefined {
  const { status, stdout } = spawnSync("jq", ["-r", JQ_FILTER, file], { encoding: "utf8", maxBuffer: 1 << 28 });
  return status === 0 ? stdout.split("\n").length - 1 : undefined;
}

function timeOf(work: () => number): { readonly milliseconds: number; readonly result: number } {
  const times: number[] = [];
  let result = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    result = work();
    times.push(performance.now() - start);
  }
  return { milliseconds: Math.min(...times), result };
}
