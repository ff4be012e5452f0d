import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toConsoleText } from "../shared/destinations/console.ts";
import { DESTINATION_KINDS, openDestination, toNotification } from "../shared/destinations/index.ts";
import { toSlackMessage } from "../shared/destinations/slack.ts";
import { Secret } from "../shared/secret.ts";
import {
  type ContractRow,
  type Counterpart,
  describeDestinationContract,
  type Treatment,
} from "./support/destination-contract.ts";
import { EXAMPLES } from "./support/example-findings.ts";
import { expectGolden } from "./support/golden.ts";
import { type SlackAnswer, startSlackStandIn } from "./support/slack-stand-in.ts";

const NOW = Date.parse("2026-11-20T09:14:00Z");

const CONTRACT: readonly ContractRow[] = [
  {
    kind: "console",
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
    open: async (timeoutMs): Promise<Counterpart> => {
      const slack = await startSlackStandIn();
      const { pathname } = new URL(slack.url);
      return {
        destination: openDestination(
          { kind: "slack", id: "security", webhookUrl: new Secret(slack.url), timeoutMs },
          { now: () => NOW, console: { write: () => {}, colour: false } },
        ),
        secrets: [slack.url, pathname, ...pathname.split("/").slice(2)],
        arrived: () => slack.messages.map((message) => JSON.stringify(message.payload)),
        treat: (treatment) => slack.always(slackAnswer(treatment)),
        close: async () => slack.close(),
      };
    },
  },
];

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
  }
}

for (const row of CONTRACT) {
  describeDestinationContract(row);
}

describe("the contract", () => {
  it("is kept by every kind there is", () => {
    expect(CONTRACT.map((row) => row.kind)).toEqual(DESTINATION_KINDS);
  });
});

it("is described with a message as it is", () => {
  const root = join(import.meta.dirname, "..");
  const read = (...path: readonly string[]) => readFileSync(join(root, ...path), "utf8");
  const golden = read("test", "goldens", "console", "cloud-run-break-glass-with-justification.txt");
  expect(read("docs", "destinations.md")).toContain(golden);
});

describe.each(EXAMPLES)("$name", ({ name, finding, counsel }) => {
  const notification = toNotification(finding, counsel);

  it("reads as accepted, before any markup", () => {
    expectGolden(`notification/${name}.json`, JSON.stringify(notification, null, 2));
  });

  it("reads as accepted in a terminal", () => {
    expectGolden(`console/${name}.txt`, toConsoleText(notification, { colour: false, columns: 100 }));
  });

  it("reads as accepted in Slack", () => {
    expectGolden(`slack/${name}.json`, JSON.stringify(toSlackMessage(notification), null, 2));
  });
});
