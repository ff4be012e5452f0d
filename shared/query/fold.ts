import { shortestHolding } from "./folding-growth.ts";

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

/** A test for the folded form of texts being equal to a folded one; most texts are told apart without folding them. */
export function equalsFolded(folded: string, foldText: (text: string) => string): (text: string) => boolean {
  if (NOT_ASCII.test(folded)) return (text) => foldText(text) === folded;
  return (text) => {
    if (text.length !== folded.length && isAscii(text)) return false;
    return foldText(text) === folded;
  };
}

/** Characters that may fold to ASCII: all beyond it but the accented letters of Latin-1, common in names, which stay. */
const MAY_FOLD = String.raw`[\x80-\xbf\xdf\u0100-\uffff]`;

/** The length of the shortest text whose folded form can hold a folded one. */
export function shortestWith(folded: string): number {
  return NOT_ASCII.test(folded) ? 0 : shortestHolding(folded);
}

/** As `equalsFolded`, for texts that hold the folded one anywhere. */
export function includesFolded(folded: string, foldText: (text: string) => string): (text: string) => boolean {
  if (NOT_ASCII.test(folded)) return (text) => foldText(text).includes(folded);
  const shortest = shortestWith(folded);
  // Text of ASCII alone holds what it shows, in some letter case; only some other text has to be folded to tell.
  const suspicious = new RegExp(`${escapeForRegExp(folded)}|${MAY_FOLD}`, "i");
  return (text) => text.length >= shortest && suspicious.test(text) && foldText(text).includes(folded);
}

function escapeForRegExp(text: string): string {
  return text.replace(/[^A-Za-z0-9]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** For short texts faster than a regular expression. */
function isAscii(text: string): boolean {
  if (text.length > 40) return !NOT_ASCII.test(text);
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
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
