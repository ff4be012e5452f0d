import { fold } from "./fold.ts";
import type { Part, SingleComparison } from "./formula.ts";
import { GlobalSearch } from "./global-search.ts";
import { isInside, type Network, parseNetwork } from "./ip-network.ts";
import { leafTest, missingVerdict, scalarTest } from "./leaf-test.ts";
import { canonicalLogId, type LogName, parseLogName } from "./log-name.ts";
import { printLiteral } from "./print.ts";
import { anyLeaf, type Found, firstLeaf, leavesOf } from "./read.ts";
import type { Reader, Readers } from "./reader.ts";
import { type Branch, isScalar } from "./route.ts";
import { parseFraction, samplePoint } from "./sample.ts";
import { defaultOf } from "./scalar.ts";
import { parseSearch, type SearchQuery } from "./search-text.ts";
import { TextSearch } from "./text-search.ts";
import { isExistenceTest, isNullValue, type Literal, type Path, type ValueCall } from "./tree.ts";
import { compileValueCall } from "./value-call.ts";
import { visitEntry } from "./visit.ts";

/** One part of a filter made ready: its verdict on the entry that the readers are open at. */
export interface PartTest {
  readonly check: () => boolean;
  /** Set when the part looks at what one path finds. */
  readonly onPath: PathTest | undefined;
}

export interface PathTest {
  readonly reader: Reader;
  /** The verdict on what the path found, or on one leaf of it. */
  readonly verdict: (found: Found) => boolean;
  /** Whether the verdict hangs on nothing else in the entry, so that it can be remembered for a value. */
  readonly alone: boolean;
}

const LOG_NAME: Path = { kind: "path", components: ["logName"], at: { line: 1, column: 1 } };

export function compilePart(part: Part, readers: Readers): PartTest {
  switch (part.kind) {
    case "comparison":
      return part.subject.kind === "path"
        ? comparePath(part, readers.for(part.subject))
        : compareValues(part, part.subject, readers);
    case "global":
      return onEntry(globalTest(part.literal, readers));
    case "log_id": {
      const wanted = canonicalLogId(part.logId.text);
      return byLogName(readers, ({ logId }) => logId === wanted);
    }
    case "source": {
      const wanted = fold(part.resource.text);
      return byLogName(readers, ({ parent }) => fold(parent) === wanted);
    }
    case "sample":
      return sampleField(readers.for(part.field), parseFraction(part.fraction.text) ?? 0);
    case "ip_in_net":
      return addressInNet(readers.for(part.field), parseNetwork(part.subnet.text));
    case "search": {
      const query = parseSearch(part.query.text) ?? { words: [], phrases: [] };
      return part.field === null ? searchEntry(query, readers) : searchField(query, readers.for(part.field));
    }
  }
}

function onPath(reader: Reader, verdict: (found: Found) => boolean, alone = true): PartTest {
  return { check: () => verdict(reader.read()), onPath: { reader, verdict, alone } };
}

function onEntry(check: () => boolean): PartTest {
  return { check, onPath: undefined };
}

function comparePath({ operator, literal }: SingleComparison, reader: Reader): PartTest {
  const { route } = reader;
  const testOf = (branch: Branch) => leafTest(branch.type, route.defaulted, operator, literal, reader.fold);
  const whenMissing = missingVerdict(route.main.type, route.defaulted, operator, literal);
  const byType = route.payload?.branches ?? [];
  // A declared string compares as a string in free content does, so most paths into a payload have one test.
  if (byType.every(({ type }) => type === "string" || !isScalar(type))) {
    const test = testOf(route.main);
    return onPath(reader, (found) => {
      if (found === undefined) return whenMissing;
      return Array.isArray(found) ? found.some(test) : test(found);
    });
  }
  const tests = new Map([route.main, ...byType].map((branch) => [branch, testOf(branch)]));
  const verdict = (found: Found): boolean => {
    const test = tests.get(reader.branch());
    return test !== undefined && anyLeaf(found, test);
  };
  return onPath(reader, verdict, false);
}

function compareValues({ operator, literal }: SingleComparison, call: ValueCall, readers: Readers): PartTest {
  const source = compileValueCall(call, readers);
  const isPresent = () => source.values(true).length > 0;
  if (isExistenceTest(operator, literal)) return onEntry(isPresent);
  // The result of a function is never null.
  if (isNullValue(literal)) return onEntry(operator === "!=" ? isPresent : () => false);
  const test = scalarTest(source.type, operator, literal);
  return onEntry(() => test !== undefined && source.values(false).some(({ value }) => test(value)));
}

function globalTest(literal: Literal, readers: Readers): () => boolean {
  const search = new GlobalSearch(literal);
  return readers.once(`global ${printLiteral(literal)}`, () => visitEntry(readers.entry, readers.schema, search));
}

function byLogName(readers: Readers, test: (name: LogName) => boolean): PartTest {
  return onPath(readers.for(LOG_NAME), (found) => {
    const text = firstLeaf(found);
    const name = typeof text === "string" ? parseLogName(text) : undefined;
    return name !== undefined && test(name);
  });
}

function sampleField(reader: Reader, fraction: number): PartTest {
  const { route } = reader;
  const unset = route.defaulted && isScalar(route.main.type) ? String(defaultOf(route.main.type)) : undefined;
  return onPath(reader, (found) => {
    const leaf = firstLeaf(found);
    const isSampled = typeof leaf === "string" || typeof leaf === "number";
    const value = isSampled ? String(leaf) : leaf === undefined || leaf === null ? unset : undefined;
    return value !== undefined && samplePoint(value) <= fraction;
  });
}

function addressInNet(reader: Reader, net: Network | undefined): PartTest {
  return onPath(reader, (found) =>
    anyLeaf(found, (leaf) => {
      const address = typeof leaf === "string" && net !== undefined ? parseNetwork(leaf) : undefined;
      return address !== undefined && net !== undefined && isInside(address, net);
    }),
  );
}

function searchEntry(query: SearchQuery, readers: Readers): PartTest {
  return onEntry(() => visitEntry(readers.entry, readers.schema, new TextSearch(query)));
}

function searchField(query: SearchQuery, reader: Reader): PartTest {
  const verdict = (found: Found): boolean => {
    const { type } = reader.branch();
    if (isScalar(type) && type !== "string") return false;
    const search = new TextSearch(query);
    return leavesOf(found).some((leaf) => search.content(leaf));
  };
  return onPath(reader, verdict, false);
}
