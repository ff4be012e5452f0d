import { describe, expect, test } from "vitest";
import { find, rules, type Story } from "./support/rule-stories.ts";

const POD = "cv-pod-violation-multi-check.json";
const ERROR = "cv-config-error.json";
const FEED = "cv-deletefeed.json";
const FEED_CHANGED = "cv-updatefeed.json";
const DENIED = "cv-deletefeed-permission-denied.json";
const EVENT = "jsonPayload.podEvent";
const NAME = "protoPayload.resourceName";
const OURS = "projects/example-prod/feeds/binauthz-cv-cai-feed";

describe("which entries of continuous validation are told of", () => {
  const STORIES: readonly Story[] = [
    ["a Pod that satisfies the policy", POD, { [`${EVENT}.verdict`]: "CONFORMS_TO_POLICY" }, []],
    [
      "a verdict that only the caller's text holds",
      POD,
      { [`${EVENT}.verdict`]: undefined, [`${EVENT}.pod`]: "VIOLATES_POLICY" },
      [],
    ],
    ["another log", POD, { logName: "projects/example-prod/logs/other" }, []],
    ["an error without a description", ERROR, { "jsonPayload.configErrorEvent": {} }, []],
    ["another feed", FEED, { [NAME]: "projects/p/feeds/mine", "protoPayload.request": {} }, []],
    [
      "a feed that only ends alike",
      FEED,
      { [NAME]: "projects/p/feeds/my-binauthz-cv-cai-feed", "protoPayload.request": {} },
      [],
    ],
    ["a feed that only begins alike", FEED, { [NAME]: `${OURS}-2`, "protoPayload.request": {} }, []],
    [
      "a feed that only the request names",
      FEED,
      { [NAME]: "projects/p", "protoPayload.request": { name: OURS } },
      ["cv.feed_deleted"],
    ],
    [
      "a feed that the request holds",
      FEED_CHANGED,
      { [NAME]: "projects/p", "protoPayload.request": { feed: { name: OURS } } },
      ["cv.feed_changed"],
    ],
    ["a refused attempt on the feed", DENIED, {}, ["cv.change_attempt_denied"]],
    ["a refused attempt on another feed", DENIED, { [NAME]: "projects/p/feeds/mine", "protoPayload.request": {} }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });
});

describe("of which story a violation is", () => {
  const PREFIX = "gke-workload/example-prod/europe-west1/prod-ew1/payments";
  test.each([
    ["checkout-548976df6c-xnxd5", "Deployment/checkout"],
    ["a-b-548976df6c-xnxd5", "Deployment/a-b"],
    ["web-0", "Pod/web-0"],
    ["checkout-xnxd5", "Pod/checkout-xnxd5"],
    ["checkout-548976df6c-xaxd5", "Pod/checkout-548976df6c-xaxd5"],
    ["checkout-5a8976df6c-xnxd5", "Pod/checkout-5a8976df6c-xnxd5"],
    ["-548976df6c-xnxd5", "Pod/-548976df6c-xnxd5"],
  ])("%s is of %s", (pod, path) => {
    const [finding] = find(POD, { [`${EVENT}.pod`]: pod });
    expect(finding?.incidentKey).toBe(`${PREFIX}/${path}`);
    expect([finding?.incidentKey, ...(finding?.aliases ?? [])]).toContain(`${PREFIX}/Pod/${pod}`);
    expect(finding?.workload).toMatchObject({ kind: "gke-pod", name: pod });
  });

  test("it joins what the Deployment's Pods did at admission, and names its policy", () => {
    const admitted = find("gke-pod-breakglass-by-controller.json")[0]?.incidentKey;
    const [finding] = find(POD);
    expect(finding?.incidentKey).toBe(admitted);
    expect(finding?.aliases.at(-1)).toBe(
      "cv/example-prod/prod-ew1/projects/123456789012/platforms/gke/policies/prod-baseline/payments/checkout-548976df6c-xnxd5",
    );
  });

  test("nobody is named: continuous validation knows no actor", () => {
    expect(find(POD)[0]?.actor).toMatchObject({ principal: null, kind: "unknown", person: null });
  });

  test("a Pod that has ended does not run", () => {
    expect(find(POD)[0]?.facts.stillRunning).toBe(true);
    expect(find(POD, { [`${EVENT}.endTime`]: "2026-11-20T20:00:00Z" })[0]?.facts).toMatchObject({
      stillRunning: false,
    });
  });
});
