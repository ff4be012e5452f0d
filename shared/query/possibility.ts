import type { Formula } from "./formula.ts";

/** What is known of one part of a formula; undefined when it may turn out either way. */
export type Decide<Leaf> = (part: Leaf) => boolean | undefined;

/**
 * Whether a formula can have a verdict when only some of its parts are decided: "no" is certain, "yes" is not, since
 * the parts left open are taken as independent of each other.
 */
export function canBe<Leaf>(verdict: boolean, formula: Formula<Leaf>, decide: Decide<Leaf>): boolean {
  switch (formula.kind) {
    case "always":
      return verdict;
    case "part": {
      const decided = decide(formula.part);
      return decided === undefined || decided === verdict;
    }
    case "none":
      return canBe(!verdict, formula.of, decide);
    case "all":
    case "any": {
      const isPossible = (inner: Formula<Leaf>) => canBe(verdict, inner, decide);
      return (formula.kind === "all") === verdict ? formula.of.every(isPossible) : formula.of.some(isPossible);
    }
  }
}
