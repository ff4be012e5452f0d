import { ProcessingError } from "../errors.ts";
import type { Severity } from "../finding.ts";
import type { Destination, Receipt } from "./destination.ts";
import { footerOf, incidentLines, isOver, newsHeadline } from "./incident-words.ts";
import type { Notification } from "./notification.ts";
import { readableLine, readableText } from "./readable-text.ts";

export interface ConsoleSettings {
  readonly kind: "console";
  readonly id: string;
}

export interface ConsoleDeps {
  /** Takes whole messages, each ending with a line break. */
  readonly write: (text: string) => void;
  /** false when NO_COLOR is set or the output is not a terminal. */
  readonly colour: boolean;
  /** The terminal's width; 80 to 100 are used. */
  readonly columns?: number | undefined;
}

/** Tells whoever looks at the terminal: the default on one's own machine. */
export function consoleDestination({ id }: ConsoleSettings, deps: ConsoleDeps): Destination {
  return {
    id,
    kind: "console",
    channel: `console:${id}`,
    minIntervalMs: 0,
    async deliver(notification, signal): Promise<Receipt> {
      if (signal.aborted) {
        throw new ProcessingError("DESTINATION_UNAVAILABLE", `console "${id}": stopped before anything was written`);
      }
      const text = toConsoleText(notification, { colour: deps.colour, columns: deps.columns });
      try {
        deps.write(`${text}\n`);
      } catch {
        throw new ProcessingError("DESTINATION_UNAVAILABLE", `console "${id}": the output is closed`);
      }
      return { externalId: null };
    },
  };
}

export interface ConsoleLook {
  readonly colour: boolean;
  readonly columns?: number | undefined;
}

const MIN_COLUMNS = 80;
const MAX_COLUMNS = 100;
const LABEL_COLUMNS = 16;
const INDENT = "  ";
const LIMITS = { line: 1000, command: 2000, url: 3000, quote: 3000, quoteLines: 20, images: 10, changes: 20 } as const;

/** Pure: the message as it is written. Commands and addresses are never wrapped, so that they can be copied. */
export function toConsoleText(notification: Notification, look: ConsoleLook): string {
  const columns = Math.min(Math.max(look.columns ?? MAX_COLUMNS, MIN_COLUMNS), MAX_COLUMNS);
  const paint = look.colour ? painted : plain;
  const page = new Page(columns, paint);
  const { severity, category, when, verdict } = notification;

  page.rule();
  page.raw(paint(severity, ` ${severity.toUpperCase()} `) + paint("dim", ` ${category} · ${readableLine(when, 60)}`));
  page.words(newsHeadline(notification), "", "bold");
  page.blank();
  page.row("Verdict", verdict.detail === null ? verdict.headline : `${verdict.headline}. ${verdict.detail}`);
  for (const { label, value } of [...incidentLines(notification), ...notification.lines]) {
    page.row(label, value);
  }
  justification(page, notification);
  images(page, notification);
  changes(page, notification);
  if (!isOver(notification)) {
    counsel(page, notification);
  }
  if (notification.links.length > 0) {
    page.blank();
  }
  for (const { label, url } of notification.links) {
    page.unwrapped(label, readableLine(url, LIMITS.url));
  }
  page.blank();
  page.words(footerOf(notification), INDENT, "dim");
  return page.text();
}

function justification(page: Page, { justification: given }: Notification): void {
  if (given === null) {
    return;
  }
  if (given.given !== "text") {
    page.row("Justification", given.text);
    return;
  }
  const lines = readableText(given.text, LIMITS.quote, LIMITS.quoteLines).split("\n");
  for (const [index, line] of lines.entries()) {
    const open = index === 0 ? "“" : " ";
    const close = index === lines.length - 1 ? "”" : "";
    page.row(index === 0 ? "Justification" : "", open + line + close);
  }
}

function images(page: Page, { images: all, imageCount }: Notification): void {
  const shown = all.slice(0, LIMITS.images);
  for (const [index, { reference, digest }] of shown.entries()) {
    const label = index > 0 ? "" : imageCount === 1 ? "Image" : "Images";
    page.unwrapped(label, readableLine(reference, LIMITS.line));
    if (digest !== null && !reference.includes(digest)) {
      page.unwrapped("", readableLine(digest, LIMITS.line));
    }
  }
  more(page, imageCount, shown.length);
}

function changes(page: Page, { changes: all, changeCount }: Notification): void {
  const shown = all.slice(0, LIMITS.changes);
  for (const [index, { field, before, after, effect }] of shown.entries()) {
    const judged = effect === "neutral" ? "" : ` (${effect})`;
    page.row(index === 0 ? "Changes" : "", `${field}: ${before ?? "(not set)"} → ${after ?? "(not set)"}${judged}`);
  }
  more(page, changeCount, shown.length);
}

function more(page: Page, total: number, shown: number): void {
  if (total > shown) {
    page.row("", `and ${total - shown} more`);
  }
}

function counsel(page: Page, notification: Notification): void {
  if (notification.why !== "") {
    page.row("Why it matters", notification.why);
  }
  if (notification.steps.length === 0) {
    return;
  }
  page.blank();
  page.words("What to do", INDENT, "bold");
  for (const [index, step] of notification.steps.entries()) {
    let number = `${index + 1}. `;
    for (const part of step) {
      if (part.kind === "command") {
        page.raw(`${INDENT}${number.padEnd(3)}${page.paint("command", readableLine(part.text, LIMITS.command))}`);
      } else {
        page.words(part.text, INDENT + number.padEnd(3), "none");
      }
      number = "";
    }
  }
}

type Style = Severity | "bold" | "dim" | "command" | "none";
type Paint = (style: Style, text: string) => string;

const SGR: Readonly<Record<Style, string>> = {
  critical: "1;37;41",
  high: "1;30;43",
  medium: "1;33",
  low: "1;36",
  bold: "1",
  dim: "2",
  command: "36",
  none: "",
};

function painted(style: Style, text: string): string {
  return SGR[style] === "" || text === "" ? text : `\u001b[${SGR[style]}m${text}\u001b[0m`;
}

function plain(_style: Style, text: string): string {
  return text;
}

/** Lines of a terminal, filled from top to bottom. */
class Page {
  readonly #lines: string[] = [];
  readonly #columns: number;
  readonly paint: Paint;

  constructor(columns: number, paint: Paint) {
    this.#columns = columns;
    this.paint = paint;
  }

  raw(line: string): void {
    this.#lines.push(line);
  }

  blank(): void {
    this.raw("");
  }

  rule(): void {
    this.raw(this.paint("dim", "─".repeat(this.#columns)));
  }

  /** Words wrapped behind an indent that only the first line shows. */
  words(text: string, indent: string, style: Style): void {
    const margin = " ".repeat(indent.length);
    const wrapped = wrap(readableLine(text, LIMITS.line), this.#columns - indent.length);
    for (const [index, line] of wrapped.entries()) {
      this.raw((index === 0 ? indent : margin) + this.paint(style, line));
    }
  }

  row(label: string, value: string): void {
    const margin = INDENT + " ".repeat(LABEL_COLUMNS);
    const wrapped = wrap(readableLine(value, LIMITS.quote), this.#columns - margin.length);
    for (const [index, line] of wrapped.entries()) {
      this.raw((index === 0 ? this.#label(label) : margin) + line);
    }
  }

  unwrapped(label: string, value: string): void {
    this.raw(this.#label(label) + value);
  }

  text(): string {
    return `${this.#lines.map((line) => line.trimEnd()).join("\n")}\n`;
  }

  #label(label: string): string {
    return INDENT + this.paint("dim", readableLine(label, LABEL_COLUMNS - 1).padEnd(LABEL_COLUMNS));
  }
}

/** Breaks between words; a word that is longer than a line is broken where the line ends. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((long) => pieces(long, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function pieces(word: string, width: number): readonly string[] {
  const characters = Array.from(word);
  if (characters.length <= width) {
    return [word];
  }
  const parts: string[] = [];
  for (let start = 0; start < characters.length; start += width) {
    parts.push(characters.slice(start, start + width).join(""));
  }
  return parts;
}
