import type { HttpFunction } from "@google-cloud/functions-framework";
import { createLog, traceOf } from "../shared/log.ts";
import type { House } from "./runtime.ts";

/** Called each minute by Cloud Scheduler: does what is due, and answers with what it did. */
export const tick =
  (house: House): HttpFunction =>
  async (request, response) => {
    if (request.method !== "POST") {
      response.status(405).set("Allow", "POST").json({ error: "expected POST" });
      return;
    }
    const log = createLog({ ...house.logOptions, trace: traceOf(request.get("traceparent")) });
    response.json(await house.tick(log));
  };

/** Outside Google Cloud nobody calls: a timer does, as long as the process lives, one tick at a time. */
export function startLocalTimer(house: House): void {
  const seconds = house.settings.delivery.localTickSeconds;
  if (seconds === 0) return;
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    house
      .tick(house.pipeline.log)
      .catch((error: unknown) => {
        house.pipeline.log({
          event: "tick.failed",
          severity: "ERROR",
          message: error instanceof Error ? error.message : "the tick failed",
        });
      })
      .finally(() => {
        running = false;
      });
  }, seconds * 1000);
  timer.unref();
}
