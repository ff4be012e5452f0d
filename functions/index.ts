import { cloudEvent, http } from "@google-cloud/functions-framework";
import { platformOf, processEnvironment } from "../shared/settings.ts";
import { breakGlass } from "./break-glass.ts";
import { guardrailChange } from "./guardrail-change.ts";
import { policyViolation } from "./policy-violation.ts";
import { openHouse } from "./runtime.ts";
import { startLocalTimer, tick } from "./tick.ts";

// A wrong settings file stops the start here, with its place and what was expected, and not at the first message.
const house = await openHouse();

cloudEvent("break-glass", breakGlass(house));
cloudEvent("policy-violation", policyViolation(house));
cloudEvent("guardrail-change", guardrailChange(house));
http("tick", tick(house));

if (!platformOf(processEnvironment()).onGoogleCloud) startLocalTimer(house);
