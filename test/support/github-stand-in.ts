import { z } from "zod";
import { type Exchange, type Reply, type StandIn, startStandIn } from "./destination-server.ts";

const body = z.string().min(1).max(65_536);
const issue = z.strictObject({
  title: z.string().min(1).max(256),
  labels: z.array(z.string().min(1).max(50)).min(1),
  body,
});
const comment = z.strictObject({ body });
const change = z.strictObject({ state: z.enum(["open", "closed"]), state_reason: z.enum(["completed", "reopened"]) });

interface Issue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
  readonly at: number;
  readonly comments: { readonly body: string }[];
  state: "open" | "closed";
  /** Pull requests are listed among the issues. */
  readonly isPull: boolean;
}

export interface GitHubStandIn extends StandIn {
  readonly issues: Issue[];
  /** How long a new issue stays invisible to listings. */
  searchDelayMs: number;
}

export const GITHUB_TOKEN = "ghp_sEcReTgithubToken0123456789";
export const GITHUB_REPOSITORY = "example/incidents";

export async function startGitHubStandIn(clock: () => number = Date.now): Promise<GitHubStandIn> {
  const issues: Issue[] = [];
  const root = `/repos/${GITHUB_REPOSITORY}/issues`;

  const schemaOf = ({ method, path }: Exchange) => {
    if (method === "PATCH") return change;
    if (method !== "POST") return undefined;
    return path.endsWith("/comments") ? comment : issue;
  };

  function handle({ method, path, query, headers, json }: Exchange): Reply {
    if (headers.authorization !== `Bearer ${GITHUB_TOKEN}`)
      return { status: 401, body: { message: "Bad credentials" } };
    if (!path.startsWith(root)) return { status: 404, body: { message: "Not Found" } };
    if (path === root && method === "POST") {
      const { title, labels, body: text } = json as z.infer<typeof issue>;
      const number = issues.length + 1;
      issues.push({ number, title, labels, body: text, at: clock(), comments: [], state: "open", isPull: false });
      return { status: 201, body: shown(issues.at(-1) as Issue) };
    }
    if (path === root) return { status: 200, body: paged(listed(query), query) };
    const [, number = "", below = ""] = /\/issues\/(\d+)(\/comments)?$/.exec(path) ?? [];
    const found = issues.find((one) => String(one.number) === number);
    if (found === undefined) return { status: 404, body: { message: "Not Found" } };
    if (below !== "" && method === "GET") return { status: 200, body: paged(found.comments, query) };
    if (below !== "") {
      found.comments.push(json as z.infer<typeof comment>);
      return { status: 201, body: { id: found.comments.length } };
    }
    if (method === "PATCH") found.state = (json as z.infer<typeof change>).state;
    return { status: 200, body: shown(found) };
  }

  function listed(query: URLSearchParams): readonly object[] {
    const labels = (query.get("labels") ?? "").split(",").filter((label) => label !== "");
    return issues
      .filter(({ at }) => clock() - at >= standIn.searchDelayMs)
      .filter((one) => labels.every((label) => one.labels.includes(label)))
      .filter(({ state }) => query.get("state") === "all" || state === "open")
      .toSorted((a, b) => b.at - a.at || b.number - a.number)
      .map(shown);
  }

  const server = await startStandIn({
    handle,
    isWrite: ({ method }) => method !== "GET",
    complaints: (exchange) => {
      const result = schemaOf(exchange)?.safeParse(exchange.json);
      return result === undefined || result.success ? [] : result.error.issues.map((one) => one.message);
    },
  });
  const standIn: GitHubStandIn = { ...server, issues, searchDelayMs: 0 };
  return standIn;
}

function paged(items: readonly object[], query: URLSearchParams): readonly object[] {
  const size = Number(query.get("per_page") ?? 30);
  const page = Number(query.get("page") ?? 1);
  return items.slice((page - 1) * size, page * size);
}

function shown({ number, title, body: text, labels, state, at, isPull }: Issue): object {
  return {
    number,
    title,
    body: text,
    state,
    labels: labels.map((name) => ({ name })),
    created_at: new Date(at).toISOString(),
    ...(isPull ? { pull_request: {} } : {}),
  };
}
