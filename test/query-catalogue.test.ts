import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { compileCatalogue } from "../shared/query/catalogue.ts";
import { compile } from "../shared/query/compile.ts";
import { canBe } from "../shared/query/possibility.ts";
import { print } from "../shared/query/print.ts";
import { anyJson, entry, tree } from "./support/query-arbitraries.ts";
import { EntryGenerator } from "./support/query-entries.ts";
import { ruleFilters } from "./support/query-filters.ts";
import { refusalOf } from "./support/query-refusals.ts";

function catalogueOf(...filters: readonly string[]) {
  return compileCatalogue(filters.map((filter, index) => ({ id: `filter ${index}`, filter })));
}

const AUDIT_LOG = "type.googleapis.com/google.cloud.audit.AuditLog";

function entryOf(log: string, service: string, method: string, more: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    logName: `projects/p/logs/${encodeURIComponent(log)}`,
    protoPayload: { "@type": AUDIT_LOG, serviceName: service, methodName: method, ...more },
  };
}

describe("a catalogue", () => {
  const filters = [
    'log_id("a/b") protoPayload.serviceName="k8s.io" protoPayload.methodName=~"^io\\.k8s"',
    'log_id("a/b") protoPayload.serviceName=("k8s.io" OR "run.googleapis.com")',
    'NOT log_id("a/b")',
    'protoPayload.methodName:"create" "needle"',
    "severity>=ERROR",
    "",
  ];

  test.each<[sentence: string, entry: unknown, matching: readonly number[]]>([
    [
      "all that match are named, in order",
      entryOf("a/b", "k8s.io", "io.k8s.create", { request: { a: "needle" } }),
      [0, 1, 3, 5],
    ],
    ["case is folded as in a filter by itself", entryOf("A/B", "K8S.IO", "io.k8s.x"), [0, 1, 5]],
    ["full-width too", entryOf("a/b", "Ｋ8ｓ.io", "io.k8s.x"), [0, 1, 5]],
    ["a value that no filter names", entryOf("a/b", "other", "other"), [5]],
    ["another log", entryOf("c", "k8s.io", "io.k8s.create"), [2, 5]],
    ["missing fields", {}, [2, 5]],
    [
      "fields of other kinds",
      { logName: 5, severity: ["INFO", "ALERT"], protoPayload: { serviceName: ["k8s.io"] } },
      [2, 4, 5],
    ],
    [
      "values in arrays",
      { ...(entryOf("a/b", "", "") as object), protoPayload: { serviceName: ["x", "k8s.io"], methodName: ["io.k8s"] } },
      [0, 1, 5],
    ],
    ["what is no entry", "text", [2, 5]],
  ])("%s", (_, given, matching) => {
    const catalogue = catalogueOf(...filters);
    for (let round = 0; round < 3; round++) expect(catalogue.matching(given)).toEqual(matching);
    expect(filters.flatMap((filter, index) => (compile(filter).matches(given) ? [index] : []))).toEqual(matching);
  });

  test("the list for no filter is one and frozen", () => {
    const none = catalogueOf("severity>=ERROR", 'log_id("x")');
    expect(none.matching({})).toBe(none.matching({ severity: "INFO" }));
    expect(none.matching({})).toEqual([]);
    expect(Object.isFrozen(none.matching({}))).toBe(true);
    expect(catalogueOf().matching({})).toEqual([]);
    expect(Object.isFrozen(none)).toBe(true);
  });

  test("more filters than one word has bits", () => {
    const many = catalogueOf(...Array.from({ length: 70 }, (_, index) => `protoPayload.methodName=m${index}`));
    for (const index of [0, 30, 31, 32, 33, 63, 64, 69])
      expect(many.matching(entryOf("a", "", `m${index}`))).toEqual([index]);
    expect(many.matching(entryOf("a", "", "m70"))).toEqual([]);
  });

  test("more values than a gate remembers are judged all the same", () => {
    const gated = catalogueOf('protoPayload.methodName:"7"', "protoPayload.methodName=m8999");
    for (let index = 0; index < 9000; index++) {
      const expected = [...(String(index).includes("7") ? [0] : []), ...(index === 8999 ? [1] : [])];
      expect(gated.matching(entryOf("a", "", `m${index}`))).toEqual(expected);
    }
    expect(gated.matching(entryOf("a", "", "m7"))).toEqual([0]);
  });

  test("a name spelled another way has a gate of its own", () => {
    const spelled = catalogueOf("protoPayload.method_name=a protoPayload.methodName=a");
    expect(spelled.matching({ protoPayload: { methodName: "a" } })).toEqual([0]);
    expect(spelled.matching({ protoPayload: { method_name: "a", methodName: "b" } })).toEqual([]);
  });

  test("an invalid filter is named", () => {
    expect(
      refusalOf(() =>
        compileCatalogue([
          { id: "gke.first", filter: "a" },
          { id: "gke.second", filter: "\n=b" },
        ]),
      ),
    ).toMatchObject({
      code: "QUERY_SYNTAX",
      place: "gke.second",
      line: 2,
      column: 1,
      message: expect.stringMatching(/^gke\.second: Unparseable filter/) as string,
    });
  });

  property.prop([fc.array(tree, { minLength: 1, maxLength: 5 }), fc.array(anyJson, { minLength: 1, maxLength: 4 })], {
    numRuns: 500,
  })("names the filters that match by themselves", (trees, entries) => {
    const generated = compileCatalogue(trees.map((each, index) => ({ id: String(index), filter: print(each) })));
    const queries = trees.map((each) => compile(each));
    for (const each of [...entries, ...entries]) {
      expect(generated.matching(each)).toEqual(queries.flatMap((query, index) => (query.matches(each) ? [index] : [])));
    }
  });

  // The fields on which a catalogue dispatches, in every combination that generated filters make of them.
  const gated = fc.array(
    fc.constantFrom(
      'log_id("syslog")',
      'NOT log_id("a/b")',
      "source(projects/p)",
      "severity>=ERROR",
      "NOT severity=NOTICE",
      "resource.type=a",
      'resource.type=~"^a"',
      "protoPayload.serviceName=k8s.io",
      "protoPayload.methodName:(a OR b)",
      "NOT protoPayload.methodName:*",
      "protoPayload.@type:AuditLog",
      "(severity=ERROR OR protoPayload.serviceName=a)",
      "NOT (logName:syslog resource.type!=a)",
      "jsonPayload.a:*",
      '"a"',
    ),
    { minLength: 1, maxLength: 3 },
  );

  property.prop(
    [
      fc.array(
        gated.map((terms) => terms.join(" ")),
        { minLength: 1, maxLength: 40 },
      ),
      fc.array(entry, { minLength: 1, maxLength: 6 }),
    ],
    { numRuns: 300 },
  )("dispatch never changes what matches", (generated, entries) => {
    const dispatching = catalogueOf(...generated);
    const queries = generated.map((filter) => compile(filter));
    for (const each of [...entries, ...entries]) {
      expect(dispatching.matching(each)).toEqual(
        queries.flatMap((query, index) => (query.matches(each) ? [index] : [])),
      );
    }
  });

  test("agrees with sixty rule filters on realistic entries", () => {
    const rules = ruleFilters();
    const compiled = compileCatalogue(rules);
    const queries = rules.map(({ filter }) => compile(filter));
    let matches = 0;
    for (const each of new EntryGenerator(3, 0.05).many(600)) {
      const expected = queries.flatMap((query, index) => (query.matches(each) ? [index] : []));
      expect(compiled.matching(each)).toEqual(expected);
      matches += expected.length;
    }
    expect(rules).toHaveLength(60);
    expect(matches).toBeGreaterThan(20);
  });
});

describe("an entry that no dispatch key lets through", () => {
  test("costs no allocation", () => {
    const script = `
      const { PerformanceObserver } = await import("node:perf_hooks");
      const { compileCatalogue } = await import(${JSON.stringify(join(import.meta.dirname, "../shared/query/catalogue.ts"))});
      const { ruleFilters } = await import(${JSON.stringify(join(import.meta.dirname, "support/query-filters.ts"))});
      const catalogue = compileCatalogue(ruleFilters());
      const text = JSON.stringify({ logName: "projects/p/logs/cloudaudit.googleapis.com%2Factivity", severity: "INFO",
        protoPayload: { "@type": "${AUDIT_LOG}", serviceName: "other", methodName: "get" } });
      const entries = Array.from({ length: 1000 }, () => JSON.parse(text));
      const run = (rounds) => { for (let round = 0; round < rounds; round++) for (const entry of entries) if (catalogue.matching(entry).length > 0) throw new Error("matched"); };
      // Until the engine has compiled the loop for good, it makes objects of its own now and then.
      run(600);
      let collections = 0;
      new PerformanceObserver((list) => { collections += list.getEntries().length; }).observe({ entryTypes: ["gc"] });
      run(1000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.stdout.write(String(collections));`;
    const flags = ["--max-semi-space-size=1", "--input-type=module", "--eval"];
    const output = execFileSync(process.execPath, [...flags, script], { encoding: "utf8" });
    // A million entries; one object of 16 bytes for each would fill the young generation's megabyte sixteen times.
    expect(Number(output)).toBeLessThanOrEqual(4);
  });
});

describe("what a formula can be", () => {
  const part = (verdict: boolean | undefined) => ({ kind: "part", part: verdict }) as const;
  const itself = (verdict: boolean | undefined) => verdict;

  test.each([
    ["a decided part", part(true), [true, false]],
    ["one decided otherwise", part(false), [false, true]],
    ["an open part", part(undefined), [true, true]],
    ["the empty filter", { kind: "always" } as const, [true, false]],
    ["a negation", { kind: "none", of: part(true) } as const, [false, true]],
    ["a negated open part", { kind: "none", of: part(undefined) } as const, [true, true]],
    ["all of open and true", { kind: "all", of: [part(true), part(undefined)] } as const, [true, true]],
    ["all of open and false", { kind: "all", of: [part(false), part(undefined)] } as const, [false, true]],
    ["all of true", { kind: "all", of: [part(true), part(true)] } as const, [true, false]],
    ["any of open and true", { kind: "any", of: [part(true), part(undefined)] } as const, [true, false]],
    ["any of open and false", { kind: "any", of: [part(false), part(undefined)] } as const, [true, true]],
    ["any of false", { kind: "any", of: [part(false), part(false)] } as const, [false, true]],
  ])("%s", (_, formula, [canHold, canFail]) => {
    expect(canBe<boolean | undefined>(true, formula, itself)).toBe(canHold);
    expect(canBe<boolean | undefined>(false, formula, itself)).toBe(canFail);
  });
});
