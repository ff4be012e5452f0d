import type { KnownBlock, RichTextBlockElement, RichTextElement } from "@slack/types";
import type { Severity } from "../finding.ts";
import { footerOf, incidentLines, isOver } from "./incident-words.ts";
import type { Notification } from "./notification.ts";
import { fitting, NARROW, type Room, WIDE } from "./page.ts";
import { readableLine } from "./readable-text.ts";
import { bold, buttons, code, context, line, lines, richText, text } from "./slack-blocks.ts";

/** What stands below the headline of a message in Slack, however it gets there. */

/** Slack refuses messages whose blocks are longer than some 13,000 bytes; it publishes no number. */
const MAX_BLOCKS_BYTES = 12_000;
/** Answers that mean "not this message", after which a smaller one may still pass. */
export const UNWELCOME_MESSAGE =
  /^(?:invalid_blocks|invalid_blocks_format|invalid_payload|invalid_attachments|msg_blocks_too_long|msg_too_long|metadata_too_large)$/;
/** Slack's own words for a refusal, such as channel_is_archived. Nothing else of a body is ever repeated. */
export const SLACK_REASON = /^[a-z_]{1,40}$/;

const SEVERITY_MARKS: Readonly<Record<Severity, string>> = { critical: "🔴", high: "🟠", medium: "🟡", low: "🔵" };

export function withMark(notification: Notification, headline: string): string {
  return `${isOver(notification) ? "✅" : SEVERITY_MARKS[notification.severity]} ${headline}`;
}

/** Pure: everything that fits, with less of each part where it would be too much. */
export function fittingBody(notification: Notification): readonly KnownBlock[] {
  for (const room of [WIDE, NARROW]) {
    const blocks = bodyOf(notification, room);
    if (Buffer.byteLength(JSON.stringify(blocks)) <= MAX_BLOCKS_BYTES - 500) {
      return blocks;
    }
  }
  return minimalBody(notification);
}

/** Pure: what and when, and where to read the rest. */
export function minimalBody(notification: Notification): readonly KnownBlock[] {
  const links = notification.links.filter((link) => link.url.length <= 1000);
  const how = "This message was too large for Slack. The log entry has the rest.";
  return present([
    context([contextText(notification)]),
    context([notification.verdict.headline, how].map((words) => readableLine(words, 300))),
    buttons(links),
    footer(notification),
  ]);
}

function bodyOf(notification: Notification, room: Room): readonly KnownBlock[] {
  return present([
    context([contextText(notification)]),
    verdictBlock(notification, room),
    linesBlock(notification, room),
    justificationBlock(notification, room),
    imagesBlock(notification, room),
    changesBlock(notification, room),
    ...(isOver(notification) ? [] : [whyBlock(notification, room), stepsBlock(notification, room)]),
    buttons(notification.links),
    footer(notification),
  ]);
}

function present(blocks: readonly (KnownBlock | null)[]): readonly KnownBlock[] {
  return blocks.filter((block) => block !== null);
}

function contextText(notification: Notification): string {
  const { severity, category, when } = notification;
  return `${severity} · ${category} · ${when}`;
}

/** The event's id, by which two copies of one message are known to be one. Webhooks drop Slack's own metadata. */
export function footer(notification: Notification): KnownBlock {
  return context([footerOf(notification)]);
}

function verdictBlock({ verdict }: Notification, room: Room): KnownBlock {
  const elements: RichTextElement[] = [bold(readableLine(verdict.headline, room.value))];
  if (verdict.detail !== null) {
    elements.push(text("\n"), line(verdict.detail, room.value));
  }
  return richText([{ type: "rich_text_section", elements }]);
}

function linesBlock(notification: Notification, room: Room): KnownBlock | null {
  const rows = [...incidentLines(notification), ...notification.lines.slice(0, room.lines)].map(({ label, value }) => [
    bold(`${readableLine(label, 40)}  `),
    line(value, room.value),
  ]);
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

function more(total: number, shown: number): RichTextElement[][] {
  return total > shown ? [[text(`and ${total - shown} more`)]] : [];
}

function rowsOf(rows: readonly (readonly RichTextElement[])[]): RichTextElement[] {
  return rows.flatMap((row, index) => (index === 0 ? row : [text("\n"), ...row]));
}
