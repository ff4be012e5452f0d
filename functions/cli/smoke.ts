import { randomUUID } from "node:crypto";
import { FINDING_SCHEMA_VERSION, type Finding } from "../../shared/finding.ts";
import type { LogEvent } from "../../shared/log.ts";
import { actOnIncident, openOutbox } from "../../shared/response/outbox.ts";
import type { Route } from "../../shared/response/routes.ts";
import { usage } from "./arguments.ts";
import { type ByHand, inHouse, whoever } from "./by-hand.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";

const COUNSEL = {
  why: "Nothing has happened. Somebody tries whether alarms arrive here.",
  falsePositives: "Always.",
  steps: ["Nothing is to be done: it is resolved by itself at once."],
  reference: "",
};

/**
 * `glasswatch smoke ROUTE`: a test message on the very path of alarms: stored as finding, incident and deliveries in one
 * transaction, delivered under the channels' leases, and resolved again in the same way. Says what became of each.
 */
export async function smoke(name: string, options: ByHand): Promise<number> {
  const by = whoever(options.by);
  return inHouse(options.config, async (house) => {
    const { rules: inForce } = await house.response();
    const all = allOf(inForce.routes);
    const route = all.find(({ path }) => path === name);
    if (route === undefined) {
      const paths = all.map(({ path }) => path).join(", ");
      throw usage(`there is no route ${JSON.stringify(name)}; there are ${paths}`);
    }
    // This route alone, whatever its condition: a test message is not what the condition is about.
    const routes: Route = { ...route, routes: [] };
    const rules = { ...inForce, routes, counselOf: () => COUNSEL };
    const store = await house.store();
    const at = new Date();
    const finding = testFinding(at, by);
    const [decided] = (
      await openOutbox({ ...rules, store: house.store }).record(
        {
          findingIds: [finding.id],
          expected: [finding],
          moment: { timestamp: finding.time, insertId: finding.id },
          asksFor: [],
          states: [],
          judge: () => ({ findings: [finding] }),
        },
        at,
      )
    ).decided;
    const log = ({ event, message }: LogEvent) => writeAll(2, `${event}: ${message}\n`);
    await house.deliver(log);
    const incidentId = decided?.incidentId ?? "";
    const end = new Date();
    const action = { what: "resolved", at: end.toISOString(), by, note: "it was a test" } as const;
    await actOnIncident(store, rules, incidentId, action, end);
    await house.deliver(log);
    const told = (await Promise.all([1, 2].map((n) => store.intents({ about: `${incidentId}:${n}` })))).flat();
    for (const { about, destinationId, state, lastError } of told) {
      const row = {
        about,
        destination: destinationId,
        state,
        error: state === "told" ? null : (lastError?.code ?? null),
      };
      writeAll(1, `${JSON.stringify(row)}\n`);
    }
    const isTold = told.length > 0 && told.every(({ state }) => state === "told");
    writeAll(2, isTold ? "all were told\n" : `not all were told: ${decided?.text ?? "nothing was decided"}\n`);
    return isTold ? EXIT.done : EXIT.failed;
  });
}

function allOf(route: Route): readonly Route[] {
  return [route, ...route.routes.flatMap(allOf)];
}

function testFinding(at: Date, by: string): Finding {
  const id = `smoke-${randomUUID()}`;
  const time = at.toISOString();
  return {
    schema: FINDING_SCHEMA_VERSION,
    id,
    rule: "glasswatch.smoke",
    category: "guardrail-change",
    severity: "low",
    confidence: "high",
    title: "TEST: nothing has happened",
    time,
    scope: "projects/glasswatch-smoke",
    project: null,
    location: null,
    resource: { type: null, name: null },
    workload: null,
    actor: { principal: by, kind: "user", via: null, confidence: "high", person: null, delegation: [] },
    justification: null,
    images: [],
    facts: {},
    changes: [],
    comparedWith: null,
    matched: [],
    incidentKey: `smoke/${id}`,
    aliases: [],
    links: { logs: null, resource: null },
    entry: { logName: "projects/glasswatch-smoke/logs/smoke", insertId: id, timestamp: time },
  };
}
