import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { compileExtractingPattern, compilePattern, type Pattern } from "../shared/query/regex.ts";
import { runsInLinearTime, trimUnanchored } from "../shared/query/regex-cost.ts";
import { invert, overlaps, parseRegex, toJavaScript } from "../shared/query/regex-syntax.ts";
import { refusalOf } from "./support/query-refusals.ts";

const at = { line: 3, column: 7 };

function isNative(pattern: string): boolean {
  return compilePattern(pattern, at) instanceof RegExp;
}

/** Patterns as rules and filters have them, and whether the engine's own RegExp runs them. */
const PATTERNS: readonly [pattern: string, isRunNatively: boolean][] = [
  ["", true],
  ["foo", true],
  ["io\\.k8s\\.core\\.v1\\.pods\\.(create|delete)", true],
  ["^io\\.k8s\\.core\\.v1\\.pods(\\.ephemeralcontainers)?\\.(create|update|patch)$", true],
  [".*cloudsql.googleapis.com.*", true],
  ["^prod.*server", true],
  ["^prod.*server$", true],
  ["^[^/]+/[^/]+/logs/", true],
  ["^[a-z]+-[0-9]+$", true],
  ["^<\\d+>1 \\d{4}-\\d{2}", true],
  ["^com\\.coreos|^io\\.k8s\\.[a-z]+\\.v1", true],
  ["@sha256:[0-9a-f]{64}$", true],
  ["\\bworld\\b", true],
  ["(foo|bar)?baz", true],
  ["[+.-]x", true],
  ["[^\\d\\s]y", true],
  ["a{2,3}b", true],
  ["日本|😀", true],
  ["foo.*bar", false],
  ["foo.*bar|bar.*foo", false],
  ["^.*a.*b", false],
  ["^(a+)+$", false],
  ["(a|aa)+$", true],
  ["^a*a*b", false],
  ["x+x+y", false],
  ["(?i)foo", false],
  ["(?P<name>a)", false],
  ["[[:alpha:]]", false],
  ["\\pL", false],
  ["\\x41", false],
  ["\\Qa.b\\E", false],
  ["\\Aa\\z", false],
  ["a{,5}", false],
  ["{", false],
  ["(a{2}){3}", false],
  ["(a?){20}a{20}", false],
  ["[]a]", false],
  ["[^]a]", false],
  ["[a-\\d]", false],
  ["a**", false],
  ["a{1001}", false],
  ["a{2,1}", false],
  ["^*", false],
  ["a]", false],
];

const TEXTS = [
  "",
  "foo",
  "a foobar",
  "bar then foo",
  "FOO",
  "io.k8s.core.v1.pods.create",
  "io.k8s.core.v1.pods.ephemeralcontainers.patch",
  "ioXk8s.core.v1.pods.create",
  "projects/p/logs/x",
  "projects/p/q/logs/x",
  "prod-eu-server-1",
  "prod\nserver",
  "abc-12",
  "abc-12\n",
  "<34>1 2026-01-02 x",
  "aaa",
  "aab",
  "baz",
  "x y",
  "1y",
  " y",
  "hello world",
  "hello worlds",
  "日本",
  "😀",
  "\u2028",
  "a\rb",
  "ab.x",
  "cloudsqlXgoogleapis.com",
];

describe("patterns mean what RE2 takes them for", () => {
  test.each(PATTERNS)("%j", (pattern, native) => {
    let re2: RE2JS | undefined;
    try {
      re2 = RE2JS.compile(pattern);
    } catch {
      expect(refusalOf(() => compilePattern(pattern, at))).toMatchObject({ code: "QUERY_REGEX", line: 3, column: 7 });
    }
    if (re2 === undefined) return;
    expect(isNative(pattern)).toBe(native);
    const compiled = compilePattern(pattern, at);
    for (const text of TEXTS) expect(compiled.test(text), text).toBe(re2.matcher(text).find());
  });

  // Built so that nearly all of them are valid, and plain ones are common.
  const source = fc.letrec<{ regex: string }>((tie) => ({
    regex: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      {
        weight: 6,
        arbitrary: fc.constantFrom(
          "a",
          "b",
          "c",
          "ab",
          "\\.",
          ".",
          "/",
          "-",
          "\\d",
          "\\w",
          "\\s",
          "\\S",
          "[ab]",
          "[^a]",
          "[a-c]",
          "[^/]",
          "[\\d-]",
          "^",
          "$",
          "\\b",
          "\\B",
          "é",
          "😀",
          "\\n",
        ),
      },
      { weight: 3, arbitrary: fc.tuple(tie("regex"), tie("regex")).map(([left, right]) => left + right) },
      { weight: 1, arbitrary: fc.tuple(tie("regex"), tie("regex")).map(([left, right]) => `(${left}|${right})`) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(
            tie("regex"),
            fc.constantFrom("*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{0,3}", "{2,}"),
            fc.boolean(),
          )
          .map(([part, times, grouped]) =>
            grouped || part.length === 1 ? (part.length === 1 ? part : `(?:${part})`) + times : part,
          ),
      },
    ),
  })).regex;
  const anchored = fc
    .tuple(source, fc.constantFrom("", "", "^"), fc.constantFrom("", "", "$"))
    .map(([regex, begin, end]) => begin + regex + end);
  const text = fc.string({
    unit: fc.constantFrom("a", "b", "c", ".", "/", "-", " ", "1", "\n", "é", "😀", "\ud83d"),
    maxLength: 10,
  });

  test("\\B is never found inside a character of two code units", () => {
    for (const pattern of ["\\B", "(?:\\B)+", "\\B|x"])
      expect(compilePattern(pattern, at).test("a😀a"), pattern).toBe(false);
    expect(compilePattern("\\B", at).test("ab")).toBe(true);
  });

  property.prop([anchored, fc.array(text, { minLength: 1, maxLength: 8 })], { numRuns: 4000 })(
    "whichever engine runs them",
    (pattern, texts) => {
      let re2: RE2JS;
      try {
        re2 = RE2JS.compile(pattern);
      } catch {
        expect(refusalOf(() => compilePattern(pattern, at)).code).toBe("QUERY_REGEX");
        return;
      }
      const compiled: Pattern = compilePattern(pattern, at);
      const plain = parseRegex(pattern);
      const untrimmed = plain === undefined ? undefined : new RegExp(toJavaScript(plain), "u");
      for (const each of texts) {
        const expected = re2.matcher(each).find();
        expect(compiled.test(each), `${pattern} in ${JSON.stringify(each)}`).toBe(expected);
        if (untrimmed !== undefined) expect(untrimmed.test(each), `${pattern} untrimmed`).toBe(expected);
      }
    },
  );

  property.prop([fc.string({ unit: fc.constantFrom(..."ab\\.*+?()[]{}|^$-,:1dwsbQEAzpL") })], { numRuns: 4000 })(
    "what RE2 refuses is refused, and nothing else",
    (pattern) => {
      let isValid = true;
      try {
        RE2JS.compile(pattern);
      } catch {
        isValid = false;
      }
      if (isValid) expect(compilePattern(pattern, at).test("x")).toBeTypeOf("boolean");
      else expect(refusalOf(() => compilePattern(pattern, at)).code).toBe("QUERY_REGEX");
    },
  );
});

describe("patterns that are refused", () => {
  test.each([
    ["(", /missing closing \)/],
    ["a)", /unexpected \)/],
    ["[a", /missing closing \]/],
    ["(?!foo)bar", /invalid or unsupported Perl syntax/],
    ["(?<=a)b", /invalid named capture|look-?behind/i],
    ["(a)\\1", /invalid escape sequence/],
    ["a{1001}", /invalid repeat count/],
    ["a{2,1}", /invalid repeat count/],
    ["(a{500}){3}", /invalid repeat count/],
    ["*a", /missing argument to repetition operator/],
    ["a**", /invalid nested repetition operator/],
    ["\\", /trailing backslash/],
    ["[b-a]", /invalid character class range/],
  ])("%s", (pattern, words) => {
    const refusal = refusalOf(() => compilePattern(pattern, at));
    expect(refusal).toMatchObject({ code: "QUERY_REGEX", line: 3, column: 7 });
    expect(refusal.message).toMatch(/^Invalid regular expression \(RE2\): /);
    expect(refusal.message).toMatch(words);
  });

  test("a pattern too deep for the parser of RE2 is an error like any other", () => {
    expect(refusalOf(() => compilePattern(`${"(".repeat(9000)}a${")".repeat(9000)}`, at)).code).toBe("QUERY_REGEX");
  });
});

describe("time", () => {
  /** Patterns that take a backtracking engine quadratic, cubic or exponential time on some text. */
  const HEAVY: readonly [pattern: string, text: (size: number) => string][] = [
    ["(a+)+$", (size) => `${"a".repeat(size)}b`],
    ["(a|aa)+$", (size) => `${"a".repeat(size)}b`],
    ["^(a?){50}a{50}$", (size) => `${"a".repeat(size)}b`],
    ["(x+x+)+y", (size) => "x".repeat(size)],
    ["foo.*bar", (size) => "foo".repeat(size / 3)],
    [".*.*=.*;", (size) => `x=${"x".repeat(size)}`],
    ["^.*a.*a.*b$", (size) => "a".repeat(size)],
    ["\\s+$", (size) => `${" ".repeat(size)}x`],
    ["[a-z]+@[a-z]+\\.com", (size) => "a".repeat(size)],
    ["^[^/]+/[^/]+/x", (size) => `${"a".repeat(size / 2)}/${"a".repeat(size / 2)}`],
    ["^[a-z]*[0-9]*[a-z]*$", (size) => `${"a".repeat(size)}!`],
    ["^a*b?a*b?a*$", (size) => `${"a".repeat(size)}!`],
    ["^.*foo$", (size) => "foo ".repeat(size / 4)],
    [".*foo.*", (size) => "fo ".repeat(size / 3)],
    ["(a{0,400})b", (size) => "a".repeat(size)],
    ["[ab]{20}c", (size) => "ab".repeat(size / 2)],
  ];

  // Others on the machine can only make it slower: a pattern that is linear shows it in one of the tries.
  test.each(HEAVY)("%s takes no more than linear time", { retry: 4 }, (pattern, text) => {
    const compiled = compilePattern(pattern, at);
    const small = 20_000;
    const factor = 16;
    const [short, long] = [text(small), text(small * factor)];
    compiled.test(short);
    const [one, many] = [quickest(() => compiled.test(short)), quickest(() => compiled.test(long))];
    // Quadratic time would be 256 times as much; the floor keeps the clock's own error out.
    expect(many / Math.max(one, 0.05)).toBeLessThan(factor * 8);
  });

  function quickest(work: () => unknown): number {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      work();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  }

  const source = fc.array(fc.constantFrom("a", "b", "[ab]", ".", "(a|b)", "(ab)", "^", "$", "\\b"), {
    minLength: 1,
    maxLength: 4,
  });
  const times = fc.array(fc.constantFrom("", "", "*", "+", "?", "{2,}", "{0,9}"), { minLength: 4, maxLength: 4 });

  property.prop([source, times, fc.boolean(), fc.boolean()], { numRuns: 1500 })(
    "what is run natively takes few steps on texts made to provoke backtracking",
    (parts, quantifiers, begins, ends) => {
      const body = parts.map((part, index) => part + (/^[\\^$]/.test(part) ? "" : (quantifiers[index] ?? ""))).join("");
      const regex = parseRegex(`${begins ? "^" : ""}${body}${ends ? "$" : ""}`);
      fc.pre(regex !== undefined);
      if (regex === undefined) return;
      const trimmed = trimUnanchored(regex);
      fc.pre(runsInLinearTime(trimmed));
      const native = new RegExp(toJavaScript(trimmed), "u");
      for (const text of [`${"a".repeat(40_000)}!`, `${"ab".repeat(20_000)}!`, `!${"a".repeat(40_000)}b`]) {
        const start = performance.now();
        native.test(text);
        // 40,000 squared would take seconds.
        expect(performance.now() - start, native.source).toBeLessThan(400);
      }
    },
  );
});

describe("capture groups", () => {
  test.each<[pattern: string, text: string, group: string | undefined]>([
    ["user=([a-z]+)", "login user=alice ok", "alice"],
    ["(a)", "b", undefined],
    ["a|(b)", "a", undefined],
    ["(?:x)(y*)", "x", ""],
    ["(?i)(ABC)", "xabc", "abc"],
    ["(a|ab)(?:c|bcd)", "abcd", "a"],
    ["(?P<n>b+)", "abbb", "bbb"],
    ["(?:(a)|b)*", "ab", "a"],
  ])("%s in %s gives %s", (pattern, text, group) => {
    expect(compileExtractingPattern(pattern, at).extract(text)).toBe(group);
  });

  test.each([
    ["a", 0],
    ["(a)(b)", 2],
    ["(?:a)", 0],
    ["((a))", 2],
  ])("%s has %i groups and is refused", (pattern, groups) => {
    expect(refusalOf(() => compileExtractingPattern(pattern, at))).toMatchObject({
      code: "QUERY_FUNCTION",
      message: `regexp_extract() needs exactly one capture group; this pattern has ${groups}`,
    });
  });
});

describe("character ranges", () => {
  test("are inverted to what they leave out", () => {
    expect(invert([])).toEqual([[0, 0x10ffff]]);
    expect(invert([[0, 0x10ffff]])).toEqual([]);
    expect(
      invert([
        [5, 9],
        [7, 12],
        [20, 20],
      ]),
    ).toEqual([
      [0, 4],
      [13, 19],
      [21, 0x10ffff],
    ]);
    expect(invert([[0, 3]])).toEqual([[4, 0x10ffff]]);
  });

  test("overlap at their ends too", () => {
    expect(overlaps([[1, 5]], [[5, 6]])).toBe(true);
    expect(overlaps([[5, 6]], [[1, 5]])).toBe(true);
    expect(overlaps([[1, 4]], [[5, 6]])).toBe(false);
    expect(
      overlaps(
        [
          [1, 2],
          [8, 9],
        ],
        [
          [5, 6],
          [9, 9],
        ],
      ),
    ).toBe(true);
    expect(overlaps([], [[5, 6]])).toBe(false);
  });
});

describe("loading", () => {
  /** Runs a filter in a process of its own and says whether RE2 was loaded there. */
  function loadsRe2(filter: string): boolean {
    const compile = join(import.meta.dirname, "../shared/query/compile.ts");
    const script = `
      const { compile } = await import(${JSON.stringify(compile)});
      compile(${JSON.stringify(filter)}).matches({ textPayload: "x" });
      const { Module } = await import("node:module");
      process.stdout.write(String(Object.keys(Module._cache).some((path) => path.includes("re2js"))));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
    return output === "true";
  }

  test("plain patterns do not load RE2, others do", () => {
    expect(
      loadsRe2('textPayload=~"^io\\.k8s\\.core\\.v1\\.pods(\\.ephemeralcontainers)?\\.(create|update|patch)$"'),
    ).toBe(false);
    expect(loadsRe2('textPayload=~"(?i)foo"')).toBe(true);
  });
});
