import { ProcessingError } from "../errors.ts";
import { compileFormula } from "./compile.ts";
import { type Formula, mapFormula, partsOf, toFormula } from "./formula.ts";
import { parse } from "./parse.ts";
import { compilePart, type PartTest, type PathTest } from "./part-test.ts";
import { canBe } from "./possibility.ts";
import type { Found } from "./read.ts";
import { type Reader, Readers } from "./reader.ts";
import { LOG_ENTRY } from "./schema.ts";
import { looseName } from "./suggest.ts";

export interface CatalogueFilter {
  readonly id: string;
  readonly filter: string;
}

/** Many filters over LogEntries that share their work. */
export interface FilterCatalogue {
  /**
   * The indexes of the filters that an entry passes, rising. Never throws. The list for no filter is always the same
   * frozen one, and nothing is allocated when the entry's log, service, method and the like let no filter through.
   */
  matching(entry: unknown): readonly number[];
}

/** Compiles the filters; the error of an invalid one names its id. */
export function compileCatalogue(filters: readonly CatalogueFilter[]): FilterCatalogue {
  const readers = new Readers(LOG_ENTRY);
  const formulas = filters.map((filter) => compileOne(filter, readers));
  const gates = findGates(formulas);
  const checks = formulas.map((formula) => compileFormula(withoutDecided(formula, gates)));
  const open = new Int32Array(Math.ceil(filters.length / 32));
  return Object.freeze({
    matching(entry: unknown): readonly number[] {
      readers.open(entry);
      const matches = passGates(gates, open) ? collect(checks, open) : NONE;
      readers.close();
      return matches;
    },
  });
}

const NONE: readonly number[] = Object.freeze([]);

/** Fields with few different values, whose value decides about many filters at once. */
const DISPATCH_FIELDS = new Set(
  [
    "logName",
    "severity",
    "resource.type",
    "protoPayload.@type",
    "protoPayload.serviceName",
    "protoPayload.methodName",
  ].map(looseName),
);

/** More different values than any of these fields has in an honest log; beyond it a gate forgets and begins anew. */
const MAX_REMEMBERED = 8192;

function compileOne({ id, filter }: CatalogueFilter, readers: Readers): Formula<PartTest> {
  try {
    return mapFormula(toFormula(parse(filter)), (part) => compilePart(part, readers));
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    const { line, column } = error;
    throw new ProcessingError(error.code, `${id}: ${error.message}`, {
      cause: error,
      place: id,
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    });
  }
}

function findGates(formulas: readonly Formula<PartTest>[]): readonly Gate[] {
  const uses = new Map<Reader, number>();
  for (const { onPath } of formulas.flatMap((formula) => partsOf(formula))) {
    if (onPath?.alone !== true || !DISPATCH_FIELDS.has(looseName(onPath.reader.route.text))) continue;
    uses.set(onPath.reader, (uses.get(onPath.reader) ?? 0) + 1);
  }
  // The most used one first: it is the likeliest to close the way to all filters.
  return [...uses].sort(([, left], [, right]) => right - left).map(([reader]) => new Gate(reader, formulas));
}

/** Closes, in a set of filters, those that the value of one field rules out; a value is judged once. */
class Gate {
  private readonly reader: Reader;
  private readonly formulas: readonly Formula<PartTest>[];
  private readonly remembered = new Map<string, Int32Array>();
  private whenMissing: Int32Array | undefined;

  constructor(reader: Reader, formulas: readonly Formula<PartTest>[]) {
    this.reader = reader;
    this.formulas = formulas;
  }

  decides(onPath: PathTest | undefined): boolean {
    return onPath?.alone === true && onPath.reader === this.reader;
  }

  letThrough(): Int32Array {
    const found = this.reader.read();
    if (typeof found === "string") return this.remembered.get(found) ?? this.judgeText(found);
    if (found !== undefined) return this.judge(found);
    this.whenMissing ??= this.judge(found);
    return this.whenMissing;
  }

  private judgeText(text: string): Int32Array {
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    const passed = this.judge(text);
    this.remembered.set(text, passed);
    return passed;
  }

  private judge(found: Found): Int32Array {
    const passed = new Int32Array(Math.ceil(this.formulas.length / 32));
    const decide = ({ onPath }: PartTest) => (this.decides(onPath) ? onPath?.verdict(found) : undefined);
    for (const [index, formula] of this.formulas.entries()) {
      if (canBe(true, formula, decide)) passed[index >> 5] = (passed[index >> 5] ?? 0) | (1 << (index & 31));
    }
    return passed;
  }
}

/**
 * What is left to ask of a filter that all gates let through: a part joined by AND that looks at one gate's field alone
 * was decided there.
 */
function withoutDecided(formula: Formula<PartTest>, gates: readonly Gate[]): Formula<PartTest> {
  if (formula.kind === "all") return { kind: "all", of: formula.of.map((inner) => withoutDecided(inner, gates)) };
  const isDecided = gates.some((gate) => partsOf(formula).every(({ onPath }) => gate.decides(onPath)));
  return isDecided ? { kind: "always" } : formula;
}

/** Leaves open the filters that every gate lets through; false when none is left. */
function passGates(gates: readonly Gate[], open: Int32Array): boolean {
  open.fill(-1);
  for (const gate of gates) {
    const passed = gate.letThrough();
    let left = 0;
    for (let word = 0; word < open.length; word++) {
      const both = (open[word] ?? 0) & (passed[word] ?? 0);
      open[word] = both;
      left |= both;
    }
    if (left === 0) return false;
  }
  return true;
}

function collect(checks: readonly (() => boolean)[], open: Int32Array): readonly number[] {
  let matches: number[] | undefined;
  for (let index = 0; index < checks.length; index++) {
    if (((open[index >> 5] ?? 0) & (1 << (index & 31))) === 0) continue;
    if (checks[index]?.() !== true) continue;
    matches ??= [];
    matches.push(index);
  }
  return matches ?? NONE;
}
