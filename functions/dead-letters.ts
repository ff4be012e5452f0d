import { createHash } from "node:crypto";
import type { JsonObject } from "../shared/audit-log/json.ts";
import { asText, isObject, member } from "../shared/audit-log/json.ts";
import { type ErrorCode, ProcessingError } from "../shared/errors.ts";
import type { Store } from "../shared/state/store.ts";

/** A message as it arrived: its own bytes and attributes, before anybody tried to understand it. */
export interface OriginalMessage {
  readonly id: string;
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface DeadLetterReason {
  readonly code: ErrorCode;
  readonly message: string;
  readonly place: string | null;
}

/** Keeps what could not be understood. Resolves once it is safe; throws DEAD_LETTER_UNAVAILABLE or STORE_UNAVAILABLE. */
export interface DeadLetters {
  put(original: OriginalMessage, reason: DeadLetterReason, at: Date): Promise<void>;
  close(): Promise<void>;
}

/** The message inside an event: a CloudEvent's, a push body's, or the event itself where there is none. */
export function originalMessage(event: unknown): OriginalMessage {
  const message = member(member(event, "data"), "message") ?? member(event, "message");
  if (!isObject(message)) return named(undefined, Buffer.from(JSON.stringify(event) ?? ""), {});
  const data = member(message, "data");
  const bytes = typeof data === "string" ? bytesOf(data) : Buffer.from(data === undefined ? "" : JSON.stringify(data));
  const id = member(message, "messageId") ?? member(message, "message_id") ?? member(event, "id");
  return named(id, bytes, textsOf(member(message, "attributes")));
}

function named(id: unknown, data: Uint8Array, attributes: Readonly<Record<string, string>>): OriginalMessage {
  const digest = () => `digest-${createHash("sha256").update(data).digest("hex").slice(0, 32)}`;
  return { id: typeof id === "string" && id !== "" ? id : digest(), data, attributes };
}

/** What is not base64 was never encoded: then the text itself is what arrived. */
function bytesOf(data: string): Uint8Array {
  const decoded = Buffer.from(data, "base64");
  return decoded.toString("base64").replace(/=+$/, "") === data.replace(/=+$/, "") ? decoded : Buffer.from(data);
}

function textsOf(attributes: unknown): Readonly<Record<string, string>> {
  if (!isObject(attributes)) return {};
  return Object.fromEntries(
    Object.keys(attributes).map((key) => [key, asText((attributes as JsonObject)[key] ?? "")] as const),
  );
}

/** Without a topic of their own, dead letters lie in the store. */
export function storedDeadLetters(store: () => Promise<Store>): DeadLetters {
  return {
    async put({ id, data, attributes }, { code, message, place }, at) {
      await (await store()).deadLetter({ id, at: at.getTime(), code, message, place, attributes, data });
    },
    async close() {},
  };
}

export const REASON_ATTRIBUTES = {
  code: "glasswatch-reason",
  message: "glasswatch-reason-message",
  place: "glasswatch-reason-place",
  messageId: "glasswatch-message-id",
} as const;

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const MAX_ATTRIBUTE_VALUE_BYTES = 1024;
const MAX_ATTRIBUTES = 100;

/** The attributes of a dead letter: those that came with the message, and ours that say why it is here. */
export function deadLetterAttributes(original: OriginalMessage, reason: DeadLetterReason): Record<string, string> {
  const ours = {
    [REASON_ATTRIBUTES.code]: reason.code,
    [REASON_ATTRIBUTES.message]: cut(reason.message),
    [REASON_ATTRIBUTES.messageId]: cut(original.id),
    ...(reason.place === null || reason.place === "" ? {} : { [REASON_ATTRIBUTES.place]: cut(reason.place) }),
  };
  const room = MAX_ATTRIBUTES - Object.keys(ours).length;
  // Pub/Sub keeps names that begin with "goog" for itself and refuses a message that uses one.
  const theirs = Object.entries(original.attributes).filter(([key]) => key !== "" && !key.startsWith("goog"));
  return { ...Object.fromEntries(theirs.slice(0, room)), ...ours };
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_ATTRIBUTE_VALUE_BYTES) return text;
  return bytes
    .subarray(0, MAX_ATTRIBUTE_VALUE_BYTES)
    .toString("utf8")
    .replace(/\ufffd+$/, "");
}

/** Publishes dead letters to a topic. The client is loaded with the first of them: few instances ever have one. */
export function publishedDeadLetters(topicName: string): DeadLetters {
  const [, projectId, , topic] = topicName.split("/") as [string, string, string, string];
  const open = async () => {
    const { PubSub } = await import("@google-cloud/pubsub");
    const client = new PubSub({ projectId });
    return { client, topic: client.topic(topic, { batching: { maxMessages: 1 } }) };
  };
  let publisher: ReturnType<typeof open> | undefined;
  return {
    async put(original, reason) {
      try {
        publisher ??= open();
        const attributes = deadLetterAttributes(original, reason);
        await (await publisher).topic.publishMessage({ data: Buffer.from(original.data), attributes });
      } catch (error) {
        const { code } = error as { code?: number | string };
        throw new ProcessingError(
          "DEAD_LETTER_UNAVAILABLE",
          `the dead-letter topic took nothing (code ${code ?? "unknown"})`,
        );
      }
    },
    async close() {
      if (publisher !== undefined) await (await publisher).client.close();
    },
  };
}
