import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openEnvelope } from "../../shared/audit-log/envelope.ts";
import type { Json } from "../../shared/audit-log/json.ts";
import { ProcessingError } from "../../shared/errors.ts";
import { sampleFolder } from "./package-root.ts";

export interface PushOptions {
  readonly url: string;
  /** projects/PROJECT/topics/TOPIC */
  readonly topic: string;
  readonly messageId: string;
  readonly at: Date;
}

/**
 * Posts bytes to a function as a push subscription would; answers with the HTTP status, 0 when nobody listened.
 * https://cloud.google.com/pubsub/docs/push#receive_push
 */
export async function pushMessage(data: Uint8Array, { url, topic, messageId, at }: PushOptions): Promise<number> {
  const [, project] = topic.split("/");
  const publishTime = at.toISOString();
  const body = {
    message: {
      attributes: { "logging.googleapis.com/timestamp": timestampIn(data) ?? publishTime },
      data: Buffer.from(data).toString("base64"),
      messageId,
      message_id: messageId,
      publishTime,
      publish_time: publishTime,
    },
    subscription: `projects/${project}/subscriptions/${topic.split("/").at(-1)}-push`,
  };
  try {
    const response = await fetch(`${url.replace(/\/+$/, "")}/${topic}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

function timestampIn(data: Uint8Array): string | undefined {
  try {
    const [reading] = openEnvelope(JSON.parse(Buffer.from(data).toString("utf8")) as Json);
    return reading !== undefined && "entry" in reading ? reading.entry.timestamp : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes of a file, or of a sample that comes with Glasswatch, named with or without `.json`. */
export function sampleBytes(name: string): Uint8Array {
  const candidates = [name, join(sampleFolder(), name), join(sampleFolder(), `${name}.json`)];
  for (const path of candidates) {
    try {
      return readFileSync(path);
    } catch {
      // The next candidate; the last one's failure is reported below.
    }
  }
  throw new ProcessingError("SOURCE_UNREADABLE", `there is no file and no sample ${JSON.stringify(name)}`, {
    place: name,
  });
}
