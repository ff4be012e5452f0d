import { footerOf, incidentLines, isOver, newsHeadline, newsLine, newsOf } from "./incident-words.ts";
import { type Link, safeUrl } from "./links.ts";
import { type Notification, whenOf } from "./notification.ts";
import { readableLine, readableText } from "./readable-text.ts";
import type { Step } from "./steps.ts";
import type { Line } from "./who.ts";

/** How much of each part a platform shows. */
export interface Room {
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

export const WIDE: Room = {
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

export const NARROW: Room = {
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

/**
 * A message as its parts, in reading order, each within its room and safe to look at: what platforms put their markup
 * around. Nothing of it is escaped.
 */
export interface Page {
  readonly title: string;
  readonly kicker: string;
  readonly verdict: { readonly headline: string; readonly detail: string | null } | null;
  readonly rows: readonly Line[];
  /** The words of a person as they were given, or in a row of their own what there is instead. */
  readonly quote: string | null;
  readonly images: readonly string[];
  readonly imageCount: number;
  readonly changes: readonly ChangeRow[];
  readonly changeCount: number;
  readonly why: string | null;
  readonly steps: readonly Step[];
  readonly links: readonly Link[];
  readonly footer: string;
}

export interface ChangeRow {
  readonly field: string;
  readonly before: string;
  readonly after: string;
  readonly effect: string | null;
}

const NOTHING = { verdict: null, quote: null, images: [], imageCount: 0, changes: [], changeCount: 0, why: null };
const IN_NEWS_LINE: ReadonlySet<string> = new Set(["New", "Resolved by"]);
const NEITHER_IN_SHORT_NEWS: ReadonlySet<string> = new Set([...IN_NEWS_LINE, "Graded"]);
const TITLE_LIMIT = 400;
const COMMAND_TOO_LONG = "(The command is too long for this message; it is in the runbook.)";

/** Pure: all that is known, for whoever hears of it for the first time. */
export function pageOf(notification: Notification, room: Room): Page {
  const { verdict, justification, images, changes, why } = notification;
  const rows = [...incidentLines(notification), ...notification.lines.slice(0, room.lines)];
  if (justification !== null && justification.given !== "text") {
    rows.push({ label: "Justification", value: justification.text });
  }
  return {
    title: readableLine(newsHeadline(notification), TITLE_LIMIT),
    kicker: kickerOf(notification),
    verdict: {
      headline: readableLine(verdict.headline, room.value),
      detail: verdict.detail === null ? null : readableLine(verdict.detail, room.value),
    },
    rows: rows.map((row) => readableRow(row, room)),
    quote: quoteOf(notification, room),
    images: images.slice(0, room.images).map(({ reference, digest }) => {
      const name = readableLine(reference, room.image);
      return digest === null || reference.includes(digest) ? name : `${name} ${readableLine(digest, 80)}`;
    }),
    imageCount: notification.imageCount,
    changes: changes.slice(0, room.changes).map(({ field, before, after, effect }) => ({
      field: readableLine(field, room.image),
      before: before === null ? "(not set)" : readableLine(before, room.value),
      after: after === null ? "(not set)" : readableLine(after, room.value),
      effect: effect === "neutral" ? null : effect,
    })),
    changeCount: notification.changeCount,
    why: why === "" || isOver(notification) ? null : readableLine(why, room.value),
    steps: isOver(notification) ? [] : notification.steps.slice(0, room.steps).map((step) => fitting(step, room.step)),
    links: safeLinks(notification),
    footer: readableLine(footerOf(notification), TITLE_LIMIT),
  };
}

/** Pure: only what is new, for whoever knows the rest: a comment, a reply. */
export function newsPageOf(notification: Notification, room: Room): Page {
  const news = newsOf(notification);
  if (news === null) {
    return pageOf(notification, room);
  }
  const isShort = news.news === "repeated" || news.news === "acknowledged";
  const left = isShort ? NEITHER_IN_SHORT_NEWS : IN_NEWS_LINE;
  const rows = incidentLines(notification).filter(({ label }) => !left.has(label));
  const who = isShort ? [] : notification.lines.filter(({ label }) => label === "Who");
  return {
    ...NOTHING,
    title: readableLine(newsLine(news), room.value * 3),
    kicker: `${notification.severity} · ${notification.category} · ${readableLine(whenOf(news.updatedAt), 60)}`,
    rows: [...rows, ...who].map((row) => readableRow(row, room)),
    quote: isShort ? null : quoteOf(notification, room),
    steps: [],
    links: safeLinks(notification).filter(({ kind }) => kind !== "runbook"),
    footer: readableLine(footerOf(notification), TITLE_LIMIT),
  };
}

/** Pure: the smallest message that still says what happened and where to read the rest. */
export function minimalPageOf(notification: Notification, platform: string): Page {
  const how = `This message was too large for ${platform}. The log entry has the rest.`;
  return {
    ...NOTHING,
    title: readableLine(newsHeadline(notification), 200),
    kicker: kickerOf(notification),
    verdict: { headline: readableLine(notification.verdict.headline, 200), detail: how },
    rows: [],
    steps: [],
    links: safeLinks(notification).filter(({ url }) => url.length <= 1000),
    footer: readableLine(footerOf(notification), 200),
  };
}

function kickerOf({ severity, category, when }: Notification): string {
  return `${severity} · ${category} · ${readableLine(when, 60)}`;
}

function readableRow({ label, value }: Line, room: Room): Line {
  return { label: readableLine(label, 40) || "–", value: readableLine(value, room.value) };
}

function quoteOf({ justification }: Notification, room: Room): string | null {
  return justification?.given === "text" ? readableText(justification.text, room.quote, room.quoteLines) : null;
}

function safeLinks({ links }: Notification): readonly Link[] {
  return links.flatMap((link) => {
    const url = safeUrl(link.url);
    return url === null ? [] : [{ kind: link.kind, label: readableLine(link.label, 40), url: url.href }];
  });
}

/** A command is shown whole or not at all: the beginning of one may do something else. */
export function fitting(step: Step, limit: number): Step {
  return step.map((part) =>
    part.kind === "command" && part.text.length > limit
      ? { kind: "text", text: COMMAND_TOO_LONG }
      : { kind: part.kind, text: readableLine(part.text, limit) },
  );
}
