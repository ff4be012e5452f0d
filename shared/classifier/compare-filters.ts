import { type Formula, type Part, toFormula } from "../query/formula.ts";
import { parse } from "../query/parse.ts";
import { printComparison, printCondition } from "../query/print.ts";

/** What one filter lets through, against another; "unknown" where the texts alone do not tell. */
export type Breadth = "narrower" | "wider" | "same" | "unknown";

/**
 * Whether a filter of log entries lets through less than an earlier one, by the Boolean structure of both: one that asks
 * for more, or has lost one of its alternatives, is narrower, and one that is only written otherwise is the same. Tests
 * are told apart by their texts, and taken as independent of each other.
 */
export function compareFilters(before: string, after: string): Breadth {
  const [old, now] = [provable(before), provable(after)];
  if (old === null || now === null) return "unknown";
  const losesSome = isPossible(old.formula, now.negation);
  const addsSome = isPossible(now.formula, old.negation);
  if (losesSome === undefined || addsSome === undefined || (losesSome && addsSome)) return "unknown";
  if (losesSome) return "narrower";
  return addsSome ? "wider" : "same";
}

/** A formula whose negations stand at its tests only. */
type Node =
  | { readonly kind: "test"; readonly text: string; readonly holds: boolean }
  | { readonly kind: "all"; readonly of: readonly Node[] }
  | { readonly kind: "any"; readonly of: readonly Node[] };
type Alternatives = readonly Node[];

const EVERYTHING: Node = { kind: "all", of: [] };
const NOTHING: Node = { kind: "any", of: [] };

/** Parentheses deeper than this are nobody's filter. */
const DEEPEST = 200;

function provable(filter: string): { readonly formula: Node; readonly negation: Node } | null {
  try {
    const formula = toFormula(parse(filter));
    return { formula: normal(formula, true, 0), negation: normal(formula, false, 0) };
  } catch {
    // Google took it, so it means something to Google; what, we cannot say.
    return null;
  }
}

function normal(formula: Formula, holds: boolean, depth: number): Node {
  if (depth > DEEPEST) throw new RangeError("parentheses too deep");
  switch (formula.kind) {
    case "always":
      return holds ? EVERYTHING : NOTHING;
    case "none":
      return normal(formula.of, !holds, depth + 1);
    case "part":
      return { kind: "test", text: textOf(formula.part), holds };
    case "all":
    case "any": {
      const kind = (formula.kind === "all") === holds ? "all" : "any";
      return { kind, of: formula.of.map((inner) => normal(inner, holds, depth + 1)) };
    }
  }
}

function textOf(part: Part): string {
  return part.kind === "comparison" ? printComparison(part.subject, part.operator, part.literal) : printCondition(part);
}

/** How many choices may be looked at: our own sinks' filters need a thirtieth of it, and a hostile one costs no more. */
const MOST_LOOKS = 20_000;

/**
 * Whether the two can hold at once; undefined where that took too long to find out. The first one's alternatives are
 * tried one after the other: each settles most of what the second leaves open.
 */
function isPossible(first: Node, second: Node): boolean | undefined {
  let looks = 0;
  const search = (node: Node, open: readonly Alternatives[], known: Map<string, boolean>): boolean => {
    looks += 1 + open.length;
    if (looks > MOST_LOOKS) return false;
    const choices = settled(node, open, known);
    if (choices === null) return false;
    const [next, ...others] = choices;
    return next === undefined || next.some((alternative) => search(alternative, others, new Map(known)));
  };
  const found = search(first, [[second]], new Map());
  return !found && looks > MOST_LOOKS ? undefined : found;
}

/**
 * What is left to choose once everything that has to hold was noted in `known`: the node's own choices, then the others.
 * null where it contradicts itself.
 */
function settled(
  node: Node,
  open: readonly Alternatives[],
  known: Map<string, boolean>,
): readonly Alternatives[] | null {
  const own = noted([node], known);
  if (own === null) return null;
  let choices = [...own, ...open];
  for (;;) {
    const viable = choices
      .filter((alternatives) => !alternatives.some((one) => verdictOf(one, known) === true))
      .map((alternatives) => alternatives.filter((one) => verdictOf(one, known) !== false));
    if (viable.some((alternatives) => alternatives.length === 0)) return null;
    const forced = viable.filter((alternatives) => alternatives.length === 1).flat();
    choices = viable.filter((alternatives) => alternatives.length > 1);
    if (forced.length === 0) return choices;
    const more = noted(forced, known);
    if (more === null) return null;
    choices.push(...more);
  }
}

/** Notes every test that has to hold; gives the choices that are met on the way, null where two tests contradict. */
function noted(nodes: readonly Node[], known: Map<string, boolean>): readonly Alternatives[] | null {
  const choices: Alternatives[] = [];
  const rest = [...nodes];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (node.kind === "all") rest.push(...node.of);
    else if (node.kind === "any") choices.push(node.of);
    else if (known.get(node.text) === !node.holds) return null;
    else known.set(node.text, node.holds);
  }
  return choices;
}

/** Whether a node holds, by what is known so far; undefined while that is open. */
function verdictOf(node: Node, known: ReadonlyMap<string, boolean>): boolean | undefined {
  if (node.kind === "test") {
    const value = known.get(node.text);
    return value === undefined ? undefined : value === node.holds;
  }
  const decisive = node.kind === "any";
  let isOpen = false;
  for (const inner of node.of) {
    const verdict = verdictOf(inner, known);
    if (verdict === decisive) return decisive;
    isOpen ||= verdict === undefined;
  }
  return isOpen ? undefined : !decisive;
}
