import { randomUUID } from "node:crypto";
import { usage } from "./arguments.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";
import { pushMessage, sampleBytes } from "./push.ts";

/** `glasswatch send SAMPLE`: one message to a function that runs here. */
export async function send(
  sample: string,
  { url, topic, messageId }: { url: string; topic: string; messageId?: string },
): Promise<number> {
  if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(topic)) throw usage("--topic: expected projects/PROJECT/topics/TOPIC");
  if (!URL.canParse(url)) throw usage(`--url: ${JSON.stringify(url)} is not a URL`);
  const id = messageId ?? `send-${randomUUID()}`;
  const status = await pushMessage(sampleBytes(sample), { url, topic, messageId: id, at: new Date() });
  const isTaken = status >= 200 && status < 300;
  writeAll(1, `${JSON.stringify({ messageId: id, status, acknowledged: isTaken })}\n`);
  if (status === 0) writeAll(2, "nobody listens there; `npm start` starts the function break-glass on port 8080\n");
  return isTaken ? EXIT.done : EXIT.failed;
}
