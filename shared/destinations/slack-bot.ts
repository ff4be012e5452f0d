import type { KnownBlock } from "@slack/types";
import { ProcessingError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { Destination, Receipt } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpAnswer, type HttpDeps, type HttpRequest, hostOf, refusal, send } from "./http.ts";
import { isOpening, newsLine, newsOf, STATE_COLOURS, stateHeadline } from "./incident-words.ts";
import { text as jsonText, list, member, repeatable } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { readableLine } from "./readable-text.ts";
import { requireSafeAddress } from "./safe-address.ts";
import { settling } from "./settling.ts";
import { fallback, header, line, richText } from "./slack-blocks.ts";
import { fittingBody, footer, minimalBody, SLACK_REASON, UNWELCOME_MESSAGE, withMark } from "./slack-body.ts";
import { storyKey } from "./tickets.ts";

export interface SlackBotSettings {
  readonly kind: "slack-bot";
  readonly id: string;
  /** A bot token, xoxb-... */
  readonly token: Secret;
  /** The id of the channel, such as C0123456789. */
  readonly channel: string;
  /** https://slack.com/api, or that of GovSlack. */
  readonly apiUrl: string;
  readonly timeoutMs?: number | undefined;
  readonly settleMs?: number | undefined;
}

/** Slack takes about one message a second into one channel. */
const MIN_INTERVAL_MS = 1_000;
const EVENT_TYPE = "glasswatch_incident";
const PAGE = 200;
const PAGES = 25;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Nothing is looked for further back: an attempt whose answer was lost is tried again within hours. */
const LOOK_BACK_MS = 24 * 60 * 60 * 1_000;
const CLOCK_TOLERANCE_MS = 5 * 60 * 1_000;
const RECEIPT = /^([A-Z0-9]{2,32})\/(\d{1,12}\.\d{1,9})$/;
const TS = /^\d{1,12}\.\d{1,9}$/;

/** Slack's words for "later"; of two of them it says itself that the call may have had an effect. */
const LATER: ReadonlySet<string> = new Set(["ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"]);
const MAYBE_DONE: ReadonlySet<string> = new Set(["internal_error", "fatal_error", "request_timeout"]);
/** The living message is gone, or too old to be changed. */
const GONE: ReadonlySet<string> = new Set([
  "message_not_found",
  "cant_update_message",
  "edit_window_closed",
  "thread_not_found",
]);

/**
 * Keeps one living message for each incident in a channel: rewritten with all news, which are short replies in its
 * thread besides. Messages carry their ids as metadata, which people do not see, so that they are found again.
 */
export function slackBot(settings: SlackBotSettings, deps: HttpDeps): Destination {
  const { id, token, channel, apiUrl, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `slack-bot "${id}"`;
  const base = requireSafeAddress(apiUrl, destination, "apiUrl").href.replace(/\/$/, "");
  const settled = settling(deps.now, settings.settleMs);

  async function call(method: string, body: object, signal: AbortSignal): Promise<Called> {
    const request: HttpRequest = {
      destination,
      url: new Secret(`${base}/${method}`),
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        authorization: `Bearer ${token.reveal()}`,
      },
      body: JSON.stringify(body),
      timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    };
    return understood(await send(request, deps, signal), request);
  }

  /** Asks by a form: Slack's methods that read take no JSON. */
  async function lookup(method: string, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<unknown> {
    const request: HttpRequest = {
      destination,
      url: new Secret(`${base}/${method}`),
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", authorization: `Bearer ${token.reveal()}` },
      body: new URLSearchParams(form).toString(),
      timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    };
    const called = await repeatable(async () => understood(await send(request, deps, signal), request));
    if (called.refused !== undefined) {
      throw called.refused;
    }
    return called.json;
  }

  /** Posts or changes a message, in its smallest form where the whole one is not taken. undefined when it is gone. */
  async function put(
    method: "chat.postMessage" | "chat.update",
    message: (size: "whole" | "minimal") => object,
    place: object,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    let called = await call(method, { ...message("whole"), ...place, channel }, signal);
    const { refused } = called;
    if (refused !== undefined && called.isUnwelcome) {
      called = await call(method, { ...message("minimal"), ...place, channel }, signal);
    }
    if (called.refused !== undefined) {
      if (called.reason !== null && GONE.has(called.reason)) {
        return undefined;
      }
      throw refused ?? called.refused;
    }
    const ts = jsonText(called.json, "ts");
    if (ts === null || !TS.test(ts)) {
      throw new ProcessingError(
        "DESTINATION_UNKNOWN_OUTCOME",
        `${destination}: ${hostOf(new Secret(base))} answered ok, but with no name for the message`,
      );
    }
    return ts;
  }

  async function post(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const ts = await put("chat.postMessage", (size) => toLivingMessage(notification, "post", size), {}, signal);
    if (ts === undefined) {
      throw new ProcessingError("DESTINATION_REJECTED", `${destination}: the message cannot be posted`);
    }
    return { externalId: `${channel}/${ts}` };
  }

  /** Looks through messages from the newest back. Not having looked at all of them is not "not found". */
  async function searchPages(
    method: "conversations.history" | "conversations.replies",
    form: Readonly<Record<string, string>>,
    isIt: (message: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<unknown> {
    let cursor = "";
    for (let page = 0; page < PAGES; page++) {
      const found = await lookup(
        method,
        {
          ...form,
          channel,
          include_all_metadata: "true",
          limit: String(PAGE),
          ...(cursor === "" ? {} : { cursor }),
        },
        signal,
      );
      const messages = list(found, "messages");
      if (messages === undefined) {
        throw unavailable(`${destination}: the answer to ${method} cannot be read`);
      }
      const it = messages.find(isIt);
      if (it !== undefined) {
        return it;
      }
      cursor = jsonText(found, "response_metadata", "next_cursor") ?? "";
      if (cursor === "") {
        return undefined;
      }
    }
    throw unavailable(`${destination}: there are too many messages to look through`);
  }

  async function living(notification: Notification, signal: AbortSignal): Promise<Living | undefined> {
    const story = storyKey(notification);
    const opened = Date.parse(newsOf(notification)?.openedAt ?? notification.time);
    const oldest = Math.max(Number.isNaN(opened) ? 0 : opened - CLOCK_TOLERANCE_MS, deps.now() - LOOK_BACK_MS, 0);
    const found = await searchPages(
      "conversations.history",
      { oldest: (oldest / 1_000).toFixed(6) },
      (message) => payload(message, "story") === story && payload(message, "told") !== "reply",
      signal,
    );
    const ts = jsonText(found, "ts");
    return ts === null || !TS.test(ts) ? undefined : { ts, message: found };
  }

  async function threadOf(
    notification: Notification,
    signal: AbortSignal,
    earlier: Receipt | null | undefined,
  ): Promise<string | undefined> {
    const [, earlierChannel, ts] = RECEIPT.exec(earlier?.externalId ?? "") ?? [];
    if (ts !== undefined && earlierChannel === channel) {
      return ts;
    }
    const look = () => living(notification, signal);
    const key = storyKey(notification);
    const found =
      earlier === undefined
        ? await settled.search({ destination, key, sentAt: undefined, signal, look })
        : await look();
    return found?.ts;
  }

  return {
    id,
    kind: "slack-bot",
    channel: `slack-bot:${channel}`,
    minIntervalMs: MIN_INTERVAL_MS,
    async deliver(notification, signal, earlier): Promise<Receipt> {
      return settled.sending([storyKey(notification), notification.id], async () => {
        const thread = isOpening(notification) ? undefined : await threadOf(notification, signal, earlier);
        if (thread === undefined) {
          return post(notification, signal);
        }
        const changed = await repeatable(async () =>
          put("chat.update", (size) => toLivingMessage(notification, "update", size), { ts: thread }, signal),
        );
        if (changed === undefined) {
          return post(notification, signal);
        }
        const replied = await put(
          "chat.postMessage",
          () => toReply(notification),
          { thread_ts: thread, reply_broadcast: isLoud(notification) },
          signal,
        );
        return replied === undefined ? post(notification, signal) : { externalId: `${channel}/${thread}` };
      });
    },

    async find(notification, signal, sentAt): Promise<Receipt | undefined> {
      const story = storyKey(notification);
      const look = async (): Promise<Receipt | undefined> => {
        const found = await living(notification, signal);
        if (found === undefined) {
          return undefined;
        }
        const receipt = { externalId: `${channel}/${found.ts}` };
        const isPosted =
          payload(found.message, "message") === notification.id && payload(found.message, "told") === "post";
        if (isOpening(notification) || isPosted) {
          return receipt;
        }
        const reply = await searchPages(
          "conversations.replies",
          { ts: found.ts },
          (message) => payload(message, "message") === notification.id && payload(message, "told") === "reply",
          signal,
        );
        return reply === undefined ? undefined : receipt;
      };
      const key = isOpening(notification) ? story : notification.id;
      return settled.search({ destination, key, sentAt, signal, look });
    },

    async check(signal) {
      await lookup("auth.test", {}, signal);
      await lookup("conversations.history", { channel, limit: "1", include_all_metadata: "true" }, signal);
    },
  };
}

interface Living {
  readonly ts: string;
  readonly message: unknown;
}

interface Called {
  readonly json: unknown;
  readonly reason: string | null;
  readonly refused: ProcessingError | undefined;
  readonly isUnwelcome: boolean;
}

/** Slack answers 200 with `ok: false` where others answer 4xx. */
function understood(answer: HttpAnswer, request: HttpRequest): Called {
  const json = parsed(answer.body);
  const given = jsonText(json, "error");
  const reason = given !== null && SLACK_REASON.test(given) ? given : null;
  const refused = refusal(answer, request, reason);
  if (refused !== undefined) {
    if (answer.status < 500) {
      return { json, reason, refused: rejected(refused), isUnwelcome: answer.status === 413 };
    }
    throw unknown(refused.message, answer.retryAfterMs);
  }
  if (member(json, "ok") === true) {
    return { json, reason: null, refused: undefined, isUnwelcome: false };
  }
  const { destination, url } = request;
  const message = `${destination}: ${hostOf(url)} answered ${reason ?? "something that is not Slack's"}`;
  if (reason === null || MAYBE_DONE.has(reason)) {
    throw unknown(message, answer.retryAfterMs);
  }
  if (LATER.has(reason)) {
    throw unavailable(message, answer.retryAfterMs);
  }
  return {
    json,
    reason,
    refused: new ProcessingError("DESTINATION_REJECTED", message),
    isUnwelcome: UNWELCOME_MESSAGE.test(reason),
  };
}

/** 408 and 429 are no refusals to be weighed. */
function rejected(refused: ProcessingError): ProcessingError {
  if (refused.code !== "DESTINATION_REJECTED") {
    throw refused;
  }
  return refused;
}

function unavailable(message: string, retryAfterMs?: number): ProcessingError {
  return new ProcessingError("DESTINATION_UNAVAILABLE", message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function unknown(message: string, retryAfterMs?: number): ProcessingError {
  return new ProcessingError(
    "DESTINATION_UNKNOWN_OUTCOME",
    message,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

function payload(message: unknown, name: "story" | "message" | "told"): string | null {
  return jsonText(message, "metadata", "event_type") === EVENT_TYPE
    ? jsonText(message, "metadata", "event_payload", name)
    : null;
}

/** Worth being seen by people who do not follow the thread. */
function isLoud(notification: Notification): boolean {
  const news = newsOf(notification)?.news;
  return news === "overdue" || news === "reopened";
}

/** Pure: the living message, its state by the first word and the colour. */
export function toLivingMessage(
  notification: Notification,
  told: "post" | "update",
  size: "whole" | "minimal" = "whole",
): SlackBotMessage {
  const headline = withMark(notification, stateHeadline(notification));
  const body = size === "whole" ? fittingBody(notification) : minimalBody(notification);
  const news = newsOf(notification);
  return {
    text: fallback(headline),
    // A message that is changed takes fewer settings than a new one, and would be searched for names by itself.
    ...(told === "post" ? QUIET : CALM),
    blocks: [header(headline)],
    attachments: [{ color: news === null ? SEVERITY_COLOUR : STATE_COLOURS[news.state], blocks: body }],
    metadata: metadataOf(notification, told),
  };
}

/** Pure: the news alone, for the thread. */
export function toReply(notification: Notification): SlackBotMessage {
  const news = newsOf(notification);
  const words = readableLine(news === null ? notification.headline : newsLine(news), 1500);
  return {
    text: fallback(words),
    ...QUIET,
    blocks: [richText([{ type: "rich_text_section", elements: [line(words, 1500)] }]), footer(notification)],
    metadata: metadataOf(notification, "reply"),
  };
}

const CALM = { parse: "none", link_names: false } as const;
const QUIET = { ...CALM, mrkdwn: false, unfurl_links: false, unfurl_media: false } as const;
const SEVERITY_COLOUR = STATE_COLOURS.open;

export interface SlackBotMessage {
  readonly text: string;
  readonly parse: "none";
  readonly link_names: false;
  readonly mrkdwn?: false;
  readonly unfurl_links?: false;
  readonly unfurl_media?: false;
  readonly blocks: readonly KnownBlock[];
  readonly attachments?: readonly { readonly color: string; readonly blocks: readonly KnownBlock[] }[];
  readonly metadata: { readonly event_type: string; readonly event_payload: Readonly<Record<string, string | number>> };
}

function metadataOf(notification: Notification, told: "post" | "update" | "reply"): SlackBotMessage["metadata"] {
  return {
    event_type: EVENT_TYPE,
    event_payload: {
      story: storyKey(notification),
      message: notification.id,
      sequence: newsOf(notification)?.sequence ?? 1,
      told,
    },
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
