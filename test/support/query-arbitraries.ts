import fc from "fast-check";
import { isBareText, isKeyword } from "../../shared/query/lexer.ts";
import type {
  And,
  Atom,
  Combination,
  Comparison,
  Literal,
  Operator,
  Or,
  Path,
  Position,
  Subject,
  Tree,
} from "../../shared/query/tree.ts";

/** Generated trees and entries draw from the same small pools, so that a good part of them match. */

const AT: Position = { line: 1, column: 1 };

const TEXTS = [
  "",
  "a",
  "A",
  "ab",
  "abc",
  "error",
  "ERROR",
  "ｅｒｒｏｒ",
  "straße",
  "STRASSE",
  "ﬁre",
  "FIRE",
  "Zoë",
  "zoe\u0308",
  "K",
  "k",
  "soft\u00adhyphen",
  "softhyphen",
  "😀",
  "\uff5e",
  "5",
  "5.0",
  "05",
  "-1",
  "1e3",
  "1000",
  "9007199254740993",
  "true",
  "FALSE",
  "NaN",
  "Infinity",
  "null",
  "*",
  "2026-01-02",
  "2026-01-02T03:04:05.123Z",
  "2026-01-02T04:04:05.123+01:00",
  "1970-01-01T00:00:00Z",
  "1s",
  "1000ms",
  "0s",
  "1.5m",
  "10.1.2.3",
  "10.0.0.0/8",
  "::1",
  "k8s.io",
  "break-glass",
  "image-policy.k8s.io/break-glass",
  "hello world",
  "say HELLO, world!",
  "a%20b",
  "projects/p/logs/syslog",
  "projects/p/logs/a%2Fb",
  'say "hi"',
  "back\\slash",
  "line\nbreak",
  "NULL_VALUE",
  "DATA_READ",
  "NOTICE",
];

const KEYS = [
  "a",
  "b",
  "A",
  "k8s.io",
  "image-policy.k8s.io/break-glass",
  "foo.bar",
  "constructor",
  "__proto__",
  "x y",
  "",
  "0",
  "ü",
  "a!",
];

const PATTERNS = [
  "a",
  "^a",
  "b$",
  "^abc$",
  "(?i)ERROR",
  "err.r",
  "[a-f]+",
  "^[^/]+/p/",
  "\\d+",
  "k8s\\.io",
  "(a|b)c",
  "^$",
  "hello.*world",
  "\\bworld\\b",
  "x{2,3}",
  'a\\"b',
  ".*",
  "^.*a.*b$",
  "\\p{L}",
  "[^\\x00-\\x7f]",
  "(ab)?c",
];

const FIELDS: readonly (readonly string[])[] = [
  ["logName"],
  ["log_name"],
  ["textPayload"],
  ["insertId"],
  ["trace"],
  ["traceSampled"],
  ["severity"],
  ["SEVERITY"],
  ["timestamp"],
  ["receiveTimestamp"],
  ["resource", "type"],
  ["resource", "labels", "a"],
  ["resource", "labels"],
  ["labels", "a"],
  ["labels"],
  ["labels", "image-policy.k8s.io/break-glass"],
  ["labels", "a", "b"],
  ["httpRequest", "status"],
  ["httpRequest", "responseSize"],
  ["httpRequest", "latency"],
  ["httpRequest", "cacheHit"],
  ["httpRequest", "remoteIp"],
  ["httpRequest"],
  ["operation", "id"],
  ["operation", "first"],
  ["sourceLocation", "line"],
  ["split", "index"],
  ["metadata", "userLabels", "a"],
  ["metadata", "systemLabels", "a"],
  ["jsonPayload"],
  ["protoPayload"],
  ["protoPayload", "@type"],
  ["protoPayload", "serviceName"],
  ["protoPayload", "service_name"],
  ["protoPayload", "methodName"],
  ["protoPayload", "numResponseItems"],
  ["protoPayload", "status", "code"],
  ["protoPayload", "status", "details", "a"],
  ["protoPayload", "authorizationInfo", "granted"],
  ["protoPayload", "authorizationInfo", "permissionType"],
  ["protoPayload", "requestMetadata", "requestAttributes", "time"],
  ["protoPayload", "request", "a"],
  ["protoPayload", "serviceData", "a", "b"],
  ["protoPayload", "other"],
  ["errorGroups", "id"],
];

export const text = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);
const key = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 6 }) },
);

/** The texts with a meaning of their own come up often enough to be met by every kind of field. */
function literalText(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 10, arbitrary: text },
    { weight: 1, arbitrary: fc.constantFrom("*", "NULL_VALUE", "null_value") },
  );
}

function isBareLiteral(value: string): boolean {
  return value.split(".").every(isBareText);
}

/** A literal as the parser can give it: bare where the text allows it. */
export const literal: fc.Arbitrary<Literal> = fc.tuple(literalText(), fc.boolean()).map(([value, quoted]) => ({
  kind: "literal",
  text: value,
  quoted: quoted || !isBareLiteral(value) || isKeyword(value.split(".")[0] ?? ""),
  at: AT,
}));

const pattern: fc.Arbitrary<Literal> = fc
  .constantFrom(...PATTERNS)
  .map((value) => ({ kind: "literal", text: value, quoted: true, at: AT }));

export const path: fc.Arbitrary<Path> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(...FIELDS) },
    { weight: 2, arbitrary: fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => ["jsonPayload", ...keys]) },
    { weight: 1, arbitrary: key.map((name) => ["labels", name]) },
    {
      weight: 1,
      arbitrary: fc.array(key, { minLength: 1, maxLength: 2 }).map((keys) => ["protoPayload", "request", ...keys]),
    },
  )
  .map((components) => ({ kind: "path", components: [...components], at: AT }));

const subject: fc.Arbitrary<Subject> = fc.letrec<{ subject: Subject }>((tie) => ({
  subject: fc.oneof(
    { maxDepth: 2 },
    { weight: 12, arbitrary: path },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          tie("subject"),
          fc.constantFrom("STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP", "DURATION"),
          fc.boolean(),
        )
        .map(
          ([value, type, zoned]): Subject => ({
            kind: "cast",
            value,
            type: type as "STRING",
            timeZone: zoned && (type === "STRING" || type === "TIMESTAMP") ? "America/New_York" : null,
            at: AT,
          }),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("subject"), fc.constantFrom("(a)", "^([a-z]+)", "\\d+:\\d+:(\\d+)", "a|(b)", "(\\d+)"))
        .map(
          ([value, regex]): Subject => ({
            kind: "regexp_extract",
            value,
            pattern: { kind: "literal", text: regex, quoted: true, at: AT },
            at: AT,
          }),
        ),
    },
  ),
})).subject;

function combination<Leaf>(leaf: fc.Arbitrary<Leaf>, depth: number): fc.Arbitrary<Combination<Leaf>> {
  return fc.letrec<{ node: Combination<Leaf> }>((tie) => {
    const terms = fc.array(tie("node"), { minLength: 2, maxLength: 3 });
    return {
      node: fc.oneof(
        { maxDepth: depth },
        { weight: 4, arbitrary: leaf as fc.Arbitrary<Combination<Leaf>> },
        { weight: 1, arbitrary: terms.map((each): And<Leaf> => ({ kind: "and", terms: each, at: AT })) },
        { weight: 1, arbitrary: terms.map((each): Or<Leaf> => ({ kind: "or", terms: each, at: AT })) },
        { weight: 1, arbitrary: tie("node").map((term) => ({ kind: "not" as const, term, at: AT })) },
      ),
    };
  }).node;
}

const comparison: fc.Arbitrary<Comparison> = fc
  .tuple(subject, fc.constantFrom<Operator>(":", ":", "=", "=", "!=", "<", "<=", ">", ">=", "=~", "!~"))
  .chain(([of, operator]) =>
    combination(operator === "=~" || operator === "!~" ? pattern : literal, 2).map(
      (values): Comparison => ({
        kind: "comparison",
        subject: of,
        operator,
        values,
        at: AT,
      }),
    ),
  );

const quotedText = (value: string): Literal => ({ kind: "literal", text: value, quoted: true, at: AT });

const sampled: fc.Arbitrary<Path> = fc
  .constantFrom(["insertId"], ["trace"], ["httpRequest", "status"], ["jsonPayload", "a"], ["labels", "a"])
  .map((components) => ({ kind: "path", components, at: AT }));

const call: fc.Arbitrary<Atom> = fc.oneof(
  fc
    .constantFrom("syslog", "a/b", "a%2Fb", "other")
    .map((id): Atom => ({ kind: "log_id", logId: quotedText(id), at: AT })),
  fc
    .constantFrom("projects/p", "PROJECTS/P", "folders/1")
    .map((name): Atom => ({ kind: "source", resource: quotedText(name), at: AT })),
  fc
    .tuple(sampled, fc.constantFrom("0.5", "1", "1e-3"))
    .map(([field, fraction]): Atom => ({ kind: "sample", field, fraction: quotedText(fraction), at: AT })),
  fc
    .tuple(path, fc.constantFrom("10.0.0.0/8", "10.1.2.3", "::/0", "0.0.0.0/0"))
    .map(([field, subnet]): Atom => ({ kind: "ip_in_net", field, subnet: quotedText(subnet), at: AT })),
  fc
    .tuple(fc.option(path), fc.constantFrom("hello world", "`hello, world`", "world", "k8s io", "a b", "`a`"))
    .map(([field, query]): Atom => ({ kind: "search", field, query: quotedText(query), at: AT })),
);

export const atom: fc.Arbitrary<Atom> = fc.oneof(
  { weight: 8, arbitrary: comparison },
  { weight: 2, arbitrary: literal.map((value): Atom => ({ kind: "global", literal: value, at: AT })) },
  { weight: 2, arbitrary: call },
);

export const tree: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 30, arbitrary: combination(atom, 3).map((condition): Tree => ({ kind: "filter", condition })) },
  { weight: 1, arbitrary: fc.constant<Tree>({ kind: "filter", condition: null }) },
);

// Entries

const scalar = fc.oneof(
  { weight: 8, arbitrary: text },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(0, 5, -1, 1000, 5.5, 503, 1e21, 9007199254740992, true, false, null),
  },
);

const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { weight: 5, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie("value"), { maxLength: 3 }) },
    { weight: 2, arbitrary: objectOf(tie("value")) },
  ),
})).value as fc.Arbitrary<unknown>;

/** As JSON.parse makes them: a key "__proto__" is a key like any other. */
function objectOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.array(fc.tuple(key, value), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs));
}

/** A value that fits the field, or any JSON at all. */
function mostly(fitting: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 6, arbitrary: fitting }, { weight: 1, arbitrary: json });
}

const time = fc.constantFrom(
  "2026-01-02T03:04:05.123Z",
  "2026-01-02T00:00:00Z",
  "1970-01-01T00:00:00Z",
  "2026-01-02T03:04:05.123456789Z",
);

function record(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  return fc.record(fields, { requiredKeys: [] });
}

const audit = record({
  "@type": fc.constantFrom(
    "type.googleapis.com/google.cloud.audit.AuditLog",
    "type.googleapis.com/google.cloud.audit.AuditLog",
    "other",
  ),
  serviceName: mostly(fc.constantFrom("k8s.io", "K8S.IO", "a")),
  methodName: mostly(text),
  method_name: text,
  numResponseItems: mostly(fc.constantFrom<unknown>("5", 5, "9007199254740993", "x")),
  status: mostly(
    record({
      code: mostly(fc.constantFrom(0, 5, 7)),
      message: text,
      details: fc.array(objectOf(json), { maxLength: 2 }),
    }),
  ),
  authorizationInfo: mostly(
    fc.array(
      record({
        granted: fc.boolean(),
        permission: text,
        permissionType: fc.constantFrom<unknown>("DATA_READ", 1, "x"),
      }),
      { maxLength: 2 },
    ),
  ),
  requestMetadata: record({ callerIp: text, requestAttributes: record({ time }) }),
  request: objectOf(json),
  serviceData: objectOf(json),
  other: json,
  OTHER: json,
});

/** Log entries, with fields that hold the wrong thing now and then. */
export const entry: fc.Arbitrary<unknown> = record({
  logName: mostly(fc.constantFrom("projects/p/logs/syslog", "projects/p/logs/a%2Fb", "folders/1/logs/A%2fB", "syslog")),
  textPayload: mostly(text),
  jsonPayload: mostly(objectOf(json)),
  protoPayload: mostly(audit),
  timestamp: mostly(time),
  receiveTimestamp: mostly(time),
  severity: mostly(fc.constantFrom<unknown>("ERROR", "NOTICE", "error", 500, "DEFAULT", "FOO", 5)),
  insertId: mostly(text),
  trace: mostly(text),
  traceSampled: mostly(fc.boolean()),
  resource: mostly(record({ type: text, labels: objectOf(text) })),
  labels: mostly(objectOf(text)),
  metadata: mostly(record({ userLabels: objectOf(text), systemLabels: objectOf(json) })),
  httpRequest: mostly(
    record({
      status: mostly(fc.constantFrom(0, 5, 503)),
      responseSize: mostly(fc.constantFrom<unknown>("1000", "0", 1000, "9007199254740993")),
      latency: mostly(fc.constantFrom("1s", "0s", "1.5s")),
      cacheHit: mostly(fc.boolean()),
      remoteIp: mostly(fc.constantFrom("10.1.2.3", "::1")),
    }),
  ),
  operation: mostly(record({ id: text, first: fc.boolean() })),
  sourceLocation: mostly(record({ line: fc.constantFrom<unknown>("5", 5) })),
  split: mostly(record({ index: fc.constantFrom(0, 5) })),
  errorGroups: mostly(fc.array(record({ id: text }), { maxLength: 2 })),
});

export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: entry },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.jsonValue() },
);
