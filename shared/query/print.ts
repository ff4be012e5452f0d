import { quote } from "./escapes.ts";
import { isBareText, isKeyword } from "./lexer.ts";
import {
  type Atom,
  type Combination,
  type Condition,
  isAnd,
  isNot,
  isOr,
  type Literal,
  type Operator,
  type Path,
  type Subject,
  type Tree,
  type Values,
} from "./tree.ts";

/** The canonical text of a tree: one line, every AND written, parentheses wherever AND and OR meet. */
export function print(tree: Tree): string {
  return tree.condition === null ? "" : printCondition(tree.condition);
}

export function printCondition(condition: Condition): string {
  return printCombination(condition, printAtom);
}

/** One comparison with one value, as it reads after a list of values was taken apart. */
export function printComparison(subject: Subject, operator: Operator, values: Values): string {
  const printed = printCombination(values, (literal) => printLiteral(literal, operator));
  const list = values.kind === "literal" ? printed : `(${printed})`;
  return `${printSubject(subject)}${spaced(operator)}${list}`;
}

export function printPath(path: Path): string {
  return path.components.map((name, index) => (isBareComponent(name, index) ? name : quote(name))).join(".");
}

export function printSubject(subject: Subject): string {
  switch (subject.kind) {
    case "path":
      return printPath(subject);
    case "cast": {
      const zone = subject.timeZone === null ? "" : `, TIMEZONE(${quote(subject.timeZone)})`;
      return `cast(${printSubject(subject.value)}, ${subject.type}${zone})`;
    }
    case "regexp_extract":
      return `regexp_extract(${printSubject(subject.value)}, ${quote(subject.pattern.text)})`;
  }
}

/** As it stands on the right of an operator; a pattern is printed raw, because RE2 reads its escapes. */
export function printLiteral(literal: Literal, operator: Operator = "="): string {
  if (!literal.quoted) return literal.text;
  return operator === "=~" || operator === "!~" ? `"${literal.text}"` : quote(literal.text);
}

function printCombination<Leaf extends { readonly kind: string }>(
  combination: Combination<Leaf>,
  printLeaf: (leaf: Leaf) => string,
): string {
  if (isAnd(combination)) return combination.terms.map((term) => grouped(term, printLeaf)).join(" AND ");
  if (isOr(combination)) return combination.terms.map((term) => grouped(term, printLeaf)).join(" OR ");
  if (isNot(combination)) {
    const inner = isNot(combination.term) ? `(${printCombination(combination.term, printLeaf)})` : undefined;
    return `NOT ${inner ?? grouped(combination.term, printLeaf)}`;
  }
  return printLeaf(combination as Leaf);
}

function grouped<Leaf extends { readonly kind: string }>(
  term: Combination<Leaf>,
  printLeaf: (leaf: Leaf) => string,
): string {
  const text = printCombination(term, printLeaf);
  return isAnd(term) || isOr(term) ? `(${text})` : text;
}

function printAtom(atom: Atom): string {
  switch (atom.kind) {
    case "comparison":
      return printComparison(atom.subject, atom.operator, atom.values);
    case "global":
      return printLiteral(atom.literal);
    case "log_id":
      return `log_id(${printLiteral(atom.logId)})`;
    case "source":
      return `source(${printLiteral(atom.resource)})`;
    case "sample":
      return `sample(${printPath(atom.field)}, ${printLiteral(atom.fraction)})`;
    case "ip_in_net":
      return `ip_in_net(${printPath(atom.field)}, ${printLiteral(atom.subnet)})`;
    case "search":
      return `SEARCH(${atom.field === null ? "" : `${printPath(atom.field)}, `}${quote(atom.query.text)})`;
  }
}

/** A bare name that ends with "!" would make one operator with the "=" or "~" after it. */
function isBareComponent(name: string, index: number): boolean {
  return isBareText(name) && !name.endsWith("!") && (index > 0 || !isKeyword(name));
}

function spaced(operator: Operator): string {
  return operator === "=" || operator === ":" ? operator : ` ${operator} `;
}
