import { describe, expect, test } from "vitest";
import { find, rules, type Story } from "./support/rule-stories.ts";

const ENFORCED = "vpcsc-policy-denied.json";
const DRY = "vpcsc-policy-denied-dryrun.json";
const TYPE = 'protoPayload.metadata."@type"';
const PRINCIPAL = "protoPayload.authenticationInfo.principalEmail";

describe("which refusals by perimeters are told of", () => {
  const STORIES: readonly Story[] = [
    ["the type under another prefix", ENFORCED, { [TYPE]: "x/VpcServiceControlAuditMetadata" }, ["vpcsc.denied"]],
    ["a type that goes on", ENFORCED, { [TYPE]: "x/VpcServiceControlAuditMetadataV2" }, []],
    ["no type", ENFORCED, { [TYPE]: undefined }, []],
    [
      "a service that is none of the guardrails'",
      ENFORCED,
      { "protoPayload.serviceName": "bigquery.googleapis.com" },
      [],
    ],
    ["another log", ENFORCED, { logName: "projects/example-prod/logs/cloudaudit.googleapis.com%2Fsystem_event" }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });

  test("enforced is what does not say that it is a dry run", () => {
    expect(find(ENFORCED)[0]?.facts.enforced).toBe(true);
    expect(find(ENFORCED, { "protoPayload.metadata.dryRun": false })[0]?.facts.enforced).toBe(true);
    expect(find(DRY)[0]?.facts.enforced).toBe(false);
  });

  test("a redacted principal stays redacted, a missing one missing; neither becomes a person", () => {
    const redacted = find(ENFORCED, { [PRINCIPAL]: "ri...e@gm...m" })[0]?.actor;
    expect(redacted).toMatchObject({ principal: "ri...e@gm...m", kind: "redacted", person: null });
    const missing = find(ENFORCED, { "protoPayload.authenticationInfo": undefined })[0]?.actor;
    expect(missing).toMatchObject({ principal: null, kind: "unknown", person: null });
  });

  test("the story does not depend on who called, and an unnamed perimeter is told by its place", () => {
    const key = (principal: string) => find(ENFORCED, { [PRINCIPAL]: principal })[0]?.incidentKey;
    expect(key("a...b@c...d")).toBe(key("eve@example.com"));
    const unnamed = find(ENFORCED, { "protoPayload.metadata.securityPolicyInfo": undefined })[0];
    expect(unnamed?.incidentKey).toBe("perimeter/projects/example-prod/binaryauthorization.googleapis.com");
  });
});
