import type {
  BooleanCall,
  Combination,
  Condition,
  GlobalRestriction,
  Literal,
  Operator,
  Position,
  Subject,
  Tree,
} from "./tree.ts";
import { isAnd, isNot, isOr } from "./tree.ts";

/** A filter with its lists of values taken apart, so that every part is one test. */
export type Formula<Leaf = Part> =
  | { readonly kind: "always" }
  | { readonly kind: "all"; readonly of: readonly Formula<Leaf>[] }
  | { readonly kind: "any"; readonly of: readonly Formula<Leaf>[] }
  | { readonly kind: "none"; readonly of: Formula<Leaf> }
  | { readonly kind: "part"; readonly part: Leaf };

export type Part = SingleComparison | GlobalRestriction | BooleanCall;

/** A comparison with one literal. */
export interface SingleComparison {
  readonly kind: "comparison";
  readonly subject: Subject;
  readonly operator: Operator;
  readonly literal: Literal;
  readonly at: Position;
}

export function toFormula(tree: Tree): Formula {
  return tree.condition === null ? { kind: "always" } : conditionFormula(tree.condition);
}

/** The same formula over something made of each part. */
export function mapFormula<From, To>(formula: Formula<From>, map: (part: From) => To): Formula<To> {
  switch (formula.kind) {
    case "always":
      return formula;
    case "all":
    case "any":
      return { kind: formula.kind, of: formula.of.map((inner) => mapFormula(inner, map)) };
    case "none":
      return { kind: "none", of: mapFormula(formula.of, map) };
    case "part":
      return { kind: "part", part: map(formula.part) };
  }
}

/** All parts, in the order in which they are written. */
export function partsOf<Leaf>(formula: Formula<Leaf>): readonly Leaf[] {
  switch (formula.kind) {
    case "always":
      return [];
    case "all":
    case "any":
      return formula.of.flatMap(partsOf);
    case "none":
      return partsOf(formula.of);
    case "part":
      return [formula.part];
  }
}

function conditionFormula(condition: Condition): Formula {
  return combine(condition, (atom) => {
    if (atom.kind !== "comparison") return { kind: "part", part: atom };
    const { subject, operator, at } = atom;
    return combine(atom.values, (literal) => ({
      kind: "part",
      part: { kind: "comparison", subject, operator, literal, at },
    }));
  });
}

function combine<Leaf>(combination: Combination<Leaf>, leaf: (leaf: Leaf) => Formula): Formula {
  if (isAnd(combination)) return { kind: "all", of: combination.terms.map((term) => combine(term, leaf)) };
  if (isOr(combination)) return { kind: "any", of: combination.terms.map((term) => combine(term, leaf)) };
  if (isNot(combination)) return { kind: "none", of: combine(combination.term, leaf) };
  return leaf(combination as Leaf);
}
