import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { compile } from "../shared/query/compile.ts";
import { parse } from "../shared/query/parse.ts";
import { print } from "../shared/query/print.ts";
import { message, ordered, type Schema } from "../shared/query/schema.ts";
import { anyJson, entry, tree } from "./support/query-arbitraries.ts";
import { interpret } from "./support/query-interpreter.ts";
import { refusalOf } from "./support/query-refusals.ts";
import { shapeOf } from "./support/query-trees.ts";

const AUDIT_LOG = "type.googleapis.com/google.cloud.audit.AuditLog";
const REQUEST_LOG = "type.googleapis.com/google.appengine.logging.v1.RequestLog";

function audit(fields: Readonly<Record<string, unknown>>): unknown {
  return { protoPayload: { "@type": AUDIT_LOG, ...fields } };
}

type Row = readonly [sentence: string, filter: string, entry: unknown, isMatch: boolean];

const FIELDS: readonly Row[] = [
  [
    "the proto spelling of every field is accepted",
    "http_request.request_method=GET",
    { httpRequest: { requestMethod: "GET" } },
    true,
  ],
  ["a field of the JSON is read in its JSON spelling only", "textPayload=a", { text_payload: "a" }, false],
  ["a key below a label is never there", "labels.a.b:*", { labels: { a: "x" } }, false],
  ["nor below a label that is an object by mistake", "labels.a.b=c", { labels: { a: { b: "c" } } }, false],
  ["user labels have exact keys", "metadata.userLabels.A=b", { metadata: { userLabels: { a: "b" } } }, false],
  [
    "system labels are free content",
    "metadata.systemLabels.a.b=5",
    { metadata: { systemLabels: { a: { b: 5 } } } },
    true,
  ],
  ["newer roots are free content", "errorGroups.id=x", { errorGroups: [{ id: "x" }] }, true],
  ["whose names may be spelled freely", "apphub.Application_Name=x", { apphub: { applicationName: "x" } }, true],
  ["an index is a key like any other", "jsonPayload.a.0=x", { jsonPayload: { a: ["x"] } }, false],
  ["and finds one", "jsonPayload.a.0=x", { jsonPayload: { a: { "0": "x" } } }, true],
  ["brackets are part of a key", "jsonPayload.a[0]=x", { jsonPayload: { "a[0]": "x" } }, true],
  ["keys that every object inherits are not there", "jsonPayload.constructor:*", { jsonPayload: {} }, false],
  ["unless an entry has them", "jsonPayload.constructor=x", { jsonPayload: { constructor: "x" } }, true],
  [
    "__proto__ is a key like any other",
    "jsonPayload.__proto__.a=x",
    JSON.parse('{"jsonPayload":{"__proto__":{"a":"x"}}}'),
    true,
  ],
  ["and is not inherited", "jsonPayload.__proto__:*", { jsonPayload: {} }, false],
  ["a property without a value is not there", "jsonPayload.a:*", { jsonPayload: { a: undefined } }, false],
  ["arrays of arrays are spread to the bottom", "jsonPayload.a=x", { jsonPayload: { a: [[], [["y"], "x"]] } }, true],
  ["and on the way", "jsonPayload.a.b=x", { jsonPayload: { a: [[{ b: "y" }], [{ b: ["x"] }]] } }, true],
  [
    "elements without the key contribute nothing",
    "jsonPayload.a.b!=x",
    { jsonPayload: { a: [{ c: 1 }, 5, null] } },
    false,
  ],
  ["an array of empty arrays is missing", "jsonPayload.a:*", { jsonPayload: { a: [[], [[]]] } }, false],
  ["the whole entry may be an array, which is spread as well", "textPayload=x", [{ textPayload: "x" }], true],
];

const PAYLOADS: readonly Row[] = [
  [
    "names of an audit entry may be spelled freely",
    "protoPayload.Authentication_Info.principalemail=a",
    audit({ authenticationInfo: { principalEmail: "a" } }),
    true,
  ],
  ["but an entry spells them one way", "protoPayload.methodName=a", audit({ method_name: "a" }), false],
  [
    "names that the type does not know are looked for in any spelling",
    "protoPayload.new_field=a",
    audit({ newField: "a" }),
    true,
  ],
  ["the exact one first", "protoPayload.newField=a", audit({ new_field: "b", newField: "a" }), true],
  ["keys of a request are exact", "protoPayload.request.New_Field=a", audit({ request: { newField: "a" } }), false],
  [
    "content of type Any has free spelling",
    "protoPayload.serviceData.policy_delta.A=b",
    audit({ serviceData: { policyDelta: { a: "b" } } }),
    true,
  ],
  [
    "so have status details",
    "protoPayload.status.details.Some_Key=b",
    audit({ status: { details: [{ someKey: "b" }] } }),
    true,
  ],
  [
    "int64 fields of an audit entry are integers",
    "protoPayload.numResponseItems > 9",
    audit({ numResponseItems: "10" }),
    true,
  ],
  [
    "in a payload of unknown type they are texts",
    "protoPayload.numResponseItems > 9",
    { protoPayload: { numResponseItems: "10" } },
    false,
  ],
  [
    "a status code is an integer, to which a fraction does not convert",
    "protoPayload.status.code != 7.5",
    audit({ status: { code: 7 } }),
    false,
  ],
  [
    "in a payload of unknown type it does",
    "protoPayload.status.code != 7.5",
    { protoPayload: { "@type": "x", status: { code: 7 } } },
    true,
  ],
  [
    "a permission type is an enumeration",
    "protoPayload.authorizationInfo.permissionType >= ADMIN_WRITE",
    audit({ authorizationInfo: [{ permissionType: "DATA_READ" }] }),
    true,
  ],
  [
    "the time of a request is an instant",
    'protoPayload.requestMetadata.requestAttributes.time < "2026-01-01T01:00:00+02:00"',
    audit({ requestMetadata: { requestAttributes: { time: "2025-12-31T22:59:59Z" } } }),
    true,
  ],
  [
    "a request log has durations",
    'protoPayload.latency > "999ms"',
    { protoPayload: { "@type": REQUEST_LOG, latency: "1s" } },
    true,
  ],
  [
    "and doubles that JSON writes as text",
    "protoPayload.cost = NaN",
    { protoPayload: { "@type": REQUEST_LOG, cost: "NaN" } },
    false,
  ],
  [
    "a NaN differs from everything",
    "protoPayload.cost != NaN",
    { protoPayload: { "@type": REQUEST_LOG, cost: "NaN" } },
    true,
  ],
  [
    "lines of a request log have severities",
    "protoPayload.line.severity >= ERROR",
    { protoPayload: { "@type": REQUEST_LOG, line: [{ severity: "INFO" }, { severity: "ALERT" }] } },
    true,
  ],
  [
    "a payload that is no object has no type",
    "protoPayload.status.code=7",
    { protoPayload: [{ "@type": AUDIT_LOG, status: { code: 7 } }] },
    true,
  ],
  ["a payload that is a text has nothing below it", "protoPayload.status.code:*", { protoPayload: "x" }, false],
  ["a payload may be missing", "NOT protoPayload.methodName:*", {}, true],
  [
    "a type that is a name every object has is unknown",
    "protoPayload.status.code=7",
    { protoPayload: { "@type": "constructor", status: { code: 7 } } },
    true,
  ],
];

const TYPES: readonly Row[] = [
  [
    "integers beyond 2^53 are exact",
    "httpRequest.responseSize = 9007199254740993",
    { httpRequest: { responseSize: "9007199254740993" } },
    true,
  ],
  [
    "their neighbours are others",
    "httpRequest.responseSize = 9007199254740992",
    { httpRequest: { responseSize: "9007199254740993" } },
    false,
  ],
  [
    "and are ordered",
    "httpRequest.responseSize > 9007199254740992",
    { httpRequest: { responseSize: "9007199254740993" } },
    true,
  ],
  [
    "and compare with small ones",
    "httpRequest.responseSize > 5",
    { httpRequest: { responseSize: "9007199254740993" } },
    true,
  ],
  [
    "a literal beyond 64 bits converts to none",
    "httpRequest.responseSize < 9223372036854775808",
    { httpRequest: { responseSize: "5" } },
    false,
  ],
  [
    "a literal beyond 32 bits converts to no int32",
    "httpRequest.status < 2147483648",
    { httpRequest: { status: 5 } },
    false,
  ],
  [
    "a value that is none of its type compares by its JSON type",
    "httpRequest.status=abc",
    { httpRequest: { status: "abc" } },
    false,
  ],
  ["so a text in an integer field is a text", "httpRequest.status < 7", { httpRequest: { status: "500x" } }, true],
  ["and a number in a text field is a number", "textPayload < 7", { textPayload: 5 }, true],
  ["a severity of unknown name compares as text", "severity=ERROR", { severity: "FOO" }, false],
  ["a severity may be a number", "severity>=ERROR", { severity: 500 }, true],
  ["an unnamed number has its place in the order", "severity>INFO AND severity<NOTICE", { severity: 250 }, true],
  ["an unknown severity literal fails every comparison", "severity!=FOO OR severity=FOO", { severity: "FOO" }, false],
  [
    "an impossible instant fails every comparison",
    'timestamp!="2016-02-30" OR timestamp<"x"',
    { timestamp: "2016-02-28T00:00:00Z" },
    false,
  ],
  ["bools are ordered", "traceSampled < true", { traceSampled: false }, true],
  ["has on a bool is equality", "jsonPayload.a:tru", { jsonPayload: { a: true } }, false],
  ["has on a duration is equality", 'httpRequest.latency:"1000ms"', { httpRequest: { latency: "1s" } }, true],
  ["has on an instant is equality", 'timestamp:"2016"', { timestamp: "2016-11-29T23:15:00Z" }, false],
  [
    "only texts match patterns",
    'severity=~"ERROR" OR timestamp=~"2016" OR httpRequest.status!~"x"',
    { severity: "ERROR", timestamp: "2016-11-29T23:15:00Z", httpRequest: { status: 5 } },
    false,
  ],
  [
    "the value may be quoted or not",
    'jsonPayload.a="true" AND jsonPayload.b="5"',
    { jsonPayload: { a: true, b: 5 } },
    true,
  ],
  ["a number does not convert to a bool", "jsonPayload.a != 1", { jsonPayload: { a: true } }, false],
  ["texts are ordered by code point", 'jsonPayload.a > "\uffff"', { jsonPayload: { a: "😀" } }, true],
  [
    "at both borders",
    'jsonPayload.a <= B AND jsonPayload.a >= "b" AND NOT jsonPayload.a < b AND NOT jsonPayload.a > b',
    { jsonPayload: { a: "b" } },
    true,
  ],
  ["folded texts are found in longer ones", "textPayload:strasse", { textPayload: "Die STRAẞE" }, true],
  ["a mark that belongs to a letter hides it", "textPayload:cafe", { textPayload: "cafe\u0301" }, false],
  ["equality reads the whole text", "textPayload=caf", { textPayload: "cafe" }, false],
  ["and one with ignorable characters", "textPayload=softly", { textPayload: "so\u00adftly" }, true],
  ["the empty text is in every text", 'textPayload:""', { textPayload: "x" }, true],
  ["but equals only itself", 'textPayload=""', { textPayload: "x" }, false],
];

const ABSENCE: readonly Row[] = [
  ["null in a field of the entry is its default", "trace != x", { trace: null }, true],
  ["and is not present", "trace:*", { trace: null }, false],
  ["but it is null", "trace = NULL_VALUE", { trace: null }, true],
  [
    "null in a payload equals nothing",
    "jsonPayload.a = x OR jsonPayload.a != x OR jsonPayload.a:x",
    { jsonPayload: { a: null } },
    false,
  ],
  [
    "null has no order",
    "jsonPayload.a < NULL_VALUE OR jsonPayload.a >= NULL_VALUE",
    { jsonPayload: { a: null } },
    false,
  ],
  ["has NULL_VALUE is equality", "jsonPayload.a:null_value", { jsonPayload: { a: null } }, true],
  ["quoted it is a text", 'jsonPayload.a="NULL_VALUE"', { jsonPayload: { a: null } }, false],
  ["and found as one", 'jsonPayload.a="null_value"', { jsonPayload: { a: "NULL_VALUE" } }, true],
  ["an object is not null", "jsonPayload.a != NULL_VALUE", { jsonPayload: { a: {} } }, true],
  [
    "among several, one null is enough",
    "jsonPayload.a = NULL_VALUE AND jsonPayload.a != NULL_VALUE",
    { jsonPayload: { a: [null, 1] } },
    true,
  ],
  ["an absent field of the entry is not null", "trace = NULL_VALUE OR trace != NULL_VALUE", {}, false],
  ["an absent instant is 1970", 'timestamp = "1970-01-01T00:00:00Z" AND timestamp < "2016-01-01"', {}, true],
  ["an absent duration is none", 'httpRequest.latency = "0s" AND httpRequest.latency < "1ns"', {}, true],
  ["an absent text has the empty text in it", 'trace:"" AND NOT trace:x', {}, true],
  ["an absent text matches the pattern of the empty text", 'trace=~"^$" AND trace!~"x"', {}, true],
  ["an absent integer is zero", "httpRequest.responseSize = 0 AND NOT httpRequest.responseSize > 0", {}, true],
  ["an absent message has no default", 'httpRequest = "" OR httpRequest != "" OR httpRequest:""', {}, false],
  [
    "a default that is written is not present",
    "httpRequest.status:* OR trace:* OR traceSampled:* OR httpRequest.responseSize:*",
    { httpRequest: { status: 0, responseSize: "0" }, trace: "", traceSampled: false },
    false,
  ],
  ["a severity by its default name is not present", "severity:*", { severity: "DEFAULT" }, false],
  ["an empty message is present", "httpRequest:*", { httpRequest: {} }, true],
  ["an empty map is not", "resource.labels:*", { resource: { labels: {} } }, false],
  ["a map with a key is", "resource.labels:*", { resource: { labels: { a: "" } } }, true],
  ["an empty label is", "labels.a:*", { labels: { a: "" } }, true],
  ["a map that is null is not present", "labels:*", { labels: null }, false],
  [
    "nothing below a payload is too little to be present",
    "jsonPayload.a:* AND jsonPayload.b:* AND jsonPayload.c:* AND jsonPayload.d:*",
    { jsonPayload: { a: 0, b: false, c: "", d: {} } },
    true,
  ],
  [
    "an explicit default below an audit entry is present",
    "protoPayload.status.code:*",
    audit({ status: { code: 0 } }),
    true,
  ],
  ["a star with another operator is a star", "textPayload=*", { textPayload: "*" }, true],
  ["existence in a list", 'jsonPayload.a:(* AND NOT "x")', { jsonPayload: { a: "y" } }, true],
];

const OBJECTS: readonly Row[] = [
  [
    "an object compares with nothing",
    "jsonPayload.a=x OR jsonPayload.a!=x OR jsonPayload.a<x OR jsonPayload.a>=x",
    { jsonPayload: { a: { b: "x" } } },
    false,
  ],
  ["nor with a pattern", 'jsonPayload.a=~"x" OR jsonPayload.a!~"x"', { jsonPayload: { a: { b: "x" } } }, false],
  ["has looks at its values", "jsonPayload.a:x", { jsonPayload: { a: { b: [{ c: "axb" }] } } }, true],
  ["not at its keys", "jsonPayload.a:b", { jsonPayload: { a: { b: "x" } } }, false],
  ["at numbers as numbers", "jsonPayload:5", { jsonPayload: { a: { b: 5 } } }, true],
  ["and at bools as bools", "jsonPayload:true", { jsonPayload: { a: { b: true } } }, true],
  ["null below it is nothing", 'jsonPayload:""', { jsonPayload: { a: null } }, false],
  ["a message of the entry is an object as well", "httpRequest:curl", { httpRequest: { userAgent: "curl/8" } }, true],
  ["so is a map", "labels:x", { labels: { a: "axb" } }, true],
  ["and the whole payload", "protoPayload:deep", audit({ request: { a: { b: "deep" } } }), true],
];

const GLOBAL: readonly Row[] = [
  ["values of the entry's own fields", "abc", { insertId: "xabcx" }, true],
  ["severities as severities", "ERROR", { severity: "ERROR" }, true],
  ["by number too", "500", { severity: "ERROR" }, true],
  ["but not parts of their names", "ERR", { severity: "ERROR" }, false],
  ["instants as instants", '"2016-11-29T23:15:00Z"', { timestamp: "2016-11-30T00:15:00+01:00" }, true],
  ["but not parts of their text", '"2016-11"', { timestamp: "2016-11-29T23:15:00Z" }, false],
  ["integers as integers", "1000", { httpRequest: { responseSize: "1000" } }, true],
  ["but not parts of their digits", "100", { httpRequest: { responseSize: "1000" } }, false],
  ["durations as durations", '"1000ms"', { httpRequest: { latency: "1s" } }, true],
  ["bools as bools", "true", { operation: { first: true } }, true],
  [
    "names of the entry's fields are not searched",
    "insertId OR httpRequest OR status OR jsonPayload OR labels",
    { insertId: "x", httpRequest: { status: 1 }, jsonPayload: {}, labels: {} },
    false,
  ],
  ["keys of maps are", '"my.key"', { labels: { "my.key": "x" } }, true],
  ["keys of payloads are", '"MY.key"', { jsonPayload: { a: [{ "my.key": {} }] } }, true],
  ["keys of audit content are", "bindingDeltas", audit({ serviceData: { policyDelta: { bindingDeltas: [] } } }), true],
  [
    "names of the audit entry's own fields are not",
    "principalEmail OR callerIp OR resourceAttributes",
    audit({
      authenticationInfo: { principalEmail: "x" },
      requestMetadata: { callerIp: "x" },
      authorizationInfo: [{ resourceAttributes: {} }],
    }),
    false,
  ],
  [
    "names in a payload of unknown type are",
    "callerIp",
    { protoPayload: { requestMetadata: { callerIp: "x" } } },
    true,
  ],
  [
    "the mark of a type is no key",
    '"@type" OR type',
    { jsonPayload: { "@type": "x" }, protoPayload: { "@type": AUDIT_LOG, request: { "@type": "x" } } },
    true,
  ],
  ["it is only a value", '"@type"', { jsonPayload: { "@type": "x" } }, false],
  ["fields that the schema does not know are searched", "xyz", { newField: { a: ["xyz"] } }, true],
  ["defaults are not", '""', {}, false],
  ["nothing is found in what is no entry", 'x OR ""', "x", false],
  ["a star stands for anything that is there", "*", { insertId: "x" }, true],
  ["and nothing", "*", {}, false],
  ["an empty message is nothing to find", "*", { httpRequest: {}, jsonPayload: {} }, false],
  ["NULL_VALUE stands for a null", "NULL_VALUE", { jsonPayload: { a: [null] } }, true],
  ["and for no other", "NULL_VALUE", { jsonPayload: { a: ["NULL_VALUE"] } }, false],
  ["quoted it is a text", '"NULL_VALUE"', { jsonPayload: { a: ["NULL_VALUE"] } }, true],
  ["elements of arrays in typed fields are searched", "abc", { insertId: ["x", ["abc"]] }, true],
  ["so are objects where none belong", "abc", { insertId: { a: "abc" }, severity: { b: 1 } }, true],
  ["and messages in arrays", "503", { httpRequest: [{ status: 503 }] }, true],
  [
    "full-width text in a long entry is found by folding",
    '"break-glass"',
    { jsonPayload: { a: "x".repeat(100), b: "ＢＲＥＡＫ－ｇｌａｓｓ" } },
    true,
  ],
];

const FUNCTIONS: readonly Row[] = [
  ["an encoded argument of log_id is decoded", 'log_id("a%2Fb")', { logName: "projects/p/logs/a%2fB" }, true],
  ["a log name of another form is in no log", 'log_id("syslog")', { logName: "syslog" }, false],
  ["nor is one that is missing", 'log_id("syslog")', {}, false],
  ["nor one that is no text", 'log_id("syslog")', { logName: 5 }, false],
  [
    "source reads the parent in any case",
    "source(PROJECTS/My-Project)",
    { logName: "projects/my-project/logs/x" },
    true,
  ],
  ["and no other resource", "source(projects/my)", { logName: "projects/my-project/logs/x" }, false],
  ["a sample of a missing payload field is empty", "sample(jsonPayload.a, 1)", { jsonPayload: {} }, false],
  ["a sample of a defaulted number is not", "sample(httpRequest.status, 1)", {}, true],
  ["null is the default in a field of the entry", "sample(trace, 1)", { trace: null }, true],
  ["and nothing in a payload", "sample(jsonPayload.a, 1)", { jsonPayload: { a: null } }, false],
  ["bools are not sampled", "sample(jsonPayload.a, 1)", { jsonPayload: { a: true } }, false],
  ["nor objects", "sample(jsonPayload.a, 1)", { jsonPayload: { a: {} } }, false],
  ["numbers are", "sample(jsonPayload.a, 1)", { jsonPayload: { a: 5 } }, true],
  ["the first element stands for an array", "sample(jsonPayload.a, 1)", { jsonPayload: { a: [true, "x"] } }, false],
  // The digest of "abc" begins with ba78, that is 0.728 of the range.
  ["a value above the fraction is left out", "sample(insertId, 0.72)", { insertId: "abc" }, false],
  ["and below it is taken", "sample(insertId, 0.73)", { insertId: "abc" }, true],
  ["ip_in_net reads texts only", 'ip_in_net(jsonPayload.a, "0.0.0.0/0")', { jsonPayload: { a: 5 } }, false],
  ["a range must lie inside", 'ip_in_net(jsonPayload.a, "10.0.0.0/8")', { jsonPayload: { a: "0.0.0.0/0" } }, false],
  [
    "SEARCH in a field of an object takes all its texts together",
    'SEARCH(jsonPayload, "hello world")',
    { jsonPayload: { a: "hello", b: ["world"] } },
    true,
  ],
  [
    "SEARCH in an array too",
    'SEARCH(jsonPayload.a, "hello world")',
    { jsonPayload: { a: ["hello", { b: "world" }] } },
    true,
  ],
  ["keys are no texts", 'SEARCH(jsonPayload, "hello")', { jsonPayload: { hello: "x" } }, false],
  ["nor anywhere", 'SEARCH("hello")', { jsonPayload: { hello: "x" } }, false],
  ["numbers are no texts", 'SEARCH("5")', { jsonPayload: { a: 5 } }, false],
  [
    "instants and severities are no texts",
    'SEARCH("ERROR") OR SEARCH(severity, "ERROR") OR SEARCH(timestamp, "2016")',
    { severity: "ERROR", timestamp: "2016-11-29T23:15:00Z" },
    false,
  ],
  ["but the type of the resource is", 'SEARCH("gce_instance")', { resource: { type: "gce_instance" } }, true],
  ["SEARCH in a missing field finds nothing", 'SEARCH(jsonPayload.a, "a")', {}, false],
  ["operators are words in a query", 'SEARCH("a OR b")', { textPayload: "a b" }, false],
  ["a cast of an absent field uses its default", 'cast(trace, STRING) = ""', {}, true],
  ["but is not present", "cast(trace, STRING):*", {}, false],
  [
    "a cast that fails is missing",
    "cast(jsonPayload.a, INT64) != 5 OR cast(jsonPayload.a, INT64):*",
    { jsonPayload: { a: "x" } },
    false,
  ],
  [
    "one that succeeds is there",
    "cast(jsonPayload.a, INT64):* AND cast(jsonPayload.a, INT64) != NULL_VALUE",
    { jsonPayload: { a: "7" } },
    true,
  ],
  ["and is never null", "cast(jsonPayload.a, INT64) = NULL_VALUE", { jsonPayload: { a: null } }, false],
  [
    "the literal converts to the type of the cast",
    "cast(jsonPayload.a, INT64) > 5.5",
    { jsonPayload: { a: "7" } },
    false,
  ],
  ["any element of an array will do", "cast(jsonPayload.a, INT64) = 7", { jsonPayload: { a: ["x", "7"] } }, true],
  ["patterns match the text of a cast", 'cast(jsonPayload.a, STRING) =~ "^5$"', { jsonPayload: { a: 5 } }, true],
  ["patterns match nothing else", 'cast(jsonPayload.a, INT64) !~ "x"', { jsonPayload: { a: "5" } }, false],
  ["a severity has a name", "cast(severity, STRING) = warning", { severity: 400 }, true],
  ["an extracted text", 'regexp_extract(textPayload, "id=(\\\\d+)") = 42', { textPayload: "id=42;" }, true],
  ["a group that took no part", 'regexp_extract(textPayload, "a|(b)"):*', { textPayload: "a" }, false],
  ["an extraction from a number", 'regexp_extract(jsonPayload.a, "(5)"):*', { jsonPayload: { a: 5 } }, false],
  [
    "the zone of a cast",
    'cast(cast(jsonPayload.a, TIMESTAMP, TIMEZONE("Asia/Tokyo")), STRING) : "2025-12-31T15:00"',
    { jsonPayload: { a: "2026-01-01T00:00:00" } },
    true,
  ],
  [
    "null in a field of the entry is cast as its default",
    "cast(httpRequest.status, STRING) = 0",
    { httpRequest: { status: null } },
    true,
  ],
];

describe.each([
  ["fields and paths", FIELDS],
  ["typed payloads", PAYLOADS],
  ["types and conversion", TYPES],
  ["what is not there", ABSENCE],
  ["objects", OBJECTS],
  ["global restrictions search", GLOBAL],
  ["functions", FUNCTIONS],
])("%s", (_, rows) => {
  test.each(rows)("%s", (_sentence, filter, given, isMatch) => {
    const query = compile(filter);
    expect(query.matches(given)).toBe(isMatch);
    expect(query.matches(given), "a second time").toBe(isMatch);
    expect(query.matches({}) || true, "another entry in between").toBe(true);
    expect(query.matches(given), "after another entry").toBe(isMatch);
  });
});

describe("other schemas", () => {
  const INCIDENT: Schema = {
    name: "Incident",
    absent: "missing",
    strict: true,
    fields: {
      kind: "string",
      severity: ordered("low", "medium", "high", "critical"),
      opened: "timestamp",
      count: "int32",
      score: "double",
      isOpen: "bool",
      workload: message({ name: "string", labels: { kind: "map" } }),
      facts: { kind: "struct" },
    },
  };
  const incident = {
    kind: "gke.breakglass",
    severity: "high",
    opened: "2026-01-02T03:04:05Z",
    count: 3,
    isOpen: true,
    workload: { name: "cart", labels: { team: "shop" } },
    facts: { images: ["a", "b"] },
  };

  test.each([
    ["kind=gke.breakglass", true],
    ["severity>=medium AND severity<critical", true],
    ["severity=HIGH", true],
    ["severity>high", false],
    ['opened>"2026-01-01"', true],
    ["count=3 isOpen=true", true],
    ["workload.labels.team=shop facts.images=b", true],
    ["WORKLOAD.NAME=cart", true],
    ["shop", true],
    ["team", true],
    ["name", false],
    ["score=0", false],
    ["score!=0", false],
    ["NOT score:*", true],
    ["severity:* count:*", true],
    ["workload.name=NULL_VALUE", false],
  ])("%s", (filter, isMatch) => {
    expect(compile(filter, { schema: INCIDENT }).matches(incident)).toBe(isMatch);
  });

  test("a missing field is missing, and a default that is written is present", () => {
    expect(compile("kind=x OR kind!=x OR count<5", { schema: INCIDENT }).matches({})).toBe(false);
    expect(compile("count:* kind:*", { schema: INCIDENT }).matches({ count: 0, kind: "" })).toBe(true);
  });

  test.each([
    ["severty=high", "QUERY_FIELD", /Field not found: 'severty'; did you mean `severity`\?/],
    ["logName=x", "QUERY_FIELD", /known are kind, severity/],
    ["name=x", "QUERY_FIELD", /did you mean `workload\.name`\?/],
    ["severity=hihg", "QUERY_VALUE", /'hihg' is not a known value; did you mean `high`\?/],
    ["severity=ERROR", "QUERY_VALUE", /known are low, medium, high, critical/],
    ["severity=(low OR foo)", "QUERY_VALUE", /'foo'/],
    ["count=many", "QUERY_VALUE", /'many' is not a value of type int32/],
    ['opened>"yesterday"', "QUERY_VALUE", /'yesterday' is not a value of type timestamp/],
    ["isOpen=yes", "QUERY_VALUE", /type bool/],
  ])("%s is refused", (filter, code, words) => {
    expect(refusalOf(() => compile(filter, { schema: INCIDENT }))).toMatchObject({
      code,
      message: expect.stringMatching(words) as string,
      line: 1,
    });
  });

  test("patterns, existence and NULL_VALUE are no values that a field could refuse", () => {
    expect(compile('severity:* severity!=NULL_VALUE NOT count=~"x"', { schema: INCIDENT }).matches(incident)).toBe(
      true,
    );
  });

  test("the tree of a filter can be compiled for its schema only", () => {
    const parsed = parse("workload.name=cart", { schema: INCIDENT });
    expect(compile(parsed, { schema: INCIDENT }).matches(incident)).toBe(true);
    expect(refusalOf(() => compile(parsed)).code).toBe("QUERY_FIELD");
  });
});

describe("properties", () => {
  property.prop([tree], { numRuns: 500 })("a printed tree parses to the same tree", (generated) => {
    const printed = print(generated);
    expect(shapeOf(parse(printed))).toEqual(shapeOf(generated));
    expect(print(parse(printed))).toBe(printed);
  });

  property.prop([tree, fc.array(entry, { minLength: 1, maxLength: 3 })], { numRuns: 2000 })(
    "the compiled form agrees with the plain interpreter",
    (generated, entries) => {
      const query = compile(generated);
      for (const each of entries) expect(query.matches(each)).toBe(interpret(generated, each));
    },
  );

  property.prop([tree, anyJson], { numRuns: 500 })(
    "evaluation never throws, whatever JSON it is given",
    (generated, json) => {
      expect(compile(generated).matches(json)).toBeTypeOf("boolean");
    },
  );

  const deep = (open: string, close: string) =>
    JSON.parse(`${open.repeat(100_000)}"needle"${close.repeat(100_000)}`) as unknown;

  test.each([
    ["arrays", deep("[", "]")],
    ["objects", deep('{"a":', "}")],
    ["both in turn", deep('[{"b":', "}]")],
  ])("%s nested deeper than any stack are searched all the same", (_, nested) => {
    const given = { jsonPayload: { a: nested, b: 5 }, insertId: nested, labels: { c: nested } };
    for (const filter of [
      "needle",
      "jsonPayload:needle",
      "jsonPayload.a:needle",
      'SEARCH("needle")',
      'SEARCH(jsonPayload, "needle")',
    ]) {
      expect(compile(filter).matches(given), filter).toBe(true);
    }
    for (const filter of ["thread", "jsonPayload:thread", "jsonPayload.a.b=x", 'SEARCH("thread")', "labels.c=x"]) {
      expect(compile(filter).matches(given), filter).toBe(false);
    }
  });
});
