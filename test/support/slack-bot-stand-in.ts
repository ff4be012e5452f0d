import { type Exchange, type Reply, type StandIn, startStandIn } from "./destination-server.ts";
import { slackComplaints } from "./slack-block-kit.ts";

interface Metadata {
  readonly event_type: string;
  readonly event_payload: Readonly<Record<string, unknown>>;
}

interface Message {
  readonly ts: string;
  readonly thread: string | null;
  readonly at: number;
  payload: Readonly<Record<string, unknown>> & { readonly metadata?: Metadata };
  readonly edits: unknown[];
}

export interface SlackBotStandIn extends StandIn {
  readonly apiUrl: string;
  /** What the channel shows, replies too. */
  readonly messages: Message[];
  /** How long a new message stays invisible to conversations.history. */
  historyDelayMs: number;
  /** The next calls of a method answer 200 with this error. */
  fail(method: string, error: string, times?: number): void;
}

export const SLACK_TOKEN = "xoxb-sEcReTbotToken0123456789";
export const SLACK_CHANNEL = "C0123456789";

/** What chat.postMessage and chat.update take of what we send, beside the blocks. */
const POST = new Set(["channel", "text", "blocks", "attachments", "metadata", "parse", "link_names", "thread_ts"]);
for (const name of ["reply_broadcast", "mrkdwn", "unfurl_links", "unfurl_media"]) POST.add(name);
const UPDATE = new Set(["channel", "ts", "text", "blocks", "attachments", "metadata", "parse", "link_names"]);

/** Slack's Web API on loopback, as far as a bot with one channel uses it. */
export async function startSlackBotStandIn(clock: () => number = Date.now): Promise<SlackBotStandIn> {
  const messages: Message[] = [];
  const failures: { readonly method: string; readonly error: string }[] = [];

  function handle(exchange: Exchange): Reply {
    const method = exchange.path.replace("/api/", "");
    if (exchange.headers.authorization !== `Bearer ${SLACK_TOKEN}`) return no("invalid_auth");
    const index = failures.findIndex((failure) => failure.method === method);
    const [failure] = index < 0 ? [] : failures.splice(index, 1);
    if (failure !== undefined) return no(failure.error);
    const form = new URLSearchParams(exchange.text);
    switch (method) {
      case "auth.test":
        return { status: 200, body: { ok: true, bot_id: "B1" } };
      case "chat.postMessage":
        return post(exchange.json);
      case "chat.update":
        return update(exchange.json);
      case "conversations.history":
        return listed(form, messages.filter(({ thread }) => thread === null).toReversed());
      case "conversations.replies":
        return listed(
          form,
          messages.filter(({ ts, thread }) => ts === form.get("ts") || thread === form.get("ts")),
        );
      default:
        return no("unknown_method");
    }
  }

  function post(json: unknown): Reply {
    const payload = json as Message["payload"] & { readonly channel?: string; readonly thread_ts?: string };
    const wrong = complaintsOf(payload, POST);
    if (wrong !== null) return no(wrong);
    const ts = `${Math.floor(clock() / 1000)}.${String(messages.length + 1).padStart(6, "0")}`;
    const thread = payload.thread_ts ?? null;
    if (thread !== null && !messages.some((one) => one.ts === thread)) return no("thread_not_found");
    messages.push({ ts, thread, at: clock(), payload, edits: [] });
    return { status: 200, body: { ok: true, channel: SLACK_CHANNEL, ts } };
  }

  function update(json: unknown): Reply {
    const payload = json as Message["payload"] & { readonly ts?: string };
    const wrong = complaintsOf(payload, UPDATE);
    if (wrong !== null) return no(wrong);
    const found = messages.find(({ ts }) => ts === payload.ts);
    if (found === undefined) return no("message_not_found");
    found.edits.push(found.payload);
    found.payload = payload;
    return { status: 200, body: { ok: true, channel: SLACK_CHANNEL, ts: found.ts } };
  }

  /** Pages of two, so that every caller has to turn them. */
  function listed(form: URLSearchParams, all: readonly Message[]): Reply {
    if (form.get("channel") !== SLACK_CHANNEL) return no("channel_not_found");
    const oldest = Number(form.get("oldest") ?? 0);
    const visible = all.filter(({ at, ts }) => clock() - at >= standIn.historyDelayMs && Number(ts) >= oldest);
    const start = Number(form.get("cursor") ?? 0);
    const page = visible.slice(start, start + 2).map(({ ts, payload }) => ({
      ts,
      text: payload.text,
      ...(form.get("include_all_metadata") === "true" ? { metadata: payload.metadata } : {}),
    }));
    const next_cursor = visible.length > start + 2 ? String(start + 2) : "";
    return { status: 200, body: { ok: true, messages: page, response_metadata: { next_cursor } } };
  }

  const server = await startStandIn({ handle, isWrite: ({ path }) => path.startsWith("/api/chat.") });
  const standIn: SlackBotStandIn = {
    ...server,
    apiUrl: `${server.origin}/api`,
    messages,
    historyDelayMs: 0,
    fail: (method, error, times = 1) => {
      for (let time = 0; time < times; time++) failures.push({ method, error });
    },
  };
  return standIn;
}

function no(error: string): Reply {
  return { status: 200, body: { ok: false, error } };
}

function complaintsOf(payload: Readonly<Record<string, unknown>>, taken: ReadonlySet<string>): string | null {
  if (Object.keys(payload).some((name) => !taken.has(name))) return "invalid_arguments";
  if (payload.channel !== SLACK_CHANNEL) return "channel_not_found";
  const { text, blocks, attachments, metadata } = payload;
  const attached = (Array.isArray(attachments) ? attachments : []) as readonly Readonly<Record<string, unknown>>[];
  const wrong = [
    ...slackComplaints({ text, blocks }),
    ...attached.flatMap((one) => slackComplaints({ text, blocks: one.blocks })),
    ...attached.filter(({ color }) => !/^#[0-9a-f]{6}$/.test(String(color))).map(() => "color"),
  ];
  if (wrong.length > 0) return "invalid_blocks";
  return Buffer.byteLength(JSON.stringify(metadata)) > 8_000 ? "metadata_too_large" : null;
}
