import { z } from "zod";
import { type Reply, type StandIn, startStandIn } from "./destination-server.ts";

/**
 * A message with cards, as Google Chat takes it, as far as ours use it.
 * https://developers.google.com/workspace/chat/api/reference/rest/v1/cards
 */
const html = z
  .string()
  .min(1)
  // Of all the HTML that cards read, only this is ours.
  .refine((text) => !/<(?!\/?b>|br>|font color="#[0-9a-f]{6}">|\/font>)/.test(text), "HTML that is not ours");
const openLink = z.strictObject({ openLink: z.strictObject({ url: z.url({ protocol: /^https$/ }) }) });
const widget = z.union([
  z.strictObject({ textParagraph: z.strictObject({ text: html }) }),
  z.strictObject({
    decoratedText: z.strictObject({ topLabel: z.string().min(1), text: html, wrapText: z.literal(true) }),
  }),
  z.strictObject({
    buttonList: z.strictObject({
      buttons: z.array(z.strictObject({ text: z.string().min(1), onClick: openLink })).min(1),
    }),
  }),
]);
const section = z.strictObject({
  header: z.string().optional(),
  collapsible: z.boolean().optional(),
  uncollapsibleWidgetsCount: z.number().int().min(1).optional(),
  widgets: z.array(widget).min(1).max(100),
});
const message = z
  .strictObject({
    // Read as Chat's own markup: nothing in it may begin a mention, a link or a format.
    text: z
      .string()
      .min(1)
      .regex(/^[^<>*_~`@]*$/),
    thread: z.strictObject({ threadKey: z.string().min(1).max(4000) }),
    cardsV2: z
      .array(
        z.strictObject({
          cardId: z.string().min(1),
          card: z.strictObject({
            header: z.strictObject({ title: z.string().min(1), subtitle: z.string().min(1) }),
            sections: z.array(section).min(1),
          }),
        }),
      )
      .length(1),
  })
  .refine((one) => Buffer.byteLength(JSON.stringify(one)) <= 32_000, "larger than 32,000 bytes");

/** Why Chat would not take a message; empty when it would. */
export function chatComplaints(value: unknown): readonly string[] {
  const result = message.safeParse(value);
  return result.success ? [] : result.error.issues.map((one) => `${one.path.join(".")}: ${one.message}`);
}

export interface GoogleChatStandIn extends StandIn {
  /** An incoming webhook, with a key and a token that are secrets. */
  readonly url: string;
  /** Messages by thread. */
  readonly threads: ReadonlyMap<string, readonly unknown[]>;
}

export const CHAT_SECRETS = ["sEcReTchatKey", "sEcReTchatToken"] as const;

export async function startGoogleChatStandIn(): Promise<GoogleChatStandIn> {
  const threads = new Map<string, unknown[]>();
  const server = await startStandIn({
    isWrite: () => true,
    complaints: ({ json }) => chatComplaints(json),
    handle: ({ path, query, json }): Reply => {
      if (path !== "/v1/spaces/AAAA/messages" || query.get("token") !== CHAT_SECRETS[1])
        return { status: 404, body: {} };
      if (query.get("messageReplyOption") !== "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD") return { status: 400, body: {} };
      const { threadKey } = (json as z.infer<typeof message>).thread;
      const thread = threads.get(threadKey) ?? [];
      threads.set(threadKey, [...thread, json]);
      return { status: 200, body: { name: `spaces/AAAA/messages/${server.exchanges.length}.1`, thread: {} } };
    },
  });
  return {
    ...server,
    threads,
    url: `${server.origin}/v1/spaces/AAAA/messages?key=${CHAT_SECRETS[0]}&token=${CHAT_SECRETS[1]}`,
  };
}
