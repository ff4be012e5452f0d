import type { KnownBlock } from "@slack/types";
import type { FetchFunction, IncomingWebhookSendArguments } from "@slack/webhook";
import { ProcessingError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { Destination, Receipt } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpAnswer, type HttpDeps, type HttpRequest, hostOf, refusal, send } from "./http.ts";
import { newsHeadline } from "./incident-words.ts";
import type { Notification } from "./notification.ts";
import { requireSafeAddress } from "./safe-address.ts";
import { fallback, header } from "./slack-blocks.ts";
import { fittingBody, minimalBody, SLACK_REASON, UNWELCOME_MESSAGE, withMark } from "./slack-body.ts";

export interface SlackSettings {
  readonly kind: "slack";
  readonly id: string;
  /** An incoming webhook: whoever knows the address can post, so it is a secret. */
  readonly webhookUrl: Secret;
  /** How long to wait for Slack's answer where nobody stops the delivery earlier. A minute unless told otherwise. */
  readonly timeoutMs?: number | undefined;
}

/** The message exactly as Slack will get it. */
export interface SlackMessage extends IncomingWebhookSendArguments {
  readonly text: string;
  readonly blocks: KnownBlock[];
  /** The fallback text is not markup either. */
  readonly mrkdwn: false;
}

/** Slack takes about one message a second into one channel. */
const MIN_INTERVAL_MS = 1_000;
/** Tells a Slack channel through an incoming webhook. */
export function slack(settings: SlackSettings, deps: HttpDeps): Destination {
  const { id, webhookUrl, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `slack "${id}"`;
  requireSafeAddress(webhookUrl.reveal(), destination, "webhookUrl");

  /** Posts once; returns Slack's refusal of the message itself, throws whatever else kept it from being taken. */
  async function post(message: SlackMessage, signal: AbortSignal): Promise<ProcessingError | undefined> {
    // Loaded on first use: it would add to the start of every function instance, most of which never tell anyone.
    const { IncomingWebhook } = await import("@slack/webhook");
    let request: HttpRequest | undefined;
    let outcome: HttpAnswer | ProcessingError | undefined;
    // Our own fetch, because the library's errors drop Retry-After, keep the address, and do not tell a message that
    // was never sent from one whose answer was lost.
    const fetch: FetchFunction = async (_url, init = {}) => {
      const { method = "POST", headers = {}, body } = init;
      request = {
        destination,
        url: webhookUrl,
        method,
        headers,
        body: typeof body === "string" ? body : "",
        timeoutMs,
      };
      try {
        const answer = await send(request, deps, signal);
        outcome = answer;
        return responseOf(answer);
      } catch (error) {
        outcome = error instanceof ProcessingError ? error : undefined;
        throw new Error("see outcome");
      }
    };
    try {
      await new IncomingWebhook(webhookUrl.reveal(), { fetch }).send(message);
    } catch {
      // Only `outcome` is told: the library's error may hold the address.
    }
    if (outcome === undefined || request === undefined) {
      throw new ProcessingError("DESTINATION_UNAVAILABLE", `${destination}: the message could not be sent`);
    }
    if (outcome instanceof ProcessingError) {
      throw outcome;
    }
    const reason = reasonOf(outcome, webhookUrl);
    const refused = refusal(outcome, request, reason);
    if (refused === undefined) {
      requireOk(outcome, request);
      return undefined;
    }
    if (outcome.status === 413 || (outcome.status === 400 && reason !== null && UNWELCOME_MESSAGE.test(reason))) {
      return refused;
    }
    throw refused;
  }

  return {
    id,
    kind: "slack",
    channel: `slack:${id}`,
    minIntervalMs: MIN_INTERVAL_MS,
    async deliver(notification, signal): Promise<Receipt> {
      const refused = await post(toSlackMessage(notification), signal);
      // A message that Slack cannot take is still told: in the smallest form there is.
      if (refused !== undefined && (await post(toMinimalMessage(notification), signal)) !== undefined) {
        throw refused;
      }
      // A webhook answers "ok" and no name for the message.
      return { externalId: null };
    },
  };
}

/** Pure: everything that fits, with less of each part where it would be too much, and never nothing. */
export function toSlackMessage(notification: Notification): SlackMessage {
  return messageOf(notification, fittingBody(notification));
}

/** Pure: who, what and when, and where to read the rest. */
export function toMinimalMessage(notification: Notification): SlackMessage {
  return messageOf(notification, minimalBody(notification));
}

function messageOf(notification: Notification, body: readonly KnownBlock[]): SlackMessage {
  const headline = withMark(notification, newsHeadline(notification));
  return {
    text: fallback(headline),
    mrkdwn: false,
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [header(headline), ...body],
  };
}

/** A proxy that answers 200 with a page of its own has not delivered anything. */
function requireOk({ status, body }: HttpAnswer, { url, destination }: HttpRequest): void {
  if (body.trim() !== "" && body.trim() !== "ok") {
    throw new ProcessingError(
      "DESTINATION_UNKNOWN_OUTCOME",
      `${destination}: ${hostOf(url)} answered ${status}, but not with Slack's "ok"`,
    );
  }
}

function reasonOf({ body }: HttpAnswer, webhookUrl: Secret): string | null {
  const words = body.trim();
  return SLACK_REASON.test(words) && !webhookUrl.reveal().includes(words) ? words : null;
}

function responseOf({ status, body }: HttpAnswer): Awaited<ReturnType<FetchFunction>> {
  return {
    ok: status >= 200 && status < 300,
    status,
    statusText: "",
    url: "",
    headers: new Headers(),
    text: async () => body,
    json: async (): Promise<unknown> => JSON.parse(body),
    arrayBuffer: async () => new TextEncoder().encode(body).buffer,
  };
}
