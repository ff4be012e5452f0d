import { expect } from "vitest";
import type { Json } from "../../shared/audit-log/json.ts";
import { classify } from "../../shared/classifier/classify.ts";
import type { ClassifyContext } from "../../shared/classifier/rule.ts";
import type { Finding } from "../../shared/finding.ts";
import { builtInCatalogue } from "../../shared/rules/index.ts";
import { changed } from "./changed-entry.ts";

const catalogue = builtInCatalogue();

/** By the paths of members; undefined takes one away. */
export type Changes = Readonly<Record<string, Json | undefined>>;

/** A sample with some members changed, and the rules that are to find something in it. */
export type Story = readonly [name: string, file: string, changes: Changes, expected: readonly string[]];

/** What all rules find in the changed sample; none of them may fail on it. */
export function find(file: string, changes: Changes = {}, context: ClassifyContext = {}): readonly Finding[] {
  const { findings, faults } = classify(changed(file, changes), catalogue, context);
  expect(faults).toEqual([]);
  return findings;
}

/** As find: the ids of the rules. */
export function rules(...args: Parameters<typeof find>): readonly string[] {
  return find(...args).map(({ rule }) => rule);
}
