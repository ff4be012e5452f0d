import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { compile } from "../shared/query/compile.ts";
import { decidingMatches, type Explanation, explain, explainMismatch } from "../shared/query/explain.ts";
import { anyJson, tree } from "./support/query-arbitraries.ts";

const AUDIT_LOG = "type.googleapis.com/google.cloud.audit.AuditLog";
const POD = {
  logName: "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
  severity: "NOTICE",
  labels: { "imagepolicywebhook.image-policy.k8s.io/dry-run": "true" },
  protoPayload: {
    "@type": AUDIT_LOG,
    serviceName: "k8s.io",
    methodName: "io.k8s.core.v1.pods.create",
    authorizationInfo: [
      { permission: "a.get", granted: false },
      { permission: "b.get", granted: true },
    ],
    request: {
      metadata: { labels: { "image-policy.k8s.io/break-glass": "true" } },
      spec: { containers: [{ image: "x/cart:v1" }] },
    },
  },
};

describe("deciding matches", () => {
  test.each<
    [sentence: string, filter: string, entry: unknown, matches: readonly (readonly [field: string, value: unknown])[]]
  >([
    [
      "parts joined by AND all count",
      'log_id("cloudaudit.googleapis.com/activity") protoPayload.serviceName="k8s.io"',
      POD,
      [
        ["logName", POD.logName],
        ["protoPayload.serviceName", "k8s.io"],
      ],
    ],
    [
      "of parts joined by OR the first that holds",
      'protoPayload.serviceName=("x" OR "k8s.io" OR "K8S.IO")',
      POD,
      [["protoPayload.serviceName", "k8s.io"]],
    ],
    [
      "the element of an array that matched",
      "protoPayload.authorizationInfo.granted=true",
      POD,
      [["protoPayload.authorizationInfo.granted", true]],
    ],
    [
      "one element is enough",
      "protoPayload.authorizationInfo.permission:get",
      POD,
      [["protoPayload.authorizationInfo.permission", "a.get"]],
    ],
    ["the same value counts once", "severity=NOTICE severity>INFO", POD, [["severity", "NOTICE"]]],
    [
      "two values of one field count twice",
      'protoPayload.authorizationInfo.permission:"a." protoPayload.authorizationInfo.permission:"b."',
      POD,
      [
        ["protoPayload.authorizationInfo.permission", "a.get"],
        ["protoPayload.authorizationInfo.permission", "b.get"],
      ],
    ],
    [
      "a global restriction gives the place of its text",
      '"x/cart"',
      POD,
      [["protoPayload.request.spec.containers.image", "x/cart:v1"]],
    ],
    [
      "found in a key it gives the path with the key",
      '"image-policy.k8s.io/break-glass"',
      POD,
      [['protoPayload.request.metadata.labels."image-policy.k8s.io/break-glass"', "true"]],
    ],
    [
      "found in the key of an object the value is null",
      '"containers"',
      POD,
      [["protoPayload.request.spec.containers", null]],
    ],
    [
      "a key above an empty list counts too",
      '"nothing"',
      { jsonPayload: { nothing: [] } },
      [["jsonPayload.nothing", null]],
    ],
    [
      "the first place in the order of the document",
      '"x"',
      { jsonPayload: { b: ["y", "x1"], a: "x2" }, labels: { c: "x3" } },
      [["jsonPayload.b", "x1"]],
    ],
    [
      "text in an object gives its place",
      "jsonPayload.a:needle",
      { jsonPayload: { a: { "x.y": [{ z: "a needle" }] } } },
      [['jsonPayload.a."x.y".z', "a needle"]],
    ],
    [
      "existence gives the value",
      'labels."imagepolicywebhook.image-policy.k8s.io/dry-run":*',
      POD,
      [['labels."imagepolicywebhook.image-policy.k8s.io/dry-run"', "true"]],
    ],
    ["existence of an object gives null", "protoPayload.request:*", POD, [["protoPayload.request", null]]],
    [
      "the field is spelled as the schema does",
      "PROTOPAYLOAD.methodName:create SEVERITY:*",
      POD,
      [
        ["protoPayload.methodName", POD.protoPayload.methodName],
        ["severity", "NOTICE"],
      ],
    ],
    [
      "every word of a SEARCH is shown where it stands",
      'SEARCH("cart create `k8s`")',
      POD,
      [
        ["protoPayload.request.spec.containers.image", "x/cart:v1"],
        ["protoPayload.methodName", POD.protoPayload.methodName],
        ["protoPayload.serviceName", "k8s.io"],
      ],
    ],
    [
      "a SEARCH in a field shows the field",
      'SEARCH(protoPayload.methodName, "pods create")',
      POD,
      [["protoPayload.methodName", POD.protoPayload.methodName]],
    ],
    [
      "a function of a field shows the field",
      'ip_in_net(jsonPayload.ip, "10.0.0.0/8") sample(insertId, 1)',
      { jsonPayload: { ip: ["::1", "10.1.1.1"] }, insertId: "i" },
      [
        ["jsonPayload.ip", "10.1.1.1"],
        ["insertId", "i"],
      ],
    ],
    [
      "a cast shows the field inside",
      'cast(regexp_extract(textPayload, "n=(\\d+)"), INT64) > 5',
      { textPayload: "n=7" },
      [["textPayload", "n=7"]],
    ],
    ["source shows the log name", "source(projects/p)", POD, [["logName", POD.logName]]],
    [
      "negations do not count beside what holds",
      'protoPayload.serviceName="k8s.io" NOT severity=ERROR',
      POD,
      [["protoPayload.serviceName", "k8s.io"]],
    ],
    ["alone they give the value met", "NOT severity=ERROR", POD, [["severity", "NOTICE"]]],
    ["or null", "NOT severity=ERROR", {}, [["severity", null]]],
    [
      "all of a negated OR",
      "NOT (severity=ERROR OR insertId=x)",
      { insertId: "y" },
      [
        ["severity", null],
        ["insertId", "y"],
      ],
    ],
    ["the first of a negated AND", "NOT (severity=ERROR insertId=x)", { insertId: "y" }, [["severity", null]]],
    ["a default that matched gives null", "severity<ERROR", {}, [["severity", null]]],
    [
      "an alternative with a value is preferred to one without",
      "NOT severity=ERROR OR insertId=y",
      { insertId: "y" },
      [["insertId", "y"]],
    ],
    ["a double negation is none", "NOT (NOT insertId=y)", { insertId: "y" }, [["insertId", "y"]]],
    ["the empty filter decides by nothing", "", POD, []],
    ["nothing decides a filter that does not match", "severity=ERROR", POD, []],
  ])("%s", (_, filter, entry, matches) => {
    expect(decidingMatches(compile(filter), entry)).toEqual(matches.map(([field, value]) => ({ field, value })));
  });

  property.prop([tree, anyJson], { numRuns: 1000 })(
    "are there whenever a filter that asks for something matches",
    (generated, json) => {
      const query = compile(generated);
      const matches = decidingMatches(query, json);
      if (!query.matches(json) || generated.condition === null) expect(matches).toEqual([]);
      else expect(matches.length).toBeGreaterThan(0);
      for (const { field, value } of matches) {
        expect(field).not.toBe("");
        expect(value === null || ["string", "number", "boolean"].includes(typeof value)).toBe(true);
      }
    },
  );
});

describe("mismatches", () => {
  test.each<[sentence: string, filter: string, entry: unknown, mismatch: unknown]>([
    [
      "the first comparison that fails",
      'severity=NOTICE protoPayload.methodName="x" insertId=y',
      POD,
      {
        text: 'protoPayload.methodName="x"',
        field: "protoPayload.methodName",
        expected: '= "x"',
        met: POD.protoPayload.methodName,
        isAbsent: false,
        isNegated: false,
      },
    ],
    [
      "a field that is not there",
      "jsonPayload.a>5",
      POD,
      {
        text: "jsonPayload.a > 5",
        field: "jsonPayload.a",
        expected: "> 5",
        met: "absent",
        isAbsent: true,
        isNegated: false,
      },
    ],
    [
      "existence",
      "jsonPayload.a:*",
      POD,
      {
        text: "jsonPayload.a:*",
        field: "jsonPayload.a",
        expected: "present",
        met: "absent",
        isAbsent: true,
        isNegated: false,
      },
    ],
    [
      "a pattern is shown raw",
      'protoPayload.methodName=~"^x\\."',
      POD,
      {
        text: 'protoPayload.methodName =~ "^x\\."',
        field: "protoPayload.methodName",
        expected: '=~ "^x\\."',
        met: POD.protoPayload.methodName,
        isAbsent: false,
        isNegated: false,
      },
    ],
    [
      "the first of several alternatives",
      "severity=(ERROR OR ALERT)",
      POD,
      {
        text: "severity=ERROR",
        field: "severity",
        expected: "= ERROR",
        met: "NOTICE",
        isAbsent: false,
        isNegated: false,
      },
    ],
    [
      "a negation fails by what holds",
      "NOT severity=NOTICE",
      POD,
      {
        text: "NOT severity=NOTICE",
        field: "severity",
        expected: "not = NOTICE",
        met: "NOTICE",
        isAbsent: false,
        isNegated: true,
      },
    ],
    [
      "among several values the one that made it fail",
      "NOT protoPayload.authorizationInfo.granted=true",
      POD,
      {
        text: "NOT protoPayload.authorizationInfo.granted=true",
        field: "protoPayload.authorizationInfo.granted",
        expected: "not = true",
        met: true,
        isAbsent: false,
        isNegated: true,
      },
    ],
    [
      "a negated OR fails by the part that holds",
      "NOT (severity=ERROR OR severity=NOTICE)",
      POD,
      {
        text: "NOT severity=NOTICE",
        field: "severity",
        expected: "not = NOTICE",
        met: "NOTICE",
        isAbsent: false,
        isNegated: true,
      },
    ],
    [
      "a negated AND fails by its first part",
      "NOT (severity=NOTICE severity>INFO)",
      POD,
      {
        text: "NOT severity=NOTICE",
        field: "severity",
        expected: "not = NOTICE",
        met: "NOTICE",
        isAbsent: false,
        isNegated: true,
      },
    ],
    [
      "a text that is nowhere",
      '"nowhere"',
      POD,
      { text: '"nowhere"', field: "*", expected: ': "nowhere"', met: "absent", isAbsent: true, isNegated: false },
    ],
    [
      "a text that should be nowhere",
      '-"x/cart"',
      POD,
      {
        text: 'NOT "x/cart"',
        field: "*",
        expected: 'not : "x/cart"',
        met: "x/cart:v1",
        isAbsent: false,
        isNegated: true,
      },
    ],
    [
      "a log",
      'log_id("syslog")',
      POD,
      {
        text: 'log_id("syslog")',
        field: "logName",
        expected: 'log_id("syslog")',
        met: POD.logName,
        isAbsent: false,
        isNegated: false,
      },
    ],
    [
      "a search",
      'SEARCH(protoPayload.methodName, "x")',
      POD,
      {
        text: 'SEARCH(protoPayload.methodName, "x")',
        field: "protoPayload.methodName",
        expected: 'SEARCH(protoPayload.methodName, "x")',
        met: POD.protoPayload.methodName,
        isAbsent: false,
        isNegated: false,
      },
    ],
    [
      "a cast",
      "cast(severity, INT64)>400",
      POD,
      {
        text: "cast(severity, INT64) > 400",
        field: "cast(severity, INT64)",
        expected: "> 400",
        met: "NOTICE",
        isAbsent: false,
        isNegated: false,
      },
    ],
    [
      "an object is met as it is",
      "protoPayload.authorizationInfo=x",
      POD,
      {
        text: "protoPayload.authorizationInfo=x",
        field: "protoPayload.authorizationInfo",
        expected: "= x",
        met: { permission: "a.get", granted: false },
        isAbsent: false,
        isNegated: false,
      },
    ],
    ["nothing when the entry passes", "severity=NOTICE", POD, undefined],
  ])("%s", (_, filter, entry, mismatch) => {
    expect(explainMismatch(compile(filter), entry)).toEqual(mismatch);
  });

  property.prop([tree, anyJson], { numRuns: 1000 })(
    "there is one exactly when the filter does not match",
    (generated, json) => {
      const query = compile(generated);
      const mismatch = explainMismatch(query, json);
      expect(mismatch === undefined).toBe(query.matches(json));
      if (mismatch !== undefined) expect(mismatch.text).not.toBe("");
    },
  );
});

describe("large and deep entries", () => {
  const wide = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`k${index}`, index]));
  const deep = JSON.parse(`${'{"a":['.repeat(30_000)}"needle"${"]}".repeat(30_000)}`) as unknown;

  test.each([
    ["hundreds of thousands of keys", { jsonPayload: { ...wide, last: "needle" } }, "jsonPayload.last"],
    ["thousands of levels", { jsonPayload: deep }, `jsonPayload${".a".repeat(30_000)}`],
  ])("%s are explained without an error", (_, given, field) => {
    for (const filter of ["needle", "jsonPayload:needle", 'SEARCH("needle")']) {
      expect(decidingMatches(compile(filter), given)).toEqual([{ field, value: "needle" }]);
    }
    expect(explainMismatch(compile("thread jsonPayload:x"), given)).toMatchObject({ text: "thread", isAbsent: true });
  });
});

describe("explanations", () => {
  test("show every part with the values met and the verdict, without stopping at the first that decides", () => {
    const query = compile('severity=ERROR AND ("x" OR NOT protoPayload.authorizationInfo.granted=false)');
    expect(explain(query, POD)).toEqual({
      kind: "all",
      text: 'severity=ERROR AND ("x" OR NOT protoPayload.authorizationInfo.granted=false)',
      verdict: false,
      field: null,
      expected: null,
      met: [],
      of: [
        {
          kind: "part",
          text: "severity=ERROR",
          verdict: false,
          of: [],
          field: "severity",
          expected: "= ERROR",
          met: [{ field: "severity", value: "NOTICE", verdict: false }],
        },
        {
          kind: "any",
          text: '"x" OR NOT protoPayload.authorizationInfo.granted=false',
          verdict: true,
          field: null,
          expected: null,
          met: [],
          of: [
            {
              kind: "part",
              text: '"x"',
              verdict: true,
              of: [],
              field: "*",
              expected: ': "x"',
              met: [{ field: "protoPayload.request.spec.containers.image", value: "x/cart:v1", verdict: true }],
            },
            {
              kind: "none",
              text: "NOT protoPayload.authorizationInfo.granted=false",
              verdict: false,
              field: null,
              expected: null,
              met: [],
              of: [
                {
                  kind: "part",
                  text: "protoPayload.authorizationInfo.granted=false",
                  verdict: true,
                  of: [],
                  field: "protoPayload.authorizationInfo.granted",
                  expected: "= false",
                  met: [
                    { field: "protoPayload.authorizationInfo.granted", value: false, verdict: true },
                    { field: "protoPayload.authorizationInfo.granted", value: true, verdict: false },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test.each<[filter: string, text: string]>([
    ["", ""],
    ["a (b c)", "a AND (b AND c)"],
    ["NOT (a b)", "NOT (a AND b)"],
    ["NOT (NOT a)", "NOT (NOT a)"],
    ["severity=(A OR B)", "severity=A OR severity=B"],
    ["severity!=(A AND B) c", "(severity != A AND severity != B) AND c"],
  ])("the text of %j is %j", (filter, text) => {
    expect(explain(compile(filter), {}).text).toBe(text);
  });

  property.prop([tree, fc.array(anyJson, { minLength: 1, maxLength: 3 })], { numRuns: 500 })(
    "have the verdict of the filter, and so has each part",
    (generated, entries) => {
      const query = compile(generated);
      for (const each of entries) {
        const explanation = explain(query, each);
        expect(explanation.verdict).toBe(query.matches(each));
        checkParts(explanation);
      }
    },
  );

  function checkParts({ kind, verdict, of, met }: Explanation): void {
    const verdicts = of.map((inner) => inner.verdict);
    if (kind === "all") expect(verdict).toBe(!verdicts.includes(false));
    if (kind === "any") expect(verdict).toBe(verdicts.includes(true));
    if (kind === "none") expect([verdict]).toEqual(verdicts.map((each) => !each));
    if (kind === "part" && met.some((each) => each.verdict)) expect(verdict).toBe(true);
    for (const inner of of) checkParts(inner);
  }
});
