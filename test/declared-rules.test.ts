import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { compileCatalogue } from "../shared/classifier/catalogue.ts";
import { classify } from "../shared/classifier/classify.ts";
import { checkRuleDocument, type RuleDocument, rulesInForce, toRule } from "../shared/classifier/declared-rule.ts";
import { BUILT_IN_RULES } from "../shared/rules/index.ts";
import { parseSettings } from "../shared/settings-schema.ts";
import { glasswatch } from "./support/command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "glasswatch-rules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ENTRY = {
  logName: "projects/pay/logs/cloudaudit.googleapis.com%2Factivity",
  timestamp: "2026-03-01T02:14:05.5Z",
  insertId: "own-1",
  resource: {
    type: "cloud_run_revision",
    labels: { project_id: "pay", location: "europe-west1", service_name: "till" },
  },
  protoPayload: {
    serviceName: "run.googleapis.com",
    methodName: "google.cloud.run.v2.Services.UpdateService",
    authenticationInfo: { principalEmail: "bob@example.com" },
    request: {
      service: {
        template: { containers: [{ image: "r.example/till:1" }] },
        labels: { reason: "because" },
        // What no rule of ours has anything to say of.
        binaryAuthorization: { useDefault: true },
      },
    },
  },
};
const AT_NIGHT: RuleDocument = {
  id: "payments.deploy_by_hand",
  category: "policy-violation",
  title: "Payments deployed by hand",
  severity: "high",
  filter: 'log_id("cloudaudit.googleapis.com/activity") protoPayload.authenticationInfo.principalEmail:"@example.com"',
  incidentKey: "deploys/{project}/{location}/{resource.labels.service_name}/{labels.team}",
  justification: "protoPayload.request.service.labels.reason",
  images: ["protoPayload.request.service.template.containers.image"],
  facts: { method: "protoPayload.methodName", type: "resource.type", whole: "resource" },
  counsel: { why: "w", falsePositives: "f", steps: ["see `gcloud run services list`"], reference: "runbooks/deploy" },
  matches: [ENTRY],
  leaves: [{ ...ENTRY, protoPayload: { authenticationInfo: { principalEmail: "robot@pay.iam.gserviceaccount.com" } } }],
};

describe("a rule of the organization's own", () => {
  test("finds what it describes, with the fields that it names", () => {
    const { findings, faults } = classify(ENTRY, compileCatalogue([toRule(AT_NIGHT)]));
    expect(faults).toEqual([]);
    expect(findings).toMatchObject([
      {
        rule: "payments.deploy_by_hand",
        severity: "high",
        incidentKey: "deploys/pay/europe-west1/till/unknown",
        justification: "because",
        images: [{ reference: "r.example/till:1", digest: null }],
        facts: { method: "google.cloud.run.v2.Services.UpdateService", type: "cloud_run_revision" },
        actor: { principal: "bob@example.com" },
      },
    ]);
    expect(findings[0]?.facts).not.toHaveProperty("whole");
  });

  test("is in order when it finds its own entries and leaves its near misses", () => {
    expect(() => checkRuleDocument(AT_NIGHT)).not.toThrow();
  });

  test.each([
    ["an entry that it should match and does not", { matches: AT_NIGHT.leaves }, /matches\[0\] is not recognised/],
    ["a near miss that it takes", { leaves: AT_NIGHT.matches }, /leaves\[0\] is recognised, but must not be/],
    ["a sample that is no log entry", { matches: [{ logName: "x" }] }, /matches\[0\]: not a log entry at logName/],
    ["a fact that is no field", { facts: { a: "nonsense.field" } }, /"nonsense\.field" is not a field/],
    ["a key with what is no field", { incidentKey: "x/{}" }, /is not a field/],
    ["an image that is a comparison", { images: ['a="b" OR c'] }, /is not a field/],
  ])("is refused for %s", (_name, change, message) => {
    const error = expect.objectContaining({ code: "RULE_INVALID", message: expect.stringMatching(message) });
    expect(() => checkRuleDocument({ ...AT_NIGHT, ...change } as RuleDocument)).toThrow(error);
  });

  test("is refused for a filter that does not compile", () => {
    expect(() => checkRuleDocument({ ...AT_NIGHT, filter: "a = (" })).toThrow(
      expect.objectContaining({ code: "QUERY_SYNTAX" }),
    );
  });
});

describe("rules that come with Glasswatch can be changed, with a reason", () => {
  test("one is disabled, one regraded, the others stay", () => {
    const rules = rulesInForce(
      BUILT_IN_RULES,
      [AT_NIGHT],
      [
        { id: "gke.dryrun", reason: "no dry run here", disabled: true },
        { id: "gke.denied", reason: "we page on it", severity: "critical" },
      ],
    );
    expect(rules.length).toBe(BUILT_IN_RULES.length);
    expect(rules.some(({ id }) => id === "gke.dryrun")).toBe(false);
    expect(rules.find(({ id }) => id === "gke.denied")?.severity).toBe("critical");
    expect(rules.at(-1)?.id).toBe("payments.deploy_by_hand");
  });

  test("a change of a rule that does not exist is refused", () => {
    expect(() => rulesInForce(BUILT_IN_RULES, [], [{ id: "gke.nothing", reason: "r", disabled: true }])).toThrow(
      expect.objectContaining({ code: "RULE_INVALID" }),
    );
  });

  test("a rule of one's own cannot take the id of another", () => {
    const rules = rulesInForce(BUILT_IN_RULES, [{ ...AT_NIGHT, id: "gke.denied" }]);
    expect(() => compileCatalogue(rules)).toThrow(expect.objectContaining({ code: "RULE_INVALID" }));
  });
});

describe("rules in the settings file", () => {
  // YAML takes JSON as it is, so the document above can stand in a file.
  const yaml = (own: unknown, more = "") => `rules:\n  own:\n    - ${JSON.stringify(own)}\n${more}`;

  test("are read, and checked with their own entries", () => {
    expect(parseSettings(yaml(AT_NIGHT), "f.yaml").rules.own).toEqual([AT_NIGHT]);
  });

  test.each([
    [
      "a filter that does not parse",
      yaml({ ...AT_NIGHT, filter: "a = (" }),
      /f\.yaml:3:7: rule payments\.deploy_by_hand: QUERY_SYNTAX: /,
    ],
    [
      "an entry that is judged wrongly",
      yaml({ ...AT_NIGHT, leaves: AT_NIGHT.matches }),
      /f\.yaml:3:7: rule payments\.deploy_by_hand: the entry leaves\[0\] is recognised/,
    ],
    ["no near miss", yaml({ ...AT_NIGHT, leaves: [] }), /rules\.own\.0\.leaves/],
    ["an id without a service", yaml({ ...AT_NIGHT, id: "x" }), /rules\.own\.0\.id: expected an id such as/],
    [
      "a change without a reason",
      "rules:\n  changes:\n    - { id: gke.denied, disabled: true }\n",
      /rules\.changes\.0\.reason/,
    ],
    [
      "a change that changes nothing",
      "rules:\n  changes:\n    - { id: gke.denied, reason: r }\n",
      /f\.yaml:3:7: rules\.changes\.0: say either disabled: true or a severity/,
    ],
    [
      "a topic of the wrong form",
      "watchlists:\n  ownTopics: [audit]\n",
      /f\.yaml:2:15: watchlists\.ownTopics\.0: expected projects\/P\/topics\/T/,
    ],
  ])("are refused for %s, with the place", (_name, text, message) => {
    expect(() => parseSettings(text, "f.yaml")).toThrow(message);
  });

  test("are what replay, explain, rules and check go by", async () => {
    const config = join(folder, "glasswatch.yaml");
    writeFileSync(config, yaml(AT_NIGHT, '  changes:\n    - { id: gke.denied, reason: "r", disabled: true }\n'));
    const entry = JSON.stringify(ENTRY);
    const { stdout } = await glasswatch(["replay", "-", "--config", config], { input: entry });
    expect(JSON.parse(stdout)).toMatchObject({ rule: "payments.deploy_by_hand" });
    const explained = await glasswatch(["explain", "-", "--config", config], { input: entry });
    expect(explained.stdout).toContain('"rule":"payments.deploy_by_hand","verdict":"finding"');
    const rules = await glasswatch(["rules", "--config", config, "--format", "table"]);
    expect(rules.stdout).toMatch(/payments\.deploy_by_hand +policy-violation +high/);
    expect(rules.stdout).not.toContain("gke.denied");
    const filter = await glasswatch(["rules", "filter", "--category", "policy-violation", "--config", config]);
    expect(filter.stdout).toContain("principalEmail");
    const check = await glasswatch(["check", "--config", config]);
    expect(JSON.parse(check.stdout).rules).toBe(BUILT_IN_RULES.length);
  });
});
