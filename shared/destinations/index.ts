import { type ConsoleDeps, type ConsoleSettings, consoleDestination } from "./console.ts";
import type { Destination } from "./destination.ts";
import { type EmailSettings, email } from "./email.ts";
import { type GitHubSettings, github } from "./github.ts";
import { type GoogleChatSettings, googleChat } from "./google-chat.ts";
import type { HttpDeps } from "./http.ts";
import { type JiraSettings, jira } from "./jira.ts";
import { type PagerDutySettings, pagerDuty } from "./pagerduty.ts";
import { type ServiceNowSettings, serviceNow } from "./servicenow.ts";
import { type SlackSettings, slack } from "./slack.ts";
import { type SlackBotSettings, slackBot } from "./slack-bot.ts";
import { type WebhookSettings, webhook } from "./webhook.ts";

export type { Destination, DestinationKind, Receipt } from "./destination.ts";
export { DESTINATION_KINDS } from "./destination.ts";
export { type Digest, toDigest } from "./digest.ts";
export {
  type IncidentNews,
  type IncidentTold,
  type Notification,
  type NotificationOptions,
  toIncidentNotification,
  toNotification,
} from "./notification.ts";

export type DestinationSettings =
  | ConsoleSettings
  | SlackSettings
  | SlackBotSettings
  | EmailSettings
  | JiraSettings
  | GitHubSettings
  | ServiceNowSettings
  | PagerDutySettings
  | GoogleChatSettings
  | WebhookSettings;

/** What the destinations need of the world. */
export interface DestinationDeps extends HttpDeps {
  readonly console: ConsoleDeps;
}

/** Opens one destination of the settings. A kind without a case does not compile. */
export function openDestination(settings: DestinationSettings, deps: DestinationDeps): Destination {
  switch (settings.kind) {
    case "console":
      return consoleDestination(settings, deps.console);
    case "slack":
      return slack(settings, deps);
    case "slack-bot":
      return slackBot(settings, deps);
    case "email":
      return email(settings, deps);
    case "jira":
      return jira(settings, deps);
    case "github":
      return github(settings, deps);
    case "servicenow":
      return serviceNow(settings, deps);
    case "pagerduty":
      return pagerDuty(settings, deps);
    case "google-chat":
      return googleChat(settings, deps);
    case "webhook":
      return webhook(settings, deps);
  }
}
