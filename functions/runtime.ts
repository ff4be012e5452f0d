import { setTimeout as sleep } from "node:timers/promises";
import { openCatalogue } from "../shared/classifier/catalogue.ts";
import { rulesInForce } from "../shared/classifier/declared-rule.ts";
import { type DestinationDeps, openDestination } from "../shared/destinations/index.ts";
import { ProcessingError } from "../shared/errors.ts";
import type { Counsel } from "../shared/finding.ts";
import { createLog, type Log, type LogOptions } from "../shared/log.ts";
import type { Pipeline } from "../shared/pipeline.ts";
import { deliverDue } from "../shared/response/deliver.ts";
import type { DeliveryCounts } from "../shared/response/drain.ts";
import { openOutbox } from "../shared/response/outbox.ts";
import { tick } from "../shared/response/tick.ts";
import { builtInRules } from "../shared/rules/index.ts";
import {
  type Environment,
  loadSettings,
  type Platform,
  platformOf,
  processEnvironment,
  type Settings,
} from "../shared/settings.ts";
import type { Store } from "../shared/state/store.ts";
import { type DeadLetters, publishedDeadLetters, storedDeadLetters } from "./dead-letters.ts";

/** Everything that the doors need, wired once for each instance. */
export interface House {
  readonly settings: Settings;
  readonly logOptions: LogOptions;
  readonly pipeline: Pipeline;
  readonly deadLetters: DeadLetters;
  /** Opened when it is first needed. */
  store(): Promise<Store>;
  /** Delivers what is due, within the time that a message may be held. Throws only what the store throws. */
  deliver(log: Log): Promise<DeliveryCounts>;
  tick(log: Log): Promise<DeliveryCounts>;
  close(): Promise<void>;
}

/** A lease outlives the longest attempt, and ends soon enough for another to go on where a process was killed. */
const leaseMsFor = (attemptTimeoutMs: number) => 2 * attemptTimeoutMs + 5_000;
/** One tick has to end before Cloud Scheduler calls the next one. */
const TICK_BUDGET_MS = 50_000;

/** Reads the settings and wires the house. Throws SETTINGS_* and RULE_INVALID; nothing is opened until it is needed. */
export async function openHouse(environment: Environment = processEnvironment()): Promise<House> {
  const settings = await loadSettings(environment);
  const platform = platformOf(environment);
  const write = (text: string) => void process.stdout.write(text);
  const logOptions: LogOptions = { write, projectId: platform.projectId ?? settings.project };
  const builtIn = builtInRules(settings.watchlists);
  const catalogue = openCatalogue(rulesInForce(builtIn, settings.rules.own, settings.rules.changes), builtIn);
  const colour = process.stdout.isTTY === true && !environment.NO_COLOR;
  const deps: DestinationDeps = { now: Date.now, console: { write, colour, columns: process.stdout.columns } };
  const destinations = settings.destinations.map((destination) => openDestination(destination, deps));
  const counselOf = (id: string): Counsel => {
    const rule = catalogue.rule(id);
    if (rule === undefined) throw new ProcessingError("RULE_INVALID", `there is no rule ${id}`, { place: id });
    return rule.counsel;
  };

  let opened: Promise<Store> | undefined;
  const store = () => {
    opened ??= openStore(settings, platform).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const delivery = async (log: Log, budgetMs: number) => ({
    store: await store(),
    destinations,
    clock: Date.now,
    sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
    random: Math.random,
    owner: platform.instance,
    budgetMs,
    leaseMs: leaseMsFor(settings.delivery.attemptTimeoutMs),
    attemptTimeoutMs: settings.delivery.attemptTimeoutMs,
    log: ({ event, ...fields }: { event: string; severity: "INFO" | "WARNING" | "ERROR" }) =>
      log({ message: event, event, ...fields }),
  });

  const deadLetters =
    settings.deadLetterTopic === undefined ? storedDeadLetters(store) : publishedDeadLetters(settings.deadLetterTopic);
  return {
    settings,
    logOptions,
    pipeline: {
      catalogue,
      log: createLog(logOptions),
      outbox: openOutbox({ store, destinations, counselOf, runbookBase: settings.runbookBase }),
    },
    deadLetters,
    store,
    deliver: async (log) => deliverDue(await delivery(log, settings.delivery.inlineBudgetMs)),
    tick: async (log) => tick(await delivery(log, Math.max(TICK_BUDGET_MS, settings.delivery.inlineBudgetMs))),
    async close() {
      await deadLetters.close();
      if (opened !== undefined) await (await opened).close();
    },
  };
}

/** Loads the kind that is asked for and no other, with the first finding: most instances never have one. */
async function openStore({ store, project, source }: Settings, platform: Platform): Promise<Store> {
  switch (store.kind) {
    case "sqlite": {
      const { openSqliteStore } = await import("../shared/state/sqlite.ts");
      return openSqliteStore(store.path);
    }
    case "memory": {
      const { memoryStore } = await import("../shared/state/memory.ts");
      return memoryStore();
    }
    case "firestore": {
      if (project === undefined) {
        const message = `${source}: the firestore store needs project, or GOOGLE_CLOUD_PROJECT`;
        throw new ProcessingError("SETTINGS_INVALID", message, { place: source });
      }
      const { openFirestoreStore } = await import("../shared/state/firestore.ts");
      return openFirestoreStore({ ...store, project, emulatorHost: platform.firestoreEmulatorHost });
    }
  }
}
