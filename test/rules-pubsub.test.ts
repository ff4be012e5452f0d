import { describe, expect, test } from "vitest";
import type { Json } from "../shared/audit-log/json.ts";
import type { ClassifyContext } from "../shared/classifier/rule.ts";
import { type Changes, find, rules, type Story } from "./support/rule-stories.ts";

const TOPIC = "pubsub-deletetopic.json";
const TOPIC_CHANGED = "pubsub-updatetopic.json";
const SUBSCRIPTION = "pubsub-deletesubscription.json";
const CHANGED = "pubsub-updatesubscription.json";
const SEEK = "pubsub-seek.json";
const IAM = "pubsub-setiampolicy.json";
const DENIED = "pubsub-deletetopic-permission-denied.json";
const NAME = "protoPayload.resourceName";
const METHOD = "protoPayload.methodName";
const topic = (name: string) => ({ [NAME]: `projects/p/topics/${name}` });

describe("without a watchlist, a telling name is watched", () => {
  test.each([
    ["binauthz-audit", true],
    ["AUDIT", true],
    ["security-events", true],
    ["guardrail-change", true],
    ["break-glass", true],
    ["policy-violation", true],
    ["log", true],
    ["logs-prod", true],
    ["prod_logging", true],
    ["my.log.sink", true],
    ["catalog", false],
    ["login", false],
    ["blog-posts", false],
    ["dialogflow", false],
    ["logistics", false],
    ["orders", false],
  ])("%s", (name, isWatched) => {
    expect(rules(TOPIC, topic(name))).toEqual(isWatched ? ["pubsub.topic_deleted"] : []);
    const subscription = { [NAME]: `projects/p/subscriptions/${name}` };
    expect(rules(SUBSCRIPTION, subscription)).toEqual(isWatched ? ["pubsub.subscription_deleted"] : []);
  });
});

describe("which calls are told of", () => {
  const STORIES: readonly Story[] = [
    ["a topic that is made", TOPIC, { [METHOD]: "google.pubsub.v1.Publisher.CreateTopic" }, []],
    [
      "a topic that is changed by the beta of the API",
      TOPIC_CHANGED,
      { [METHOD]: "google.pubsub.v1beta2.Publisher.UpdateTopic" },
      ["pubsub.topic_changed"],
    ],
    ["a topic that is not watched is changed", TOPIC_CHANGED, topic("orders"), []],
    ["a subscription's rights", IAM, { [NAME]: "projects/p/subscriptions/audit" }, ["pubsub.iam_changed"]],
    ["the rights of a topic that is not watched", IAM, topic("orders"), []],
    ["a snapshot's rights", IAM, { [NAME]: "projects/p/snapshots/audit" }, []],
    ["a refused attempt on a watched topic", DENIED, {}, ["pubsub.change_attempt_denied"]],
    ["a refused attempt on its rights", IAM, { "protoPayload.status": { code: 7 } }, ["pubsub.change_attempt_denied"]],
    ["a refused attempt on another topic", DENIED, topic("orders"), []],
    ["a refused attempt to publish", DENIED, { [METHOD]: "google.pubsub.v1.Publisher.Publish" }, []],
    ["a call that failed", TOPIC, { "protoPayload.status": { code: 5 } }, []],
  ];
  test.each(STORIES)("%s", (_name, file, changes, expected) => {
    expect(rules(file, changes)).toEqual(expected);
  });
});

describe("what became of it", () => {
  const effects = (...args: Parameters<typeof find>) =>
    find(...args)[0]?.changes.map(({ field, effect }) => `${field} ${effect}`);
  const push = (pushEndpoint: string) => ({ "protoPayload.request.pushConfig": { pushEndpoint } });
  const updated = (subscription: Json, updateMask: string): Changes => ({
    [METHOD]: "google.pubsub.v1.Subscriber.UpdateSubscription",
    "protoPayload.request": { subscription, updateMask },
  });
  const was = (state: unknown): ClassifyContext => ({ previousState: () => state });

  test.each([
    ["pushed somewhere, before unknown", push("https://a/"), {}, ["pushEndpoint neutral"]],
    ["pushed elsewhere than before", push("https://b/"), was("https://a/"), ["pushEndpoint weaker"]],
    ["pushed to where it was", push("https://a/"), was("https://a/"), []],
    ["pushed at all, pulled before", push("https://a/"), was(""), ["pushEndpoint neutral"]],
    ["pushed to nobody", { "protoPayload.request.pushConfig": {} }, {}, ["pushEndpoint weaker"]],
    ["an update that clears the push", updated({ name: "s" }, "pushConfig"), {}, ["pushEndpoint weaker"]],
    [
      "an update of something else",
      updated({ pushConfig: { pushEndpoint: "https://b/" } }, "labels"),
      was("https://a/"),
      [],
    ],
    [
      "an update of one field of the push",
      updated({ pushConfig: { pushEndpoint: "https://b/" } }, "push_config.push_endpoint"),
      was("https://a/"),
      ["pushEndpoint weaker"],
    ],
  ] as const)("a subscription: %s", (_name, changes, context, expected) => {
    expect(effects(CHANGED, changes, context)).toEqual(expected);
  });

  test.each([
    ["a later time discards all that waits", { "protoPayload.request.time": "2027-01-01T00:00:00Z" }, "backlog weaker"],
    ["an earlier time brings it again", { "protoPayload.request.time": "2026-11-19T00:00:00Z" }, "backlog neutral"],
    ["a time that is none", { "protoPayload.request.time": "soon" }, "backlog neutral"],
    [
      "a snapshot",
      { "protoPayload.request.time": undefined, "protoPayload.request.snapshot": "projects/p/snapshots/s" },
      "backlog neutral",
    ],
  ] as const)("a seek: %s", (_name, changes, expected) => {
    expect(effects(SEEK, changes)).toEqual([expected]);
  });

  const WRITER = "serviceAccount:service-1@gcp-sa-logging.iam.gserviceaccount.com";
  const KEPT = ["roles/pubsub.viewer", "user:bob@example.com"];
  test.each([
    ["the sink may not publish any more", [KEPT, ["roles/pubsub.publisher", WRITER]], ["bindings weaker"]],
    ["somebody may not look any more", [KEPT, ["roles/pubsub.viewer", "user:eve@example.com"]], ["bindings stronger"]],
    ["somebody may look", [], ["bindings neutral"]],
    ["nothing", [KEPT], []],
  ] as const)("rights: %s", (_name, state, expected) => {
    expect(effects(IAM, {}, was(state))).toEqual(expected);
    expect(find(IAM, {}, was(state))[0]?.comparedWith).toBe("previous");
  });

  test("rights: the entry's own comparison needs no policy before", () => {
    const deltas = [{ action: "REMOVE", role: "roles/pubsub.publisher", member: WRITER }];
    const [finding] = find(IAM, { "protoPayload.serviceData.policyDelta.bindingDeltas": deltas });
    expect(finding).toMatchObject({
      comparedWith: null,
      changes: [{ before: `roles/pubsub.publisher to ${WRITER}`, effect: "weaker" }],
    });
    expect(find(IAM)[0]).toMatchObject({ comparedWith: "none", changes: [] });
  });
});
