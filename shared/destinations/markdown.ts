import type { Page } from "./page.ts";
import { unlinked } from "./readable-text.ts";
import type { StepPart } from "./steps.ts";

/**
 * GitHub's Markdown. Text of a log entry stands only in code: there GitHub looks for no mention, no reference to an
 * issue, no address and no HTML. Words of our own are escaped besides, for a notification out of the store may have been
 * changed.
 */
export function toMarkdown(page: Page): string {
  const blocks: string[] = [`**${prose(page.title)}**`, prose(page.kicker)];
  const { verdict, quote, why } = page;
  if (verdict !== null) {
    blocks.push(`**${prose(verdict.headline)}.**${verdict.detail === null ? "" : ` ${prose(verdict.detail)}`}`);
  }
  if (page.rows.length > 0) {
    blocks.push(page.rows.map(({ label, value }) => `- **${prose(label)}**: ${inlineCode(value)}`).join("\n"));
  }
  if (quote !== null) {
    blocks.push("**Justification**", codeBlock(quote));
  }
  blocks.push(
    ...listed(page.imageCount === 1 ? "Image" : "Images", page.images.map(inlineCode), page.imageCount),
    ...listed(
      "Changes",
      page.changes.map(({ field, before, after, effect }) => {
        const judged = effect === null ? "" : ` ${prose(effect)}`;
        return `${inlineCode(field)}${judged}: ${inlineCode(before)} → ${inlineCode(after)}`;
      }),
      page.changeCount,
    ),
  );
  if (why !== null) {
    blocks.push(`**Why it matters**: ${prose(why)}`);
  }
  if (page.steps.length > 0) {
    const steps = page.steps.map((step, index) => {
      const number = `${index + 1}. `;
      return (
        number +
        step
          .map((one) => stepPart(one, " ".repeat(number.length)))
          .join("\n\n")
          .trimStart()
      );
    });
    blocks.push("**What to do**", steps.join("\n"));
  }
  blocks.push(page.links.map(({ label, url }) => `[${prose(label)}](<${address(url)}>)`).join(" · "));
  blocks.push(`<sub>${prose(page.footer)}</sub>`);
  return blocks.filter((block) => block !== "").join("\n\n");
}

/**
 * Words without any markup. A backslash keeps Markdown from reading a character, but GitHub looks for mentions, references
 * and addresses in what comes out: there a character is replaced by its twin.
 */
export function prose(words: string): string {
  return unlinked(words)
    .replace(/\s*\n\s*/g, " ")
    .replace(/@/g, "＠")
    .replace(/#(?=\d)/g, "＃")
    .replace(/\bGH-(?=\d)/gi, (word) => `${word.slice(0, 2)}‑`)
    .replace(/[\\`*_{}[\]()<>!|~&$^"'#]/g, (character) => ENTITIES[character] ?? `\\${character}`)
    .replace(/^(\s*)([-+=])/, "$1\\$2")
    .replace(/^(\s*\d+)([.)])/, "$1\\$2");
}

const ENTITIES: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;" };

/** A fence that is longer than any in the text. */
export function inlineCode(words: string): string {
  const line = words.replace(/\s*\n\s*/g, " ").trim();
  const fence = "`".repeat(longestRun(line) + 1);
  // The spaces are taken off again by whoever draws it.
  return line === "" ? "–" : `${fence} ${line} ${fence}`;
}

function codeBlock(words: string, indent = ""): string {
  const fence = "`".repeat(Math.max(3, longestRun(words) + 1));
  return [`${fence}text`, ...words.split("\n"), fence].map((line) => indent + line).join("\n");
}

function longestRun(words: string): number {
  return Math.max(0, ...Array.from(words.matchAll(/`+/g), ([run]) => run.length));
}

function stepPart({ kind, text }: StepPart, indent: string): string {
  return kind === "command" ? codeBlock(text, indent) : indent + prose(text);
}

function listed(label: string, items: readonly string[], total: number): readonly string[] {
  if (items.length === 0) {
    return [];
  }
  const more = total > items.length ? [`and ${total - items.length} more`] : [];
  return [`**${label}**`, [...items, ...more].map((item) => `- ${item}`).join("\n")];
}

function address(url: string): string {
  return url.replace(/[<>\\\s]/g, encodeURIComponent);
}
