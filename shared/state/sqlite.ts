/**
 * The store in one SQLite file, for one machine: several processes may have it open at once. Writers queue for
 * `BEGIN IMMEDIATE`, readers see the last commit (WAL), and a commit is on the disk before it is answered.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { ProcessingError } from "../errors.ts";
import {
  type Changes,
  changesOf,
  momentOrder,
  notLookedFor,
  recordingPlan,
  statesAskedFor,
  usedSilence,
} from "./planning.ts";
import { knownVersion, migrate } from "./sqlite-schema.ts";
import type {
  AuditRecord,
  DeadLetter,
  Found,
  IncidentReceipts,
  Intent,
  Lookup,
  Moment,
  Plan,
  RecordedFinding,
  StateVersion,
  Store,
  StoredIncident,
  StoredSilence,
} from "./store.ts";
import { INTENT_STATES, KEPT_MS, RESOLVED_SHOWN, STORE_SCHEMA_VERSION } from "./store.ts";
import type { Channel, Step } from "./transitions.ts";
import {
  begun,
  dueChannel,
  leaseOf,
  newChannel,
  postponed,
  receiptsWith,
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
      if (after.intent.state === "told" && intent.state !== "told") addReceipt(after.intent);
      return true;
    });
  }

  function addReceipt(told: Intent): void {
    const { incidentId = "", destinationId } = told;
    const before = documentIn<IncidentReceipts>(sql.receipts.get(incidentId, destinationId) as Row | undefined);
    const receipts = receiptsWith(before, told);
    if (receipts !== undefined) sql.saveReceipts.run(incidentId, destinationId, JSON.stringify(receipts));
  }

  const oneIncident = (id: string) => documentIn<StoredIncident>(sql.incident.get(id) as Row | undefined);
  const oneSilence = (id: string) => documentIn<StoredSilence>(sql.silence.get(id) as Row | undefined);

  function previousState(before: Moment): StateVersion | undefined {
    const row = sql.previousState.get(before.key, momentOrder(before)) as Row | undefined;
    return row === undefined ? undefined : (JSON.parse(String(row.document)) as StateVersion);
  }

  /** In the order in which they were made, each once. */
  function incidentsFor({ incidentIds = [], incidentKeys = [], aliases = [] }: Lookup): StoredIncident[] {
    const rows = [
      ...incidentIds.flatMap((id) => sql.incident.all(id)),
      ...incidentKeys.flatMap(({ key, category }) => [
        ...sql.openByKey.all(key, category),
        ...sql.resolvedByKey.all(key, category, RESOLVED_SHOWN),
      ]),
      ...aliases.flatMap((alias) => [...sql.openByAlias.all(alias), ...sql.resolvedByAlias.all(alias, RESOLVED_SHOWN)]),
    ];
    const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
    return documentsIn([...bySeq].sort(([a], [b]) => a - b).map(([, row]) => row));
  }

  function find(lookup: Lookup, moments: readonly Moment[]): Found {
    const incidents = incidentsFor(lookup);
    const { at, findingIds = [], silences: inForce = false, silenceIds = [] } = lookup;
    const silences = new Map(
      [
        ...(inForce ? documentsIn<StoredSilence>(sql.silencesInForce.all(at)) : []),
        ...silenceIds.map(oneSilence).filter((silence) => silence !== undefined),
      ].map((silence) => [silence.id, silence]),
    );
    const states = moments.map((before) => [before.key, previousState(before)] as const);
    const intents = incidents
      .flatMap(({ id }) => sql.openIntents.all(id))
      .sort((a, b) => Number(a.seq) - Number(b.seq));
    return {
      knownFindings: new Set(findingIds.filter((id) => sql.finding.get(id) !== undefined)),
      incidents,
      openIntents: documentsIn(intents),
      receipts: incidents.flatMap(({ id }) => documentsIn<IncidentReceipts>(sql.incidentReceipts.all(id))),
      silences: [...silences.values()].sort((a, b) => a.expiresAt - b.expiresAt),
      previousStates: new Map(states.flatMap(([key, state]) => (state === undefined ? [] : [[key, state]]))),
    };
  }

  function demandNew({ incidents, silences }: Changes): void {
    const isThere = ({ before, after }: Changes["incidents"][number]) =>
      before === undefined && oneIncident(after.id) !== undefined;
    if (incidents.some(isThere)) throw notLookedFor("an incident");
    if (silences.some(({ id, version }) => version === 1 && oneSilence(id) !== undefined)) {
      throw notLookedFor("a silence");
    }
  }

  function write(changes: Changes, at: number): void {
    for (const recorded of changes.findings) sql.addFinding.run(recorded.finding.id, JSON.stringify(recorded));
    for (const { before, after } of changes.incidents) {
      if (before === undefined) sql.addIncident.run(JSON.stringify(after));
      else sql.saveIncident.run(JSON.stringify(after), after.id);
      sql.dropAliases.run(after.id);
      for (const alias of after.aliases) sql.addAlias.run(alias, after.id);
    }
    for (const intent of changes.freshIntents) {
      sql.addChannel.run(intent.channel, JSON.stringify(newChannel(intent.channel)));
      sql.addIntent.run(JSON.stringify(intent));
    }
    for (const intent of changes.amendedIntents) saveIntent(intent);
    for (const silence of changes.silences) {
      const document = JSON.stringify(silence);
      if (silence.version === 1) sql.addSilence.run(document);
      else sql.saveSilence.run(document, silence.id);
    }
    for (const [id, uses] of changes.usedSilences) {
      const silence = oneSilence(id);
      if (silence !== undefined) sql.saveSilence.run(JSON.stringify(usedSilence(silence, uses, at)), id);
    }
    for (const version of changes.states) {
      sql.addState.run(version.key, momentOrder(version), at, JSON.stringify(version));
    }
    for (const record of changes.audit) sql.addAudit.run(JSON.stringify(record));
  }

  function transact<T>(lookup: Lookup, plan: (found: Found) => Plan<T>): T {
    const moments = statesAskedFor(lookup);
    let mistake: unknown;
    try {
      return transaction("store what a plan says in", () => {
        const found = find(lookup, moments);
        let planned: Plan<T>;
        let changes: Changes;
        try {
          planned = plan(found);
          changes = changesOf(lookup, found, planned);
          demandNew(changes);
        } catch (error) {
          mistake = error;
          throw error;
        }
        write(changes, lookup.at);
        return planned.result;
      });
    } catch (error) {
      // What the plan threw is not the store's.
      throw mistake ?? error;
    }
  }

  return {
    async transact(lookup, plan) {
      return transact(lookup, plan);
    },

    async record(request) {
      const { lookup, plan } = recordingPlan(request);
      return transact(lookup, plan);
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

    async findings({ incidentId, limit = EVERYTHING } = {}) {
      return guard("read", () =>
        documentsIn<RecordedFinding>(
          incidentId === undefined ? sql.findings.all(limit) : sql.findingsOf.all(incidentId, limit),
        ),
      );
    },

    async incident(id) {
      return guard("read", () => oneIncident(id));
    },

    async incidents({ state, dueBy, limit = EVERYTHING } = {}) {
      return guard("read", () => {
        const conditions = [
          ...(state === undefined ? [] : ["state = ?"]),
          ...(dueBy === undefined ? [] : ["due_at <= ?"]),
        ];
        const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
        const order = dueBy === undefined ? "updated_at DESC, seq DESC" : "due_at, seq";
        const values: SQLInputValue[] = [state, dueBy].filter((value) => value !== undefined);
        const query = database.prepare(`SELECT document FROM incidents ${where} ORDER BY ${order} LIMIT ?`);
        return documentsIn<StoredIncident>(query.all(...values, limit));
      });
    },

    async receipts(incidentId, destinationId) {
      return guard("read", () =>
        documentIn<IncidentReceipts>(sql.receipts.get(incidentId, destinationId) as Row | undefined),
      );
    },

    async silences({ inForceAt, limit = EVERYTHING } = {}) {
      return guard("read", () =>
        documentsIn<StoredSilence>(sql.silences.all(inForceAt ?? Number.MIN_SAFE_INTEGER, limit)),
      );
    },

    async previousState(before) {
      // Looked at first: a moment that is none is the caller's mistake and no failure of the store.
      momentOrder(before);
      return guard("read", () => previousState(before));
    },

    async audit({ subject, limit = EVERYTHING } = {}) {
      return guard("read", () =>
        documentsIn<AuditRecord>(subject === undefined ? sql.audit.all(limit) : sql.auditOf.all(subject, limit)),
      );
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
          openIncidents: Number(sizes.open_incidents),
          deadLetters: Number(sizes.dead_letters),
          unknownOutcomes: [...states.values()].reduce((sum, row) => sum + Number(row.unknown_outcomes), 0),
        };
      });
    },

    async forget(at) {
      return transaction("forget what is over in", () =>
        sql.forget.reduce((gone, statement) => gone + Number(statement.run(at - KEPT_MS).changes), 0),
      );
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
      `SELECT (SELECT count(*) FROM findings) AS findings, (SELECT count(*) FROM dead_letters) AS dead_letters,
         (SELECT count(*) FROM incidents WHERE state = 'open') AS open_incidents`,
    ),
    findings: prepare("SELECT document FROM findings ORDER BY recorded_at, id LIMIT ?"),
    findingsOf: prepare("SELECT document FROM findings WHERE incident_id = ? ORDER BY recorded_at, id LIMIT ?"),
    openIntents: prepare(
      `SELECT seq, document FROM intents INDEXED BY intents_open
       WHERE incident_id = ? AND state IN ('pending', 'sending') ORDER BY seq`,
    ),
    incident: prepare("SELECT seq, document FROM incidents WHERE id = ?"),
    addIncident: prepare("INSERT INTO incidents (document) VALUES (?)"),
    saveIncident: prepare("UPDATE incidents SET document = ? WHERE id = ?"),
    openByKey: prepare("SELECT seq, document FROM incidents WHERE key = ? AND category = ? AND state = 'open'"),
    resolvedByKey: prepare(
      `SELECT seq, document FROM incidents WHERE key = ? AND category = ? AND state = 'resolved'
       ORDER BY seq DESC LIMIT ?`,
    ),
    openByAlias: prepare(
      `SELECT seq, document FROM incident_aliases CROSS JOIN incidents ON incident_id = id
       WHERE alias = ? AND state = 'open'`,
    ),
    resolvedByAlias: prepare(
      `SELECT seq, document FROM incident_aliases CROSS JOIN incidents ON incident_id = id
       WHERE alias = ? AND state = 'resolved' ORDER BY seq DESC LIMIT ?`,
    ),
    dropAliases: prepare("DELETE FROM incident_aliases WHERE incident_id = ?"),
    addAlias: prepare("INSERT INTO incident_aliases (alias, incident_id) VALUES (?, ?)"),
    receipts: prepare("SELECT document FROM receipts WHERE incident_id = ? AND destination_id = ?"),
    incidentReceipts: prepare("SELECT document FROM receipts WHERE incident_id = ?"),
    saveReceipts: prepare(
      `INSERT INTO receipts (incident_id, destination_id, document) VALUES (?, ?, ?)
       ON CONFLICT (incident_id, destination_id) DO UPDATE SET document = excluded.document`,
    ),
    silence: prepare("SELECT document FROM silences WHERE id = ?"),
    silences: prepare("SELECT document FROM silences WHERE expires_at > ? ORDER BY expires_at DESC, seq LIMIT ?"),
    silencesInForce: prepare("SELECT document FROM silences WHERE expires_at > ?"),
    addSilence: prepare("INSERT INTO silences (document) VALUES (?)"),
    saveSilence: prepare("UPDATE silences SET document = ? WHERE id = ?"),
    addState: prepare(
      "INSERT INTO states (key, moment, recorded_at, document) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    ),
    previousState: prepare("SELECT document FROM states WHERE key = ? AND moment < ? ORDER BY moment DESC LIMIT 1"),
    addAudit: prepare("INSERT INTO audit (document) VALUES (?)"),
    audit: prepare("SELECT document FROM audit ORDER BY seq DESC LIMIT ?"),
    auditOf: prepare("SELECT document FROM audit WHERE subject = ? ORDER BY seq DESC LIMIT ?"),
    forget: [
      "DELETE FROM findings WHERE recorded_at < ?",
      `DELETE FROM intents WHERE state IN ('told', 'refused')
         AND coalesce(document ->> '$.receipt.at', document ->> '$.lastError.at', document ->> '$.recordedAt') < ?`,
      "DELETE FROM incidents WHERE state = 'resolved' AND updated_at < ?",
      `DELETE FROM receipts WHERE incident_id NOT IN (SELECT id FROM incidents) AND document ->> '$.last.at' < ?`,
      "DELETE FROM silences WHERE expires_at < ?",
      `DELETE FROM states WHERE EXISTS (SELECT 1 FROM states AS newer WHERE newer.key = states.key
         AND newer.moment > states.moment AND newer.recorded_at < ?)`,
      "DELETE FROM audit WHERE document ->> '$.at' < ?",
      "DELETE FROM dead_letters WHERE document ->> '$.at' < ?",
    ].map(prepare),
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
