import { createHash } from "node:crypto";
import { Secret } from "../secret.ts";
import type { Destination } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpDeps, type HttpRequest, refusal, send } from "./http.ts";
import { isOpening, newsHeadline, newsOf, STATE_COLOURS } from "./incident-words.ts";
import { text as jsonText, type Size, unreadable } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { minimalPageOf, NARROW, newsPageOf, type Page, pageOf, WIDE } from "./page.ts";
import { readableLine, unlinked } from "./readable-text.ts";
import { requireSafeAddress } from "./safe-address.ts";
import { storyKey } from "./tickets.ts";

export interface GoogleChatSettings {
  readonly kind: "google-chat";
  readonly id: string;
  /** An incoming webhook of a space: its key and token are in the address, so it is a secret. */
  readonly webhookUrl: Secret;
  readonly timeoutMs?: number | undefined;
}

/** Chat takes 32,000 bytes of text and cards. */
const MAX_MESSAGE = 28_000;
const TEXT_LIMIT = 300;

/** Tells a space of Google Chat, each incident in a thread of its own. */
export function googleChat(settings: GoogleChatSettings, deps: HttpDeps): Destination {
  const { id, webhookUrl, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `google-chat "${id}"`;
  requireSafeAddress(webhookUrl.reveal(), destination, "webhookUrl");

  async function post(notification: Notification, size: Size, signal: AbortSignal) {
    const url = new URL(webhookUrl.reveal());
    url.searchParams.set("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD");
    // Chat's own guard against copies; whether it heeds it for webhooks is not documented, so nothing relies on it.
    url.searchParams.set("requestId", createHash("sha256").update(notification.id).digest("hex").slice(0, 32));
    const request: HttpRequest = {
      destination,
      url: new Secret(url.href),
      method: "POST",
      headers: { "content-type": "application/json; charset=UTF-8" },
      body: JSON.stringify(toChatMessage(notification, size)),
      timeoutMs,
      maxAnswerBytes: 256 * 1024,
    };
    const answer = await send(request, deps, signal);
    const refused = refusal(answer, request, null);
    if (refused === undefined && nameOf(answer.body) === undefined) {
      throw unreadable("DESTINATION_UNKNOWN_OUTCOME", answer, request);
    }
    return { refused, status: answer.status, name: nameOf(answer.body) ?? null };
  }

  return {
    id,
    kind: "google-chat",
    channel: `google-chat:${id}`,
    // One message a second into one space: https://developers.google.com/workspace/chat/limits
    minIntervalMs: 1_000,
    async deliver(notification, signal) {
      const whole = await post(notification, "whole", signal);
      if (whole.refused === undefined) {
        return { externalId: whole.name };
      }
      if (whole.status !== 400 && whole.status !== 413) {
        throw whole.refused;
      }
      const minimal = await post(notification, "minimal", signal);
      if (minimal.refused !== undefined) {
        throw whole.refused;
      }
      return { externalId: minimal.name };
    },
  };
}

/** The message's name; undefined when the answer is not Chat's. */
function nameOf(body: string): string | undefined {
  try {
    const json: unknown = JSON.parse(body);
    const name = jsonText(json, "name");
    return name !== null && /^spaces\/[\w-]{1,64}\/messages\/[\w.-]{1,128}$/.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

interface Widget {
  readonly decoratedText?: { readonly topLabel: string; readonly text: string; readonly wrapText: true };
  readonly textParagraph?: { readonly text: string };
  readonly buttonList?: { readonly buttons: readonly object[] };
}

/** Pure: everything for the first message of a thread, only what is new for the others. */
export function toChatMessage(notification: Notification, size: Size = "whole"): object {
  for (const room of size === "whole" ? [WIDE, NARROW] : []) {
    const page = isOpening(notification) ? pageOf(notification, room) : newsPageOf(notification, room);
    const message = messageOf(notification, page);
    if (Buffer.byteLength(JSON.stringify(message)) <= MAX_MESSAGE) {
      return message;
    }
  }
  return messageOf(notification, minimalPageOf(notification, "Google Chat"));
}

function messageOf(notification: Notification, page: Page): object {
  return {
    text: plainLine(newsHeadline(notification)),
    thread: { threadKey: `glasswatch-${storyKey(notification)}` },
    cardsV2: [
      {
        cardId: `glasswatch-${storyKey(notification)}`,
        card: {
          header: { title: readableLine(page.title, TEXT_LIMIT), subtitle: page.kicker },
          sections: [{ widgets: widgetsOf(notification, page) }, ...sectionOf("What to do", stepsOf(page))],
        },
      },
    ],
  };
}

function widgetsOf(notification: Notification, page: Page): readonly Widget[] {
  const widgets: Widget[] = [];
  const news = newsOf(notification);
  if (news !== null) {
    widgets.push(paragraph(`<font color="${STATE_COLOURS[news.state]}"><b>${news.state.toUpperCase()}</b></font>`));
  }
  if (page.verdict !== null) {
    const { headline, detail } = page.verdict;
    widgets.push(paragraph(`<b>${inert(headline)}</b>${detail === null ? "" : `<br>${inert(detail)}`}`));
  }
  widgets.push(...page.rows.map(({ label, value }) => labelled(label, inert(value))));
  if (page.quote !== null) {
    widgets.push(labelled("Justification", `“${inert(page.quote)}”`));
  }
  if (page.images.length > 0) {
    const label = page.imageCount === 1 ? "Image" : "Images";
    widgets.push(labelled(label, counted(page.images.map(inert), page.imageCount)));
  }
  if (page.changes.length > 0) {
    const changes = page.changes.map(({ field, before, after, effect }) =>
      inert(`${field}${effect === null ? "" : ` (${effect})`}: ${before} → ${after}`),
    );
    widgets.push(labelled("Changes", counted(changes, page.changeCount)));
  }
  if (page.why !== null) {
    widgets.push(labelled("Why it matters", inert(page.why)));
  }
  if (page.links.length > 0) {
    const buttons = page.links.map(({ label, url }) => ({ text: label, onClick: { openLink: { url } } }));
    widgets.push({ buttonList: { buttons } });
  }
  return [...widgets, paragraph(`<font color="#80868b">${inert(page.footer)}</font>`)];
}

function stepsOf({ steps }: Page): readonly Widget[] {
  return steps.map((step, index) =>
    paragraph(
      `${index + 1}. ${step.map(({ kind, text }) => (kind === "command" ? `<br>${inert(text)}` : inert(text))).join(" ")}`,
    ),
  );
}

function sectionOf(header: string, widgets: readonly Widget[]): readonly object[] {
  return widgets.length === 0 ? [] : [{ header, collapsible: true, uncollapsibleWidgetsCount: 1, widgets }];
}

function counted(items: readonly string[], total: number): string {
  const more = total > items.length ? [`and ${total - items.length} more`] : [];
  return [...items, ...more].join("<br>");
}

function paragraph(text: string): Widget {
  return { textParagraph: { text } };
}

function labelled(topLabel: string, text: string): Widget {
  return { decoratedText: { topLabel: readableLine(topLabel, 40), text: text === "" ? "–" : text, wrapText: true } };
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Cards read a little HTML, and nothing else. */
function inert(words: string): string {
  return unlinked(words)
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replace(/\n/g, "<br>");
}

/**
 * The line for notifications is read as Chat's own markup, which knows no escape: what could begin a mention, a link or
 * a format is shown as its twin.
 */
function plainLine(words: string): string {
  return (
    unlinked(readableLine(words, TEXT_LIMIT)).replace(/[<>*_~`@]/g, (character) => TWINS[character] ?? character) || "…"
  );
}

const TWINS: Readonly<Record<string, string>> = {
  "<": "‹",
  ">": "›",
  "*": "∗",
  _: "＿",
  "~": "∼",
  "`": "ˋ",
  "@": "＠",
};
