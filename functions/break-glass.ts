import type { CloudEventFunction } from "@google-cloud/functions-framework";
import { receive } from "./receive.ts";
import type { House } from "./runtime.ts";

/** Topic break-glass. The category chose the sink and the topic; every rule is tried all the same. */
export const breakGlass =
  (house: House): CloudEventFunction =>
  (event) =>
    receive(event, house);
