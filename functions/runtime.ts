import { openCatalogue } from "../shared/classifier/catalogue.ts";
import { rulesInForce } from "../shared/classifier/declared-rule.ts";
import { ProcessingError } from "../shared/errors.ts";
import { createLog, type Log, type LogOptions } from "../shared/log.ts";
import type { Pipeline } from "../shared/pipeline.ts";
import type { DeliveryCounts } from "../shared/response/drain.ts";
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
import type { Response } from "./response.ts";

/** Everything that the doors need, wired once for each instance. */
export interface House {
  readonly settings: Settings;
  readonly logOptions: LogOptions;
  readonly pipeline: Pipeline;
  readonly deadLetters: DeadLetters;
  /** Opened when it is first needed. */
  store(): Promise<Store>;
  /** Loaded when it is first needed. */
  response(): Promise<Response>;
  /** Delivers what is due, within the time that a message may be held. Throws only what the store throws. */
  deliver(log: Log): Promise<DeliveryCounts>;
  tick(log: Log): Promise<DeliveryCounts>;
  close(): Promise<void>;
}

/**
 * Reads the settings and wires the house. Throws SETTINGS_* and RULE_INVALID; nothing is opened until it is needed, and
 * the code of the response wing comes with the first finding: most instances never have one.
 */
export async function openHouse(environment: Environment = processEnvironment()): Promise<House> {
  const settings = await loadSettings(environment);
  const platform = platformOf(environment);
  const write = (text: string) => void process.stdout.write(text);
  const logOptions: LogOptions = { write, projectId: platform.projectId ?? settings.project };
  const builtIn = builtInRules(settings.watchlists);
  const catalogue = openCatalogue(rulesInForce(builtIn, settings.rules.own, settings.rules.changes), builtIn);
  let opened: Promise<Store> | undefined;
  const store = () => {
    opened ??= openStore(settings, platform).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  let wing: Promise<Response> | undefined;
  const response = () => {
    const colour = process.stdout.isTTY === true && !environment.NO_COLOR;
    wing ??= import("./response.ts").then(({ openResponse }) =>
      openResponse({ settings, platform, catalogue, store, write, colour }),
    );
    return wing;
  };

  const deadLetters =
    settings.deadLetterTopic === undefined ? storedDeadLetters(store) : publishedDeadLetters(settings.deadLetterTopic);
  return {
    settings,
    logOptions,
    pipeline: {
      catalogue,
      log: createLog(logOptions),
      outbox: { record: async (entry, at) => (await response()).outbox.record(entry, at) },
    },
    deadLetters,
    store,
    response,
    deliver: async (log) => (await response()).deliver(log),
    tick: async (log) => (await response()).tick(log),
    async close() {
      await deadLetters.close();
      if (opened !== undefined) await (await opened).close();
    },
  };
}

/** Loads the kind that is asked for and no other. */
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
