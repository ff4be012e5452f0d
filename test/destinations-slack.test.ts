import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { test as property } from "@fast-check/vitest";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Notification, openDestination, toNotification } from "../shared/destinations/index.ts";
import { type SlackMessage, toMinimalMessage, toSlackMessage } from "../shared/destinations/slack.ts";
import { context, fallback, header } from "../shared/destinations/slack-blocks.ts";
import { Secret } from "../shared/secret.ts";
import { expectFailure, expectNoSecret, failure, hostileNotification } from "./support/destination-contract.ts";
import { anyFinding, anyText, hasUnseen } from "./support/destination-texts.ts";
import { example } from "./support/example-findings.ts";
import { slackComplaints } from "./support/slack-block-kit.ts";
import { type SlackStandIn, startSlackStandIn } from "./support/slack-stand-in.ts";

// Hundreds of texts a test: a busy machine may need more than the usual time.
vi.setConfig({ testTimeout: 30_000 });

const breakGlass = example("cloud-run-break-glass-with-justification");
const notification = toNotification(breakGlass.finding, breakGlass.counsel);
const never = new AbortController().signal;

/** What Slack would turn into a mention, a channel, a command or a link; our own text has none of them. */
const TOKENS = /<[!@#]|<\/?https?:|<mailto:|<tel:/i;

describe("any text in any field", () => {
  property.prop([anyFinding], { numRuns: 400 })(
    "becomes a message that Slack takes and that calls nobody",
    (finding) => {
      const told = toNotification(finding, breakGlass.counsel, { runbookBase: "https://wiki.example.com/runbooks/" });
      for (const message of [toSlackMessage(told), toMinimalMessage(told)]) {
        expect(slackComplaints(message)).toEqual([]);
        expect(stringsOf(message).filter((text) => TOKENS.test(text))).toEqual([]);
        expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThan(25_000);
        expect(JSON.stringify(message)).not.toContain('"mrkdwn",');
        expect(message.text).not.toMatch(/@(?:channel|here|everyone)/i);
        expect(stringsOf(message).filter(hasUnseen)).toEqual([]);
      }
    },
  );

  property.prop([anyFinding], { numRuns: 200 })("gives no button an address that is not ours", (finding) => {
    const told = toNotification(finding, breakGlass.counsel, { runbookBase: "https://wiki.example.com/runbooks/" });
    for (const url of urlsOf(toSlackMessage(told))) {
      expect(["console.cloud.google.com", "cloud.google.com", "wiki.example.com"]).toContain(new URL(url).hostname);
      expect(url.startsWith("https://")).toBe(true);
    }
  });

  property.prop([anyText])("is escaped whole or not at all in the fallback", (text) => {
    expect(fallback(text)).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    expect(fallback(text).length).toBeLessThanOrEqual(3000);
    expect(fallback(`x${"&".repeat(5000)}`)).toMatch(/^x(?:&amp;){599}$/);
  });
});

describe("a notification that came out of the store changed", () => {
  const changed: Notification = {
    ...notification,
    headline: "\n",
    lines: [{ label: "<!here>", value: "a\u202e<@U012AB3CD>" }],
    links: [{ kind: "runbook", label: "Runbook", url: "javascript:alert(1)" }],
  };

  it("is made harmless again", () => {
    for (const message of [toSlackMessage(changed), toMinimalMessage(changed)]) {
      expect(slackComplaints(message)).toEqual([]);
      expect(urlsOf(message)).toEqual([]);
      expect(stringsOf(message).filter((text) => hasUnseen(text) || TOKENS.test(text))).toEqual([]);
    }
  });
});

it("has a text in every place where Slack demands one", () => {
  expect(slackComplaints({ text: fallback("\n"), blocks: [header(" "), context(["", "\n"])] })).toEqual([]);
});

describe("a message that is too large", () => {
  it("keeps what matters and shortens the rest", () => {
    const { finding, counsel } = breakGlass;
    const images = Array.from({ length: 30 }, (_, at) => ({
      reference: `registry.example/${"x".repeat(400)}${at}`,
      digest: null,
    }));
    const changes = Array.from({ length: 50 }, () => ({
      field: "f".repeat(300),
      before: "b".repeat(900),
      after: "a",
      effect: "weaker" as const,
    }));
    const told = toNotification({ ...finding, images, changes, justification: "why ".repeat(10_000) }, counsel);
    const text = stringsOf(toSlackMessage(told)).join("\n");
    expect(text).toContain("alice@example.com");
    expect(text).toContain("gcloud run revisions describe checkout-00042-kjq --project=example-prod");
    expect(text).toContain("Images");
    expect(text).toContain("and 28 more");
    expect(text).toContain("why why");
    expect(slackComplaints(toSlackMessage(told))).toEqual([]);
  });

  it("shows a command whole or not at all", () => {
    const { finding, counsel } = breakGlass;
    const told = toNotification(finding, { ...counsel, steps: [`Do it: \`gcloud ${"very ".repeat(300)}long\``] });
    const text = stringsOf(toSlackMessage(told)).join("\n");
    expect(text).not.toContain("very very");
    expect(text).toContain("it is in the runbook");
  });
});

describe("over HTTP", () => {
  let far: SlackStandIn;
  const open = (url: string, timeoutMs?: number) =>
    openDestination(
      { kind: "slack", id: "security", webhookUrl: new Secret(url), timeoutMs },
      { now: () => 0, console: { write: () => {}, colour: false } },
    );
  const secrets = () => [far.url, new URL(far.url).pathname, "sEcReTwebhookPath0123456"];

  beforeEach(async () => {
    far = await startSlackStandIn();
  });
  afterEach(async () => far.close());

  it.each([
    { name: "invalid_blocks", status: 400, body: "invalid_blocks" },
    { name: "msg_blocks_too_long", status: 400, body: "msg_blocks_too_long" },
    { name: "a payload that is too large", status: 413, body: "" },
  ])("sends the minimal message after $name", async ({ status, body }) => {
    far.script({ kind: "status", status, body });
    await expect(open(far.url).deliver(notification, never)).resolves.toEqual({ externalId: null });
    expect(far.requests).toHaveLength(2);
    expect(far.messages.map((message) => message.payload)).toEqual([toMinimalMessage(notification)]);
  });

  it("is refused for good when the minimal message is refused too", async () => {
    far.always({ kind: "status", status: 400, body: "invalid_blocks" });
    const error = await failure(open(far.url).deliver(notification, never));
    expectFailure(error, "DESTINATION_REJECTED", secrets());
    expect(String(error)).toContain("answered 400 (invalid_blocks)");
    expect(far.requests).toHaveLength(2);
  });

  it.each([
    { status: 404, body: "no_service", named: "(no_service)" },
    { status: 410, body: "channel_is_archived", named: "(channel_is_archived)" },
    { status: 403, body: "action_prohibited\n", named: "(action_prohibited)" },
    { status: 500, body: "rollup_error", named: "(rollup_error)" },
    { status: 403, body: "see https://hooks.slack.com/services/T00", named: "answered 403" },
    { status: 403, body: "services", named: "answered 403" },
  ])("names Slack's reason and nothing else of $status $body", async ({ status, body, named }) => {
    far.script({ kind: "status", status, body });
    const error = await failure(open(far.url).deliver(notification, never));
    expect(String(error).endsWith(named)).toBe(true);
    expectNoSecret(error, secrets());
  });

  it("does not take a page of somebody else for Slack's ok", async () => {
    far.script({ kind: "status", status: 200, body: "<html>Please log in</html>" });
    const error = await failure(open(far.url).deliver(notification, never));
    expectFailure(error, "DESTINATION_UNKNOWN_OUTCOME", secrets());
  });

  it("follows no redirect", async () => {
    const elsewhere = await startSlackStandIn();
    far.script({ kind: "status", status: 307, body: "", headers: { location: elsewhere.url } });
    expectFailure(await failure(open(far.url).deliver(notification, never)), "DESTINATION_REJECTED", secrets());
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.close();
  });

  it("waits for a slow answer", async () => {
    far.script({ kind: "slow", ms: 150 });
    await expect(open(far.url, 5_000).deliver(notification, never)).resolves.toEqual({ externalId: null });
    expect(far.messages).toHaveLength(1);
  });

  it("uses no connection twice, for one kept open may be dead by the next message", async () => {
    const destination = open(far.url);
    await destination.deliver(notification, never);
    await destination.deliver(notification, never);
    expect(far.requests.map((request) => request.headers.connection)).toEqual(["close", "close"]);
  });

  it("sends the same message for the same event", async () => {
    const destination = open(far.url);
    await destination.deliver(notification, never);
    await destination.deliver(toNotification(breakGlass.finding, breakGlass.counsel), never);
    expect(far.messages[1]?.payload).toEqual(far.messages[0]?.payload);
  });

  it("is unavailable, with the host alone, when the name does not resolve", async () => {
    const destination = open("https://nowhere.invalid/services/T/B/sEcReTwebhookPath0123456");
    const error = await failure(destination.deliver(notification, never));
    expectFailure(error, "DESTINATION_UNAVAILABLE", secrets());
    expect(String(error)).toContain("nowhere.invalid");
  });

  it.each(["http://hooks.slack.com/services/sEcReT", "ftp://x/sEcReT", "sEcReT", "https://u:sEcReT@hooks.slack.com/"])(
    "refuses at the start to use %s",
    async (url) => {
      const error = await failure((async () => open(url))());
      expectFailure(error, "SETTINGS_INVALID", ["sEcReT"]);
    },
  );
});

it("loads neither Slack's library nor anything else of node_modules before the first message", async () => {
  const door = join(import.meta.dirname, "..", "shared", "destinations", "index.ts");
  const script = `import { createRequire, registerHooks } from "node:module";
    const seen = [];
    registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
    await import(${JSON.stringify(door)});
    console.log(JSON.stringify(seen.filter((url) => url.includes("node_modules"))), seen.length);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  expect(stdout.trim()).toMatch(/^\[\] \d{2}$/);
});

describe("the stand-in", () => {
  const fine = toSlackMessage(notification);
  const withBlock = (block: unknown) => ({ ...fine, blocks: [block] });
  const text = (type: string, length: number) => ({ type, text: "x".repeat(length) });

  it("takes what Slack takes", () => {
    expect(slackComplaints(fine)).toEqual([]);
    expect(slackComplaints({ text: "only text" })).toEqual([]);
    expect(slackComplaints(withBlock({ type: "section", text: { ...text("mrkdwn", 3000), verbatim: true } }))).toEqual(
      [],
    );
  });

  it.each([
    { name: "no text", payload: { blocks: fine.blocks } },
    { name: "no blocks in the list", payload: { ...fine, blocks: [] } },
    { name: "51 blocks", payload: { ...fine, blocks: Array.from({ length: 51 }, () => ({ type: "divider" })) } },
    { name: "an unknown block", payload: withBlock({ type: "headline", text: text("plain_text", 3) }) },
    { name: "an unknown property", payload: withBlock({ type: "divider", colour: "red" }) },
    { name: "a header of 151 characters", payload: withBlock({ type: "header", text: text("plain_text", 151) }) },
    { name: "a header in mrkdwn", payload: withBlock({ type: "header", text: text("mrkdwn", 3) }) },
    { name: "an empty text", payload: withBlock({ type: "header", text: text("plain_text", 0) }) },
    { name: "a section text of 3001", payload: withBlock({ type: "section", text: text("mrkdwn", 3001) }) },
    { name: "a section of nothing", payload: withBlock({ type: "section" }) },
    {
      name: "11 fields",
      payload: withBlock({ type: "section", fields: Array.from({ length: 11 }, () => text("mrkdwn", 1)) }),
    },
    { name: "a field of 2001", payload: withBlock({ type: "section", fields: [text("mrkdwn", 2001)] }) },
    {
      name: "11 context elements",
      payload: withBlock({ type: "context", elements: Array.from({ length: 11 }, () => text("plain_text", 1)) }),
    },
    {
      name: "26 buttons",
      payload: withBlock({ type: "actions", elements: Array.from({ length: 26 }, () => button({})) }),
    },
    { name: "no button in the row", payload: withBlock({ type: "actions", elements: [] }) },
    {
      name: "one action_id twice",
      payload: withBlock({ type: "actions", elements: [button({ action_id: "a" }), button({ action_id: "a" })] }),
    },
    {
      name: "a button text of 76",
      payload: withBlock({ type: "actions", elements: [button({ text: text("plain_text", 76) })] }),
    },
    {
      name: "a url of 3001",
      payload: withBlock({ type: "actions", elements: [button({ url: `https://x.example/${"x".repeat(3000)}` })] }),
    },
    {
      name: "a url that is not https",
      payload: withBlock({ type: "actions", elements: [button({ url: "javascript:alert(1)" })] }),
    },
    { name: "a block_id of 256", payload: withBlock({ type: "divider", block_id: "x".repeat(256) }) },
    {
      name: "one block_id twice",
      payload: {
        ...fine,
        blocks: [
          { type: "divider", block_id: "a" },
          { type: "divider", block_id: "a" },
        ],
      },
    },
    {
      name: "style in preformatted text",
      payload: withBlock({
        type: "rich_text",
        elements: [{ type: "rich_text_preformatted", elements: [{ type: "text", text: "x", style: { bold: true } }] }],
      }),
    },
    {
      name: "an empty rich text",
      payload: withBlock({
        type: "rich_text",
        elements: [{ type: "rich_text_section", elements: [{ type: "text", text: "" }] }],
      }),
    },
    {
      name: "too many bytes in all",
      payload: { ...fine, blocks: Array.from({ length: 5 }, () => ({ type: "section", text: text("mrkdwn", 2900) })) },
    },
    { name: "something else than JSON objects", payload: "text=hello" },
  ])("refuses $name", ({ payload }) => {
    expect(slackComplaints(payload)).not.toEqual([]);
  });

  it("answers invalid_blocks over HTTP, and no_service on another path", async () => {
    const far = await startSlackStandIn();
    const post = async (url: string, body: string) => {
      const response = await fetch(url, { method: "POST", body });
      return `${response.status} ${await response.text()}`;
    };
    expect(await post(far.url, '{"blocks":[]}')).toBe("400 invalid_blocks");
    expect(await post(far.url, "not JSON")).toBe("400 invalid_blocks");
    expect(await post(`${far.url}x`, JSON.stringify(fine))).toBe("404 no_service");
    expect(await post(far.url, JSON.stringify(fine))).toBe("200 ok");
    expect(far.messages).toHaveLength(1);
    expect(far.requests).toHaveLength(4);
    await far.close();
  });

  function button(part: Readonly<Record<string, unknown>>): unknown {
    return { type: "button", text: text("plain_text", 3), url: "https://x.example/", ...part };
  }
});

it("finds the tokens that it looks for", () => {
  const hostile = hostileNotification("<!channel>");
  expect(stringsOf(hostile).some((text) => TOKENS.test(text))).toBe(true);
});

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === "string") {
    return [value];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

function urlsOf(message: SlackMessage): readonly string[] {
  return message.blocks.flatMap((block) =>
    block.type === "actions"
      ? block.elements.flatMap((one) => ("url" in one && one.url !== undefined ? [one.url] : []))
      : [],
  );
}
