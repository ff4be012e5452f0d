import { describe, expect, test } from "vitest";
import { compile } from "../shared/query/compile.ts";
import { MAX_DEPTH } from "../shared/query/cursor.ts";
import { quote, unescapeArgument, unescapeValue } from "../shared/query/escapes.ts";
import { MAX_FILTER_LENGTH, tokenize } from "../shared/query/lexer.ts";
import { parse } from "../shared/query/parse.ts";
import { print } from "../shared/query/print.ts";
import type { Condition, Tree } from "../shared/query/tree.ts";
import { refusalOf } from "./support/query-refusals.ts";
import { parsedShape, shapeOf } from "./support/query-trees.ts";

describe("tokens", () => {
  test.each<[sentence: string, filter: string, tokens: readonly string[]]>([
    ["white space of every kind separates", "a\t\r\n\f\u00a0 b", ["text a", "text b"]],
    ["an operator needs no space", 'email!~"x"', ["text email", "operator !~", "string x"]],
    ["an exclamation mark before other characters is text", "wow! !x", ["text wow!", "text !x"]],
    ["a minus before a digit is part of a number", "-5 - x", ["text -5", "- -", "text x"]],
    ["a minus before anything else stands alone", "-x-y", ["- -", "text x-y"]],
    ["dates and exponents are one text", "2016-11-29 1e9 1e+9", ["text 2016-11-29", "text 1e9", "text 1e+9"]],
    ["two dashes inside a text belong to it", "foo--bar", ["text foo--bar"]],
    ["two dashes where a token may start begin a comment", 'a --b "c\n--\nd', ["text a", "text d"]],
    ["a comment ends at a carriage return too", "a--\n-- b\rc", ["text a--", "text c"]],
    [
      "all operators are told apart",
      ": = != < <= > >= =~ !~",
      [":", "=", "!=", "<", "<=", ">", ">=", "=~", "!~"].map((each) => `operator ${each}`),
    ],
    ["punctuation stands alone", "a.b(c,d)", ["text a", ". .", "text b", "( (", "text c", ", ,", "text d", ") )"]],
    ["a string keeps its escapes and line breaks", '"a\\"b\n\\\\"', ['string a\\"b\n\\\\']],
    ["special characters of text need no quotes", "#$%&'*/;?@[]^_`{|}", ["text #$%&'*/;?@[]^_`{|}"]],
    [
      "an escape makes a special character part of a text and stays",
      "a\\:b\\u0041\\x41\\101\\47 \\,",
      ["text a\\:b\\u0041\\x41\\101\\47", "text \\,"],
    ],
    ["an octal escape that begins above 3 has two digits at most", "\\477", ["text \\477"]],
    ["letters beyond ASCII are text", "größe 日本 😀", ["text größe", "text 日本", "text 😀"]],
    ["keywords are text to the lexer", "AND OR NOT and", ["text AND", "text OR", "text NOT", "text and"]],
  ])("%s", (_, filter, tokens) => {
    const found = tokenize(filter).map(({ kind, text }) => `${kind} ${text}`);
    expect(found).toEqual([...tokens, "end "]);
  });

  test("lines and columns are counted from 1, columns in code points", () => {
    const positions = tokenize('a\n  "😀" b\n\n😀=c').map(({ text, at }) => [text, at.line, at.column]);
    expect(positions).toEqual([
      ["a", 1, 1],
      ["😀", 2, 3],
      ["b", 2, 7],
      ["😀", 4, 1],
      ["=", 4, 2],
      ["c", 4, 3],
      ["", 4, 4],
    ]);
  });
});

describe("escapes", () => {
  const at = { line: 1, column: 1 };

  test.each<[sentence: string, raw: string, value: string]>([
    ["the escaped characters stand for themselves", '\\,\\:\\=\\<\\>\\+\\~\\"\\\\\\.\\*', ',:=<>+~"\\.*'],
    ["the control characters have letters", "\\a\\b\\f\\n\\r\\t\\v", "\x07\b\f\n\r\t\v"],
    ["four hexadecimal digits follow u, two follow x", "\\u00e9\\x41\\x4Az", "éAJz"],
    ["octal escapes have up to three digits", "\\0\\7\\12\\101\\377", "\0\x07\nA\xff"],
    ["a fourth digit, or a third after one above 3, is a character", "\\1011\\477", "A1'7"],
    ["a pair of surrogates is one character", "\\ud83d\\ude00", "😀"],
  ])("%s", (_, raw, value) => {
    expect(unescapeValue(raw, at)).toBe(value);
    expect(unescapeArgument(raw)).toBe(value);
  });

  test.each(["\\d", "\\[", "\\/", "\\u12", "\\x4", "\\8", "\\ ", "\\é", "\\\n"])(
    "%j is refused in a value and kept in an argument",
    (raw) => {
      const refusal = refusalOf(() => unescapeValue(raw, at));
      expect(refusal.code).toBe("QUERY_SYNTAX");
      expect(refusal.message).toContain(`invalid escape sequence: ${raw.slice(0, 2)}`);
      expect(unescapeArgument(raw)).toBe(raw);
    },
  );

  test("quoting can be undone, for every character up to U+0200", () => {
    const text = Array.from({ length: 0x200 }, (_, code) => String.fromCharCode(code)).join("");
    const quoted = quote(text);
    expect(unescapeValue(quoted.slice(1, -1), at)).toBe(text);
    expect(unescapeArgument(quoted.slice(1, -1))).toBe(text);
    expect(quote('a"\\\n\r\t\x01')).toBe('"a\\"\\\\\\n\\r\\t\\x01"');
  });
});

/** Two texts of one filter: the first is what is written, the second what it means, printed. */
const CANONICAL: readonly [sentence: string, filter: string, printed: string][] = [
  ["an empty filter prints as nothing", " -- nothing\n", ""],
  [
    "NOT binds tightest, then OR, then AND",
    '"a" OR NOT "b" AND NOT "c" OR "d"',
    '("a" OR NOT "b") AND (NOT "c" OR "d")',
  ],
  ["a left-out operator is AND", "a b OR c d", "a AND (b OR c) AND d"],
  ["left-out and written AND are one conjunction", "a b AND c\nd", "a AND b AND c AND d"],
  ["groups stay groups", "(a b) c", "(a AND b) AND c"],
  ["needless parentheses go", "((a)) AND ((b OR (c)))", "a AND (b OR c)"],
  ["a minus is NOT", "-a -(b c)", "NOT a AND NOT (b AND c)"],
  ["NOT before a parenthesis needs no space", "NOT(a b)", "NOT (a AND b)"],
  ["a negation of a negation needs parentheses", "NOT (NOT a)", "NOT (NOT a)"],
  ["a negated OR keeps its parentheses", "NOT (a OR b)", "NOT (a OR b)"],
  ["lower-case operators are words", "a and b", "a AND and AND b"],
  [
    "equality and has are printed without spaces, the others with",
    "severity  =  ERROR severity>=ERROR textPayload :x",
    "severity=ERROR AND severity >= ERROR AND textPayload:x",
  ],
  ["the operator of a list stays with the list", "severity = ( ERROR OR NOT -5 )", "severity=(ERROR OR NOT -5)"],
  ["lists bind as conditions do", "textPayload:(a b OR c)", "textPayload:(a AND (b OR c))"],
  ["a list of one is a value", "severity=((ERROR))", "severity=ERROR"],
  [
    "a keyword after an operator is a plain word",
    "severity=AND textPayload:OR insertId=NOT",
    "severity=AND AND textPayload:OR AND insertId=NOT",
  ],
  ["dots join a bare value", "protoPayload.methodName=SetIam.x n:0.25", "protoPayload.methodName=SetIam.x AND n:0.25"],
  ["a keyword may follow a dot", "jsonPayload.AND.x=1 a.OR", "jsonPayload.AND.x=1 AND a.OR"],
  ["quotes go from components that need none", '"jsonPayload"."foo" = bar', "jsonPayload.foo=bar"],
  [
    "quotes come to components that need them",
    'jsonPayload."foo.bar"."".":x"."AND"=1',
    'jsonPayload."foo.bar"."".":x".AND=1',
  ],
  ["a component that would swallow the operator is quoted", 'jsonPayload."a!" = x', 'jsonPayload."a!"=x'],
  ["escapes in strings are printed anew", 'textPayload="\\x41\\"\\\\\\t"', 'textPayload="A\\"\\\\\\t"'],
  ["patterns are printed raw", 'textPayload =~ "a\\.b\\"\\d"', 'textPayload =~ "a\\.b\\"\\d"'],
  ["bare escapes stay", "textPayload=a\\:b", "textPayload=a\\:b"],
  [
    "function names have one spelling",
    'LOG_ID("a") Source( projects/p ) search("a b")',
    'log_id("a") AND source(projects/p) AND SEARCH("a b")',
  ],
  ["a known function may stand apart from its parenthesis", 'log_id ("a")', 'log_id("a")'],
  ["a word before a group is a word", "foo (a)", "foo AND a"],
  [
    "functions of fields",
    'sample(insertId,0.5) ip_in_net( labels.a , "::/0") SEARCH(labels.a, "x")',
    'sample(insertId, 0.5) AND ip_in_net(labels.a, "::/0") AND SEARCH(labels.a, "x")',
  ],
  [
    "value functions nest",
    'Cast(Regexp_Extract(timestamp,"(a)"),int64)<5',
    'cast(regexp_extract(timestamp, "(a)"), INT64) < 5',
  ],
  [
    "both spellings of the time zone are one",
    'cast(timestamp, STRING, time_zone("Europe/Paris")) : x',
    'cast(timestamp, STRING, TIMEZONE("Europe/Paris")):x',
  ],
  [
    "escapes in function arguments that the language does not know are kept",
    'regexp_extract(textPayload, "(\\d)") = 1',
    'regexp_extract(textPayload, "(\\\\d)")=1',
  ],
  ["two strings side by side are two terms", '"a""b"', '"a" AND "b"'],
];

describe("the canonical text", () => {
  // Some rows use fields that no LogEntry has, which only the check after parsing minds.
  const schema = {
    name: "anything",
    absent: "missing",
    strict: false,
    fields: {
      n: "double",
      jsonPayload: { kind: "struct" },
      labels: { kind: "map" },
      protoPayload: { kind: "open" },
      severity: "string",
      textPayload: "string",
      insertId: "string",
      timestamp: "timestamp",
    },
  } as const;

  test.each(CANONICAL)("%s", (_, filter, printed) => {
    const tree = parse(filter, { schema });
    expect(print(tree)).toBe(printed);
    expect(parsedShape(printed, schema)).toEqual(shapeOf(tree));
  });

  test("a tree is plain data with a position at each node", () => {
    expect(JSON.parse(JSON.stringify(parse('-severity>=ERROR\n"x"')))).toEqual({
      kind: "filter",
      condition: {
        kind: "and",
        at: { line: 1, column: 1 },
        terms: [
          {
            kind: "not",
            at: { line: 1, column: 1 },
            term: {
              kind: "comparison",
              at: { line: 1, column: 2 },
              subject: { kind: "path", components: ["severity"], at: { line: 1, column: 2 } },
              operator: ">=",
              values: { kind: "literal", text: "ERROR", quoted: false, at: { line: 1, column: 12 } },
            },
          },
          {
            kind: "global",
            at: { line: 2, column: 1 },
            literal: { kind: "literal", text: "x", quoted: true, at: { line: 2, column: 1 } },
          },
        ],
      },
    });
  });
});

describe("refusals", () => {
  const SYNTAX = "QUERY_SYNTAX";

  test.each<[sentence: string, filter: string, code: string, place: string, words: RegExp]>([
    [
      "the wording is the API's",
      "severity ERROR)",
      SYNTAX,
      "1:15",
      /^Unparseable filter: syntax error at line 1, column 15, token '\)': no parenthesis is open here$/,
    ],
    [
      "the end of the filter has a name",
      "severity=",
      SYNTAX,
      "1:10",
      /token 'end of filter': expected a value after "="/,
    ],
    [
      "an unclosed string is reported at its quote",
      'a\n "b',
      SYNTAX,
      "2:2",
      /token '"': this quotation mark is never closed/,
    ],
    ["a keyword cannot begin a condition", "OR a", SYNTAX, "1:1", /token 'OR': AND and OR stand between/],
    ["a keyword cannot end a list", "severity=(a OR)", SYNTAX, "1:15", /token '\)'/],
    ["NOT wants a condition", "NOT", SYNTAX, "1:4", /expected a condition/],
    ["one negation is enough", "NOT -a", SYNTAX, "1:5", /one negation a condition/],
    ["one negation is enough in the other order too", "-NOT a", SYNTAX, "1:2", /one negation a condition/],
    ["a minus touches what it negates", "a - b", SYNTAX, "1:3", /touches what it negates/],
    ["a minus cannot end the filter", "a -", SYNTAX, "1:3", /touches what it negates/],
    ["an operator needs a field", ">5", SYNTAX, "1:1", /expected a field name before the operator/],
    ["a comma means nothing between conditions", "a, b", SYNTAX, "1:2", /token ',': expected AND, OR, or the start/],
    ["an open group wants to be closed", "(a b", SYNTAX, "1:5", /expected AND, OR, another term, or "\)"/],
    ["a group holds something", "a ()", SYNTAX, "1:4", /expected something between the parentheses/],
    ["a list holds values", "labels.a=(b>c)", SYNTAX, "1:12", /a list holds values, not comparisons/],
    ["double equals is one", "severity==ERROR", SYNTAX, "1:10", /did you mean "="\?/],
    ["equals greater is the other way round", "severity=>ERROR", SYNTAX, "1:10", /did you mean ">="\?/],
    ["equals less is the other way round", "severity=<ERROR", SYNTAX, "1:10", /did you mean "<="\?/],
    ["less greater is not equal", "severity<>ERROR", SYNTAX, "1:10", /did you mean "!="\?/],
    ["not double equal is not equal", "severity!==ERROR", SYNTAX, "1:11", /did you mean "!="\?/],
    ["other doubled operators have no advice", "severity<:ERROR", SYNTAX, "1:10", /expected a value after "<"/],
    ["a comparison has one operator", "a=b=c", SYNTAX, "1:4", /a comparison has one operator/],
    ["a value does not start with a dot", "insertId=.a", SYNTAX, "1:10", /starts with a dot/],
    ["a value does not end with a dot", "insertId=a. b", SYNTAX, "1:13", /expected a name right after the dot/],
    ["a path has no spaces before its dots", "labels .a=b", SYNTAX, "1:8", /no white space may stand around the dots/],
    ["a path has no spaces after its dots", "labels. a=b", SYNTAX, "1:9", /expected a name right after the dot/],
    ["a dot wants a name after it", "labels..a=b", SYNTAX, "1:8", /expected a name right after the dot/],
    ["a value is bare or quoted, not both", 'insertId=a."b"', SYNTAX, "1:15", /bare text or one quoted string/],
    ["a path without an operator is none", 'labels."a"', SYNTAX, "1:11", /expected an operator after a field name/],
    [
      "a character outside the language is named",
      "a ~ b",
      SYNTAX,
      "1:3",
      /token '~': put text with this character in double quotes/,
    ],
    ["a control character is no text", "a\x01", SYNTAX, "1:2", /double quotes/],
    [
      "a backslash outside quotes escapes special characters only",
      "a\\d",
      SYNTAX,
      "1:2",
      /token '\\d': outside quotes a backslash escapes only/,
    ],
    ["an unknown escape is shown", 'insertId="\\["', SYNTAX, "1:10", /invalid escape sequence: \\\[/],
    ["a path component knows the same escapes", 'labels."\\d"=a', SYNTAX, "1:8", /invalid escape sequence: \\d/],
    [
      "a condition takes no operator",
      'log_id("a")=b',
      SYNTAX,
      "1:12",
      /log_id\(\) is a condition and takes no operator/,
    ],
    [
      "a value function needs one",
      "a cast(labels.a, STRING) b",
      SYNTAX,
      "1:26",
      /the result of a function needs an operator/,
    ],
    [
      "a pattern is quoted",
      "textPayload=~foo",
      "QUERY_REGEX",
      "1:14",
      /regular expressions must begin and end with '"' \(token 'foo'\)/,
    ],
    ["a pattern in a list is quoted too", 'textPayload=~("a" OR b)', "QUERY_REGEX", "1:22", /token 'b'/],
    [
      "a broken pattern tells what RE2 says",
      'textPayload=~"a)"',
      "QUERY_REGEX",
      "1:14",
      /Invalid regular expression \(RE2\): .*unexpected \)/,
    ],
    [
      "a function is not a value",
      "labels.a=foo(b)",
      "QUERY_FUNCTION",
      "1:10",
      /foo\(\.\.\.\) cannot stand on the right side/,
    ],
    [
      "an unknown function gets a suggestion",
      'log_ids("a")',
      "QUERY_FUNCTION",
      "1:1",
      /Function not found: 'log_ids'; did you mean `log_id`\?/,
    ],
    [
      "an unknown function unlike any other gets the list",
      "f(a)",
      "QUERY_FUNCTION",
      "1:1",
      /known are log_id, source, sample, ip_in_net, search, cast, regexp_extract/,
    ],
    ["a dotted name is no function", "a.b(c)", "QUERY_FUNCTION", "1:1", /Function not found: 'a\.b'/],
    [
      "a function wants its arguments",
      "log_id()",
      "QUERY_FUNCTION",
      "1:8",
      /Wrong arguments of log_id\(\); it is called as log_id\("LOG_ID"\)/,
    ],
    [
      "a function wants no more than its arguments",
      'log_id("a", "b")',
      "QUERY_FUNCTION",
      "1:11",
      /Wrong arguments of log_id/,
    ],
    ["a function wants all its arguments", "sample(insertId)", "QUERY_FUNCTION", "1:16", /Wrong arguments of sample/],
    ["a mixed argument is none", 'log_id(a."b")', "QUERY_FUNCTION", "1:8", /Wrong arguments of log_id/],
    ["SEARCH wants a string", "SEARCH(labels.a, b)", "QUERY_FUNCTION", "1:18", /Wrong arguments of search/],
    ["SEARCH wants a word", 'SEARCH(" . ")', "QUERY_FUNCTION", "1:8", /no word to look for/],
    ["SEARCH wants its backticks closed", 'SEARCH("a `b")', "QUERY_FUNCTION", "1:8", /a backtick that is not closed/],
    [
      "source wants a resource that owns logs",
      "source(buckets/b)",
      "QUERY_FUNCTION",
      "1:8",
      /source\(\) needs projects\/ID/,
    ],
    ["source wants one resource", 'source("projects/p/logs/x")', "QUERY_FUNCTION", "1:8", /not 'projects\/p\/logs\/x'/],
    ["sample wants a fraction", "sample(insertId, a)", "QUERY_FUNCTION", "1:18", /fraction of sample/],
    ["sample wants text or numbers", "sample(severity, 1)", "QUERY_FUNCTION", "1:8", /strings or numbers/],
    ["sample has no use for instants", "sample(timestamp, 1)", "QUERY_FUNCTION", "1:8", /strings or numbers/],
    ["ip_in_net wants a range", 'ip_in_net(labels.a, "10.0.0.0/33")', "QUERY_FUNCTION", "1:21", /10\.0\.0\.0\/33/],
    [
      "cast knows its types",
      "cast(labels.a, FLOAT)=1",
      "QUERY_FUNCTION",
      "1:16",
      /Unknown type of cast\(\): 'FLOAT'; known are STRING, INT64/,
    ],
    ["cast wants its type bare", 'cast(labels.a, "STRING")=1', "QUERY_FUNCTION", "1:16", /Unknown type of cast/],
    [
      "cast knows one option",
      'cast(labels.a, STRING, ZONE("UTC"))=1',
      "QUERY_FUNCTION",
      "1:24",
      /Unknown option of cast\(\): 'ZONE'/,
    ],
    [
      "the option has an argument",
      "cast(labels.a, STRING, TIMEZONE)=1",
      "QUERY_FUNCTION",
      "1:32",
      /Wrong arguments of cast/,
    ],
    [
      "the argument of the option is closed",
      'cast(labels.a, STRING, TIMEZONE("UTC")=1',
      "QUERY_FUNCTION",
      "1:39",
      /Wrong arguments of cast/,
    ],
    [
      "a time zone has a name of the IANA",
      'cast(timestamp, STRING, TIMEZONE("Mars/Base"))=1',
      "QUERY_FUNCTION",
      "1:1",
      /Unknown time zone 'Mars\/Base'/,
    ],
    [
      "an offset is no time zone",
      'cast(timestamp, STRING, TIMEZONE("+02:00"))=1',
      "QUERY_FUNCTION",
      "1:1",
      /Unknown time zone/,
    ],
    [
      "a time zone says nothing about numbers",
      'cast(timestamp, INT64, TIMEZONE("UTC"))=1',
      "QUERY_FUNCTION",
      "1:1",
      /no meaning for cast\(\) to INT64/,
    ],
    [
      "a condition has no value",
      'cast(log_id("a"), STRING)=1',
      "QUERY_FUNCTION",
      "1:6",
      /log_id\(\) is a condition and has no value for cast/,
    ],
    [
      "regexp_extract has one group",
      'regexp_extract(labels.a, "(a)(b)")=1',
      "QUERY_FUNCTION",
      "1:26",
      /exactly one capture group; this pattern has 2/,
    ],
    [
      "regexp_extract wants a valid pattern",
      'regexp_extract(labels.a, "(")=1',
      "QUERY_REGEX",
      "1:26",
      /Invalid regular expression/,
    ],
    [
      "an unknown field is looked for next to it",
      "protopayload.x=1 severty=ERROR",
      "QUERY_FIELD",
      "1:18",
      /Field not found: 'severty'; did you mean `severity`\?/,
    ],
    [
      "an unknown field is looked for below others",
      'methodName="x"',
      "QUERY_FIELD",
      "1:1",
      /did you mean `protoPayload\.methodName`\?/,
    ],
    [
      "an unknown subfield is suggested with its parents",
      "httpRequest.staus=1",
      "QUERY_FIELD",
      "1:1",
      /Field not found: 'httpRequest\.staus'; did you mean `httpRequest\.status`\?/,
    ],
    [
      "an unknown subfield of another kind gets the list",
      "operation.thud=1",
      "QUERY_FIELD",
      "1:1",
      /known are id, producer, first, last/,
    ],
    [
      "a scalar has no fields",
      "severity.x=1",
      "QUERY_FIELD",
      "1:1",
      /severity is an enumeration and has no fields below it/,
    ],
    ["an undefined field makes the whole filter invalid", "severity=ERROR OR thud:*", "QUERY_FIELD", "1:19", /thud/],
    ["fields in functions are checked as well", 'SEARCH(thud, "x")', "QUERY_FIELD", "1:8", /thud/],
    [
      "fields in nested functions are checked as well",
      "cast(cast(thud, STRING), INT64)=1",
      "QUERY_FIELD",
      "1:11",
      /thud/,
    ],
    [
      "fields of sample and ip_in_net are checked as well",
      'sample(thud, 1) OR ip_in_net(thud, "::/0")',
      "QUERY_FIELD",
      "1:8",
      /thud/,
    ],
    ["a field of ip_in_net is checked before its range", 'ip_in_net(thud, "x")', "QUERY_FIELD", "1:11", /thud/],
  ])("%s", (_, filter, code, place, words) => {
    const refusal = refusalOf(() => compile(filter));
    expect([refusal.code, `${refusal.line}:${refusal.column}`, refusal.message]).toEqual([
      code,
      place,
      expect.stringMatching(words),
    ]);
  });
});

describe("limits", () => {
  test("20,000 characters are accepted, one more is not, and comments count", () => {
    expect(compile(`"${"x".repeat(MAX_FILTER_LENGTH - 2)}"`).matches({})).toBe(false);
    expect(refusalOf(() => compile(`"x" --${"y".repeat(MAX_FILTER_LENGTH - 5)}`))).toMatchObject({
      code: "QUERY_TOO_LONG",
      message: expect.stringContaining("20001 characters, the limit is 20000") as string,
    });
  });

  test("a character is a code point, not a UTF-16 unit", () => {
    const emoji = "😀".repeat(MAX_FILTER_LENGTH - 2);
    expect(compile(`"${emoji}"`).matches({ textPayload: emoji })).toBe(true);
    expect(refusalOf(() => compile(`"${emoji}x"`)).code).toBe("QUERY_TOO_LONG");
  });

  test.each<[sentence: string, nest: (depth: number) => string]>([
    ["parentheses", (depth) => `${"(".repeat(depth)}a${")".repeat(depth)}`],
    ["negations", (depth) => `${"-(".repeat(depth)}a${")".repeat(depth)}`],
    ["lists of values", (depth) => `textPayload:${"(".repeat(depth)}a${")".repeat(depth)}`],
    ["functions", (depth) => `${"cast(".repeat(depth)}textPayload${", STRING)".repeat(depth)}=a`],
  ])("%s nested to the limit are accepted, and beyond refused with an error", (_, nest) => {
    expect(compile(nest(MAX_DEPTH - 1)).matches({ textPayload: "a" })).toBeTypeOf("boolean");
    expect(refusalOf(() => compile(nest(MAX_DEPTH + 1))).code).toBe("QUERY_TOO_DEEP");
    expect(refusalOf(() => compile(nest(900))).code).toBe("QUERY_TOO_DEEP");
  });

  test("what is accepted at the limit can be printed and parsed again", () => {
    const deep = `${"-(a OR ".repeat(66)}b${")".repeat(66)}`;
    const tree = parse(deep);
    expect(parsedShape(print(tree))).toEqual(shapeOf(tree));
    expect(refusalOf(() => parse(`${"-(a OR (b ".repeat(70)}c${"))".repeat(70)}`)).code).toBe("QUERY_TOO_DEEP");
  });

  test("thousands of terms side by side are no nesting", () => {
    const filter = Array.from({ length: 3999 }, () => "a").join(" OR ");
    expect(compile(filter).matches({ textPayload: "xax" })).toBe(true);
  });

  test("a tree that was built too deep is refused when compiled", () => {
    let condition: Condition = (parse("a") as { readonly condition: Condition }).condition;
    for (let depth = 0; depth < 5000; depth++) condition = { kind: "not", term: condition, at: { line: 1, column: 1 } };
    const tree: Tree = { kind: "filter", condition };
    expect(refusalOf(() => compile(tree)).code).toBe("QUERY_TOO_DEEP");
  });

  test("a tree that names an unknown field is refused when compiled", () => {
    const tree = JSON.parse(JSON.stringify(parse("labels.a=1")).replace('"labels"', '"thud"')) as Tree;
    expect(refusalOf(() => compile(tree)).code).toBe("QUERY_FIELD");
  });
});
