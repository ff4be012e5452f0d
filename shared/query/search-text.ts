/** What SEARCH looks for: whole words, and phrases that must stand between the ends of words. All in lower case. */
export interface SearchQuery {
  readonly words: readonly string[];
  readonly phrases: readonly string[];
}

// The delimiters of BigQuery's LOG_ANALYZER, https://cloud.google.com/bigquery/docs/reference/standard-sql/text-analysis
const ENCODED_DELIMITER = "%(?:2520|2526|21|26|3b|7c|20|2b|3d|5d|5b|3a|0a|2c|28|29)";
const DELIMITER = String.raw`[\s[\]<>(){}|!;,'"*&?+/:=@.\-$%\\_]`;
const DELIMITERS = new RegExp(`(?:${ENCODED_DELIMITER}|${DELIMITER})+`);
const ENDS_WITH_DELIMITER = new RegExp(`(?:${ENCODED_DELIMITER}|${DELIMITER})$`);
const BEGINS_WITH_DELIMITER = new RegExp(`^${DELIMITER}`);

/** Parts in backticks are phrases; undefined for an unclosed backtick and for a query without any word. */
export function parseSearch(query: string): SearchQuery | undefined {
  const parts = query.toLowerCase().split("`");
  if (parts.length % 2 === 0) return undefined;
  const words = parts.filter((_, index) => index % 2 === 0).flatMap(wordsOf);
  const phrases = parts.filter((part, index) => index % 2 === 1 && wordsOf(part).length > 0);
  return words.length + phrases.length === 0 ? undefined : { words: [...new Set(words)], phrases };
}

/** The words of a text that is already in lower case. */
export function wordsOf(text: string): string[] {
  return text.split(DELIMITERS).filter((word) => word !== "");
}

/** Whether a phrase stands in a text, both in lower case, with a delimiter or nothing on each side. */
export function hasPhrase(text: string, phrase: string): boolean {
  for (let start = text.indexOf(phrase); start !== -1; start = text.indexOf(phrase, start + 1)) {
    const end = start + phrase.length;
    const freeBefore = start === 0 || ENDS_WITH_DELIMITER.test(text.slice(Math.max(0, start - 5), start));
    const freeAfter = end === text.length || BEGINS_WITH_DELIMITER.test(text.slice(end, end + 1));
    if (freeBefore && freeAfter) return true;
  }
  return false;
}

/** Collects which parts of a query the texts of an entry have. */
export class SearchProgress {
  private readonly words: Set<string>;
  private readonly phrases: Set<string>;

  constructor(query: SearchQuery) {
    this.words = new Set(query.words);
    this.phrases = new Set(query.phrases);
  }

  /** Takes one more text into account; true once every part was found. */
  add(text: string): boolean {
    const lower = text.toLowerCase();
    if (this.words.size > 0) for (const word of wordsOf(lower)) this.words.delete(word);
    for (const phrase of this.phrases) if (hasPhrase(lower, phrase)) this.phrases.delete(phrase);
    return this.words.size + this.phrases.size === 0;
  }
}
