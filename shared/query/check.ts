import { MAX_DEPTH, refuseDepth } from "./cursor.ts";
import { parseNetwork } from "./ip-network.ts";
import { isLogParent } from "./log-name.ts";
import { refuse, shorten } from "./refuse.ts";
import { compileExtractingPattern, compilePattern } from "./regex.ts";
import { findRoute, isScalar, type LeafType } from "./route.ts";
import { parseFraction } from "./sample.ts";
import { scalarFromText } from "./scalar.ts";
import type { Schema } from "./schema.ts";
import { parseSearch } from "./search-text.ts";
import { nearestName } from "./suggest.ts";
import { isTimeZone } from "./timestamp.ts";
import {
  type Atom,
  type BooleanCall,
  type Combination,
  type Comparison,
  isAnd,
  isExistenceTest,
  isNot,
  isNullValue,
  isOr,
  type Literal,
  type Operator,
  type Position,
  type Subject,
  type Tree,
} from "./tree.ts";

/** Refuses a tree with a field, pattern, argument or value that can never be right, whatever the entry. */
export function checkTree(tree: Tree, schema: Schema): void {
  if (tree.condition !== null) eachLeaf<Atom>(tree.condition, 1, (atom, depth) => checkAtom(atom, depth, schema));
}

function eachLeaf<Leaf extends { readonly at: Position }>(
  combination: Combination<Leaf>,
  depth: number,
  check: (leaf: Leaf, depth: number) => void,
): void {
  if (depth > MAX_DEPTH) refuseDepth(combination.at);
  if (isAnd(combination) || isOr(combination)) {
    for (const term of combination.terms) eachLeaf(term, depth + 1, check);
  } else if (isNot(combination)) {
    eachLeaf(combination.term, depth + 1, check);
  } else {
    check(combination as Leaf, depth);
  }
}

const SAMPLED_TYPES = new Set<LeafType>(["string", "int32", "int64", "double"]);

function checkAtom(atom: Atom, depth: number, schema: Schema): void {
  if (atom.kind === "comparison") checkComparison(atom, depth, schema);
  else if (atom.kind !== "global") checkCall(atom, schema);
}

function checkComparison({ subject, operator, values }: Comparison, depth: number, schema: Schema): void {
  checkSubject(subject, depth, schema);
  const type = subject.kind === "path" ? findRoute(subject, schema).main.type : undefined;
  eachLeaf(values, depth + 1, (literal) => {
    if (operator === "=~" || operator === "!~") compilePattern(literal.text, literal.at);
    else if (schema.strict && type !== undefined) checkValue(literal, operator, type);
  });
}

function checkSubject(subject: Subject, depth: number, schema: Schema): void {
  if (depth > MAX_DEPTH) refuseDepth(subject.at);
  if (subject.kind === "path") {
    findRoute(subject, schema);
    return;
  }
  checkSubject(subject.value, depth + 1, schema);
  if (subject.kind === "regexp_extract") compileExtractingPattern(subject.pattern.text, subject.pattern.at);
  else if (subject.timeZone !== null) checkTimeZone(subject.timeZone, subject.type, subject.at);
}

function checkTimeZone(zone: string, type: string, at: Position): void {
  if (type !== "STRING" && type !== "TIMESTAMP") {
    refuse("QUERY_FUNCTION", `TIMEZONE has no meaning for cast() to ${type}, only for STRING and TIMESTAMP`, at);
  }
  if (!isTimeZone(zone))
    refuse("QUERY_FUNCTION", `Unknown time zone '${shorten(zone)}'; IANA names such as Europe/Paris are known`, at);
}

function checkCall(call: BooleanCall, schema: Schema): void {
  switch (call.kind) {
    case "log_id":
      return;
    case "source":
      if (isLogParent(call.resource.text)) return;
      refuse(
        "QUERY_FUNCTION",
        `source() needs projects/ID, folders/ID, organizations/ID or billingAccounts/ID, not '${shorten(call.resource.text)}'`,
        call.resource.at,
      );
      break;
    case "sample": {
      const { type } = findRoute(call.field, schema).main;
      if (isScalar(type) && !SAMPLED_TYPES.has(type)) {
        refuse("QUERY_FUNCTION", "sample() needs a field that holds strings or numbers", call.field.at);
      }
      if (parseFraction(call.fraction.text) !== undefined) return;
      refuse(
        "QUERY_FUNCTION",
        "the fraction of sample() must be greater than 0 and not greater than 1",
        call.fraction.at,
      );
      break;
    }
    case "ip_in_net":
      findRoute(call.field, schema);
      if (parseNetwork(call.subnet.text) !== undefined) return;
      refuse(
        "QUERY_FUNCTION",
        `ip_in_net() needs an IP address or a range such as 10.0.0.0/8, not '${shorten(call.subnet.text)}'`,
        call.subnet.at,
      );
      break;
    case "search":
      if (call.field !== null) findRoute(call.field, schema);
      if (parseSearch(call.query.text) !== undefined) return;
      refuse(
        "QUERY_FUNCTION",
        "the query of SEARCH() has no word to look for, or a backtick that is not closed",
        call.query.at,
      );
  }
}

/** Only for strict schemas; in Cloud Logging such a comparison is merely false. */
function checkValue(literal: Literal, operator: Operator, type: LeafType): void {
  if (!isScalar(type) || isExistenceTest(operator, literal) || isNullValue(literal)) return;
  if (scalarFromText(literal.text, type) !== undefined) return;
  if (typeof type === "string") {
    refuse("QUERY_VALUE", `'${shorten(literal.text)}' is not a value of type ${type}`, literal.at);
  }
  const names = Object.keys(type.numbers);
  const near = nearestName(literal.text, names);
  const advice = near === undefined ? `known are ${names.join(", ")}` : `did you mean \`${near}\`?`;
  refuse("QUERY_VALUE", `'${shorten(literal.text)}' is not a known value; ${advice}`, literal.at);
}
