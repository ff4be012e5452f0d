import type { Severity } from "../finding.ts";
import type { Page } from "./page.ts";
import { unlinked } from "./readable-text.ts";
import type { StepPart } from "./steps.ts";

/**
 * A page as HTML for mail programs: tables and inline styles, since many know nothing else, and colours that stay
 * readable when a program turns them dark by itself. Programs that ask for it get dark colours of our own.
 */
export interface HtmlLook {
  readonly severity: Severity;
  /** The state of the incident and its colour; null for a finding told alone. */
  readonly state: { readonly word: string; readonly colour: string } | null;
}

const SEVERITY_COLOURS: Readonly<Record<Severity, string>> = {
  critical: "#cf222e",
  high: "#bc4c00",
  medium: "#9a6700",
  low: "#0969da",
};

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace";
const DARK = [
  ".gw-back{background:#0d1117!important}",
  ".gw-card{background:#161b22!important;border-right-color:#30363d!important;border-bottom-color:#30363d!important;border-left-color:#30363d!important}",
  ".gw-verdict{background:#21262d!important;color:#e6edf3!important}",
  ".gw-ink{color:#e6edf3!important}",
  ".gw-dim{color:#9198a1!important}",
  ".gw-box{background:#21262d!important;border-color:#30363d!important;color:#e6edf3!important}",
  ".gw-line{border-color:#30363d!important}",
].join("");

/** Pure. Every text is escaped; addresses stand only behind buttons, and are ours. */
export function toHtml(page: Page, look: HtmlLook): string {
  const colour = look.state?.colour ?? SEVERITY_COLOURS[look.severity];
  const pills = [
    pill(look.severity, SEVERITY_COLOURS[look.severity]),
    ...(look.state === null ? [] : [pill(look.state.word, look.state.colour)]),
  ];
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="supported-color-schemes" content="light dark">',
    // No phone numbers, dates or addresses are to be made into links.
    '<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">',
    `<title>${inert(page.title)}</title>`,
    `<style>:root{color-scheme:light dark}@media(prefers-color-scheme:dark){${DARK}}</style>`,
    "</head>",
    '<body class="gw-back" style="margin:0;padding:0;background:#f6f8fa">',
    '<table role="presentation" class="gw-back" width="100%" cellpadding="0" cellspacing="0" style="background:#f6f8fa"><tr><td align="center" style="padding:24px 12px">',
    `<table role="presentation" class="gw-card" width="100%" cellpadding="0" cellspacing="0" style="max-width:680px;background:#ffffff;border:1px solid #d1d9e0;border-top:6px solid ${colour};border-radius:6px"><tr><td style="padding:24px 28px;text-align:left;${FONT}">`,
    `<p style="margin:0 0 12px">${pills.join(" ")}</p>`,
    `<h1 class="gw-ink" style="margin:0 0 6px;font-size:20px;line-height:1.3;color:#1f2328;${WRAP}">${inert(page.title)}</h1>`,
    `<p class="gw-dim" style="margin:0 0 18px;font-size:13px;color:#59636e">${inert(page.kicker)}</p>`,
    ...verdict(page, colour),
    ...rows(page),
    ...quote(page),
    ...images(page),
    ...changes(page),
    ...why(page),
    ...steps(page),
    ...buttons(page),
    `<p class="gw-dim gw-line" style="margin:22px 0 0;padding-top:14px;border-top:1px solid #d1d9e0;font-size:12px;line-height:1.5;color:#59636e;${WRAP}">${inert(page.footer)}</p>`,
    "</td></tr></table>",
    "</td></tr></table>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

const WRAP = "overflow-wrap:anywhere;word-break:break-word";

function pill(word: string, colour: string): string {
  return `<span style="display:inline-block;padding:3px 10px;border-radius:12px;background:${colour};color:#ffffff;font-size:12px;font-weight:600;letter-spacing:.4px;text-transform:uppercase">${inert(word)}</span>`;
}

function verdict({ verdict: given }: Page, colour: string): readonly string[] {
  if (given === null) {
    return [];
  }
  const detail = given.detail === null ? "" : `<br>${inert(given.detail)}`;
  return [
    `<div class="gw-verdict" style="margin:0 0 18px;padding:12px 16px;border-left:4px solid ${colour};background:#f6f8fa;font-size:15px;line-height:1.5;color:#1f2328;${WRAP}"><strong>${inert(given.headline)}</strong>${detail}</div>`,
  ];
}

function rows({ rows: all }: Page): readonly string[] {
  if (all.length === 0) {
    return [];
  }
  return [
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 14px;border-collapse:collapse">',
    ...all.map(
      ({ label, value }) =>
        `<tr><td class="gw-dim" valign="top" style="width:112px;padding:5px 16px 5px 0;font-size:13px;line-height:1.5;color:#59636e">${inert(label)}</td><td class="gw-ink" valign="top" style="padding:5px 0;font-size:14px;line-height:1.5;color:#1f2328;${WRAP}">${inert(value)}</td></tr>`,
    ),
    "</table>",
  ];
}

function quote({ quote: words }: Page): readonly string[] {
  if (words === null) {
    return [];
  }
  return [
    heading("Justification"),
    `<blockquote class="gw-box" style="margin:0 0 16px;padding:10px 16px;border-left:4px solid #d1d9e0;background:#f6f8fa;font-size:14px;line-height:1.5;color:#1f2328;${WRAP}">${inert(words)}</blockquote>`,
  ];
}

function images({ images: all, imageCount }: Page): readonly string[] {
  if (all.length === 0) {
    return [];
  }
  return [heading(imageCount === 1 ? "Image" : "Images"), ...all.map(code), ...more(imageCount, all.length)];
}

function changes({ changes: all, changeCount }: Page): readonly string[] {
  if (all.length === 0) {
    return [];
  }
  const cell = `class="gw-ink gw-line" valign="top" style="padding:6px 10px 6px 0;border-bottom:1px solid #d1d9e0;font-size:13px;line-height:1.5;color:#1f2328;${WRAP}"`;
  return [
    heading("Changes"),
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 16px;border-collapse:collapse">',
    ...all.map(({ field, before, after, effect }) => {
      const judged = effect === null ? "" : ` <strong>(${inert(effect)})</strong>`;
      return `<tr><td ${cell}><span style="${MONO}">${inert(field)}</span>${judged}</td><td ${cell}>${inert(before)} → <strong>${inert(after)}</strong></td></tr>`;
    }),
    "</table>",
    ...more(changeCount, all.length),
  ];
}

function why({ why: words }: Page): readonly string[] {
  return words === null ? [] : [heading("Why it matters"), paragraph(inert(words))];
}

function steps({ steps: all }: Page): readonly string[] {
  if (all.length === 0) {
    return [];
  }
  return [
    heading("What to do"),
    '<ol class="gw-ink" style="margin:0 0 16px;padding-left:22px;font-size:14px;line-height:1.5;color:#1f2328">',
    ...all.map((step) => `<li style="margin:0 0 8px">${step.map(stepPart).join("")}</li>`),
    "</ol>",
  ];
}

function stepPart({ kind, text }: StepPart): string {
  return kind === "command"
    ? box(text.split(" ").map(unbroken).join(" "))
    : `<span style="${WRAP}">${inert(text)}</span> `;
}

function buttons({ links }: Page): readonly string[] {
  if (links.length === 0) {
    return [];
  }
  const cells = links.map(
    ({ label, url }) =>
      `<td style="padding:0 8px 8px 0"><a class="gw-box" href="${escaped(url)}" style="display:inline-block;padding:8px 14px;border:1px solid #d1d9e0;border-radius:6px;background:#f6f8fa;color:#1f2328;font-size:14px;text-decoration:none">${inert(label)}</a></td>`,
  );
  return [
    `<table role="presentation" cellpadding="0" cellspacing="0" style="margin:6px 0 0"><tr>${cells.join("")}</tr></table>`,
  ];
}

function heading(words: string): string {
  return `<p class="gw-ink" style="margin:16px 0 6px;font-size:13px;font-weight:600;color:#1f2328">${words}</p>`;
}

function paragraph(html: string): string {
  return `<p class="gw-ink" style="margin:0 0 12px;font-size:14px;line-height:1.5;color:#1f2328;${WRAP}">${html}</p>`;
}

function code(words: string): string {
  return box(inert(words));
}

function box(html: string): string {
  return `<div class="gw-box" style="margin:4px 0 6px;padding:8px 12px;border:1px solid #d1d9e0;border-radius:6px;background:#f6f8fa;${MONO};font-size:12px;line-height:1.5;color:#1f2328;${WRAP}">${html}</div>`;
}

/** A word of a command, which a line would else be broken in behind its dashes. */
function unbroken(word: string): string {
  return word.length > 60 ? inert(word) : `<span style="white-space:nowrap">${inert(word)}</span>`;
}

function more(total: number, shown: number): readonly string[] {
  return total > shown ? [paragraph(`and ${total - shown} more`)] : [];
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(words: string): string {
  return words.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Somebody else's words: no markup, and nothing that a mail program would make a link of. */
function inert(words: string): string {
  return escaped(unlinked(words)).replace(/\n/g, "<br>");
}
