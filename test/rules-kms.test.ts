import { describe, expect, test } from "vitest";
import { find, rules, type Story } from "./support/rule-stories.ts";

const DISABLED = "kms-updatecryptokeyversion-disabled.json";
const DESTROYED = "kms-destroycryptokeyversion.json";
const DENIED = "kms-destroycryptokeyversion-permission-denied.json";
const METHOD = "protoPayload.methodName";
const REQUEST = "protoPayload.request";

describe("which calls on keys are told of", () => {
  const STORIES: readonly Story[] = [
    [
      "by its long name",
      DESTROYED,
      { [METHOD]: "google.cloud.kms.v1.KeyManagementService.DestroyCryptoKeyVersion" },
      ["kms.key_version_destroyed"],
    ],
    ["brought back", DESTROYED, { [METHOD]: "RestoreCryptoKeyVersion" }, []],
    ["a key ring that is made", DESTROYED, { [METHOD]: "CreateKeyRing" }, []],
    ["a call that failed", DESTROYED, { "protoPayload.status": { code: 9 } }, []],
    ["turned on", DISABLED, { [`${REQUEST}.cryptoKeyVersion.state`]: "ENABLED" }, []],
    ["named, but not changed", DISABLED, { [`${REQUEST}.updateMask`]: "externalProtectionLevelOptions" }, []],
    ["without a mask", DISABLED, { [`${REQUEST}.updateMask`]: undefined }, ["kms.key_version_disabled"]],
    ["a refused attempt", DENIED, {}, ["kms.change_attempt_denied"]],
    ["a refused attempt to sign", DENIED, { [METHOD]: "AsymmetricSign" }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });

  test("a version that is disabled, destroyed, or tried to be is one story", () => {
    const keys = [DISABLED, DESTROYED, DENIED].map((file) => find(file)[0]?.incidentKey);
    expect(new Set(keys)).toEqual(new Set(["kms-key/example-prod/global/binauthz/attestor/1"]));
  });
});
