import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toConsoleText } from "../shared/destinations/console.ts";
import { toEmail } from "../shared/destinations/email.ts";
import { toGitHubComment, toGitHubIssue } from "../shared/destinations/github.ts";
import { toChatMessage } from "../shared/destinations/google-chat.ts";
import { isOpening } from "../shared/destinations/incident-words.ts";
import { DESTINATION_KINDS, type Notification, toNotification } from "../shared/destinations/index.ts";
import { toJiraComment, toJiraIssue } from "../shared/destinations/jira.ts";
import { toPagerDutyEvent } from "../shared/destinations/pagerduty.ts";
import { moveOf, toServiceNowIncident, toServiceNowNews } from "../shared/destinations/servicenow.ts";
import { toSlackMessage } from "../shared/destinations/slack.ts";
import { toLivingMessage, toReply } from "../shared/destinations/slack-bot.ts";
import { storyKey } from "../shared/destinations/tickets.ts";
import { toCloudEvent } from "../shared/destinations/webhook.ts";
import { describeDestinationContract } from "./support/destination-contract.ts";
import { CONTRACT } from "./support/destination-rows.ts";
import { EXAMPLES } from "./support/example-findings.ts";
import { DIGEST, HOSTILE, newsOfStory } from "./support/example-incidents.ts";
import { expectGolden } from "./support/golden.ts";
import { slackPreview } from "./support/slack-preview.ts";

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

const FROM = "glasswatch@example.com";

/** How each platform shows a notification, in files that a person can read. */
const RENDERINGS: Readonly<Record<string, (notification: Notification) => string>> = {
  "notification/NAME.json": (told) => JSON.stringify(told, null, 2),
  "console/NAME.txt": (told) => toConsoleText(told, { colour: false, columns: 100 }),
  "slack/NAME.json": (told) => JSON.stringify(toSlackMessage(told), null, 2),
  "slack-bot/NAME.txt": (told) =>
    isOpening(told)
      ? slackPreview(toLivingMessage(told, "post"))
      : `${slackPreview(toLivingMessage(told, "update"))}in the thread:\n\n${slackPreview(toReply(told))}`,
  "email/NAME.txt": (told) => {
    const { subject, messageId, inReplyTo, references, headers, text } = toEmail(told, FROM);
    const thread = [
      inReplyTo === null ? [] : [`In-Reply-To: ${inReplyTo}`],
      references.map((id) => `References: ${id}`),
    ];
    const lines = [
      `Subject: ${subject}`,
      `Message-ID: ${messageId}`,
      ...thread.flat(),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    return `${lines.join("\n")}\n\n${text}`;
  },
  "email/NAME.html": (told) => toEmail(told, FROM).html,
  "jira/NAME.json": (told) =>
    JSON.stringify(
      isOpening(told)
        ? toJiraIssue(told, { key: storyKey(told), project: "SEC", issueType: "Task", fields: {} })
        : toJiraComment(told),
      null,
      2,
    ),
  "github/NAME.md": (told) => {
    if (!isOpening(told)) return toGitHubComment(told);
    const { title, labels, body } = toGitHubIssue(told, "glasswatch");
    return `title: ${title}\nlabels: ${labels.join(", ")}\n\n${body}`;
  },
  "servicenow/NAME.txt": (told) =>
    Object.entries(
      isOpening(told)
        ? toServiceNowIncident(told, storyKey(told), {})
        : { ...toServiceNowNews(told), ...moveOf(told, told.incident?.news === "reopened", "Solution provided") },
    )
      .map(([field, value]) => `--- ${field}\n${value.trimEnd()}\n`)
      .join(""),
  "pagerduty/NAME.json": (told) => JSON.stringify(toPagerDutyEvent(told), null, 2),
  "google-chat/NAME.json": (told) => JSON.stringify(toChatMessage(told), null, 2),
  "webhook/NAME.json": (told) => JSON.stringify(toCloudEvent(told, "urn:glasswatch"), null, 2),
};
const EVERYWHERE = Object.entries(RENDERINGS).map(([file, render]) => ({ file, render }));
const SHOWN: readonly { readonly name: string; readonly told: Notification }[] = [
  { name: "flood-digest", told: DIGEST },
  { name: "cloud-run-break-glass-opened", told: newsOfStory("cloud-run-break-glass", "opened") },
  { name: "cloud-run-break-glass-updated", told: newsOfStory("cloud-run-break-glass", "updated") },
  { name: "cloud-run-break-glass-repeated", told: newsOfStory("cloud-run-break-glass", "repeated") },
  { name: "cloud-run-break-glass-acknowledged", told: newsOfStory("cloud-run-break-glass", "acknowledged") },
  { name: "cloud-run-break-glass-resolved", told: newsOfStory("cloud-run-break-glass", "resolved") },
  { name: "cloud-run-break-glass-reopened", told: newsOfStory("cloud-run-break-glass", "reopened") },
  { name: "gke-break-glass-overdue", told: newsOfStory("gke-break-glass", "overdue") },
  { name: "policy-weakened-justified", told: newsOfStory("policy-weakened", "justified") },
];

describe.each(EXAMPLES)("$name", ({ name, finding, counsel }) => {
  const told = toNotification(finding, counsel);
  it.each(EVERYWHERE)("reads as accepted in $file", ({ file, render }) => {
    expectGolden(file.replace("NAME", name), render(told));
  });
});

describe.each(SHOWN)("$name", ({ name, told }) => {
  it.each(EVERYWHERE)("reads as accepted in $file", ({ file, render }) => {
    expectGolden(file.replace("NAME", name), render(told));
  });
});

describe("what is full of markup", () => {
  const HARMLESS = ["slack-bot/", "email/", "jira/", "github/", "servicenow/", "google-chat/"];
  it.each(EVERYWHERE.filter(({ file }) => HARMLESS.some((folder) => file.startsWith(folder))))(
    "reads harmless in $file",
    ({ file, render }) => {
      expectGolden(file.replace("NAME", "hostile-texts"), render(HOSTILE));
    },
  );
});
