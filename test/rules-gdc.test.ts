import { describe, expect, test } from "vitest";
import { find, rules, type Story } from "./support/rule-stories.ts";

const FLAGGED = "gdc-pod-breakglass.json";
const DENIED = "gdc-pod-denied.json";
const DRY = "gdc-pod-dryrun.json";
const FLAG = 'labels."binaryauthorization.googleapis.com/break-glass"';
const METADATA = "protoPayload.request.metadata";
const SEEN = "protoPayload.response.metadata";
const POD_LABELS = { "image-policy.k8s.io/break-glass": "true" };
const ALPHA = { "alpha.image-policy.k8s.io/break-glass": "true" };
const NO_FLAG = { [FLAG]: undefined, [`${METADATA}.labels`]: undefined, [`${SEEN}.labels`]: undefined };
const refusal = (reason: string, message: string) => ({
  "protoPayload.response": { status: "Failure", reason, message },
});

describe("Pods on Distributed Cloud", () => {
  const STORIES: readonly Story[] = [
    ["the entry's own label", FLAGGED, { ...NO_FLAG, [FLAG]: "true" }, ["gdc.breakglass"]],
    ["the Pod's label in the request", FLAGGED, { ...NO_FLAG, [`${METADATA}.labels`]: POD_LABELS }, ["gdc.breakglass"]],
    ["the Pod's label in the answer", FLAGGED, { ...NO_FLAG, [`${SEEN}.labels`]: POD_LABELS }, ["gdc.breakglass"]],
    [
      "the alpha annotation in the request",
      FLAGGED,
      { ...NO_FLAG, [`${METADATA}.annotations`]: ALPHA },
      ["gdc.breakglass"],
    ],
    ["the alpha annotation in the answer", FLAGGED, { ...NO_FLAG, [`${SEEN}.annotations`]: ALPHA }, ["gdc.breakglass"]],
    ["no flag at all", FLAGGED, NO_FLAG, []],
    ["a flag that says false", FLAGGED, { ...NO_FLAG, [FLAG]: "false" }, []],
    [
      "the flag of GKE's webhook",
      FLAGGED,
      { ...NO_FLAG, 'labels."imagepolicywebhook.image-policy.k8s.io/break-glass"': "true" },
      [],
    ],
    ["a deletion", FLAGGED, { "protoPayload.methodName": "io.k8s.core.v1.pods.delete" }, []],
    [
      "the audit log of GKE",
      FLAGGED,
      { ...NO_FLAG, [FLAG]: "true", logName: "projects/example-prod/logs/cloudaudit.googleapis.com%2Factivity" },
      [],
    ],
    ["refused by quota", DENIED, refusal("Forbidden", "exceeded quota: compute"), []],
    [
      "refused by a Pod Security policy",
      DENIED,
      refusal("Forbidden", 'pods "x" is forbidden: violates PodSecurity'),
      [],
    ],
    [
      "refused, and only its name speaks of us",
      DENIED,
      refusal("Forbidden", 'pods "binary-authorization" is forbidden: quota'),
      [],
    ],
    ["what succeeded was not refused", DENIED, { "protoPayload.response.status": "Success" }, []],
    ["a dry run that says false", DRY, { 'labels."binaryauthorization.googleapis.com/dry-run"': "false" }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });

  test("a refusal that names us is sure, one that gives only the reason is less so", () => {
    expect(find(DENIED)[0]?.confidence).toBe("high");
    expect(find(DENIED, refusal("VIOLATES_POLICY", "denied"))[0]?.confidence).toBe("medium");
  });

  test("keys begin with gdc-workload, and a Pod stands for itself", () => {
    const [finding] = find(DENIED);
    expect(finding?.incidentKey).toBe(
      "gdc-workload/example-prod/europe-west1/dc1-user-cluster/payments/Pod/checkout-7d9c",
    );
    expect(finding?.workload).toMatchObject({ kind: "gdc-pod", name: "checkout-7d9c" });
  });
});

test("a Pod past a verdict that break-glass overrode says so, and whose verdict it was", () => {
  const verdict = "Image x denied by attestor projects/example-prod/attestors/qa: no attestation";
  const [finding] = find(FLAGGED, {
    'labels."binaryauthorization.googleapis.com/overridden-verification-result"': verdict,
  });
  expect(finding?.facts).toMatchObject({ overridden: true, attestor: "projects/example-prod/attestors/qa" });
  expect(find(FLAGGED)[0]?.facts).not.toHaveProperty("overridden");
});
