import type { Severity } from "../finding.ts";
import type { Secret } from "../secret.ts";
import type { Destination } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpDeps } from "./http.ts";
import { newsLine, newsOf, timeOf } from "./incident-words.ts";
import { jsonApi, type Size, shrinking } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { minimalPageOf, NARROW, pageOf, type Room, WIDE } from "./page.ts";
import { cut, readableLine } from "./readable-text.ts";
import { storyKey } from "./tickets.ts";

export interface PagerDutySettings {
  readonly kind: "pagerduty";
  readonly id: string;
  /** The integration key of an Events API v2 integration. */
  readonly routingKey: Secret;
  /** https://events.pagerduty.com, or that of PagerDuty's European region. */
  readonly apiUrl: string;
  readonly timeoutMs?: number | undefined;
}

const SUMMARY_LIMIT = 1024;
const LINK_TEXT_LIMIT = 100;
/** PagerDuty takes 512 KB. */
const MAX_EVENT = 100_000;

const SEVERITIES: Readonly<Record<Severity, "critical" | "error" | "warning" | "info">> = {
  critical: "critical",
  high: "error",
  medium: "warning",
  low: "info",
};

/**
 * Pages whoever is on call. All events of an incident carry one dedup_key: PagerDuty puts a second copy into the alert
 * that is open, so that an event whose answer was lost can be sent again without paging twice.
 */
export function pagerDuty(settings: PagerDutySettings, deps: HttpDeps): Destination {
  const { id, routingKey, apiUrl, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `pagerduty "${id}"`;
  const api = jsonApi(
    { destination, baseUrl: apiUrl, setting: "apiUrl", headers: () => ({}), reasonOf: () => null, timeoutMs },
    deps,
  );
  return {
    id,
    kind: "pagerduty",
    channel: `pagerduty:${id}`,
    minIntervalMs: 100,
    async deliver(notification, signal) {
      await shrinking((size) =>
        api.write(
          {
            method: "POST",
            path: ["v2", "enqueue"],
            body: { ...toPagerDutyEvent(notification, size), routing_key: routingKey.reveal() },
            unwelcome: [400, 413],
          },
          signal,
        ),
      );
      return { externalId: storyKey(notification) };
    },
  };
}

/** Pure: the event without its key. What is over resolves the alert, what somebody took on acknowledges it. */
export function toPagerDutyEvent(notification: Notification, size: Size = "whole"): object {
  const dedup_key = storyKey(notification);
  const news = newsOf(notification)?.news;
  if (news === "resolved") {
    return { event_action: "resolve", dedup_key };
  }
  if (news === "acknowledged" || news === "justified") {
    return { event_action: "acknowledge", dedup_key };
  }
  for (const room of size === "whole" ? [WIDE, NARROW] : []) {
    const event = trigger(notification, dedup_key, detailsOf(notification, room));
    if (JSON.stringify(event).length <= MAX_EVENT) {
      return event;
    }
  }
  const { verdict, footer } = minimalPageOf(notification, "PagerDuty");
  return trigger(notification, dedup_key, { verdict: `${verdict?.headline}. ${verdict?.detail}`, event: footer });
}

function trigger(notification: Notification, dedup_key: string, custom_details: object): object {
  const { rule, category, severity, incidentKey } = notification;
  const [kind = "", ...place] = incidentKey.split("/");
  const timestamp = timeOf(notification);
  return {
    event_action: "trigger",
    dedup_key,
    client: "Glasswatch",
    payload: {
      summary: readableLine(notification.headline, SUMMARY_LIMIT) || "Glasswatch",
      // What is affected; PagerDuty demands one.
      source: readableLine(place.join("/"), 200) || "glasswatch",
      severity: SEVERITIES[severity],
      ...(timestamp === null ? {} : { timestamp }),
      component: readableLine(kind, 200) || "unknown",
      group: category,
      class: readableLine(rule, 200) || "unknown",
      custom_details,
    },
    links: pageOf(notification, NARROW).links.map(({ label, url }) => ({
      href: url,
      text: cut(label, LINK_TEXT_LIMIT),
    })),
  };
}

function detailsOf(notification: Notification, room: Room): object {
  const page = pageOf(notification, room);
  const news = newsOf(notification);
  return {
    ...(news === null ? {} : { news: readableLine(newsLine(news), room.value * 3) }),
    verdict: [page.verdict?.headline, page.verdict?.detail].filter((part) => typeof part === "string").join(". "),
    ...Object.fromEntries(page.rows.map(({ label, value }) => [label, value])),
    ...(page.quote === null ? {} : { Justification: page.quote }),
    ...(page.images.length === 0 ? {} : { Images: page.images }),
    ...(page.changes.length === 0
      ? {}
      : { Changes: page.changes.map(({ field, before, after }) => `${field}: ${before} → ${after}`) }),
    ...(page.why === null ? {} : { "Why it matters": page.why }),
    ...(page.steps.length === 0
      ? {}
      : { "What to do": page.steps.map((step) => step.map((part) => part.text).join(" ")) }),
    event: page.footer,
  };
}
