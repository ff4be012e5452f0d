import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type Exchange, type Reply, type StandIn, startStandIn } from "./destination-server.ts";

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
const attribute = z.string().min(1);
export const cloudEvent = z.strictObject({
  specversion: z.literal("1.0"),
  id: attribute,
  source: attribute,
  type: attribute,
  subject: attribute,
  time: z.iso.datetime().optional(),
  datacontenttype: z.literal("application/json"),
  data: z.looseObject({ schema: z.literal(1) }),
});

export interface WebhookStandIn extends StandIn {
  readonly url: string;
  readonly events: readonly z.infer<typeof cloudEvent>[];
}

export const SIGNING_KEY = "sEcReTsigningKey0123456789";
const PATH = "/hooks/sEcReTpath";
const TOLERANCE_SECONDS = 300;

/** As docs/destinations.md shows it to receivers. */
export function isGenuine(body: string, signature: string, key: string, nowSeconds: number): boolean {
  const [, seconds = "", given = ""] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  const expected = createHmac("sha256", key).update(`${seconds}.${body}`).digest();
  const actual = Buffer.from(given, "hex");
  const isFresh = Math.abs(nowSeconds - Number(seconds)) <= TOLERANCE_SECONDS;
  return actual.length === expected.length && timingSafeEqual(actual, expected) && isFresh;
}

export async function startWebhookStandIn(now: () => number): Promise<WebhookStandIn> {
  const events: z.infer<typeof cloudEvent>[] = [];
  const isSigned = ({ text, headers }: Exchange) =>
    isGenuine(text, String(headers["glasswatch-signature"]), SIGNING_KEY, Math.floor(now() / 1000));
  const server = await startStandIn({
    isWrite: () => true,
    complaints: (exchange) => {
      if (!isSigned(exchange)) return ["the signature is wrong"];
      if (!String(exchange.headers["content-type"]).startsWith("application/cloudevents+json"))
        return ["no CloudEvent"];
      const result = cloudEvent.safeParse(exchange.json);
      return result.success ? [] : result.error.issues.map((one) => one.message);
    },
    handle: ({ path, json }): Reply => {
      if (path !== PATH) return { status: 404 };
      events.push(json as z.infer<typeof cloudEvent>);
      return { status: 204 };
    },
  });
  return { ...server, events, url: `${server.origin}${PATH}` };
}
