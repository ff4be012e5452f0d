import { checkTree } from "./check.ts";
import { type Formula, mapFormula, toFormula } from "./formula.ts";
import { parse } from "./parse.ts";
import { compilePart, type PartTest } from "./part-test.ts";
import { print } from "./print.ts";
import { Readers } from "./reader.ts";
import { LOG_ENTRY, type Schema } from "./schema.ts";
import type { Tree } from "./tree.ts";

/** A filter made ready to be asked often. */
export interface Query {
  /** The filter as given, or printed from the tree that was given. */
  readonly text: string;
  readonly tree: Tree;
  readonly schema: Schema;
  /** Whether an entry passes. Never throws, whatever JSON value it is given. */
  matches(entry: unknown): boolean;
}

export interface CompileOptions {
  /** Which fields exist; a LogEntry's when left out. */
  readonly schema?: Schema;
}

/** Compiles a filter, or a tree of one; throws a `ProcessingError` with code, line and column for an invalid one. */
export function compile(filter: string | Tree, options: CompileOptions = {}): Query {
  const schema = options.schema ?? LOG_ENTRY;
  const tree = typeof filter === "string" ? parse(filter, { schema }) : filter;
  if (typeof filter !== "string") checkTree(tree, schema);
  const readers = new Readers(schema);
  const check = compileFormula(mapFormula(toFormula(tree), (part) => compilePart(part, readers)));
  return Object.freeze({
    text: typeof filter === "string" ? filter : print(tree),
    tree,
    schema,
    matches(entry: unknown): boolean {
      readers.open(entry);
      const verdict = check();
      readers.close();
      return verdict;
    },
  });
}

/** Turns a formula over tests into one closure. */
export function compileFormula(formula: Formula<PartTest>): () => boolean {
  switch (formula.kind) {
    case "always":
      return () => true;
    case "part":
      return formula.part.check;
    case "none": {
      const inner = compileFormula(formula.of);
      return () => !inner();
    }
    case "all": {
      const checks = formula.of.filter(({ kind }) => kind !== "always").map(compileFormula);
      const [only] = checks;
      return checks.length === 1 && only !== undefined ? only : () => checks.every(isTrue);
    }
    case "any": {
      const checks = formula.of.map(compileFormula);
      return () => checks.some(isTrue);
    }
  }
}

function isTrue(check: () => boolean): boolean {
  return check();
}
