import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** How the far end of a destination treats what changes something. */
export type Treatment =
  | { readonly kind: "takes" }
  | { readonly kind: "answers"; readonly status: number; readonly retryAfter?: string }
  /** Takes it and never answers. */
  | { readonly kind: "hangs" }
  /** Takes it and cuts the connection. */
  | { readonly kind: "resets" }
  /** Takes it and answers late. */
  | { readonly kind: "slow"; readonly ms: number };

/** One request as it came. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: unknown;
  /** The status that was answered; 0 when nothing was. */
  status: number;
}

export interface Reply {
  readonly status: number;
  /** Sent as JSON, or as it is when it is text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StandIn {
  /** Without a slash at its end. */
  readonly origin: string;
  /** All that came, in order. */
  readonly exchanges: readonly Exchange[];
  /** The next treatments of writes, one a request. */
  script(...treatments: readonly Treatment[]): void;
  /** The treatment of writes whenever the script is empty. */
  always(treatment: Treatment): void;
  /** As `always`, for what changes nothing. */
  alwaysReads(treatment: Treatment): void;
  close(): Promise<void>;
}

export interface Behaviour {
  /** What a request does, and what is answered. */
  readonly handle: (exchange: Exchange) => Reply;
  /** Why a request is refused whatever else: it is no request that the vendor takes. */
  readonly complaints?: (exchange: Exchange) => readonly string[];
  readonly isWrite: (exchange: Exchange) => boolean;
}

const TAKES: Treatment = { kind: "takes" };

/** A vendor's end of an interface on loopback: strict about what it takes, and scriptable in how it fails. */
export async function startStandIn({ handle, complaints = () => [], isWrite }: Behaviour): Promise<StandIn> {
  const exchanges: Exchange[] = [];
  const scripted: Treatment[] = [];
  let standing = TAKES;
  let standingReads = TAKES;

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://stand-in");
      const text = Buffer.concat(chunks).toString("utf8");
      const exchange: Exchange = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        text,
        json: parsed(text),
        status: 0,
      };
      exchanges.push(exchange);
      void answer(exchange, response, request.socket);
    });
  });

  async function answer(exchange: Exchange, response: ServerResponse, socket: Socket): Promise<void> {
    const write = isWrite(exchange);
    const treatment = write ? (scripted.shift() ?? standing) : standingReads;
    const refused = complaints(exchange);
    if (refused.length > 0 && treatment.kind !== "answers") {
      return reply({ status: 400, body: { complaints: refused } }, exchange, response);
    }
    switch (treatment.kind) {
      case "takes":
        return reply(handle(exchange), exchange, response);
      case "answers": {
        const headers = treatment.retryAfter === undefined ? {} : { "retry-after": treatment.retryAfter };
        const taken = treatment.status >= 200 && treatment.status < 300 ? handle(exchange).body : {};
        return reply({ status: treatment.status, body: taken, headers }, exchange, response);
      }
      case "hangs":
        handle(exchange);
        return;
      case "resets":
        handle(exchange);
        socket.resetAndDestroy();
        return;
      case "slow": {
        const late = handle(exchange);
        await pause(treatment.ms);
        return reply(late, exchange, response);
      }
    }
  }

  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    exchanges,
    script: (...treatments) => void scripted.push(...treatments),
    always: (treatment) => {
      standing = treatment;
    },
    alwaysReads: (treatment) => {
      standingReads = treatment;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function reply({ status, body, headers = {} }: Reply, exchange: Exchange, response: ServerResponse): void {
  exchange.status = status;
  const isText = typeof body === "string";
  response.writeHead(status, {
    ...(body === undefined ? {} : { "content-type": isText ? "text/plain" : "application/json" }),
    ...headers,
  });
  response.end(body === undefined ? undefined : isText ? body : JSON.stringify(body));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
