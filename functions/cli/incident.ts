import type { Incident } from "../../shared/incidents/incident.ts";
import { actOnIncident } from "../../shared/response/outbox.ts";
import type { Store } from "../../shared/state/store.ts";
import { formatOption, oneOf, usage } from "./arguments.ts";
import { type ByHand, inHouse, reasonOf, whoever } from "./by-hand.ts";
import { EXIT } from "./exit.ts";
import { type Column, table, writeAll, writeData } from "./output.ts";

export interface IncidentListOptions {
  readonly config?: string;
  readonly state?: string;
  readonly limit?: string;
  readonly format?: string;
}

/** `glasswatch incident list`: those that changed last are first. */
export async function listIncidents(options: IncidentListOptions): Promise<number> {
  const format = formatOption(options.format, process.stdout.isTTY === true);
  const state = oneOf(options.state, ["open", "resolved"] as const, "--state");
  const limit = Number(options.limit ?? "50");
  if (!Number.isInteger(limit) || limit < 1) throw usage("--limit: expected a number of incidents");
  return inHouse(options.config, async (house) => {
    const store = await house.store();
    const found = await store.incidents({ ...(state === undefined ? {} : { state }), limit });
    const incidents = found.map(({ document }) => document as Incident);
    if (format === "table") writeAll(1, table(incidents, COLUMNS, process.stdout.isTTY === true));
    else writeData(incidents, format);
    return EXIT.done;
  });
}

const COLUMNS: readonly Column<Incident>[] = [
  { title: "ID", text: ({ id }) => id.slice(0, 12), most: 12 },
  { title: "STATE", text: ({ state }) => state, most: 12 },
  { title: "SEVERITY", text: ({ grade }) => grade.severity, most: 8 },
  { title: "OPENED", text: ({ openedAt }) => `${openedAt.slice(0, 19)}Z`, most: 20 },
  { title: "FINDINGS", text: ({ count }) => String(count), most: 8 },
  { title: "WHAT", text: ({ face }) => face.title, most: 50 },
  { title: "KEY", text: ({ key }) => key, most: 80 },
];

/** `glasswatch incident show ID`: the incident, who was told of it, and what was done by hand. JSON. */
export async function showIncident(id: string, { config }: { readonly config?: string }): Promise<number> {
  return inHouse(config, async (house) => {
    const store = await house.store();
    const incident = await named(store, id);
    const news = await Promise.all(
      Array.from({ length: incident.sequence }, (_, n) => store.intents({ about: `${incident.id}:${n + 1}` })),
    );
    const told = news
      .flat()
      .map(({ about, destinationId, state, notBefore, attempts, unknownOutcomes, lastError, receipt }) => ({
        about,
        destination: destinationId,
        state,
        notBefore: new Date(notBefore).toISOString(),
        attempts,
        unknownOutcomes,
        lastError,
        receipt,
      }));
    const audit = await store.audit({ subject: incident.id });
    writeAll(1, `${JSON.stringify({ incident, told, audit }, null, 2)}\n`);
    return EXIT.done;
  });
}

/** `glasswatch incident ack ID` and `resolve ID`: those who have heard of it are told with the next tick. */
export async function changeIncident(
  what: "acknowledged" | "resolved",
  id: string,
  options: ByHand & { readonly note?: string },
): Promise<number> {
  const by = whoever(options.by);
  const note = what === "resolved" ? reasonOf(options.note, "--note") : (options.note?.trim() ?? "");
  return inHouse(options.config, async (house) => {
    const store = await house.store();
    const incident = await named(store, id);
    const { rules } = await house.response();
    const at = new Date();
    const action = { what, at: at.toISOString(), by, note } as const;
    const decided = await actOnIncident(store, rules, incident.id, action, at);
    writeAll(1, `${JSON.stringify({ incident: incident.id, what, changed: decided !== undefined })}\n`);
    const told = decided?.destinations ?? [];
    writeAll(
      2,
      decided === undefined
        ? `nothing to do: the incident is ${incident.state}\n`
        : told.length === 0
          ? "nobody had heard of it, so nobody is told\n"
          : `told with the next tick: ${told.join(", ")}\n`,
    );
    return EXIT.done;
  });
}

const SHORTEST_ID = 6;

/** By its id, the beginning of it, or the mark of a message (`e54ee0c4f249:1`). Throws USAGE for none, or for several. */
async function named(store: Store, text: string): Promise<Incident> {
  const id = text.replace(/:\d+$/, "");
  const exact = await store.incident(id);
  if (exact !== undefined) return exact.document as Incident;
  const alike = id.length < SHORTEST_ID ? [] : (await store.incidents()).filter((one) => one.id.startsWith(id));
  if (alike.length === 1) return alike[0]?.document as Incident;
  throw usage(
    alike.length === 0 ? `there is no incident ${JSON.stringify(text)}` : `several incidents begin with ${id}`,
  );
}
