import { spanOf } from "./digest.ts";
import { INCIDENT_NEWS, INCIDENT_STATES, type IncidentNews, type Notification, whenOf } from "./notification.ts";
import { readableLine } from "./readable-text.ts";
import type { Line } from "./who.ts";

const NEWS_WORDS: Readonly<Record<IncidentNews["news"], string>> = {
  opened: "Open",
  repeated: "Repeated",
  updated: "Updated",
  acknowledged: "Acknowledged",
  justified: "Justified",
  overdue: "Overdue",
  resolved: "Resolved",
  reopened: "Reopened",
};

const STATE_WORDS: Readonly<Record<IncidentNews["state"], string>> = {
  open: "Open",
  acknowledged: "Acknowledged",
  justified: "Justified",
  overdue: "Overdue",
  resolved: "Resolved",
};

/** What a state looks like where there are colours; dark enough to be read on white, light enough on black. */
export const STATE_COLOURS: Readonly<Record<IncidentNews["state"], string>> = {
  open: "#d1242f",
  acknowledged: "#bf8700",
  justified: "#0969da",
  overdue: "#8250df",
  resolved: "#1a7f37",
};

const LIMITS = { text: 500, facts: 20 } as const;

/** The news of a notification; null for a finding told alone, and for one stored before there were incidents. */
export function newsOf({ incident }: Partial<Pick<Notification, "incident">>): IncidentNews | null {
  const known =
    incident !== undefined &&
    incident !== null &&
    (INCIDENT_STATES as readonly string[]).includes(incident.state) &&
    (INCIDENT_NEWS as readonly string[]).includes(incident.news);
  return known ? incident : null;
}

/** Whether this is the first that anybody is told of it here. */
export function isOpening(notification: Notification): boolean {
  const news = newsOf(notification);
  return news === null || news.news === "opened";
}

/** Nothing is left to be done about it: what to do and why it matters would only mislead. */
export function isOver(notification: Notification): boolean {
  return newsOf(notification)?.state === "resolved";
}

/** The headline behind the word for what is new: for messages that stay as they were sent. */
export function newsHeadline(notification: Notification): string {
  const news = newsOf(notification);
  return news === null ? notification.headline : `${NEWS_WORDS[news.news]}: ${notification.headline}`;
}

/** The headline behind the word for how the incident stands: for messages that are rewritten. */
export function stateHeadline(notification: Notification): string {
  const news = newsOf(notification);
  return news === null ? notification.headline : `${STATE_WORDS[news.state]}: ${notification.headline}`;
}

/** What is new, on one line: "Resolved by alice@example.com after 2 hours; 3 findings". */
export function newsLine(news: IncidentNews): string {
  const word = NEWS_WORDS[news.news];
  const facts = news.newFacts.slice(0, LIMITS.facts).map((fact) => readableLine(fact, LIMITS.text));
  const because = facts.length === 0 ? "" : `: ${facts.join("; ")}`;
  const open = spanOf(news.openedAt, news.updatedAt);
  switch (news.news) {
    case "resolved": {
      const by = news.resolvedBy === null ? "" : ` by ${readableLine(news.resolvedBy, LIMITS.text)}`;
      return `${word}${by}${open === null ? "" : ` after ${open}`}; ${findings(news)}${because}`;
    }
    case "repeated":
      return `${word}: ${findings(news)} by now, the last at ${whenOf(news.updatedAt)}${because.replace(":", ";")}`;
    case "overdue":
      return `${word}${open === null ? "" : ` after ${open}`}${because}`;
    case "opened":
    case "updated":
    case "acknowledged":
    case "justified":
    case "reopened":
      return `${word}${because}`;
  }
}

/** How the incident stands, in rows like those of a finding. */
export function incidentLines(notification: Notification): readonly Line[] {
  const news = newsOf(notification);
  if (news === null) {
    return [];
  }
  const { state, openedAt, newFacts, grading, resolvedBy } = news;
  const since = state === "open" ? `open since ${whenOf(openedAt)}` : `${state}; opened ${whenOf(openedAt)}`;
  const lines: Line[] = [{ label: "Incident", value: `${since}; ${findings(news)}` }];
  if (state === "resolved" && resolvedBy !== null) {
    lines.push({ label: "Resolved by", value: readableLine(resolvedBy, LIMITS.text) });
  }
  const facts = joined(newFacts);
  if (facts !== "") {
    lines.push({ label: "New", value: facts });
  }
  const reasons = joined(grading);
  if (reasons !== "") {
    lines.push({ label: "Graded", value: reasons });
  }
  return lines;
}

/** When what is told happened, as RFC 3339; null when that is no time. */
export function timeOf(notification: Notification): string | null {
  const at = Date.parse(newsOf(notification)?.updatedAt ?? notification.time);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

/** By what two copies of one message are known to be one: short, for people. */
export function eventMark(notification: Notification): string {
  const news = newsOf(notification);
  return news === null ? notification.id.slice(0, 12) : `${news.id.slice(0, 12)}:${news.sequence}`;
}

export function footerOf(notification: Notification): string {
  return `${notification.rule} · event ${eventMark(notification)} · ${notification.incidentKey}`;
}

function findings({ findings: count }: IncidentNews): string {
  return count === 1 ? "1 finding" : `${count.toLocaleString("en-US")} findings`;
}

function joined(texts: readonly string[]): string {
  return texts
    .slice(0, LIMITS.facts)
    .map((text) => readableLine(text, LIMITS.text))
    .filter((text) => text !== "")
    .join("; ");
}
