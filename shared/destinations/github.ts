import { Secret } from "../secret.ts";
import type { Destination } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpAnswer, type HttpDeps } from "./http.ts";
import { newsOf } from "./incident-words.ts";
import { jsonApi, list, member, type Size, shrinking, text, unreadable, words } from "./json-api.ts";
import { toMarkdown } from "./markdown.ts";
import type { Notification } from "./notification.ts";
import { minimalPageOf, NARROW, newsPageOf, pageOf, WIDE } from "./page.ts";
import { readableLine } from "./readable-text.ts";
import { messageKey, storyKey, type Ticket, type TicketSystem, ticketDestination } from "./tickets.ts";

export interface GitHubSettings {
  readonly kind: "github";
  readonly id: string;
  /** OWNER/NAME */
  readonly repository: string;
  readonly token: Secret;
  /** Carried by every issue of ours, and by no other. */
  readonly label: string;
  /** https://api.github.com, or that of an own GitHub Enterprise Server. */
  readonly apiUrl: string;
  readonly timeoutMs?: number | undefined;
  readonly settleMs?: number | undefined;
}

const TITLE_LIMIT = 240;
/** GitHub takes 65,536 characters. */
const MAX_BODY = 60_000;
const PAGE = 50;
const PAGES = 20;
/** Clocks of two machines are that close. */
const CLOCK_TOLERANCE_MS = 60 * 60 * 1_000;
const UNWELCOME = [400, 413, 422] as const;
const GONE = [404, 410] as const;

/** Keeps one GitHub issue for each incident. */
export function github(settings: GitHubSettings, deps: HttpDeps): Destination {
  const { id, repository, token, label, apiUrl, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `github "${id}"`;
  const api = jsonApi(
    {
      destination,
      baseUrl: apiUrl,
      setting: "apiUrl",
      headers: () => ({
        accept: "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
        "user-agent": "glasswatch",
        authorization: `Bearer ${token.reveal()}`,
      }),
      // Fields and codes of a validation; GitHub's sentences may repeat what was sent.
      reasonOf: (json) =>
        words(...(list(json, "errors") ?? []).flatMap((error) => [member(error, "field"), member(error, "code")])),
      isLater: isRateLimit,
      timeoutMs,
    },
    deps,
  );
  const self = { destination, url: new Secret(apiUrl) };
  const [owner = "", name = ""] = repository.split("/");
  const repo = (...more: readonly string[]) => ["repos", owner, name, ...more];

  /** Pages through a list until an item is found, the list is over, or it is too old to matter. */
  async function searchPages<T>(
    path: readonly string[],
    query: Readonly<Record<string, string>>,
    pick: (item: unknown) => T | "enough" | undefined,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    for (let page = 1; page <= PAGES; page++) {
      const found = await api.lookup({ path, query: { ...query, per_page: String(PAGE), page: String(page) } }, signal);
      if (!Array.isArray(found)) {
        throw unreadable("DESTINATION_UNAVAILABLE", { status: 200 }, self);
      }
      for (const item of found as readonly unknown[]) {
        const picked = pick(item);
        if (picked !== undefined) {
          return picked === "enough" ? undefined : picked;
        }
      }
      if (found.length < PAGE) {
        return undefined;
      }
    }
    // Not everything was looked at: that is not "not found".
    throw unreadable("DESTINATION_UNAVAILABLE", { status: 200 }, self);
  }

  const system: TicketSystem = {
    async create(notification, _key, signal) {
      const answer = await shrinking((size) =>
        api.write(
          {
            method: "POST",
            path: repo("issues"),
            body: toGitHubIssue(notification, label, size),
            unwelcome: UNWELCOME,
          },
          signal,
        ),
      );
      const number = member(answer.json, "number");
      if (typeof number !== "number") {
        throw unreadable("DESTINATION_UNKNOWN_OUTCOME", answer, self);
      }
      return String(number);
    },

    async byId(known, signal) {
      if (!/^[1-9]\d{0,11}$/.test(known)) {
        return undefined;
      }
      const found = await api.lookup({ path: repo("issues", known), absent: GONE }, signal);
      return found === undefined ? undefined : ticketOf(found);
    },

    async byKey(key, notification, signal) {
      const opened = Date.parse(newsOf(notification)?.openedAt ?? notification.time);
      const query = { labels: label, state: "all", sort: "created", direction: "desc" };
      return searchPages(
        repo("issues"),
        query,
        (issue) => {
          const created = Date.parse(text(issue, "created_at") ?? "");
          if (created < opened - CLOCK_TOLERANCE_MS) {
            return "enough";
          }
          return markOf(text(issue, "body"))?.story === key ? ticketOf(issue) : undefined;
        },
        signal,
      );
    },

    async has(ticket, notification, signal) {
      const wanted = storyKey(notification);
      const since = new Date(Date.parse(newsOf(notification)?.openedAt ?? notification.time) - CLOCK_TOLERANCE_MS);
      const found = await searchPages(
        repo("issues", ticket.id, "comments"),
        Number.isNaN(since.getTime()) ? {} : { since: since.toISOString() },
        (comment) => {
          const mark = markOf(text(comment, "body"));
          return mark?.story === wanted && mark.message === messageKey(notification) ? mark : undefined;
        },
        signal,
      );
      return found !== undefined;
    },

    async move(ticket, to, signal) {
      const state = to === "closed" ? "closed" : "open";
      await api.write(
        {
          method: "PATCH",
          path: repo("issues", ticket.id),
          body: { state, state_reason: to === "closed" ? "completed" : "reopened" },
        },
        signal,
      );
    },

    async tell(ticket, notification, signal) {
      await shrinking((size) =>
        api.write(
          {
            method: "POST",
            path: repo("issues", ticket.id, "comments"),
            body: { body: toGitHubComment(notification, size) },
            unwelcome: UNWELCOME,
          },
          signal,
        ),
      );
    },

    async check(signal) {
      await api.lookup(
        { path: repo("issues"), query: { labels: label, state: "all", per_page: "1", page: "1" } },
        signal,
      );
    },
  };
  return ticketDestination(
    { id, kind: "github", minIntervalMs: 1_000, now: deps.now, settleMs: settings.settleMs },
    system,
  );
}

export interface GitHubIssue {
  readonly title: string;
  readonly labels: readonly string[];
  readonly body: string;
}

/** Pure: the request that makes the issue. */
export function toGitHubIssue(notification: Notification, label: string, size: Size = "whole"): GitHubIssue {
  return {
    title: readableLine(notification.headline, TITLE_LIMIT) || "Glasswatch",
    labels: [label],
    body: bodyOf(notification, size, pageOf),
  };
}

/** Pure: the news as a comment. */
export function toGitHubComment(notification: Notification, size: Size = "whole"): string {
  return bodyOf(notification, size, newsPageOf);
}

function bodyOf(notification: Notification, size: Size, paged: typeof pageOf): string {
  const mark = `\n\n<!-- glasswatch ${storyKey(notification)} ${messageKey(notification)} -->`;
  for (const room of size === "whole" ? [WIDE, NARROW] : []) {
    const body = toMarkdown(paged(notification, room)) + mark;
    if (body.length <= MAX_BODY) {
      return body;
    }
  }
  return toMarkdown(minimalPageOf(notification, "GitHub")) + mark;
}

/** Only as the last line: before it stands text that others wrote. */
const MARK = /\n<!-- glasswatch ([\w-]{1,64}) ([\w:.-]{1,200}) -->\s*$/;

function markOf(body: string | null): { readonly story: string; readonly message: string } | null {
  const [, story, message] = MARK.exec(body ?? "") ?? [];
  return story === undefined || message === undefined ? null : { story, message };
}

function ticketOf(issue: unknown): Ticket | undefined {
  const number = member(issue, "number");
  // GitHub lists pull requests among the issues.
  if (typeof number !== "number" || member(issue, "pull_request") !== undefined) {
    return undefined;
  }
  return {
    id: String(number),
    isClosed: text(issue, "state") === "closed",
    madeWith: markOf(text(issue, "body"))?.message ?? null,
  };
}

/** GitHub says "too fast" with 403, too. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function isRateLimit({ status, headers, retryAfterMs }: HttpAnswer): boolean {
  return status === 403 && (retryAfterMs !== undefined || headers.get("x-ratelimit-remaining") === "0");
}
