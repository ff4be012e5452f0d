import { foldingPairs } from "../../shared/query/folding-pairs.ts";
import { type LiteralSets, NEEDLE_ALPHABET, type Needle } from "../../shared/query/literals.ts";

const FOLDING = new RegExp(
  foldingPairs()
    .map(([first, second]) => String.fromCharCode(first, second))
    .join("|"),
);
const ESCAPES = /\\u([0-9A-Fa-f]{4})/g;

/** The plainest scanner there can be: whether the JSON text in some bytes may be an entry that the filter matches. */
export function mayMatch({ clauses }: LiteralSets, bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  return clauses.every(({ needles }) => needles.some((needle) => mayHold(text, needle)));
}

function mayHold(text: string, { text: wanted, caseInsensitive }: Needle): boolean {
  if (caseInsensitive ? asciiLowerCase(text).includes(wanted) : text.includes(wanted)) return true;
  if (caseInsensitive && FOLDING.test(text)) return true;
  for (const [, digits = ""] of text.matchAll(ESCAPES)) {
    const unit = Number.parseInt(digits, 16);
    if (unit > 0x7f ? caseInsensitive : NEEDLE_ALPHABET.test(String.fromCharCode(unit))) return true;
  }
  return false;
}

function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
