import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { compile } from "../shared/query/compile.ts";
import { lint } from "../shared/query/lint.ts";
import { print } from "../shared/query/print.ts";
import { LOG_ENTRY, LOG_SEVERITY, message, ordered, type Schema } from "../shared/query/schema.ts";
import { entry, tree } from "./support/query-arbitraries.ts";
import { ruleFilters } from "./support/query-filters.ts";
import { refusalOf } from "./support/query-refusals.ts";

function warningsOf(filter: string, schema: Schema = LOG_ENTRY): readonly string[] {
  return lint(filter, { schema }).map(({ code, line, column }) => `${code} ${line}:${column}`);
}

describe("lint warns of", () => {
  test.each<[sentence: string, filter: string, warnings: readonly string[]]>([
    ["single quotes around a value", "textPayload:'fox'", ["single-quotes 1:13"]],
    ["single quotes around two words", "textPayload:'red fox'", ["single-quotes 1:13", "single-quotes 1:18"]],
    ["single quotes around a search term", "'fox'", ["single-quotes 1:1"]],
    ["single quotes around a key", "labels.'a'=b", ["single-quotes 1:1"]],
    ["single quotes in a list", "textPayload:(a OR 'b')", ["single-quotes 1:19"]],
    ["typographic quotes", "textPayload:“fox”", ["typographic-quotes 1:13"]],
    ["typographic quotes at the end alone", "fox”", ["typographic-quotes 1:1"]],
    ["operators in lower case", "severity=ERROR and textPayload:fox", ["lower-case-operator 1:16"]],
    ["operators in mixed case", "Not textPayload:fox Or a", ["lower-case-operator 1:1", "lower-case-operator 1:21"]],
    [
      "operators of programming languages",
      "a && b || ! c",
      ["lower-case-operator 1:3", "lower-case-operator 1:8", "lower-case-operator 1:11"],
    ],
    ["lower-case operators in a list", "textPayload:(a or b)", ["lower-case-operator 1:16"]],
    ["AND and OR side by side", "severity=ERROR OR severity=ALERT AND textPayload:a", ["mixed-operators 1:16"]],
    ["OR and a line break", "resource.type=a OR resource.type=b\ntextPayload:c", ["mixed-operators 1:17"]],
    ["AND before OR", "textPayload:c AND resource.type=a OR resource.type=b", ["mixed-operators 1:35"]],
    ["AND and OR in a list", "textPayload:(a b OR c)", ["mixed-operators 1:18"]],
    ["AND and OR in a group, once", "(a b OR c OR d)", ["mixed-operators 1:6"]],
    ["a value that lost its field", 'insertId="a" OR "b"', ["loose-value 1:17"]],
    ["every one of them", "insertId=a OR b OR c", ["loose-value 1:15", "loose-value 1:20"]],
    ["differing from one of several", "resource.type!=(a OR b)", ["not-equal-any-of 1:1"]],
    ["not matching one of several", 'textPayload!~("a" OR "b")', ["not-equal-any-of 1:1"]],
    ["differing from one of several, deep inside", "jsonPayload.a!=(a AND NOT (b OR c))", ["not-equal-any-of 1:1"]],
    ["a star at the end of a value", 'protoPayload.methodName="storage.*"', ["star-is-no-wildcard 1:25"]],
    ["a star at the begin", "protoPayload.methodName=*delete", ["star-is-no-wildcard 1:25"]],
    ["a star between names", "protoPayload.methodName=a.*.b", ["star-is-no-wildcard 1:25"]],
    ["a star after the has-operator", 'textPayload:"fox*"', ["star-is-no-wildcard 1:13"]],
    ["a star to test for existence", 'trace="*"', ["star-is-no-wildcard 1:7"]],
    ["a quoted star to test for existence", 'trace:"*"', ["star-is-no-wildcard 1:7"]],
    ["a star in an inequality", "trace!=*x", ["star-is-no-wildcard 1:8"]],
    ["an unescaped dot in a host name", 'logName=~"cloudaudit.googleapis.com"', ["unescaped-dot 1:10"]],
    ["one unescaped dot of several", 'textPayload=~"a\\.googleapis.com/x"', ["unescaped-dot 1:14"]],
    ["an unescaped dot in a negative pattern", 'textPayload!~"@example.com$"', ["unescaped-dot 1:14"]],
    ["an unescaped dot in a list of patterns", 'textPayload=~("x" OR "k8s.io")', ["unescaped-dot 1:22"]],
    ["numbers compared as texts", "labels.size > 10", ["text-order 1:15"]],
    ["numbers compared as texts in resource labels", "resource.labels.size<=-1.5", ["text-order 1:23"]],
  ])("%s", (_, filter, warnings) => {
    expect(warningsOf(filter)).toEqual(warnings);
  });

  test.each<[sentence: string, filter: string, warnings: readonly string[]]>([
    ["a severity that there is not", "severity>=WARN", ["never-matches 1:11"]],
    ["a status that is no number", "httpRequest.status:5xx", ["never-matches 1:20"]],
    ["an instant that is none", 'timestamp>"yesterday"', ["never-matches 1:11"]],
    ["a pattern on a severity", 'severity=~"ERR"', ["never-matches 1:11"]],
    ["a pattern on a number", 'httpRequest.status!~"5.."', ["never-matches 1:21"]],
    ["an order of null", "jsonPayload.a<NULL_VALUE", ["never-matches 1:15"]],
    ["a path below a label", "labels.a.b:*  labels.c.d=1", ["never-matches 1:15"]],
    ["an unencoded log name", 'logName="projects/p/logs/cloudaudit.googleapis.com/activity"', ["never-matches 1:9"]],
    ["two severities at once", "severity=ERROR severity=INFO", ["never-matches 1:16"]],
    ["a range turned round", 'timestamp>"2026-01-02" timestamp<="2026-01-01T23:00:00Z"', ["never-matches 1:24"]],
    ["an empty range of integers", "httpRequest.status>4 httpRequest.status<5", ["never-matches 1:22"]],
    ["an empty range of durations", 'httpRequest.latency>"1s" httpRequest.latency<"1s"', ["never-matches 1:26"]],
    ["two resource types at once", "resource.type=a\nresource.type=(b OR c)", ["never-matches 2:1"]],
    ["a type that is excluded again", "resource.type=a resource.type!=A", ["never-matches 1:17"]],
    ["a text without its own part", "insertId=fox NOT insertId:ox", ["never-matches 1:18"]],
    ["a text that its pattern refuses", 'insertId=fox insertId=~"^[0-9]+$"', ["never-matches 1:14"]],
    ["two methods at once", 'protoPayload.methodName="a" protoPayload.methodName="b"', ["never-matches 1:29"]],
    ["two values of a label", "labels.a=b labels.a=c", ["never-matches 1:12"]],
    ["a label that is there and is not", "labels.a=b NOT labels.a:*", ["never-matches 1:16"]],
    ["a true bool that is false", "operation.first=true operation.first=false", ["never-matches 1:22"]],
    ["two logs at once", 'log_id("a/b") log_id("c")', ["never-matches 1:15"]],
    ["a log and not the log", 'log_id("a/b") NOT log_id("a%2Fb")', ["never-matches 1:19"]],
    ["two payloads at once", "textPayload:fox jsonPayload.a=b", ["never-matches 1:17"]],
    ["three payloads at once", "textPayload:fox protoPayload:b jsonPayload.a:*", ["never-matches 1:32"]],
    ["a severity below the lowest", "severity<DEFAULT", ["never-matches 1:1"]],
    [
      "contradictions in every alternative",
      "severity=ERROR (severity=INFO OR (severity=ERROR severity=ALERT))",
      ["never-matches 1:50"],
    ],
  ])("filters that can never match: %s", (_, filter, warnings) => {
    expect(warningsOf(filter)).toEqual(warnings);
    if (!filter.includes("projects/"))
      expect(compile(filter).matches({ severity: "ERROR", labels: { a: "b" }, insertId: "fox" })).toBe(false);
  });

  test.each<[sentence: string, filter: string]>([
    ["the empty filter", ""],
    ["apostrophes inside words", "textPayload:don't AND it's"],
    ["double quotes", "textPayload:\"'fox'\""],
    ["parentheses where AND meets OR", "(severity=ERROR OR severity=ALERT) AND textPayload:a"],
    ["conditions joined by OR alone", "a OR b OR c"],
    ["conditions joined by AND alone", "a b AND c\nd"],
    ["search terms joined by OR", "fox OR severity=ERROR"],
    ["a group of search terms after OR", "severity=ERROR OR (fox hound)"],
    ["differing from all of several", "resource.type!=(a AND b)"],
    ["a negated list", "NOT resource.type=(a OR b)"],
    ["words that only look like operators", "textPayload:(android OR nothing)"],
    ["quoted operators", '"and" "or"'],
    ["operators in upper case where values stand", "textPayload:AND"],
    ["existence", "trace:*"],
    ["stars in patterns", 'textPayload=~"a.*b*"'],
    ["stars in the midst of other signs", 'textPayload:"(*conn)" OR textPayload="a * b"'],
    ["escaped dots", 'textPayload=~"cloudaudit\\.googleapis\\.com" AND textPayload=~"[.]com"'],
    ["dots that stand for any character", 'textPayload=~"err.r" textPayload=~"v1.compute"'],
    ["dots in names that only begin like a host", 'textPayload=~"a.community"'],
    ["texts ordered as texts", 'labels.size>"a" labels.version>=v1'],
    ["numbers in payloads", "jsonPayload.size>10"],
    ["encoded log names", 'logName="projects/p/logs/cloudaudit.googleapis.com%2Factivity"'],
    ["parts of log names", 'logName:"cloudaudit.googleapis.com/activity"'],
    ["ranges", 'timestamp>="2026-01-01" timestamp<"2026-01-02" severity>INFO severity<ERROR'],
    ["ranges of one value", "httpRequest.status>=5 httpRequest.status<=5 httpRequest.status>4"],
    ["ranges across the default", "httpRequest.status<1 httpRequest.status>-1"],
    [
      "several values where there may be an array",
      "(jsonPayload.a=b AND jsonPayload.a=c) OR (protoPayload.authorizationInfo.permission=a AND protoPayload.authorizationInfo.permission=b)",
    ],
    ["several parts of one text", "textPayload:a textPayload:b textPayload!=c"],
    ["alternatives that do not all contradict", "severity=ERROR (severity=INFO OR severity=ERROR)"],
    ["what only another text can be", "resource.type!=a resource.type!=b"],
    ["absent fields", 'textPayload!=x jsonPayload.a=b NOT protoPayload.methodName=c trace=""'],
    ["two payloads as alternatives", "textPayload:a OR jsonPayload.a:a"],
    ["one log of two", 'log_id("a") OR log_id("b")'],
    ["other functions", 'NOT source(projects/p) sample(insertId, 0.5) SEARCH("a") ip_in_net(jsonPayload.a, "::/0")'],
    ["value functions", "cast(jsonPayload.a, INT64)>5"],
  ])("nothing: %s", (_, filter) => {
    expect(warningsOf(filter)).toEqual([]);
  });

  test("what it is, with what to write instead", () => {
    const messages = (filter: string) => lint(filter).map((warning) => warning.message);
    expect(messages("resource.type!=(a OR b)")).toEqual([
      "true whenever resource.type differs from one of the values; for none of them write NOT resource.type = (...)",
    ]);
    expect(messages('textPayload!~("a" OR "b")')[0]).toMatch(/write NOT textPayload =~ \(\.\.\.\)$/);
    expect(messages("insertId=a OR b")).toEqual([
      "this value is looked for in every field, not in insertId; write insertId=(... OR ...)",
    ]);
    expect(messages("a and b")).toEqual(["'and' is searched for as text; the operator is AND"]);
    expect(messages("a && b")).toEqual(["'&&' is searched for as text; the operator is AND"]);
    expect(messages('textPayload=~"a\\.googleapis.com"')).toEqual([
      "a dot in a pattern is any character; write a\\.googleapis\\.com",
    ]);
    expect(messages("trace=*")).toEqual([
      "the star stands for itself; to test that the field is there write trace:* without quotes",
    ]);
    expect(messages("trace:x*")[0]).toMatch(/trace:"\.\.\." already finds text anywhere/);
    expect(messages("trace=x*")[0]).toMatch(/write trace:"\.\.\." for a part of the value, or use =~$/);
    expect(messages("severity=WARN")).toEqual([
      "'WARN' is not a value of the type enumeration, so this comparison is never true",
    ]);
    expect(messages('severity=~"x"')).toEqual(["severity is an enumeration; only strings match regular expressions"]);
    expect(messages("severity=A severity=ERROR severity=INFO")).toHaveLength(1);
    expect(messages("severity=ERROR severity=INFO")).toEqual(["no value of severity satisfies all conditions on it"]);
    expect(messages('log_id("a") log_id("b")')).toEqual(["an entry is in one log only"]);
    expect(messages("textPayload:a jsonPayload:b")).toEqual([
      "an entry has one payload only: textPayload, jsonPayload or protoPayload",
    ]);
  });

  test("several things, in the order of the text", () => {
    expect(warningsOf("'a' and labels.x>5\nOR severity=WARN resource.type!=(a OR 'b')")).toEqual([
      "single-quotes 1:1",
      "lower-case-operator 1:5",
      "text-order 1:18",
      "mixed-operators 2:1",
      "never-matches 2:13",
      "not-equal-any-of 2:18",
      "single-quotes 2:39",
    ]);
  });
});

test("an invalid filter is refused as by parse", () => {
  expect(refusalOf(() => lint("severity=")).code).toBe("QUERY_SYNTAX");
  expect(refusalOf(() => lint("thud=1")).code).toBe("QUERY_FIELD");
});

test("the filters of rules give no warning", () => {
  for (const { id, filter } of ruleFilters()) expect(warningsOf(filter), id).toEqual([]);
});

test("other schemas are linted by their own fields", () => {
  const schema: Schema = {
    name: "Incident",
    absent: "missing",
    strict: true,
    fields: {
      severity: ordered("low", "high"),
      score: "double",
      workload: message({ name: "string" }),
      logName: "string",
    },
  };
  expect(warningsOf("severity=low severity=high", schema)).toEqual(["never-matches 1:14"]);
  expect(warningsOf("score>1 score<2", schema)).toEqual([]);
  expect(warningsOf("score>2 score<1", schema)).toEqual(["never-matches 1:9"]);
  expect(warningsOf("severity=low workload.name=x", schema)).toEqual([]);
});

/** For fields whose values can be gone through, "never matches" can be checked to be exactly that. */
const FINITE: readonly {
  readonly field: string;
  readonly values: readonly string[];
  readonly others: readonly string[];
  readonly entryOf: (value: string) => unknown;
}[] = [
  { field: "severity", values: Object.keys(LOG_SEVERITY.numbers), others: [], entryOf: (severity) => ({ severity }) },
  {
    field: "httpRequest.status",
    values: ["-1", "0", "1", "2", "3"],
    others: ["-2", "4"],
    entryOf: (status) => ({ httpRequest: { status: Number(status) } }),
  },
  { field: "labels.a", values: ["a", "b", "ab", ""], others: ["other"], entryOf: (a) => ({ labels: { a } }) },
];

const onOneField = fc.constantFrom(...FINITE).chain(({ field, values, others, entryOf }) => {
  const operators = field === "labels.a" ? ["=", "!="] : ["=", "!=", "<", "<=", ">", ">=", ":"];
  const comparison = fc
    .tuple(fc.constantFrom("", "NOT "), fc.constantFrom(...operators), fc.constantFrom(...values))
    .map(([not, operator, value]) => `${not}${field}${operator}"${value}"`);
  const group = fc.array(
    fc.oneof(
      { weight: 9, arbitrary: comparison },
      { weight: 1, arbitrary: fc.constantFrom(`${field}:*`, `NOT ${field}:*`) },
    ),
    { minLength: 1, maxLength: 3 },
  );
  return fc.array(group, { minLength: 1, maxLength: 3 }).map((groups) => ({
    filter: groups.map((terms) => `(${terms.join(" OR ")})`).join(" AND "),
    entries: [{}, ...[...values, ...others].map(entryOf)],
  }));
});

property.prop([onOneField], { numRuns: 3000 })(
  "a filter over one field is said to contradict itself exactly when no value passes",
  ({ filter, entries }) => {
    const isContradiction = lint(filter).some(({ code }) => code === "never-matches");
    const query = compile(filter);
    expect(isContradiction, filter).toBe(!entries.some((each) => query.matches(each)));
  },
);

property.prop([tree, fc.array(entry, { minLength: 1, maxLength: 4 })], { numRuns: 1500 })(
  "a filter that is said to contradict itself matches nothing",
  (generated, entries) => {
    const warnings = lint(print(generated));
    const contradicts = warnings.some(
      ({ code, message: text }) => code === "never-matches" && /^(no value|an entry)/.test(text),
    );
    if (!contradicts) return;
    // Entries as Google writes them: one payload each, and every field of its type.
    for (const each of entries.filter(isProper)) expect(compile(generated).matches(each), print(generated)).toBe(false);
  },
);

function isProper(each: unknown): boolean {
  const payloads = ["textPayload", "jsonPayload", "protoPayload"].filter(
    (name) => (each as Record<string, unknown>)[name] !== undefined,
  );
  return payloads.length <= 1 && !/\[|null|"FOO"/.test(JSON.stringify(each));
}
