/**
 * Google Cloud Logging's query language as a library: the face of the package export `glasswatch/query`. Nothing inside
 * the repository imports this file; rooms import the one they need.
 */
export { type CompileOptions, compile, type Query } from "./compile.ts";
export {
  type DecidingMatch,
  decidingMatches,
  type Explanation,
  explain,
  explainMismatch,
  type Met,
  type Mismatch,
} from "./explain.ts";
export { foldingPairs } from "./folding-pairs.ts";
export { type LintOptions, lint, type Warning, type WarningCode } from "./lint.ts";
export { type Clause, type LiteralSets, literals, NEEDLE_ALPHABET, type Needle } from "./literals.ts";
export { type ParseOptions, parse } from "./parse.ts";
export { print } from "./print.ts";
export { type FieldType, LOG_ENTRY, message, ordered, type Schema } from "./schema.ts";
export type * from "./tree.ts";
