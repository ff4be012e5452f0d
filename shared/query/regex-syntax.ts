/**
 * The plain part of RE2's syntax, which JavaScript reads the same way. A pattern with anything else in it (flags,
 * classes by name, unusual escapes, a literal brace) is not parsed here but left to RE2 itself.
 */
export type Regex = CharacterSet | Edge | Sequence | Alternation | Repetition;

export interface CharacterSet {
  readonly kind: "set";
  /** Sorted code point ranges, both ends included. */
  readonly ranges: readonly Range[];
}

export type Range = readonly [first: number, last: number];

/** A place between characters: the begin or end of the text, or a border of an ASCII word. */
export interface Edge {
  readonly kind: "edge";
  readonly at: "start" | "end" | "word";
}

export interface Sequence {
  readonly kind: "sequence";
  readonly parts: readonly Regex[];
}

export interface Alternation {
  readonly kind: "alternation";
  readonly branches: readonly Regex[];
}

export interface Repetition {
  readonly kind: "repetition";
  readonly part: Regex;
  readonly min: number;
  readonly max: number;
}

const MAX_CODE_POINT = 0x10ffff;
const MAX_NESTING = 50;
const DIGIT: readonly Range[] = [[0x30, 0x39]];
const WORD: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACE: readonly Range[] = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
];
const CLASSES = new Map<string, readonly Range[]>([
  ["d", DIGIT],
  ["D", invert(DIGIT)],
  ["w", WORD],
  ["W", invert(WORD)],
  ["s", SPACE],
  ["S", invert(SPACE)],
]);
const CONTROL_ESCAPES = new Map([
  ["a", 0x07],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["v", 0x0b],
]);
const ANY_BUT_NEWLINE = invert([[0x0a, 0x0a]]);
const REPETITION = /^(?:[*+?]|\{(?:0|[1-9][0-9]{0,3})(?:,(?:0|[1-9][0-9]{0,3})?)?\})\??/;
const PUNCTUATION = /^[!-/:-@[-^`{-~]$/;

/** Parses a pattern of the plain part of the syntax; undefined for any other, be it valid or not. */
export function parseRegex(pattern: string): Regex | undefined {
  const parser = new RegexParser(Array.from(pattern));
  const regex = parser.alternation(0);
  return parser.done() ? regex : undefined;
}

/** The same expression for JavaScript's RegExp with the "u" flag. */
export function toJavaScript(regex: Regex): string {
  switch (regex.kind) {
    case "set":
      return setSource(regex.ranges);
    case "edge":
      return { start: "^", end: "$", word: "\\b" }[regex.at];
    case "sequence":
      return regex.parts.map(toJavaScript).join("");
    case "alternation":
      return `(?:${regex.branches.map(toJavaScript).join("|")})`;
    case "repetition":
      return `(?:${toJavaScript(regex.part)})${quantifier(regex)}`;
  }
}

export function overlaps(left: readonly Range[], right: readonly Range[]): boolean {
  return left.some(([first, last]) =>
    right.some(([otherFirst, otherLast]) => first <= otherLast && otherFirst <= last),
  );
}

export function invert(ranges: readonly Range[]): readonly Range[] {
  const inverted: Range[] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    if (first > next) inverted.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= MAX_CODE_POINT) inverted.push([next, MAX_CODE_POINT]);
  return inverted;
}

/** Gives up, by returning undefined all the way, at the first thing that is not plain. */
class RegexParser {
  private readonly characters: readonly string[];
  private index = 0;

  constructor(characters: readonly string[]) {
    this.characters = characters;
  }

  done(): boolean {
    return this.index === this.characters.length;
  }

  alternation(nesting: number): Regex | undefined {
    if (nesting > MAX_NESTING) return undefined;
    const branches: Regex[] = [];
    do {
      const branch = this.sequence(nesting);
      if (branch === undefined) return undefined;
      branches.push(branch);
    } while (this.accept("|"));
    return branches.length === 1 ? branches[0] : { kind: "alternation", branches };
  }

  private sequence(nesting: number): Regex | undefined {
    const parts: Regex[] = [];
    while (!this.done() && this.peek() !== "|" && this.peek() !== ")") {
      const part = this.repetition(nesting);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    return { kind: "sequence", parts };
  }

  private repetition(nesting: number): Regex | undefined {
    const part = this.single(nesting);
    if (part === undefined) return undefined;
    const match = REPETITION.exec(this.characters.slice(this.index, this.index + 12).join(""));
    if (match === null) return part;
    this.index += match[0].length;
    // RE2 limits the size that nested and counted repetitions grow to; what exceeds it, only RE2 can tell.
    if (match[0].startsWith("{") && part.kind !== "set") return undefined;
    // A repeated edge and a repetition of a repetition read differently, or not at all, in one of the two engines.
    if (part.kind === "edge" || "*+?{".includes(this.peek() || "none")) return undefined;
    const [min, max] = bounds(match[0]);
    if (min > max || Math.max(min, max === Number.POSITIVE_INFINITY ? 0 : max) > 1000) return undefined;
    return { kind: "repetition", part, min, max };
  }

  private single(nesting: number): Regex | undefined {
    const character = this.peek();
    this.index++;
    switch (character) {
      case "(":
        return this.group(nesting);
      case "[":
        return this.set();
      case "\\":
        return this.escape();
      case ".":
        return { kind: "set", ranges: ANY_BUT_NEWLINE };
      case "^":
        return { kind: "edge", at: "start" };
      case "$":
        return { kind: "edge", at: "end" };
      case "*":
      case "+":
      case "?":
      case "{":
      case "}":
      case "]":
        return undefined;
      default:
        return isSurrogate(character) ? undefined : single(character.codePointAt(0) ?? 0);
    }
  }

  private group(nesting: number): Regex | undefined {
    if (this.accept("?") && !this.accept(":")) return undefined;
    const inner = this.alternation(nesting + 1);
    return inner !== undefined && this.accept(")") ? inner : undefined;
  }

  private escape(): Regex | undefined {
    const character = this.peek();
    this.index++;
    // Not \B: the engine's own search finds it inside a surrogate pair.
    if (character === "b") return { kind: "edge", at: "word" };
    const ranges = CLASSES.get(character);
    if (ranges !== undefined) return { kind: "set", ranges };
    const point = escapedPoint(character);
    return point === undefined ? undefined : single(point);
  }

  private set(): Regex | undefined {
    const negated = this.accept("^");
    const ranges: Range[] = [];
    // A bracket that closes at once, or one more that opens, means something of its own in RE2.
    if (this.peek() === "]") return undefined;
    while (!this.accept("]")) {
      const item = this.setItem();
      if (item === undefined) return undefined;
      ranges.push(...item);
    }
    ranges.sort(([left], [right]) => left - right);
    return { kind: "set", ranges: negated ? invert(ranges) : ranges };
  }

  private setItem(): readonly Range[] | undefined {
    const first = this.setCharacter();
    if (first === undefined || typeof first !== "number") return first;
    if (this.peek() !== "-") return [[first, first]];
    // A dash is a range only between two characters; a literal one may stand last.
    if (this.characters[this.index + 1] === "]") return [[first, first]];
    this.index++;
    const last = this.setCharacter();
    return typeof last === "number" && first <= last ? [[first, last]] : undefined;
  }

  private setCharacter(): number | readonly Range[] | undefined {
    const character = this.peek();
    this.index++;
    if (character === "-") return this.peek() === "]" ? 0x2d : undefined;
    if (character === "" || character === "[" || isSurrogate(character)) return undefined;
    if (character !== "\\") return character.codePointAt(0);
    const escaped = this.peek();
    this.index++;
    return CLASSES.get(escaped) ?? escapedPoint(escaped);
  }

  private peek(): string {
    return this.characters[this.index] ?? "";
  }

  private accept(character: string): boolean {
    if (this.peek() !== character) return false;
    this.index++;
    return true;
  }
}

function single(point: number): CharacterSet {
  return { kind: "set", ranges: [[point, point]] };
}

function escapedPoint(character: string): number | undefined {
  return CONTROL_ESCAPES.get(character) ?? (PUNCTUATION.test(character) ? character.charCodeAt(0) : undefined);
}

/** A code point of its own, half of a pair, has no meaning to RE2. */
function isSurrogate(character: string): boolean {
  return /^[\ud800-\udfff]$/.test(character);
}

function bounds(written: string): readonly [min: number, max: number] {
  if (written.startsWith("*")) return [0, Number.POSITIVE_INFINITY];
  if (written.startsWith("+")) return [1, Number.POSITIVE_INFINITY];
  if (written.startsWith("?")) return [0, 1];
  const [min = "", max] = written.slice(1, written.indexOf("}")).split(",");
  if (max === undefined) return [Number(min), Number(min)];
  return [Number(min), max === "" ? Number.POSITIVE_INFINITY : Number(max)];
}

function quantifier({ min, max }: Repetition): string {
  if (max === Number.POSITIVE_INFINITY) return `{${min},}`;
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function setSource(ranges: readonly Range[]): string {
  const [range] = ranges;
  // An empty set, such as [^\x00-\u{10FFFF}], matches nothing.
  if (range === undefined) return "[]";
  if (ranges.length === 1 && range[0] === range[1]) return pointSource(range[0]);
  return `[${ranges.map(([first, last]) => (first === last ? pointSource(first) : `${pointSource(first)}-${pointSource(last)}`)).join("")}]`;
}

function pointSource(point: number): string {
  const character = String.fromCodePoint(point);
  return /^[A-Za-z0-9]$/.test(character) ? character : `\\u{${point.toString(16)}}`;
}
