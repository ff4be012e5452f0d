import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isWatchedConstraint } from "../shared/audit-log/orgpolicy.ts";
import {
  compareCustomConstraints,
  compareOrgPolicies,
  type OrgPolicy,
  orgPolicyFrom,
  weaknessesOfOrgPolicy,
} from "../shared/classifier/compare-org-policy.ts";
import type { GradedChange } from "../shared/classifier/graded-change.ts";
import { orgpolicyRules } from "../shared/rules/orgpolicy.ts";
import { benchOf, type Changes, knowing } from "./support/judged-sample.ts";

/** Effect, gravity of what weakens, field, before and after, as one line. */
function inLines(changes: readonly GradedChange[]): readonly string[] {
  return changes.map(
    ({ field, before, after, effect, gravity }) =>
      `${effect}${gravity === null ? "" : ` (${gravity})`} ${field}: ${before ?? "-"} > ${after ?? "-"}`,
  );
}

const rules = (...all: readonly object[]) => ({ spec: { rules: all } });
const allowed = (...allowedValues: readonly string[]) => rules({ values: { allowedValues } });
const denied = (...deniedValues: readonly string[]) => rules({ values: { deniedValues } });
const TAGGED = "resource.matchTag('1/env', 'lab')";
const where = (rule: object) => ({ ...rule, condition: { expression: TAGGED } });
const ENFORCED = rules({ enforce: true });
const V = "spec.rules.values.allowedValues";
const compared = (before: object | null, after: object | null) =>
  inLines(compareOrgPolicies(orgPolicyFrom(before), orgPolicyFrom(after)));

/** Each way to weaken a policy. Read from right to left it is the tightening that undoes it. */
const WEAKENINGS: readonly (readonly [string, object | null, object | null, readonly string[]])[] = [
  [
    "everything is allowed",
    allowed("default"),
    rules({ allowAll: true }),
    ["weaker (critical) spec.rules.allowAll: allowed default > true"],
  ],
  [
    "what was denied as a whole has an exception",
    rules({ denyAll: true }),
    allowed("default"),
    ["weaker (high) spec.rules.denyAll: true > allowed default"],
  ],
  [
    "a value is allowed",
    allowed("default"),
    allowed("default", "projects/p/platforms/cloudRun/x"),
    [`weaker (high) ${V}: - > projects/p/platforms/cloudRun/x`],
  ],
  ["the list of allowed values is gone", allowed("default"), rules(), [`weaker (critical) ${V}: default > -`]],
  [
    "a value is no longer denied",
    denied("a", "b"),
    denied("a"),
    ["weaker (high) spec.rules.values.deniedValues: b > -"],
  ],
  ["it is not enforced", ENFORCED, rules({ enforce: false }), ["weaker (critical) spec.rules.enforce: true > false"]],
  [
    "it is overridden for what is below",
    null,
    rules({ enforce: false }),
    ["weaker (critical) spec.rules.enforce: - > false"],
  ],
  [
    "it is reset",
    ENFORCED,
    { spec: { reset: true } },
    ["weaker (critical) spec.reset: enforced > true", "weaker (critical) spec.rules.enforce: true > -"],
  ],
  [
    "it is moved to a dry run",
    ENFORCED,
    { dryRunSpec: ENFORCED.spec },
    ["weaker (critical) spec: enforced > dryRunSpec only", "neutral dryRunSpec: - > enforced"],
  ],
  [
    "its enforced part is gone",
    { ...ENFORCED, dryRunSpec: ENFORCED.spec },
    { dryRunSpec: ENFORCED.spec },
    ["weaker (critical) spec: enforced > dryRunSpec only"],
  ],
  ["its only part is gone", ENFORCED, {}, ["weaker (critical) spec: enforced > -"]],
  [
    "what holds everywhere is tied to a tag",
    ENFORCED,
    rules(where({ enforce: true })),
    ["weaker (critical) spec.rules.enforce: true > -", `neutral spec.rules[${TAGGED}]: - > enforced`],
  ],
  [
    "a tag lifts it",
    ENFORCED,
    rules({ enforce: true }, where({ enforce: false })),
    [`weaker (critical) spec.rules[${TAGGED}]: - > not enforced`],
  ],
  [
    "a tag lifts more than before",
    rules({ enforce: true }, where({ values: { allowedValues: ["a"] } })),
    rules({ enforce: true }, where({ values: { allowedValues: ["a", "b"] } })),
    [`weaker (high) spec.rules[${TAGGED}].values.allowedValues: - > b`],
  ],
  ["it is deleted", ENFORCED, null, ["weaker (critical) policy: enforced > deleted"]],
];

describe("two organization policies", () => {
  test.each(WEAKENINGS)("%s", (_name, before, after, lines) => {
    expect(compared(before, after)).toEqual(lines);
  });

  test.each(WEAKENINGS)("undone, it weakens nothing: %s", (_name, before, after) => {
    const effects = compareOrgPolicies(orgPolicyFrom(after), orgPolicyFrom(before)).map(({ effect }) => effect);
    expect(effects).toContain("stronger");
    expect(effects).not.toContain("weaker");
  });

  test.each(WEAKENINGS)("what a store has kept compares like the policy itself: %s", (_name, before, after, lines) => {
    const kept = JSON.parse(JSON.stringify(orgPolicyFrom(before))) as object | null;
    expect(compared(kept, after)).toEqual(lines);
  });

  test.each([
    ["the first value narrows", null, allowed("default"), [`stronger ${V}: - > default`]],
    ["a value less narrows", allowed("a", "b"), allowed("a"), [`stronger ${V}: b > -`]],
    [
      "a value in the place of another is both",
      allowed("a"),
      allowed("b"),
      [`weaker (high) ${V}: - > b`, `stronger ${V}: a > -`],
    ],
    ["a denied value more narrows", denied("a"), denied("a", "b"), ["stronger spec.rules.values.deniedValues: - > b"]],
    [
      "the parent's rules come in",
      { spec: { rules: [] } },
      { spec: { inheritFromParent: true } },
      ["weaker (high) spec.inheritFromParent: false > true"],
    ],
    [
      "the parent's rules go",
      { spec: { inheritFromParent: true } },
      { spec: {} },
      ["weaker (high) spec.inheritFromParent: true > false"],
    ],
    [
      "rules of one condition hold together",
      rules({ values: { allowedValues: ["a"] } }, { values: { allowedValues: ["b"] } }),
      allowed("a", "b"),
      [],
    ],
    [
      "parameters are not for us to judge",
      rules({ enforce: true, parameters: { a: 1, b: 2 } }),
      rules({ enforce: true, parameters: { b: 2, a: 3 } }),
      ['neutral spec.rules.parameters: {"a":1,"b":2} > {"a":3,"b":2}'],
    ],
    [
      "the order of their keys does not matter",
      rules({ enforce: true, parameters: { a: 1, b: 2 } }),
      rules({ enforce: true, parameters: { b: 2, a: 1 } }),
      [],
    ],
    [
      "a dry run that changes is no weakening",
      { ...ENFORCED, dryRunSpec: ENFORCED.spec },
      { ...ENFORCED, dryRunSpec: { rules: [{ allowAll: true }] } },
      ["neutral dryRunSpec: enforced > all allowed"],
    ],
    [
      "an exception that is deleted weakens nothing",
      rules({ allowAll: true }),
      null,
      ["stronger policy: all allowed > deleted"],
    ],
    ["nothing that is deleted is nothing", null, null, []],
    [
      "a default that is deleted",
      { spec: { reset: true } },
      null,
      ["stronger policy: reset to Google's default > deleted"],
    ],
    [
      "from nothing to everything",
      rules({ denyAll: true }),
      rules({ allowAll: true }),
      [
        "weaker (critical) spec.rules.allowAll: all denied > true",
        "weaker (high) spec.rules.denyAll: true > all allowed",
      ],
    ],
    ["etag and time say nothing", { ...ENFORCED, etag: "a" }, { spec: { ...ENFORCED.spec, updateTime: "b" } }, []],
    [
      "flags that tools write as text",
      rules({ enforce: "TRUE" }),
      rules({ enforce: "false", allowAll: "TRUE" }),
      ["weaker (critical) spec.rules.allowAll: - > true", "weaker (critical) spec.rules.enforce: true > false"],
    ],
  ] as readonly (readonly [string, object | null, object | null, readonly string[]])[])(
    "%s",
    (_name, before, after, lines) => {
      expect(compared(before, after)).toEqual(lines);
    },
  );

  test.each([
    ["a list that allows all", { constraint: "c", listPolicy: { allValues: "ALLOW" } }, rules({ allowAll: true })],
    ["a list that denies all", { listPolicy: { allValues: "DENY" } }, rules({ denyAll: true })],
    [
      "values and inheritance",
      { listPolicy: { allowedValues: ["a"], deniedValues: ["b"], inheritFromParent: true } },
      { spec: { inheritFromParent: true, rules: [{ values: { allowedValues: ["a"], deniedValues: ["b"] } }] } },
    ],
    ["a flag that is on", { booleanPolicy: { enforced: true } }, ENFORCED],
    ["a flag that is off, and so left out", { booleanPolicy: {} }, rules({ enforce: false })],
    ["the default restored", { restoreDefault: {} }, { spec: { reset: true } }],
  ])("the legacy API says the same otherwise: %s", (_name, legacy, current) => {
    expect(compareOrgPolicies(orgPolicyFrom(legacy), orgPolicyFrom(current))).toEqual([]);
    expect(orgPolicyFrom(legacy)).toEqual(orgPolicyFrom(current));
  });

  const rule = fc.record(
    {
      allowAll: fc.boolean(),
      denyAll: fc.boolean(),
      enforce: fc.boolean(),
      values: fc.record({ allowedValues: fc.subarray(["a", "b"]), deniedValues: fc.subarray(["c", "d"]) }),
      condition: fc.record({ expression: fc.constantFrom("", "x", "y") }),
    },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    { rules: fc.array(rule, { maxLength: 3 }), reset: fc.boolean(), inheritFromParent: fc.boolean() },
    { requiredKeys: [] },
  );
  const anyPolicy = fc
    .option(fc.record({ spec, dryRunSpec: spec }, { requiredKeys: [] }))
    .map((one): OrgPolicy | null => orgPolicyFrom(one));

  test("a policy compared with itself has changed in nothing", () => {
    fc.assert(
      fc.property(anyPolicy, (one) => {
        expect(compareOrgPolicies(one, structuredClone(one))).toEqual([]);
      }),
    );
  });

  test("the way back of a pure tightening weakens, and tightens nothing", () => {
    let pure = 0;
    fc.assert(
      fc.property(anyPolicy, anyPolicy, (a, b) => {
        const there = compareOrgPolicies(a, b);
        if (there.length === 0 || there.some(({ effect }) => effect !== "stronger")) return;
        pure++;
        const back = compareOrgPolicies(b, a).map(({ effect }) => effect);
        expect(back).toContain("weaker");
        expect(back).not.toContain("stronger");
      }),
      { numRuns: 4000 },
    );
    expect(pure).toBeGreaterThan(20);
  });

  test("any JSON as policy: an answer, never a throw; and what is kept reads as what it was", () => {
    const some = fc.oneof(
      fc.jsonValue(),
      fc.record({
        spec: fc.record({ rules: fc.array(fc.jsonValue()), reset: fc.jsonValue() }),
        dryRunSpec: fc.jsonValue(),
      }),
      fc.record({ listPolicy: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [one, other] = [orgPolicyFrom(a), orgPolicyFrom(b)];
        compareOrgPolicies(one, other);
        weaknessesOfOrgPolicy(one);
        compareCustomConstraints(a, b);
        expect(orgPolicyFrom(JSON.parse(JSON.stringify(one)))).toEqual(one);
      }),
    );
  });
});

describe("a policy by itself", () => {
  test.each([
    ["a list of values", allowed("default"), []],
    ["everything denied", rules({ denyAll: true }), []],
    ["everything allowed", rules({ allowAll: true }), ["weaker (critical) spec.rules.allowAll: - > true"]],
    [
      "everything allowed where there is a tag",
      rules(where({ allowAll: true })),
      [`weaker (critical) spec.rules[${TAGGED}].allowAll: - > true`],
    ],
    ["not enforced", rules({ enforce: false }), ["weaker (critical) spec.rules.enforce: - > false"]],
    ["enforced", ENFORCED, []],
    ["reset", { spec: { reset: true } }, ["weaker (critical) spec.reset: - > true"]],
    ["only tried: it may never have been more", { dryRunSpec: { rules: [{ allowAll: true }] } }, []],
    ["deleted", null, ["weaker (critical) policy: - > deleted"]],
  ])("%s", (_name, one, lines) => {
    expect(inLines(weaknessesOfOrgPolicy(orgPolicyFrom(one)))).toEqual(lines);
  });
});

describe("two custom constraints", () => {
  const BITES = {
    condition: "resource.x == 'y'",
    actionType: "DENY",
    methodTypes: ["CREATE", "UPDATE"],
    resourceTypes: ["a"],
  };
  test.each([
    ["the same", BITES, { ...BITES, displayName: "other words" }, []],
    ["deleted", BITES, null, ["weaker (critical) customConstraint: - > deleted"]],
    [
      "asked on fewer calls",
      BITES,
      { ...BITES, methodTypes: ["CREATE"] },
      ["weaker (high) customConstraint.methodTypes: UPDATE > -"],
    ],
    [
      "asked on more calls",
      { ...BITES, methodTypes: ["CREATE"] },
      BITES,
      ["stronger customConstraint.methodTypes: - > UPDATE"],
    ],
    [
      "asked of fewer resources",
      { ...BITES, resourceTypes: ["a", "b"] },
      BITES,
      ["weaker (high) customConstraint.resourceTypes: b > -"],
    ],
    [
      "denies where false is true",
      BITES,
      { ...BITES, condition: " False " },
      ["weaker (critical) customConstraint.condition: resource.x == 'y' >  False "],
    ],
    [
      "allows whatever",
      { ...BITES, actionType: "ALLOW" },
      { ...BITES, actionType: "ALLOW", condition: "true" },
      ["weaker (critical) customConstraint.condition: resource.x == 'y' > true"],
    ],
    [
      "denies whatever, which is no weakening",
      BITES,
      { ...BITES, condition: "true" },
      ["neutral customConstraint.condition: resource.x == 'y' > true"],
    ],
    [
      "bites again",
      { ...BITES, condition: "false" },
      BITES,
      ["stronger customConstraint.condition: false > resource.x == 'y'"],
    ],
    ["still stops nothing", { ...BITES, condition: "false" }, { ...BITES, condition: "false" }, []],
    [
      "another expression, which is not for us to judge",
      BITES,
      { ...BITES, condition: "z" },
      ["neutral customConstraint.condition: resource.x == 'y' > z"],
    ],
    ["another action", BITES, { ...BITES, actionType: "ALLOW" }, ["neutral customConstraint.actionType: DENY > ALLOW"]],
    ["new", undefined, BITES, []],
    [
      "new, and stops nothing",
      undefined,
      { ...BITES, condition: "false" },
      ["weaker (critical) customConstraint.condition: - > false"],
    ],
  ])("%s", (_name, before, after, lines) => {
    expect(inLines(compareCustomConstraints(before, after))).toEqual(lines);
  });
});

test.each([
  ["run.allowedBinaryAuthorizationPolicies", true],
  ["constraints/run.allowedBinaryAuthorizationPolicies", true],
  ["container.managed.enableBinaryAuthorization", true],
  ["custom.cloudrunServiceRequireBinaryAuthorization", true],
  ["customConstraints/custom.cloudrunJobRequireBinaryAuthorization", true],
  ["custom.binary_authorisation", true],
  ["custom.requireBinauthz", true],
  ["run.allowedIngress", false],
  ["iam.binaryOwners", false],
])("%s is watched: %s", (name, is) => {
  expect(isWatchedConstraint(name)).toBe(is);
});

const { find, kinds, observed } = benchOf(orgpolicyRules);

const ALLOW_ALL = "orgpolicy-v2-updatepolicy-allow-all.json";
const CREATED = "orgpolicy-v2-createpolicy.json";
const DELETED = "orgpolicy-v2-deletepolicy.json";
const OTHER = "orgpolicy-v2-updatepolicy-other-constraint.json";
const SET = "orgpolicy-legacy-setorgpolicy.json";
const CLEARED = "orgpolicy-legacy-clearorgpolicy.json";
const CUSTOM = "orgpolicy-v2-deletecustomconstraint.json";
const TAG = "orgpolicy-createtagbinding.json";
const REFUSED = "orgpolicy-v2-updatepolicy-permission-denied.json";
const TRIED = "orgpolicy-dryrun-policy-log.json";
const METHOD = "protoPayload.methodName";
const SERVICE = "protoPayload.serviceName";
const REQUEST = "protoPayload.request";
const RESPONSE = "protoPayload.response";
const METADATA = "protoPayload.metadata";
const V2 = "google.cloud.orgpolicy.v2.OrgPolicy";
const KEY = "org-policy/folders/456789012345/run.allowedBinaryAuthorizationPolicies";
const FAILED = { "protoPayload.status": { code: 10 } };
const specs = (spec: object): Changes => ({
  [`${REQUEST}.policy.spec`]: spec as never,
  [`${RESPONSE}.spec`]: spec as never,
});

describe("a small difference decides", () => {
  const STORIES: readonly (readonly [string, string, Changes, readonly string[]])[] = [
    ["everything allowed is weak", ALLOW_ALL, {}, ["orgpolicy.weakened"]],
    ["everything denied is not", ALLOW_ALL, specs({ rules: [{ denyAll: true }] }), ["orgpolicy.changed"]],
    ["allowAll: false is not", ALLOW_ALL, specs({ rules: [{ allowAll: false }] }), ["orgpolicy.changed"]],
    ["reset is weak", ALLOW_ALL, specs({ reset: true }), ["orgpolicy.weakened"]],
    ["not enforced is weak", ALLOW_ALL, specs({ rules: [{ enforce: false }] }), ["orgpolicy.weakened"]],
    ["the same of another constraint is a change", OTHER, {}, ["orgpolicy.changed"]],
    ["a new policy is a change", CREATED, {}, ["orgpolicy.changed"]],
    [
      "a new policy that allows everything is weak",
      CREATED,
      specs({ rules: [{ allowAll: true }] }),
      ["orgpolicy.weakened"],
    ],
    [
      "what the answer says holds: a request may carry a part only",
      ALLOW_ALL,
      { [`${REQUEST}.policy.spec`]: undefined },
      ["orgpolicy.weakened"],
    ],
    ["without an answer the request says it", ALLOW_ALL, { [RESPONSE]: undefined }, ["orgpolicy.weakened"]],
    [
      "without either, something has changed and that is all",
      ALLOW_ALL,
      { [RESPONSE]: undefined, [`${REQUEST}.policy`]: undefined },
      ["orgpolicy.changed"],
    ],
    ["a deleted policy is weak", DELETED, {}, ["orgpolicy.weakened"]],
    [
      "a deleted policy of another constraint is a change",
      DELETED,
      { "protoPayload.resourceName": "folders/1/policies/x.y", [`${REQUEST}.name`]: "folders/1/policies/x.y" },
      ["orgpolicy.changed"],
    ],
    ["reading a policy changes nothing", ALLOW_ALL, { [METHOD]: `${V2}.GetPolicy` }, []],
    ["in another log it is none", ALLOW_ALL, { logName: "folders/1/logs/cloudaudit.googleapis.com%2Fdata_access" }, []],
    ["of another service it is none", ALLOW_ALL, { [SERVICE]: "run.googleapis.com" }, []],
    ["a change that failed is none", ALLOW_ALL, FAILED, []],
    ["the legacy call", SET, {}, ["orgpolicy.weakened"]],
    [
      "the legacy call under its whole name",
      SET,
      { [METHOD]: "google.cloudresourcemanager.v1.Projects.SetOrgPolicy" },
      ["orgpolicy.weakened"],
    ],
    [
      "the legacy call, denying everything",
      SET,
      { [`${RESPONSE}.listPolicy.allValues`]: "DENY" },
      ["orgpolicy.changed"],
    ],
    [
      "the legacy call, restoring the default",
      SET,
      { [`${RESPONSE}.listPolicy`]: undefined, [`${RESPONSE}.restoreDefault`]: {} },
      ["orgpolicy.weakened"],
    ],
    ["the legacy call of another service is none", SET, { [SERVICE]: "orgpolicy.googleapis.com" }, []],
    ["the legacy way to delete", CLEARED, {}, ["orgpolicy.weakened"]],
    ["the legacy way to read", CLEARED, { [METHOD]: "GetOrgPolicy" }, []],
    ["the legacy way, failed", CLEARED, FAILED, []],
    ["a custom constraint is deleted", CUSTOM, {}, ["orgpolicy.weakened"]],
    [
      "a custom constraint for something else is deleted",
      CUSTOM,
      {
        "protoPayload.resourceName": "organizations/1/customConstraints/custom.x",
        [`${REQUEST}.name`]: "organizations/1/customConstraints/custom.x",
      },
      ["orgpolicy.changed"],
    ],
    [
      "a custom constraint is made",
      CUSTOM,
      {
        [METHOD]: `${V2}.CreateCustomConstraint`,
        [`${REQUEST}.customConstraint`]: { condition: "x", actionType: "DENY" },
      },
      ["orgpolicy.changed"],
    ],
    [
      "a custom constraint that stops nothing",
      CUSTOM,
      {
        [METHOD]: `${V2}.UpdateCustomConstraint`,
        [`${REQUEST}.customConstraint`]: { condition: "false", actionType: "DENY" },
      },
      ["orgpolicy.weakened"],
    ],
    ["a custom constraint without a body", CUSTOM, { [METHOD]: `${V2}.UpdateCustomConstraint` }, ["orgpolicy.changed"]],
    ["a tag is bound", TAG, {}, ["orgpolicy.changed"]],
    [
      "a tag is unbound",
      TAG,
      {
        [METHOD]: "google.cloud.resourcemanager.v3.TagBindings.DeleteTagBinding",
        [REQUEST]: { name: "tagBindings/%2F%2Fcloudresourcemanager.googleapis.com%2Fprojects%2F1/tagValues/2" },
      },
      ["orgpolicy.changed"],
    ],
    ["the last entry of binding a tag says nothing new", TAG, { [REQUEST]: undefined }, []],
    ["tags are listed", TAG, { [METHOD]: "google.cloud.resourcemanager.v3.TagBindings.ListTagBindings" }, []],
    ["a tag of another service", TAG, { [SERVICE]: "tags.example.com" }, []],
    ["a tag that could not be bound", TAG, FAILED, []],
    ["a refused attempt", REFUSED, {}, ["orgpolicy.change_attempt_denied"]],
    [
      "a refused attempt by the legacy call",
      SET,
      { "protoPayload.status": { code: 7 } },
      ["orgpolicy.change_attempt_denied"],
    ],
    ["a refused attempt to read", REFUSED, { [METHOD]: `${V2}.GetPolicy` }, []],
    ["an attempt that failed otherwise", REFUSED, { "protoPayload.status.code": 9 }, []],
    ["a dry run that would have refused", TRIED, {}, ["orgpolicy.dryrun_violation"]],
    ["a dry run that would not have", TRIED, { [`${METADATA}.dryRunResult`]: "ALLOWED" }, []],
    ["a dry run without a constraint", TRIED, { [`${METADATA}.constraint`]: undefined }, []],
    [
      "a dry run of the other type, with a list",
      TRIED,
      {
        [METADATA]: {
          "@type": "type.googleapis.com/google.cloud.audit.OrgPolicyViolationInfo",
          violationInfo: [{ constraint: "constraints/run.x" }],
        },
      },
      ["orgpolicy.dryrun_violation"],
    ],
    [
      "a dry run of the other type, with an empty list",
      TRIED,
      { [METADATA]: { "@type": "type.googleapis.com/google.cloud.audit.OrgPolicyViolationInfo", violationInfo: [] } },
      [],
    ],
    [
      "a perimeter's dry run is another matter",
      TRIED,
      { [`${METADATA}.@type`]: "type.googleapis.com/google.cloud.audit.VpcServiceControlAuditMetadata" },
      [],
    ],
    ["a dry run in another log", TRIED, { logName: "projects/p/logs/cloudaudit.googleapis.com%2Factivity" }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, wanted) => {
    expect(kinds(file, changes)).toEqual(wanted);
  });
});

describe("with a known earlier state", () => {
  const before = (state: object | null) => knowing({ [KEY]: orgPolicyFrom(state) });
  test.each([
    ["what was allowed before is no news", ALLOW_ALL, rules({ allowAll: true }), "orgpolicy.changed"],
    ["what was not, is", ALLOW_ALL, allowed("default"), "orgpolicy.weakened"],
    ["nothing before is known too", ALLOW_ALL, null, "orgpolicy.weakened"],
    ["a deleted exception weakens nothing", DELETED, rules({ allowAll: true }), "orgpolicy.changed"],
    ["a deleted rule does", DELETED, allowed("default"), "orgpolicy.weakened"],
    ["a policy that has less to allow", CREATED, allowed("default", "x"), "orgpolicy.changed"],
    ["a policy that has more to allow", CREATED, allowed("x"), "orgpolicy.weakened"],
  ])("%s", (_name, file, state, wanted) => {
    expect(find(file, {}, before(state))).toMatchObject([
      { rule: wanted, comparedWith: "previous", confidence: "high" },
    ]);
  });

  test("without one, a deletion is sure and an open policy may have been so for long", () => {
    expect(find(DELETED)).toMatchObject([{ comparedWith: "none", confidence: "high" }]);
    expect(find(ALLOW_ALL)).toMatchObject([{ comparedWith: "none", confidence: "medium" }]);
  });

  test("the finding keeps its id, whatever it was compared with", () => {
    const ids = [{}, before(allowed("default")), before(rules({ allowAll: true }))].map(
      (context) => find(ALLOW_ALL, {}, context)[0]?.id,
    );
    expect(new Set(ids).size).toBe(1);
  });

  test("what one entry leaves behind is what the next is compared with, by either API", () => {
    const left = observed(CREATED);
    expect(left?.key).toBe(KEY);
    expect(find(ALLOW_ALL, {}, knowing({ [KEY]: left?.state }))[0]?.changes).toEqual([
      { field: "spec.rules.allowAll", before: "allowed default", after: "true", effect: "weaker" },
    ]);
    const legacy = observed(SET);
    expect(find(SET, {}, knowing({ [legacy?.key ?? ""]: legacy?.state }))).toMatchObject([
      { rule: "orgpolicy.changed", changes: [] },
    ]);
  });

  test.each([
    ["a deleted policy is known to be gone", DELETED, {}, { key: KEY, state: null }],
    [
      "a policy without a body leaves nothing",
      ALLOW_ALL,
      { [RESPONSE]: undefined, [`${REQUEST}.policy`]: undefined },
      null,
    ],
    [
      "a custom constraint is another thing than a policy that uses it",
      CUSTOM,
      {},
      {
        key: "custom-constraint/org-policy/organizations/123456789012/custom.cloudrunServiceRequireBinaryAuthorization",
        state: null,
      },
    ],
    ["a tag leaves nothing", TAG, {}, null],
    ["a refused attempt leaves nothing", REFUSED, {}, null],
  ])("%s", (_name, file, changes, state) => {
    expect(observed(file, changes as Changes)).toEqual(state);
  });
});

describe("what it is about", () => {
  test.each([
    ["a folder's policy", ALLOW_ALL, {}, KEY],
    ["a new policy, by its name in the request", CREATED, {}, KEY],
    [
      "a project goes by its id, whatever the entry writes",
      SET,
      { "protoPayload.resourceName": "projects/123456789012", [`${REQUEST}.resource`]: "projects/123456789012" },
      "org-policy/projects/example-prod/run.allowedBinaryAuthorizationPolicies",
    ],
    ["a legacy deletion", CLEARED, {}, "org-policy/projects/example-prod/run.allowedBinaryAuthorizationPolicies"],
    [
      "a custom constraint shares its policies' story",
      CUSTOM,
      {},
      "org-policy/organizations/123456789012/custom.cloudrunServiceRequireBinaryAuthorization",
    ],
    [
      "without any name, the log's own place",
      ALLOW_ALL,
      { "protoPayload.resourceName": undefined, [REQUEST]: undefined, [RESPONSE]: undefined },
      "org-policy/folders/456789012345/unknown",
    ],
    ["tags of a project", TAG, {}, "org-policy/projects/example-prod/tag-bindings"],
    ["a trial of Cloud Run is that workload's story", TRIED, {}, "cloud-run-service/example-prod/europe-west1/shadow"],
    [
      "a trial of something else",
      TRIED,
      { "protoPayload.resourceName": "//container.googleapis.com/projects/p/locations/l/clusters/c" },
      "org-policy/projects/example-prod/run.allowedBinaryAuthorizationPolicies",
    ],
  ] as readonly (readonly [string, string, Changes, string])[])("%s", (_name, file, changes, key) => {
    expect(find(file, changes).map(({ incidentKey }) => incidentKey)).toEqual([key]);
  });

  test("an attempt says what it would have weakened, and which permission it lacked", () => {
    expect(find(REFUSED)[0]).toMatchObject({
      changes: [],
      facts: { permission: "orgpolicy.policy.set", asked: ["spec.rules.allowAll: true"], watched: true },
    });
  });

  test("a tag that is unbound names its value and where it was", () => {
    const name = "tagBindings/%2F%2Fcloudresourcemanager.googleapis.com%2Fprojects%2F1/tagValues/2";
    const unbound = (of: string) =>
      find(TAG, {
        [METHOD]: "google.cloud.resourcemanager.v3.TagBindings.DeleteTagBinding",
        [REQUEST]: { name: of },
      })[0]?.facts;
    expect(unbound(name)).toMatchObject({
      tagValue: "tagValues/2",
      bound: false,
      boundTo: "//cloudresourcemanager.googleapis.com/projects/1",
    });
    expect(unbound("tagBindings/%zz/tagValues/2")).toMatchObject({ boundTo: "%zz" });
  });

  test("a tag that is bound may be bound for other reasons", () => {
    expect(find(TAG)[0]).toMatchObject({ confidence: "low", comparedWith: null, facts: { bound: true } });
    const unbound = {
      [METHOD]: "google.cloud.resourcemanager.v3.TagBindings.DeleteTagBinding",
      [REQUEST]: { name: "tagBindings/x/tagValues/2" },
    };
    expect(observed(TAG, unbound)).toBeNull();
  });

  test("what is wrong with other constraints is told, but not how grave it is", () => {
    expect(find(OTHER)[0]?.facts).not.toHaveProperty("weakening");
    expect(find(ALLOW_ALL)[0]?.facts).toMatchObject({ weakening: "critical" });
  });
});
