import { rulesInForce } from "../../shared/classifier/declared-rule.ts";
import type { Rule } from "../../shared/classifier/rule.ts";
import { builtInRules } from "../../shared/rules/index.ts";
import { loadDocument, processEnvironment } from "../../shared/settings.ts";
import { usage } from "./arguments.ts";

/** The rules that the settings put in force, or those of `--rules` among them. Secrets are not needed for it. */
export async function chosenRules(config: string | undefined, ids?: string): Promise<readonly Rule[]> {
  const environment = processEnvironment();
  const { document } = await loadDocument(environment, config ?? environment.GLASSWATCH_SETTINGS);
  const rules = rulesInForce(builtInRules(document.watchlists), document.rules.own, document.rules.changes);
  if (ids === undefined) return rules;
  const wanted = ids
    .split(",")
    .map((id) => id.trim())
    .filter(Boolean);
  const unknown = wanted.find((id) => !rules.some((rule) => rule.id === id));
  if (unknown !== undefined) throw usage(`--rules: there is no rule ${JSON.stringify(unknown)}`);
  return rules.filter(({ id }) => wanted.includes(id));
}
