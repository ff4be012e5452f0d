import { z } from "zod";
import { type Exchange, type Reply, type StandIn, startStandIn } from "./destination-server.ts";

/** The nodes of Atlassian Document Format that we use, with what each may hold. Whatever is not listed is refused. */
const link = z.strictObject({
  type: z.literal("link"),
  attrs: z.strictObject({ href: z.url({ protocol: /^https$/ }) }),
});
const marks = z.array(z.discriminatedUnion("type", [z.strictObject({ type: z.enum(["strong", "em", "code"]) }), link]));
const text = z.strictObject({ type: z.literal("text"), text: z.string().min(1), marks: marks.min(1).optional() });
const inline = z.array(z.discriminatedUnion("type", [text, z.strictObject({ type: z.literal("hardBreak") })]));
const paragraph = z.strictObject({ type: z.literal("paragraph"), content: inline });
const codeBlock = z.strictObject({
  type: z.literal("codeBlock"),
  content: z.array(text.omit({ marks: true })),
});
const listItem = z.strictObject({
  type: z.literal("listItem"),
  content: z.array(z.union([paragraph, codeBlock])).min(1),
});
const blocks = z.discriminatedUnion("type", [
  paragraph,
  codeBlock,
  z.strictObject({ type: z.literal("blockquote"), content: z.array(paragraph).min(1) }),
  z.strictObject({ type: z.enum(["bulletList", "orderedList"]), content: z.array(listItem).min(1) }),
  z.strictObject({
    type: z.literal("table"),
    content: z
      .array(
        z.strictObject({
          type: z.literal("tableRow"),
          content: z.array(
            z.strictObject({ type: z.enum(["tableHeader", "tableCell"]), content: z.array(paragraph).min(1) }),
          ),
        }),
      )
      .min(1),
  }),
]);
const document = z
  .strictObject({ type: z.literal("doc"), version: z.literal(1), content: z.array(blocks).min(1) })
  .refine((doc) => JSON.stringify(doc).length <= 32_767, "CONTENT_LIMIT_EXCEEDED");

const issue = z.strictObject({
  fields: z.looseObject({
    project: z.strictObject({ key: z.string() }),
    issuetype: z.strictObject({ name: z.string() }),
    summary: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[^\r\n]*$/),
    labels: z.array(z.string().regex(/^\S{1,255}$/)),
    description: document,
  }),
  properties: z.array(z.strictObject({ key: z.string(), value: z.unknown() })),
});
const comment = z.strictObject({ body: document });
const search = z.strictObject({
  jql: z.string(),
  fields: z.array(z.string()),
  properties: z.array(z.string()).max(5).optional(),
  maxResults: z.number().int().max(5000),
});
const transition = z.strictObject({ transition: z.strictObject({ id: z.string() }) });

/** Why Jira would not take a document; empty when it would. */
export function adfComplaints(value: unknown): readonly string[] {
  const result = document.safeParse(value);
  return result.success ? [] : result.error.issues.map((one) => `${one.path.join(".")}: ${one.message}`);
}

interface Issue {
  readonly key: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, unknown>> & { readonly labels: readonly string[] };
  readonly properties: Readonly<Record<string, unknown>>;
  readonly comments: unknown[];
  category: "new" | "done";
}

export interface JiraStandIn extends StandIn {
  readonly issues: readonly Issue[];
  /** How long a new issue stays invisible to searches, as with the real one. */
  searchDelayMs: number;
  /** Which categories of states one can go to from here. */
  ways: readonly string[];
}

export const JIRA_TOKEN = "sEcReTjiraToken0123456789";
export const JIRA_EMAIL = "glasswatch@example.com";

export async function startJiraStandIn(clock: () => number = Date.now): Promise<JiraStandIn> {
  const issues: Issue[] = [];
  const expected = `Basic ${Buffer.from(`${JIRA_EMAIL}:${JIRA_TOKEN}`).toString("base64")}`;

  const schemaOf = ({ method, path }: Exchange) => {
    if (method !== "POST") return undefined;
    if (path === "/rest/api/3/issue") return issue;
    if (path === "/rest/api/3/search/jql") return search;
    return path.endsWith("/comment") ? comment : path.endsWith("/transitions") ? transition : undefined;
  };

  function handle(exchange: Exchange): Reply {
    const { method, path, json } = exchange;
    if (exchange.headers.authorization !== expected) return { status: 401, body: { message: "no" } };
    if (path === "/rest/api/3/myself") return { status: 200, body: { accountId: "1" } };
    if (path === "/rest/api/3/issue") return create(json as z.infer<typeof issue>);
    if (path === "/rest/api/3/search/jql") return find((json as z.infer<typeof search>).jql);
    const [, key = "", below = ""] = /^\/rest\/api\/3\/issue\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const found = issues.find((one) => one.key === key);
    if (found === undefined) return { status: 404, body: { errorMessages: ["Issue does not exist"], errors: {} } };
    if (below === "") return { status: 200, body: shown(found) };
    if (below === "comment" && method === "GET") {
      return { status: 200, body: { comments: found.comments.toReversed().map((body) => ({ body })) } };
    }
    if (below === "comment") {
      found.comments.push((json as z.infer<typeof comment>).body);
      return { status: 201, body: { id: String(found.comments.length) } };
    }
    if (method === "GET") {
      const transitions = standIn.ways.map((category) => ({
        id: category,
        isAvailable: true,
        to: { statusCategory: { key: category } },
      }));
      return { status: 200, body: { transitions } };
    }
    found.category = (json as z.infer<typeof transition>).transition.id === "done" ? "done" : "new";
    return { status: 204 };
  }

  function create({ fields, properties }: z.infer<typeof issue>): Reply {
    const key = `SEC-${issues.length + 1}`;
    issues.push({
      key,
      at: clock(),
      fields,
      properties: Object.fromEntries(properties.map((one) => [one.key, one.value])),
      comments: [],
      category: "new",
    });
    return { status: 201, body: { id: String(10_000 + issues.length), key, self: `https://x.example/${key}` } };
  }

  function find(jql: string): Reply {
    const label = /labels = "([^"]+)"/.exec(jql)?.[1];
    const visible = issues.filter(({ at }) => clock() - at >= standIn.searchDelayMs);
    const found = visible.filter(
      ({ fields }) => label === undefined || fields.labels.some((one) => one.toLowerCase() === label.toLowerCase()),
    );
    return { status: 200, body: { issues: found.map(shown), isLast: true } };
  }

  const server = await startStandIn({
    handle,
    isWrite: ({ method, path }) => method === "POST" && !path.endsWith("/search/jql"),
    complaints: (exchange) => {
      const result = schemaOf(exchange)?.safeParse(exchange.json);
      return result === undefined || result.success ? [] : result.error.issues.map((one) => one.message);
    },
  });
  const standIn: JiraStandIn = { ...server, issues, searchDelayMs: 0, ways: ["indeterminate", "new", "done"] };
  return standIn;
}

function shown({ key, fields, properties, category }: Issue): object {
  return { key, fields: { labels: fields.labels, status: { statusCategory: { key: category } } }, properties };
}
