import type { Severity } from "../finding.ts";
import { Secret } from "../secret.ts";
import type { Destination } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpDeps } from "./http.ts";
import { newsOf } from "./incident-words.ts";
import { jsonApi, list, member, type Size, shrinking, text, unreadable } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { minimalPageOf, NARROW, newsPageOf, pageOf, WIDE } from "./page.ts";
import { toPlainText } from "./plain-text.ts";
import { readableLine } from "./readable-text.ts";
import { type Ticket, type TicketSystem, ticketDestination } from "./tickets.ts";

export interface ServiceNowSettings {
  readonly kind: "servicenow";
  readonly id: string;
  /** https://example.service-now.com */
  readonly instance: string;
  readonly user: string;
  readonly password: Secret;
  /** One of the instance's own values for how an incident was resolved. */
  readonly closeCode: string;
  /** Further fields of the incident, always with these values, such as assignment_group or caller_id. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly settleMs?: number | undefined;
}

/** What the fields of the table hold at most. */
const SHORT_DESCRIPTION = 160;
const DESCRIPTION = 4000;
const WORK_NOTES = 4000;
const SYS_ID = /^[0-9a-f]{32}$/;
const FIELDS = "sys_id,state,correlation_id,correlation_display";
/** States of the incident table. */
const IN_PROGRESS = "2";
const RESOLVED = "6";
const OVER: ReadonlySet<string> = new Set([RESOLVED, "7", "8"]);
const UNWELCOME = [400, 413] as const;
/** What ServiceNow answers where a policy of the table demands more for a change of state than we know. */
const MOVE_REFUSED = [400, 403] as const;

const URGENCIES: Readonly<Record<Severity, string>> = { critical: "1", high: "1", medium: "2", low: "3" };
const IMPACTS: Readonly<Record<Severity, string>> = { critical: "1", high: "2", medium: "2", low: "3" };

/** Keeps one ServiceNow incident for each incident. */
export function serviceNow(settings: ServiceNowSettings, deps: HttpDeps): Destination {
  const { id, instance, user, password, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `servicenow "${id}"`;
  const api = jsonApi(
    {
      destination,
      baseUrl: instance,
      setting: "instance",
      headers: () => ({ authorization: `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString("base64")}` }),
      // ServiceNow explains itself in sentences, which may repeat what was sent.
      reasonOf: () => null,
      timeoutMs,
    },
    deps,
  );
  const self = { destination, url: new Secret(instance) };
  const table = (...more: readonly string[]) => ["api", "now", "table", "incident", ...more];

  async function write(
    method: "POST" | "PATCH",
    path: readonly string[],
    signal: AbortSignal,
    body: (size: Size) => object,
  ) {
    return shrinking((size) =>
      api.write({ method, path, query: { sysparm_fields: FIELDS }, body: body(size), unwelcome: UNWELCOME }, signal),
    );
  }

  const system: TicketSystem = {
    async create(notification, key, signal) {
      const answer = await write("POST", table(), signal, (size) =>
        toServiceNowIncident(notification, key, settings.fields ?? {}, size),
      );
      const made = text(answer.json, "result", "sys_id");
      if (made === null || !SYS_ID.test(made)) {
        throw unreadable("DESTINATION_UNKNOWN_OUTCOME", answer, self);
      }
      return made;
    },

    async byId(known, signal) {
      if (!SYS_ID.test(known)) {
        return undefined;
      }
      const found = await api.lookup({ path: table(known), query: { sysparm_fields: FIELDS }, absent: [404] }, signal);
      return found === undefined ? undefined : ticketOf(member(found, "result"));
    },

    async byKey(key, _notification, signal) {
      const query = {
        // The key has no character that this little language knows.
        sysparm_query: `correlation_id=${key}^ORDERBYsys_created_on`,
        sysparm_fields: FIELDS,
        sysparm_limit: "2",
      };
      const rows = list(await api.lookup({ path: table(), query }, signal), "result");
      if (rows === undefined) {
        throw unreadable("DESTINATION_UNAVAILABLE", { status: 200 }, self);
      }
      // A field that does not exist would be left out of the query, and every incident would match.
      const exact = rows.find((row) => text(row, "correlation_id") === key);
      return exact === undefined ? undefined : ticketOf(exact);
    },

    // One change writes the note and the mark: the mark says what the last note was.
    has: async (ticket, notification) => sequenceOf(ticket.madeWith) >= (newsOf(notification)?.sequence ?? 0),

    // The state is part of the same change as the note.
    move: async () => {},

    async tell(ticket, notification, signal) {
      const path = table(ticket.id);
      const move = moveOf(notification, ticket.isClosed, settings.closeCode);
      if (move !== null) {
        const body = { ...toServiceNowNews(notification), ...move };
        const query = { sysparm_fields: FIELDS };
        const moved = await api.write({ method: "PATCH", path, query, body, unwelcome: MOVE_REFUSED }, signal);
        // The rules of an instance are its owner's will: people are told all the same what became of it.
        if (moved.refused === undefined) {
          return;
        }
      }
      await write("PATCH", path, signal, (size) => toServiceNowNews(notification, size));
    },

    async check(signal) {
      await api.lookup({ path: table(), query: { sysparm_fields: "sys_id", sysparm_limit: "1" } }, signal);
    },
  };
  return ticketDestination(
    { id, kind: "servicenow", minIntervalMs: 200, now: deps.now, settleMs: settings.settleMs },
    system,
  );
}

/** Pure: the request that makes the incident. */
export function toServiceNowIncident(
  notification: Notification,
  key: string,
  fields: Readonly<Record<string, string>>,
  size: Size = "whole",
): Readonly<Record<string, string>> {
  return {
    urgency: URGENCIES[notification.severity],
    impact: IMPACTS[notification.severity],
    ...fields,
    short_description: readableLine(notification.headline, SHORT_DESCRIPTION) || "Glasswatch",
    description: textOf(notification, size, pageOf, DESCRIPTION),
    correlation_id: key,
    correlation_display: markOf(notification),
  };
}

/** Pure: the change that tells the news. */
export function toServiceNowNews(
  notification: Notification,
  size: Size = "whole",
): Readonly<Record<"work_notes" | "correlation_display", string>> {
  return {
    work_notes: textOf(notification, size, newsPageOf, WORK_NOTES),
    correlation_display: markOf(notification),
  };
}

/** Pure: what moves the incident in the same change, or null where nothing does. */
export function moveOf(
  notification: Notification,
  isClosed: boolean,
  closeCode: string,
): Readonly<Record<string, string>> | null {
  const news = newsOf(notification)?.news;
  if (news === "resolved" && !isClosed) {
    return { state: RESOLVED, close_code: closeCode, close_notes: toServiceNowNews(notification).work_notes };
  }
  return news === "reopened" && isClosed ? { state: IN_PROGRESS } : null;
}

function textOf(notification: Notification, size: Size, paged: typeof pageOf, limit: number): string {
  for (const room of size === "whole" ? [WIDE, NARROW] : []) {
    const body = inertNote(toPlainText(paged(notification, room)));
    if (body.length <= limit) {
      return body;
    }
  }
  return inertNote(toPlainText(minimalPageOf(notification, "ServiceNow"))).slice(0, limit);
}

/** `[code]` in a journal field is HTML until `[/code]`: nobody but us may begin it, and we do not. */
function inertNote(words: string): string {
  return words.replace(/\[(?=\/?code\])/giu, "(");
}

const MARK = /^Glasswatch (\d{1,9})$/;

function markOf(notification: Notification): string {
  return `Glasswatch ${newsOf(notification)?.sequence ?? 1}`;
}

function sequenceOf(mark: string | null): number {
  return Number(MARK.exec(mark ?? "")?.[1] ?? 0);
}

function ticketOf(row: unknown): Ticket | undefined {
  const id = text(row, "sys_id");
  return id === null || !SYS_ID.test(id)
    ? undefined
    : { id, isClosed: OVER.has(text(row, "state") ?? ""), madeWith: text(row, "correlation_display") };
}
