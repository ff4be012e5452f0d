import { fold, includesFolded, shortestWith } from "./fold.ts";
import { type LeafTest, leafTest } from "./leaf-test.ts";
import type { LeafType } from "./route.ts";
import { isExistenceTest, isNullValue, type Literal } from "./tree.ts";
import { TYPE_MARKER, type Visitor } from "./visit.ts";

/** Deeper content than this is walked with a list of what is still to be seen instead of the stack. */
const MAX_RECURSION = 64;

/** Looks for the literal of a global restriction: by the has-operator of each value's own type, and in keys as text. */
export class GlobalSearch implements Visitor {
  private readonly inJson: LeafTest;
  private readonly inText: (text: string) => boolean;
  /** Texts of fewer characters cannot hold the literal: that spares looking at most keys and many values. */
  private readonly shortest: number;
  private readonly inTyped = new Map<LeafType, LeafTest>();
  private readonly literal: Literal;

  constructor(literal: Literal) {
    this.literal = literal;
    this.inJson = leafTest("json", false, ":", literal);
    const isText = !isExistenceTest(":", literal) && !isNullValue(literal);
    this.inText = isText ? includesFolded(fold(literal.text), fold) : this.inJson;
    this.shortest = isText ? shortestWith(fold(literal.text)) : 0;
  }

  text(text: string): boolean {
    return text.length >= this.shortest && this.inText(text);
  }

  scalar(leaf: unknown, type: LeafType): boolean {
    if (type === "string" || type === "json") return typeof leaf === "string" ? this.text(leaf) : this.inJson(leaf);
    let test = this.inTyped.get(type);
    if (test === undefined) {
      test = leafTest(type, false, ":", this.literal);
      this.inTyped.set(type, test);
    }
    return test(leaf);
  }

  key(key: string): boolean {
    return key.length >= this.shortest && key !== TYPE_MARKER && this.inText(key);
  }

  content(value: unknown): boolean {
    return this.nested(value, 0);
  }

  private nested(value: unknown, depth: number): boolean {
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null) return this.inJson(value);
    if (depth === MAX_RECURSION) return this.deep(value);
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) if (this.nested(value[index], depth + 1)) return true;
      return false;
    }
    const record = value as Readonly<Record<string, unknown>>;
    // Entries are plain objects, which inherit nothing that can be enumerated; Object.keys would make an array of each.
    for (const key in record) {
      if (this.key(key)) return true;
      const inner = record[key];
      if (typeof inner === "string" ? this.text(inner) : this.nested(inner, depth + 1)) return true;
    }
    return false;
  }

  private deep(content: object): boolean {
    const open: unknown[] = [content];
    while (open.length > 0) {
      const value = open.pop();
      if (typeof value !== "object" || value === null) {
        if (this.inJson(value)) return true;
      } else if (Array.isArray(value)) {
        for (const element of value) open.push(element);
      } else {
        for (const [key, inner] of Object.entries(value)) {
          if (this.key(key)) return true;
          open.push(inner);
        }
      }
    }
    return false;
  }
}
