/** The whole path with Google's Pub/Sub emulator: topic, push subscription, our functions, Slack's end of the webhook. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../shared/state/sqlite.ts";
import { type PubSubEmulator, startPubSubEmulator } from "./support/emulators.ts";
import { type RunningFunction, startFunction, workFolder } from "./support/functions-framework.ts";
import { ownStory } from "./support/own-story.ts";
import { eventually, freePort } from "./support/processes.ts";
import { type SlackStandIn, startSlackStandIn } from "./support/slack-stand-in.ts";
import { requireTool } from "./support/tools.ts";

const program = requireTool("java") && requireTool("pubsub-emulator");

/** One more than the lease of a channel, which a killed process keeps. */
const LEASE_OVER_MS = 75_000;
/** Five attempts of the emulator take 5 to 13 s. */
const GIVEN_UP_MS = 30_000;

describe.runIf(program !== undefined)("with the Pub/Sub emulator", () => {
  let pubsub: PubSubEmulator;

  beforeAll(async () => {
    pubsub = await startPubSubEmulator(program ?? "");
  });
  afterAll(() => pubsub?.end());

  /** What Terraform would make for one category, on this machine. All of it ends with the test. */
  async function deploy(name: string, { isStoreBlocked = false, hasDeadLetterPolicy = true } = {}) {
    const [topic, deadLetterTopic] = [await pubsub.createTopic(name), await pubsub.createTopic(`${name}-dead`)];
    const deadLetters = await pubsub.createPull(`${name}-dead-pull`, deadLetterTopic);
    const slack = await startSlackStandIn();
    const folder = await workFolder(`
store: { kind: sqlite, path: state/state.db }
deadLetterTopic: ${deadLetterTopic}
destinations: [{ id: security, kind: slack, webhookUrl: "\${env:GLASSWATCH_SLACK}" }]
delivery: { localTickSeconds: 0.5 }
`);
    // A file in the place of the folder: no store can be opened below it.
    const block = join(folder.path, "state");
    if (isStoreBlocked) await writeFile(block, "");
    const port = await freePort();
    const start = () =>
      startFunction({
        target: "break-glass",
        cwd: folder.path,
        port,
        env: { GLASSWATCH_SLACK: slack.url, PUBSUB_EMULATOR_HOST: pubsub.host, GOOGLE_CLOUD_PROJECT: "example" },
      });
    let running: RunningFunction = await start();
    onTestFinished(async () => {
      await running.end("SIGKILL");
      await slack.close();
      await folder.remove();
    });
    const subscription = await pubsub.createPush(`${name}-push`, topic, {
      endpoint: running.url,
      ...(hasDeadLetterPolicy ? { deadLetterTopic } : {}),
    });
    return {
      topic,
      subscription,
      deadLetters,
      slack,
      running: () => running,
      unblockStore: () => rm(block),
      async kill() {
        const { signal } = await running.end("SIGKILL");
        expect(signal).toBe("SIGKILL");
      },
      async restart() {
        running = await start();
      },
      async ledger() {
        const store = await openSqliteStore(join(folder.path, "state", "state.db"));
        try {
          return { counts: await store.counts(), intents: await store.intents() };
        } finally {
          await store.close();
        }
      },
    };
  }

  /** The events that the channel shows, by the id in their last line, in order. */
  function shown({ messages }: SlackStandIn): string[] {
    return messages.map(({ payload }) => /· event ([0-9a-f]{12}):1 ·/.exec(JSON.stringify(payload))?.[1] ?? "no id");
  }

  test.concurrent("an entry becomes one message, and delivering it again does not make another", async () => {
    const { topic, subscription, slack, running, ledger, deadLetters } = await deploy("once");
    const before = new Date();
    await pubsub.publish(topic, ownStory("the one"), { "logging.googleapis.com/timestamp": "2026-03-01T02:14:05Z" });
    await eventually("the receipt", () => running().logged("delivery.told").length === 1);
    expect(JSON.stringify(slack.messages[0]?.payload)).toContain(
      "checkout-the-one in example-prod, by alice@example.com",
    );

    // The same message once more, as Pub/Sub may; then the same entry in another message, as a sink may.
    await pubsub.deliverAgain(subscription, before);
    await eventually("the redelivery", () => running().logged("finding.known").length === 1);
    await pubsub.publish(topic, ownStory("the one"));
    await eventually("the duplicate", () => running().logged("finding.known").length === 2);

    expect(slack.requests).toHaveLength(1);
    const { counts } = await ledger();
    expect(counts).toMatchObject({ findings: 1, told: 1, pending: 0, sending: 0, unknownOutcomes: 0 });
    expect(await pubsub.pull(deadLetters)).toEqual([]);
  });

  test.concurrent("what nobody can read is in the dead-letter topic, with its bytes and the reason", async () => {
    const { topic, deadLetters, running, slack } = await deploy("poison");
    const poison = '{"logName": "projects/example-prod/lo';
    const id = await pubsub.publish(topic, poison, { "logging.googleapis.com/timestamp": "2026-03-01T02:14:05Z" });

    expect(await pubsub.next(deadLetters)).toEqual({
      data: poison,
      attributes: {
        "logging.googleapis.com/timestamp": "2026-03-01T02:14:05Z",
        "glasswatch-reason": "ENVELOPE_NOT_JSON",
        "glasswatch-reason-message": expect.stringContaining("JSON"),
        "glasswatch-reason-place": "data.message.data: position 37",
        "glasswatch-message-id": id,
      },
    });
    // It was acknowledged: what comes behind it is told, and it does not come again.
    await pubsub.publish(topic, ownStory("behind the poison"));
    await eventually("the receipt", () => running().logged("delivery.told").length === 1);
    expect(running().logged("message.dead_lettered")).toHaveLength(1);
    expect(slack.messages).toHaveLength(1);
    expect(await pubsub.pull(deadLetters)).toEqual([]);
  });

  test.concurrent("while Slack is down for longer than Pub/Sub would try, nothing is lost, and afterwards each is told once", async () => {
    const { topic, slack, running, ledger, deadLetters } = await deploy("outage");
    // What becomes of the same messages when nobody acknowledges them: Pub/Sub gives up.
    const refused = {
      endpoint: `http://127.0.0.1:${await freePort()}`,
      deadLetterTopic: await pubsub.createTopic("gone"),
    };
    const gone = await pubsub.createPull("gone-pull", refused.deadLetterTopic);
    await pubsub.createPush("outage-refused", topic, refused);

    const wait = { kind: "status", status: 429, body: "rate_limited", headers: { "retry-after": "2" } } as const;
    slack.script({ kind: "status", status: 500 }, { kind: "status", status: 500 });
    slack.always(wait);
    for (const insertId of ["first", "second", "third"]) await pubsub.publish(topic, ownStory(insertId));
    await eventually("all three in the store", () => running().logged("finding.recorded").length === 3);
    await pubsub.next(gone, GIVEN_UP_MS);
    await eventually("more refusals", () => slack.requests.length >= 6, 20_000);
    expect(slack.messages).toEqual([]);
    expect(running().logged("delivery.told")).toEqual([]);
    const during = (await ledger()).counts;
    expect(during).toMatchObject({ findings: 3, told: 0, refused: 0, unknownOutcomes: 0 });
    expect(during.pending + during.sending).toBe(3);

    slack.always({ kind: "ok" });
    await eventually("the receipts", () => running().logged("delivery.told").length === 3);
    const { counts, intents } = await ledger();
    expect(counts).toMatchObject({ told: 3, pending: 0, sending: 0, unknownOutcomes: 0 });
    expect(shown(slack)).toEqual(intents.map(({ about }) => about.slice(0, 12)));
    expect(await pubsub.pull(deadLetters)).toEqual([]);

    // Retry-After was honoured by every request, and Slack's rate by every message.
    const gaps = slack.requests
      .slice(1)
      .map(({ at }, index) => ({ after: slack.requests[index], gap: at - (slack.requests[index]?.at ?? 0) }));
    const waits = gaps.filter(({ after }) => after?.answer === "status").slice(2);
    expect(waits.length).toBeGreaterThanOrEqual(4);
    expect(Math.min(...waits.map(({ gap }) => gap))).toBeGreaterThanOrEqual(1_990);
    const rates = gaps.filter(({ after }) => after?.posted === true);
    // A second from sending to sending; on a busy machine one message may arrive late and the next may not.
    expect(Math.min(...rates.map(({ gap }) => gap))).toBeGreaterThanOrEqual(700);
  }, 60_000);

  test.concurrent("while the store fails nothing is acknowledged: Pub/Sub puts it into the dead-letter topic, and it can come back", async () => {
    const { topic, deadLetters, unblockStore, running, slack, ledger } = await deploy("store", {
      isStoreBlocked: true,
    });
    await pubsub.publish(topic, ownStory("given up"), { from: "a sink" });
    const letter = await pubsub.next(deadLetters, GIVEN_UP_MS);
    expect(letter).toEqual({
      data: ownStory("given up"),
      attributes: expect.objectContaining({
        from: "a sink",
        CloudPubSubDeadLetterSourceDeliveryCount: "5",
        CloudPubSubDeadLetterSourceSubscription: "store-push",
      }),
    });
    expect(slack.requests).toEqual([]);

    // A store that fails for a moment costs nothing but that moment.
    const failures = () => running().stderr().split("could not open the store file").length;
    const before = failures();
    await pubsub.publish(topic, ownStory("tried again"));
    await eventually("the next failure", () => failures() > before);
    await unblockStore();
    await eventually("the receipt", () => running().logged("delivery.told").length === 1);

    await pubsub.publish(topic, letter.data, letter.attributes);
    await eventually("the receipt of the one that came back", () => running().logged("delivery.told").length === 2);
    expect(slack.messages).toHaveLength(2);
    expect((await ledger()).counts).toMatchObject({ findings: 2, told: 2, unknownOutcomes: 0 });
    expect(await pubsub.pull(deadLetters)).toEqual([]);
  }, 60_000);

  test.concurrent(
    "a function killed between sending and acknowledging loses nothing; a second copy is a counted unknown outcome",
    async () => {
      const { topic, slack, kill, restart, running, ledger } = await deploy("killed", { hasDeadLetterPolicy: false });
      // Slack shows the message, but its answer does not come before the function is dead.
      slack.script({ kind: "hang" });
      await pubsub.publish(topic, ownStory("in flight"));
      await eventually("the message in the channel", () => slack.messages.length === 1);
      await kill();
      expect((await ledger()).counts).toMatchObject({ findings: 1, sending: 1, told: 0, unknownOutcomes: 0 });

      await restart();
      await pubsub.publish(topic, ownStory("next"));
      await eventually("the redelivered message", () => running().logged("finding.known").length === 1);
      await eventually("the message behind it", () => running().logged("finding.recorded").length === 1);
      // Nobody knows yet that the other process is dead: its lease still holds the channel.
      expect(slack.requests).toHaveLength(1);

      await eventually("both receipts", () => running().logged("delivery.told").length === 2, LEASE_OVER_MS);
      const { counts, intents } = await ledger();
      expect(counts).toMatchObject({ told: 2, pending: 0, sending: 0, unknownOutcomes: 1 });
      expect(intents.map(({ attempts, unknownOutcomes }) => [attempts, unknownOutcomes])).toEqual([
        [2, 1],
        [1, 0],
      ]);
      const [inFlight, next] = intents.map(({ about }) => about.slice(0, 12));
      expect(shown(slack)).toEqual([inFlight, inFlight, next]);
      expect(running().logged("delivery.unknown_outcome")).toHaveLength(1);
    },
    LEASE_OVER_MS + 30_000,
  );
});
