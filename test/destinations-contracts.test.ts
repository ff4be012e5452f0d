import { readFileSync } from "node:fs";
import { OpenAPIBackend } from "openapi-backend";
import { beforeAll, describe, expect, it } from "vitest";
import type { Destination } from "../shared/destinations/destination.ts";
import { openDestination } from "../shared/destinations/index.ts";
import { toNotification } from "../shared/destinations/notification.ts";
import { Secret } from "../shared/secret.ts";
import { HOSTILE_TEXTS, hostileNotification } from "./support/destination-contract.ts";
import type { Exchange, StandIn } from "./support/destination-server.ts";
import { EXAMPLES } from "./support/example-findings.ts";
import { DIGEST, HOSTILE, STORIES } from "./support/example-incidents.ts";
import { fixtures } from "./support/fixtures.ts";
import { GITHUB_REPOSITORY, GITHUB_TOKEN, startGitHubStandIn } from "./support/github-stand-in.ts";
import { JIRA_EMAIL, JIRA_TOKEN, startJiraStandIn } from "./support/jira-stand-in.ts";

/** Every request that we make of a vendor, held against the vendor's own description of its interface. */
interface Vendor {
  readonly name: string;
  readonly file: string;
  readonly open: () => Promise<{ readonly far: StandIn; readonly destination: Destination }>;
  /** How many of the vendor's operations we call. */
  readonly operations: readonly string[];
  /** Requests that must be refused, or this suite would prove nothing. */
  readonly wrong: readonly Wrong[];
}

interface Wrong {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly body?: unknown;
}

const never = new AbortController().signal;
const deps = { now: () => Date.parse("2026-11-20T09:14:32Z"), console: { write: () => {}, colour: false } };
const issues = `/repos/${GITHUB_REPOSITORY}/issues`;

const VENDORS: readonly Vendor[] = [
  {
    name: "Jira",
    file: "contracts/jira-cloud-v3.json",
    operations: [
      "addComment",
      "createIssue",
      "doTransition",
      "getComments",
      "getCurrentUser",
      "getIssue",
      "getTransitions",
      "searchAndReconsileIssuesUsingJqlPost",
    ],
    open: async () => {
      const far = await startJiraStandIn();
      const account = { site: far.origin, email: JIRA_EMAIL, apiToken: new Secret(JIRA_TOKEN) };
      const target = { project: "SEC", issueType: "Task", settleMs: 0 };
      return { far, destination: openDestination({ kind: "jira", id: "t", ...account, ...target }, deps) };
    },
    wrong: [
      { name: "fields that are a text", method: "POST", path: "/rest/api/3/issue", body: { fields: "x" } },
      { name: "properties that are no list", method: "POST", path: "/rest/api/3/issue", body: { properties: {} } },
      {
        name: "a setting of the search that there is not",
        method: "POST",
        path: "/rest/api/3/search/jql",
        body: { jql: "project = SEC", startAt: 0 },
      },
      {
        name: "a search for a text of fields",
        method: "POST",
        path: "/rest/api/3/search/jql",
        body: { jql: "x", fields: "status" },
      },
      { name: "a page of words", method: "GET", path: "/rest/api/3/issue/SEC-1/comment", query: "maxResults=many" },
      {
        name: "a transition that is a text",
        method: "POST",
        path: "/rest/api/3/issue/SEC-1/transitions",
        body: { transition: "done" },
      },
      { name: "a path that there is not", method: "GET", path: "/rest/api/3/nowhere" },
    ],
  },
  {
    name: "GitHub",
    file: "contracts/github-issues.json",
    operations: [
      "issues/create",
      "issues/create-comment",
      "issues/get",
      "issues/list-comments",
      "issues/list-for-repo",
      "issues/update",
    ],
    open: async () => {
      const far = await startGitHubStandIn();
      const account = { repository: GITHUB_REPOSITORY, token: new Secret(GITHUB_TOKEN), apiUrl: far.origin };
      const target = { label: "glasswatch", settleMs: 0 };
      return { far, destination: openDestination({ kind: "github", id: "t", ...account, ...target }, deps) };
    },
    wrong: [
      { name: "an issue without title", method: "POST", path: issues, body: { body: "x" } },
      { name: "labels that are a text", method: "POST", path: issues, body: { title: "x", labels: "a" } },
      { name: "a state that there is not", method: "PATCH", path: `${issues}/1`, body: { state: "done" } },
      {
        name: "a reason that there is not",
        method: "PATCH",
        path: `${issues}/1`,
        body: { state: "closed", state_reason: "fixed" },
      },
      { name: "a comment without body", method: "POST", path: `${issues}/1/comments`, body: {} },
      { name: "a listing of a state that there is not", method: "GET", path: issues, query: "state=any" },
      { name: "an issue whose number is a word", method: "GET", path: `${issues}/one` },
    ],
  },
];

for (const { name, file, open, operations, wrong } of VENDORS) {
  const path = fixtures(file);
  describe.runIf(path !== undefined)(`${name}'s own description of its interface`, () => {
    let api: OpenAPIBackend;
    beforeAll(async () => {
      const definition = JSON.parse(readFileSync(path as string, "utf8")) as object;
      // Formats are of answers alone, but for one time that GitHub is asked with.
      api = new OpenAPIBackend({
        definition: definition as never,
        quick: true,
        strict: true,
        ajvOpts: { strict: false, formats: { uri: true, "date-time": true } },
      });
      await api.init();
    });

    const complaintsOf = (request: Pick<Exchange, "method" | "path" | "json"> & { readonly query: string }) => {
      const { method, query, json } = request;
      const asked = { method, path: request.path, query, body: json, headers: { "content-type": "application/json" } };
      const operation = api.router.matchOperation(asked);
      if (operation?.operationId === undefined)
        return { operation: "none", complaints: ["there is no such operation"] };
      const { valid, errors } = api.validateRequest(asked, operation);
      return { operation: operation.operationId, complaints: valid === true ? [] : [JSON.stringify(errors)] };
    };

    it("fits every request that we make", async () => {
      const { far, destination } = await open();
      await destination.check?.(never);
      for (const { news } of STORIES) {
        const receipt = await destination.deliver(news[0] as never, never);
        for (const later of news.slice(1)) {
          await destination.deliver(later, never, receipt);
          await destination.find?.(later, never);
        }
        await destination.deliver(news.at(-1) as never, never, null);
      }
      const alone = EXAMPLES.map((one) => toNotification(one.finding, one.counsel));
      for (const told of [...alone, DIGEST, HOSTILE, ...HOSTILE_TEXTS.map(hostileNotification)]) {
        await destination.deliver(told, never);
        await destination.find?.(told, never);
      }
      await far.close();

      const seen = far.exchanges.map((exchange) =>
        complaintsOf({ ...exchange, query: exchange.query.toString(), json: exchange.json }),
      );
      expect(seen.flatMap(({ complaints }) => complaints)).toEqual([]);
      expect([...new Set(seen.map(({ operation }) => operation))].toSorted()).toEqual(operations);
      expect(far.exchanges.filter(({ status }) => status >= 400)).toEqual([]);
    });

    it.each(wrong)("does not fit $name", ({ method, path: at, query = "", body }) => {
      expect(complaintsOf({ method, path: at, query, json: body }).complaints).not.toEqual([]);
    });
  });
}
