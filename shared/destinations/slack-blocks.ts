import type {
  ActionsBlock,
  Button,
  ContextBlock,
  HeaderBlock,
  PlainTextElement,
  RichTextBlock,
  RichTextBlockElement,
  RichTextText,
} from "@slack/types";
import { type Link, safeUrl } from "./links.ts";
import { cut, readableLine, readableText } from "./readable-text.ts";

/**
 * The few pieces of Block Kit that our messages are made of, each within Slack's limits.
 *
 * Text of a log entry stands only in `plain_text` and `rich_text`, never in `mrkdwn`. Slack reads neither of the two
 * as markup: there `*`, `_`, `~` and backticks are characters, `@channel` calls nobody, and addresses, domains and
 * e-mail addresses do not become links, because in rich text a link or a mention is an element of its own that only we
 * could write. Should a client ever read them as markup after all, no token could begin: `<` is shown as `‹`.
 */
export const SLACK_LIMITS = {
  blocks: 50,
  header: 150,
  plainText: 2000,
  contextElements: 10,
  actions: 25,
  buttonText: 75,
  url: 3000,
  fallback: 3000,
} as const;

/** A `<` that could open one of Slack's tokens. Before a space or an equals sign it is only less-than. */
const OPENING = /<(?![\s=])/gu;

export function header(text: string): HeaderBlock {
  return { type: "header", text: plainText(text, SLACK_LIMITS.header) };
}

export function context(texts: readonly string[]): ContextBlock {
  const elements = texts.slice(0, SLACK_LIMITS.contextElements).map((text) => plainText(text, SLACK_LIMITS.plainText));
  return { type: "context", elements };
}

export function richText(elements: readonly RichTextBlockElement[]): RichTextBlock {
  return { type: "rich_text", elements: [...elements] };
}

export function text(words: string, style?: RichTextText["style"]): RichTextText {
  // Slack refuses a message with an empty text in it.
  const inert = words === "" ? "–" : words.replace(OPENING, "‹");
  return style === undefined ? { type: "text", text: inert } : { type: "text", text: inert, style };
}

export function bold(words: string): RichTextText {
  return text(words, { bold: true });
}

export function code(words: string): RichTextText {
  return text(words, { code: true });
}

/** One line of somebody else's text. */
export function line(words: string, limit: number): RichTextText {
  return text(readableLine(words, limit));
}

/** Somebody else's text with its line breaks. */
export function lines(words: string, limit: number, maxLines: number): RichTextText {
  return text(readableText(words, limit, maxLines));
}

/** Buttons that lead out of Slack; null when there is nowhere to go, for Slack takes no empty row. */
export function buttons(links: readonly Link[]): ActionsBlock | null {
  const elements = links
    .filter((link) => link.url.length <= SLACK_LIMITS.url && safeUrl(link.url) !== null)
    .slice(0, SLACK_LIMITS.actions)
    .map(
      (link): Button => ({
        type: "button",
        action_id: link.kind,
        text: plainText(link.label, SLACK_LIMITS.buttonText),
        url: link.url,
      }),
    );
  return elements.length === 0 ? null : { type: "actions", elements };
}

/**
 * The line for notifications and old clients. Unlike all other text it is read as markup, so it is escaped: piece by
 * piece, so that no cut falls into an escape.
 */
export function fallback(words: string): string {
  const calm = readableLine(words, SLACK_LIMITS.fallback).replace(/@(?=channel|here|everyone)/giu, "＠");
  let escaped = "";
  for (const character of calm) {
    const piece = ESCAPES[character] ?? character;
    if (escaped.length + piece.length > SLACK_LIMITS.fallback) {
      break;
    }
    escaped += piece;
  }
  return escaped === "" ? "…" : escaped;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** `emoji: false` keeps `:words:` of an entry from turning into pictures. */
function plainText(words: string, limit: number): PlainTextElement {
  const inert = cut(readableLine(words, limit).replace(OPENING, "‹"), limit);
  return { type: "plain_text", text: inert === "" ? "…" : inert, emoji: false };
}
