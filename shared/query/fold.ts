const NOT_ASCII = /\P{ASCII}/u;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const DOTLESS_I = "\u0131";

/**
 * The form in which all string comparisons are made: NFKC_CF, that is compatibility forms and letter case folded away
 * and ignorable characters dropped. https://cloud.google.com/logging/docs/view/logging-query-language
 */
export function fold(text: string): string {
  return NOT_ASCII.test(text) ? foldUnicode(text) : text.toLowerCase();
}

function foldUnicode(text: string): string {
  const compatible = text.normalize("NFKC").replace(IGNORABLE, "");
  let folded = "";
  for (const character of compatible) folded += foldCharacter(character);
  return folded.normalize("NFKC");
}

/** One code point on its own, so that no rule of context (as for a final sigma) applies. */
function foldCharacter(character: string): string {
  return character === DOTLESS_I ? character : character.toLowerCase().toUpperCase().toLowerCase();
}

/** Orders two strings by code point, which is not the order of their UTF-16 units. */
export function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return rank(leftUnit) - rank(rightUnit);
  }
  return left.length - right.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
