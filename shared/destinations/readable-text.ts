/**
 * Text of a log entry is written by strangers. These functions make it safe to look at: nothing that is invisible,
 * moves the cursor or turns the reading direction survives, and nothing is longer than was asked for.
 */

/** Controls, format and bidirectional characters, zero-width and filler characters, lone surrogates. */
const UNREADABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}]/gu;
/** They only choose between a coloured and a plain drawing of the character before them. */
const VARIATION_SELECTORS = new Set(["\u{FE0E}", "\u{FE0F}"]);
/** More accents than any script stacks on one letter: drawn, they would cover the lines around them. */
const PILED_MARKS = /(\p{M}{4})\p{M}+/gu;
const ELLIPSIS = "…";
/** A mark of `mark()` that lost its end. */
const BROKEN_MARK = /⟨(?:U(?:\+[0-9A-F]*)?)?$/u;
/** How far around a cut to look for the border of a character as people see it. */
const GRAPHEME_WINDOW = 64;

/** One line: line breaks become spaces, unreadable characters are shown by their number. */
export function readableLine(text: string, limit: number): string {
  return bounded(text, limit, (part) => mark(part.replace(/\s+/gu, " ").trim()));
}

/** Several lines: line breaks stay, at most `maxLines` of them. */
export function readableText(text: string, limit: number, maxLines: number): string {
  return bounded(text, limit, (part) => {
    const lines = part
      .replace(/\r\n?|[\u{2028}\u{2029}]/gu, "\n")
      .replace(/\t/gu, "  ")
      .replace(/\n{3,}/gu, "\n\n")
      .trim()
      .split("\n");
    const kept = lines.length <= maxLines ? lines : [...lines.slice(0, maxLines - 1), ELLIPSIS];
    return kept.map((line) => mark(line.trimEnd())).join("\n");
  });
}

/**
 * Mail programs and chats make a link of whatever looks like an address, even in plain text. Where no markup can forbid
 * it, an address that somebody else wrote is shown the way people who handle such texts write it: `https[:]//host`.
 */
export function unlinked(text: string): string {
  return text
    .replace(/:(?=\/\/)/gu, "[:]")
    .replace(/\b(mailto|tel|sms|javascript|data):/giu, "$1[:]")
    .replace(/\bwww\./giu, (word) => `${word.slice(0, 3)}[.]`);
}

/** At most `limit` UTF-16 units (so never more characters than that), cut between characters as people see them. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) {
    return text;
  }
  if (limit < 1) {
    return "";
  }
  const kept = text.slice(0, borderBefore(text, limit - ELLIPSIS.length)).replace(BROKEN_MARK, "");
  return kept.trimEnd() + ELLIPSIS;
}

/** Shows each character that cannot be seen as its number, so that a trick is noticed and not followed. */
export function mark(text: string): string {
  return text
    .replace(PILED_MARKS, "$1")
    .replace(UNREADABLE, (character) => (VARIATION_SELECTORS.has(character) ? character : numbered(character)));
}

function numbered(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** Reads no more of a huge text than can matter, and says by an ellipsis that there was more. */
function bounded(text: string, limit: number, clean: (part: string) => string): string {
  const enough = limit * 4;
  if (text.length <= enough) {
    return cut(clean(text), limit);
  }
  return cut(clean(text.slice(0, borderBefore(text, enough))) + ELLIPSIS, limit);
}

let segmenter: Intl.Segmenter | undefined;

/** The last border between characters at or before `at`. */
function borderBefore(text: string, at: number): number {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  const from = Math.max(0, at - GRAPHEME_WINDOW);
  let border = 0;
  for (const { index } of segmenter.segment(text.slice(from, at + GRAPHEME_WINDOW))) {
    if (index > 0 && from + index <= at) {
      border = from + index;
    }
  }
  return border > 0 ? border : codePointBorder(text, at);
}

/** For a "character" without end, such as a thousand joined letters: at least no surrogate pair is torn. */
function codePointBorder(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff && at > 0 ? at - 1 : at;
}
