import type { Page } from "./page.ts";
import type { StepPart } from "./steps.ts";

/**
 * Atlassian Document Format: text is a node of its own, in which nothing is markup. Mentions, links and media are other
 * nodes, which only we could write, and we write links alone.
 */
export type AdfNode =
  | { readonly type: "text"; readonly text: string; readonly marks?: readonly AdfMark[] }
  | { readonly type: "hardBreak" }
  | { readonly type: "rule" }
  | {
      readonly type:
        | "paragraph"
        | "heading"
        | "blockquote"
        | "codeBlock"
        | "bulletList"
        | "orderedList"
        | "listItem"
        | "table"
        | "tableRow"
        | "tableHeader"
        | "tableCell";
      readonly attrs?: Readonly<Record<string, string | number | boolean>>;
      readonly content: readonly AdfNode[];
    };

export type AdfMark =
  | { readonly type: "strong" | "code" | "em" }
  | { readonly type: "link"; readonly attrs: { readonly href: string } };

export interface AdfDocument {
  readonly type: "doc";
  readonly version: 1;
  readonly content: readonly AdfNode[];
}

const STRONG: AdfMark = { type: "strong" };
const CODE: AdfMark = { type: "code" };

/** Pure. The last node is the footer and nothing else: no text of an entry can stand there. */
export function toAdf(page: Page): AdfDocument {
  const content: AdfNode[] = [paragraph(text(page.title, STRONG)), paragraph(text(page.kicker))];
  if (page.verdict !== null) {
    const { headline, detail } = page.verdict;
    content.push(paragraph(text(headline, STRONG), ...(detail === null ? [] : [text(` ${detail}`)])));
  }
  if (page.rows.length > 0) {
    content.push(table(page.rows.map(({ label, value }) => [text(label, STRONG), text(value)])));
  }
  if (page.quote !== null) {
    content.push(paragraph(text("Justification", STRONG)), {
      type: "blockquote",
      content: [paragraph(...page.quote.split("\n").flatMap((line, index) => broken(line, index)))],
    });
  }
  content.push(
    ...listed(
      page.imageCount === 1 ? "Image" : "Images",
      page.images.map((image) => [text(image, CODE)]),
      page.imageCount,
    ),
  );
  content.push(
    ...listed(
      "Changes",
      page.changes.map(({ field, before, after, effect }) => [
        text(field, CODE),
        text(`${effect === null ? "" : ` ${effect}`}: ${before} → ${after}`),
      ]),
      page.changeCount,
    ),
  );
  if (page.why !== null) {
    content.push(paragraph(text("Why it matters", STRONG), text(` ${page.why}`)));
  }
  if (page.steps.length > 0) {
    content.push(paragraph(text("What to do", STRONG)), {
      type: "orderedList",
      content: page.steps.map((step) => ({ type: "listItem", content: step.map(stepNode) })),
    });
  }
  if (page.links.length > 0) {
    content.push(
      paragraph(
        ...page.links.flatMap(({ label, url }, index): AdfNode[] => [
          ...(index === 0 ? [] : [text(" · ")]),
          { type: "text", text: label, marks: [{ type: "link", attrs: { href: url } }] },
        ]),
      ),
    );
  }
  return { type: "doc", version: 1, content: [...content, paragraph(text(page.footer))] };
}

function stepNode({ kind, text: words }: StepPart): AdfNode {
  return kind === "command" ? { type: "codeBlock", content: [text(words)] } : paragraph(text(words));
}

function listed(label: string, items: readonly (readonly AdfNode[])[], total: number): readonly AdfNode[] {
  if (items.length === 0) {
    return [];
  }
  const more = total > items.length ? [[text(`and ${total - items.length} more`)]] : [];
  const rows = [...items, ...more].map((item): AdfNode => ({ type: "listItem", content: [paragraph(...item)] }));
  return [paragraph(text(label, STRONG)), { type: "bulletList", content: rows }];
}

function table(rows: readonly (readonly [AdfNode, AdfNode])[]): AdfNode {
  return {
    type: "table",
    content: rows.map(([label, value]) => ({
      type: "tableRow",
      content: [
        { type: "tableHeader", content: [paragraph(label)] },
        { type: "tableCell", content: [paragraph(value)] },
      ],
    })),
  };
}

function broken(line: string, index: number): readonly AdfNode[] {
  const words = line === "" ? [] : [text(line)];
  return index === 0 ? words : [{ type: "hardBreak" }, ...words];
}

function paragraph(...content: readonly AdfNode[]): AdfNode {
  return { type: "paragraph", content };
}

/** Jira refuses a document with an empty text in it. */
function text(words: string, ...marks: readonly AdfMark[]): AdfNode {
  const shown = words === "" ? "–" : words;
  return marks.length === 0 ? { type: "text", text: shown } : { type: "text", text: shown, marks };
}
