import { createRequire } from "node:module";
import type { RE2JS } from "re2js";
import { refuse } from "./refuse.ts";
import { runsInLinearTime, trimUnanchored } from "./regex-cost.ts";
import { parseRegex, toJavaScript } from "./regex-syntax.ts";
import type { Position } from "./tree.ts";

/** A pattern with RE2's meaning: it searches unanchored, minds letter case, and takes time linear in the text. */
export interface Pattern {
  test(text: string): boolean;
}

/** A pattern with one capture group. */
export interface ExtractingPattern {
  /** What the group holds in the first match; undefined without a match, or when the group took no part in it. */
  extract(text: string): string | undefined;
}

/**
 * Compiles a pattern; one that RE2 refuses is a QUERY_REGEX error. Patterns whose meaning and cost are plainly the same
 * in JavaScript run on the engine's own RegExp, all others on RE2, which is loaded at the first of them.
 */
export function compilePattern(pattern: string, at: Position): Pattern {
  const plain = parseRegex(pattern);
  if (plain !== undefined) {
    const trimmed = trimUnanchored(plain);
    if (runsInLinearTime(trimmed)) return new RegExp(toJavaScript(trimmed), "u");
  }
  return compileRe2(pattern, at);
}

/** Compiles a pattern that must have exactly one capture group. */
export function compileExtractingPattern(pattern: string, at: Position): ExtractingPattern {
  const compiled = compileRe2(pattern, at);
  const groups = compiled.groupCount();
  if (groups !== 1) {
    refuse("QUERY_FUNCTION", `regexp_extract() needs exactly one capture group; this pattern has ${groups}`, at);
  }
  return {
    extract(text) {
      const matcher = compiled.matcher(text);
      return matcher.find() ? (matcher.group(1) ?? undefined) : undefined;
    },
  };
}

let re2: typeof RE2JS | undefined;

/** RE2 is a quarter of a megabyte of code, which most filters never need. */
function loadRe2(): typeof RE2JS {
  re2 ??= (createRequire(import.meta.url)("re2js") as { readonly RE2JS: typeof RE2JS }).RE2JS;
  return re2;
}

function compileRe2(pattern: string, at: Position): RE2JS {
  try {
    return loadRe2().compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse("QUERY_REGEX", `Invalid regular expression (RE2): ${reason}`, at);
  }
}
