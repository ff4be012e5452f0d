import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { compile } from "../shared/query/compile.ts";
import { fold } from "../shared/query/fold.ts";
import { foldingPairs } from "../shared/query/folding-pairs.ts";
import { literals, NEEDLE_ALPHABET } from "../shared/query/literals.ts";
import { print } from "../shared/query/print.ts";
import { entry, tree } from "./support/query-arbitraries.ts";
import { EntryGenerator } from "./support/query-entries.ts";
import { ruleFilters } from "./support/query-filters.ts";
import { type Choose, choices, writeJson } from "./support/query-json-writer.ts";
import { mayMatch } from "./support/query-scanner.ts";

/** Needles in short: `~` before one whose letter case is free, `|` between those of one clause. */
function needlesOf(filter: string): readonly string[] {
  return literals(compile(filter)).clauses.map(({ needles }) =>
    needles.map(({ text, caseInsensitive }) => `${caseInsensitive ? "~" : ""}${text}`).join("|"),
  );
}

describe("the needles of", () => {
  test.each<[sentence: string, filter: string, needles: readonly string[]]>([
    ["an equality: its value, in any letter case", 'protoPayload.serviceName="K8S.io"', ["~k8s.io"]],
    ["has: its value too", "textPayload:breakglass", ["~breakglass"]],
    ["a list: one of its values", "protoPayload.methodName=(CreateSink OR DeleteSink)", ["~createsink|~deletesink"]],
    ["a list of several: all of them", "textPayload:(unicorn AND phoenix)", ["~unicorn", "~phoenix"]],
    ["conditions joined by AND: those of all", "textPayload:unicorn insertId=phoenix", ["~unicorn", "~phoenix"]],
    [
      "conditions joined by OR: the most telling of each",
      '(textPayload:"one two" insertId=alongone) OR textPayload:three',
      ["~alongone|~three"],
    ],
    ["an OR with one that offers nothing: none", "textPayload:unicorn OR severity=ERROR", []],
    ["a negation: none", "NOT textPayload:unicorn", []],
    ["a double negation: those inside", "NOT (NOT textPayload:unicorn)", ["~unicorn"]],
    ["a negated OR: none of negations", "NOT (textPayload:unicorn OR NOT insertId=phoenix)", ["~phoenix"]],
    [
      "a negated AND of negations: one of them",
      "NOT (NOT textPayload:unicorn AND NOT insertId=phoenix)",
      ["~unicorn|~phoenix"],
    ],
    ["other comparisons: none", 'insertId!=unicorn insertId>phoenix insertId!~"dragon"', []],
    ["a value of three characters", "insertId=abc", ["~abc"]],
    ["a value of two: none", "insertId=ab", []],
    [
      "a value cut at unsafe characters: its runs",
      'textPayload:"image-policy.k8s.io/break-glass=\\"true\\""',
      ["~image-policy.k8s.io", "~break-glass", "~true"],
    ],
    ["letters beyond ASCII: the runs between them", "textPayload:kostümball", ["~kost", "~mball"]],
    ["full-width letters: the plain ones", "textPayload:ｂｒｅａｋ", ["~break"]],
    ["a label: its key as it is written", "labels.Team:*", ["Team"]],
    ["a compared label: key and value", 'labels."my.key/Part"=Some', ["my.key", "Part", "~some"]],
    ["an ordered label: its key", "labels.team>5", ["team"]],
    ["a path in a payload: its keys", "jsonPayload.podEvent.verdict!=X", ["podEvent", "verdict"]],
    ["names of fields, which every entry has: none", "httpRequest.userAgent:* protoPayload.methodName:*", []],
    ["keys in a typed payload, which may be spelled otherwise in another: none", "protoPayload.request.metadata:*", []],
    ["a number: none, it has other spellings", "jsonPayload.n=1000 textPayload:1000", []],
    ["but the key before it", "jsonPayload.count=1000", ["count"]],
    ["a word for a bool: it has one spelling", "jsonPayload.flag=TRUE", ["flag", "~true"]],
    ["NULL_VALUE: the key alone", "jsonPayload.flag=NULL_VALUE", ["flag"]],
    ["a severity, which may be a number: none", "severity=ERROR", []],
    ["an instant or a duration: none", 'timestamp="2026-01-02" httpRequest.latency="1000ms"', []],
    [
      "a value of several types in payloads: none where one has another spelling",
      "protoPayload.authorizationInfo.permissionType=ADMIN_READ",
      [],
    ],
    ["a condition that an absent field satisfies: none", 'trace="" AND httpRequest.status=0 AND trace!=abcdef', []],
    ["a global restriction", '"image-policy.k8s.io/break-glass"', ["~image-policy.k8s.io", "~break-glass"]],
    ["a global restriction that a severity or number satisfies: none", "ERROR OR 1000", []],
    ["a global instant: none", '"2026-01-02T03:04:05Z"', []],
    ["a global star or null: none", "* NULL_VALUE", []],
    [
      "a log: the parts of its ID",
      'log_id("cloudaudit.googleapis.com/activity")',
      ["~cloudaudit.googleapis.com", "~activity"],
    ],
    [
      "an encoded log: the same",
      'log_id("CloudAudit.googleapis.com%2FActivity")',
      ["~cloudaudit.googleapis.com", "~activity"],
    ],
    ["a source", 'source("projects/My-Project")', ["~projects", "~my-project"]],
    ["a search: each word", 'SEARCH("hello world ab")', ["~hello", "~world"]],
    ["a search for a phrase", 'SEARCH(textPayload, "`Hello, world`")', ["~hello", "~ world"]],
    [
      "functions of a field that has to be there: its keys",
      'ip_in_net(jsonPayload.realIp, "::/0") sample(labels.team, 0.5)',
      ["realIp", "team"],
    ],
    ["functions of a field with a default: none", "sample(trace, 0.5)", []],
    [
      "value functions: the keys",
      'cast(jsonPayload.size, INT64)>5 regexp_extract(labels.team, "(abcdef)")=abcdef',
      ["size", "team"],
    ],
    ["value functions of fields with a default: none", "cast(httpRequest.status, STRING)=abcdef", []],
    ["no conditions: none", "", []],
    ["one text twice: once", "textPayload:unicorn insertId:unicorn", ["~unicorn"]],
  ])("%s", (_, filter, needles) => {
    expect(needlesOf(filter)).toEqual(needles);
  });

  test.each<[pattern: string, needles: readonly string[]]>([
    [
      "^io\\.k8s\\.core\\.v1\\.pods(\\.ephemeralcontainers)?\\.(create|update|patch)$",
      ["io.k8s.core.v1.pods", "create|update|patch"],
    ],
    ["ConfigServiceV2\\.(Create|Update)(Sink|Bucket)", ["ConfigServiceV2.", "Create|Update", "Sink|Bucket"]],
    ["(SetOrgPolicy|ab)", []],
    ["abc+def", ["def"]],
    ["(?:abcd)+", ["abcd"]],
    ["(?:abcd)*xyz", ["xyz"]],
    ["abc.def", ["abc", "def"]],
    ["abc/def", ["abc", "def"]],
    ["[a]bc|bcd", ["abc|bcd"]],
    ["[ab]cde", ["cde"]],
    ["(?i)abcdef", []],
    ["", []],
  ])("the pattern %j, letter for letter", (pattern, needles) => {
    expect(needlesOf(`textPayload=~"${pattern}"`)).toEqual(needles);
  });
});

describe("soundness", () => {
  const anyStyle: Choose = (limit) => Math.floor(limit / 2);

  test("every needle has at least three characters of the alphabet, in lower case where case is free", () => {
    for (const { filter } of ruleFilters()) {
      for (const { text, caseInsensitive } of literals(compile(filter)).clauses.flatMap(({ needles }) => needles)) {
        expect(text).toMatch(/^.{3,}$/);
        expect(Array.from(text).every((character) => NEEDLE_ALPHABET.test(character))).toBe(true);
        if (caseInsensitive) expect(text).toBe(text.toLowerCase());
      }
    }
  });

  test("the table of folding pairs is that of the runtime's Unicode data", () => {
    const known = new Set(foldingPairs().map(([first, second]) => first * 256 + second));
    const met = new Set<number>();
    for (let point = 0x80; point <= 0x10ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const character = String.fromCodePoint(point);
      const compatible = character.normalize("NFKC");
      const lowered = Array.from(compatible, (each) =>
        each === "ı" ? each : each.toLowerCase().toUpperCase().toLowerCase(),
      ).join("");
      const forms = [fold(character), compatible, lowered, character.toLowerCase()];
      const isDropped = /\p{Default_Ignorable_Code_Point}/u.test(character + compatible);
      if (!isDropped && !forms.some((form) => NEEDLE_ALPHABET.test(form))) continue;
      const [first = 0, second = 0] = Buffer.from(character);
      met.add(first * 256 + second);
    }
    expect([...met].filter((pair) => !known.has(pair))).toEqual([]);
    expect([...known].filter((pair) => !met.has(pair))).toEqual([]);
  });

  test.each<[sentence: string, filter: string, json: string, may: boolean]>([
    ["a needle as it is", "textPayload:breakglass", '{"textPayload":"a BreakGlass"}', true],
    ["a needle that is not there", "textPayload:breakglass", '{"textPayload":"break glass"}', false],
    ["one clause of two is missing", "textPayload:unicorn insertId=phoenix", '{"textPayload":"unicorn"}', false],
    ["one needle of a clause is enough", "textPayload:(unicorn OR phoenix)", '{"textPayload":"a phoenix"}', true],
    ["an escaped letter may be any", "textPayload:breakglass", '{"textPayload":"\\u0062reakglass"}', true],
    ["an escaped letter, in upper-case digits", "textPayload:breakglass", '{"textPayload":"brea\\u006Bglass"}', true],
    [
      "escapes that writers must make hide nothing",
      "textPayload:breakglass",
      '{"textPayload":"\\u003c\\n\\u0000\\u0027"}',
      false,
    ],
    ["a full-width letter may be one of the needle", "textPayload:breakglass", '{"textPayload":"ｂreakglass"}', true],
    ["accented letters hide nothing", "textPayload:breakglass", '{"textPayload":"Zoë Müller"}', false],
    ["but an escaped one could be anything", "textPayload:breakglass", '{"textPayload":"Zo\\u00eb"}', true],
    ["a key's case is its own", "labels.Team:*", '{"labels":{"team":"x"}}', false],
    ["and no other character folds to it", "labels.Team:*", '{"labels":{"Ｔeam":"x"}}', false],
    ["but it may be escaped", "labels.Team:*", '{"labels":{"\\u0054eam":"x"}}', true],
    ["nothing usable lets all through", "severity=ERROR", "{}", true],
  ])("%s", (_, filter, json, may) => {
    expect(mayMatch(literals(compile(filter)), Buffer.from(json))).toBe(may);
  });

  property.prop([tree, entry, choices], { numRuns: 3000 })(
    "no matching entry is ever excluded, however it is written",
    (generated, each, choose) => {
      const query = compile(generated);
      const text = writeJson(each, choose);
      if (!query.matches(JSON.parse(text))) return;
      expect(mayMatch(literals(query), Buffer.from(text)), print(generated)).toBe(true);
    },
  );

  // The property above seldom meets a needle, so these make matching pairs on purpose.
  const words = fc.array(
    fc.constantFrom(
      "break-glass",
      "ＢＲＥＡＫ",
      "image-policy.k8s.io/",
      "straße",
      "STRASSE",
      "ﬁnal",
      "so\u00adftly",
      "K8s",
      "\u212a8s",
      "Ⅷ",
      "viii",
      "a.m.",
      "㏂",
      "e\u0301t\u00e9",
      "x y",
      "%20",
      "😀",
      "\ud800",
      "ſtop",
      "İstanbul",
      "true",
      "½",
      "①②",
      "…",
    ),
    { minLength: 1, maxLength: 3 },
  );
  const disguised = words.chain((parts) =>
    fc.tuple(
      fc.constant(parts.join("")),
      fc.constantFrom<(text: string) => string>(
        (text) => text,
        (text) => text.toUpperCase(),
        fold,
        (text) => text.normalize("NFD"),
        (text) => `pre ${text}post`,
      ),
    ),
  );
  const KEYS = ["team", "Ｔeam", "my.key/part", "K"];

  property.prop([disguised, fc.constantFrom(...KEYS), fc.nat(9), choices], { numRuns: 4000 })(
    "texts in disguise are found",
    ([value, disguise], key, kind, choose) => {
      const quoted = JSON.stringify(value).replaceAll("\\ud800", "\ud800");
      const name = JSON.stringify(key);
      const logId = encodeURIComponent(key);
      const [filter, given] = [
        [`jsonPayload.${name}:${quoted}`, { jsonPayload: { [key]: [1, { a: disguise(value) }] } }],
        [`jsonPayload.${name}=${quoted} OR insertId=none`, { jsonPayload: { [key]: value } }],
        [quoted, { labels: { [key]: disguise(value) } }],
        [quoted, { jsonPayload: { a: { [disguise(value)]: key } } }],
        [`protoPayload.request.${name}:${quoted}`, { protoPayload: { request: { [key]: disguise(value) } } }],
        [
          `log_id("${logId}") textPayload:${quoted}`,
          {
            logName: `projects/p/logs/${logId.toUpperCase().replaceAll("%EF%BC%B4EAM", "%EF%BC%B4eam")}`,
            textPayload: disguise(value),
          },
        ],
        [`jsonPayload.${name}:* labels.a=${quoted}`, { jsonPayload: { [key]: null }, labels: { a: value } }],
        [`SEARCH(${quoted}) OR textPayload:${quoted}`, { textPayload: disguise(value) }],
        [`textPayload=~"${value.replaceAll(/[^A-Za-z0-9]/gu, ".+")}"`, { textPayload: `x${value}x` }],
        [`-(-textPayload:${quoted})`, { textPayload: disguise(value) }],
      ][kind] as [string, unknown];
      let query: ReturnType<typeof compile>;
      try {
        query = compile(filter);
      } catch {
        // A SEARCH for no word at all.
        return;
      }
      const text = writeJson(given, choose);
      if (!query.matches(JSON.parse(text))) return;
      expect(mayMatch(literals(query), Buffer.from(text)), `${filter} in ${text}`).toBe(true);
    },
  );

  test("of realistic entries few are let through that do not match, and none is left out", () => {
    const filter = '"image-policy.k8s.io/break-glass"';
    const query = compile(filter);
    const sets = literals(query);
    const entries = new EntryGenerator(11, 0.02).many(1500);
    const matching = entries.filter((each) => query.matches(each));
    const candidates = entries.filter((each) =>
      mayMatch(sets, Buffer.from(writeJson(each, (limit) => (limit === 5 ? 0 : limit - 1)))),
    );
    expect(matching.length).toBeGreaterThan(10);
    expect(matching.every((each) => candidates.includes(each))).toBe(true);
    expect(candidates.length).toBeLessThan(matching.length * 1.5 + 10);
    expect(mayMatch(sets, Buffer.from(writeJson(matching[0], anyStyle)))).toBe(true);
  });
});
