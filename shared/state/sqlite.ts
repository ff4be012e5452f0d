/**
 * The store in one SQLite file, for one machine: several processes may have it open at once. Writers queue for
 * `BEGIN IMMEDIATE`, readers see the last commit (WAL), and a commit is on the disk before it is answered.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { ProcessingError } from "../errors.ts";
import { knownVersion, migrate } from "./sqlite-schema.ts";
import type { DeadLetter, Intent, RecordedFinding, Store } from "./store.ts";
import { INTENT_STATES, STORE_SCHEMA_VERSION } from "./store.ts";
import type { Channel, Step } from "./transitions.ts";
import {
  begun,
  dueChannel,
  leaseOf,
  newChannel,
  newIntent,
  postponed,
  recovered,
  refused,
  released,
  renewed,
  succeeded,
  taken,
} from "./transitions.ts";

export interface SqliteStoreOptions {
  /** How long a writer waits for the others before the store counts as unavailable. */
  readonly busyTimeoutMs?: number;
}

type Row = Record<string, unknown>;

const EVERYTHING = -1;
const OPEN_TRIES = 20;
const OPEN_PAUSE_MS = 50;

/** Opens or makes the store file, and its folder. STORE_TOO_NEW when a newer Glasswatch wrote it, STORE_UNAVAILABLE for all else. */
export async function openSqliteStore(
  path: string,
  { busyTimeoutMs = 5_000 }: SqliteStoreOptions = {},
): Promise<Store> {
  // Loaded here, so that a function which keeps its state elsewhere does not pay for it.
  const sqlite = await import("node:sqlite");
  const database = guard("open", () => {
    mkdirSync(dirname(path), { recursive: true });
    return new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs });
  });
  try {
    await prepareFile(database);
  } catch (error) {
    database.close();
    throw error;
  }
  return storeIn(database);
}

/** Switching a new file to WAL does not wait for others who do the same, so it is tried more than once. */
async function prepareFile(database: DatabaseSync): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return guard("open", () => {
        knownVersion(database);
        database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
        migrate(database);
      });
    } catch (error) {
      if (tries === OPEN_TRIES || !isBusy(error)) throw error;
      await pause(OPEN_PAUSE_MS);
    }
  }
}

function storeIn(database: DatabaseSync): Store {
  const sql = statements(database);

  const channelNamed = (name: string): Channel =>
    documentIn<Channel>(sql.channel.get(name) as Row | undefined) ?? newChannel(name);
  const saveChannel = (channel: Channel) => sql.saveChannel.run(channel.name, JSON.stringify(channel));
  const saveIntent = (intent: Intent) => sql.saveIntent.run(JSON.stringify(intent), intent.id);

  function transaction<T>(what: string, body: () => T): T {
    return guard(what, () => {
      sql.begin.run();
      try {
        const result = body();
        sql.commit.run();
        return result;
      } catch (error) {
        // SQLite rolls back by itself after some errors, a full disk for one.
        if (database.isTransaction) sql.rollback.run();
        throw error;
      }
    });
  }

  function move(what: string, channelName: string, intentId: string, step: Step): boolean {
    return transaction(what, () => {
      const intent = documentIn<Intent>(sql.intent.get(intentId) as Row | undefined);
      if (intent === undefined || intent.channel !== channelName) return false;
      const before = { channel: channelNamed(channelName), intent };
      const after = step(before);
      if (after === undefined) return false;
      if (after.channel !== before.channel) saveChannel(after.channel);
      if (after.intent !== before.intent) saveIntent(after.intent);
      return true;
    });
  }

  return {
    async record({ findings, at }) {
      return transaction("record", () => {
        const fresh: string[] = [];
        const known: string[] = [];
        for (const { finding, intents } of findings) {
          const recorded: RecordedFinding = { schema: STORE_SCHEMA_VERSION, recordedAt: at, finding };
          if (sql.addFinding.run(finding.id, JSON.stringify(recorded)).changes === 0) {
            known.push(finding.id);
            continue;
          }
          fresh.push(finding.id);
          for (const draft of intents) {
            sql.addChannel.run(draft.channel, JSON.stringify(newChannel(draft.channel)));
            sql.addIntent.run(JSON.stringify(newIntent(finding.id, draft, at)));
          }
        }
        return { fresh, known };
      });
    },

    async dueChannels(until) {
      return guard("read", () =>
        sql.channels
          .all()
          .map((row) =>
            dueChannel(
              present(documentIn<Channel>(row)),
              row.first_pending === null ? undefined : Number(row.first_pending),
              row.sending === 1,
            ),
          )
          .filter((due) => due !== undefined)
          .filter((due) => due.dueAt <= until)
          .sort((a, b) => a.dueAt - b.dueAt),
      );
    },

    async acquireChannel(name, owner, at, leaseMs) {
      return transaction("take a channel in", () => {
        const channel = taken(channelNamed(name), owner, at, leaseMs);
        if (channel === undefined) return undefined;
        saveChannel(channel);
        const left = documentsIn<Intent>(sql.sending.all(name)).map((intent) => recovered(intent, at));
        for (const intent of left) saveIntent(intent);
        return leaseOf(channel, left);
      });
    },

    async renewChannel(lease, at, leaseMs) {
      return transaction("renew a lease in", () => {
        const channel = renewed(channelNamed(lease.channel), lease, at, leaseMs);
        if (channel === undefined) return undefined;
        saveChannel(channel);
        return leaseOf(channel, []);
      });
    },

    async releaseChannel(lease) {
      return transaction("give a channel back to", () => {
        const channel = released(channelNamed(lease.channel), lease);
        if (channel === undefined) return false;
        saveChannel(channel);
        return true;
      });
    },

    async due(channel, at, limit) {
      return guard("read", () => documentsIn<Intent>(sql.due.all(channel, at, limit)));
    },

    async begin(lease, intentId, attempt) {
      return move("begin an attempt in", lease.channel, intentId, begun(lease, attempt));
    },

    async succeed(lease, intentId, success) {
      return move("write a receipt to", lease.channel, intentId, succeeded(lease, success));
    },

    async postpone(lease, intentId, postponement) {
      return move("postpone in", lease.channel, intentId, postponed(lease, postponement));
    },

    async refuse(lease, intentId, refusal) {
      return move("write a refusal to", lease.channel, intentId, refused(lease, refusal));
    },

    async deadLetter({ data, ...rest }) {
      return transaction("keep a dead letter in", () => {
        const document: Omit<DeadLetter, "data"> = { schema: STORE_SCHEMA_VERSION, ...rest };
        return sql.addLetter.run(JSON.stringify(document), data).changes > 0;
      });
    },

    async deadLetters({ limit = EVERYTHING } = {}) {
      return guard("read", () =>
        sql.letters.all(limit).map((row) => ({
          ...present(documentIn<Omit<DeadLetter, "data">>(row)),
          data: row.data as Uint8Array,
        })),
      );
    },

    async finding(id) {
      return guard("read", () => documentIn<RecordedFinding>(sql.finding.get(id) as Row | undefined));
    },

    async intents({ about, channel, state, limit = EVERYTHING } = {}) {
      return guard("read", () => {
        const wanted = Object.entries({ about, channel, state }).filter(([, value]) => value !== undefined);
        const where = wanted.length === 0 ? "" : `WHERE ${wanted.map(([column]) => `${column} = ?`).join(" AND ")}`;
        const values = wanted.map(([, value]) => value as SQLInputValue);
        const query = database.prepare(`SELECT document FROM intents ${where} ORDER BY seq LIMIT ?`);
        return documentsIn<Intent>(query.all(...values, limit));
      });
    },

    async counts() {
      return guard("read", () => {
        const states = new Map(sql.states.all().map((row) => [String(row.state), row]));
        const byState = Object.fromEntries(
          INTENT_STATES.map((state) => [state, Number(states.get(state)?.intents ?? 0)]),
        );
        const sizes = sql.sizes.get() as Row;
        return {
          ...(byState as Record<(typeof INTENT_STATES)[number], number>),
          findings: Number(sizes.findings),
          deadLetters: Number(sizes.dead_letters),
          unknownOutcomes: [...states.values()].reduce((sum, row) => sum + Number(row.unknown_outcomes), 0),
        };
      });
    },

    async close() {
      guard("close", () => database.close());
    },
  };
}

/** INDEXED BY where a backlog of any length must cost nothing: SQLite refuses the statement if it cannot be so. */
function statements(database: DatabaseSync) {
  const prepare = (text: string) => guard("open", () => database.prepare(text));
  return {
    begin: prepare("BEGIN IMMEDIATE"),
    commit: prepare("COMMIT"),
    rollback: prepare("ROLLBACK"),
    addFinding: prepare("INSERT INTO findings (id, document) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"),
    finding: prepare("SELECT document FROM findings WHERE id = ?"),
    addChannel: prepare("INSERT INTO channels (name, document) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"),
    channel: prepare("SELECT document FROM channels WHERE name = ?"),
    channels: prepare(
      `SELECT document,
         (SELECT min(not_before) FROM intents INDEXED BY intents_by_time
           WHERE channel = name AND state = 'pending') AS first_pending,
         EXISTS (SELECT 1 FROM intents WHERE channel = name AND state = 'sending') AS sending
       FROM channels`,
    ),
    saveChannel: prepare(
      "INSERT INTO channels (name, document) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
    ),
    addIntent: prepare("INSERT INTO intents (document) VALUES (?) ON CONFLICT (id) DO NOTHING"),
    intent: prepare("SELECT document FROM intents WHERE id = ?"),
    saveIntent: prepare("UPDATE intents SET document = ? WHERE id = ?"),
    sending: prepare("SELECT document FROM intents WHERE channel = ? AND state = 'sending' ORDER BY seq"),
    due: prepare(
      `SELECT document FROM intents INDEXED BY intents_in_order
       WHERE channel = ? AND state = 'pending' AND not_before <= ?
       ORDER BY aside, seq LIMIT ?`,
    ),
    states: prepare(
      "SELECT state, count(*) AS intents, sum(unknown_outcomes) AS unknown_outcomes FROM intents GROUP BY state",
    ),
    sizes: prepare(
      `SELECT (SELECT count(*) FROM findings) AS findings, (SELECT count(*) FROM dead_letters) AS dead_letters`,
    ),
    addLetter: prepare("INSERT INTO dead_letters (document, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"),
    letters: prepare("SELECT document, data FROM dead_letters ORDER BY seq LIMIT ?"),
  };
}

function documentsIn<T>(rows: readonly Row[]): T[] {
  return rows.map((row) => present(documentIn<T>(row)));
}

/** The stored document of a row; one that a newer Glasswatch wrote is refused rather than half understood. */
function documentIn<T>(row: Row | undefined): T | undefined {
  if (row === undefined) return undefined;
  const document = JSON.parse(String(row.document)) as { readonly schema: number };
  if (document.schema > STORE_SCHEMA_VERSION) {
    throw new ProcessingError("STORE_TOO_NEW", `a stored document has schema ${document.schema}`);
  }
  return document as T;
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new ProcessingError("STORE_UNAVAILABLE", "the store file lacks a document");
  return value;
}

/** Whatever SQLite throws becomes STORE_UNAVAILABLE; a path or a statement is in the cause only. */
function guard<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof ProcessingError) throw cause;
    throw new ProcessingError("STORE_UNAVAILABLE", `could not ${what} the store file`, { cause });
  }
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  const cause = error instanceof ProcessingError ? error.cause : undefined;
  const code = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) : 0;
  // The lower byte; the rest says what kind of busy.
  return (code & 0xff) === SQLITE_BUSY;
}
