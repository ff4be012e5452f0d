import { compileCatalogue, type FilterCatalogue } from "../query/catalogue.ts";
import { fold } from "../query/fold.ts";
import { canonicalLogId, parseLogName } from "../query/log-name.ts";
import type { Rule } from "./rule.ts";

/**
 * The filters of many rules, compiled group by group when an entry of the group's log and service first comes. An
 * instance lives for one kind of entries mostly, and compiling all rules would take longer than starting the rest of it.
 * The first entry of a group throws what an invalid filter of it throws: use it for rules that are known to compile.
 */
export function groupFilters(rules: readonly Pick<Rule, "id" | "filter">[]): FilterCatalogue {
  const groups = new Map<string, Group>();
  for (const [index, { filter }] of rules.entries()) {
    for (const key of keysOf(filter)) {
      const group = groups.get(key) ?? { indexes: [], catalogue: undefined };
      group.indexes.push(index);
      groups.set(key, group);
    }
  }
  const all = [...groups.values()];
  const anywhere = groups.get(keyOf(ANY, ANY));

  function* groupsOf(entry: EntryHead): Generator<Group | undefined> {
    const service = entry.protoPayload?.serviceName;
    if (service !== undefined && typeof service !== "string") {
      // No log writes this, but a list of names would match like each of them.
      yield* all;
      return;
    }
    const logId = typeof entry.logName === "string" ? (parseLogName(entry.logName)?.logId ?? "") : "";
    yield anywhere;
    yield groups.get(keyOf(logId, ANY));
    if (service === undefined) return;
    yield groups.get(keyOf(logId, fold(service)));
    yield groups.get(keyOf(ANY, fold(service)));
  }

  return {
    matching(entry) {
      let found = NONE;
      for (const group of groupsOf((entry ?? {}) as EntryHead)) {
        if (group === undefined) continue;
        group.catalogue ??= compileCatalogue(group.indexes.map((index) => rules[index] as Rule));
        const own = group.catalogue.matching(entry);
        if (own.length > 0) found = found.concat(own.map((at) => group.indexes[at] as number));
      }
      return found.length < 2 ? found : [...new Set(found)].toSorted((a, b) => a - b);
    },
  };
}

interface EntryHead {
  readonly logName?: unknown;
  readonly protoPayload?: { readonly serviceName?: unknown };
}

interface Group {
  readonly indexes: number[];
  catalogue: FilterCatalogue | undefined;
}

const NONE: readonly number[] = Object.freeze([]);
const ANY = "*";

/** Conditions that stand alone on a line, and so have to hold, in the way in which every rule of ours writes them. */
const LOG_LINE = /^log_id\("([^"\\]+)"\)$/m;
const LOG_CHOICE_LINE = /^\((log_id\("[^"\\]+"\)(?: OR log_id\("[^"\\]+"\))*)\)$/m;
const SERVICE_LINE = /^protoPayload\.serviceName="([^"\\]+)"$/m;

/** Whatever does not stand there in these very forms counts as any log, any service: then the group is any entry's. */
function keysOf(filter: string): readonly string[] {
  const service = SERVICE_LINE.exec(filter)?.[1];
  const choice = LOG_CHOICE_LINE.exec(filter)?.[1];
  const logs =
    choice === undefined
      ? [LOG_LINE.exec(filter)?.[1]]
      : [...choice.matchAll(/log_id\("([^"\\]+)"\)/g)].map((match) => match[1]);
  return logs.map((log) =>
    keyOf(log === undefined ? ANY : canonicalLogId(log), service === undefined ? ANY : fold(service)),
  );
}

function keyOf(logId: string, serviceName: string): string {
  return `${logId} ${serviceName}`;
}
