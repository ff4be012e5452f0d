import { rulesInForce } from "../../shared/classifier/declared-rule.ts";
import type { Rule } from "../../shared/classifier/rule.ts";
import { builtInRules } from "../../shared/rules/index.ts";
import { loadDocument, processEnvironment } from "../../shared/settings.ts";
import type { SettingsDocument } from "../../shared/settings-document.ts";
import { usage } from "./arguments.ts";

/** The rules that the settings put in force. Secrets are not needed for it. */
export async function chosenRules(config: string | undefined): Promise<readonly Rule[]> {
  const { document } = await loadDocument(processEnvironment(), config);
  return rulesOf(document);
}

/** The rules that these settings put in force. Throws RULE_INVALID. */
export function rulesOf({ watchlists, rules }: Pick<SettingsDocument, "watchlists" | "rules">): readonly Rule[] {
  return rulesInForce(builtInRules(watchlists), rules.own, rules.changes);
}

/** Those of `--rules` among them, all where it was not given. Throws USAGE for one that is not there. */
export function rulesNamed(ids: string | undefined, rules: readonly Rule[]): readonly Rule[] {
  if (ids === undefined) return rules;
  const wanted = ids
    .split(",")
    .map((id) => id.trim())
    .filter(Boolean);
  const unknown = wanted.find((id) => !rules.some((rule) => rule.id === id));
  if (unknown !== undefined) throw usage(`--rules: there is no rule ${JSON.stringify(unknown)}`);
  return rules.filter(({ id }) => wanted.includes(id));
}
