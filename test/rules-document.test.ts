import { expect, test } from "vitest";
import { compileCatalogue } from "../shared/classifier/catalogue.ts";
import { classify } from "../shared/classifier/classify.ts";
import { EMPTY_WATCHLISTS } from "../shared/classifier/watchlists.ts";
import { BUILT_IN_RULES, builtInRules } from "../shared/rules/index.ts";
import { expectGolden } from "./support/golden.ts";
import { rulesDocument } from "./support/rules-document.ts";
import { sampleEntry } from "./support/samples.ts";

/** With the rules that only a watchlist turns on. */
const rules = builtInRules({ ...EMPTY_WATCHLISTS, protectedServices: ["shadow"] });
const catalogue = compileCatalogue(rules);

test("docs/rules.md is made from the rules", () => {
  const text = rulesDocument(
    rules,
    ({ id }) => BUILT_IN_RULES.some((rule) => rule.id === id),
    (file) => classify(sampleEntry(file), catalogue).findings[0],
  );
  expectGolden("../../docs/rules.md", text);
  for (const { id } of rules) expect(text).toContain(`### ${id}\n`);
});

test.each(rules)("$id has counsel that helps", ({ counsel, volume, certainty, title }) => {
  expect(counsel.why.length).toBeGreaterThan(40);
  expect(counsel.falsePositives.length).toBeGreaterThan(10);
  expect(counsel.steps.length).toBeGreaterThanOrEqual(2);
  expect(counsel.steps.some((step) => /`(?:gcloud|kubectl|bq|terraform) /.test(step))).toBe(true);
  expect(counsel.reference).toMatch(/^https:\/\/(?:docs\.)?cloud\.google\.com\/|^https:\/\/kubernetes\.io\//);
  expect(volume.length).toBeGreaterThan(20);
  expect(title.length).toBeLessThanOrEqual(80);
  for (const fact of certainty.unconfirmed) expect(fact).not.toMatch(/[.]$/);
});
