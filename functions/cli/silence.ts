import { randomUUID } from "node:crypto";
import { compileSilence, type Silence, silenceDraft, silenceFrom } from "../../shared/response/silences.ts";
import { formatOption, UNITS, usage } from "./arguments.ts";
import { type ByHand, inHouse, reasonOf, whoever } from "./by-hand.ts";
import { EXIT } from "./exit.ts";
import { type Column, table, writeAll, writeData } from "./output.ts";

/** Longer than that is no silence but a decision: it belongs into the routes, where others can read it. */
const LONGEST_MS = 90 * UNITS.d;

/** `glasswatch silence add LQL`: keeps incidents that match from being told, until it ends. Audited. */
export async function addSilence(
  when: string,
  options: ByHand & { readonly for?: string; readonly reason?: string },
): Promise<number> {
  const author = whoever(options.by);
  const reason = reasonOf(options.reason, "--reason");
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(options.for ?? "") ?? [];
  const lasts = Number(count) * UNITS[unit as keyof typeof UNITS];
  if (!(lasts > 0 && lasts <= LONGEST_MS)) throw usage("--for: expected a time such as 90m, 8h or 7d, 90d at most");
  compileSilence(when);
  return inHouse(options.config, async (house) => {
    const at = Date.now();
    const silence: Silence = {
      schema: 1,
      id: randomUUID().slice(0, 8),
      when,
      author,
      reason,
      createdAt: new Date(at).toISOString(),
      expiresAt: new Date(at + lasts).toISOString(),
      uses: 0,
    };
    const { id, expiresAt } = silence;
    await (await house.store()).transact({ at, silenceIds: [id] }, () => ({
      silences: [silenceDraft(silence)],
      audit: [{ actor: author, action: "silence.add", subject: id, details: { when, reason, expiresAt } }],
      result: undefined,
    }));
    writeAll(1, `${JSON.stringify(silence)}\n`);
    return EXIT.done;
  });
}

/** `glasswatch silence list`: those in force; with `all` those that are over too. */
export async function listSilences(options: {
  readonly config?: string;
  readonly all?: boolean;
  readonly format?: string;
}): Promise<number> {
  const format = formatOption(options.format, process.stdout.isTTY === true);
  return inHouse(options.config, async (house) => {
    const store = await house.store();
    const silences = (await store.silences(options.all === true ? {} : { inForceAt: Date.now() })).map(silenceFrom);
    if (format === "table") writeAll(1, table(silences, COLUMNS, process.stdout.isTTY === true));
    else writeData(silences, format);
    return EXIT.done;
  });
}

const COLUMNS: readonly Column<Silence>[] = [
  { title: "ID", text: ({ id }) => id, most: 12 },
  { title: "UNTIL", text: ({ expiresAt }) => `${expiresAt.slice(0, 19)}Z`, most: 20 },
  { title: "USES", text: ({ uses }) => String(uses), most: 8 },
  { title: "AUTHOR", text: ({ author }) => author, most: 40 },
  { title: "REASON", text: ({ reason }) => reason, most: 50 },
  { title: "WHEN", text: ({ when }) => when, most: 80 },
];

/** `glasswatch silence expire ID`: ends it now. Audited. */
export async function expireSilence(id: string, options: ByHand): Promise<number> {
  const actor = whoever(options.by);
  return inHouse(options.config, async (house) => {
    const at = Date.now();
    const ended = await (await house.store()).transact<Silence | undefined>({ at, silenceIds: [id] }, (found) => {
      const stored = found.silences.find((one) => one.id === id);
      if (stored === undefined || stored.expiresAt <= at) return { result: undefined };
      const silence = { ...silenceFrom(stored), expiresAt: new Date(at).toISOString() };
      return {
        silences: [silenceDraft(silence, stored.version)],
        audit: [{ actor, action: "silence.expire", subject: id, details: { uses: stored.uses } }],
        result: silence,
      };
    });
    if (ended === undefined) throw usage(`there is no silence ${JSON.stringify(id)} in force`);
    writeAll(1, `${JSON.stringify(ended)}\n`);
    return EXIT.done;
  });
}
