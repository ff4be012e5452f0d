import { test as property } from "@fast-check/vitest";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Destination } from "../shared/destinations/destination.ts";
import { openDestination, toNotification } from "../shared/destinations/index.ts";
import { toLivingMessage, toReply } from "../shared/destinations/slack-bot.ts";
import type { ErrorCode } from "../shared/errors.ts";
import { Secret } from "../shared/secret.ts";
import { expectFailure, failure } from "./support/destination-contract.ts";
import { anyFinding, hasUnseen } from "./support/destination-texts.ts";
import { example } from "./support/example-findings.ts";
import { HOSTILE, newsOfStory, STORIES, story } from "./support/example-incidents.ts";
import { slackComplaints } from "./support/slack-block-kit.ts";
import {
  SLACK_CHANNEL,
  SLACK_TOKEN,
  type SlackBotStandIn,
  startSlackBotStandIn,
} from "./support/slack-bot-stand-in.ts";

vi.setConfig({ testTimeout: 30_000 });

const never = new AbortController().signal;
const news = (kind: Parameters<typeof newsOfStory>[1]) => newsOfStory("cloud-run-break-glass", kind);
const [opened, updated, repeated, resolved] = [news("opened"), news("updated"), news("repeated"), news("resolved")];

describe("a living message", () => {
  let far: SlackBotStandIn;
  let now: number;
  const open = (settleMs = 0): Destination =>
    openDestination(
      {
        kind: "slack-bot",
        id: "security",
        token: new Secret(SLACK_TOKEN),
        channel: SLACK_CHANNEL,
        apiUrl: far.apiUrl,
        settleMs,
      },
      { now: () => now, console: { write: () => {}, colour: false } },
    );
  const shown = () => far.messages.filter(({ thread }) => thread === null);
  const replies = () => far.messages.filter(({ thread }) => thread !== null);

  beforeEach(async () => {
    now = Date.parse("2026-11-20T09:14:33Z");
    far = await startSlackBotStandIn(() => now);
  });
  afterEach(async () => far.close());

  it("is one, is rewritten with all news, and has them as short replies", async () => {
    const destination = open();
    const all = story("cloud-run-break-glass").news;
    const receipt = await destination.deliver(opened, never);
    for (const later of all.slice(1)) expect(await destination.deliver(later, never, receipt)).toEqual(receipt);
    expect(shown()).toHaveLength(1);
    expect(shown()[0]?.payload).toMatchObject(
      JSON.parse(JSON.stringify(toLivingMessage(all.at(-1) as never, "update"))),
    );
    expect(replies().map(({ payload }) => payload.text)).toEqual([
      "Updated: asked for by deployer@example-prod.iam.gserviceaccount.com",
      "Repeated: 7 findings by now, the last at 2026-11-20 09:31:02 UTC",
      "Acknowledged: bob@example.com is looking after it",
      expect.stringContaining("Resolved by a compliant deployment by alice@example.com after 2 hours"),
      "Reopened: revision checkout-00044-wuc has the glass broken again",
    ]);
    expect(replies().map(({ payload }) => payload.reply_broadcast)).toEqual([false, false, false, false, true]);
  });

  it("says its state by its first word and its colour", () => {
    const states = STORIES.flatMap((one) => one.news).map((told) => {
      const { blocks, attachments = [] } = toLivingMessage(told, "update");
      const [header] = blocks;
      const words = header?.type === "header" ? header.text.text.split(" ")[1] : undefined;
      return [told.incident?.state, words, attachments[0]?.color].join(" ");
    });
    expect([...new Set(states)].toSorted()).toEqual([
      "acknowledged Acknowledged: #bf8700",
      "justified Justified: #0969da",
      "open Open: #d1242f",
      "overdue Overdue: #8250df",
      "resolved Resolved: #1a7f37",
    ]);
  });

  it("that somebody deleted is posted again", async () => {
    const destination = open();
    const receipt = await destination.deliver(opened, never);
    far.messages.splice(0);
    const again = await destination.deliver(updated, never, receipt);
    expect(shown()).toHaveLength(1);
    expect(again).not.toBeNull();
    expect(replies()).toEqual([]);
  });

  it("is found by its metadata on whatever page, and by no text", async () => {
    const destination = open();
    const receipt = await destination.deliver(opened, never);
    const forged = { ...toReply(opened), metadata: { event_type: "x", event_payload: { message: opened.id } } };
    for (let other = 0; other < 7; other++) {
      now += 1_000;
      far.messages.push({ ts: `${now / 1000}.0`, thread: null, at: now, payload: { ...forged }, edits: [] });
    }
    now += 1_000;
    expect(await destination.find?.(opened, never)).toEqual(receipt);
    expect(await destination.find?.(newsOfStory("gke-break-glass", "opened"), never)).toBeUndefined();
  });

  it("whose answer was lost is not posted again, though the history shows it later", async () => {
    const destination = open(30_000);
    far.historyDelayMs = 5_000;
    far.script({ kind: "resets" });
    expectFailure(await failure(destination.deliver(opened, never)), "DESTINATION_UNKNOWN_OUTCOME", [SLACK_TOKEN]);
    const asked = await failure(destination.find?.(opened, never) ?? Promise.resolve());
    expectFailure(asked, "DESTINATION_UNAVAILABLE", [SLACK_TOKEN]);
    now += 6_000;
    expect(await destination.find?.(opened, never)).toEqual({ externalId: expect.any(String) });
    expect(far.messages).toHaveLength(1);
  });

  it("whose update was lost is updated again, and its reply comes once", async () => {
    const destination = open();
    const receipt = await destination.deliver(opened, never);
    far.script({ kind: "resets" });
    expectFailure(await failure(destination.deliver(repeated, never, receipt)), "DESTINATION_UNAVAILABLE", [
      SLACK_TOKEN,
    ]);
    await destination.deliver(repeated, never, receipt);
    expect([shown().length, replies().length]).toEqual([1, 1]);
    far.script({ kind: "takes" }, { kind: "resets" });
    await failure(destination.deliver(resolved, never, receipt));
    expect(await destination.find?.(resolved, never)).toEqual(receipt);
    expect([shown().length, replies().length]).toEqual([1, 2]);
  });

  it("is not mistaken for one of another channel", async () => {
    const destination = open();
    await destination.deliver(opened, never);
    await destination.deliver(updated, never, { externalId: "C0000000000/1.1" });
    expect([shown().length, replies().length]).toEqual([1, 1]);
  });

  it("is posted in its smallest form where Slack does not take the whole one", async () => {
    far.fail("chat.postMessage", "invalid_blocks");
    await open().deliver(opened, never);
    expect(JSON.stringify(shown()[0]?.payload)).toContain("too large for Slack");
    far.fail("chat.postMessage", "msg_blocks_too_long", 2);
    expectFailure(await failure(open().deliver(opened, never)), "DESTINATION_REJECTED", [SLACK_TOKEN]);
  });

  it.each<{ error: string; code: ErrorCode }>([
    { error: "ratelimited", code: "DESTINATION_UNAVAILABLE" },
    { error: "service_unavailable", code: "DESTINATION_UNAVAILABLE" },
    { error: "internal_error", code: "DESTINATION_UNKNOWN_OUTCOME" },
    { error: "fatal_error", code: "DESTINATION_UNKNOWN_OUTCOME" },
    { error: "request_timeout", code: "DESTINATION_UNKNOWN_OUTCOME" },
    { error: "invalid_auth", code: "DESTINATION_REJECTED" },
    { error: "not_in_channel", code: "DESTINATION_REJECTED" },
    { error: "is_archived", code: "DESTINATION_REJECTED" },
    { error: `see ${SLACK_TOKEN}`, code: "DESTINATION_UNKNOWN_OUTCOME" },
  ])("that Slack answers with $error is $code", async ({ error, code }) => {
    far.fail("chat.postMessage", error);
    expectFailure(await failure(open().deliver(opened, never)), code, [SLACK_TOKEN]);
  });

  it("is not answered by a page of somebody else", async () => {
    const destination = open();
    far.script({ kind: "answers", status: 302 });
    expectFailure(await failure(destination.deliver(opened, never)), "DESTINATION_REJECTED", [SLACK_TOKEN]);
    expect(far.messages).toEqual([]);
  });

  it("needs the right to read the history, or it could not be found again", async () => {
    far.fail("conversations.history", "missing_scope");
    const error = await failure(open().check?.(never) ?? Promise.resolve());
    expectFailure(error, "DESTINATION_REJECTED", [SLACK_TOKEN]);
    expect(String(error)).toContain("missing_scope");
  });
});

const TOKENS = /<[!@#]|<\/?https?:|<mailto:|<tel:/i;

property.prop([anyFinding], { numRuns: 200 })(
  "any text becomes a message that Slack takes and that calls nobody",
  (any) => {
    const told = toNotification(any, example("cloud-run-break-glass-with-justification").counsel);
    for (const message of [toLivingMessage(told, "post"), toLivingMessage(told, "update", "minimal"), toReply(told)]) {
      for (const blocks of [message.blocks, ...(message.attachments ?? []).map((one) => one.blocks)]) {
        expect(slackComplaints({ text: message.text, blocks })).toEqual([]);
      }
      const texts = stringsOf(message.blocks).concat(stringsOf(message.attachments));
      expect(texts.filter((text) => TOKENS.test(text) || hasUnseen(text))).toEqual([]);
      expect(message.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    }
  },
);

it("news full of markup calls nobody", () => {
  for (const message of [toLivingMessage(HOSTILE, "post"), toReply(HOSTILE)]) {
    expect(stringsOf(message).filter((text) => TOKENS.test(text))).toEqual([]);
    expect(message.text).not.toMatch(/@(?:channel|here|everyone)/i);
  }
});

function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}
