import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEntry } from "../shared/audit-log/entry.ts";
import { compareFilters } from "../shared/classifier/compare-filters.ts";
import { compile } from "../shared/query/compile.ts";

describe("a filter against the one before", () => {
  test.each([
    ["itself", 'logName:"a" severity>=ERROR', 'logName:"a" severity>=ERROR', "same"],
    ["in another order", 'logName:"a" severity>=ERROR', 'severity >= ERROR AND logName : "a"', "same"],
    [
      "drawn apart",
      "labels.a=1 AND (labels.b=1 OR labels.c=1)",
      "(labels.a=1 labels.b=1) OR (labels.a=1 labels.c=1)",
      "same",
    ],
    ["negated twice", "labels.a=1", "NOT (NOT labels.a=1)", "same"],
    ["with one demand more", "labels.a=1", "labels.a=1 labels.b=1", "narrower"],
    ["with one demand less", "labels.a=1 labels.b=1", "labels.a=1", "wider"],
    ["short of an alternative", "labels.a=1 OR labels.b=1", "labels.b=1", "narrower"],
    ["short of a value in a list", "labels.a=(1 OR 2 OR 3)", "labels.a=(1 OR 3)", "narrower"],
    ["with one thing left out", "labels.a=1", "labels.a=1 -labels.b=1", "narrower"],
    ["that was everything", "", "labels.a=1", "narrower"],
    ["that is everything now", "labels.a=1", "", "wider"],
    ["about something else", "labels.a=1", "labels.b=1", "unknown"],
    ["that has lost one thing and got another", "labels.a=1 OR labels.b=1", "labels.a=1 OR labels.c=1", "unknown"],
    ["that cannot be read", "labels.a=(", "labels.a=1", "unknown"],
    ["too deep to be read", "labels.a=1", `${"NOT (".repeat(300)}labels.a=1${")".repeat(300)}`, "unknown"],
  ] as const)("%s", (_name, before, after, expected) => {
    expect(compareFilters(before, after)).toBe(expected);
  });

  const ATOMS = ["a", "b", "c", "d"];
  const filter: fc.Arbitrary<string> = fc.letrec<{ filter: string; atom: string }>((tie) => ({
    atom: fc.constantFrom(...ATOMS).map((name) => `labels.${name}=1`),
    filter: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("atom"),
      fc.tuple(tie("filter"), tie("filter")).map(([a, b]) => `(${a} AND ${b})`),
      fc.tuple(tie("filter"), tie("filter")).map(([a, b]) => `(${a} OR ${b})`),
      tie("filter").map((inner) => `(NOT ${inner})`),
    ),
  })).filter;
  /** Every entry that can make a difference: each label there or not. */
  const entries = [...Array(2 ** ATOMS.length).keys()].map((bits) => ({
    logName: "projects/p/logs/l",
    timestamp: "2026-01-01T00:00:00Z",
    labels: Object.fromEntries(ATOMS.filter((_, index) => (bits >> index) % 2 === 1).map((name) => [name, "1"])),
  })) as unknown as readonly LogEntry[];

  test("what is said is so, entry by entry; and what is so is said", () => {
    fc.assert(
      fc.property(filter, filter, (before, after) => {
        const [old, now] = [compile(before), compile(after)];
        const loses = entries.some((entry) => old.matches(entry) && !now.matches(entry));
        const adds = entries.some((entry) => now.matches(entry) && !old.matches(entry));
        const truth = loses && adds ? "unknown" : loses ? "narrower" : adds ? "wider" : "same";
        expect(compareFilters(before, after)).toBe(truth);
      }),
      { numRuns: 1000 },
    );
  });

  test("a filter as long as Google takes it, and hostile, is given up in time", () => {
    const hard = (count: number, name: string) =>
      Array.from({ length: count }, (_, n) => `(labels.${name}${n}="x" OR labels.q${n}="y")`).join(" ");
    const started = performance.now();
    compareFilters(hard(450, "a"), hard(450, "b"));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
