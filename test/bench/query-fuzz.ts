/**
 * A million random and mutated filters through everything the engine does with one: `node test/bench/query-fuzz.ts [COUNT]
 * [SEED]`. Ends with code 1 at the first filter that crashes, hangs or contradicts itself.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { FilterFuzzer, tryFilter } from "../support/query-fuzz.ts";

/** What no filter may take, in milliseconds; far above what any does on a machine that is busy with other things. */
const HANG = 2000;

export async function run(count = 1_000_000, seed = 1): Promise<boolean> {
  const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "../vectors/lql-vectors.json"), "utf8"));
  const good = (vectors as { readonly filter: string }[])
    .map(({ filter }) => filter)
    .filter(({ length }) => length < 1000);
  const fuzzer = new FilterFuzzer(seed, good);
  const outcomes = new Map<string, number>();
  let slowest = 0;
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const filter = fuzzer.next();
    const begin = performance.now();
    try {
      const outcome = tryFilter(filter);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      console.error(`filter ${index} of seed ${seed}: ${JSON.stringify(filter)}\n`, error);
      return false;
    }
    const time = performance.now() - begin;
    slowest = Math.max(slowest, time);
    if (time > HANG) {
      console.error(`filter ${index} of seed ${seed} took ${time.toFixed(0)} ms: ${JSON.stringify(filter)}`);
      return false;
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const table = [...outcomes]
    .sort(([, left], [, right]) => right - left)
    .map(([outcome, times]) => `${outcome} ${times}`);
  console.log(`${count} filters in ${seconds} s, the slowest ${slowest.toFixed(0)} ms: ${table.join(", ")}`);
  return true;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [count = "1000000", seed = "1"] = process.argv.slice(2);
  if (!(await run(Number(count), Number(seed)))) process.exitCode = 1;
}
