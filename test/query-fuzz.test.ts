import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FilterFuzzer, tryFilter } from "./support/query-fuzz.ts";

test("random and mutated filters are accepted or refused with a code, and nothing else", () => {
  const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "vectors/lql-vectors.json"), "utf8"));
  const good = (vectors as { readonly filter: string }[])
    .map(({ filter }) => filter)
    .filter(({ length }) => length < 1000);
  const fuzzer = new FilterFuzzer(20260914, good);
  const outcomes = new Set<string>();
  for (let index = 0; index < 6000; index++) {
    const filter = fuzzer.next();
    expect(() => outcomes.add(tryFilter(filter)), JSON.stringify(filter)).not.toThrow();
  }
  expect([...outcomes].sort()).toEqual([
    "QUERY_FIELD",
    "QUERY_FUNCTION",
    "QUERY_REGEX",
    "QUERY_SYNTAX",
    "QUERY_TOO_DEEP",
    "QUERY_TOO_LONG",
    "accepted",
  ]);
});
