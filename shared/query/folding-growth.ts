/**
 * What single characters fold to when that is more than one ASCII letter: ligatures, unit signs, Roman numerals. A test
 * works the list out anew from the Unicode data of the runtime.
 */
const LETTERS = new Set(
  (
    "au bar bq cal cc cd cm da db dj dl dm dz erg ev fax ff ffi ffl fi fl fm gal gb ghz gpa gy ha hg hp hpa hv hz ii " +
    "iii ij in iu iv ix ka kb kcal kg khz kk kl km kpa kt kv kw lj lm ln log ltd lx ma mb mc md mg mhz mil ml mm mol " +
    "mpa mr ms mv mw na nf nj nm no ns nv nw ov pa pc pf ph ppm ppv pr ps pte pv pw rad rs sd sm sr ss st sv tel thz " +
    "tm vi vii viii wb wc wz xi xii"
  ).split(" "),
);

/** The others: numbers in circles and brackets, doubled punctuation, abbreviations and units with signs in them. */
const SIGNS =
  /^(?:\d\d\.?|\d[.,]|\(\d\d?\)|\([a-z]\)|[!?]{2}|\.{2,3}|(?:::)?==?=?|[ap]\.m\.|a\/[cs]|c\/[ou]|co\.|[cdkm]?m[23]|s2)$/;

const LONGEST = 4;

/** Whether one character beyond ASCII can fold to a text of two or more ASCII characters. */
export function isGrowth(text: string): boolean {
  return LETTERS.has(text) || SIGNS.test(text);
}

/**
 * How many characters a text must have at least for its folded form to hold a folded text of ASCII. Shorter ones need
 * not be looked at, which spares most keys and many values of an entry.
 */
export function shortestHolding(folded: string): number {
  // The first and the last character may grow beyond the ends, so up to three characters there come with one.
  let fewest = Number.POSITIVE_INFINITY;
  for (let start = 0; start < LONGEST; start++) {
    const counts = charactersFor(folded, start);
    for (let cut = 0; cut < LONGEST && folded.length - cut >= start; cut++) {
      const inside = counts[folded.length - cut] ?? 0;
      fewest = Math.min(fewest, inside + (start > 0 ? 1 : 0) + (cut > 0 ? 1 : 0));
    }
  }
  return folded.length < 2 * LONGEST ? Math.min(fewest, 1) : fewest;
}

/** At each place of a text from a start on, the fewest characters that fold to what is between. */
function charactersFor(folded: string, start: number): readonly number[] {
  const counts: number[] = [];
  counts[start] = 0;
  for (let end = start + 1; end <= folded.length; end++) {
    let fewest = (counts[end - 1] ?? 0) + 1;
    for (let length = 2; length <= LONGEST && end - length >= start; length++) {
      if (isGrowth(folded.slice(end - length, end))) fewest = Math.min(fewest, (counts[end - length] ?? 0) + 1);
    }
    counts[end] = fewest;
  }
  return counts;
}
