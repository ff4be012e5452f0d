import type { Severity } from "../finding.ts";
import { Secret } from "../secret.ts";
import { type AdfDocument, toAdf } from "./adf.ts";
import type { Destination } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpDeps } from "./http.ts";
import { footerOf } from "./incident-words.ts";
import { jsonApi, list, member, type Size, shrinking, text, unreadable, words } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { minimalPageOf, NARROW, newsPageOf, pageOf, WIDE } from "./page.ts";
import { readableLine } from "./readable-text.ts";
import { messageKey, type Ticket, type TicketSystem, ticketDestination } from "./tickets.ts";

export interface JiraSettings {
  readonly kind: "jira";
  readonly id: string;
  /** https://example.atlassian.net */
  readonly site: string;
  /** The account that the token belongs to. */
  readonly email: string;
  readonly apiToken: Secret;
  /** The key of the project, such as SEC. */
  readonly project: string;
  readonly issueType: string;
  /** Further fields that the project demands, by Jira's ids for them, always with these values. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly settleMs?: number | undefined;
}

/** The issue property that holds the ids; Jira keeps it exactly, and shows it to nobody. */
const PROPERTY = "glasswatch";
const SUMMARY_LIMIT = 240;
/** Jira takes documents of 32,767 characters. */
const MAX_DOCUMENT = 30_000;
const COMMENTS = 100;
const ISSUE_KEY = /^[A-Z][A-Z0-9_]{0,30}-\d{1,12}$/;
/** What Jira says of a message that it does not like: the fields or their content. */
const UNWELCOME = [400, 413] as const;

/** Keeps one Jira issue for each incident. */
export function jira(settings: JiraSettings, deps: HttpDeps): Destination {
  const { id, site, email, apiToken, project, issueType, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `jira "${id}"`;
  const api = jsonApi(
    {
      destination,
      baseUrl: site,
      setting: "site",
      headers: () => ({
        authorization: `Basic ${Buffer.from(`${email}:${apiToken.reveal()}`).toString("base64")}`,
      }),
      // Names of the fields that were refused; their messages may repeat what was sent.
      reasonOf: (json) => words(...Object.keys(Object(member(json, "errors")))),
      timeoutMs,
    },
    deps,
  );
  const issue = (...more: readonly string[]) => ["rest", "api", "3", "issue", ...more];
  const self = { destination, url: new Secret(site) };

  const system: TicketSystem = {
    async create(notification, key, signal) {
      const answer = await shrinking((size) =>
        api.write(
          {
            method: "POST",
            path: issue(),
            body: toJiraIssue(notification, { key, project, issueType, fields: settings.fields ?? {} }, size),
            unwelcome: UNWELCOME,
          },
          signal,
        ),
      );
      const made = text(answer.json, "key");
      if (made === null || !ISSUE_KEY.test(made)) {
        throw unreadable("DESTINATION_UNKNOWN_OUTCOME", answer, self);
      }
      return made;
    },

    async byId(known, signal) {
      if (!ISSUE_KEY.test(known)) {
        return undefined;
      }
      const found = await api.lookup(
        { path: issue(known), query: { fields: "status,labels", properties: PROPERTY }, absent: [404] },
        signal,
      );
      return found === undefined ? undefined : ticketOf(found);
    },

    async byKey(key, _notification, signal) {
      const found = await api.lookup(
        {
          method: "POST",
          path: ["rest", "api", "3", "search", "jql"],
          body: {
            jql: `project = "${project}" AND labels = "${labelOf(key)}" ORDER BY created ASC`,
            fields: ["status", "labels"],
            properties: [PROPERTY],
            maxResults: 10,
          },
        },
        signal,
      );
      const issues = list(found, "issues");
      if (issues === undefined) {
        throw unreadable("DESTINATION_UNAVAILABLE", { status: 200 }, self);
      }
      // Asked for exactly, and looked at exactly: JQL compares labels without regard to case.
      const exact = issues.filter((one) => list(one, "fields", "labels")?.includes(labelOf(key)) === true);
      return exact.map(ticketOf).find((ticket) => ticket !== undefined);
    },

    async has(ticket, notification, signal) {
      const found = await api.lookup(
        { path: issue(ticket.id, "comment"), query: { orderBy: "-created", maxResults: String(COMMENTS) } },
        signal,
      );
      const comments = list(found, "comments");
      if (comments === undefined) {
        throw unreadable("DESTINATION_UNAVAILABLE", { status: 200 }, self);
      }
      return comments.some((comment) => footerOfAdf(member(comment, "body")) === markOf(notification));
    },

    async move(ticket, to, signal) {
      const offered = await api.lookup({ path: issue(ticket.id, "transitions") }, signal);
      const wanted = to === "closed" ? ["done"] : ["new", "indeterminate"];
      const transition = wanted
        .flatMap((category) =>
          (list(offered, "transitions") ?? []).filter(
            (one) => text(one, "to", "statusCategory", "key") === category && member(one, "isAvailable") !== false,
          ),
        )
        .map((one) => text(one, "id"))
        .find((one) => one !== null);
      // A workflow without such a way is its owner's will: the comment says what became of the incident.
      if (transition === undefined) {
        return;
      }
      await api.write(
        {
          method: "POST",
          path: issue(ticket.id, "transitions"),
          body: { transition: { id: transition } },
          // The way may demand fields that we do not know, or somebody else has just gone it.
          expected: [400, 409],
        },
        signal,
      );
    },

    async tell(ticket, notification, signal) {
      await shrinking((size) =>
        api.write(
          {
            method: "POST",
            path: issue(ticket.id, "comment"),
            body: { body: toJiraComment(notification, size) },
            unwelcome: UNWELCOME,
          },
          signal,
        ),
      );
    },

    async check(signal) {
      await api.lookup({ path: ["rest", "api", "3", "myself"] }, signal);
      await api.lookup(
        {
          method: "POST",
          path: ["rest", "api", "3", "search", "jql"],
          // Jira answers 400 for a project that is not there, or not for this account.
          body: { jql: `project = "${project}"`, fields: ["status"], maxResults: 1 },
        },
        signal,
      );
    },
  };
  return ticketDestination(
    { id, kind: "jira", minIntervalMs: 200, now: deps.now, settleMs: settings.settleMs },
    system,
  );
}

export interface JiraIssueSettings {
  readonly key: string;
  readonly project: string;
  readonly issueType: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const PRIORITY_LABELS: Readonly<Record<Severity, string>> = {
  critical: "glasswatch-critical",
  high: "glasswatch-high",
  medium: "glasswatch-medium",
  low: "glasswatch-low",
};

/** Pure: the request that makes the issue. What the settings fix comes first, so that nothing of ours is replaced. */
export function toJiraIssue(notification: Notification, settings: JiraIssueSettings, size: Size = "whole"): object {
  const { key, project, issueType, fields } = settings;
  return {
    fields: {
      ...fields,
      project: { key: project },
      issuetype: { name: issueType },
      summary: readableLine(notification.headline, SUMMARY_LIMIT) || "Glasswatch",
      labels: [...labelsOf(fields), "glasswatch", labelOf(key), PRIORITY_LABELS[notification.severity]],
      description: documentOf(notification, size, pageOf),
    },
    properties: [{ key: PROPERTY, value: { story: key, message: messageKey(notification) } }],
  };
}

/** Pure: the news as a comment. */
export function toJiraComment(notification: Notification, size: Size = "whole"): AdfDocument {
  return documentOf(notification, size, newsPageOf);
}

function documentOf(notification: Notification, size: Size, paged: typeof pageOf): AdfDocument {
  const footer = markOf(notification);
  for (const room of size === "whole" ? [WIDE, NARROW] : []) {
    const document = toAdf({ ...paged(notification, room), footer });
    if (JSON.stringify(document).length <= MAX_DOCUMENT) {
      return document;
    }
  }
  return toAdf({ ...minimalPageOf(notification, "Jira"), footer });
}

function labelsOf(fields: Readonly<Record<string, unknown>>): readonly unknown[] {
  return Array.isArray(fields.labels) ? fields.labels : [];
}

function labelOf(key: string): string {
  return `glasswatch-${key}`;
}

/** The last line of everything that we write, with the whole id: by it a comment is found again. */
function markOf(notification: Notification): string {
  return readableLine(`${footerOf(notification)} · ${messageKey(notification)}`, 800);
}

function footerOfAdf(body: unknown): string | null {
  const last = list(body, "content")?.at(-1);
  const words = list(last, "content");
  return text(last, "type") === "paragraph" && words?.length === 1 ? text(words[0], "text") : null;
}

function ticketOf(issue: unknown): Ticket | undefined {
  const id = text(issue, "key");
  if (id === null || !ISSUE_KEY.test(id)) {
    return undefined;
  }
  return {
    id,
    isClosed: text(issue, "fields", "status", "statusCategory", "key") === "done",
    madeWith: text(issue, "properties", PROPERTY, "message"),
  };
}
