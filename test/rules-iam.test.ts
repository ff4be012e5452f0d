import { describe, expect, test } from "vitest";
import type { ClassifyContext } from "../shared/classifier/rule.ts";
import { find, rules, type Story } from "./support/rule-stories.ts";

const GRANT = "iam-setiampolicy-binauthz-role-grant.json";
const ACCOUNT = "iam-setiampolicy-service-account.json";
const KEY = "iam-setiampolicy-key-public.json";
const DENIED = "iam-setiampolicy-permission-denied.json";
const DELTAS = "protoPayload.serviceData.policyDelta.bindingDeltas";
const BINDINGS = "protoPayload.request.policy.bindings";
const METHOD = "protoPayload.methodName";
const SIGNER = "roles/cloudkms.signer";
const was = (...grants: readonly (readonly string[])[]): ClassifyContext => ({ previousState: () => grants });

describe("which grants are told of", () => {
  const STORIES: readonly Story[] = [
    [
      "a folder's, by the third version of the API",
      GRANT,
      { [METHOD]: "google.cloud.resourcemanager.v3.Folders.SetIamPolicy" },
      ["iam.sensitive_grant"],
    ],
    ["a policy that is only read", GRANT, { [METHOD]: "GetIamPolicy" }, []],
    ["a call that failed", GRANT, { "protoPayload.status": { code: 3 } }, []],
    ["a refused attempt", DENIED, {}, ["iam.change_attempt_denied"]],
    ["a refused attempt of another service", DENIED, { "protoPayload.serviceName": "storage.googleapis.com" }, []],
    ["who may act as a service account", ACCOUNT, {}, ["iam.sensitive_grant"]],
    [
      "a role on a service account that is not watched",
      ACCOUNT,
      { [DELTAS]: [{ action: "ADD", role: "roles/viewer", member: "user:a@b" }] },
      [],
    ],
    [
      "a role that was taken away",
      ACCOUNT,
      { [DELTAS]: [{ action: "REMOVE", role: "roles/owner", member: "user:a@b" }] },
      [],
    ],
    ["a delta without a member", ACCOUNT, { [DELTAS]: [{ action: "ADD", role: "roles/owner" }] }, []],
    ["a bucket's policy", KEY, { "protoPayload.serviceName": "storage.googleapis.com" }, []],
    ["a key for everybody", KEY, {}, ["iam.sensitive_grant"]],
    ["a key for one: nothing says that it is new", KEY, { [BINDINGS]: [{ role: SIGNER, members: ["user:a@b"] }] }, []],
    [
      "a role for everybody that is not watched",
      KEY,
      { [BINDINGS]: [{ role: "roles/cloudkms.viewer", members: ["allUsers"] }] },
      [],
    ],
    ["no policy at all", KEY, { "protoPayload.request": undefined }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });
});

describe("with the policy before", () => {
  const one = { [BINDINGS]: [{ role: SIGNER, members: ["user:a@b"] }] };

  test("what is new is told, and nothing else", () => {
    const [finding] = find(KEY, one, was(["roles/cloudkms.viewer", "user:a@b"]));
    expect(finding).toMatchObject({
      rule: "iam.sensitive_grant",
      comparedWith: "previous",
      facts: { grants: [[SIGNER, "user:a@b"]] },
    });
    expect(rules(KEY, one, was([SIGNER, "user:a@b"]))).toEqual([]);
    expect(
      rules(
        KEY,
        {},
        was([SIGNER, "allAuthenticatedUsers"], [SIGNER, "serviceAccount:ci@example-prod.iam.gserviceaccount.com"]),
      ),
    ).toEqual([]);
  });

  test("a state of another shape is none", () => {
    for (const state of ["x", 5, null, { role: SIGNER }])
      expect(rules(KEY, one, { previousState: () => state })).toEqual([]);
  });

  test("a project is known by its id, whatever the entry calls it", () => {
    const [finding] = find(GRANT, { "protoPayload.resourceName": "projects/123456789012" });
    expect(finding?.incidentKey).toBe("iam-policy/projects/example-prod");
    expect(find(DENIED)[0]?.incidentKey).toBe("iam-policy/projects/example-prod");
  });

  test("a policy of a thousand grants makes a finding that can be sent", () => {
    const deltas = Array.from({ length: 1000 }, (_, n) => ({
      action: "ADD",
      role: "roles/owner",
      member: `user:u${n}@b`,
    }));
    const [finding] = find(GRANT, { [DELTAS]: deltas });
    expect(finding?.facts.grants).toHaveLength(100);
    expect(finding?.changes).toHaveLength(101);
  });
});
