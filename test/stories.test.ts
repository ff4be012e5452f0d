import { describe, expect, test } from "vitest";
import { viewOf } from "../shared/audit-log/view.ts";
import { compileCatalogue } from "../shared/classifier/catalogue.ts";
import { classify } from "../shared/classifier/classify.ts";
import type { ClassifyContext, Rule } from "../shared/classifier/rule.ts";
import type { Finding } from "../shared/finding.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import { expectGolden } from "./support/golden.ts";
import { sampleEntry, sampleIndex } from "./support/samples.ts";

const catalogue = builtInCatalogue();
const files = sampleIndex.filter(({ kind }) => kind !== "envelope").map(({ file }) => file);

function findingsOf(file: string, context: ClassifyContext = {}): readonly Finding[] {
  const { findings, faults } = classify(sampleEntry(file), catalogue, context);
  expect(faults).toEqual([]);
  return findings;
}

function isOneStory(a: Finding, b: Finding): boolean {
  const names = new Set([a.incidentKey, ...a.aliases]);
  return [b.incidentKey, ...b.aliases].some((name) => names.has(name));
}

describe("entries of one story share the incident key or an alias", () => {
  test.each([
    [
      "a broken glass of Cloud Run: revision, service, message only, and the call that made it",
      [
        "cloudrun-service-breakglass-system-event.json",
        "cloudrun-service-breakglass-system-event-service-level.json",
        "cloudrun-service-breakglass-system-event-message-only.json",
        "cloudrun-activity-v1-replaceservice-breakglass.json",
      ],
    ],
    [
      "a refusal of Cloud Run: revision and service",
      ["cloudrun-service-denied-system-event.json", "cloudrun-service-denied-system-event-service-level.json"],
    ],
    [
      "a job: the execution, and the call that set the flag",
      ["cloudrun-job-execution-breakglass-system-event.json", "cloudrun-activity-v2-updatejob-breakglass.json"],
    ],
    [
      "a Pod and the Deployment whose template it was made from",
      ["gke-deployment-breakglass-template.json", "gke-pod-breakglass-by-controller.json"],
    ],
    [
      "a refused Pod of a Deployment, and its running Pods that violate the policy",
      ["gke-pod-denied-by-controller.json", "cv-pod-violation-multi-check.json", "cv-legacy-pod-violation.json"],
    ],
    [
      "a finding of Security Command Center and the entry that it was made from",
      ["scc-finding-breakglass.json", "gke-pod-breakglass-label.json"],
    ],
    [
      "the first and the last entry of an operation that turns an API off",
      ["serviceusage-disableservice-first.json", "serviceusage-disableservice-last.json"],
    ],
    [
      "the policy of a project, weakened, strengthened, and tried in vain",
      [
        "binauthz-updatepolicy-v1beta1-allow-all.json",
        "binauthz-updatepolicy-attestor-added.json",
        "binauthz-updatepolicy-permission-denied.json",
      ],
    ],
  ])("%s", (_story, [first, ...others]) => {
    const [opening] = findingsOf(first as string) as [Finding];
    for (const other of others) {
      const [finding] = findingsOf(other) as [Finding];
      expect(isOneStory(opening, finding), other).toBe(true);
    }
  });

  test("the last entry of a cluster's operation tells nothing that the first has not told", () => {
    expect(findingsOf("gke-updatecluster-binauthz-disabled.json")).toHaveLength(1);
    expect(findingsOf("gke-updatecluster-binauthz-disabled-last.json")).toEqual([]);
  });

  test("and no others do: every sample is in the story that is written down for it", () => {
    expectGolden("stories.txt", storiesOf(files));
  });
});

test("one entry gives at most one finding a change, whatever was known before", () => {
  const known = files.flatMap((file) => statesOf(file).map(({ state }) => state));
  expect(known.length).toBeGreaterThan(10);
  for (const file of files) {
    for (const state of [undefined, ...known]) {
      const findings = findingsOf(file, { previousState: () => state });
      const changes = findings.map(({ rule }) => catalogue.rule(rule)?.change ?? rule);
      expect(new Set(changes).size, file).toBe(changes.length);
      expect(new Set(findings.map(({ id }) => id)).size, file).toBe(findings.length);
      expect(findings.length, file).toBeLessThanOrEqual(1);
    }
  }
});

test.each([
  ["binauthz.policy_changed", "binauthz-updatepolicy-v1beta1-allow-all.json"],
  ["binauthz.platform_policy_changed", "binauthz-replaceplatformpolicy-emptied.json"],
  ["orgpolicy.changed", "orgpolicy-v2-updatepolicy-allow-all.json"],
  ["orgpolicy.changed", "orgpolicy-v2-deletepolicy.json"],
  ["gke.binauthz_changed", "gke-updatecluster-binauthz-disabled.json"],
])("%s knows by itself that %s is told of as a weakening", (id, file) => {
  const rule = catalogue.rule(id) as Rule;
  expect(findingsOf(file).map((finding) => catalogue.rule(finding.rule)?.change)).toEqual([rule.change]);
  expect(classify(sampleEntry(file), compileCatalogue([rule]))).toMatchObject({ findings: [], faults: [] });
});

function statesOf(file: string) {
  const entry = sampleEntry(file);
  return catalogue.filters
    .matching(entry)
    .map((index) => catalogue.rules[index]?.observe?.(viewOf(entry)) ?? null)
    .filter((state) => state !== null);
}

/** Which samples are one story, directly or by one between them; a paragraph each. */
function storiesOf(samples: readonly string[]): string {
  const stories: { readonly findings: Finding[]; readonly lines: string[] }[] = [];
  for (const file of samples) {
    for (const finding of findingsOf(file)) {
      const joined = stories.filter(({ findings }) => findings.some((other) => isOneStory(finding, other)));
      for (const story of joined) stories.splice(stories.indexOf(story), 1);
      stories.push({
        findings: [...joined.flatMap(({ findings }) => findings), finding],
        lines: [...joined.flatMap(({ lines }) => lines), `  ${finding.rule}: ${file}`],
      });
    }
  }
  return stories
    .map(({ findings, lines }) => `${findings[0]?.incidentKey}\n${lines.toSorted().join("\n")}\n`)
    .toSorted()
    .join("\n");
}
