/** Google's own emulators, on loopback, spoken to by their REST interfaces. */
import { eventually, freePort, listening, type RunningProcess, startProcess } from "./processes.ts";

export interface ReceivedMessage {
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface PushOptions {
  readonly endpoint: string;
  /** Where Pub/Sub itself puts what was refused five times, the least that it allows. */
  readonly deadLetterTopic?: string;
}

export interface PubSubEmulator {
  /** For PUBSUB_EMULATOR_HOST. */
  readonly host: string;
  /** projects/P/topics/NAME, made. */
  createTopic(name: string): Promise<string>;
  /** projects/P/subscriptions/NAME, made: messages that come to the topic from now on are posted to the endpoint. */
  createPush(name: string, topic: string, options: PushOptions): Promise<string>;
  createPull(name: string, topic: string): Promise<string>;
  /** The message's id. */
  publish(topic: string, data: string | Uint8Array, attributes?: Readonly<Record<string, string>>): Promise<string>;
  /** Has everything that came since then delivered once more, acknowledged or not. */
  deliverAgain(subscription: string, since: Date): Promise<void>;
  /** Takes and acknowledges what is there now. */
  pull(subscription: string): Promise<readonly ReceivedMessage[]>;
  /** The first message that comes. */
  next(subscription: string, timeoutMs?: number): Promise<ReceivedMessage>;
  end(): Promise<void>;
}

const PROJECT = "example-glasswatch";
const DELIVERY_ATTEMPTS = 5;

/** `program` starts it; it needs a Java. Ended by the id of its process group. */
export async function startPubSubEmulator(program: string): Promise<PubSubEmulator> {
  const port = await freePort();
  const running = startProcess(program, ["--host=127.0.0.1", `--port=${port}`]);
  const { call } = restOf(`http://127.0.0.1:${port}/v1`);
  try {
    await listening(running, port);
    await answering(running, () => call("GET", `projects/${PROJECT}/topics`));
  } catch (error) {
    await running.end("SIGKILL");
    throw error;
  }

  const emulator: PubSubEmulator = {
    host: `127.0.0.1:${port}`,
    async createTopic(name) {
      return nameIn(await call("PUT", `projects/${PROJECT}/topics/${name}`, {}));
    },
    async createPush(name, topic, { endpoint, deadLetterTopic }) {
      const policy = { deadLetterTopic, maxDeliveryAttempts: DELIVERY_ATTEMPTS };
      return nameIn(
        await call("PUT", `projects/${PROJECT}/subscriptions/${name}`, {
          topic,
          ackDeadlineSeconds: 60,
          retainAckedMessages: true,
          pushConfig: { pushEndpoint: `${endpoint}/${topic}` },
          ...(deadLetterTopic === undefined ? {} : { deadLetterPolicy: policy }),
        }),
      );
    },
    async createPull(name, topic) {
      return nameIn(await call("PUT", `projects/${PROJECT}/subscriptions/${name}`, { topic }));
    },
    async publish(topic, data, attributes = {}) {
      const messages = [{ data: Buffer.from(data).toString("base64"), attributes }];
      const { messageIds } = (await call("POST", `${topic}:publish`, { messages })) as { messageIds: string[] };
      return messageIds[0] ?? "";
    },
    async deliverAgain(subscription, since) {
      await call("POST", `${subscription}:seek`, { time: since.toISOString() });
    },
    async pull(subscription) {
      const { receivedMessages = [] } = (await call("POST", `${subscription}:pull`, {
        maxMessages: 100,
        returnImmediately: true,
      })) as {
        receivedMessages?: { ackId: string; message: { data?: string; attributes?: Record<string, string> } }[];
      };
      if (receivedMessages.length > 0) {
        await call("POST", `${subscription}:acknowledge`, { ackIds: receivedMessages.map(({ ackId }) => ackId) });
      }
      return receivedMessages.map(({ message: { data = "", attributes = {} } }) => ({
        data: Buffer.from(data, "base64").toString(),
        attributes,
      }));
    },
    next(subscription, timeoutMs = 10_000) {
      return eventually(`a message of ${subscription}`, async () => (await emulator.pull(subscription))[0], timeoutMs);
    },
    async end() {
      await running.end();
    },
  };
  return emulator;
}

export interface FirestoreEmulator {
  /** For FIRESTORE_EMULATOR_HOST. Every project has a database of its own. */
  readonly host: string;
  end(): Promise<void>;
}

/** As the other one. It deletes nothing by TTL and misses no composite index. */
export async function startFirestoreEmulator(program: string): Promise<FirestoreEmulator> {
  const port = await freePort();
  const running = startProcess(program, ["--host=127.0.0.1", `--port=${port}`]);
  const { call } = restOf(`http://127.0.0.1:${port}/v1`);
  try {
    await listening(running, port);
    await answering(running, () => call("GET", `projects/${PROJECT}/databases/(default)/documents/none`));
  } catch (error) {
    await running.end("SIGKILL");
    throw error;
  }
  return {
    host: `127.0.0.1:${port}`,
    async end() {
      await running.end();
    },
  };
}

function restOf(base: string) {
  return {
    async call(method: string, path: string, body?: object): Promise<object> {
      const response = await fetch(`${base}/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`the emulator answered ${response.status} to ${method} ${path}: ${text}`);
      return JSON.parse(text) as object;
    },
  };
}

function nameIn(resource: object): string {
  return (resource as { name: string }).name;
}

/** The port is open a second before the first call is answered. */
async function answering(running: RunningProcess, call: () => Promise<object>): Promise<void> {
  await eventually(
    "the emulator's first answer",
    () => (running.isRunning() ? call().catch(() => false) : false),
    30_000,
  );
}
