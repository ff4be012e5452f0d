import type { RuleChange, RuleDocument } from "./classifier/declared-rule.ts";
import { EMPTY_WATCHLISTS, type Watchlists } from "./classifier/watchlists.ts";
import type { Category } from "./finding.ts";
import type { RouteDocument } from "./response/routes.ts";

/** The settings file as it is written: secrets still by reference, defaults filled in. */
export interface SettingsDocument {
  /** The Google Cloud project that Glasswatch itself runs in. */
  readonly project?: string | undefined;
  readonly store: StoreSettings;
  /** projects/P/topics/T: where messages go that cannot be understood; without it the store keeps them. */
  readonly deadLetterTopic?: string | undefined;
  /** Where the organization keeps its own runbooks; references of its own rules may be relative to it. */
  readonly runbookBase?: string | undefined;
  readonly destinations: readonly DestinationDocument[];
  /** Who is told of what; all destinations of everything when it is not given. */
  readonly routes?: RouteDocument | undefined;
  readonly incidents: IncidentLimits;
  readonly delivery: DeliverySettings;
  readonly watchlists: Watchlists;
  readonly rules: RuleSettings;
}

/** When findings are one story, and how it is graded. */
export interface IncidentLimits {
  /** How long after its last finding an incident of a category is over by itself; other categories end by hand. */
  readonly quietAfterHours: Readonly<Partial<Record<Category, number>>>;
  readonly reopenWithinHours: number;
  /** A regular expression that finds a ticket reference in a justification; without it none is asked for. */
  readonly ticketPattern?: string | undefined;
}

export interface RuleSettings {
  /** The organization's own rules. */
  readonly own: readonly RuleDocument[];
  /** What is changed about the rules that come with Glasswatch. */
  readonly changes: readonly RuleChange[];
}

export type StoreSettings =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "memory" }
  | {
      readonly kind: "firestore";
      /** Of the project that Glasswatch runs in. */
      readonly database: string;
      /** Begins the name of every collection. */
      readonly collectionPrefix: string;
    };

export interface DeliverySettings {
  /** How long a message may be held for delivering at once, before the rest is left to `tick`. */
  readonly inlineBudgetMs: number;
  /** When one attempt is told to stop. */
  readonly attemptTimeoutMs: number;
  /** How often a process that runs outside Google Cloud does what `tick` does there; 0 for never. */
  readonly localTickSeconds: number;
}

/** As DestinationSettings, secrets still by reference. */
export type DestinationDocument =
  | { readonly kind: "console"; readonly id: string }
  | { readonly kind: "slack"; readonly id: string; readonly webhookUrl: string }
  | {
      readonly kind: "slack-bot";
      readonly id: string;
      readonly token: string;
      readonly channel: string;
      readonly apiUrl: string;
    }
  | {
      readonly kind: "email";
      readonly id: string;
      readonly host: string;
      readonly port: number;
      readonly security: "starttls" | "tls";
      readonly user?: string | undefined;
      readonly password?: string | undefined;
      readonly from: string;
      readonly to: readonly string[];
      readonly replyTo?: string | undefined;
    }
  | {
      readonly kind: "jira";
      readonly id: string;
      readonly site: string;
      readonly email: string;
      readonly apiToken: string;
      readonly project: string;
      readonly issueType: string;
      readonly fields?: Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly kind: "github";
      readonly id: string;
      readonly repository: string;
      readonly token: string;
      readonly label: string;
      readonly apiUrl: string;
    }
  | {
      readonly kind: "servicenow";
      readonly id: string;
      readonly instance: string;
      readonly user: string;
      readonly password: string;
      readonly closeCode: string;
      readonly fields?: Readonly<Record<string, string>> | undefined;
    }
  | { readonly kind: "pagerduty"; readonly id: string; readonly routingKey: string; readonly apiUrl: string }
  | { readonly kind: "google-chat"; readonly id: string; readonly webhookUrl: string }
  | {
      readonly kind: "webhook";
      readonly id: string;
      readonly url: string;
      readonly signingKey: string;
      readonly source: string;
    };

/** What runs when there is no file: a store beside the process and messages to the terminal. */
export const EMBEDDED_DEFAULTS: SettingsDocument = {
  store: { kind: "sqlite", path: ".glasswatch/state.db" },
  destinations: [{ kind: "console", id: "console" }],
  incidents: { quietAfterHours: { "policy-violation": 48 }, reopenWithinHours: 24 },
  delivery: { inlineBudgetMs: 8_000, attemptTimeoutMs: 5_000, localTickSeconds: 60 },
  watchlists: EMPTY_WATCHLISTS,
  rules: { own: [], changes: [] },
};
