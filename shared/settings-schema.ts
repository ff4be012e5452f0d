import { isNode, LineCounter, type Node, parseDocument } from "yaml";
import { z } from "zod";
import { checkRuleDocument, type RuleDocument } from "./classifier/declared-rule.ts";
import { ProcessingError } from "./errors.ts";
import { CATEGORIES, SEVERITIES } from "./finding.ts";
import { isTimeZone } from "./query/timestamp.ts";
import { compileCondition, destinationsOf, type RouteDocument } from "./response/routes.ts";
import { WEEKDAYS } from "./response/time-window.ts";
import { EMBEDDED_DEFAULTS, type SettingsDocument } from "./settings-document.ts";

const id = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, "expected a name of lower-case letters, digits and dashes")
  .describe("Names the destination in routes, logs and the ledger.");

const secretReference = z
  .string()
  .regex(/^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$/, "a secret is given by reference, such as ${env:SLACK_WEBHOOK_URL}")
  .describe("The environment variable that holds the secret, as ${env:NAME}.");

const consoleDestination = z
  .strictObject({ id, kind: z.literal("console") })
  .describe("Writes what a chat message would say to standard output.");

const slackDestination = z
  .strictObject({ id, kind: z.literal("slack"), webhookUrl: secretReference })
  .describe("Posts to a Slack channel through an incoming webhook.");

const address = z
  .string()
  .regex(
    /^(?:https:\/\/[^\s/@]+|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?)(?:\/[^\s@]*)?$/,
    "expected an https address (http only on this machine)",
  );
const mailAddress = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
    "expected an e-mail address",
  );
const line = z.string().regex(/^[^\p{Cc}]{1,200}$/u, "expected one line of text");

const slackBotDestination = z
  .strictObject({
    id,
    kind: z.literal("slack-bot"),
    token: secretReference.describe("A bot token (xoxb-...), as ${env:NAME}."),
    channel: z
      .string()
      .regex(/^[CG][A-Z0-9]{2,20}$/, "expected the id of a channel, such as C0123456789")
      .describe("The id of the channel, not its name; the bot has to be a member."),
    apiUrl: address.default("https://slack.com/api").describe("Another address for GovSlack."),
  })
  .describe("Keeps one living message for each incident in a Slack channel, with its news in the thread.");

const emailDestination = z
  .strictObject({
    id,
    kind: z.literal("email"),
    host: z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, "expected the name of a mail server"),
    port: z.number().int().min(1).max(65_535).default(587).describe("587 for starttls, 465 for tls."),
    security: z
      .enum(["starttls", "tls"])
      .default("starttls")
      .describe("starttls is required and not only tried; tls speaks it from the first byte. There is no third."),
    user: line.optional(),
    password: secretReference.optional(),
    from: mailAddress,
    to: z.array(mailAddress).min(1).max(50).describe("Nobody else ever gets a message."),
    replyTo: mailAddress.optional(),
  })
  .refine((mail) => (mail.user === undefined) === (mail.password === undefined), {
    message: "user and password come together",
    path: ["user"],
  })
  .describe("Sends mail over SMTP.");

const jiraDestination = z
  .strictObject({
    id,
    kind: z.literal("jira"),
    site: address.describe("Such as https://example.atlassian.net"),
    email: mailAddress.describe("Of the account that the token belongs to."),
    apiToken: secretReference,
    project: z.string().regex(/^[A-Z][A-Z0-9_]{1,30}$/, "expected the key of a project, such as SEC"),
    issueType: line.default("Task"),
    fields: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("Further fields that the project demands, by their ids, always with these values."),
  })
  .describe("Keeps one Jira issue for each incident.");

const githubDestination = z
  .strictObject({
    id,
    kind: z.literal("github"),
    repository: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.{1,2}$)[\w.-]{1,100}$/, "expected OWNER/NAME"),
    token: secretReference,
    label: z
      .string()
      .regex(/^[^,\p{Cc}]{1,50}$/u, "expected a label without a comma")
      .default("glasswatch")
      .describe("Carried by every issue of Glasswatch, and by no other."),
    apiUrl: address.default("https://api.github.com").describe("Another address for GitHub Enterprise Server."),
  })
  .describe("Keeps one GitHub issue for each incident.");

const serviceNowDestination = z
  .strictObject({
    id,
    kind: z.literal("servicenow"),
    instance: address.describe("Such as https://example.service-now.com"),
    user: line,
    password: secretReference,
    closeCode: line.default("Solution provided").describe("One of your instance's values for how it was resolved."),
    fields: z
      .record(z.string(), z.string())
      .optional()
      .describe("Further fields of the incident, always with these values, such as assignment_group."),
  })
  .describe("Keeps one ServiceNow incident for each incident.");

const pagerDutyDestination = z
  .strictObject({
    id,
    kind: z.literal("pagerduty"),
    routingKey: secretReference.describe("The integration key of an Events API v2 integration, as ${env:NAME}."),
    apiUrl: address.default("https://events.pagerduty.com").describe("https://events.eu.pagerduty.com in Europe."),
  })
  .describe("Pages whoever is on call.");

const googleChatDestination = z
  .strictObject({ id, kind: z.literal("google-chat"), webhookUrl: secretReference })
  .describe("Posts to a space of Google Chat through an incoming webhook, a thread for each incident.");

const webhookDestination = z
  .strictObject({
    id,
    kind: z.literal("webhook"),
    url: secretReference,
    signingKey: secretReference.describe("Signs every message, so that the receiver can tell it from others."),
    source: line.default("urn:glasswatch").describe("What the events name as their source; a URI."),
  })
  .describe("Posts signed CloudEvents to any address.");

const destination = z.discriminatedUnion("kind", [
  consoleDestination,
  slackDestination,
  slackBotDestination,
  emailDestination,
  jiraDestination,
  githubDestination,
  serviceNowDestination,
  pagerDutyDestination,
  googleChatDestination,
  webhookDestination,
]);

const store = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("sqlite"),
      path: z.string().min(1).default(".glasswatch/state.db").describe("The database file; it is made when missing."),
    }),
    z.strictObject({ kind: z.literal("memory") }).describe("Forgets everything at the end of the process."),
    z
      .strictObject({
        kind: z.literal("firestore"),
        database: z
          .string()
          .regex(/^(?:\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$/, "expected (default) or the id of a database")
          .default("(default)")
          .describe("A Firestore database in native mode, in the project that Glasswatch runs in."),
        collectionPrefix: z
          .string()
          .regex(/^[a-z][a-z0-9-]{0,39}$/, "expected lower-case letters, digits and dashes")
          .default("glasswatch-")
          .describe("Begins the name of every collection, so that others can use the database too."),
      })
      .describe("Shared by all instances of all functions in Google Cloud."),
  ])
  .default(EMBEDDED_DEFAULTS.store)
  .describe("Where findings, deliveries and dead letters are remembered.");

const milliseconds = (least: number, most: number) => z.number().int().min(least).max(most);

const delivery = z
  .strictObject({
    inlineBudgetMs: milliseconds(1_000, 540_000)
      .default(EMBEDDED_DEFAULTS.delivery.inlineBudgetMs)
      .describe("How long one message may be held for delivery; keep it below the subscription's ack deadline."),
    attemptTimeoutMs: milliseconds(200, 60_000)
      .default(EMBEDDED_DEFAULTS.delivery.attemptTimeoutMs)
      .describe("When one attempt to deliver is told to stop."),
    localTickSeconds: z
      .number()
      .min(0)
      .max(3_600)
      .default(EMBEDDED_DEFAULTS.delivery.localTickSeconds)
      .describe("Outside Google Cloud: how often deliveries that are due are tried again; 0 for never."),
  })
  .refine((d) => d.attemptTimeoutMs + 500 <= d.inlineBudgetMs, {
    message: "one attempt and half a second have to fit into inlineBudgetMs",
    path: ["attemptTimeoutMs"],
  })
  .prefault({});

const clock = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, "expected a time such as 08:00");
const timeWindow = z.strictObject({
  zone: z
    .string()
    .refine(isTimeZone, "expected an IANA time zone, such as Europe/Berlin")
    .describe("Such as Europe/Berlin."),
  days: z.array(z.enum(WEEKDAYS)).min(1).optional().describe("All days when not given."),
  from: clock.optional(),
  to: clock.optional().describe("An end before its beginning goes over midnight."),
});

const condition = z
  .string()
  .min(1)
  .superRefine((when, context) => {
    try {
      compileCondition(when);
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      context.addIssue({ code: "custom", message: `${error.code}: ${error.message}` });
    }
  })
  .describe('The query language over an incident, such as severity>=high AND project="payments-prod".');

const routeFields = {
  name: line.optional().describe("For people, in decisions."),
  destinations: z.array(id).optional().describe("Ids of destinations; those of the route above when not given."),
  groupWaitMs: milliseconds(0, 3_600_000)
    .optional()
    .describe("How long news about a known incident waits for more of it; 30 seconds by default."),
  repeatIntervalMs: milliseconds(60_000, 30 * 86_400_000)
    .optional()
    .describe("How often people hear of an incident that goes on without anything new; 4 hours by default."),
};
const route: z.ZodType<RouteDocument> = z.strictObject({
  ...routeFields,
  when: condition.optional(),
  during: z.array(timeWindow).min(1).optional().describe("Outside of these the route does not match."),
  continue: z.boolean().optional().describe("Lets the routes after this one match too."),
  routes: z
    .lazy(() => z.array(route))
    .optional()
    .describe("Tried first, in this order."),
});
const routes = z
  .strictObject({
    ...routeFields,
    destinations: z.array(id).min(1, "name at least one destination: this route is the last resort"),
    routes: z.array(route).optional().describe("Tried first, in this order."),
  })
  .describe("Who is told of what: a tree, whose root takes what no other route does.");

const hours = (most: number) => z.number().positive().max(most);
const incidents = z
  .strictObject({
    quietAfterHours: z
      .partialRecord(z.enum(CATEGORIES), hours(8_760))
      .default(EMBEDDED_DEFAULTS.incidents.quietAfterHours)
      .describe("How long after its last finding an incident of a category is over by itself."),
    reopenWithinHours: hours(8_760)
      .default(EMBEDDED_DEFAULTS.incidents.reopenWithinHours)
      .describe("A finding this soon after a resolution reopens the incident; later ones open another."),
    ticketPattern: z
      .string()
      .max(200)
      .refine(isPattern, "expected a regular expression")
      .optional()
      .describe("Finds a ticket reference in a justification; without it none is asked for."),
  })
  .prefault({})
  .describe("When findings are one story, and how it is graded.");

const names = (describe: string) => z.array(z.string().min(1)).default([]).describe(describe);
const matching = (pattern: RegExp, expected: string, describe: string) =>
  z
    .array(z.string().regex(pattern, `expected ${expected}`))
    .default([])
    .describe(describe);

const watchlists = z
  .strictObject({
    productionProjects: names("Project ids in which findings count as production."),
    protectedProjects: names("Project ids in which every Cloud Run deployment must have Binary Authorization on."),
    protectedServices: names("Cloud Run services that must: projects/P/locations/L/services/S, or a name."),
    emergencyAccounts: names("Accounts that are meant for emergencies."),
    ownTopics: matching(/^projects\/[^/]+\/topics\/[^/]+$/, "projects/P/topics/T", "Topics to be watched."),
    ownSubscriptions: matching(
      /^projects\/[^/]+\/subscriptions\/[^/]+$/,
      "projects/P/subscriptions/S",
      "Subscriptions to be watched.",
    ),
    ownSinks: matching(
      /^(?:projects|folders|organizations|billingAccounts)\/[^/]+\/sinks\/[^/]+$/,
      "PARENT/sinks/S",
      "Log sinks to be watched.",
    ),
  })
  .prefault({})
  .describe("What only your organization knows.");

const ruleId = z.string().regex(/^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$/, "expected an id such as payments.unusual_deploy");
const severity = z.enum(SEVERITIES);
const entries = z.array(z.looseObject({ logName: z.string() })).min(1);

const ownRule = z.strictObject({
  id: ruleId,
  category: z.enum(CATEGORIES),
  title: z.string().min(1),
  severity,
  filter: z.string().min(1).describe("Google's Logging query language, as in Logs Explorer."),
  incidentKey: z
    .string()
    .min(1)
    .describe("Entries of one story give the same text; fields in braces, such as deploys/{project}/{labels.app}."),
  justification: z.string().optional().describe("The field that holds the reason which somebody gave."),
  images: z.array(z.string()).optional().describe("Fields that hold image references."),
  facts: z.record(z.string(), z.string()).optional().describe("Name and field of what a person should see."),
  counsel: z.strictObject({
    why: z.string().min(1).describe("Why it matters."),
    falsePositives: z.string().min(1).describe("When it means nothing."),
    steps: z.array(z.string().min(1)).min(1).describe("What to do; commands in backticks."),
    reference: z.string().min(1).describe("An https URL, or a path below runbookBase."),
  }),
  matches: entries.describe("Log entries that the rule must recognise."),
  leaves: entries.describe("Near misses that it must leave."),
});

const ruleChange = z
  .strictObject({
    id: ruleId,
    reason: z.string().min(1).describe("Why; shown wherever the rule is."),
    disabled: z.literal(true).optional(),
    severity: severity.optional(),
  })
  .refine((change) => (change.disabled === undefined) !== (change.severity === undefined), {
    message: "say either disabled: true or a severity",
  });

const rules = z
  .strictObject({
    own: z.array(ownRule).default([]).describe("Rules of your own."),
    changes: z.array(ruleChange).default([]).describe("Rules of Glasswatch that you disable or regrade."),
  })
  .prefault({});

/** The settings file. Its JSON Schema, for editors, is docs/schemas/glasswatch.schema.json. */
export const settingsSchema = z
  .strictObject({
    project: z
      .string()
      .min(1)
      .optional()
      .describe("The project that Glasswatch runs in; GOOGLE_CLOUD_PROJECT if absent."),
    store,
    deadLetterTopic: z
      .string()
      .regex(/^projects\/[^/\s]+\/topics\/[^/\s]+$/, "expected projects/PROJECT/topics/TOPIC")
      .optional()
      .describe("Where messages go that cannot be understood; without it the store keeps them."),
    runbookBase: z
      .url({ protocol: /^https$/, error: "expected an https URL" })
      .optional()
      .describe("Where your own runbooks are; relative references of rules lead there."),
    destinations: z
      .array(destination)
      .min(1, "name at least one destination, or nobody is told")
      .default([{ id: "console", kind: "console" }])
      .superRefine((destinations, context) => {
        const seen = new Set<string>();
        for (const [index, destination] of destinations.entries()) {
          if (seen.has(destination.id)) {
            context.addIssue({
              code: "custom",
              path: [index, "id"],
              message: `there is another destination of the id ${destination.id}`,
            });
          }
          seen.add(destination.id);
        }
      }),
    routes: routes.optional(),
    incidents,
    delivery,
    watchlists,
    rules,
  })
  .superRefine(({ destinations, routes: root }, context) => {
    if (root === undefined) return;
    const known = new Set(destinations.map((destination) => destination.id));
    for (const missing of destinationsOf(root).filter((name) => !known.has(name))) {
      context.addIssue({ code: "custom", path: ["routes"], message: `there is no destination ${missing}` });
    }
  })
  .describe("Settings of Glasswatch");

/** The checked document. Throws SETTINGS_INVALID with file, line, column and what was expected, every mistake named. */
export function parseSettings(text: string, file: string): SettingsDocument {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problem = yaml.errors[0];
  if (problem !== undefined) {
    throw invalid(file, [{ ...at(problem.pos[0]), message: problem.message.split("\n", 1)[0] ?? "not YAML" }]);
  }
  const result = settingsSchema.safeParse(yaml.toJS() ?? {});
  if (result.success) {
    const wrongRules = result.data.rules.own.flatMap((rule, index) => {
      const mistake = mistakeOf(rule);
      return mistake === undefined
        ? []
        : [{ ...at(offsetOf(yaml.contents, ["rules", "own", index])), message: mistake }];
    });
    if (wrongRules.length > 0) throw invalid(file, wrongRules);
    return result.data;
  }
  const mistakes = result.error.issues.flatMap((issue) => {
    const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return paths.map((path) => ({ ...at(offsetOf(yaml.contents, path)), message: describe(path, issue) }));
  });
  throw invalid(file, mistakes);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Why a rule of the organization's own cannot be used: its filter, a field in it, or an entry that it judges wrongly. */
function mistakeOf(rule: RuleDocument): string | undefined {
  try {
    checkRuleDocument(rule);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    return error.code === "RULE_INVALID" ? error.message : `rule ${rule.id}: ${error.code}: ${error.message}`;
  }
}

interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

function invalid(file: string, mistakes: readonly Mistake[]): ProcessingError {
  const { line, column } = mistakes[0] as Mistake;
  const all = mistakes.map((mistake) => `${file}:${mistake.line}:${mistake.column}: ${mistake.message}`).join("\n");
  return new ProcessingError("SETTINGS_INVALID", all, { place: file, line, column });
}

function describe(path: readonly PropertyKey[], issue: z.core.$ZodIssue): string {
  const where = path.map(String).join(".") || "the file";
  if (issue.code === "unrecognized_keys") return `${where}: there is no such setting`;
  return `${where}: ${issue.message}`;
}

/** The place of the value at the path, or of the nearest thing around it that the file has. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number {
  let at = root;
  let offset = isNode(root) ? (root.range?.[0] ?? 0) : 0;
  for (const key of path) {
    const child = childOf(at, key);
    if (child === undefined) break;
    offset = child.offset;
    at = child.value;
  }
  return offset;
}

function childOf(node: unknown, key: PropertyKey): { value: unknown; offset: number } | undefined {
  if (!isNode(node) || !("items" in node)) return undefined;
  const items = (node as unknown as { items: readonly unknown[] }).items;
  if (typeof key === "number") {
    const item = items[key];
    return isNode(item) ? { value: item, offset: (item as Node).range?.[0] ?? 0 } : undefined;
  }
  for (const item of items) {
    const pair = item as { key?: unknown; value?: unknown };
    if (!isNode(pair.key) || String((pair.key as unknown as { value: unknown }).value) !== String(key)) continue;
    const place = isNode(pair.value) ? pair.value : pair.key;
    // A mapping starts on the line below its key: the key is what a person looks for.
    const anchor = "items" in (place as object) ? pair.key : place;
    return { value: pair.value, offset: (anchor as Node).range?.[0] ?? 0 };
  }
  return undefined;
}
