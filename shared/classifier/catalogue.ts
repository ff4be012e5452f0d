import { ProcessingError } from "../errors.ts";
import { compileCatalogue as compileFilters, type FilterCatalogue } from "../query/catalogue.ts";
import { compile, type Query } from "../query/compile.ts";
import { groupFilters } from "./grouped-filters.ts";
import type { Rule } from "./rule.ts";

/** Rules ready to judge entries. */
export interface Catalogue {
  readonly rules: readonly Rule[];
  /** Each rule's filter by itself, at the rule's index; compiled when it is first asked for. */
  query(index: number): Query;
  readonly filters: FilterCatalogue;
  rule(id: string): Rule | undefined;
}

const RULE_ID = /^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$/;

/** Throws RULE_INVALID naming the rule: two of one id, an id of the wrong form; QUERY_* for a filter that does not compile. */
export function compileCatalogue(rules: readonly Rule[]): Catalogue {
  return catalogueOf(rules, compileFilters(rules.map(({ id, filter }) => ({ id, filter }))));
}

/**
 * As compileCatalogue, ready at once: filters of rules that are `known` to compile, since tests compile them, are compiled
 * when an entry that they may match first comes. All others are compiled here, so that a wrong one stops the start.
 */
export function openCatalogue(rules: readonly Rule[], known: readonly Rule[]): Catalogue {
  const ids = new Set(known.map(({ id }) => id));
  compileFilters(rules.filter(({ id }) => !ids.has(id)).map(({ id, filter }) => ({ id, filter })));
  return catalogueOf(rules, groupFilters(rules));
}

function catalogueOf(rules: readonly Rule[], filters: FilterCatalogue): Catalogue {
  const byId = new Map<string, Rule>();
  for (const rule of rules) {
    if (!RULE_ID.test(rule.id)) throw invalid(rule, "expected an id of the form service.event");
    if (byId.has(rule.id)) throw invalid(rule, "there is another rule of this id");
    byId.set(rule.id, rule);
  }
  const queries: (Query | undefined)[] = [];
  return {
    rules,
    query(index) {
      queries[index] ??= compile((rules[index] as Rule).filter);
      return queries[index];
    },
    filters,
    rule: (id) => byId.get(id),
  };
}

function invalid(rule: Rule, why: string): ProcessingError {
  return new ProcessingError("RULE_INVALID", `rule ${rule.id}: ${why}`, { place: rule.id });
}
