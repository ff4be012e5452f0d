import { expect, test } from "vitest";
import type { LogEntry } from "../shared/audit-log/entry.ts";
import { type Catalogue, compileCatalogue } from "../shared/classifier/catalogue.ts";
import { classify } from "../shared/classifier/classify.ts";
import type { Rule } from "../shared/classifier/rule.ts";
import { EMPTY_WATCHLISTS } from "../shared/classifier/watchlists.ts";
import { printCondition } from "../shared/query/print.ts";
import { BUILT_IN_RULES, builtInRules } from "../shared/rules/index.ts";
import { candidates, type Mutant, mutantsOf } from "./support/filter-mutants.ts";
import { sampleEntry, sampleIndex } from "./support/samples.ts";

/**
 * The beginnings of conditions that `refine` asks for again, more exactly: they keep the sink's volume down and decide
 * nothing alone.
 */
const FOR_THE_SINK: Readonly<Record<string, readonly string[]>> = {
  "iam.sensitive_grant": [
    'protoPayload.serviceData.policyDelta.bindingDeltas.action="ADD"',
    "protoPayload.serviceData.policyDelta.bindingDeltas.role=(",
  ],
  "serviceusage.binauthz_disabled": ['protoPayload.methodName =~ "^google\\.api\\.serviceusage\\.v2'],
  "serviceusage.service_disabled": ['protoPayload.methodName =~ "^google\\.api\\.serviceusage\\.v2'],
  "artifactregistry.iam_changed": ["protoPayload.request.policy.bindings.members=("],
  "gke.denied": ["protoPayload.response.message:("],
};

/** With the rules that only a watchlist turns on. */
const ALL_RULES = builtInRules({ ...EMPTY_WATCHLISTS, protectedServices: ["shadow"] });

/**
 * Every condition of every filter is needed: without it, some entry that differs only there would be judged otherwise.
 * The entries are made from the rule's samples by breaking and making single conditions.
 */
test.each(ALL_RULES)("$id: no condition of its filter can be left out unnoticed", (rule) => {
  const positives = sampleIndex.filter(({ kind }) => kind === rule.id).map(({ file }) => sampleEntry(file));
  const original = alone(rule);
  const unnoticed = mutantsOf(rule.filter).filter(
    (mutant) => witnessOf(mutant, rule, original, positives) === undefined,
  );
  const expected = (FOR_THE_SINK[rule.id] ?? []).map((text) => expect.stringMatching(startingWith(text)) as string);
  expect(unnoticed.map(({ removed }) => removed)).toEqual(expected);
});

test("the search for witnesses finds none where there is none", () => {
  const [rule] = BUILT_IN_RULES as [Rule];
  const doubled = { ...rule, filter: `${rule.filter}\nprotoPayload.serviceName="run.googleapis.com"` };
  const positives = sampleIndex.filter(({ kind }) => kind === rule.id).map(({ file }) => sampleEntry(file));
  const unnoticed = mutantsOf(doubled.filter).filter(
    (mutant) => witnessOf(mutant, doubled, alone(doubled), positives) === undefined,
  );
  expect(unnoticed.map(({ removed }) => removed)).toEqual([
    'protoPayload.serviceName="run.googleapis.com"',
    'protoPayload.serviceName="run.googleapis.com"',
  ]);
});

function startingWith(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}

function witnessOf(
  mutant: Mutant,
  rule: Rule,
  original: Catalogue,
  positives: readonly LogEntry[],
): LogEntry | undefined {
  const mutated = alone({ ...rule, filter: mutant.left === undefined ? "" : printCondition(mutant.left) });
  for (const positive of positives) {
    for (const entry of candidates(positive, mutant)) {
      if (isFound(entry, original) !== isFound(entry, mutated)) return entry;
    }
  }
  return undefined;
}

function alone(rule: Rule): Catalogue {
  return compileCatalogue([rule]);
}

function isFound(entry: LogEntry, catalogue: Catalogue): boolean {
  return classify(entry, catalogue).findings.length > 0;
}
