/** A stand-in for the network between a store and its database: it loses or delays what a test tells it to. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface CutPlan {
  /** The request, counted from 1, that is lost. */
  readonly at: number;
  /** Before it reaches the database, or the answer after it did. */
  readonly when: "before" | "after";
  /** Whether nothing goes through any more, as when the process has died: the store is told to give up at once. */
  readonly forGood: boolean;
}

export interface CutNetwork {
  readonly host: string;
  /** Whether the request of the plan has come. */
  met(): boolean;
  close(): Promise<void>;
}

/** Runs before a request goes on to the database; `path` ends with the call, such as `:commit`. */
export type Meanwhile = (path: string) => Promise<void>;

/** Nothing is lost; whatever the test does meanwhile happens between two requests of the store. */
export const slowNetwork = (databaseHost: string, meanwhile: Meanwhile): Promise<CutNetwork> =>
  cutNetwork(databaseHost, { at: Number.POSITIVE_INFINITY, when: "before", forGood: false }, meanwhile);

export async function cutNetwork(
  databaseHost: string,
  plan: CutPlan,
  meanwhile: Meanwhile = async () => {},
): Promise<CutNetwork> {
  const [host, port] = databaseHost.split(":");
  let requests = 0;
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    const number = requests;
    const isLost = (when: CutPlan["when"]) =>
      (number === plan.at && when === plan.when) || (plan.forGood && number > plan.at);
    const lose = () => {
      if (!plan.forGood) incoming.socket.destroy();
      else outgoing.writeHead(403).end('{"error":{"status":"PERMISSION_DENIED"}}');
    };
    if (isLost("before")) {
      incoming.resume().once("end", lose);
      return;
    }
    const forwarded = request(
      { host, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (isLost("after")) {
          answer.resume().once("end", lose);
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.once("error", () => incoming.socket.destroy());
    void meanwhile(incoming.url ?? "").then(() => incoming.pipe(forwarded));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    met: () => requests >= plan.at,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
