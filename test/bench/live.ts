/**
 * What the live path costs, as ratios to a function that does nothing, under the same framework in the same run: the
 * staged build, as Cloud Functions gets it. Rounds are interleaved and medians compared, so that a busy machine slows both.
 */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import deployedEnvironment from "../../terraform/environment.json" with { type: "json" };
import { stage } from "../../terraform/stage.ts";
import {
  cloudEvent,
  type Posted,
  type RunningFunction,
  startFunction,
  workFolder,
} from "../support/functions-framework.ts";
import { npm, PRODUCTION_INSTALL } from "../support/npm.ts";
import { sampleBytes } from "../support/samples.ts";
import { irrelevantEvents } from "./events.ts";
import { cpuMs, memoryLimit, rssMiB } from "./process-cost.ts";

const STARTS = 21;
/** Until the code is compiled as far as it will be. */
const WARM_UP = 4_000;
/** Two processes of the same code differ by a tenth and more: several of each are compared, over short rounds. */
const PROCESSES = 7;
const ROUNDS = 9;
const EVENTS = 400;
const CONCURRENCY = 8;
/** Processes of the same code differ by several MiB. */
const MEMORY_ROUNDS = 11;
const MEMORY_EVENTS = 10_000;
const MEMORY_MIB = 256;

const TARGET = "break-glass";
const TRIVIAL = `import { cloudEvent } from "@google-cloud/functions-framework";
cloudEvent("${TARGET}", () => {});
`;
const SETTINGS = "store: { kind: sqlite, path: state/state.db }\n";
/** As on the platform, where no local timer ticks, and as the functions are deployed. */
const ENV = { K_SERVICE: "bench", NODE_ENV: "production", ...deployedEnvironment };

const KINDS = ["ours", "trivial"] as const;
type Kind = (typeof KINDS)[number];
type Sources = Readonly<Record<Kind, string>>;

interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly trivial: number;
  /** What must be reached and what is aimed at; figures without are for reading. */
  readonly bound?: { readonly of: "ratio" | "ours"; readonly must: number; readonly aim: number };
}

export async function run(): Promise<boolean> {
  const folder = await workFolder(SETTINGS);
  try {
    const sources = await install(folder.path);
    const irrelevant = irrelevantEvents();
    const relevant = cloudEvent(sampleBytes("cloudrun-service-breakglass-system-event.json"));
    const [first] = irrelevant as [Posted];
    const limit = memoryLimit(MEMORY_MIB);
    const figures: Figure[] = [
      {
        what: "cpu from start to the first event answered",
        unit: "ms",
        ...(await startCost(sources, first)),
        bound: { of: "ratio", must: 1.3, aim: 0.9 },
      },
      {
        what: "the same, an event that is stored and told",
        unit: "ms",
        ...(await startCost(sources, relevant)),
      },
      {
        what: "cpu per irrelevant event",
        unit: "µs",
        ...(await eventCost(sources, irrelevant)),
        bound: { of: "ratio", must: 1.45, aim: 1.15 },
      },
      {
        what: `RSS after ${MEMORY_EVENTS.toLocaleString("en")} events`,
        unit: "MiB",
        ...(await memory(sources, irrelevant, limit.wrap)),
        bound: { of: "ours", must: 110, aim: 85 },
      },
    ];
    limit.remove();
    process.stdout.write(
      [
        `medians of ${STARTS} starts; of ${PROCESSES} processes, each of ${ROUNDS} rounds of ${EVENTS} events of 8 KB,`,
        `concurrency ${CONCURRENCY}; of ${MEMORY_ROUNDS} processes ${limit.how}\n`,
      ].join(" "),
    );
    process.stdout.write(tableOf(figures));
    return figures.every((figure) => verdict(figure) !== "TOO MUCH");
  } finally {
    await folder.remove();
  }
}

/** Both functions, on one production installation. */
async function install(folder: string): Promise<Sources> {
  const sources = { ours: join(folder, "ours"), trivial: join(folder, "trivial") };
  await stage({ out: sources.ours, settings: join(folder, "glasswatch.yaml") });
  await npm(PRODUCTION_INSTALL, sources.ours);
  await mkdir(sources.trivial);
  await writeFile(join(sources.trivial, "package.json"), '{ "type": "module", "main": "index.js" }\n');
  await writeFile(join(sources.trivial, "index.js"), TRIVIAL);
  await symlink(join(sources.ours, "node_modules"), join(sources.trivial, "node_modules"));
  return sources;
}

type Wrap = (command: readonly string[]) => readonly string[];

function start(source: string, wrap: Wrap = (command) => command): Promise<RunningFunction> {
  return startFunction({ target: TARGET, source, cwd: source, env: ENV, wrap });
}

async function startCost(sources: Sources, event: Posted): Promise<Record<Kind, number>> {
  return interleaved(STARTS, async (kind) => {
    const running = await start(sources[kind]);
    try {
      await answered(running, event);
      return cpuMs(running.pid);
    } finally {
      await running.end("SIGKILL");
    }
  });
}

async function eventCost(sources: Sources, events: readonly Posted[]): Promise<Record<Kind, number>> {
  const measured: Record<Kind, number[]> = { ours: [], trivial: [] };
  for (let count = 0; count < PROCESSES; count++) {
    const [ours, trivial] = await Promise.all([start(sources.ours), start(sources.trivial)]);
    const running = { ours, trivial };
    try {
      for (const kind of KINDS) await postAll(running[kind], events, WARM_UP);
      const cost = await interleaved(ROUNDS, async (kind) => {
        const before = cpuMs(running[kind].pid);
        await postAll(running[kind], events, EVENTS);
        return ((cpuMs(running[kind].pid) - before) / EVENTS) * 1_000;
      });
      for (const kind of KINDS) measured[kind].push(cost[kind]);
    } finally {
      await Promise.all([ours.end("SIGKILL"), trivial.end("SIGKILL")]);
    }
  }
  return { ours: median(measured.ours), trivial: median(measured.trivial) };
}

async function memory(sources: Sources, events: readonly Posted[], wrap: Wrap): Promise<Record<Kind, number>> {
  return interleaved(MEMORY_ROUNDS, async (kind) => {
    const running = await start(sources[kind], wrap);
    try {
      await postAll(running, events, MEMORY_EVENTS);
      return rssMiB(running.pid);
    } finally {
      await running.end("SIGKILL");
    }
  });
}

async function interleaved(rounds: number, measure: (kind: Kind) => Promise<number>): Promise<Record<Kind, number>> {
  const measured: Record<Kind, number[]> = { ours: [], trivial: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) measured[kind].push(await measure(kind));
  }
  return { ours: median(measured.ours), trivial: median(measured.trivial) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/** Posts so many events, over connections that stay open, as the platform's own proxy does. */
async function postAll(running: RunningFunction, events: readonly Posted[], count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  let next = 0;
  const worker = async () => {
    while (next < count) await answered(running, events[next++ % events.length] as Posted, agent);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  agent.destroy();
}

function answered({ port }: RunningFunction, { headers = {}, body }: Posted, agent?: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
        ...(agent === undefined ? {} : { agent }),
      },
      (response) => {
        response.resume();
        response.once("end", () => {
          if (response.statusCode === 204) resolve();
          else reject(new Error(`a function answered ${response.statusCode}`));
        });
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

function verdict({ ours, trivial, bound }: Figure): string {
  if (bound === undefined) return "";
  const value = bound.of === "ratio" ? ours / trivial : ours;
  return value <= bound.aim ? "as aimed at" : value <= bound.must ? "ok" : "TOO MUCH";
}

function tableOf(figures: readonly Figure[]): string {
  const head = ["", "ours", "trivial", "ratio", "must", "aim", ""];
  const rows = figures.map((figure) => {
    const { what, unit, ours, trivial, bound } = figure;
    const limit = (value?: number) =>
      bound === undefined ? "" : bound.of === "ratio" ? `${value}` : `${value} ${unit}`;
    return [
      what,
      `${ours.toFixed(0)} ${unit}`,
      `${trivial.toFixed(0)} ${unit}`,
      (ours / trivial).toFixed(2),
      limit(bound?.must),
      limit(bound?.aim),
      verdict(figure),
    ];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)));
  return [head, ...rows].map((row) => `${line(row).join("  ").trimEnd()}\n`).join("");
}
