import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { castScalar, type TypedScalar } from "../shared/query/cast.ts";
import { parseDuration, printDuration } from "../shared/query/duration.ts";
import { compareCodePoints, equalsFolded, fold, includesFolded, shortestWith } from "../shared/query/fold.ts";
import { isGrowth, shortestHolding } from "../shared/query/folding-growth.ts";
import { isInside, parseNetwork } from "../shared/query/ip-network.ts";
import { canonicalLogId, isLogParent, parseLogName } from "../shared/query/log-name.ts";
import { parseFraction, samplePoint } from "../shared/query/sample.ts";
import { defaultOf, type Scalar, scalarFromJson, scalarFromText } from "../shared/query/scalar.ts";
import { LOG_SEVERITY, ordered, type ScalarType } from "../shared/query/schema.ts";
import { hasPhrase, parseSearch, SearchProgress, wordsOf } from "../shared/query/search-text.ts";
import { looseName, nearestName } from "../shared/query/suggest.ts";
import { isTimeZone, parseTimestamp, printTimestamp } from "../shared/query/timestamp.ts";

describe("literals as values of a type", () => {
  test.each<[text: string, type: ScalarType, value: Scalar | undefined]>([
    ["a", "string", "a"],
    ["", "string", ""],
    ["true", "bool", true],
    ["FALSE", "bool", false],
    ["1", "bool", undefined],
    ["", "bool", undefined],
    ["5", "int32", 5],
    ["+5", "int32", 5],
    ["-5", "int32", -5],
    ["005", "int32", 5],
    ["5.0", "int32", undefined],
    ["5e0", "int64", undefined],
    ["", "int64", undefined],
    ["0x10", "int64", undefined],
    ["2147483647", "int32", 2147483647],
    ["2147483648", "int32", undefined],
    ["-2147483648", "int32", -2147483648],
    ["-2147483649", "int32", undefined],
    ["9007199254740991", "int64", 9007199254740991],
    ["9007199254740993", "int64", 9007199254740993n],
    ["9223372036854775807", "int64", 9223372036854775807n],
    ["9223372036854775808", "int64", undefined],
    ["-9223372036854775808", "int64", -9223372036854775808n],
    ["-9223372036854775809", "int64", undefined],
    ["5", "double", 5],
    ["-.5", "double", -0.5],
    ["5.", "double", 5],
    ["+1.5E+3", "double", 1500],
    ["1e400", "double", Number.POSITIVE_INFINITY],
    ["nan", "double", Number.NaN],
    ["Infinity", "double", Number.POSITIVE_INFINITY],
    ["-INFINITY", "double", Number.NEGATIVE_INFINITY],
    ["+Infinity", "double", undefined],
    ["inf", "double", undefined],
    [".", "double", undefined],
    ["1e", "double", undefined],
    [" 5", "double", undefined],
    ["", "double", undefined],
    ["error", LOG_SEVERITY, 500],
    ["ERROR", LOG_SEVERITY, 500],
    ["500", LOG_SEVERITY, 500],
    ["501", LOG_SEVERITY, undefined],
    ["0500", LOG_SEVERITY, undefined],
    ["ERR", LOG_SEVERITY, undefined],
    ["Low", ordered("low", "high"), 0],
    ["1", ordered("low", "high"), 1],
  ])("%j as %j is %s", (text, type, value) => {
    expect(scalarFromText(text, type)).toBe(value);
  });

  test.each<[leaf: unknown, type: ScalarType, value: Scalar | undefined]>([
    ["a", "string", "a"],
    [5, "string", undefined],
    [true, "string", undefined],
    [true, "bool", true],
    ["true", "bool", undefined],
    [1, "bool", undefined],
    [false, "int32", undefined],
    [5, "int32", 5],
    ["5", "int64", 5],
    [5.5, "int32", undefined],
    [2 ** 60, "int64", 2n ** 60n],
    ["9007199254740993", "int64", 9007199254740993n],
    ["x", "int64", undefined],
    [5.5, "double", 5.5],
    ["NaN", "double", Number.NaN],
    ["ERROR", LOG_SEVERITY, 500],
    [250, LOG_SEVERITY, 250],
    [null, LOG_SEVERITY, undefined],
    ["1970-01-01T00:00:01Z", "timestamp", 1_000_000_000n],
    [1, "timestamp", undefined],
    ["1.5s", "duration", 1_500_000_000n],
    [1, "duration", undefined],
    [null, "string", undefined],
    [{}, "double", undefined],
    [undefined, "int32", undefined],
  ])("the JSON value %j read as %j is %s", (leaf, type, value) => {
    expect(scalarFromJson(leaf, type)).toBe(value);
  });

  test("what an absent field stands for", () => {
    const types: readonly ScalarType[] = [
      "string",
      "bool",
      "int32",
      "int64",
      "double",
      "timestamp",
      "duration",
      LOG_SEVERITY,
    ];
    expect(types.map(defaultOf)).toEqual(["", false, 0, 0, 0, 0n, 0n, 0]);
  });
});

describe("timestamps", () => {
  test.each<[text: string, nanoseconds: bigint | undefined]>([
    ["1970-01-01T00:00:00Z", 0n],
    ["1970-01-01", 0n],
    ["1970-01-02", 86_400_000_000_000n],
    ["1969-12-31T23:59:59.999999999Z", -1n],
    ["2016-11-29T23:15:00.5Z", 1480461300_500_000_000n],
    ["2016-11-29t23:15:00.000000001z", 1480461300_000_000_001n],
    ["2016-06-27T14:40:00-04:00", 1467052800_000_000_000n],
    ["2016-06-27T14:40:00-0400", 1467052800_000_000_000n],
    ["2016-06-27T18:40:00+00:30", 1467051000_000_000_000n],
    ["2016-06-27T18:40:00", 1467052800_000_000_000n],
    ["2016-02-29", 1456704000_000_000_000n],
    ["0001-01-01T00:00:00Z", -62135596800_000_000_000n],
    ["9999-12-31T23:59:59.999999999Z", 253402300799_999_999_999n],
    ["2015-02-29", undefined],
    ["2016-13-01", undefined],
    ["2016-00-01", undefined],
    ["2016-04-31", undefined],
    ["2016-01-00", undefined],
    ["0000-01-01", undefined],
    ["2016-01-01T24:00:00Z", undefined],
    ["2016-01-01T23:60:00Z", undefined],
    ["2016-01-01T23:59:60Z", undefined],
    ["2016-01-01T00:00:00+24:00", undefined],
    ["2016-01-01T00:00:00+00:60", undefined],
    ["2016-01-01T00:00:00.0000000001Z", undefined],
    ["2016-01-01T00:00:00.Z", undefined],
    ["2016-01-01T00:00Z", undefined],
    ["2016-01-01Z", undefined],
    ["2016-1-1", undefined],
    ["16-01-01", undefined],
    [" 2016-01-01", undefined],
    ["2016-01-01 00:00:00Z", undefined],
    ["", undefined],
  ])("%j is %s nanoseconds after 1970", (text, nanoseconds) => {
    expect(parseTimestamp(text)).toBe(nanoseconds);
  });

  test.each<[instant: string, zone: string | undefined, text: string]>([
    ["2023-01-03T02:00:00Z", undefined, "2023-01-03T02:00:00Z"],
    ["2023-01-03T02:00:00.120Z", undefined, "2023-01-03T02:00:00.120Z"],
    ["2023-01-03T02:00:00.123456Z", undefined, "2023-01-03T02:00:00.123456Z"],
    ["2023-01-03T02:00:00.1234567Z", undefined, "2023-01-03T02:00:00.123456700Z"],
    ["1969-12-31T23:59:59.5Z", undefined, "1969-12-31T23:59:59.500Z"],
    ["2023-01-03T02:00:00.5Z", "America/New_York", "2023-01-02T21:00:00.500-05:00"],
    ["2023-07-03T02:00:00Z", "America/New_York", "2023-07-02T22:00:00-04:00"],
    ["2023-07-03T02:00:00Z", "Asia/Kolkata", "2023-07-03T07:30:00+05:30"],
    ["2023-07-03T02:00:00Z", "UTC", "2023-07-03T02:00:00+00:00"],
    ["0001-01-01T00:00:00Z", undefined, "0001-01-01T00:00:00Z"],
    ["9999-12-31T23:59:59Z", undefined, "9999-12-31T23:59:59Z"],
  ])("%s in the zone %s prints as %s", (instant, zone, text) => {
    expect(printTimestamp(parseTimestamp(instant) ?? -5n, zone)).toBe(text);
  });

  test.each<[text: string, zone: string, instant: string]>([
    ["2023-01-02T21:00:00", "America/New_York", "2023-01-03T02:00:00Z"],
    ["2023-07-02T22:00:00", "America/New_York", "2023-07-03T02:00:00Z"],
    ["2023-01-02T21:00:00Z", "America/New_York", "2023-01-02T21:00:00Z"],
    ["2023-01-02T21:00:00+01:00", "America/New_York", "2023-01-02T20:00:00Z"],
    // Clocks went back at 06:00 UTC: the hour after one o'clock occurs twice.
    ["2023-11-05T01:30:00", "America/New_York", "2023-11-05T05:30:00Z"],
    ["2023-11-05T03:30:00", "America/New_York", "2023-11-05T08:30:00Z"],
    // Clocks went forward at 07:00 UTC.
    ["2023-03-12T01:30:00", "America/New_York", "2023-03-12T06:30:00Z"],
    ["2023-03-12T03:30:00", "America/New_York", "2023-03-12T07:30:00Z"],
    ["2023-06-01T09:00:00", "Asia/Tokyo", "2023-06-01T00:00:00Z"],
  ])("%s on the clocks of %s is %s", (text, zone, instant) => {
    expect(parseTimestamp(text, zone)).toBe(parseTimestamp(instant));
  });

  test.each([
    ["Europe/Paris", true],
    ["UTC", true],
    ["America/Argentina/Buenos_Aires", true],
    ["Etc/GMT+5", true],
    ["Mars/Base", false],
    ["+02:00", false],
    ["", false],
    ["Europe/Paris ", false],
  ])("the zone %j is known: %s", (name, isKnown) => {
    expect(isTimeZone(name)).toBe(isKnown);
  });

  property.prop([fc.bigInt({ min: -62135596800_000_000_000n, max: 253402300799_999_999_999n })])(
    "each instant is printed so that it can be read again",
    (instant) => {
      expect(parseTimestamp(printTimestamp(instant))).toBe(instant);
    },
  );
});

describe("durations", () => {
  test.each<[text: string, nanoseconds: bigint | undefined]>([
    ["1s", 1_000_000_000n],
    ["0s", 0n],
    ["1.5m", 90_000_000_000n],
    ["2h", 7_200_000_000_000n],
    ["3MS", 3_000_000n],
    ["4us", 4_000n],
    ["5ns", 5n],
    ["-1.5s", -1_500_000_000n],
    ["+1s", 1_000_000_000n],
    ["0.0000000019s", 1n],
    ["1", undefined],
    ["s", undefined],
    ["1.s", undefined],
    [".5s", undefined],
    ["1d", undefined],
    ["1h30m", undefined],
    ["1 s", undefined],
    ["", undefined],
  ])("%j is %s nanoseconds", (text, nanoseconds) => {
    expect(parseDuration(text)).toBe(nanoseconds);
  });

  test.each<[nanoseconds: bigint, text: string]>([
    [0n, "0s"],
    [1_500_000_000n, "1.500s"],
    [-1_000_001_000n, "-1.000001s"],
    [1n, "0.000000001s"],
    [-3_600_000_000_000n, "-3600s"],
  ])("%s nanoseconds print as %s", (nanoseconds, text) => {
    expect(printDuration(nanoseconds)).toBe(text);
    expect(parseDuration(text)).toBe(nanoseconds);
  });

  test("a fraction of any length costs no more than its first digits", () => {
    expect(parseDuration(`0.${"9".repeat(10_000)}h`)).toBe(3_599_999_999_999n);
  });
});

describe("folding", () => {
  test.each<[sentence: string, text: string, folded: string]>([
    ["letter case goes", "AbC", "abc"],
    ["full-width letters become plain", "ＥＲＲＯＲ", "error"],
    ["sharp s becomes ss, the capital one too", "Straßeẞ", "strassess"],
    ["ligatures come apart", "ﬁnal", "final"],
    ["ignorable characters go", "so\u00adft\u200bly\u2060", "softly"],
    ["marks are put together", "e\u0301E\u0301", "éé"],
    ["the dotless i stays itself", "ı", "ı"],
    ["the dotted I becomes i with a dot", "İ", "i\u0307"],
    ["a final sigma is a sigma", "ΟΔΟΣ ς", "οδοσ σ"],
    ["the Kelvin sign is a k", "K", "k"],
    ["other scripts stay", "日本語😀", "日本語😀"],
  ])("%s", (_, text, folded) => {
    expect(fold(text)).toBe(folded);
  });

  property.prop([fc.string({ unit: "binary" })])("what is folded stays folded", (text) => {
    expect(fold(fold(text))).toBe(fold(text));
  });

  const confusable = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        "a",
        "A",
        "s",
        "S",
        "k",
        "i",
        ".",
        "ß",
        "ﬁ",
        "f",
        "K",
        "ſ",
        "\u00ad",
        "ä",
        "e",
        "\u0301",
        "㏂",
        "m",
        "ﬃ",
        "Ⅷ",
        "v",
        "x",
      ),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    ),
    maxLength: 12,
  });

  property.prop([confusable, confusable, fc.nat(8), fc.nat(8)], { numRuns: 3000 })(
    "the quick tests agree with folding both texts",
    (text, other, from, length) => {
      for (const operand of [fold(text).slice(from, from + length), fold(other)]) {
        expect(includesFolded(operand, fold)(text)).toBe(fold(text).includes(operand));
        expect(equalsFolded(operand, fold)(text)).toBe(fold(text) === operand);
        if (fold(text).includes(operand)) expect(text.length).toBeGreaterThanOrEqual(shortestWith(operand));
      }
      expect(equalsFolded(fold(text), fold)(text)).toBe(true);
    },
  );

  test("the list of characters that grow is that of the runtime's Unicode data", () => {
    const grown = new Set<string>();
    for (let point = 0x80; point <= 0x10ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      for (const form of [fold(String.fromCodePoint(point)), lowered(String.fromCodePoint(point))]) {
        for (const [run] of form.matchAll(/[\0-\x7f]{2,}/g)) grown.add(run);
      }
    }
    expect(grown.size).toBeGreaterThan(200);
    expect([...grown].filter((text) => !isGrowth(text))).toEqual([]);
    expect(Math.max(...Array.from(grown, (text) => text.length))).toBe(4);
  });

  /** The folded form before its marks are put together again. */
  function lowered(character: string): string {
    return Array.from(character.normalize("NFKC"), (each) => each.toLowerCase().toUpperCase().toLowerCase()).join("");
  }

  test.each<[folded: string, fewest: number]>([
    ["", 0],
    ["a", 1],
    ["image-policy.k8s.io/break-glass", 27],
    ["xyz-xyz-xyz", 7],
    ["ffiffiffiffi", 4],
    ["straße", 0],
  ])("a text that holds %j has at least %i characters", (folded, fewest) => {
    expect(shortestWith(folded)).toBe(fewest);
  });

  test("growth at both ends of a text may reach beyond it", () => {
    // "ﬃ" and "㏂" hold the "i" and the "a" around the dash.
    expect("ﬃ-㏂".length).toBeGreaterThanOrEqual(shortestHolding("i-a"));
    expect(includesFolded("i-a.m", fold)("ﬃ-㏂")).toBe(true);
  });

  test.each<[left: string, right: string]>([
    ["a", "b"],
    ["a", "ab"],
    ["", "a"],
    ["Z", "a"],
    ["\uffff", "😀"],
    ["\ue000", "𝒳"],
    ["\ud7ff", "\ue000"],
    ["a\uffff", "a😀"],
    ["😀", "😁"],
  ])("%j is before %j", (left, right) => {
    expect(compareCodePoints(left, right)).toBeLessThan(0);
    expect(compareCodePoints(right, left)).toBeGreaterThan(0);
    expect(compareCodePoints(left, left)).toBe(0);
  });
});

describe("networks", () => {
  test.each<[inner: string, outer: string, isIn: boolean]>([
    ["10.1.2.77", "10.1.2.0/24", true],
    ["10.1.3.1", "10.1.2.0/24", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.4", "10.1.2.3", false],
    ["10.1.2.0/24", "10.0.0.0/8", true],
    ["10.0.0.0/8", "10.1.2.0/24", false],
    ["10.0.0.0/8", "10.255.0.0/8", true],
    ["255.255.255.255", "0.0.0.0/0", true],
    ["128.0.0.0", "0.0.0.0/1", false],
    ["1:2:0:4::9", "1:2::/48", true],
    ["1:2:1::", "1:2::/48", false],
    ["::1", "0:0:0:0:0:0:0:1/128", true],
    ["::ffff:10.0.0.1", "::ffff:a00:0/104", true],
    ["10.0.0.1", "::ffff:10.0.0.0/104", false],
    ["10.0.0.1", "::/0", false],
    ["::1", "0.0.0.0/0", false],
    ["FE80::A", "fe80::/10", true],
    ["::", "::/0", true],
    ["1::", "::/15", true],
    ["1::", "::/16", false],
  ])("%s is inside %s: %s", (inner, outer, isIn) => {
    const [a, b] = [parseNetwork(inner), parseNetwork(outer)];
    expect(a).toBeDefined();
    expect(b).toBeDefined();
    expect(a !== undefined && b !== undefined && isInside(a, b)).toBe(isIn);
  });

  test.each([
    "",
    "10",
    "10.0.0",
    "10.0.0.0.0",
    "10.0.0.256",
    "10.0.0.01",
    "010.0.0.1",
    "10.0.0.-1",
    "10.0.0.1:80",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/+8",
    "10.0.0.0/8/8",
    " 10.0.0.1",
    "a.b.c.d",
    ":",
    ":::",
    "1:2",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "::12345",
    "::g",
    "::1/129",
    "fe80::1%eth0",
    "10.0.0.1::",
    "::10.0.0.1:1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::/-1",
  ])("%j is no address or range", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  test.each([
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:1.2.3.4",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "1::8",
    "::1.2.3.4",
    "0.0.0.0/0",
    "::/128",
  ])("%j is an address or range", (text) => {
    expect(parseNetwork(text)).toBeDefined();
  });
});

describe("log names", () => {
  test.each<[name: string, parent: string | undefined, logId: string | undefined]>([
    ["projects/p/logs/syslog", "projects/p", "syslog"],
    [
      "organizations/1/logs/cloudaudit.googleapis.com%2Factivity",
      "organizations/1",
      "cloudaudit.googleapis.com%2factivity",
    ],
    ["projects/logs/logs/a/logs/b", "projects/logs", "a%2flogs%2fb"],
    ["projects/p/logs/", "projects/p", ""],
    ["projects/p/syslog", undefined, undefined],
    ["projects/a/b/logs/c", undefined, undefined],
    ["syslog", undefined, undefined],
    ["", undefined, undefined],
  ])("%j is of %s, in the log %s", (name, parent, logId) => {
    expect(parseLogName(name)).toEqual(parent === undefined ? undefined : { parent, logId });
    expect(parseLogName(name), "the second time").toEqual(parent === undefined ? undefined : { parent, logId });
  });

  test("more log names than are remembered are still read", () => {
    for (let index = 0; index < 3000; index++)
      expect(parseLogName(`projects/p${index}/logs/a`)?.parent).toBe(`projects/p${index}`);
    expect(parseLogName("projects/p0/logs/a")?.logId).toBe("a");
  });

  test.each<[left: string, right: string]>([
    ["cloudaudit.googleapis.com/activity", "cloudaudit.googleapis.com%2Factivity"],
    ["A/B", "a%2fb"],
    ["ü é", "%C3%BC%20%c3%a9"],
    ["😀", "%F0%9F%98%80"],
    ["a_b-c.d~e", "A_B-C.D~E"],
    ["100%", "100%25"],
  ])("the IDs %j and %j are one", (left, right) => {
    expect(canonicalLogId(left)).toBe(canonicalLogId(right));
  });

  test("an escape of a letter, which no encoder writes, is not that letter", () => {
    expect(canonicalLogId("%61bc")).toBe("%61bc");
  });

  test("half a surrogate pair is encoded like any other character", () => {
    expect(canonicalLogId("\ud800")).toBe("%ef%bf%bd");
  });

  test.each([
    ["projects/p", true],
    ["Folders/1", true],
    ["organizations/1", true],
    ["billingAccounts/A-B", true],
    ["buckets/b", false],
    ["projects/", false],
    ["projects", false],
    ["projects/p/logs", false],
    ["xprojects/p", false],
  ])("%s can own logs: %s", (name, can) => {
    expect(isLogParent(name)).toBe(can);
  });
});

describe("samples", () => {
  test.each<[text: string, fraction: number | undefined]>([
    ["1", 1],
    ["0.25", 0.25],
    [".5", 0.5],
    ["1e-3", 0.001],
    ["1.0", 1],
    ["0", undefined],
    ["0.0", undefined],
    ["1.0001", undefined],
    ["-0.5", undefined],
    ["+0.5", undefined],
    ["half", undefined],
    ["", undefined],
  ])("the fraction %j is %s", (text, fraction) => {
    expect(parseFraction(text)).toBe(fraction);
  });

  test("the point of a value is the first eight bytes of its SHA-256", () => {
    // printf abc | sha256sum: ba7816bf8f01cfea...
    expect(samplePoint("abc")).toBeCloseTo(0xba7816bf / 2 ** 32, 8);
    expect(samplePoint("")).toBeCloseTo(0xe3b0c442 / 2 ** 32, 8);
  });

  test("a quarter of many values is below a quarter", () => {
    const below = Array.from({ length: 4000 }, (_, index) => samplePoint(`id-${index}`)).filter(
      (point) => point <= 0.25,
    );
    expect(below.length).toBeGreaterThan(900);
    expect(below.length).toBeLessThan(1100);
  });
});

describe("SEARCH", () => {
  test.each<[text: string, words: readonly string[]]>([
    ["hello world", ["hello", "world"]],
    ["[a]<b>(c){d}|e!f;g,h'i\"j*k&l?m+n/o:p=q@r.s-t$u%v\\w_x", Array.from("abcdefghijklmnopqrstuvwx")],
    ["a\tb\nc\u00a0d", ["a", "b", "c", "d"]],
    ["a%20b%2520c%2526d%3be", ["a", "b", "c", "d", "e"]],
    ["a%2fb", ["a", "2fb"]],
    ["#a~b^c", ["#a~b^c"]],
    ["...", []],
  ])("the words of %j", (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  test.each<[query: string, parts: ReturnType<typeof parseSearch>]>([
    ["Hello hello", { words: ["hello"], phrases: [] }],
    ["a `B C` d", { words: ["a", "d"], phrases: ["b c"] }],
    ["`a.b`", { words: [], phrases: ["a.b"] }],
    ["`...` a", { words: ["a"], phrases: [] }],
    ["`...`", undefined],
    ["a `b", undefined],
    ["", undefined],
    [" - ", undefined],
  ])("the query %j", (query, parts) => {
    expect(parseSearch(query)).toEqual(parts);
  });

  test.each<[text: string, phrase: string, isThere: boolean]>([
    ["say hello world now", "hello world", true],
    ["hello world", "hello world", true],
    ["hello worlds", "hello world", false],
    ["xhello world", "hello world", false],
    ["xhello world hello world", "hello world", true],
    ["a%20hello%20", "hello", true],
    ["a%21hello", "hello", true],
    ["a%2fhello", "hello", false],
    ["a20hello", "hello", false],
    ["(hello)", "hello", true],
  ])("in %j the phrase %j is found: %s", (text, phrase, isThere) => {
    expect(hasPhrase(text, phrase)).toBe(isThere);
  });

  test("words and phrases are collected from several texts", () => {
    const progress = new SearchProgress({ words: ["a", "b"], phrases: ["c d"] });
    expect(progress.add("x A")).toBe(false);
    expect(progress.add("B")).toBe(false);
    expect(progress.add("d c")).toBe(false);
    expect(progress.add("C D")).toBe(true);
  });
});

describe("casts", () => {
  const text = (value: string): TypedScalar => ({ type: "string", value });
  const double = (value: number): TypedScalar => ({ type: "double", value });
  const bool = (value: boolean): TypedScalar => ({ type: "bool", value });
  const int64 = (value: number | bigint): TypedScalar => ({ type: "int64", value });
  const severity: TypedScalar = { type: LOG_SEVERITY, value: 500 };
  const instant: TypedScalar = { type: "timestamp", value: 1_500_000_000n };
  const duration: TypedScalar = { type: "duration", value: 1_500_000_000n };

  test.each<
    [sentence: string, scalar: TypedScalar, type: Parameters<typeof castScalar>[1], result: Scalar | undefined]
  >([
    ["text is text", text("a"), "STRING", "a"],
    ["a double is written as JSON does", double(5), "STRING", "5"],
    ["a bool is a word", bool(true), "STRING", "true"],
    ["an integer is digits", int64(2n ** 60n), "STRING", "1152921504606846976"],
    ["a severity is its name", severity, "STRING", "ERROR"],
    ["a number without a name is digits", { type: LOG_SEVERITY, value: 250 }, "STRING", "250"],
    ["a timestamp is RFC 3339", instant, "STRING", "1970-01-01T00:00:01.500Z"],
    ["a duration is seconds", duration, "STRING", "1.500s"],
    ["digits are an integer", text("-12"), "INT64", -12],
    ["a fraction in a text is no integer", text("1.5"), "INT64", undefined],
    ["text beyond 64 bits is no integer", text("9223372036854775808"), "INT64", undefined],
    ["doubles round half away from zero", double(2.5), "INT64", 3],
    ["negative ones too", double(-2.5), "INT64", -3],
    ["and to the nearest otherwise", double(-2.4), "INT64", -2],
    ["NaN is no integer", double(Number.NaN), "INT64", undefined],
    ["infinity is no integer", double(Number.POSITIVE_INFINITY), "INT64", undefined],
    ["a double beyond 64 bits is no integer", double(1e19), "INT64", undefined],
    ["a large double is a bigint", double(2 ** 60), "INT64", 2n ** 60n],
    ["bools are one", bool(true), "INT64", 1],
    ["and zero", bool(false), "INT64", 0],
    ["an integer stays", int64(2n ** 60n), "INT64", 2n ** 60n],
    ["a severity is its number", severity, "INT64", 500],
    ["an instant is no integer", instant, "INT64", undefined],
    ["text is a double", text("1.5e3"), "FLOAT64", 1500],
    ["words are none", text("a"), "FLOAT64", undefined],
    ["a double stays", double(1.5), "FLOAT64", 1.5],
    ["an integer becomes a double", int64(2n ** 60n), "FLOAT64", 2 ** 60],
    ["a bool is no double", bool(true), "FLOAT64", undefined],
    ["an instant is no double", instant, "FLOAT64", undefined],
    ["words are bools", text("TRUE"), "BOOL", true],
    ["other words are none", text("yes"), "BOOL", undefined],
    ["zero is false", double(0), "BOOL", false],
    ["all other numbers are true", double(-1), "BOOL", true],
    ["a bool stays", bool(false), "BOOL", false],
    ["an instant is no bool", instant, "BOOL", undefined],
    ["text is an instant", text("1970-01-01T00:00:01.5Z"), "TIMESTAMP", 1_500_000_000n],
    ["an instant stays", instant, "TIMESTAMP", 1_500_000_000n],
    ["a duration is no instant", duration, "TIMESTAMP", undefined],
    ["a number is no instant", double(1), "TIMESTAMP", undefined],
    ["text is a duration", text("1.5s"), "DURATION", 1_500_000_000n],
    ["a duration stays", duration, "DURATION", 1_500_000_000n],
    ["an instant is no duration", instant, "DURATION", undefined],
    ["a bool is no duration", bool(true), "DURATION", undefined],
  ])("%s", (_, scalar, type, result) => {
    expect(castScalar(scalar, type, undefined)).toBe(result);
  });

  test("the zone moves the clock of a text in both directions", () => {
    expect(castScalar(instant, "STRING", "Asia/Tokyo")).toBe("1970-01-01T09:00:01.500+09:00");
    expect(castScalar(text("1970-01-01T09:00:00"), "TIMESTAMP", "Asia/Tokyo")).toBe(0n);
  });
});

describe("suggestions", () => {
  const names = ["methodName", "serviceName", "status", "severity"];

  test.each<[written: string, meant: string | undefined]>([
    ["methodname", "methodName"],
    ["method_name", "methodName"],
    ["metodName", "methodName"],
    ["mehtodName", "methodName"],
    ["statsu", "status"],
    ["svcName", undefined],
    ["x", undefined],
    ["sta", undefined],
  ])("%s may mean %s", (written, meant) => {
    expect(nearestName(written, names)).toBe(meant);
  });

  test("the nearest of several is suggested", () => {
    expect(nearestName("statu", ["status", "state", "statute"])).toBe("status");
  });

  test("case and underscores make no name another", () => {
    expect(looseName("_Log__Name")).toBe("logname");
  });
});
