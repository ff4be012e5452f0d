import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ProcessingError } from "../shared/errors.ts";
import * as face from "../shared/query/index.ts";
import { refusalOf } from "./support/query-refusals.ts";
import { parsedShape, shapeOf } from "./support/query-trees.ts";

interface Vector {
  readonly id: string;
  readonly filter: string;
  readonly entry?: unknown;
  readonly match?: boolean;
  readonly error?: true;
  readonly why: string;
}

const { compile, explain, explainMismatch, lint, literals, parse, print } = face;

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, "vectors/lql-vectors.json"), "utf8"),
) as readonly Vector[];

describe("the vectors of the specification", () => {
  test("there are 331 of them", () => {
    expect(vectors).toHaveLength(331);
    expect(new Set(vectors.map(({ id }) => id)).size).toBe(331);
  });

  test.each(vectors.filter(({ error }) => error === undefined))("$id: $why", ({ filter, entry, match }) => {
    const query = compile(filter);
    expect(query.matches(entry)).toBe(match);
    expect(compile(print(query.tree)).matches(entry), "printed and compiled again").toBe(match);
    expect(explain(query, entry).verdict, "explained").toBe(match);
    expect(explainMismatch(query, entry) === undefined, "without a mismatch").toBe(match);
  });

  test.each(vectors.filter(({ error }) => error === true))("$id is refused: $why", ({ filter }) => {
    const refusal = refusalOf(() => compile(filter));
    expect(refusal.code).toMatch(/^QUERY_/);
    const lines = filter.split("\n");
    expect(refusal.line).toBeGreaterThanOrEqual(1);
    expect(refusal.line).toBeLessThanOrEqual(lines.length);
    expect(refusal.column).toBeGreaterThanOrEqual(1);
    expect(refusal.column).toBeLessThanOrEqual((lines[(refusal.line ?? 0) - 1] ?? "").length + 1);
  });
});

describe("the corpus of public filters", () => {
  const fixtures = process.env.GLASSWATCH_FIXTURES;

  test("all 563 parse, print and parse again to the same tree, and can be compiled, linted and scanned for", () => {
    if (fixtures === undefined) {
      console.log("GLASSWATCH_FIXTURES is not set: the corpus of public filters was left out");
      return;
    }
    const lines = readFileSync(join(fixtures, "reference/lql-corpus.ndjson"), "utf8").trim().split("\n");
    const filters = lines.map((line) => (JSON.parse(line) as { readonly filter: string }).filter);
    expect(filters).toHaveLength(563);
    for (const filter of filters) {
      const tree = parse(filter);
      expect(parsedShape(print(tree)), filter).toEqual(shapeOf(tree));
      const query = compile(filter);
      expect(query.matches({}), filter).toBe(query.matches({ severity: "DEFAULT" }));
      expect(literals(query).clauses.every(({ needles }) => needles.length > 0)).toBe(true);
      expect(lint(filter).every(({ line, column }) => line > 0 && column > 0)).toBe(true);
    }
  });
});

describe("the face of the library", () => {
  test("has these names and no others", () => {
    expect(Object.keys(face).sort()).toEqual([
      "LOG_ENTRY",
      "NEEDLE_ALPHABET",
      "compile",
      "decidingMatches",
      "explain",
      "explainMismatch",
      "foldingPairs",
      "lint",
      "literals",
      "message",
      "ordered",
      "parse",
      "print",
    ]);
  });

  test("compiles a filter to an object with its text and tree that cannot be changed", () => {
    const query = compile("severity>=ERROR");
    expect(query.text).toBe("severity>=ERROR");
    expect(query.tree).toEqual(parse("severity>=ERROR"));
    expect(query.matches({ severity: "ALERT" })).toBe(true);
    expect(Object.isFrozen(query)).toBe(true);
  });

  test("compiles a tree, whose text is then the printed one", () => {
    const query = compile(parse("severity >= ERROR   textPayload:fox"));
    expect(query.text).toBe("severity >= ERROR AND textPayload:fox");
    expect(query.matches({ severity: "ALERT", textPayload: "a fox" })).toBe(true);
    expect(query.matches({ severity: "ALERT" })).toBe(false);
  });

  test("throws an error with a code, a line and a column", () => {
    const refusal = refusalOf(() => compile('severity>=ERROR\n  textPayload:"abc'));
    expect(refusal).toBeInstanceOf(ProcessingError);
    expect(refusal).toMatchObject({ code: "QUERY_SYNTAX", line: 2, column: 15, place: "line 2, column 15" });
  });
});
