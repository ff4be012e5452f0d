import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { slackComplaints } from "./slack-block-kit.ts";

/** How the stand-in treats one request. */
export type SlackAnswer =
  | { readonly kind: "ok" }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Posts the message and never answers. */
  | { readonly kind: "hang" }
  /** Posts the message and cuts the connection. */
  | { readonly kind: "reset" }
  /** Posts the message and answers late. */
  | { readonly kind: "slow"; readonly ms: number };

export interface SlackRequest {
  readonly at: number;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** What was sent, parsed; undefined when it was not JSON. */
  readonly payload: unknown;
  readonly complaints: readonly string[];
  /** Whether the channel shows it now. */
  readonly posted: boolean;
  readonly answer: SlackAnswer["kind"] | "refused";
}

export interface SlackStandIn {
  /** An incoming webhook, with a path that is a secret. */
  readonly url: string;
  /** What the channel shows, in order. */
  readonly messages: readonly SlackRequest[];
  /** Everything that arrived, shown or not. */
  readonly requests: readonly SlackRequest[];
  /** The next answers, one a request. */
  script(...answers: readonly SlackAnswer[]): void;
  /** The answer whenever the script is empty, until told otherwise. */
  always(answer: SlackAnswer): void;
  close(): Promise<void>;
}

const PATH = "/services/T00STANDIN/B00STANDIN/sEcReTwebhookPath0123456";
const OK: SlackAnswer = { kind: "ok" };

/** Slack's end of an incoming webhook on loopback: strict about what it takes, and scriptable in how it fails. */
export async function startSlackStandIn(): Promise<SlackStandIn> {
  const requests: SlackRequest[] = [];
  const messages: SlackRequest[] = [];
  const scripted: SlackAnswer[] = [];
  let standing = OK;

  const server = createServer((request, response) => {
    void take(request, response);
  });

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const payload = parse(await bodyOf(request));
    const wanted = scripted.shift() ?? standing;
    const complaints = slackComplaints(payload);
    const refused = complaints.length > 0;
    const posted = !refused && request.url === PATH && posts(wanted);
    const record: SlackRequest = {
      at: Date.now(),
      path: request.url ?? "",
      headers: request.headers,
      payload,
      complaints,
      posted,
      answer: refused ? "refused" : wanted.kind,
    };
    requests.push(record);
    if (posted) {
      messages.push(record);
    }
    if (request.url !== PATH) {
      response.writeHead(404).end("no_service");
    } else if (refused && wanted.kind !== "status") {
      response.writeHead(400).end("invalid_blocks");
    } else {
      await answer(wanted, request, response);
    }
  }

  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}${PATH}`,
    messages,
    requests,
    script: (...answers) => {
      scripted.push(...answers);
    },
    always: (given) => {
      standing = given;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function posts(wanted: SlackAnswer): boolean {
  return wanted.kind !== "status" || (wanted.status >= 200 && wanted.status < 300);
}

async function answer(wanted: SlackAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (wanted.kind) {
    case "ok":
      response.writeHead(200).end("ok");
      return;
    case "status":
      response.writeHead(wanted.status, wanted.headers ?? {}).end(wanted.body ?? "ok");
      return;
    case "slow":
      await pause(wanted.ms);
      response.writeHead(200).end("ok");
      return;
    case "reset":
      request.socket.resetAndDestroy();
      return;
    case "hang":
      return;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
