import { expect, test } from "vitest";
import { classify } from "../shared/classifier/classify.ts";
import { BUILT_IN_RULES, builtInCatalogue } from "../shared/rules/index.ts";
import { expectGolden } from "./support/golden.ts";
import { rulesDocument } from "./support/rules-document.ts";
import { sampleEntry } from "./support/samples.ts";

const catalogue = builtInCatalogue();

test("docs/rules.md is made from the rules", () => {
  const text = rulesDocument(BUILT_IN_RULES, (file) => classify(sampleEntry(file), catalogue).findings[0]);
  expectGolden("../../docs/rules.md", text);
  for (const { id } of BUILT_IN_RULES) expect(text).toContain(`### ${id}\n`);
});

test.each(BUILT_IN_RULES)("$id has counsel that helps", ({ counsel, volume, certainty, title }) => {
  expect(counsel.why.length).toBeGreaterThan(40);
  expect(counsel.falsePositives.length).toBeGreaterThan(10);
  expect(counsel.steps.length).toBeGreaterThanOrEqual(2);
  expect(counsel.steps.some((step) => /`(?:gcloud|kubectl|bq|terraform) /.test(step))).toBe(true);
  expect(counsel.reference).toMatch(/^https:\/\/(?:docs\.)?cloud\.google\.com\/|^https:\/\/kubernetes\.io\//);
  expect(volume.length).toBeGreaterThan(20);
  expect(title.length).toBeLessThanOrEqual(80);
  for (const fact of certainty.unconfirmed) expect(fact).not.toMatch(/[.]$/);
});
