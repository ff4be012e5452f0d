import type { KnownBlock, RichTextBlockElement, RichTextElement } from "@slack/types";
import type { SlackBotMessage } from "../../shared/destinations/slack-bot.ts";

/** A message as a person sees it in Slack, as far as text can show it: for goldens that can be read. */
export function slackPreview({ blocks, attachments = [] }: SlackBotMessage): string {
  const shown = blocks.flatMap(linesOf);
  for (const { color, blocks: attached } of attachments) {
    shown.push(`▌ ${color}`, ...attached.flatMap(linesOf).map((line) => `▌ ${line}`.trimEnd()));
  }
  return `${shown.join("\n")}\n`;
}

function linesOf(block: KnownBlock): readonly string[] {
  switch (block.type) {
    case "header":
      return [block.text.text, ""];
    case "context":
      return [...block.elements.map((element) => ("text" in element ? `  ${String(element.text)}` : "")), ""];
    case "actions":
      return [block.elements.map((element) => ("text" in element ? `[ ${element.text.text} ]` : "")).join("  "), ""];
    case "rich_text":
      return [...block.elements.flatMap(richLines), ""];
    default:
      throw new Error(`no preview of ${block.type}`);
  }
}

function richLines(element: RichTextBlockElement): readonly string[] {
  const words = "elements" in element ? element.elements.map((part) => textOf(part as RichTextElement)).join("") : "";
  const margin = element.type === "rich_text_quote" ? "│ " : element.type === "rich_text_preformatted" ? "    " : "";
  return words.split("\n").map((line) => margin + line);
}

function textOf(part: RichTextElement): string {
  if (part.type !== "text") throw new Error(`no preview of ${part.type}`);
  const { text, style } = part;
  if (style?.code === true) return `\`${text}\``;
  return style?.bold === true ? text.replace(/\S(?:.*\S)?/s, (words) => `*${words}*`) : text;
}
