import { z } from "zod";
import { type Reply, type StandIn, startStandIn } from "./destination-server.ts";

/**
 * An event as the Events API v2 takes it. https://developer.pagerduty.com/docs/send-alert-event and
 * https://developer.pagerduty.com/docs/events-api-v2-overview for the limits.
 */
const key = z.string().regex(/^[A-Za-z0-9]{32}$/);
const dedup_key = z.string().min(1).max(255);
const payload = z.strictObject({
  summary: z.string().min(1).max(1024),
  source: z.string().min(1),
  severity: z.enum(["critical", "error", "warning", "info"]),
  timestamp: z.iso.datetime().optional(),
  component: z.string().min(1).optional(),
  group: z.string().min(1).optional(),
  class: z.string().min(1).optional(),
  custom_details: z.record(z.string(), z.unknown()).optional(),
});
export const pagerDutyEvent = z
  .discriminatedUnion("event_action", [
    z.strictObject({
      event_action: z.literal("trigger"),
      routing_key: key,
      dedup_key: dedup_key.optional(),
      client: z.string().optional(),
      client_url: z.url().optional(),
      payload,
      links: z.array(z.strictObject({ href: z.url(), text: z.string().optional() })).optional(),
      images: z.array(z.strictObject({ src: z.url() })).optional(),
    }),
    z.strictObject({ event_action: z.enum(["acknowledge", "resolve"]), routing_key: key, dedup_key }),
  ])
  .refine((event) => Buffer.byteLength(JSON.stringify(event)) <= 512 * 1024, "larger than 512 KB");

export interface Alert {
  readonly key: string;
  status: "triggered" | "acknowledged" | "resolved";
  /** How often somebody's phone rang. */
  pages: number;
  readonly events: unknown[];
}

export interface PagerDutyStandIn extends StandIn {
  readonly alerts: ReadonlyMap<string, Alert>;
}

export const PAGERDUTY_KEY = "sEcReTroutingKey0123456789abcdef";

export async function startPagerDutyStandIn(): Promise<PagerDutyStandIn> {
  const alerts = new Map<string, Alert>();
  const server = await startStandIn({
    isWrite: () => true,
    complaints: ({ path, json }) => {
      if (path !== "/v2/enqueue") return ["no such path"];
      const result = pagerDutyEvent.safeParse(json);
      return result.success ? [] : result.error.issues.map((one) => one.message);
    },
    handle: ({ json }): Reply => {
      const event = json as z.infer<typeof pagerDutyEvent>;
      const name = event.dedup_key ?? "made";
      const before = alerts.get(name);
      const isOpen = before !== undefined && before.status !== "resolved";
      const alert: Alert = isOpen ? before : { key: name, status: "triggered", pages: 0, events: before?.events ?? [] };
      alert.events.push(event);
      if (event.event_action === "trigger") {
        alert.pages += isOpen ? 0 : 1;
        alerts.set(name, alert);
      } else if (isOpen) {
        alert.status = event.event_action === "resolve" ? "resolved" : "acknowledged";
      }
      return { status: 202, body: { status: "success", message: "Event processed", dedup_key: name } };
    },
  });
  return { ...server, alerts };
}
