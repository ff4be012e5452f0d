import { fold } from "./fold.ts";
import { printPath } from "./print.ts";
import { branchFor, type Found, walk } from "./read.ts";
import { type Branch, findRoute, type Route } from "./route.ts";
import type { Schema } from "./schema.ts";
import type { Path } from "./tree.ts";

/** The entry that the tests of a filter look at, and what was already read of it. Not for use from two places at once. */
export class Readers {
  readonly schema: Schema;
  /** Counts the entries, so that what was read of an earlier one is known to be stale. */
  round = 0;
  entry: unknown = undefined;
  private readonly byPath = new Map<string, Reader>();
  private readonly shared = new Map<string, () => boolean>();

  constructor(schema: Schema) {
    this.schema = schema;
  }

  /** One reader a path, however often filters name it. */
  for(path: Path): Reader {
    const route = findRoute(path, this.schema);
    // The text alone will not do: a payload's own fields may be spelled in several ways that read differently.
    const key = `${route.text} ${printPath(path)}`;
    let reader = this.byPath.get(key);
    if (reader === undefined) {
      reader = new Reader(this, route);
      this.byPath.set(key, reader);
    }
    return reader;
  }

  /** Makes a costly check run once an entry, however many filters ask for it under the same key. */
  once(key: string, check: () => boolean): () => boolean {
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    let round = -1;
    let verdict = false;
    const remembering = (): boolean => {
      if (round !== this.round) {
        verdict = check();
        round = this.round;
      }
      return verdict;
    };
    this.shared.set(key, remembering);
    return remembering;
  }

  open(entry: unknown): void {
    this.round++;
    this.entry = entry;
  }

  close(): void {
    this.entry = undefined;
  }
}

/** Reads one path, at most once an entry. */
export class Reader {
  readonly route: Route;
  private readonly readers: Readers;
  private round = -1;
  private found: Found = undefined;
  private foundBranch: Branch;
  private text = "";
  private folded = "";

  constructor(readers: Readers, route: Route) {
    this.readers = readers;
    this.route = route;
    this.foundBranch = route.main;
  }

  read(): Found {
    if (this.round !== this.readers.round && this.route.place !== "below-map-value") {
      this.round = this.readers.round;
      this.foundBranch = branchFor(this.route, this.readers.entry);
      this.found = walk(this.readers.entry, this.foundBranch.steps, 0);
    }
    return this.found;
  }

  /** The way that the entry's payload type gave; valid after `read`. */
  branch(): Branch {
    return this.foundBranch;
  }

  /** Folds a text; the last one is remembered, since several tests of a path see the same text. */
  readonly fold = (text: string): string => {
    if (text !== this.text) {
      this.text = text;
      this.folded = fold(text);
    }
    return this.folded;
  };
}
