import { overlaps, type Range, type Regex, type Repetition } from "./regex-syntax.ts";

/** How many steps, per start position, a pattern without endless repetitions may take in the worst case. */
const MAX_STEPS = 500;

/**
 * Drops what an unanchored search may leave out: a repetition at either end of a branch matches as well with its
 * fewest rounds. `.*name.*` becomes `name`.
 */
export function trimUnanchored(regex: Regex): Regex {
  if (regex.kind === "alternation") return { kind: "alternation", branches: regex.branches.map(trimUnanchored) };
  if (regex.kind !== "sequence") return regex;
  const parts = [...regex.parts];
  while (parts.length > 0 && parts[0]?.kind === "repetition") {
    const shortest = fewestRounds(parts[0]);
    parts.splice(0, 1, ...shortest);
    if (shortest.length > 0) break;
  }
  for (let last = parts.at(-1); last?.kind === "repetition"; last = parts.at(-1)) {
    const shortest = fewestRounds(last);
    parts.splice(-1, 1, ...shortest);
    if (shortest.length > 0) break;
  }
  return { kind: "sequence", parts };
}

/**
 * Whether a backtracking engine cannot take more than linear time. Every branch either has no endless repetition and
 * few ways through; or it is anchored at the start, its endless repetitions are of single characters and stand side
 * by side with its other parts, and each of them but the last is followed by something that none of its own
 * characters can begin, so that giving characters back fails at once.
 */
export function runsInLinearTime(regex: Regex): boolean {
  const branches = regex.kind === "alternation" ? regex.branches : [regex];
  let steps = 0;
  for (const branch of branches) {
    const parts = branch.kind === "sequence" ? branch.parts : [branch];
    steps += costOf(parts.filter((part) => !isEndless(part))).steps;
    if (parts.some(isEndless) && !isAnchoredAndDeterministic(parts)) return false;
  }
  return steps <= MAX_STEPS;
}

function fewestRounds({ part, min }: Repetition): Regex[] {
  if (min === 0) return [];
  return [min === 1 ? part : { kind: "repetition", part, min, max: min }];
}

function isAnchoredAndDeterministic(parts: readonly Regex[]): boolean {
  const [first] = parts;
  if (first?.kind !== "edge" || first.at !== "start") return false;
  let lastEndless = true;
  for (let index = parts.length - 1; index > 0; index--) {
    const part = parts[index];
    if (part === undefined || !isEndless(part)) continue;
    if (part.part.kind !== "set") return false;
    if (!lastEndless && !failsAtOnce(part.part.ranges, parts.slice(index + 1))) return false;
    lastEndless = false;
  }
  return true;
}

/** Whether none of the characters can begin what follows, which itself takes at least one character or ends the text. */
function failsAtOnce(ranges: readonly Range[], following: readonly Regex[]): boolean {
  for (const part of following) {
    if (part.kind === "edge") return part.at === "end";
    const first = firstRanges(part);
    if (first === undefined || overlaps(ranges, first)) return false;
    if (!isNullable(part)) return true;
  }
  return false;
}

/** The characters a part can begin with; undefined where an edge makes that hard to tell. */
function firstRanges(regex: Regex): readonly Range[] | undefined {
  switch (regex.kind) {
    case "set":
      return regex.ranges;
    case "edge":
      return undefined;
    case "repetition":
      return firstRanges(regex.part);
    case "alternation":
    case "sequence": {
      const ranges: Range[] = [];
      for (const part of regex.kind === "sequence" ? regex.parts : regex.branches) {
        const first = firstRanges(part);
        if (first === undefined) return undefined;
        ranges.push(...first);
        if (regex.kind === "sequence" && !isNullable(part)) break;
      }
      return ranges;
    }
  }
}

function isNullable(regex: Regex): boolean {
  switch (regex.kind) {
    case "set":
      return false;
    case "edge":
      return true;
    case "repetition":
      return regex.min === 0 || isNullable(regex.part);
    case "sequence":
      return regex.parts.every(isNullable);
    case "alternation":
      return regex.branches.some(isNullable);
  }
}

function isEndless(regex: Regex): regex is Repetition {
  return regex.kind === "repetition" && regex.max === Number.POSITIVE_INFINITY;
}

/** `ways` in which a part can match from one position, and the `steps` that trying all of them takes. */
interface Cost {
  readonly ways: number;
  readonly steps: number;
}

const TOO_COSTLY: Cost = { ways: Number.POSITIVE_INFINITY, steps: Number.POSITIVE_INFINITY };

function costOf(parts: readonly Regex[]): Cost {
  let ways = 1;
  let steps = 1;
  for (const part of parts) {
    const cost = partCost(part);
    steps += ways * cost.steps;
    ways *= cost.ways;
    if (steps > MAX_STEPS) return TOO_COSTLY;
  }
  return { ways, steps };
}

function partCost(regex: Regex): Cost {
  switch (regex.kind) {
    case "set":
    case "edge":
      return { ways: 1, steps: 1 };
    case "sequence":
      return costOf(regex.parts);
    case "alternation": {
      const costs = regex.branches.map(partCost);
      return { ways: sum(costs.map(({ ways }) => ways)), steps: sum(costs.map(({ steps }) => steps)) };
    }
    case "repetition":
      return repetitionCost(regex);
  }
}

function repetitionCost({ part, min, max }: Repetition): Cost {
  if (max === Number.POSITIVE_INFINITY) return TOO_COSTLY;
  const one = partCost(part);
  let ways = 0;
  let steps = 1;
  let paths = 1;
  for (let round = 0; round <= max && steps <= MAX_STEPS; round++) {
    if (round >= min) ways += paths;
    steps += paths * one.steps;
    paths *= one.ways;
  }
  return steps > MAX_STEPS ? TOO_COSTLY : { ways, steps };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
