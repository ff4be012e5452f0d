/**
 * Every code that an error of Glasswatch can carry. `retry` says whether trying the same thing again can help;
 * docs/operating.md lists each code with what to do (a test compares the two).
 */
export const ERROR_CODES = {
  ENVELOPE_EMPTY: { retry: false, means: "a message or file without any bytes of content" },
  ENVELOPE_NOT_JSON: { retry: false, means: "bytes that are not JSON" },
  ENVELOPE_NOT_UTF8: { retry: false, means: "bytes that are not UTF-8 text" },
  ENVELOPE_BAD_BASE64: { retry: false, means: "a Pub/Sub message whose data is not base64" },
  ENVELOPE_BAD_GZIP: { retry: false, means: "gzip data that is cut off or damaged" },
  ENVELOPE_TOO_LARGE: { retry: false, means: "more bytes than one message or entry may have" },
  ENVELOPE_TOO_DEEP: { retry: false, means: "JSON nested deeper than any log entry" },
  ENVELOPE_UNKNOWN: { retry: false, means: "JSON that is none of the known envelopes" },
  ENTRY_INVALID: { retry: false, means: "an object that is not a LogEntry" },
  QUERY_SYNTAX: { retry: false, means: "a filter that does not parse" },
  QUERY_FIELD: { retry: false, means: "a filter that names a field which does not exist" },
  QUERY_VALUE: { retry: false, means: "a filter with a value that its field can never take" },
  QUERY_REGEX: { retry: false, means: "a filter with a regular expression that RE2 refuses" },
  QUERY_FUNCTION: { retry: false, means: "a filter that calls a function wrongly" },
  QUERY_TOO_LONG: { retry: false, means: "a filter of more than 20,000 characters" },
  QUERY_TOO_DEEP: { retry: false, means: "a filter nested too deeply" },
  RULE_INVALID: { retry: false, means: "a rule that cannot be put into the catalogue" },
  RULE_FAULT: { retry: false, means: "a rule that threw while it judged an entry" },
  SETTINGS_UNREADABLE: { retry: false, means: "a settings file that cannot be read" },
  SETTINGS_INVALID: { retry: false, means: "a settings file with a mistake in it" },
  SOURCE_UNREADABLE: { retry: false, means: "a file or folder that cannot be read" },
  STORE_UNAVAILABLE: { retry: true, means: "the store did not take or give a record" },
  STORE_TOO_NEW: { retry: false, means: "a store written by a newer version of Glasswatch" },
  DESTINATION_UNAVAILABLE: { retry: true, means: "a destination that did not answer, or asked to wait" },
  DESTINATION_REJECTED: { retry: false, means: "a destination that refused a message for good" },
  DESTINATION_UNKNOWN_OUTCOME: { retry: true, means: "a message that was sent, but the answer was lost" },
  DEAD_LETTER_UNAVAILABLE: { retry: true, means: "the dead-letter topic did not take a message" },
  USAGE: { retry: false, means: "a command line that cannot be understood" },
} as const satisfies Record<string, { readonly retry: boolean; readonly means: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  readonly cause?: unknown;
  /** Where in the input: a field path, a line and column, a file. Never the text of an entry. */
  readonly place?: string;
  /** How long a destination asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly line?: number;
  readonly column?: number;
}

/** The one error class. Its message never holds secrets, the text of an entry, or a full URL. */
export class ProcessingError extends Error {
  override readonly name = "ProcessingError";
  readonly code: ErrorCode;
  readonly place: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.place = details.place;
    this.retryAfterMs = details.retryAfterMs;
    this.line = details.line;
    this.column = details.column;
  }

  /** Whether trying the same thing again can help. */
  get retry(): boolean {
    return ERROR_CODES[this.code].retry;
  }
}

/** The code of any thrown value, or undefined when it is not one of ours. */
export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof ProcessingError ? error.code : undefined;
}
