import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { ProcessingError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { Destination, Receipt } from "./destination.ts";
import { toHtml } from "./email-html.ts";
import { DEFAULT_TIMEOUT_MS } from "./http.ts";
import { eventMark, isOpening, isOver, newsHeadline, newsLine, newsOf, STATE_COLOURS } from "./incident-words.ts";
import type { Size } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { minimalPageOf, NARROW, newsPageOf, type Page, pageOf, type Room, WIDE } from "./page.ts";
import { toPlainText } from "./plain-text.ts";
import { readableLine } from "./readable-text.ts";
import { storyKey } from "./tickets.ts";

export interface EmailSettings {
  readonly kind: "email";
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** `starttls`: refused where the server does not offer it. `tls`: from the first byte on. Never without. */
  readonly security: "starttls" | "tls";
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly from: string;
  readonly to: readonly string[];
  readonly replyTo?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** Certificates to trust instead of the system's, for servers of tests. */
  readonly trusted?: string | undefined;
}

export interface EmailDeps {
  /** Milliseconds since 1970, for the date of a message. */
  readonly now: () => number;
}

/** The plainest form of an address: what cannot be one word of an SMTP command is none. */
export const EMAIL_ADDRESS =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

const SUBJECT_LIMIT = 200;
/** Gmail cuts messages whose HTML is longer than 102 KB. */
const MAX_HTML = 90_000;

/** Sends mail to recipients of the settings, and to nobody else. */
export function email(settings: EmailSettings, deps: EmailDeps): Destination {
  const { id, host, port, security, user, password, from, to, replyTo, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `email "${id}"`;
  for (const address of [from, ...to, ...(replyTo === undefined ? [] : [replyTo])]) {
    if (!EMAIL_ADDRESS.test(address)) {
      throw new ProcessingError("SETTINGS_INVALID", `${destination}: one of its addresses is not an e-mail address`);
    }
  }

  /** Connects, runs a session, and says of a failure whether the message can have been taken before it. */
  async function session<T>(
    signal: AbortSignal,
    run: (connection: Connection) => Promise<T>,
    mayBeTaken: () => boolean,
  ): Promise<T> {
    if (signal.aborted) {
      throw new ProcessingError("DESTINATION_UNAVAILABLE", `${destination}: stopped before anything was sent`);
    }
    const { default: SMTPConnection } = await import("nodemailer/lib/smtp-connection");
    const connection = new SMTPConnection({
      host,
      port,
      secure: security === "tls",
      requireTLS: security === "starttls",
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      dnsTimeout: timeoutMs,
      socketCloseTimeout: 0,
      ...(settings.trusted === undefined ? {} : { tls: { ca: settings.trusted } }),
    });
    const stopped = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const broken = new Promise<never>((_resolve, reject) => {
      connection.on("error", reject);
      connection.on("end", () => reject(new Error("the connection was closed")));
      stopped.addEventListener("abort", () => reject(new Error("no answer in time")));
    });
    // Whoever waits below hears of it; afterwards nobody has to.
    broken.catch(() => undefined);
    try {
      return await Promise.race([opened(connection).then(async () => run(connection)), broken]);
    } catch (error) {
      throw smtpError(error, { destination, host, mayBeTaken: mayBeTaken() });
    } finally {
      connection.close();
    }
  }

  async function opened(connection: Connection): Promise<void> {
    await done((settle) => connection.connect(settle));
    if (user !== undefined && password !== undefined) {
      await done((settle) => connection.login({ user, pass: password.reveal() }, settle));
    }
  }

  async function transmit(notification: Notification, size: Size, signal: AbortSignal): Promise<Receipt> {
    const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
    const message = toEmail(notification, from, size);
    const raw = await new MailComposer({
      from: { name: "Glasswatch", address: from },
      to: [...to],
      ...(replyTo === undefined ? {} : { replyTo }),
      subject: message.subject,
      messageId: message.messageId,
      ...(message.inReplyTo === null ? {} : { inReplyTo: message.inReplyTo }),
      references: [...message.references],
      date: new Date(deps.now()),
      headers: { ...message.headers },
      text: message.text,
      html: message.html,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
      .compile()
      .build();

    let begun = false;
    // Read only after the server has said that it takes the message: from then on it may have it.
    const content = Readable.from(
      (function* () {
        begun = true;
        yield raw;
      })(),
    );
    const sent = await session(
      signal,
      async (connection) =>
        done<Sent>((settle) => connection.send({ from, to: [...to], size: raw.length }, content, settle)),
      () => begun,
    );
    const refused = (sent.rejectedErrors ?? []).map(
      (error) =>
        `${"recipient" in error ? String(error.recipient) : "a recipient"} (${String(error.responseCode ?? "no code")})`,
    );
    const warning = `${refused.length} of ${to.length} recipients were refused: ${refused.join(", ")}`;
    return { externalId: message.messageId, ...(refused.length === 0 ? {} : { warning }) };
  }

  return {
    id,
    kind: "email",
    channel: `email:${id}`,
    minIntervalMs: 200,
    async deliver(notification, signal) {
      try {
        return await transmit(notification, "whole", signal);
      } catch (error) {
        if (!(error instanceof ProcessingError) || error.place !== TOO_LARGE) {
          throw error;
        }
        return transmit(notification, "minimal", signal);
      }
    },
    async check(signal) {
      await session(
        signal,
        async () => {},
        () => false,
      );
    },
  };
}

type Connection = InstanceType<typeof import("nodemailer/lib/smtp-connection")["default"]>;

interface Sent {
  readonly rejectedErrors?: readonly { readonly responseCode?: number | undefined }[] | undefined;
}

/** A callback of the library as a promise. */
async function done<T = unknown>(start: (settle: (error?: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error);
      else resolve(result as T);
    });
  });
}

const TOO_LARGE = "size";

/**
 * What a failure of the session means. The server's sentences are not repeated, for they may repeat what was sent; its
 * codes are.
 */
function smtpError(
  error: unknown,
  { destination, host, mayBeTaken }: { destination: string; host: string; mayBeTaken: boolean },
): ProcessingError {
  const { code, command, responseCode, response } = Object(error) as Readonly<Record<string, unknown>>;
  const status = typeof responseCode === "number" ? responseCode : null;
  const enhanced =
    typeof response === "string" ? (/^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? null) : null;
  const at = typeof command === "string" && /^[A-Z][A-Z -]{1,20}$/.test(command) ? ` to ${command}` : "";
  if (status !== null && code !== "ETLS" && !/^(?:CONN|EHLO|HELO|STARTTLS)$/.test(String(command))) {
    const message = `${destination}: ${host} answered ${status}${enhanced === null ? "" : ` ${enhanced}`}${at}`;
    if (status < 500) {
      return new ProcessingError("DESTINATION_UNAVAILABLE", message);
    }
    const isTooLarge = status === 552 || enhanced === "5.3.4";
    return new ProcessingError("DESTINATION_REJECTED", message, isTooLarge ? { place: TOO_LARGE } : {});
  }
  if (code === "EMESSAGE" && !mayBeTaken) {
    const message = `${destination}: ${host} takes no message of this size`;
    return new ProcessingError("DESTINATION_REJECTED", message, { place: TOO_LARGE });
  }
  const what = typeof code === "string" && /^[A-Z]{2,20}$/.test(code) ? code : "no answer in time";
  return mayBeTaken
    ? new ProcessingError(
        "DESTINATION_UNKNOWN_OUTCOME",
        `${destination}: sent to ${host}, but the answer was lost (${what}); it may have arrived`,
      )
    : new ProcessingError("DESTINATION_UNAVAILABLE", `${destination}: no session with ${host} (${what})`);
}

/** A message before it is put into MIME. */
export interface Email {
  readonly subject: string;
  readonly messageId: string;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly html: string;
}

/** Pure: the same for the same notification, to the last character. */
export function toEmail(notification: Notification, from: string, size: Size = "whole"): Email {
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const news = newsOf(notification);
  // Nobody sends a message of this id: it is what all messages of one incident refer to.
  const thread = `<incident.${storyKey(notification)}@${domain}>`;
  const page = fittingPage(notification, size);
  const state = news === null ? null : { word: news.state, colour: STATE_COLOURS[news.state] };
  return {
    subject: subjectOf(notification),
    messageId: `<${createHash("sha256").update(notification.id).digest("hex").slice(0, 40)}@${domain}>`,
    inReplyTo: isOpening(notification) ? null : thread,
    references: news === null ? [] : [thread],
    headers: {
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "X-Glasswatch-Event": headerValue(eventMark(notification)),
      "X-Glasswatch-Rule": headerValue(notification.rule),
      "X-Glasswatch-Severity": notification.severity,
      ...(notification.severity === "critical" && !isOver(notification)
        ? { Importance: "high", "X-Priority": "1" }
        : {}),
    },
    text: toPlainText(page),
    html: toHtml(page, { severity: notification.severity, state }),
  };
}

function fittingPage(notification: Notification, size: Size): Page {
  for (const room of size === "whole" ? [WIDE, NARROW] : []) {
    const page = emailPage(notification, room);
    if (toHtml(page, { severity: "critical", state: null }).length <= MAX_HTML) {
      return page;
    }
  }
  return minimalPageOf(notification, "this mail server");
}

/** Whatever asks somebody to act says everything again: a mail may be the first that they see of it. */
function emailPage(notification: Notification, room: Room): Page {
  const news = newsOf(notification);
  if (news === null || isOpening(notification) || news.news === "overdue" || news.news === "reopened") {
    return pageOf(notification, room);
  }
  const page = newsPageOf(notification, room);
  const title = readableLine(newsHeadline(notification), 400);
  return { ...page, title, verdict: { headline: readableLine(newsLine(news), room.value * 3), detail: null } };
}

/**
 * The same for all mails of an incident, or programs would not show them as one conversation: of the headline only what
 * does not change.
 */
function subjectOf(notification: Notification): string {
  if (newsOf(notification) === null) {
    return readableLine(`[Glasswatch] ${notification.headline}`, SUBJECT_LIMIT);
  }
  const [kind = "", ...place] = notification.incidentKey.split("/");
  const name = place.pop() ?? "";
  const where = place.length === 0 ? "" : ` (${place.join("/")})`;
  const what = notification.category.replace("-", " ");
  return readableLine(`[Glasswatch] ${what}: ${kind} ${name}${where}`, SUBJECT_LIMIT);
}

/** One line of plain ASCII, whatever stands in it. */
function headerValue(words: string): string {
  return words.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
