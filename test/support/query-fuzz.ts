import { ProcessingError } from "../../shared/errors.ts";
import { compile } from "../../shared/query/compile.ts";
import { decidingMatches, explainMismatch } from "../../shared/query/explain.ts";
import { lint } from "../../shared/query/lint.ts";
import { literals } from "../../shared/query/literals.ts";
import { parse } from "../../shared/query/parse.ts";
import { print } from "../../shared/query/print.ts";
import { shapeOf } from "./query-trees.ts";

/** What a filter of a fuzzing run came to: the code it was refused with, or "accepted". */
export type Outcome = string;

/** Makes filters out of nothing, out of tokens, and out of good filters that are cut, doubled and jumbled. */
export class FilterFuzzer {
  private state: number;
  private readonly good: readonly string[];

  constructor(seed: number, good: readonly string[]) {
    this.state = seed >>> 0 || 1;
    this.good = good;
  }

  next(): string {
    const dice = this.below(20);
    if (dice === 0) return this.many(40, () => String.fromCodePoint(this.below(this.pick([0x80, 0x3000, 0x11_0000]))));
    if (dice < 4) return this.many(30, () => this.pick(Array.from(CHARACTERS)));
    if (dice < 9) return this.many(16, () => this.pick(TOKENS) + this.pick(["", "", " "]));
    if (dice === 9) return this.nested();
    let filter = this.pick(this.good);
    for (let times = 1 + this.below(4); times > 0; times--) filter = this.mutate(filter);
    return filter;
  }

  private mutate(filter: string): string {
    const at = this.below(filter.length + 1);
    const end = at + this.below(12);
    const [head, piece, tail] = [filter.slice(0, at), filter.slice(at, end), filter.slice(end)];
    switch (this.below(6)) {
      case 0:
        return head + tail;
      case 1:
        return head + piece + piece + tail;
      case 2:
        return head + this.pick(TOKENS) + piece + tail;
      case 3:
        return head + this.pick(Array.from(CHARACTERS)) + tail;
      case 4:
        return tail + head;
      default:
        return `${filter}${this.pick([" ", " OR ", " AND ", " -"])}(${this.pick(this.good)})`;
    }
  }

  private nested(): string {
    const depth = this.below(this.pick([10, 300, 3000]));
    const [open, close] = this.pick([
      ["(", ")"],
      ["NOT (", ")"],
      ["-(a OR ", ")"],
      ["textPayload:(", ")"],
      ["cast(", ", STRING)"],
    ] as const);
    return (
      open.repeat(depth) +
      this.pick(["a", "trace", "", '"b"']) +
      close.repeat(this.below(4) === 0 ? this.below(depth + 1) : depth)
    );
  }

  private many(limit: number, make: () => string): string {
    return Array.from({ length: this.below(limit) }, make).join("");
  }

  private pick<Each>(items: readonly Each[]): Each {
    return items[this.below(items.length)] as Each;
  }

  private below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
}

const CHARACTERS = 'abAZ09 \t\n""\\()()::==!~<>.,-*\'_/%@[]{}|&?^$#;+`é😀\u00a0\u0000';

const TOKENS = [
  "AND",
  "OR",
  "NOT",
  "and",
  "-",
  "--",
  "(",
  ")",
  '"',
  '"a"',
  '"\\"',
  "a",
  "*",
  ":*",
  "=",
  "!=",
  "=~",
  "!~",
  "<",
  ">=",
  ":",
  ",",
  ".",
  "5",
  "-5",
  "1e9",
  "severity",
  "textPayload",
  "jsonPayload.a",
  'labels."x/y"',
  "protoPayload.methodName",
  "timestamp",
  "httpRequest.latency",
  "ERROR",
  '"2026-01-02"',
  '"1.5s"',
  "NULL_VALUE",
  'log_id("a")',
  "source(projects/p)",
  "sample(insertId,",
  "0.5)",
  'ip_in_net(labels.a,"10.0.0.0/8")',
  'SEARCH("a `b c`")',
  "cast(",
  ",STRING)",
  ',TIMEZONE("UTC"))',
  'regexp_extract(trace,"(a)")',
  '=~"^a(b|c)*d{2,3}$"',
  '=~"(a+)+$"',
  '=~"(?i)[[:alpha:]]\\pL"',
  "\\u0041",
  "\\:",
];

const ENTRIES: readonly unknown[] = [
  {},
  null,
  {
    logName: "projects/p/logs/a",
    severity: "ERROR",
    timestamp: "2026-01-02T03:04:05Z",
    textPayload: "a fox",
    labels: { a: "10.1.1.1", "x/y": "é" },
    jsonPayload: { a: [1, "b", null, { c: true }] },
    protoPayload: {
      "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
      methodName: "x.Create",
      status: { code: 7 },
    },
  },
];

/**
 * Puts one filter through everything the engine does with one. Returns how it ended; throws for what must not be: an
 * error of another kind, one without a place, a verdict that changes, a printed form with another meaning.
 */
export function tryFilter(filter: string): Outcome {
  let query: ReturnType<typeof compile>;
  try {
    query = compile(filter);
  } catch (error) {
    if (!(error instanceof ProcessingError) || !error.code.startsWith("QUERY_")) throw error;
    if (!((error.line ?? 0) >= 1 && (error.column ?? 0) >= 1))
      throw new Error("an error without a place", { cause: error });
    return error.code;
  }
  const printed = print(query.tree);
  // Quotes and parentheses may make a filter longer that was just short enough.
  if (printed.length <= 20_000) {
    const again = parse(printed);
    if (JSON.stringify(shapeOf(again)) !== JSON.stringify(shapeOf(query.tree)))
      throw new Error(`printed otherwise: ${printed}`);
  }
  for (const entry of ENTRIES) {
    const matches = query.matches(entry);
    if ((explainMismatch(query, entry) === undefined) !== matches) throw new Error("explained otherwise");
    if (!matches && decidingMatches(query, entry).length > 0) throw new Error("decided without a match");
  }
  literals(query);
  lint(filter);
  return "accepted";
}
