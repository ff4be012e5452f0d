import { ProcessingError } from "../errors.ts";
import { Secret } from "../secret.ts";
import { type HttpAnswer, type HttpDeps, type HttpRequest, hostOf, refusal, send } from "./http.ts";
import { requireSafeAddress } from "./safe-address.ts";

/** A vendor's JSON interface below one address of the settings: what its answers mean for a delivery. */
export interface JsonApi {
  /**
   * Changes nothing. Every failure is DESTINATION_UNAVAILABLE or DESTINATION_REJECTED, for nothing was delivered;
   * undefined for one of the statuses that mean "there is no such thing".
   */
  lookup(call: Lookup, signal: AbortSignal): Promise<unknown>;
  /**
   * Changes something, so an error of the server, too, may come after the change: DESTINATION_UNKNOWN_OUTCOME. The
   * answer is given back when its status is 2xx, or one that the call names.
   */
  write(call: Write, signal: AbortSignal): Promise<JsonAnswer>;
}

export interface Lookup {
  readonly method?: "GET" | "POST";
  /** Below the base address; each part is encoded, so that none can lead elsewhere. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Statuses that mean "there is no such thing". */
  readonly absent?: readonly number[];
}

export interface Write {
  readonly method: "POST" | "PUT" | "PATCH";
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Statuses that are no failure here. */
  readonly expected?: readonly number[];
  /** Statuses that may be about what the message says: a smaller one may still be taken. */
  readonly unwelcome?: readonly number[];
}

export interface JsonAnswer {
  readonly status: number;
  /** undefined where there is none, as with 204. */
  readonly json: unknown;
  /** Why the message was not taken, where its status is one of `unwelcome`. */
  readonly refused?: ProcessingError;
}

export type Size = "whole" | "minimal";

export interface JsonApiSettings {
  readonly destination: string;
  readonly baseUrl: string;
  /** The name of the setting that holds the address. */
  readonly setting: string;
  /** Made anew for each call, so that no copy of a credential lies about. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** The vendor's own words for a refusal: names of fields or codes, never text that somebody wrote. */
  readonly reasonOf: (json: unknown) => string | null;
  /** Refusals that mean "later", beyond those that always do. */
  readonly isLater?: (answer: HttpAnswer, json: unknown) => boolean;
  readonly timeoutMs: number;
  readonly maxAnswerBytes?: number;
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const WORD = /^[A-Za-z][\w.-]{0,60}$/;
const WORDS = 5;

export function jsonApi(settings: JsonApiSettings, deps: HttpDeps): JsonApi {
  const { destination } = settings;
  const base = requireSafeAddress(settings.baseUrl, destination, settings.setting);

  function requestOf(call: Lookup | Write): HttpRequest {
    const folder = base.pathname.endsWith("/") ? base.pathname.slice(0, -1) : base.pathname;
    const url = new URL(base);
    url.pathname = `${folder}/${call.path.map(encodeURIComponent).join("/")}`;
    url.search = new URLSearchParams(call.query ?? {}).toString();
    const body = call.body === undefined ? "" : JSON.stringify(call.body);
    return {
      destination,
      url: new Secret(url.href),
      method: call.method ?? "GET",
      headers: {
        accept: "application/json",
        ...(body === "" ? {} : { "content-type": "application/json" }),
        ...settings.headers(),
      },
      body,
      timeoutMs: settings.timeoutMs,
      maxAnswerBytes: settings.maxAnswerBytes ?? MAX_ANSWER_BYTES,
    };
  }

  function refusalOf(answer: HttpAnswer, request: HttpRequest): ProcessingError | undefined {
    const json = parsed(answer.body);
    const refused = refusal(answer, request, settings.reasonOf(json));
    return refused?.code === "DESTINATION_REJECTED" && settings.isLater?.(answer, json) === true
      ? recoded(refused, "DESTINATION_UNAVAILABLE", answer.retryAfterMs)
      : refused;
  }

  return {
    async lookup(call, signal) {
      const request = requestOf(call);
      const answer = await repeatable(async () => send(request, deps, signal));
      if (call.absent?.includes(answer.status) === true) {
        return undefined;
      }
      const refused = refusalOf(answer, request);
      if (refused !== undefined) {
        throw refused;
      }
      const json = parsed(answer.body);
      if (json === undefined) {
        throw unreadable("DESTINATION_UNAVAILABLE", answer, request);
      }
      return json;
    },

    async write(call, signal) {
      const request = requestOf(call);
      const answer = await send(request, deps, signal);
      const json = parsed(answer.body);
      if (call.expected?.includes(answer.status) === true) {
        return { status: answer.status, json };
      }
      const refused = refusalOf(answer, request);
      if (refused?.code === "DESTINATION_REJECTED" && call.unwelcome?.includes(answer.status) === true) {
        return { status: answer.status, json, refused };
      }
      if (refused !== undefined) {
        throw answer.status >= 500 ? recoded(refused, "DESTINATION_UNKNOWN_OUTCOME", answer.retryAfterMs) : refused;
      }
      // A proxy that answers 200 with a page of its own has not done anything.
      if (json === undefined && answer.body.trim() !== "") {
        throw unreadable("DESTINATION_UNKNOWN_OUTCOME", answer, request);
      }
      return { status: answer.status, json };
    },
  };
}

/** Sends in the smallest form what is not taken in the whole one, so that it is not lost for its size. */
export async function shrinking(send: (size: Size) => Promise<JsonAnswer>): Promise<JsonAnswer> {
  const whole = await send("whole");
  if (whole.refused === undefined) {
    return whole;
  }
  const minimal = await send("minimal");
  if (minimal.refused !== undefined) {
    throw whole.refused;
  }
  return minimal;
}

/** The server took it, but not with the answer that it documents. */
export function unreadable(
  code: "DESTINATION_UNAVAILABLE" | "DESTINATION_UNKNOWN_OUTCOME",
  { status }: Pick<HttpAnswer, "status">,
  { destination, url }: Pick<HttpRequest, "destination" | "url">,
): ProcessingError {
  return new ProcessingError(code, `${destination}: ${hostOf(url)} answered ${status}, but nothing that can be read`);
}

/** A few words that can only be names of fields or codes; null when there are none. */
export function words(...candidates: readonly unknown[]): string | null {
  const kept = candidates.filter((word): word is string => typeof word === "string" && WORD.test(word));
  return kept.length === 0 ? null : [...new Set(kept)].slice(0, WORDS).join(", ");
}

/** A member of a JSON object; undefined where there is none. */
export function member(json: unknown, ...path: readonly (string | number)[]): unknown {
  let value = json;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) {
      return undefined;
    }
    value = (value as Readonly<Record<string | number, unknown>>)[key];
  }
  return value;
}

export function text(json: unknown, ...path: readonly (string | number)[]): string | null {
  const value = member(json, ...path);
  return typeof value === "string" ? value : null;
}

export function list(json: unknown, ...path: readonly (string | number)[]): readonly unknown[] | undefined {
  const value = member(json, ...path);
  return Array.isArray(value) ? value : undefined;
}

/** Runs what may be repeated without harm: that its outcome is not known makes no difference to a delivery. */
export async function repeatable<T>(run: () => Promise<T>): Promise<T> {
  return run().catch((error: unknown) => {
    throw error instanceof ProcessingError && error.code === "DESTINATION_UNKNOWN_OUTCOME"
      ? recoded(error, "DESTINATION_UNAVAILABLE", error.retryAfterMs)
      : error;
  });
}

function recoded(
  error: ProcessingError,
  code: "DESTINATION_UNAVAILABLE" | "DESTINATION_UNKNOWN_OUTCOME",
  retryAfterMs: number | undefined,
): ProcessingError {
  return new ProcessingError(code, error.message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
