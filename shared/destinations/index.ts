import { type ConsoleDeps, type ConsoleSettings, consoleDestination } from "./console.ts";
import type { Destination } from "./destination.ts";
import type { HttpDeps } from "./http.ts";
import { type SlackSettings, slack } from "./slack.ts";

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

export type DestinationSettings = ConsoleSettings | SlackSettings;

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
  }
}
