import type { Page } from "./page.ts";
import { unlinked } from "./readable-text.ts";
import type { StepPart } from "./steps.ts";

/** Pure: a page for readers of plain text. Lines are left to the reader's own width; commands can be copied whole. */
export function toPlainText(page: Page): string {
  const blocks: string[] = [`${unlinked(page.title)}\n${page.kicker}`];
  const { verdict, quote, why } = page;
  if (verdict !== null) {
    blocks.push(verdict.detail === null ? verdict.headline : unlinked(`${verdict.headline}. ${verdict.detail}`));
  }
  blocks.push(page.rows.map(({ label, value }) => `${label}: ${unlinked(value)}`).join("\n"));
  if (quote !== null) {
    const lines = unlinked(quote).split("\n");
    blocks.push(["Justification:", ...lines.map((line) => `> ${line}`)].join("\n"));
  }
  blocks.push(
    listed(page.imageCount === 1 ? "Image" : "Images", page.images.map(unlinked), page.imageCount),
    listed(
      "Changes",
      page.changes.map(({ field, before, after, effect }) => {
        const judged = effect === null ? "" : ` (${effect})`;
        return unlinked(`${field}: ${before} → ${after}${judged}`);
      }),
      page.changeCount,
    ),
  );
  if (why !== null) {
    blocks.push(`Why it matters: ${unlinked(why)}`);
  }
  if (page.steps.length > 0) {
    blocks.push(
      ["What to do:", ...page.steps.map((step, index) => `${index + 1}. ${step.map(part).join("")}`)].join("\n"),
    );
  }
  blocks.push(page.links.map(({ label, url }) => `${label}: ${url}`).join("\n"), page.footer);
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function listed(label: string, items: readonly string[], total: number): string {
  if (items.length === 0) {
    return "";
  }
  const more = total > items.length ? [`  and ${total - items.length} more`] : [];
  return [`${label}:`, ...items.map((item) => `  ${item}`), ...more].join("\n");
}

function part({ kind, text }: StepPart, index: number): string {
  if (kind === "command") {
    return `\n   ${text}`;
  }
  return index === 0 ? unlinked(text) : `\n   ${unlinked(text)}`;
}
