import type { Socket } from "node:net";
import { SMTPServer } from "smtp-server";
import { certificate } from "./smtp-certificate.ts";

/** What the server answers in each phase: a status such as 450 or 550, or what it does to the connection instead. */
export interface SmtpScript {
  readonly auth?: number;
  readonly from?: number;
  /** By recipient. */
  readonly to?: Readonly<Record<string, number>>;
  /** After the whole message was read. */
  readonly data?: number | "hangs" | "resets";
  /** Advertised; larger messages are refused. */
  readonly size?: number;
  /** Refuses messages of more than so many bytes only once it has read them. */
  readonly sizeAfterReading?: number;
}

export interface SmtpStandIn {
  readonly port: number;
  /** The certificate to trust. */
  readonly trusted: string;
  /** Messages that were read whole, whatever was answered then. */
  readonly messages: readonly { readonly to: readonly string[]; readonly raw: string; readonly accepted: boolean }[];
  script: SmtpScript;
  close(): Promise<void>;
}

export const SMTP_USER = "glasswatch";
export const SMTP_PASSWORD = "sEcReTsmtpPassword0123456789";

export interface SmtpStandInOptions {
  readonly security?: "starttls" | "tls" | "none";
  readonly script?: SmtpScript;
}

/** A mail server in this process whose answers are scripted. */
export async function startSmtpStandIn({
  security = "starttls",
  script = {},
}: SmtpStandInOptions = {}): Promise<SmtpStandIn> {
  const messages: SmtpStandIn["messages"][number][] = [];
  const { key, cert } = certificate(Date.now());
  const sockets = new Set<Socket>();
  const answer = (status: number) => Object.assign(new Error("scripted"), { responseCode: status });

  const server = new SMTPServer({
    key,
    cert,
    secure: security === "tls",
    disabledCommands: security === "none" ? ["STARTTLS"] : [],
    authOptional: false,
    ...(script.size === undefined ? {} : { size: script.size }),
    onConnect(_session, callback) {
      callback();
    },
    onAuth({ username, password }, _session, callback) {
      if (standIn.script.auth !== undefined) return callback(answer(standIn.script.auth));
      if (username !== SMTP_USER || password !== SMTP_PASSWORD) return callback(answer(535));
      callback(null, { user: username });
    },
    onMailFrom(_address, _session, callback) {
      callback(standIn.script.from === undefined ? null : answer(standIn.script.from));
    },
    onRcptTo({ address }, _session, callback) {
      const status = standIn.script.to?.[address];
      callback(status === undefined ? null : answer(status));
    },
    onData(stream, { envelope }, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString("utf8");
        const { data, sizeAfterReading } = standIn.script;
        const isTooLarge = sizeAfterReading !== undefined && raw.length > sizeAfterReading;
        const isRefused = typeof data === "number" || isTooLarge || stream.sizeExceeded;
        const to = envelope.rcptTo.map(({ address }) => address);
        messages.push({ to, raw, accepted: !isRefused });
        if (data === "hangs") return;
        if (data === "resets") {
          for (const socket of sockets) socket.resetAndDestroy();
          return;
        }
        callback(isRefused ? answer(typeof data === "number" ? data : 552) : null);
      });
    },
  });
  // What a client cuts off is no failure of the test.
  server.on("error", () => {});
  server.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.server.address();
  const standIn: SmtpStandIn = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    trusted: cert,
    messages,
    script,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return standIn;
}
