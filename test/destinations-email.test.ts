import { test as property } from "@fast-check/vitest";
import { type ParsedMail, simpleParser } from "mailparser";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { EMAIL_ADDRESS, type EmailSettings, email, toEmail } from "../shared/destinations/email.ts";
import { type Notification, toIncidentNotification, toNotification } from "../shared/destinations/notification.ts";
import type { ErrorCode } from "../shared/errors.ts";
import { Secret } from "../shared/secret.ts";
import { expectFailure, failure, HOSTILE_TEXTS, hostileNotification } from "./support/destination-contract.ts";
import { anyFinding, hasUnseen } from "./support/destination-texts.ts";
import { example } from "./support/example-findings.ts";
import { DIGEST, HOSTILE, newsOfStory, story } from "./support/example-incidents.ts";
import {
  MAIL_PASSWORD,
  MAIL_USER,
  type MailServer,
  SLOW_RECIPIENT,
  startMailServer,
  UNKNOWN_RECIPIENT,
} from "./support/smtp-server.ts";
import {
  SMTP_PASSWORD,
  SMTP_USER,
  type SmtpScript,
  type SmtpStandIn,
  startSmtpStandIn,
} from "./support/smtp-stand-in.ts";
import { requireTool } from "./support/tools.ts";

// Hundreds of texts a test: a busy machine may need more than the usual time.
vi.setConfig({ testTimeout: 60_000 });

const NOW = Date.parse("2026-11-20T09:14:32Z");
const never = new AbortController().signal;
const opening = newsOfStory("cloud-run-break-glass", "opened");
const BOTH = ["security@example.com", "oncall@example.com"];

function open(part: Partial<EmailSettings>) {
  return email(
    {
      kind: "email",
      id: "security",
      host: "127.0.0.1",
      port: 1,
      security: "starttls",
      user: SMTP_USER,
      password: new Secret(SMTP_PASSWORD),
      from: "glasswatch@example.com",
      to: BOTH,
      ...part,
    },
    { now: () => NOW },
  );
}

describe("a mail server that answers", () => {
  let far: SmtpStandIn;
  const destination = (part: Partial<EmailSettings> = {}) => open({ port: far.port, trusted: far.trusted, ...part });

  beforeEach(async () => {
    far = await startSmtpStandIn();
  });
  afterEach(async () => far.close());

  it.each<{ name: string; script: SmtpScript; code: ErrorCode; says: string }>([
    { name: "450 to all recipients", script: { to: all(450) }, code: "DESTINATION_UNAVAILABLE", says: "450" },
    { name: "550 to all recipients", script: { to: all(550) }, code: "DESTINATION_REJECTED", says: "550" },
    {
      name: "450 to one and 550 to the other",
      script: { to: { [BOTH[0] as string]: 450, [BOTH[1] as string]: 550 } },
      code: "DESTINATION_UNAVAILABLE",
      says: "450",
    },
    {
      name: "550 to one and 450 to the other",
      script: { to: { [BOTH[0] as string]: 550, [BOTH[1] as string]: 450 } },
      code: "DESTINATION_UNAVAILABLE",
      says: "450",
    },
    { name: "451 to the sender", script: { from: 451 }, code: "DESTINATION_UNAVAILABLE", says: "451" },
    { name: "553 to the sender", script: { from: 553 }, code: "DESTINATION_REJECTED", says: "553" },
    { name: "454 to the login", script: { auth: 454 }, code: "DESTINATION_UNAVAILABLE", says: "454" },
    { name: "535 to the login", script: { auth: 535 }, code: "DESTINATION_REJECTED", says: "535" },
    { name: "451 to the message", script: { data: 451 }, code: "DESTINATION_UNAVAILABLE", says: "451 to DATA" },
    { name: "554 to the message", script: { data: 554 }, code: "DESTINATION_REJECTED", says: "554 to DATA" },
    {
      name: "nothing, and cuts the connection after the message",
      script: { data: "resets" },
      code: "DESTINATION_UNKNOWN_OUTCOME",
      says: "may have arrived",
    },
  ])("$name is $code", async ({ script, code, says }) => {
    far.script = script;
    const error = await failure(destination().deliver(opening, never));
    expectFailure(error, code, [SMTP_PASSWORD]);
    expect(String(error)).toContain(says);
    expect(far.messages.filter(({ accepted }) => accepted)).toHaveLength(code.endsWith("OUTCOME") ? 1 : 0);
  });

  it("one refusal among several recipients is reported, and the others count", async () => {
    far.script = { to: { [BOTH[1] as string]: 550 } };
    const receipt = await destination().deliver(opening, never);
    expect(receipt.warning).toBe("1 of 2 recipients were refused: oncall@example.com (550)");
    expect(far.messages).toMatchObject([{ to: [BOTH[0]], accepted: true }]);
  });

  it("gets the smallest message when it takes none of this size", async () => {
    far.script = { sizeAfterReading: 8_000 };
    expect(await destination().deliver(opening, never)).toMatchObject({ externalId: expect.any(String) });
    const taken = far.messages.filter(({ accepted }) => accepted).map(({ raw }) => raw);
    expect(taken).toHaveLength(1);
    expect(taken[0]?.replace(/=\r\n/g, "")).toContain("too large for this mail server");
    expect(taken[0]?.length).toBeLessThan(8_000);
  });

  it("that says beforehand how much it takes gets the smallest message, too", async () => {
    await far.close();
    far = await startSmtpStandIn({ script: { size: 8_000 } });
    await destination().deliver(opening, never);
    expect(far.messages.map(({ accepted }) => accepted)).toEqual([true]);
  });

  it("never gets a message without encryption", async () => {
    await far.close();
    far = await startSmtpStandIn({ security: "none" });
    const error = await failure(destination().deliver(opening, never));
    expectFailure(error, "DESTINATION_UNAVAILABLE", [SMTP_PASSWORD]);
    expect(far.messages).toEqual([]);
  });

  it("never gets one when nobody vouches for it", async () => {
    const error = await failure(open({ port: far.port }).deliver(opening, never));
    expectFailure(error, "DESTINATION_UNAVAILABLE", [SMTP_PASSWORD]);
    expect(far.messages).toEqual([]);
  });

  it("may speak TLS from the first byte", async () => {
    await far.close();
    far = await startSmtpStandIn({ security: "tls" });
    await destination({ security: "tls" }).deliver(opening, never);
    expect(far.messages).toHaveLength(1);
  });

  it("that is not there is unavailable, with its name alone", async () => {
    const error = await failure(open({ host: "nowhere.invalid" }).deliver(opening, never));
    expectFailure(error, "DESTINATION_UNAVAILABLE", [SMTP_PASSWORD]);
    expect(String(error)).toContain("nowhere.invalid");
  });

  it("is checked without sending anything", async () => {
    await destination().check?.(never);
    far.script = { auth: 535 };
    expectFailure(await failure(destination().check?.(never) ?? Promise.resolve()), "DESTINATION_REJECTED", [
      SMTP_PASSWORD,
    ]);
    expect(far.messages).toEqual([]);
  });

  it.each(HOSTILE_TEXTS.map((text) => ({ text, shown: JSON.stringify(text).slice(0, 50) })))(
    "gets no header, recipient or part that a stranger wrote into $shown",
    async ({ text }) => {
      const lines = `${text}\r\nBcc: mallory@evil.example\r\nX-Evil: 1\r\n\r\n--evil\r\nContent-Type: text/html`;
      await destination().deliver(hostileNotification(lines), never);
      expect(far.messages[0]?.to).toEqual(BOTH);
      await expectPlain(far.messages[0]?.raw as string);
    },
  );
});

/** The same answer to everybody. */
function all(status: number): Readonly<Record<string, number>> {
  return Object.fromEntries(BOTH.map((address) => [address, status]));
}

const OUR_HEADERS = [
  "auto-submitted",
  "content-type",
  "date",
  "from",
  "importance",
  "message-id",
  "mime-version",
  "references",
  "subject",
  "to",
  "x-auto-response-suppress",
  "x-glasswatch-event",
  "x-glasswatch-rule",
  "x-glasswatch-severity",
  "x-priority",
];

async function expectPlain(raw: string): Promise<ParsedMail> {
  const mail = await simpleParser(raw);
  expect(mail.headerLines.map(({ key }) => key).filter((key) => !OUR_HEADERS.includes(key))).toEqual([]);
  expect(mail.attachments).toEqual([]);
  expect([mail.cc, mail.bcc]).toEqual([undefined, undefined]);
  expect(raw.split("\r\n\r\n", 1)[0]).not.toMatch(/^(?:Bcc|X-Evil)/im);
  return mail;
}

describe("a mail", () => {
  it("is the same for the same notification, and all of an incident are one conversation", () => {
    const mails = story("cloud-run-break-glass").news.map((told) => toEmail(told, "glasswatch@example.com"));
    expect(mails[0]).toEqual(toEmail(structuredClone(opening), "glasswatch@example.com"));
    expect(new Set(mails.map(({ subject }) => subject)).size).toBe(1);
    expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(mails.length);
    expect(new Set(mails.flatMap(({ references }) => references)).size).toBe(1);
    expect(mails.map(({ inReplyTo }) => inReplyTo)).toEqual([null, ...Array(5).fill(mails[0]?.references[0])]);
  });

  it("of another person or severity keeps its subject", () => {
    const { finding, counsel } = example("cloud-run-break-glass-with-justification");
    const news = opening.incident as NonNullable<Notification["incident"]>;
    const actor = { ...finding.actor, principal: "bob@example.com", person: null };
    const changed = toIncidentNotification({ finding: { ...finding, actor }, counsel, news, severity: "low" });
    expect(toEmail(changed, "a@example.com").subject).toBe(toEmail(opening, "a@example.com").subject);
  });

  property.prop([anyFinding], { numRuns: 200 })(
    "of any finding has one line in every header and no foreign HTML",
    (any) => {
      const { counsel } = example("cloud-run-break-glass-with-justification");
      const told = toNotification(any, counsel, { runbookBase: "https://wiki.example.com/runbooks/" });
      for (const size of ["whole", "minimal"] as const) {
        const { subject, messageId, references, headers, text, html } = toEmail(told, "glasswatch@example.com", size);
        for (const value of [subject, messageId, ...references, ...Object.values(headers)]) {
          expect(value).not.toMatch(/[\r\n]/);
          expect(hasUnseen(value)).toBe(false);
        }
        expect(hasUnseen(text)).toBe(false);
        expect(foreignHtml(html)).toEqual([]);
        expect(html.length).toBeLessThan(102_000);
      }
    },
  );

  it.each([
    { name: "news", told: newsOfStory("cloud-run-break-glass", "resolved") },
    { name: "a digest", told: DIGEST },
    { name: "tricks", told: HOSTILE },
  ])("of $name has no foreign HTML", ({ told }) => {
    expect(foreignHtml(toEmail(told, "glasswatch@example.com").html)).toEqual([]);
  });

  it("shows addresses that others wrote so that no program makes them links", () => {
    const { text, html } = toEmail(HOSTILE, "glasswatch@example.com");
    for (const shown of [text, html]) {
      expect(shown).toContain("https[:]//evil.example");
      expect(shown).not.toContain("https://evil");
      expect(shown).not.toContain("www.evil");
    }
  });

  it.each(["a@b.example\r\nRCPT TO:<c@d>", "a b@c.d", "<a@b.c>", "a@b.c,d@e.f", "a", "@b.c", "a@", 'a"@b.c', "a@b..c"])(
    "is never sent to %j",
    async (address) => {
      expect(EMAIL_ADDRESS.test(address)).toBe(false);
      expectFailure(await failure((async () => open({ to: [address] }))()), "SETTINGS_INVALID", []);
    },
  );
});

const TAG = /<(!doctype html|\/?[a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<>]*")*)\s*>/g;
const TAGS = new Set(
  "html head meta title style body table tr td p h1 div span strong br blockquote ol li a".split(" "),
);

/** Whatever is in the HTML that we would not have written. */
function foreignHtml(html: string): readonly string[] {
  const wrong: string[] = [];
  for (const [whole, name = "", attributes = ""] of html.matchAll(TAG)) {
    if (name !== "!doctype html" && !TAGS.has(name.replace("/", ""))) wrong.push(whole);
    if (/\s(?:on\w+|src|background)=/.test(attributes)) wrong.push(whole);
    const href = /\shref="([^"]*)"/.exec(attributes)?.[1];
    const host = href === undefined ? undefined : URL.parse(href.replaceAll("&amp;", "&"))?.hostname;
    const ours = ["console.cloud.google.com", "cloud.google.com", "wiki.example.com"];
    if (href !== undefined && (host === undefined || !ours.includes(host))) wrong.push(whole);
  }
  const style = /<style>[^<]*<\/style>/.exec(html)?.[0] ?? "";
  const words = html.replace(style, "").replace(TAG, "");
  if (/[<>]/.test(words)) wrong.push("a bracket outside of our tags");
  return wrong;
}

const exim = requireTool("exim4");

describe.runIf(exim !== undefined)("a mail server that is not ours", () => {
  let server: MailServer;
  const secrets = [MAIL_PASSWORD];
  const destination = (part: Partial<EmailSettings> = {}) =>
    open({
      port: server.startTlsPort,
      user: MAIL_USER,
      password: new Secret(MAIL_PASSWORD),
      trusted: server.trusted,
      ...part,
    });

  beforeAll(async () => {
    server = await startMailServer(exim as string);
  });
  afterAll(async () => server?.close());

  it.each([{ security: "starttls" as const }, { security: "tls" as const }])(
    "takes every piece of news over $security, and delivers it as it was written",
    async ({ security }) => {
      const port = security === "tls" ? server.tlsPort : server.startTlsPort;
      const before = server.delivered().length;
      const all = [...story("cloud-run-break-glass").news, DIGEST, HOSTILE];
      for (const told of all) await destination({ security, port }).deliver(told, never);
      await vi.waitFor(() => expect(server.delivered()).toHaveLength(before + all.length * BOTH.length), 10_000);
      const mails = await Promise.all(server.delivered().map((raw) => simpleParser(raw)));
      for (const told of all) {
        const expected = toEmail(told, "glasswatch@example.com");
        const arrived = mails.filter(({ messageId }) => messageId === expected.messageId);
        expect(arrived.length).toBeGreaterThanOrEqual(BOTH.length);
        expect(arrived[0]).toMatchObject({ subject: expected.subject });
        expect(arrived[0]?.text?.trim()).toBe(expected.text.trim());
        expect(String(arrived[0]?.html).trim()).toBe(expected.html.trim());
        expect(arrived[0]?.headers.get("auto-submitted")).toBe("auto-generated");
      }
    },
  );

  it("tells an unknown recipient from one that is to be tried later", async () => {
    const refused = await failure(destination({ to: [UNKNOWN_RECIPIENT] }).deliver(opening, never));
    expectFailure(refused, "DESTINATION_REJECTED", secrets);
    expect(String(refused)).toContain("550");
    const later = await failure(destination({ to: [SLOW_RECIPIENT] }).deliver(opening, never));
    expectFailure(later, "DESTINATION_UNAVAILABLE", secrets);
    const receipt = await destination({ to: [UNKNOWN_RECIPIENT, "security@example.com"] }).deliver(opening, never);
    expect(receipt.warning).toBe(`1 of 2 recipients were refused: ${UNKNOWN_RECIPIENT} (550)`);
  });

  it("refuses a wrong password, and is checked without sending anything", async () => {
    const unsent = newsOfStory("policy-weakened", "opened");
    await destination().check?.(never);
    const wrong = destination({ password: new Secret("sEcReTwrong") });
    for (const attempt of [wrong.check?.(never), wrong.deliver(unsent, never)]) {
      expectFailure(await failure(attempt ?? Promise.resolve()), "DESTINATION_REJECTED", [...secrets, "sEcReTwrong"]);
    }
    const { messageId } = toEmail(unsent, "glasswatch@example.com");
    expect(server.delivered().filter((raw) => raw.includes(messageId))).toEqual([]);
  });

  it("gets no header that a stranger wrote", async () => {
    const tricks = "x\r\nBcc: mallory@evil.example\r\n.\r\nMAIL FROM:<mallory@evil.example>\r\n";
    const told = hostileNotification(tricks);
    await destination().deliver(told, never);
    const { messageId } = toEmail(told, "glasswatch@example.com");
    await vi.waitFor(() => expect(server.delivered().some((raw) => raw.includes(messageId))).toBe(true), 10_000);
    const raw = server.delivered().find((one) => one.includes(messageId)) as string;
    expect(raw.split("\n\n", 1)[0]).not.toMatch(/^Bcc/im);
    expect(server.delivered().some((one) => one.includes("Return-path: <mallory"))).toBe(false);
  });
});
