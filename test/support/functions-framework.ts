/** Our functions as Google runs them: functions-framework in a process of its own, spoken to over HTTP on loopback. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, listening, type RunningProcess, startProcess } from "./processes.ts";

export const SOURCE = fileURLToPath(new URL("../../functions/index.ts", import.meta.url));

export interface FunctionOptions {
  /** The function's name, as in a deployment's entry point. */
  readonly target: string;
  /** A file, or a folder whose package.json names it. */
  readonly source?: string;
  /** Where it runs: settings and store are looked for there. */
  readonly cwd: string;
  /** Beside the little that every process needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** One that is known already, for a process that takes another's place. */
  readonly port?: number;
  /** Makes the command line that is run of the one that would be. */
  readonly wrap?: (command: readonly string[]) => readonly string[];
}

export interface RunningFunction extends RunningProcess {
  readonly port: number;
  readonly url: string;
  /** What it logged as JSON lines. */
  log(): Record<string, unknown>[];
  /** Its lines of one event, such as `delivery.told`. */
  logged(event: string): Record<string, unknown>[];
  post(request: Posted): Promise<Answer>;
}

export interface Posted {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Starts a function and resolves when it listens; throws with its output when it ends instead. */
export async function startFunction(options: FunctionOptions): Promise<RunningFunction> {
  const port = options.port ?? (await freePort());
  const running = launch(options, port);
  try {
    await listening(running, port);
  } catch (error) {
    await running.end("SIGKILL");
    // Somebody else was quicker at the port.
    if (options.port === undefined && running.output().includes("EADDRINUSE")) return startFunction(options);
    throw error;
  }
  const url = `http://127.0.0.1:${port}`;
  const log = () => jsonLines(running.stdout());
  return {
    ...running,
    port,
    url,
    log,
    logged: (event) => log().filter((line) => line.event === event),
    async post({ path = "/", headers = {}, body }) {
      const response = await fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
      return { status: response.status, body: await response.text() };
    },
  };
}

/** The same program for a start that is expected to fail: resolves when it has ended. */
export async function failingStart(options: FunctionOptions) {
  const running = launch(options, await freePort());
  const end = await running.ended;
  return { ...end, output: running.output() };
}

function launch(options: FunctionOptions, port: number): RunningProcess {
  const { target, source = SOURCE, cwd, env = {}, wrap = (command) => command } = options;
  const framework = frameworkOf(source);
  const command = [process.execPath, framework, `--source=${source}`, `--target=${target}`, `--port=${port}`];
  const [program = "", ...args] = wrap(command);
  return startProcess(program, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NO_COLOR: "1", METADATA_SERVER_DETECTION: "none", ...env },
  });
}

/** The framework that the source itself would load: two of them would have two registries of functions. */
function frameworkOf(source: string): string {
  const main = createRequire(join(source, "package.json")).resolve("@google-cloud/functions-framework");
  return join(main, "..", "main.js");
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A folder of its own with settings, for one or several processes; `remove` it at the end. */
export async function workFolder(settings?: string) {
  const folder = await mkdtemp(join(tmpdir(), "glasswatch-"));
  if (settings !== undefined) await writeFile(join(folder, "glasswatch.yaml"), settings);
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

const PROJECT = "example-glasswatch";
let messages = 0;

export interface MessageOptions {
  readonly messageId?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly topic?: string;
}

/** The body of a push, in the spelling that Pub/Sub writes today; `data` are the bytes of the message. */
export function pushBody(data: string | Uint8Array | undefined, options: MessageOptions = {}) {
  const { messageId = `message-${++messages}`, attributes = {}, topic = "break-glass" } = options;
  return {
    message: {
      ...(data === undefined ? {} : { data: Buffer.from(data).toString("base64") }),
      messageId,
      publishTime: "2026-03-01T02:14:06.000Z",
      attributes,
    },
    subscription: `projects/${PROJECT}/subscriptions/${topic}-push`,
  };
}

/** A raw push, in the spellings in which Pub/Sub and its emulator are seen to write it. */
export function push(
  data: string | Uint8Array | undefined,
  options: MessageOptions & { readonly spelling?: "camel" | "snake" } = {},
): Posted {
  const { topic = "break-glass", spelling = "camel" } = options;
  const body = pushBody(data, options);
  const { messageId, publishTime, ...rest } = body.message;
  const message = spelling === "camel" ? body.message : { ...rest, message_id: messageId, publish_time: publishTime };
  return { path: `/projects/${PROJECT}/topics/${topic}`, body: JSON.stringify({ ...body, message }) };
}

/** What Eventarc sends for a message: attributes of the event in headers, or all of it in the body. */
export function cloudEvent(
  data: string | Uint8Array | undefined,
  options: MessageOptions & { readonly mode?: "binary" | "structured"; readonly headers?: Record<string, string> } = {},
): Posted {
  const { topic = "break-glass", mode = "binary", headers = {} } = options;
  const body = pushBody(data, options);
  const attributes = {
    specversion: "1.0",
    id: body.message.messageId,
    type: "google.cloud.pubsub.topic.v1.messagePublished",
    source: `//pubsub.googleapis.com/projects/${PROJECT}/topics/${topic}`,
    time: body.message.publishTime,
  };
  if (mode === "structured") {
    const event = { ...attributes, datacontenttype: "application/json", data: body };
    return {
      headers: { ...headers, "content-type": "application/cloudevents+json" },
      body: JSON.stringify(event),
    };
  }
  const named = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value] as const);
  return { headers: { ...headers, ...Object.fromEntries(named) }, body: JSON.stringify(body) };
}
