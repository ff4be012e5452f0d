/** Programs that tests start: each in a process group of its own, ended by that group's id, whatever becomes of the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessOptions {
  readonly cwd?: string;
  /** The whole environment of the process; that of this one when it is not given. */
  readonly env?: NodeJS.ProcessEnv;
  /** What it reads from standard input; that is closed otherwise. */
  readonly input?: string;
}

export interface RunningProcess {
  readonly pid: number;
  /** Standard output and error so far, as they came. */
  output(): string;
  stdout(): string;
  stderr(): string;
  isRunning(): boolean;
  /** Ends the whole group; resolves when its leader has ended. SIGTERM unless told otherwise. */
  end(signal?: NodeJS.Signals): Promise<ProcessEnd>;
  /** Resolves when it ends by itself or is ended. */
  readonly ended: Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const GRACE_MS = 5_000;
const groups = new Set<ChildProcess>();

/** Ends whatever still runs. After each test file, since a test that ran out of time has not ended what it started. */
export function endProcesses(): void {
  for (const child of groups) signalGroup(child, "SIGKILL");
}

process.once("exit", endProcesses);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    endProcesses();
    // As if nobody had listened.
    process.kill(process.pid, signal);
  });
}

export function startProcess(
  program: string,
  args: readonly string[],
  { cwd, env = process.env, input }: ProcessOptions = {},
): RunningProcess {
  const child = spawn(program, args, {
    env,
    detached: true,
    stdio: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  });
  groups.add(child);
  // Who ends without reading closes the pipe early; that is no failure of the test.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const written: { readonly from: "stdout" | "stderr"; readonly text: string }[] = [];
  for (const from of ["stdout", "stderr"] as const) {
    child[from].setEncoding("utf8").on("data", (text: string) => written.push({ from, text }));
  }
  const textOf = (from?: "stdout" | "stderr") =>
    written
      .filter((part) => from === undefined || part.from === from)
      .map(({ text }) => text)
      .join("");

  // "close" comes after "exit", when all output has been read.
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      groups.delete(child);
      resolve({ code, signal });
    });
  });
  // Whoever waits for the process hears of it; nobody has to.
  ended.catch(() => groups.delete(child));

  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    output: () => textOf(),
    stdout: () => textOf("stdout"),
    stderr: () => textOf("stderr"),
    isRunning,
    ended,
    async end(signal = "SIGTERM") {
      signalGroup(child, signal);
      const late = new AbortController();
      const first = await Promise.race([ended, sleep(GRACE_MS, undefined, { signal: late.signal })]);
      late.abort();
      if (first === undefined) signalGroup(child, "SIGKILL");
      return ended;
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch (error) {
    // The group has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Runs a program to its end. */
export async function runProcess(program: string, args: readonly string[], options: ProcessOptions = {}) {
  const running = startProcess(program, args, options);
  const end = await running.ended;
  return { ...end, stdout: running.stdout(), stderr: running.stderr() };
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Resolves once somebody listens on the port; throws with the program's output when it ends before that. */
export async function listening(running: RunningProcess, port: number, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await accepts(port))) {
    if (!running.isRunning()) throw new Error(`it ended before it listened on ${port}:\n${running.output()}`);
    if (Date.now() > deadline) throw new Error(`nobody listens on ${port}:\n${running.output()}`);
    await sleep(10);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Asks again until the answer is neither undefined, null nor false; throws with what was waited for when it never is. */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer as NonNullable<Exclude<T, false>>;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(25);
  }
}
