import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEntry } from "../shared/audit-log/entry.ts";
import type { Json } from "../shared/audit-log/json.ts";
import type { Rule } from "../shared/classifier/rule.ts";
import { HEARTBEAT_LOG_ID, MAX_FILTER_CHARACTERS, sinkFilter } from "../shared/classifier/sink-filter.ts";
import { CATEGORIES } from "../shared/finding.ts";
import { compile } from "../shared/query/compile.ts";
import { parse } from "../shared/query/parse.ts";
import { type Condition, isAnd, isNot, isOr } from "../shared/query/tree.ts";
import { BUILT_IN_RULES } from "../shared/rules/index.ts";
import { expectGolden } from "./support/golden.ts";
import { sampleEntry, sampleIndex } from "./support/samples.ts";

const rulesOf = (category: string) =>
  BUILT_IN_RULES.filter((rule) => rule.category === category && !rule.id.startsWith("scc."));
const filters = CATEGORIES.map((category) => ({ category, text: sinkFilter(rulesOf(category)) }));
const entries = sampleIndex
  .filter(({ kind }) => kind !== "envelope" && !kind.startsWith("scc."))
  .map(({ file }) => sampleEntry(file));

describe("a sink filter lets through whatever its rules can match", () => {
  test.each(filters)("$category: every sample", ({ category, text }) => {
    const sink = compile(text);
    for (const rule of rulesOf(category)) {
      const query = compile(rule.filter);
      for (const entry of entries) {
        if (query.matches(entry)) expect(sink.matches(entry), `${rule.id} ${entry.insertId}`).toBe(true);
      }
    }
  });

  test("every generated mixture of samples", () => {
    const sinks = filters.map(({ category, text }) => ({ category, sink: compile(text) }));
    const queries = BUILT_IN_RULES.filter(({ id }) => !id.startsWith("scc.")).map((rule) => ({
      rule,
      query: compile(rule.filter),
    }));
    let matched = 0;
    const mixture = fc
      .tuple(fc.constantFrom(...entries), fc.constantFrom(...entries), fc.subarray(["logName", "resource", "labels"]))
      .chain(([a, b, taken]) => fc.record({ entry: fc.constant(mixed(a, b, taken)), payload: payloadOf(a, b) }))
      .map(({ entry, payload }) => ({ ...entry, protoPayload: payload }) as LogEntry);
    fc.assert(
      fc.property(mixture, (entry) => {
        for (const { rule, query } of queries) {
          if (!query.matches(entry)) continue;
          matched++;
          expect(sinks.find(({ category }) => category === rule.category)?.sink.matches(entry), rule.id).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
    expect(matched).toBeGreaterThan(300);
  });

  function mixed(a: LogEntry, b: LogEntry, taken: readonly string[]): LogEntry {
    return { ...a, ...Object.fromEntries(taken.map((key) => [key, b[key]])) } as LogEntry;
  }

  function payloadOf(a: LogEntry, b: LogEntry): fc.Arbitrary<Json> {
    const [one, other] = [a.protoPayload ?? {}, b.protoPayload ?? {}] as Record<string, Json>[];
    const keys = [...new Set([...Object.keys(one as object), ...Object.keys(other as object)])];
    return fc
      .tuple(...keys.map((key) => fc.constantFrom(one?.[key], one?.[key], other?.[key])))
      .map((values) => Object.fromEntries(keys.map((key, index) => [key, values[index]])) as Json);
  }

  test("rules that demand different things share what they have in common, and keep what they have not", () => {
    const rule = (id: string, filter: string) => ({ ...(BUILT_IN_RULES[0] as Rule), id, filter });
    const text = sinkFilter([
      rule("a.one", 'log_id("l") severity>=ERROR protoPayload.methodName="m1"'),
      rule("a.two", 'log_id("l") severity>=ERROR protoPayload.methodName="m2" labels.x:*'),
      rule("a.three", 'log_id("l") severity>=ERROR protoPayload.methodName=("m3" OR "m4")'),
      rule("a.four", 'log_id("k") (labels.x="1" OR labels.y="2")'),
      rule("a.five", 'log_id("l") severity>=ERROR protoPayload.methodName="m1" labels.z:*'),
    ]);
    expect(text).toBe(
      [
        '(log_id("l") severity >= ERROR (protoPayload.methodName=("m1" OR "m3" OR "m4") OR (protoPayload.methodName="m2" labels.x:*)))',
        'OR (log_id("k") (labels.x="1" OR labels.y="2"))',
        'OR log_id("glasswatch-heartbeat")',
      ].join("\n"),
    );
  });
});

describe("a sink filter is one that Google's sinks take, and can be trusted with", () => {
  test.each(filters)("$category: within Google's limit", ({ text }) => {
    expect([...text].length).toBeLessThan(MAX_FILTER_CHARACTERS);
  });

  test.each(filters)("$category: a heartbeat passes", ({ text }) => {
    const heartbeat = { logName: `projects/p/logs/${HEARTBEAT_LOG_ID}`, timestamp: "2026-01-01T00:00:00Z" };
    expect(compile(text).matches(heartbeat)).toBe(true);
    expect(compile(text).matches({ ...heartbeat, logName: "projects/p/logs/other" })).toBe(false);
  });

  test.each(filters)("$category: only documented constructs", ({ text }) => {
    expect(undocumented(parse(text).condition)).toEqual([]);
  });

  test.each(BUILT_IN_RULES.filter(({ id }) => !id.startsWith("scc.")))(
    "$id names its log by log_id()",
    ({ filter }) => {
      const { condition } = parse(filter);
      const terms = condition !== null && isAnd(condition) ? condition.terms : [condition];
      const logs = terms.filter((term) => term !== null && namesLog(term));
      expect(logs.length).toBe(1);
    },
  );

  test("the golden for Terraform is what the rules give", () => {
    const text = JSON.stringify(Object.fromEntries(filters.map(({ category, text }) => [category, text])), null, 2);
    expectGolden("../../terraform/sink-filters.json", text);
  });
});

function namesLog(term: Condition): boolean {
  return term.kind === "log_id" || (isOr(term) && term.terms.every(namesLog));
}

/** Google's own queries for GKE search for these words in every field, keys included. */
const OFFICIAL_WORDS = ["failed-open.validating.webhook.admission.k8s.io", "image-policy.k8s.io/break-glass"];

/** Parts of a filter that no page of Google's documents: what they mean there is anybody's guess. */
function undocumented(condition: Condition | null): readonly string[] {
  if (condition === null) return [];
  if (isAnd(condition) || isOr(condition)) return condition.terms.flatMap(undocumented);
  if (isNot(condition)) return undocumented(condition.term);
  switch (condition.kind) {
    case "comparison":
      return condition.subject.kind === "path" ? [] : [condition.subject.kind];
    case "global":
      return OFFICIAL_WORDS.includes(condition.literal.text) ? [] : [condition.literal.text];
    case "log_id":
      return [];
    default:
      return [condition.kind];
  }
}
