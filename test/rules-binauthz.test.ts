import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Json, member } from "../shared/audit-log/json.ts";
import { breadthOf, coverageOf } from "../shared/classifier/allowlist-breadth.ts";
import { attestorState, compareAttestors } from "../shared/classifier/compare-attestor.ts";
import {
  allowlistWarnings,
  comparePolicies,
  isTerraformDefault,
  policyState,
  weaknessesOf,
} from "../shared/classifier/compare-binauthz-policy.ts";
import {
  comparePlatformPolicies,
  platformPolicyState,
  weaknessesOfPlatformPolicy,
} from "../shared/classifier/compare-platform-policy.ts";
import { type GradedChange, toChanges, weaker } from "../shared/classifier/graded-change.ts";
import { binauthzRules } from "../shared/rules/binauthz.ts";
import { benchOf, type Changes, knowing } from "./support/judged-sample.ts";
import { sampleEntry } from "./support/samples.ts";

/** Effect, gravity of what weakens, field, before and after, as one line. */
function inLines(changes: readonly GradedChange[]): readonly string[] {
  return changes.map(
    ({ field, before, after, effect, gravity }) =>
      `${effect}${gravity === null ? "" : ` (${gravity})`} ${field}: ${before ?? "-"} > ${after ?? "-"}`,
  );
}

const ATTESTOR = "projects/p/attestors/built";
const SCANNED = "projects/p/attestors/scanned";
const ALLOW = { evaluationMode: "ALWAYS_ALLOW", enforcementMode: "ENFORCED_BLOCK_AND_AUDIT_LOG" };
const DENY = { evaluationMode: "ALWAYS_DENY", enforcementMode: "ENFORCED_BLOCK_AND_AUDIT_LOG" };
const REQUIRE = {
  evaluationMode: "REQUIRE_ATTESTATION",
  enforcementMode: "ENFORCED_BLOCK_AND_AUDIT_LOG",
  requireAttestationsBy: [ATTESTOR],
};
const REQUIRE_TWO = { ...REQUIRE, requireAttestationsBy: [ATTESTOR, SCANNED] };
const TRY = { ...REQUIRE, enforcementMode: "DRYRUN_AUDIT_LOG_ONLY" };
const policy = (rule: object, more: object = {}) => ({ defaultAdmissionRule: rule, ...more });
const allowing = (...patterns: readonly string[]) =>
  policy(REQUIRE, { admissionWhitelistPatterns: patterns.map((namePattern) => ({ namePattern })) });
const mode = (globalPolicyEvaluationMode: string) => policy(REQUIRE, { globalPolicyEvaluationMode });
const cluster = (rule: object, fallback: object = REQUIRE) =>
  policy(fallback, { clusterAdmissionRules: { "europe-west1.prod": rule } });
const D = "defaultAdmissionRule" as const;
const L = "admissionWhitelistPatterns" as const;
const C = 'clusterAdmissionRules."europe-west1.prod"';
const ENFORCED = "ENFORCED_BLOCK_AND_AUDIT_LOG";
const BY = `REQUIRE_ATTESTATION by ${ATTESTOR}, ${ENFORCED}`;

/** Each way to weaken a policy. Read from right to left it is the tightening that undoes it. */
const WEAKENINGS: readonly (readonly [string, object, object, readonly string[]])[] = [
  [
    "everything is allowed",
    policy(REQUIRE),
    policy(ALLOW),
    [`weaker (critical) ${D}.evaluationMode: REQUIRE_ATTESTATION > ALWAYS_ALLOW`],
  ],
  [
    "what was always refused needs an attestation only",
    policy(DENY),
    policy(REQUIRE),
    [`weaker (high) ${D}.evaluationMode: ALWAYS_DENY > REQUIRE_ATTESTATION`],
  ],
  [
    "what was always refused is allowed",
    policy(DENY),
    policy(ALLOW),
    [`weaker (critical) ${D}.evaluationMode: ALWAYS_DENY > ALWAYS_ALLOW`],
  ],
  [
    "the rule is only tried",
    policy(REQUIRE),
    policy(TRY),
    [`weaker (critical) ${D}.enforcementMode: ${ENFORCED} > DRYRUN_AUDIT_LOG_ONLY`],
  ],
  [
    "an attestor is no longer asked",
    policy(REQUIRE_TWO),
    policy(REQUIRE),
    [`weaker (high) ${D}.requireAttestationsBy: ${SCANNED} > -`],
  ],
  [
    "a repository is allowed",
    allowing(),
    allowing("europe-docker.pkg.dev/p/apps/**"),
    [`weaker (high) ${L}: - > europe-docker.pkg.dev/p/apps/**`],
  ],
  ["a public registry is allowed", allowing(), allowing("docker.io/**"), [`weaker (critical) ${L}: - > docker.io/**`]],
  [
    "a pattern without its slash is allowed",
    allowing("gcr.io/p/**"),
    allowing("gcr.io/p/**", "gcr.io/q**"),
    [`weaker (critical) ${L}: - > gcr.io/q**`],
  ],
  [
    "Google's own list is trusted",
    mode("DISABLE"),
    mode("ENABLE"),
    ["weaker (medium) globalPolicyEvaluationMode: DISABLE > ENABLE"],
  ],
  [
    "a cluster gets a rule that is weaker than the default one",
    policy(REQUIRE),
    cluster(ALLOW),
    [`weaker (critical) ${C}: - > ALWAYS_ALLOW, ${ENFORCED}`],
  ],
  [
    "a cluster loses a rule that was stricter than the default one",
    cluster(DENY),
    policy(REQUIRE),
    [`weaker (high) ${C}: ALWAYS_DENY, ${ENFORCED} > -`],
  ],
  [
    "a cluster's rule is weakened",
    cluster(REQUIRE),
    cluster(TRY),
    [`weaker (critical) ${C}.enforcementMode: ${ENFORCED} > DRYRUN_AUDIT_LOG_ONLY`],
  ],
  ...[
    "kubernetesNamespaceAdmissionRules",
    "kubernetesServiceAccountAdmissionRules",
    "istioServiceIdentityAdmissionRules",
  ].map(
    (map) =>
      [
        `${map}: a rule that is weaker than the default one`,
        policy(DENY),
        policy(DENY, { [map]: { payments: REQUIRE } }),
        [`weaker (high) ${map}.payments: - > ${BY}`],
      ] as const,
  ),
  [
    "rules of a kind that is not known yet",
    policy(DENY),
    policy(DENY, { podAdmissionRules: { "a-b": ALLOW } }),
    [`weaker (critical) podAdmissionRules."a-b": - > ALWAYS_ALLOW, ${ENFORCED}`],
  ],
];

describe("two policies", () => {
  test.each(WEAKENINGS)("%s", (_name, before, after, lines) => {
    expect(inLines(comparePolicies(before, after))).toEqual(lines);
  });

  test.each(WEAKENINGS)("undone, it is a tightening: %s", (_name, before, after) => {
    const effects = comparePolicies(after, before).map(({ effect }) => effect);
    expect(new Set(effects)).toEqual(new Set(["stronger"]));
  });

  test.each(WEAKENINGS)("what a store has kept compares like the policy itself: %s", (_name, before, after, lines) => {
    const kept = JSON.parse(JSON.stringify(policyState({ name: "x", etag: "y", ...before } as never))) as unknown;
    expect(kept).not.toHaveProperty("etag");
    expect(inLines(comparePolicies(kept, after))).toEqual(lines);
  });

  test.each([
    [
      "from allowing everything, a dry run is the first step up",
      policy(ALLOW),
      policy(TRY),
      [
        `stronger ${D}.evaluationMode: ALWAYS_ALLOW > REQUIRE_ATTESTATION`,
        `neutral ${D}.enforcementMode: ${ENFORCED} > DRYRUN_AUDIT_LOG_ONLY`,
      ],
    ],
    [
      "enforcing a rule that allows everything tightens nothing",
      policy(TRY),
      policy(ALLOW),
      [
        `weaker (critical) ${D}.evaluationMode: REQUIRE_ATTESTATION > ALWAYS_ALLOW`,
        `neutral ${D}.enforcementMode: DRYRUN_AUDIT_LOG_ONLY > ${ENFORCED}`,
      ],
    ],
    [
      "an attestor in the place of another is both",
      policy(REQUIRE),
      policy({ ...REQUIRE, requireAttestationsBy: [SCANNED] }),
      [
        `stronger ${D}.requireAttestationsBy: - > ${SCANNED}`,
        `weaker (high) ${D}.requireAttestationsBy: ${ATTESTOR} > -`,
      ],
    ],
    [
      "the order of attestors does not matter",
      policy(REQUIRE_TWO),
      policy({ ...REQUIRE_TWO, requireAttestationsBy: [SCANNED, ATTESTOR] }),
      [],
    ],
    [
      "a mode that nobody knows is neither",
      policy(REQUIRE),
      policy({ ...REQUIRE, evaluationMode: "ASK_TWICE" }),
      [`neutral ${D}.evaluationMode: REQUIRE_ATTESTATION > ASK_TWICE`],
    ],
    [
      "a pattern that another one covers already lets in nothing new",
      allowing("gcr.io/p/**"),
      allowing("gcr.io/p/**", "gcr.io/p/x@*"),
      [`neutral ${L}: - > gcr.io/p/x@*`],
    ],
    [
      "a pattern that another one still covers takes nothing away",
      allowing("gcr.io/p/**", "gcr.io/p/x"),
      allowing("gcr.io/p/**"),
      [`neutral ${L}: gcr.io/p/x > -`],
    ],
    [
      "a cluster gets a rule like the one that it lost as default",
      policy(REQUIRE),
      cluster(REQUIRE, ALLOW),
      [`weaker (critical) ${D}.evaluationMode: REQUIRE_ATTESTATION > ALWAYS_ALLOW`, `neutral ${C}: - > ${BY}`],
    ],
    [
      "no mode and DISABLE are the same",
      policy(REQUIRE),
      mode("DISABLE"),
      ["neutral globalPolicyEvaluationMode: - > DISABLE"],
    ],
    [
      "no mode and its unspecified value are one",
      policy(REQUIRE),
      mode("GLOBAL_POLICY_EVALUATION_MODE_UNSPECIFIED"),
      [],
    ],
    ["a description says nothing", policy(REQUIRE), policy(REQUIRE, { description: "ALWAYS_ALLOW" }), []],
  ])("%s", (_name, before, after, lines) => {
    expect(inLines(comparePolicies(before, after))).toEqual(lines);
  });

  const rule = fc.record(
    {
      evaluationMode: fc.constantFrom("ALWAYS_ALLOW", "REQUIRE_ATTESTATION", "ALWAYS_DENY", "OTHER"),
      enforcementMode: fc.constantFrom(ENFORCED, "DRYRUN_AUDIT_LOG_ONLY"),
      requireAttestationsBy: fc.subarray(["a", "b", "c"]),
    },
    { requiredKeys: [] },
  );
  const anyPolicy = fc.record(
    {
      defaultAdmissionRule: rule,
      clusterAdmissionRules: fc.dictionary(fc.constantFrom("l.c", "l.d", "__proto__"), rule),
      admissionWhitelistPatterns: fc.array(
        fc.record({ namePattern: fc.constantFrom("gcr.io/p/**", "gcr.io/p/*", "gcr.io/p/x", "gcr.io/p**", "x", "**") }),
      ),
      globalPolicyEvaluationMode: fc.constantFrom("ENABLE", "DISABLE"),
    },
    { requiredKeys: [] },
  );

  const PARTS = [D, "clusterAdmissionRules", L, "globalPolicyEvaluationMode"] as const;

  test("a policy compared with itself has changed in nothing", () => {
    fc.assert(
      fc.property(anyPolicy, (one) => {
        expect(comparePolicies(one, structuredClone(one))).toEqual([]);
      }),
    );
  });

  test("the way back of a pure tightening is a pure weakening", () => {
    let pure = 0;
    fc.assert(
      fc.property(anyPolicy, anyPolicy, fc.constantFrom(...PARTS), (a, other, part) => {
        const b = { ...a, [part]: other[part] };
        const [there, back] = [comparePolicies(a, b), comparePolicies(b, a)];
        expect(back).toHaveLength(there.length);
        if (there.length === 0 || there.some(({ effect }) => effect !== "stronger")) return;
        pure++;
        expect(back.every(({ effect }) => effect === "weaker")).toBe(true);
      }),
      { numRuns: 4000 },
    );
    expect(pure).toBeGreaterThan(20);
  });

  test("any JSON as policy: an answer, never a throw", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), anyPolicy, (a, b, good) => {
        for (const [before, after] of [
          [a, b],
          [good, a],
          [a, good],
        ])
          comparePolicies(before, after);
        weaknessesOf(a);
        isTerraformDefault(a);
        allowlistWarnings(a, b);
      }),
    );
  });
});

describe("a policy by itself", () => {
  const DESTROYED = policy(ALLOW, { admissionWhitelistPatterns: [{ namePattern: "gcr.io/google_containers/*" }] });
  test.each([
    ["a sound policy has no weakness", allowing("gcr.io/p/**"), []],
    ["allowing everything", policy(ALLOW), [`weaker (critical) ${D}.evaluationMode: - > ALWAYS_ALLOW`]],
    ["a dry run", policy(TRY), [`weaker (critical) ${D}.enforcementMode: - > DRYRUN_AUDIT_LOG_ONLY`]],
    [
      "a cluster where everything is allowed",
      cluster(ALLOW),
      [`weaker (critical) ${C}.evaluationMode: - > ALWAYS_ALLOW`],
    ],
    ["a public registry", allowing("docker.io/**"), [`weaker (critical) ${L}: - > docker.io/**`]],
    ["what is wide, but the organization's own, may be meant so", allowing("gcr.io/p/apps/**"), []],
    [
      "what Terraform leaves behind",
      DESTROYED,
      [`weaker (critical) ${D}.evaluationMode: - > ALWAYS_ALLOW`, "neutral globalPolicyEvaluationMode: - > -"],
    ],
  ])("%s", (_name, one, lines) => {
    expect(inLines(weaknessesOf(one))).toEqual(lines);
  });

  test.each([
    ["as Terraform leaves it", DESTROYED, true],
    ["with a pattern more", policy(ALLOW, allowing("gcr.io/google_containers/*", "gcr.io/p/x")), false],
    ["with another pattern", { ...DESTROYED, admissionWhitelistPatterns: [{ namePattern: "gcr.io/p/*" }] }, false],
    ["with a global mode", { ...DESTROYED, globalPolicyEvaluationMode: "ENABLE" }, false],
    ["with another default rule", { ...DESTROYED, defaultAdmissionRule: DENY }, false],
    [
      "in dry run",
      { ...DESTROYED, defaultAdmissionRule: { ...ALLOW, enforcementMode: "DRYRUN_AUDIT_LOG_ONLY" } },
      false,
    ],
    ["with a rule for a cluster", { ...DESTROYED, clusterAdmissionRules: { "l.c": DENY } }, false],
    ["with an empty list of rules", { ...DESTROYED, clusterAdmissionRules: {} }, true],
  ])("the signature of terraform destroy: %s", (_name, one, is) => {
    expect(isTerraformDefault(one)).toBe(is);
  });
});

describe("how wide a pattern is", () => {
  test.each([
    ["**", "critical", "** covers every image"],
    ["*", "critical", "* covers every image"],
    ["gcr.io**", "critical", "gcr.io** also covers every registry whose name begins with gcr.io: write gcr.io/**"],
    ["gcr.io/**", "critical", "gcr.io/** covers the whole registry, whoever owns the project"],
    [
      "gcr.io/my-project**",
      "critical",
      "gcr.io/my-project** also covers gcr.io/my-project-anything/…: write gcr.io/my-project/**",
    ],
    ["gcr.io/my-project/**", "high", "gcr.io/my-project/** covers every repository of the project"],
    ["gcr.io/p/apps**", "high", "gcr.io/p/apps** also covers gcr.io/p/apps-anything/…: write gcr.io/p/apps/**"],
    ["gcr.io/p/apps/**", "high", null],
    ["gcr.io/p/*", "high", null],
    ["gcr.io/p/x@sha256:1", "high", null],
    ["docker.io/**", "critical", "docker.io/** is on a public registry, where anybody can publish images"],
    [
      "DOCKER.IO/library/**",
      "critical",
      "DOCKER.IO/library/** is on a public registry, where anybody can publish images",
    ],
    ["ghcr.io/org/x", "high", "ghcr.io/org/x is on a public registry, where anybody can publish images"],
    ["nginx*", "high", "nginx* is on a public registry, where anybody can publish images"],
    ["library/**", "critical", "library/** is on a public registry, where anybody can publish images"],
    ["k8s.gcr.io/**", "high", null],
    [
      "localhost:5000/p/x**",
      "high",
      "localhost:5000/p/x** also covers localhost:5000/p/x-anything/…: write localhost:5000/p/x/**",
    ],
    ["localhost/**", "critical", "localhost/** covers the whole registry, whoever owns the project"],
    ["example.com*", "high", null],
  ])("%s", (pattern, gravity, warning) => {
    expect(breadthOf(pattern)).toEqual({ gravity, warning });
  });

  test.each([
    ["gcr.io/p/**", "gcr.io/p/x", true],
    ["gcr.io/p/**", "gcr.io/p/a/b**", true],
    ["gcr.io/p/**", "gcr.io/p/**", true],
    ["gcr.io/p/**", "gcr.io/p*", false],
    ["gcr.io/p/**", "gcr.io/q/x", false],
    ["gcr.io/p/*", "gcr.io/p/x*", true],
    ["gcr.io/p/*", "gcr.io/p/x", true],
    ["gcr.io/p/*", "gcr.io/p/a/x", false],
    ["gcr.io/p/*", "gcr.io/p/x**", false],
    ["gcr.io/p/x", "gcr.io/p/x", true],
    ["gcr.io/p/x", "gcr.io/p/x*", false],
    ["gcr.io/p/x", "gcr.io/p/xy", false],
  ])("%s covers %s: %s", (wide, narrow, covered) => {
    expect(coverageOf([wide])(narrow)).toBe(covered);
  });

  test("whatever a covered pattern lets in, the wide one does", () => {
    const matches = (pattern: string, image: string) =>
      pattern.endsWith("**")
        ? image.startsWith(pattern.slice(0, -2))
        : pattern.endsWith("*")
          ? image.startsWith(pattern.slice(0, -1)) && !image.slice(pattern.length - 1).includes("/")
          : image === pattern;
    const stem = fc.stringMatching(/^[ab/]{0,4}$/);
    const pattern = fc.tuple(stem, fc.constantFrom("", "*", "**")).map(([text, stars]) => text + stars);
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 3 }), pattern, stem, (wide, narrow, image) => {
        fc.pre(coverageOf(wide)(narrow) && matches(narrow, image));
        expect(wide.some((one) => matches(one, image))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("thousands of patterns are compared in no time", () => {
    const many = (start: number) =>
      allowing(...Array.from({ length: 10_000 }, (_, n) => `gcr.io/p/image-${start + n}*`));
    const started = performance.now();
    const changes = comparePolicies(many(0), many(5000));
    expect(performance.now() - started).toBeLessThan(2000);
    const shown = toChanges(changes);
    expect(shown).toHaveLength(101);
    expect(shown.at(-1)?.field).toBe(`${changes.length - 100} more`);
  });

  test("a text without end is cut", () => {
    const [change] = toChanges([weaker("f", null, "x".repeat(5000), "high")]);
    expect(change?.after).toHaveLength(1000);
  });
});

describe("two platform policies", () => {
  const checks = (...all: readonly object[]) => ({ gkePolicy: { checkSets: [{ displayName: "any", checks: all }] } });
  const directory = (...patterns: readonly string[]) => ({
    displayName: "named by somebody",
    trustedDirectoryCheck: { trustedDirPatterns: patterns },
  });
  const fresh = (maxUploadAgeDays: number) => ({ imageFreshnessCheck: { maxUploadAgeDays } });
  const vulnerable = (part: object) => ({ vulnerabilityCheck: part });
  const scoped = (kubernetesNamespace: string, ...all: readonly object[]) => ({
    scope: { kubernetesNamespace },
    checks: all,
  });
  const sets = (...all: readonly object[]) => ({ gkePolicy: { checkSets: all } });
  const S = "gkePolicy.checkSets";
  const NONE = "none (everything is allowed)";

  const PLATFORM_WEAKENINGS: readonly (readonly [string, object, object, readonly string[]])[] = [
    ["it is emptied", checks(fresh(30)), { gkePolicy: {} }, [`weaker (critical) ${S}: 1 check set > ${NONE}`]],
    [
      "a check is removed",
      checks(fresh(30), directory("a")),
      checks(fresh(30)),
      [`weaker (high) ${S}.trustedDirectoryCheck: checked > removed`],
    ],
    [
      "a directory is trusted",
      checks(directory("a")),
      checks(directory("a", "b")),
      [`weaker (high) ${S}.trustedDirectoryCheck.trustedDirPatterns: - > b`],
    ],
    [
      "older images may run",
      checks(fresh(30)),
      checks(fresh(90)),
      [`weaker (high) ${S}.imageFreshnessCheck.maxUploadAgeDays: 30 > 90`],
    ],
    [
      "worse vulnerabilities may be there",
      checks(vulnerable({ maximumFixableSeverity: "LOW" })),
      checks(vulnerable({ maximumFixableSeverity: "CRITICAL" })),
      [`weaker (high) ${S}.vulnerabilityCheck.maximumFixableSeverity: LOW > CRITICAL`],
    ],
    [
      "a vulnerability is allowed",
      checks(vulnerable({ allowedCves: [] })),
      checks(vulnerable({ allowedCves: ["CVE-1"] })),
      [`weaker (high) ${S}.vulnerabilityCheck.allowedCves: - > CVE-1`],
    ],
    [
      "a vulnerability is no longer blocked",
      checks(vulnerable({ blockedCves: ["CVE-1"] })),
      checks(vulnerable({ blockedCves: [] })),
      [`weaker (high) ${S}.vulnerabilityCheck.blockedCves: CVE-1 > -`],
    ],
    [
      "another authority may sign",
      checks({ sigstoreSignatureCheck: { sigstoreAuthorities: [] } }),
      checks({ sigstoreSignatureCheck: { sigstoreAuthorities: [{ displayName: "x" }] } }),
      [`weaker (high) ${S}.sigstoreSignatureCheck.sigstoreAuthorities: - > {"displayName":"x"}`],
    ],
    [
      "what was always refused is not",
      checks({ alwaysDeny: true }),
      checks({ alwaysDeny: false }),
      [`weaker (high) ${S}.alwaysDeny: true > false`],
    ],
    [
      "images are exempt from all of it",
      checks(fresh(30)),
      { gkePolicy: { ...checks(fresh(30)).gkePolicy, imageAllowlist: { allowPattern: ["a/**"] } } },
      ["weaker (high) gkePolicy.imageAllowlist: - > a/**"],
    ],
    [
      "images are exempt from one check",
      checks(fresh(30)),
      checks({ ...fresh(30), imageAllowlist: { allowPattern: ["a"] } }),
      [`weaker (high) ${S}.imageFreshnessCheck.imageAllowlist: - > a`],
    ],
    [
      "a namespace gets checks that are weaker than the others'",
      sets({ checks: [fresh(30)] }),
      sets(scoped("dev"), { checks: [fresh(30)] }),
      [`weaker (high) ${S}[kubernetesNamespace dev]: - > ${NONE}`],
    ],
  ];
  test.each(PLATFORM_WEAKENINGS)("%s", (_name, before, after, lines) => {
    expect(inLines(comparePlatformPolicies(before, after))).toEqual(lines);
    const kept = JSON.parse(JSON.stringify(platformPolicyState(before as never))) as unknown;
    expect(inLines(comparePlatformPolicies(kept, after))).toEqual(lines);
    const back = comparePlatformPolicies(after, before).map(({ effect }) => effect);
    expect(new Set(back)).toEqual(new Set(["stronger"]));
  });

  test.each([
    ["names say nothing", checks(directory("a")), checks({ ...directory("a"), displayName: "other" }), []],
    [
      "where scans are looked for is neither",
      checks(vulnerable({ containerAnalysisVulnerabilityProjects: ["projects/a"] })),
      checks(vulnerable({ containerAnalysisVulnerabilityProjects: ["projects/b"] })),
      [
        `neutral ${S}.vulnerabilityCheck.containerAnalysisVulnerabilityProjects: - > projects/b`,
        `neutral ${S}.vulnerabilityCheck.containerAnalysisVulnerabilityProjects: projects/a > -`,
      ],
    ],
    [
      "numbers that are written as text",
      checks({ imageFreshnessCheck: { maxUploadAgeDays: "9" } }),
      checks({ imageFreshnessCheck: { maxUploadAgeDays: "30" } }),
      [`weaker (high) ${S}.imageFreshnessCheck.maxUploadAgeDays: 9 > 30`],
    ],
    [
      "a limit that is gone is not for us to judge",
      checks(fresh(30)),
      checks({ imageFreshnessCheck: {} }),
      [`neutral ${S}.imageFreshnessCheck.maxUploadAgeDays: 30 > -`],
    ],
    [
      "several sets that are gone",
      sets(scoped("dev", fresh(1)), { checks: [fresh(1)] }),
      sets(),
      [`weaker (critical) ${S}: 2 check sets > ${NONE}`],
    ],
    [
      "still always refused",
      checks({ alwaysDeny: true }),
      checks({ alwaysDeny: true, imageAllowlist: { allowPattern: ["a"] } }),
      [`weaker (high) ${S}.alwaysDeny.imageAllowlist: - > a`],
    ],
    [
      "of two sets of one scope the first counts",
      sets({ checks: [fresh(1)] }, { checks: [] }),
      sets({ checks: [fresh(1)] }),
      [],
    ],
    ["empty before and after", { gkePolicy: {} }, {}, []],
    [
      "what a part means is not known",
      checks({ slsaCheck: { mood: "x" } }),
      checks({ slsaCheck: { mood: "y" } }),
      [`neutral ${S}.slsaCheck.mood: x > y`],
    ],
    [
      "a severity that is not known",
      checks(vulnerable({ maximumFixableSeverity: "LOW" })),
      checks(vulnerable({ maximumFixableSeverity: "TERRIBLE" })),
      [`neutral ${S}.vulnerabilityCheck.maximumFixableSeverity: LOW > TERRIBLE`],
    ],
    [
      "a service account's own checks, as strict as the others'",
      sets({ checks: [fresh(30)] }),
      sets({ scope: { kubernetesServiceAccount: "a:b" }, checks: [fresh(30)] }, { checks: [fresh(30)] }),
      [`neutral ${S}[kubernetesServiceAccount a:b]: - > imageFreshnessCheck`],
    ],
  ])("%s", (_name, before, after, lines) => {
    expect(inLines(comparePlatformPolicies(before, after))).toEqual(lines);
  });

  test.each([
    ["without check sets", {}, [`weaker (critical) ${S}: - > ${NONE}`]],
    [
      "with a set that checks nothing",
      sets(scoped("dev"), { checks: [fresh(1)] }),
      [`weaker (high) ${S}[kubernetesNamespace dev].checks: - > ${NONE}`],
    ],
    ["with checks", checks(fresh(1)), []],
  ])("by itself, %s", (_name, one, lines) => {
    expect(inLines(weaknessesOfPlatformPolicy(one))).toEqual(lines);
  });

  test("any JSON as policy: an answer, never a throw; and nothing has changed in itself", () => {
    const set = fc.record({ scope: fc.jsonValue(), checks: fc.array(fc.jsonValue()), imageAllowlist: fc.jsonValue() });
    const some = fc.oneof(fc.jsonValue(), fc.record({ gkePolicy: fc.record({ checkSets: fc.array(set) }) }));
    fc.assert(
      fc.property(some, some, (a, b) => {
        comparePlatformPolicies(a, b);
        weaknessesOfPlatformPolicy(a);
        expect(comparePlatformPolicies(a, structuredClone(a))).toEqual([]);
      }),
    );
  });
});

describe("two attestors", () => {
  const attestor = (keys: readonly object[], noteReference = "projects/p/notes/n") => ({
    userOwnedGrafeasNote: { noteReference, publicKeys: keys },
  });
  const KEY = { id: "k1", pkixPublicKey: { publicKeyPem: "pem", signatureAlgorithm: "ECDSA_P256_SHA256" } };
  const OTHER = { id: "k2", asciiArmoredPgpPublicKey: "pgp" };
  test.each([
    ["a key more: whoever holds it can sign", [KEY], [KEY, OTHER], ["weaker (high) publicKeys: - > k2"]],
    ["a key less", [KEY, OTHER], [KEY], ["stronger publicKeys: k2 > -"]],
    [
      "another key under the same id is another key",
      [KEY],
      [{ ...KEY, pkixPublicKey: { ...KEY.pkixPublicKey, publicKeyPem: "slipped in" } }],
      ["weaker (high) publicKeys: - > k1", "stronger publicKeys: k1 > -"],
    ],
    ["a comment says nothing", [KEY], [{ ...KEY, comment: "x" }], []],
    [
      "a key without an id",
      [],
      [{ asciiArmoredPgpPublicKey: "x" }],
      ["weaker (high) publicKeys: - > a key without an id"],
    ],
  ])("%s", (_name, before, after, lines) => {
    expect(inLines(compareAttestors(attestor(before), attestor(after)))).toEqual(lines);
    const kept = JSON.parse(JSON.stringify(attestorState(attestor(before) as never))) as unknown;
    expect(inLines(compareAttestors(kept, attestor(after)))).toEqual(lines);
  });

  test("another note is named, and the old name for the field is read", () => {
    const old = { userOwnedDrydockNote: { noteReference: "projects/p/notes/old", publicKeys: [KEY] } };
    expect(inLines(compareAttestors(old, attestor([KEY])))).toEqual([
      "neutral noteReference: projects/p/notes/old > projects/p/notes/n",
    ]);
  });

  test("any JSON as attestor: an answer, never a throw", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => void compareAttestors(a, b)));
  });
});

const { find, kinds, observed } = benchOf(binauthzRules);

const DRY = "binauthz-updatepolicy-v1-dryrun.json";
const ALLOW_ALL = "binauthz-updatepolicy-v1beta1-allow-all.json";
const WIDENED = "binauthz-updatepolicy-allowlist-widened.json";
const TIGHTENED = "binauthz-updatepolicy-attestor-added.json";
const REFUSED = "binauthz-updatepolicy-permission-denied.json";
const CREATED = "binauthz-createattestor.json";
const UPDATED = "binauthz-updateattestor-key-added.json";
const DELETED = "binauthz-deleteattestor.json";
const PLATFORM = "binauthz-replaceplatformpolicy-emptied.json";
const PLATFORM_CHANGED = "binauthz-replaceplatformpolicy-check-added.json";
const PLATFORM_CREATED = "binauthz-createplatformpolicy.json";
const PLATFORM_DELETED = "binauthz-deleteplatformpolicy.json";
const OLD_CONFIG = "binauthz-updatecontinuousvalidationconfig.json";
const ACCESS = "binauthz-attestor-setiampolicy.json";
const METHOD = "protoPayload.methodName";
const REQUEST_POLICY = "protoPayload.request.policy";
const RESPONSE = "protoPayload.response";
const V1 = "google.cloud.binaryauthorization.v1.BinauthzManagementServiceV1";
const BETA = "google.cloud.binaryauthorization.v1beta1.BinauthzManagementServiceV1Beta1";
const PLATFORMS = "google.cloud.binaryauthorization.v1.PlatformPolicyManagementService";
const FAILED = { "protoPayload.status": { code: 10, message: "etag" } };
const POLICY_KEY = "binauthz-policy/example-prod";
const SOUND = policy(REQUIRE, { globalPolicyEvaluationMode: "ENABLE" });

describe("a small difference decides", () => {
  const STORIES: readonly (readonly [string, string, Changes, readonly string[]])[] = [
    ["a policy in dry run is weak", DRY, {}, ["binauthz.policy_weakened"]],
    [
      "enforced, the same policy is only changed",
      DRY,
      { [`${REQUEST_POLICY}.defaultAdmissionRule.enforcementMode`]: ENFORCED },
      ["binauthz.policy_changed"],
    ],
    ["a policy that allows everything is weak", ALLOW_ALL, {}, ["binauthz.policy_weakened"]],
    [
      "one that asks for attestations is only changed",
      ALLOW_ALL,
      { [`${REQUEST_POLICY}.defaultAdmissionRule`]: REQUIRE },
      ["binauthz.policy_changed"],
    ],
    [
      "the words in a description weaken nothing",
      TIGHTENED,
      { [`${REQUEST_POLICY}.description`]: "ALWAYS_ALLOW DRYRUN_AUDIT_LOG_ONLY" },
      ["binauthz.policy_changed"],
    ],
    [
      "a user agent neither silences nor raises",
      DRY,
      { "protoPayload.requestMetadata.callerSuppliedUserAgent": "Terraform" },
      ["binauthz.policy_weakened"],
    ],
    ["a public registry is weak", WIDENED, {}, ["binauthz.policy_weakened"]],
    [
      "a repository of one's own is not",
      WIDENED,
      { [`${REQUEST_POLICY}.admissionWhitelistPatterns`]: [{ namePattern: "gcr.io/p/apps/**" }] },
      ["binauthz.policy_changed"],
    ],
    ["without the request, the answer says it", DRY, { [REQUEST_POLICY]: undefined }, ["binauthz.policy_weakened"]],
    [
      "without either, something has changed and that is all",
      DRY,
      { [REQUEST_POLICY]: undefined, [RESPONSE]: undefined },
      ["binauthz.policy_changed"],
    ],
    ["v1beta1 has methods of its own name", DRY, { [METHOD]: `${BETA}.UpdatePolicy` }, ["binauthz.policy_weakened"]],
    ["reading a policy changes nothing", DRY, { [METHOD]: `${V1}.GetPolicy` }, []],
    ["in another log it is none", DRY, { logName: "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access" }, []],
    ["of another service it is none", DRY, { "protoPayload.serviceName": "binaryauthorization.example.com" }, []],
    ["a change that failed is none", DRY, FAILED, []],
    ["a status with code 0 is a success", DRY, { "protoPayload.status": { code: 0 } }, ["binauthz.policy_weakened"]],
    ["a refused change is an attempt", DRY, { "protoPayload.status": { code: 7 } }, ["binauthz.change_attempt_denied"]],
    ["an attestor is created", CREATED, {}, ["binauthz.attestor_created"]],
    [
      "an attestor is created by v1beta1",
      CREATED,
      { [METHOD]: `${BETA}.CreateAttestor` },
      ["binauthz.attestor_created"],
    ],
    ["an attestor that failed to be created", CREATED, FAILED, []],
    ["an attestor is updated", UPDATED, {}, ["binauthz.attestor_updated"]],
    [
      "an attestor is updated by v1beta1",
      UPDATED,
      { [METHOD]: `${BETA}.UpdateAttestor` },
      ["binauthz.attestor_updated"],
    ],
    ["an attestor that failed to be updated", UPDATED, FAILED, []],
    ["an attestor is deleted", DELETED, {}, ["binauthz.attestor_deleted"]],
    [
      "an attestor is deleted by v1beta1",
      DELETED,
      { [METHOD]: `${BETA}.DeleteAttestor` },
      ["binauthz.attestor_deleted"],
    ],
    ["an attestor that failed to be deleted", DELETED, FAILED, []],
    ["an attestor that is read", DELETED, { [METHOD]: `${V1}.GetAttestor` }, []],
    ["a platform policy is created", PLATFORM_CREATED, {}, ["binauthz.platform_policy_created"]],
    ["a platform policy is emptied", PLATFORM, {}, ["binauthz.platform_policy_weakened"]],
    ["a platform policy gets a check", PLATFORM_CHANGED, {}, ["binauthz.platform_policy_changed"]],
    [
      "a platform policy with a set that checks nothing",
      PLATFORM_CHANGED,
      { [`${REQUEST_POLICY}.gkePolicy.checkSets`]: [{ checks: [] }] },
      ["binauthz.platform_policy_weakened"],
    ],
    [
      "a platform policy of another platform may be empty",
      PLATFORM,
      {
        "protoPayload.resourceName": "projects/example-prod/platforms/cloudRun/policies/p",
        [REQUEST_POLICY]: { name: "projects/example-prod/platforms/cloudRun/policies/p" },
      },
      ["binauthz.platform_policy_changed"],
    ],
    [
      "a platform policy without a body",
      PLATFORM,
      { [REQUEST_POLICY]: undefined, [RESPONSE]: undefined },
      ["binauthz.platform_policy_changed"],
    ],
    ["a platform policy that failed to be replaced", PLATFORM, FAILED, []],
    ["the old configuration of continuous validation", OLD_CONFIG, {}, ["binauthz.platform_policy_changed"]],
    [
      "the old configuration, read",
      OLD_CONFIG,
      {
        [METHOD]:
          "google.cloud.binaryauthorization.v1alpha2.ContinuousValidationManagementServiceV1Alpha2.GetContinuousValidationConfig",
      },
      [],
    ],
    ["a platform policy is deleted", PLATFORM_DELETED, {}, ["binauthz.platform_policy_deleted"]],
    ["a platform policy is evaluated", PLATFORM_DELETED, { [METHOD]: `${PLATFORMS}.EvaluateGkePolicy` }, []],
    ["access to an attestor is changed", ACCESS, {}, ["binauthz.iam_changed"]],
    ["access is read", ACCESS, { [METHOD]: "google.iam.v1.IAMPolicy.GetIamPolicy" }, []],
    ["access to something else", ACCESS, { "protoPayload.serviceName": "run.googleapis.com" }, []],
    ["a refused attempt", REFUSED, {}, ["binauthz.change_attempt_denied"]],
    ["a refused attempt to read is none", REFUSED, { [METHOD]: `${V1}.GetPolicy` }, []],
    ["an attempt that failed otherwise", REFUSED, { "protoPayload.status.code": 3 }, []],
    [
      "an attempt that says granted: false in so many words",
      REFUSED,
      { "protoPayload.authorizationInfo": [{ permission: "p", granted: false }] },
      ["binauthz.change_attempt_denied"],
    ],
    [
      "a refused grant is an attempt too",
      ACCESS,
      { "protoPayload.status": { code: 7 } },
      ["binauthz.change_attempt_denied"],
    ],
  ];
  test.each(STORIES)("%s", (_name, file, changes, wanted) => {
    expect(kinds(file, changes)).toEqual(wanted);
  });
});

describe("with a known earlier state", () => {
  /** The policy that the sample sets, with some parts as they were before. */
  const was = (file: string, parts: object) => ({
    ...(member(member(sampleEntry(file).protoPayload as Json, "request"), "policy") as object),
    ...parts,
  });
  const requiring = (...requireAttestationsBy: readonly string[]) => ({
    defaultAdmissionRule: { ...REQUIRE, requireAttestationsBy },
  });
  const BUILT = "projects/example-prod/attestors/built-by-cloud-build";
  const CHECKED = "projects/example-prod/attestors/scanned";
  const { admissionWhitelistPatterns: known } = was(WIDENED, {}) as { admissionWhitelistPatterns?: unknown };

  test.each([
    ["a dry run that was one before is no news", DRY, was(DRY, {}), "binauthz.policy_changed"],
    ["a dry run after enforcement is", DRY, was(DRY, requiring(BUILT)), "binauthz.policy_weakened"],
    [
      "an attestor that is no longer asked",
      TIGHTENED,
      was(TIGHTENED, requiring(BUILT, CHECKED, "x")),
      "binauthz.policy_weakened",
    ],
    ["an attestor more", TIGHTENED, was(TIGHTENED, requiring(BUILT)), "binauthz.policy_changed"],
    [
      "a public registry that was allowed before",
      WIDENED,
      was(WIDENED, { admissionWhitelistPatterns: known }),
      "binauthz.policy_changed",
    ],
    [
      "a public registry that was not",
      WIDENED,
      was(WIDENED, { admissionWhitelistPatterns: [] }),
      "binauthz.policy_weakened",
    ],
    [
      "trust in Google's list, which is a medium matter",
      TIGHTENED,
      was(TIGHTENED, { globalPolicyEvaluationMode: "DISABLE" }),
      "binauthz.policy_changed",
    ],
  ])("%s", (_name, file, before, wanted) => {
    const [finding, ...more] = find(file, {}, knowing({ [POLICY_KEY]: before }));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ rule: wanted, comparedWith: "previous", confidence: "high" });
  });

  test("a state that makes no sense is as good as none", () => {
    expect(find(DRY, {}, knowing({ [POLICY_KEY]: ["nonsense"] }))[0]).toMatchObject({ comparedWith: "none" });
    expect(find(PLATFORM, {}, knowing({ "platform-policy/example-prod/gke/prod-baseline": null }))[0]).toMatchObject({
      comparedWith: "none",
    });
  });

  test("a change without a body is compared with nothing", () => {
    const bare = { [REQUEST_POLICY]: undefined, [RESPONSE]: undefined };
    const known = knowing({ [POLICY_KEY]: SOUND });
    expect(find(DRY, bare, known)).toMatchObject([
      { rule: "binauthz.policy_changed", comparedWith: "none", changes: [] },
    ]);
  });

  test("the finding keeps its id, whatever it was compared with", () => {
    const ids = [{}, knowing({ [POLICY_KEY]: SOUND }), knowing({ [POLICY_KEY]: policy(TRY) })].map(
      (context) => find(DRY, {}, context)[0]?.id,
    );
    expect(new Set(ids).size).toBe(1);
  });

  test("what one entry leaves behind is what the next is compared with", () => {
    const left = observed(ALLOW_ALL);
    expect(left?.key).toBe(POLICY_KEY);
    const next = find(DRY, {}, knowing({ [POLICY_KEY]: left?.state }));
    expect(next[0]?.changes).toEqual([
      { field: `${D}.evaluationMode`, before: "ALWAYS_ALLOW", after: "REQUIRE_ATTESTATION", effect: "stronger" },
      { field: `${D}.enforcementMode`, before: ENFORCED, after: "DRYRUN_AUDIT_LOG_ONLY", effect: "neutral" },
    ]);
  });

  test.each([
    ["a policy without a body leaves nothing", DRY, { [REQUEST_POLICY]: undefined, [RESPONSE]: undefined }, null],
    [
      "a deleted attestor is known to be gone",
      DELETED,
      {},
      { key: "attestor/example-prod/built-by-cloud-build", state: null },
    ],
    [
      "a deleted platform policy is known to be gone",
      PLATFORM_DELETED,
      {},
      { key: "platform-policy/example-prod/gke/prod-baseline", state: null },
    ],
    [
      "an attestor without a body leaves nothing",
      UPDATED,
      { "protoPayload.request": undefined, [RESPONSE]: undefined },
      null,
    ],
    [
      "access has a state of its own",
      ACCESS,
      {},
      {
        key: "iam-policy/projects/example-prod/attestors/built-by-cloud-build",
        state: [["roles/binaryauthorization.attestorsAdmin", "user:bob@example.com"]],
      },
    ],
    ["access without bindings leaves nothing", ACCESS, { "protoPayload.request.policy": undefined }, null],
    ["a refused attempt leaves nothing", REFUSED, {}, null],
  ])("%s", (_name, file, changes, state) => {
    expect(observed(file, changes as Changes)).toEqual(state);
  });

  test("keys that were added to an attestor are named", () => {
    const before = observed(CREATED);
    const [finding] = find(UPDATED, {}, knowing({ [before?.key ?? ""]: before?.state }));
    expect(finding).toMatchObject({
      comparedWith: "previous",
      changes: [
        { field: "publicKeys", before: null, after: "3D87DC2675483B282B0202C44B6C87B093542ADB", effect: "weaker" },
      ],
    });
    expect(find(UPDATED)[0]).toMatchObject({ comparedWith: "none", changes: [] });
  });

  test("a check that a platform policy lost is named", () => {
    const before = observed(PLATFORM_CHANGED);
    const after = {
      [`${REQUEST_POLICY}.gkePolicy.checkSets`]: [{ checks: [{ imageFreshnessCheck: { maxUploadAgeDays: 30 } }] }],
    };
    const [finding] = find(PLATFORM_CHANGED, after, knowing({ [before?.key ?? ""]: before?.state }));
    expect(finding).toMatchObject({
      rule: "binauthz.platform_policy_weakened",
      changes: [{ field: "gkePolicy.checkSets.trustedDirectoryCheck", after: "removed", effect: "weaker" }],
    });
  });
});

describe("who may change it", () => {
  const KEY = "iam-policy/projects/example-prod/attestors/built-by-cloud-build";
  const delta = (action: string, member: string) => ({ action, role: "roles/x", member });
  test("by the entry's own comparison, where it has one", () => {
    const deltas = [delta("ADD", "user:a"), delta("REMOVE", "user:b"), { action: "ADD" }, "nonsense"];
    const [finding] = find(ACCESS, { "protoPayload.serviceData": { policyDelta: { bindingDeltas: deltas as Json } } });
    expect(finding).toMatchObject({
      comparedWith: "previous",
      facts: { role: "roles/x", member: "user:a", grants: [["roles/x", "user:a"]] },
      changes: [
        { field: "bindings", before: null, after: "roles/x to user:a", effect: "weaker" },
        { field: "bindings", before: "roles/x to user:b", after: null, effect: "stronger" },
      ],
    });
  });

  test("by the state before, where there is one", () => {
    const [finding] = find(ACCESS, {}, knowing({ [KEY]: [["roles/y", "user:c"], "nonsense"] }));
    expect(finding).toMatchObject({
      comparedWith: "previous",
      changes: [
        { after: "roles/binaryauthorization.attestorsAdmin to user:bob@example.com", effect: "weaker" },
        { before: "roles/y to user:c", effect: "stronger" },
      ],
    });
  });

  test("without either, it lists who may", () => {
    expect(find(ACCESS)[0]).toMatchObject({ comparedWith: "none", changes: [] });
    expect(find(ACCESS, { "protoPayload.request.policy": undefined })[0]?.facts).toMatchObject({ grants: [] });
  });

  test("of the project's policy it is that policy's story", () => {
    const name = "projects/example-prod/policy";
    const [finding] = find(ACCESS, { "protoPayload.resourceName": name, "protoPayload.request.resource": name });
    expect(finding).toMatchObject({ incidentKey: POLICY_KEY, facts: { resource: name } });
  });
});

describe("what it is about", () => {
  test.each([
    [
      "a policy goes by its project's id",
      DRY,
      { "protoPayload.resourceName": "projects/123456789012/policy" },
      POLICY_KEY,
    ],
    [
      "an attestor that is created, by its id",
      CREATED,
      { "protoPayload.request.attestor.name": undefined, [RESPONSE]: undefined },
      "attestor/example-prod/built-by-cloud-build",
    ],
    [
      "an attestor without a name",
      CREATED,
      { "protoPayload.request": {}, [RESPONSE]: undefined },
      "attestor/example-prod/unknown",
    ],
    [
      "a platform policy that is created, by its id",
      PLATFORM_CREATED,
      { "protoPayload.request.policy.name": undefined, [RESPONSE]: undefined },
      "platform-policy/example-prod/gke/prod-baseline",
    ],
    [
      "a platform policy without a name",
      PLATFORM_CREATED,
      { "protoPayload.request": {}, "protoPayload.resourceName": undefined, [RESPONSE]: undefined },
      "platform-policy/example-prod/unknown/unknown",
    ],
    [
      "a refused attempt on an attestor",
      REFUSED,
      { "protoPayload.resourceName": "projects/example-prod/attestors/a", [REQUEST_POLICY]: undefined },
      "attestor/example-prod/a",
    ],
    ["the old configuration", OLD_CONFIG, {}, "platform-policy/example-prod/gke/continuousValidationConfig"],
  ] as readonly (readonly [string, string, Changes, string])[])("%s", (_name, file, changes, key) => {
    expect(find(file, changes).map(({ incidentKey }) => incidentKey)).toEqual([key]);
  });

  test("an attempt says what it would have weakened, and which permission it lacked", () => {
    expect(find(REFUSED)[0]).toMatchObject({
      changes: [],
      facts: { permission: "binaryauthorization.policy.update", asked: ["admissionWhitelistPatterns: docker.io/**"] },
    });
  });

  test("the trap in a pattern is named", () => {
    const patterns = [{ namePattern: "gcr.io/my-project**" }];
    expect(
      find(WIDENED, { [`${REQUEST_POLICY}.admissionWhitelistPatterns`]: patterns })[0]?.facts.allowlistWarnings,
    ).toEqual(["gcr.io/my-project** also covers gcr.io/my-project-anything/…: write gcr.io/my-project/**"]);
  });

  test("without a warning there is no fact of that name", () => {
    expect(find(DRY)[0]?.facts).not.toHaveProperty("allowlistWarnings");
  });

  test("of many warnings, some are listed", () => {
    const patterns = Array.from({ length: 30 }, (_, n) => ({ namePattern: `docker.io/x${n}**` }));
    const [finding] = find(WIDENED, { [`${REQUEST_POLICY}.admissionWhitelistPatterns`]: patterns });
    expect(finding?.facts.allowlistWarnings).toHaveLength(21);
    expect(finding?.facts.allowlistWarnings).toContain("and 10 more");
  });

  test("terraform destroy is told by its signature", () => {
    expect(find("binauthz-updatepolicy-terraform-destroy.json")[0]?.facts.signature).toBe("terraform destroy");
    expect(find(ALLOW_ALL)[0]?.facts).not.toHaveProperty("signature");
  });
});
