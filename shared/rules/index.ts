import { type Catalogue, compileCatalogue } from "../classifier/catalogue.ts";
import type { Rule } from "../classifier/rule.ts";
import { cloudrunRules } from "./cloudrun.ts";
import { gkeRules } from "./gke.ts";

/** Every rule that Glasswatch brings along; where rules share a change, the graver verdict stands first. */
export const BUILT_IN_RULES: readonly Rule[] = [...cloudrunRules, ...gkeRules];

export function builtInCatalogue(): Catalogue {
  return compileCatalogue(BUILT_IN_RULES);
}
