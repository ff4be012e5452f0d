import { openDestination } from "../../shared/destinations/index.ts";
import { Secret } from "../../shared/secret.ts";
import { type ContractRow, type Counterpart, meaningForCalls, meaningForPosts } from "./destination-contract.ts";
import type { StandIn, Treatment } from "./destination-server.ts";
import { GITHUB_REPOSITORY, GITHUB_TOKEN, startGitHubStandIn } from "./github-stand-in.ts";
import { CHAT_SECRETS, startGoogleChatStandIn } from "./google-chat-stand-in.ts";
import { JIRA_EMAIL, JIRA_TOKEN, startJiraStandIn } from "./jira-stand-in.ts";
import { PAGERDUTY_KEY, startPagerDutyStandIn } from "./pagerduty-stand-in.ts";
import { SERVICENOW_PASSWORD, SERVICENOW_USER, startServiceNowStandIn } from "./servicenow-stand-in.ts";
import { SLACK_CHANNEL, SLACK_TOKEN, startSlackBotStandIn } from "./slack-bot-stand-in.ts";
import { type SlackAnswer, startSlackStandIn } from "./slack-stand-in.ts";
import { SMTP_PASSWORD, SMTP_USER, type SmtpScript, startSmtpStandIn } from "./smtp-stand-in.ts";
import { SIGNING_KEY, startWebhookStandIn } from "./webhook-stand-in.ts";

export const NOW = Date.parse("2026-11-20T09:14:00Z");
const DEPS = { now: () => NOW, console: { write: () => {}, colour: false } };

/** Every kind of destination with its far end: a new kind gets a row here, and a golden. */
export const CONTRACT: readonly ContractRow[] = [
  {
    kind: "console",
    externalId: null,
    open: async () => {
      const written: string[] = [];
      const console = { write: (text: string) => void written.push(text), colour: false };
      return {
        destination: openDestination({ kind: "console", id: "terminal" }, { now: () => NOW, console }),
        secrets: [],
        arrived: () => written,
        close: async () => {},
      };
    },
  },
  {
    kind: "slack",
    externalId: null,
    meaning: meaningForPosts,
    open: async (timeoutMs): Promise<Counterpart> => {
      const slack = await startSlackStandIn();
      const { pathname } = new URL(slack.url);
      return {
        destination: openDestination(
          { kind: "slack", id: "security", webhookUrl: new Secret(slack.url), timeoutMs },
          DEPS,
        ),
        secrets: [slack.url, pathname, ...pathname.split("/").slice(2)],
        arrived: () => slack.messages.map((message) => JSON.stringify(message.payload)),
        treat: (treatment) => slack.always(slackAnswer(treatment)),
        close: async () => slack.close(),
      };
    },
  },
  {
    kind: "slack-bot",
    externalId: /^C0123456789\/\d+\.\d+$/,
    meaning: meaningForCalls,
    open: async (timeoutMs) => {
      const far = await startSlackBotStandIn(() => NOW);
      return {
        ...overHttp(far),
        destination: openDestination(
          {
            kind: "slack-bot",
            id: "security",
            token: new Secret(SLACK_TOKEN),
            channel: SLACK_CHANNEL,
            apiUrl: far.apiUrl,
            timeoutMs,
            settleMs: 0,
          },
          DEPS,
        ),
        secrets: [SLACK_TOKEN, SLACK_TOKEN.slice(5)],
        arrived: () => far.messages.map(({ payload }) => JSON.stringify(payload)),
        treatNews: (treatment) => far.script({ kind: "takes" }, treatment),
        lockOut: () => far.fail("auth.test", "invalid_auth"),
      };
    },
  },
  {
    kind: "email",
    externalId: /^<[0-9a-f]{40}@example\.com>$/,
    largest: 400_000,
    open: async (timeoutMs) => {
      const far = await startSmtpStandIn();
      const scripts: Partial<Record<Treatment["kind"], SmtpScript>> = {
        hangs: { data: "hangs" },
        resets: { data: "resets" },
      };
      return {
        destination: openDestination(
          {
            kind: "email",
            id: "security",
            host: "127.0.0.1",
            port: far.port,
            security: "starttls",
            user: SMTP_USER,
            password: new Secret(SMTP_PASSWORD),
            from: "glasswatch@example.com",
            to: ["security@example.com", "oncall@example.com"],
            timeoutMs,
            trusted: far.trusted,
          },
          DEPS,
        ),
        secrets: [SMTP_PASSWORD, Buffer.from(SMTP_PASSWORD).toString("base64")],
        arrived: () => far.messages.filter(({ accepted }) => accepted).map(({ raw }) => unfolded(raw)),
        treat: (treatment) => {
          far.script = scripts[treatment.kind] ?? {};
        },
        lockOut: () => {
          far.script = { auth: 535 };
        },
        close: async () => far.close(),
      };
    },
  },
  {
    kind: "jira",
    externalId: /^SEC-\d+$/,
    meaning: meaningForCalls,
    open: async (timeoutMs) => {
      const far = await startJiraStandIn(() => NOW);
      return {
        ...overHttp(far),
        destination: openDestination(
          {
            kind: "jira",
            id: "tickets",
            site: far.origin,
            email: JIRA_EMAIL,
            apiToken: new Secret(JIRA_TOKEN),
            project: "SEC",
            issueType: "Task",
            timeoutMs,
            settleMs: 0,
          },
          DEPS,
        ),
        secrets: [JIRA_TOKEN, Buffer.from(`${JIRA_EMAIL}:${JIRA_TOKEN}`).toString("base64")],
        arrived: () =>
          far.issues.flatMap(({ fields, comments }) => [fields, ...comments].map((one) => JSON.stringify(one))),
      };
    },
  },
  {
    kind: "github",
    externalId: /^\d+$/,
    meaning: meaningForCalls,
    largest: 66_000,
    open: async (timeoutMs) => {
      const far = await startGitHubStandIn(() => NOW);
      return {
        ...overHttp(far),
        destination: openDestination(
          {
            kind: "github",
            id: "tickets",
            repository: GITHUB_REPOSITORY,
            token: new Secret(GITHUB_TOKEN),
            label: "glasswatch",
            apiUrl: far.origin,
            timeoutMs,
            settleMs: 0,
          },
          DEPS,
        ),
        secrets: [GITHUB_TOKEN, GITHUB_TOKEN.slice(4)],
        arrived: () => far.issues.flatMap(({ body, comments }) => [body, ...comments.map((comment) => comment.body)]),
      };
    },
  },
  {
    kind: "servicenow",
    externalId: /^[0-9a-f]{32}$/,
    meaning: meaningForCalls,
    open: async (timeoutMs) => {
      const far = await startServiceNowStandIn(() => NOW);
      return {
        ...overHttp(far),
        destination: openDestination(
          {
            kind: "servicenow",
            id: "tickets",
            instance: far.origin,
            user: SERVICENOW_USER,
            password: new Secret(SERVICENOW_PASSWORD),
            closeCode: "Solution provided",
            timeoutMs,
            settleMs: 0,
          },
          DEPS,
        ),
        secrets: [SERVICENOW_PASSWORD, Buffer.from(`${SERVICENOW_USER}:${SERVICENOW_PASSWORD}`).toString("base64")],
        arrived: () => far.rows.flatMap(({ fields, notes }) => [JSON.stringify(fields), ...notes]),
      };
    },
  },
  {
    kind: "pagerduty",
    externalId: /^[A-Za-z0-9-]{1,64}$/,
    meaning: (status) => (status === 204 || status === 205 ? null : meaningForCalls(status)),
    largest: 110_000,
    open: async (timeoutMs) => {
      const far = await startPagerDutyStandIn();
      return {
        ...overHttp(far),
        destination: openDestination(
          { kind: "pagerduty", id: "oncall", routingKey: new Secret(PAGERDUTY_KEY), apiUrl: far.origin, timeoutMs },
          DEPS,
        ),
        secrets: [PAGERDUTY_KEY],
        arrived: () => [...far.alerts.values()].flatMap(({ events }) => events.map((event) => JSON.stringify(event))),
      };
    },
  },
  {
    kind: "google-chat",
    externalId: /^spaces\/AAAA\/messages\//,
    meaning: (status) => (status === 204 || status === 205 ? "DESTINATION_UNKNOWN_OUTCOME" : meaningForPosts(status)),
    open: async (timeoutMs) => {
      const far = await startGoogleChatStandIn();
      return {
        ...overHttp(far),
        destination: openDestination(
          { kind: "google-chat", id: "space", webhookUrl: new Secret(far.url), timeoutMs },
          DEPS,
        ),
        secrets: [far.url, ...CHAT_SECRETS],
        arrived: () => [...far.threads.values()].flatMap((messages) => messages.map((one) => JSON.stringify(one))),
      };
    },
  },
  {
    kind: "webhook",
    externalId: null,
    meaning: meaningForPosts,
    largest: 150_000,
    open: async (timeoutMs) => {
      const far = await startWebhookStandIn(() => NOW);
      return {
        ...overHttp(far),
        destination: openDestination(
          {
            kind: "webhook",
            id: "anything",
            url: new Secret(far.url),
            signingKey: new Secret(SIGNING_KEY),
            source: "urn:glasswatch",
            timeoutMs,
          },
          DEPS,
        ),
        secrets: [far.url, "sEcReTpath", SIGNING_KEY],
        arrived: () => far.events.map((event) => JSON.stringify(event)),
      };
    },
  },
];

/** What all stand-ins that speak HTTP have in common. */
function overHttp(far: StandIn): Pick<Counterpart, "treat" | "treatQuestions" | "lockOut" | "close"> {
  return {
    treat: far.always,
    treatQuestions: far.alwaysReads,
    lockOut: () => far.alwaysReads({ kind: "answers", status: 401 }),
    close: async () => far.close(),
  };
}

function slackAnswer(treatment: Treatment): SlackAnswer {
  switch (treatment.kind) {
    case "takes":
      return { kind: "ok" };
    case "answers":
      return {
        kind: "status",
        status: treatment.status,
        ...(treatment.retryAfter === undefined ? {} : { headers: { "retry-after": treatment.retryAfter } }),
      };
    case "hangs":
      return { kind: "hang" };
    case "resets":
      return { kind: "reset" };
    case "slow":
      return treatment;
  }
}

/** Quoted-printable with its soft line breaks taken out, so that a text can be looked for. */
function unfolded(raw: string): string {
  return raw.replace(/=\r?\n/g, "");
}
