import { setTimeout as sleep } from "node:timers/promises";
import type { Catalogue } from "../shared/classifier/catalogue.ts";
import { type Destination, type DestinationDeps, openDestination } from "../shared/destinations/index.ts";
import type { Counsel } from "../shared/finding.ts";
import type { Log } from "../shared/log.ts";
import { deliverDue } from "../shared/response/deliver.ts";
import type { DeliveryCounts } from "../shared/response/drain.ts";
import type { ResponseRules } from "../shared/response/incident-plan.ts";
import { type Outbox, openOutbox } from "../shared/response/outbox.ts";
import { compileRoutes } from "../shared/response/routes.ts";
import { tick } from "../shared/response/tick.ts";
import type { Platform, Settings } from "../shared/settings.ts";
import type { Store } from "../shared/state/store.ts";

/** What happens with a finding: stored, routed and told. */
export interface Response {
  readonly rules: ResponseRules;
  readonly destinations: readonly Destination[];
  readonly outbox: Outbox;
  deliver(log: Log): Promise<DeliveryCounts>;
  tick(log: Log): Promise<DeliveryCounts>;
}

export interface ResponseOptions {
  readonly settings: Settings;
  readonly platform: Platform;
  readonly catalogue: Catalogue;
  readonly store: () => Promise<Store>;
  readonly write: (text: string) => void;
  readonly colour: boolean;
}

/** A lease outlives the longest attempt, and ends soon enough for another to go on where a process was killed. */
const leaseMsFor = (attemptTimeoutMs: number) => 2 * attemptTimeoutMs + 5_000;
/** One tick has to end before Cloud Scheduler calls the next one. */
const TICK_BUDGET_MS = 50_000;

/** Wires the response wing; nothing is opened until it is needed. */
export function openResponse({ settings, platform, catalogue, store, write, colour }: ResponseOptions): Response {
  const deps: DestinationDeps = { now: Date.now, console: { write, colour, columns: process.stdout.columns } };
  const destinations = settings.destinations.map((destination) => openDestination(destination, deps));
  const rules = responseRules(settings, catalogue, destinations);
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
  let forgotten: string | undefined;
  return {
    rules,
    destinations,
    outbox: openOutbox({ ...rules, store }),
    deliver: async (log) => deliverDue(await delivery(log, settings.delivery.inlineBudgetMs)),
    tick: async (log) =>
      tick({
        ...(await delivery(log, Math.max(TICK_BUDGET_MS, settings.delivery.inlineBudgetMs))),
        rules,
        isForgettingDue: () => {
          const today = new Date().toISOString().slice(0, 10);
          const isDue = today !== forgotten;
          forgotten = today;
          return isDue;
        },
      }),
  };
}

const HOUR_MS = 3_600_000;

/** What these settings lay down about incidents and whom they concern. Throws QUERY_* for a condition of a route. */
export function responseRules(
  settings: Pick<Settings, "incidents" | "watchlists" | "routes" | "runbookBase">,
  catalogue: Catalogue,
  destinations: readonly Pick<Destination, "id" | "channel">[],
): ResponseRules {
  const { incidents, watchlists, runbookBase } = settings;
  const channels = new Map(destinations.map(({ id, channel }) => [id, channel]));
  const quiet = Object.entries(incidents.quietAfterHours).map(([category, hours]) => [category, hours * HOUR_MS]);
  return {
    incidents: {
      productionProjects: watchlists.productionProjects,
      emergencyAccounts: watchlists.emergencyAccounts,
      ticketPattern: incidents.ticketPattern,
      quietAfterMs: Object.fromEntries(quiet),
      reopenWithinMs: incidents.reopenWithinHours * HOUR_MS,
    },
    routes: compileRoutes(settings.routes ?? { destinations: [...channels.keys()] }),
    channelOf: (id) => channels.get(id),
    counselOf: (id) => catalogue.rule(id)?.counsel ?? NO_COUNSEL,
    runbookBase,
  };
}

/** An incident may outlive the rule that found it. */
const NO_COUNSEL: Counsel = { why: "", falsePositives: "", steps: [], reference: "" };
