import { createHmac } from "node:crypto";
import type { Secret } from "../secret.ts";
import type { Destination } from "./destination.ts";
import { DEFAULT_TIMEOUT_MS, type HttpDeps, type HttpRequest, refusal, send } from "./http.ts";
import { newsOf, timeOf } from "./incident-words.ts";
import type { Notification } from "./notification.ts";
import { requireSafeAddress } from "./safe-address.ts";

export interface WebhookSettings {
  readonly kind: "webhook";
  readonly id: string;
  /** May carry a token, so it is a secret. */
  readonly url: Secret;
  /** Known to the receiver, too: with it messages are signed. */
  readonly signingKey: Secret;
  /** What the event names as its source; a URI. */
  readonly source: string;
  readonly timeoutMs?: number | undefined;
}

export const SIGNATURE_HEADER = "glasswatch-signature";

/** Tells any HTTP endpoint, with a CloudEvent that can be verified. */
export function webhook(settings: WebhookSettings, deps: HttpDeps): Destination {
  const { id, url, signingKey, source, timeoutMs = DEFAULT_TIMEOUT_MS } = settings;
  const destination = `webhook "${id}"`;
  requireSafeAddress(url.reveal(), destination, "url");
  return {
    id,
    kind: "webhook",
    channel: `webhook:${id}`,
    minIntervalMs: 0,
    async deliver(notification, signal) {
      const body = JSON.stringify(toCloudEvent(notification, source));
      const request: HttpRequest = {
        destination,
        url,
        method: "POST",
        headers: {
          "content-type": "application/cloudevents+json; charset=utf-8",
          [SIGNATURE_HEADER]: signatureOf(body, deps.now(), signingKey),
        },
        body,
        timeoutMs,
      };
      const refused = refusal(await send(request, deps, signal), request, null);
      if (refused !== undefined) {
        throw refused;
      }
      return { externalId: null };
    },
  };
}

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA256 of "SECONDS.BODY". The time is signed, too, so that whoever records a message cannot
 * send it again later.
 */
export function signatureOf(body: string, now: number, key: Secret): string {
  const seconds = Math.floor(now / 1_000);
  const digest = createHmac("sha256", key.reveal()).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${digest}`;
}

/** Pure: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md */
export function toCloudEvent(notification: Notification, source: string): object {
  const time = timeOf(notification);
  return {
    specversion: "1.0",
    id: notification.id,
    source,
    type: `glasswatch.${typeOf(notification)}.v1`,
    subject: notification.incidentKey || "unknown",
    ...(time === null ? {} : { time }),
    datacontenttype: "application/json",
    data: notification,
  };
}

function typeOf(notification: Notification): string {
  const news = newsOf(notification);
  if (news !== null) {
    return `incident.${news.news}`;
  }
  return notification.rule === "glasswatch.digest" ? "digest" : "finding";
}
