import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openEnvelope } from "../shared/audit-log/envelope.ts";
import type { Json } from "../shared/audit-log/json.ts";
import { classify } from "../shared/classifier/classify.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { sampleBytes, sampleEntry } from "./support/samples.ts";

const catalogue = builtInCatalogue();
interface Notification {
  readonly finding: Readonly<Record<string, Json>>;
}
const notification = JSON.parse(sampleBytes("scc-finding-breakglass.json").toString()) as Notification;
const withFinding = (changes: Readonly<Record<string, Json>>) =>
  ({ ...notification, finding: { ...notification.finding, ...changes } }) as Json;
const judge = (value: Json) =>
  openEnvelope(value).flatMap((reading) => {
    if (!("entry" in reading)) return [];
    const { findings, faults } = classify(reading.entry, catalogue);
    expect(faults).toEqual([]);
    return findings;
  });
const evidence = (...insertIds: readonly Json[]) => ({
  sourceProperties: {
    evidence: insertIds.map((insertId) => ({ sourceLogId: { projectId: "example-prod", insertId } })),
  },
});

describe("findings of Security Command Center", () => {
  test.each([
    ["a deployment that was updated", { category: "Defense Evasion: Breakglass Workload Deployment Updated" }, 1],
    ["another category", { category: "Persistence: IAM Anomalous Grant" }, 0],
    ["one that was closed", { state: "INACTIVE" }, 0],
    ["one that says nothing of its state", { state: "" }, 1],
    ["a category that is no text", { category: 5 }, 0],
  ] as const)("%s", (_name, changes, count) => {
    expect(judge(withFinding(changes))).toHaveLength(count);
  });

  test("come as a notification, and in a Pub/Sub message as well", () => {
    const data = Buffer.from(JSON.stringify(notification)).toString("base64");
    const pushed = judge({ message: { data, messageId: "1" }, subscription: "projects/p/subscriptions/s" });
    expect(pushed.map(({ rule }) => rule)).toEqual(["scc.breakglass_finding"]);
    expect(pushed[0]?.id).toBe(judge(notification as unknown as Json)[0]?.id);
  });

  test("read as an entry of a log of our own, at the time of the event", () => {
    const [finding] = judge(notification as unknown as Json);
    expect(finding?.entry).toMatchObject({
      logName: "organizations/987654321098/logs/securitycenter.googleapis.com%2Ffindings",
      insertId: notification.finding.name,
      timestamp: notification.finding.eventTime,
    });
    expect(finding).toMatchObject({ scope: "organizations/987654321098", project: "example-prod" });
  });

  test("join every entry that they were made from", () => {
    const [gke] = classify(sampleEntry("gke-pod-breakglass-label.json"), catalogue).findings;
    expect(judge(notification as unknown as Json)[0]?.aliases).toEqual(gke?.aliases);
    expect(judge(withFinding(evidence("a", "b", "a", 5)))[0]?.aliases).toEqual(["entry/a", "entry/b"]);
    expect(judge(withFinding({ sourceProperties: {} }))[0]?.aliases).toEqual([]);
  });

  test("any JSON in the finding: an answer, never a fault", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("name", "state", "sourceProperties", "resourceName", "parent"),
        fc.jsonValue(),
        (key, value) => {
          judge(withFinding({ [key]: value as Json }));
        },
      ),
      { numRuns: 500 },
    );
  });
});
