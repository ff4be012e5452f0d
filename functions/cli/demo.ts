import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { ProcessingError } from "../../shared/errors.ts";
import { processEnvironment } from "../../shared/settings.ts";
import { openSqliteStore } from "../../shared/state/sqlite.ts";
import { EXIT } from "./exit.ts";
import { packageRoot } from "./package-root.ts";
import { pushMessage, sampleBytes } from "./push.ts";

interface Step {
  readonly story: string;
  readonly target: Target;
  readonly data: () => Uint8Array;
  /** Messages of one id are one message, delivered again. */
  readonly messageId: string;
  /** The log event that tells what became of it; undefined where nothing is to be told. */
  readonly awaited: string | undefined;
  readonly meaning: string;
}

const TARGETS = ["break-glass", "policy-violation"] as const;
type Target = (typeof TARGETS)[number];

const STEPS: readonly Step[] = [
  {
    story: "Alice deploys a hotfix to Cloud Run with --breakglass. Google writes a system event.",
    target: "break-glass",
    data: () => sampleBytes("cloudrun-service-breakglass-system-event.json"),
    messageId: "1001",
    awaited: "delivery.told",
    meaning: "recorded, then told once",
  },
  {
    story: "A Deployment with the break-glass label makes a Pod on GKE. The entry names only a controller.",
    target: "break-glass",
    data: () => sampleBytes("gke-pod-breakglass-by-controller.json"),
    messageId: "1002",
    awaited: "delivery.told",
    meaning: "recorded, then told once; the controller is not taken for a person",
  },
  {
    story: "Binary Authorization refuses a Pod. The log sink sends it to the other function.",
    target: "policy-violation",
    data: () => sampleBytes("gke-pod-denied-violates-policy.json"),
    messageId: "1003",
    awaited: "delivery.told",
    meaning: "recorded, then told once",
  },
  {
    story: "Pub/Sub delivers the first message again, as it may.",
    target: "break-glass",
    data: () => sampleBytes("cloudrun-service-breakglass-system-event.json"),
    messageId: "1001",
    awaited: "finding.known",
    meaning: "known already: nobody is told twice",
  },
  {
    story: "A Pod fails open on somebody else's webhook: it looks alike, and is harmless.",
    target: "break-glass",
    data: () => sampleBytes("gke-negative-failopen-other-webhook.json"),
    messageId: "1004",
    awaited: undefined,
    meaning: "no rule's business: nothing is stored, nobody is told",
  },
  {
    story: "A message arrives that nobody can read.",
    target: "break-glass",
    data: () => Buffer.from('{"logName": "projects/example-prod/lo'),
    messageId: "1005",
    awaited: "message.dead_lettered",
    meaning: "kept as a dead letter with its bytes and the reason, then acknowledged",
  },
];

/** `glasswatch demo`: real functions under functions-framework, a store of their own, and six messages. */
export async function demo(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "glasswatch-demo-"));
  const functions = new Map<Target, RunningFunction>();
  try {
    const settings = join(folder, "glasswatch.yaml");
    const database = join(folder, "state.db");
    await writeFile(settings, `store: { kind: sqlite, path: ${JSON.stringify(database)} }\n`);
    say(bold("Glasswatch on this machine"));
    for (const target of TARGETS) functions.set(target, await startFunction(target, settings));
    const ports = [...functions].map(([target, { port }]) => `${target} on port ${port}`).join(", ");
    say(
      `Two functions run under functions-framework: ${ports}.\nBoth share one SQLite store; messages for people go to this terminal.\n`,
    );
    const began = new Date();
    let failures = 0;
    for (const [index, step] of STEPS.entries()) {
      if (!(await play(index + 1, step, functions.get(step.target) as RunningFunction))) failures++;
    }
    await summarise(database, Date.now() - began.getTime());
    return failures === 0 ? EXIT.done : EXIT.failed;
  } finally {
    for (const running of functions.values()) await running.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function play(number: number, step: Step, running: RunningFunction): Promise<boolean> {
  say(bold(`── ${number} of ${STEPS.length} ${"─".repeat(72)}`));
  say(step.story);
  const before = running.output.length;
  const at = new Date();
  const status = await pushMessage(step.data(), {
    url: running.url,
    topic: `projects/example-prod/topics/${step.target}`,
    messageId: step.messageId,
    at,
  });
  const took = Date.now() - at.getTime();
  const isHeard = await running.waitFor(step.awaited, before);
  const { messages, events } = partsOf(running.output.slice(before));
  const acknowledged = status >= 200 && status < 300;
  say(dim(`POST to ${step.target}: ${status}${acknowledged ? ", acknowledged" : ""}, ${took} ms`));
  for (const event of events) say(dim(`  ${event.event.padEnd(22)} ${event.message}`));
  if (messages !== "") say(`\nWhat the people get:\n\n${messages}`);
  const isAsMeant = acknowledged && isHeard && (messages !== "") === (step.awaited === "delivery.told");
  say(`${isAsMeant ? good("As it should be") : bad("NOT as it should be")}: ${step.meaning}.\n`);
  return isAsMeant;
}

/** A structured log line of a function. */
interface LoggedEvent {
  readonly event: string;
  readonly message: string;
}

/** What a function wrote: structured log lines, and between them what the console destination says to people. */
function partsOf(output: string): { messages: string; events: readonly LoggedEvent[] } {
  const events: LoggedEvent[] = [];
  const messages: string[] = [];
  for (const line of output.split("\n")) {
    if (line.startsWith('{"')) events.push(JSON.parse(line) as LoggedEvent);
    else messages.push(line);
  }
  return { messages: messages.join("\n").trim() === "" ? "" : `${messages.join("\n").trimEnd()}\n`, events };
}

async function summarise(database: string, milliseconds: number): Promise<void> {
  const store = await openSqliteStore(database);
  const counts = await store.counts();
  const letters = await store.deadLetters();
  await store.close();
  say(bold(`── Summary ${"─".repeat(71)}`));
  say(
    `${STEPS.length} messages in ${(milliseconds / 1000).toFixed(1)} s. The store holds ${counts.findings} findings,`,
  );
  say(
    `${counts.told} deliveries with a receipt, ${counts.pending + counts.sending} still due, ${counts.deadLetters} dead letter:`,
  );
  for (const { code, message, data } of letters) say(dim(`  ${code}: ${message}, ${data.length} bytes kept`));
  say(`
Next:  node functions/cli/main.ts replay YOUR_EXPORT     findings of your own exported logs
       docs/operating.md                                  what to do when something is wrong
`);
}

interface RunningFunction {
  readonly url: string;
  readonly port: number;
  readonly output: string;
  /** Whether the event was logged after `from`; waits a moment for what is still on its way. */
  waitFor(event: string | undefined, from: number): Promise<boolean>;
  stop(): Promise<void>;
}

const START_MS = 20_000;
const QUIET_MS = 120;

async function startFunction(target: Target, settings: string): Promise<RunningFunction> {
  const port = await freePort();
  const root = packageRoot();
  const isInstalled = import.meta.url.endsWith(".js");
  const source = join(root, isInstalled ? "dist/functions/index.js" : "functions/index.ts");
  const framework = join(dirname(fileURLToPath(import.meta.resolve("@google-cloud/functions-framework"))), "main.js");
  const child = spawn(
    process.execPath,
    [framework, `--source=${source}`, `--target=${target}`, "--signature-type=cloudevent", `--port=${port}`],
    {
      cwd: root,
      env: {
        ...processEnvironment(),
        GLASSWATCH_SETTINGS: settings,
        ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  let complaints = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString("utf8");
  });
  await listening(port, child, () => complaints);
  output = "";
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get output() {
      return output;
    },
    async waitFor(event, from) {
      const wanted = event === undefined ? undefined : `"event":"${event}"`;
      for (let waited = 0; waited < 5_000; waited += QUIET_MS) {
        const length = output.length;
        await sleep(QUIET_MS);
        const isThere = wanted === undefined || output.slice(from).includes(wanted);
        if (isThere && output.length === length) return true;
      }
      return false;
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.kill()) await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, child: ChildProcess, complaints: () => string): Promise<void> {
  for (let waited = 0; waited < START_MS && child.exitCode === null; waited += 50) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await sleep(50);
  }
  child.kill();
  throw new ProcessingError("SOURCE_UNREADABLE", `the function did not start:\n${complaints()}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const isColourful = process.stdout.isTTY === true && process.stdout.hasColors();
const styled = (style: Parameters<typeof styleText>[0]) => (text: string) =>
  isColourful ? styleText(style, text) : text;
const bold = styled("bold");
const dim = styled("dim");
const good = styled("green");
const bad = styled(["bold", "red"]);
