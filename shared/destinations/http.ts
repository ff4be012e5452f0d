import { ProcessingError } from "../errors.ts";
import type { Secret } from "../secret.ts";

/**
 * The only door of the destinations to the network. What leaves here as an error names a destination and a host, never
 * an address: the path of a webhook is its password.
 */

export type Fetch = typeof globalThis.fetch;

export interface HttpDeps {
  /** Milliseconds since 1970, for a Retry-After that is given as a date. */
  readonly now: () => number;
  readonly fetch?: Fetch | undefined;
}

export interface HttpRequest {
  /** How errors name the destination, such as `slack "security"`. */
  readonly destination: string;
  readonly url: Secret;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** How much of the answer can matter; 4 KiB unless told otherwise. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  readonly retryAfterMs: number | undefined;
  readonly headers: Headers;
}

const MAX_ANSWER_BYTES = 4096;
export const DEFAULT_TIMEOUT_MS = 60_000;
const MIN_RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 60 * 60 * 1_000;

/**
 * Codes with which a connection fails before a request can be written to it. Every other failure may have come after
 * the request had been read.
 */
const FAILED_BEFORE_SENDING =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|UNABLE_TO_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_UNSUPPORTED_PROTOCOL|ERR_SSL_\w*ALERT_HANDSHAKE_FAILURE|ERR_SSL_\w*ALERT_PROTOCOL_VERSION)$/;

/** Sends once and returns whatever was answered. Throws a ProcessingError when nothing was. */
export async function send(request: HttpRequest, deps: HttpDeps, signal: AbortSignal): Promise<HttpAnswer> {
  if (signal.aborted) {
    throw new ProcessingError("DESTINATION_UNAVAILABLE", `${request.destination}: stopped before anything was sent`);
  }
  const { fetch = globalThis.fetch } = deps;
  let response: Response;
  try {
    response = await fetch(request.url.reveal(), {
      method: request.method,
      // An instance may sleep for hours between two messages: a connection kept open would be dead by then, and a
      // message lost on a dead connection looks like one whose answer was lost.
      headers: { ...request.headers, connection: "close" },
      ...(request.body === "" ? {} : { body: request.body }),
      // Following would carry the message to a host that is in nobody's settings.
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(request.timeoutMs)]),
    });
  } catch (error) {
    if (isProxyRefusal(error)) {
      return { status: 407, body: "", retryAfterMs: undefined, headers: new Headers() };
    }
    throw connectionError(error, request);
  }
  return readAnswer(response, request, deps.now());
}

/** What an answer's status means: undefined when the message was taken, else the error to throw. */
export function refusal(answer: HttpAnswer, request: HttpRequest, reason: string | null): ProcessingError | undefined {
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) {
    return undefined;
  }
  const answered = `${request.destination}: ${hostOf(request.url)} answered ${status}`;
  const message = reason === null ? answered : `${answered} (${reason})`;
  if (status === 408 || status === 429 || status >= 500) {
    return new ProcessingError("DESTINATION_UNAVAILABLE", message, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  return new ProcessingError("DESTINATION_REJECTED", message);
}

/** The host of an address, which may be told; the rest of it may not. */
export function hostOf(url: Secret): string {
  return URL.parse(url.reveal())?.host ?? "its host";
}

/**
 * How long a Retry-After header asks to wait: seconds or an HTTP date, at least a second and at most an hour.
 * undefined when it says nothing that can be understood.
 */
export function retryAfter(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (text === "") {
    return undefined;
  }
  const wait = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1_000 : httpDate(text) - now;
  if (Number.isNaN(wait)) {
    return undefined;
  }
  return Math.ceil(Math.min(Math.max(wait, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS));
}

/** Only the forms with a month's name are HTTP dates; Date.parse alone would also take "-1" for a year. */
function httpDate(text: string): number {
  return /^[A-Za-z]{3,9},? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
}

async function readAnswer(response: Response, request: HttpRequest, now: number): Promise<HttpAnswer> {
  const { status, headers } = response;
  const retryAfterMs = retryAfter(headers.get("retry-after"), now);
  try {
    const body = await beginningOf(response, request.maxAnswerBytes ?? MAX_ANSWER_BYTES);
    return { status, retryAfterMs, headers, body };
  } catch {
    if (!response.ok) {
      // The status has said everything already.
      return { status, retryAfterMs, headers, body: "" };
    }
    throw new ProcessingError(
      "DESTINATION_UNKNOWN_OUTCOME",
      `${request.destination}: ${hostOf(request.url)} answered ${status}, but the rest of its answer was lost`,
    );
  }
}

async function beginningOf(response: Response, limit: number): Promise<string> {
  if (response.body === null) {
    return "";
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= limit) {
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, limit).toString("utf8");
}

/** Keeps of a network error its code alone: messages and causes of fetch can hold the address. */
function connectionError(error: unknown, request: HttpRequest): ProcessingError {
  const host = hostOf(request.url);
  const code = networkCode(error);
  if (code !== undefined && FAILED_BEFORE_SENDING.test(code)) {
    return new ProcessingError("DESTINATION_UNAVAILABLE", `${request.destination}: no connection to ${host} (${code})`);
  }
  const what = code ?? (isAbort(error) ? "no answer in time" : "connection failed");
  return new ProcessingError(
    "DESTINATION_UNKNOWN_OUTCOME",
    `${request.destination}: sent to ${host}, but the answer was lost (${what}); it may have arrived`,
  );
}

/**
 * A 407 is no answer to fetch but a network error, the only one without a code or a word of explanation. Should a
 * later Node explain it, the outcome counts as unknown, which is safe; a test would tell.
 */
function isProxyRefusal(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message === "" && networkCode(error) === undefined;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

function networkCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : undefined;
}
