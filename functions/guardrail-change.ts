import type { CloudEventFunction } from "@google-cloud/functions-framework";
import { receive } from "./receive.ts";
import type { House } from "./runtime.ts";

/** Topic guardrail-change. The category chose the sink and the topic; every rule is tried all the same. */
export const guardrailChange =
  (house: House): CloudEventFunction =>
  (event) =>
    receive(event, house);
