import type { KnownBlock, RichTextBlockElement, RichTextElement } from "@slack/types";
import type { FetchFunction, IncomingWebhookSendArguments } from "@slack/webhook";
import { ProcessingError } from "../errors.ts";
import type { Severity } from "../finding.ts";
import type { Secret } from "../secret.ts";
import type { Destination, Receipt } from "./destination.ts";
import { type HttpAnswer, type HttpDeps, type HttpRequest, hostOf, refusal, send } from "./http.ts";
import type { Notification } from "./notification.ts";
import { readableLine } from "./readable-text.ts";
import { bold, buttons, code, context, fallback, header, line, lines, richText, text } from "./slack-blocks.ts";
import type { Step } from "./steps.ts";

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
const DEFAULT_TIMEOUT_MS = 60_000;
/** Slack refuses messages whose blocks are longer than some 13,000 bytes; it publishes no number. */
const MAX_BLOCKS_BYTES = 12_000;
/** Answers that mean "not this message", after which a smaller one may still pass. */
const UNWELCOME_MESSAGE = /^(?:invalid_blocks|invalid_blocks_format|invalid_payload|msg_blocks_too_long|msg_too_long)$/;
/** Slack's own words for a refusal, such as channel_is_archived. Nothing else of a body is ever repeated. */
const REASON = /^[a-z_]{1,40}$/;

/** Tells a Slack channel through an incoming webhook. */
export function slack(settings: SlackSettings, deps: HttpDeps): Destination {
  const { id, webhookUrl, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `slack "${id}"`;
  requireSafeUrl(webhookUrl, id);

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

/** How much of each part a message shows. */
interface Room {
  readonly value: number;
  readonly lines: number;
  readonly quote: number;
  readonly quoteLines: number;
  readonly image: number;
  readonly images: number;
  readonly changes: number;
  readonly steps: number;
  readonly step: number;
}

const WIDE: Room = {
  value: 600,
  lines: 20,
  quote: 1200,
  quoteLines: 15,
  image: 500,
  images: 5,
  changes: 10,
  steps: 8,
  step: 700,
};
const NARROW: Room = {
  value: 160,
  lines: 8,
  quote: 400,
  quoteLines: 5,
  image: 240,
  images: 2,
  changes: 3,
  steps: 3,
  step: 240,
};

/** Pure: everything that fits, with less of each part where it would be too much, and never nothing. */
export function toSlackMessage(notification: Notification): SlackMessage {
  for (const room of [WIDE, NARROW]) {
    const message = render(notification, room);
    if (Buffer.byteLength(JSON.stringify(message.blocks)) <= MAX_BLOCKS_BYTES) {
      return message;
    }
  }
  return toMinimalMessage(notification);
}

/** Pure: who, what and when, and where to read the rest. */
export function toMinimalMessage(notification: Notification): SlackMessage {
  const links = notification.links.filter((link) => link.url.length <= 1000);
  const how = "This message was too large for Slack. The log entry has the rest.";
  return messageOf(notification, [
    header(headerText(notification)),
    context([contextText(notification)]),
    context([notification.verdict.headline, how].map((words) => readableLine(words, 300))),
    buttons(links),
    footer(notification),
  ]);
}

function render(notification: Notification, room: Room): SlackMessage {
  return messageOf(notification, [
    header(headerText(notification)),
    context([contextText(notification)]),
    verdictBlock(notification, room),
    linesBlock(notification, room),
    justificationBlock(notification, room),
    imagesBlock(notification, room),
    changesBlock(notification, room),
    whyBlock(notification, room),
    stepsBlock(notification, room),
    buttons(notification.links),
    footer(notification),
  ]);
}

function messageOf(notification: Notification, blocks: readonly (KnownBlock | null)[]): SlackMessage {
  return {
    text: fallback(headerText(notification)),
    mrkdwn: false,
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: blocks.filter((block) => block !== null),
  };
}

const SEVERITY_MARKS: Readonly<Record<Severity, string>> = { critical: "🔴", high: "🟠", medium: "🟡", low: "🔵" };

function headerText(notification: Notification): string {
  return `${SEVERITY_MARKS[notification.severity]} ${notification.headline}`;
}

function contextText(notification: Notification): string {
  const { severity, category, when } = notification;
  return `${severity} · ${category} · ${when}`;
}

/** The event's id, by which two copies of one message are known to be one. Webhooks drop Slack's own metadata. */
function footer(notification: Notification): KnownBlock {
  return context([`${notification.rule} · event ${notification.id.slice(0, 12)} · ${notification.incidentKey}`]);
}

function verdictBlock({ verdict }: Notification, room: Room): KnownBlock {
  const elements: RichTextElement[] = [bold(readableLine(verdict.headline, room.value))];
  if (verdict.detail !== null) {
    elements.push(text("\n"), line(verdict.detail, room.value));
  }
  return richText([{ type: "rich_text_section", elements }]);
}

function linesBlock(notification: Notification, room: Room): KnownBlock | null {
  const rows = notification.lines
    .slice(0, room.lines)
    .map(({ label, value }) => [bold(`${readableLine(label, 40)}  `), line(value, room.value)]);
  return rows.length === 0 ? null : richText([{ type: "rich_text_section", elements: rowsOf(rows) }]);
}

function justificationBlock({ justification }: Notification, room: Room): KnownBlock | null {
  if (justification === null) {
    return null;
  }
  if (justification.given !== "text") {
    const elements = [bold("Justification  "), line(justification.text, room.value)];
    return richText([{ type: "rich_text_section", elements }]);
  }
  return richText([
    { type: "rich_text_section", elements: [bold("Justification")] },
    { type: "rich_text_quote", elements: [lines(justification.text, room.quote, room.quoteLines)] },
  ]);
}

function imagesBlock({ images, imageCount }: Notification, room: Room): KnownBlock | null {
  const rows: RichTextElement[][] = images.slice(0, room.images).map(({ reference, digest }) => {
    const shown = code(readableLine(reference, room.image));
    return digest === null || reference.includes(digest) ? [shown] : [shown, text(" "), code(readableLine(digest, 80))];
  });
  if (rows.length === 0) {
    return null;
  }
  const label = [bold(imageCount === 1 ? "Image" : "Images")];
  return richText([
    { type: "rich_text_section", elements: rowsOf([label, ...rows, ...more(imageCount, rows.length)]) },
  ]);
}

function changesBlock({ changes, changeCount }: Notification, room: Room): KnownBlock | null {
  const rows: RichTextElement[][] = changes
    .slice(0, room.changes)
    .map(({ field, before, after, effect }) => [
      code(readableLine(field, room.image)),
      text(effect === "neutral" ? "  " : `  ${effect}:  `),
      line(before ?? "(not set)", room.value),
      text("  →  "),
      line(after ?? "(not set)", room.value),
    ]);
  if (rows.length === 0) {
    return null;
  }
  const all = [[bold("Changes")], ...rows, ...more(changeCount, rows.length)];
  return richText([{ type: "rich_text_section", elements: rowsOf(all) }]);
}

function whyBlock({ why }: Notification, room: Room): KnownBlock | null {
  const elements = [bold("Why it matters  "), line(why, room.value)];
  return why === "" ? null : richText([{ type: "rich_text_section", elements }]);
}

/** Steps are numbered by us: a command needs a block of its own to be copied whole, and that ends a list of Slack's. */
function stepsBlock({ steps }: Notification, room: Room): KnownBlock | null {
  if (steps.length === 0) {
    return null;
  }
  const elements: RichTextBlockElement[] = [];
  let words: RichTextElement[] = [bold("What to do")];
  for (const [index, step] of steps.slice(0, room.steps).entries()) {
    words.push(...(words.length > 0 ? [text("\n")] : []), text(`${index + 1}. `));
    for (const part of fitting(step, room.step)) {
      if (part.kind === "text") {
        words.push(line(`${part.text} `, room.step));
        continue;
      }
      elements.push({ type: "rich_text_section", elements: words });
      elements.push({ type: "rich_text_preformatted", elements: [text(part.text)] });
      words = [];
    }
  }
  return richText(words.length === 0 ? elements : [...elements, { type: "rich_text_section", elements: words }]);
}

/** A command is shown whole or not at all: the beginning of one may do something else. */
function fitting(step: Step, limit: number): Step {
  return step.map((part) =>
    part.kind === "command" && part.text.length > limit
      ? { kind: "text", text: "(The command is too long for this message; it is in the runbook.)" }
      : part,
  );
}

function more(total: number, shown: number): RichTextElement[][] {
  return total > shown ? [[text(`and ${total - shown} more`)]] : [];
}

function rowsOf(rows: readonly (readonly RichTextElement[])[]): RichTextElement[] {
  return rows.flatMap((row, index) => (index === 0 ? row : [text("\n"), ...row]));
}

/** Slack over https; plain http only to this machine, where stand-ins for tests live. */
function requireSafeUrl(webhookUrl: Secret, id: string): void {
  const url = URL.parse(webhookUrl.reveal());
  const local = url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && local)) || url.username !== "") {
    throw new ProcessingError("SETTINGS_INVALID", `slack "${id}": the webhook address is not an https address`);
  }
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
  return REASON.test(words) && !webhookUrl.reveal().includes(words) ? words : null;
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
