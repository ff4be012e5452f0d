import { anyScalarBelow } from "./read.ts";
import type { ScalarType } from "./schema.ts";
import { SearchProgress, type SearchQuery } from "./search-text.ts";
import type { Visitor } from "./visit.ts";

/** One run of SEARCH over an entry or a field: only texts are searched, and only values. */
export class TextSearch implements Visitor {
  private readonly progress: SearchProgress;

  constructor(query: SearchQuery) {
    this.progress = new SearchProgress(query);
  }

  text(text: string): boolean {
    return this.progress.add(text);
  }

  scalar(leaf: unknown, type: ScalarType): boolean {
    return type === "string" && this.isLast(leaf);
  }

  content(value: unknown): boolean {
    return typeof value === "object" && value !== null
      ? anyScalarBelow(value, (leaf) => this.isLast(leaf))
      : this.isLast(value);
  }

  private isLast(leaf: unknown): boolean {
    return typeof leaf === "string" && this.progress.add(leaf);
  }
}
