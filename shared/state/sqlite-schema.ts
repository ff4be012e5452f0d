/**
 * The tables of a store file. A document is one JSON text; what is searched by is derived from it by SQLite, so that
 * the two cannot disagree. `PRAGMA user_version` says how many of the migrations a file has been through.
 */
import type { DatabaseSync } from "node:sqlite";
import { ProcessingError } from "../errors.ts";

/** Only ever added to: a file of any age is brought up to date by what it has not been through. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE findings (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;

   CREATE TABLE channels (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;

   CREATE TABLE intents (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     document TEXT NOT NULL,
     id TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.id') VIRTUAL,
     about TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.about') VIRTUAL,
     channel TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.channel') VIRTUAL,
     state TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.state') VIRTUAL,
     not_before REAL NOT NULL GENERATED ALWAYS AS (document ->> '$.notBefore') VIRTUAL,
     aside INTEGER NOT NULL GENERATED ALWAYS AS (document ->> '$.aside') VIRTUAL,
     unknown_outcomes INTEGER NOT NULL GENERATED ALWAYS AS (document ->> '$.unknownOutcomes') VIRTUAL
   ) STRICT;
   CREATE UNIQUE INDEX intents_by_id ON intents (id);
   CREATE INDEX intents_by_about ON intents (about);
   CREATE INDEX intents_by_state ON intents (state, unknown_outcomes);
   CREATE INDEX intents_in_order ON intents (channel, aside, seq) WHERE state = 'pending';
   CREATE INDEX intents_by_time ON intents (channel, not_before) WHERE state = 'pending';
   CREATE INDEX intents_sending ON intents (channel) WHERE state = 'sending';

   CREATE TABLE dead_letters (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     document TEXT NOT NULL,
     data BLOB NOT NULL,
     id TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.id') VIRTUAL
   ) STRICT;
   CREATE UNIQUE INDEX dead_letters_by_id ON dead_letters (id);`,

  `ALTER TABLE findings ADD COLUMN incident_id TEXT GENERATED ALWAYS AS (document ->> '$.incidentId') VIRTUAL;
   ALTER TABLE findings ADD COLUMN recorded_at REAL GENERATED ALWAYS AS (document ->> '$.recordedAt') VIRTUAL;
   CREATE INDEX findings_by_incident ON findings (incident_id, recorded_at, id);
   CREATE INDEX findings_by_time ON findings (recorded_at, id);

   ALTER TABLE intents ADD COLUMN incident_id TEXT GENERATED ALWAYS AS (document ->> '$.incidentId') VIRTUAL;
   CREATE INDEX intents_open ON intents (incident_id, seq) WHERE state IN ('pending', 'sending');

   CREATE TABLE incidents (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     document TEXT NOT NULL,
     id TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.id') VIRTUAL,
     key TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.key') VIRTUAL,
     category TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.category') VIRTUAL,
     state TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.state') VIRTUAL,
     updated_at REAL NOT NULL GENERATED ALWAYS AS (document ->> '$.updatedAt') VIRTUAL,
     due_at REAL GENERATED ALWAYS AS (document ->> '$.dueAt') VIRTUAL
   ) STRICT;
   CREATE UNIQUE INDEX incidents_by_id ON incidents (id);
   CREATE INDEX incidents_by_key ON incidents (key, category, state, seq);
   CREATE INDEX incidents_by_state ON incidents (state, updated_at, seq);
   CREATE INDEX incidents_by_change ON incidents (updated_at, seq);
   CREATE INDEX incidents_due ON incidents (due_at) WHERE due_at IS NOT NULL;
   CREATE TABLE incident_aliases (
     alias TEXT NOT NULL, incident_id TEXT NOT NULL, PRIMARY KEY (alias, incident_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX aliases_by_incident ON incident_aliases (incident_id);
   CREATE TRIGGER aliases_go_with_their_incident AFTER DELETE ON incidents
     BEGIN DELETE FROM incident_aliases WHERE incident_id = old.id; END;

   CREATE TABLE receipts (
     incident_id TEXT NOT NULL, destination_id TEXT NOT NULL, document TEXT NOT NULL,
     PRIMARY KEY (incident_id, destination_id)
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE silences (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     document TEXT NOT NULL,
     id TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.id') VIRTUAL,
     expires_at REAL NOT NULL GENERATED ALWAYS AS (document ->> '$.expiresAt') VIRTUAL
   ) STRICT;
   CREATE UNIQUE INDEX silences_by_id ON silences (id);
   CREATE INDEX silences_by_end ON silences (expires_at);

   CREATE TABLE states (
     key TEXT NOT NULL, moment TEXT NOT NULL, recorded_at REAL NOT NULL, document TEXT NOT NULL,
     PRIMARY KEY (key, moment)
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE audit (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     document TEXT NOT NULL,
     subject TEXT NOT NULL GENERATED ALWAYS AS (document ->> '$.subject') VIRTUAL
   ) STRICT;
   CREATE INDEX audit_by_subject ON audit (subject, seq);`,
];

/** Makes the tables, or brings those of an older file up to date; a file of a newer Glasswatch is left untouched. */
export function migrate(database: DatabaseSync): void {
  // Looked at before locking: on every start but the first there is nothing to write.
  if (knownVersion(database) === MIGRATIONS.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const migration of MIGRATIONS.slice(knownVersion(database))) database.exec(migration);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** How many migrations the file has been through; STORE_TOO_NEW when they are more than are known here. */
export function knownVersion(database: DatabaseSync): number {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version > MIGRATIONS.length) {
    const message = `the store file has version ${version}, this Glasswatch knows ${MIGRATIONS.length}`;
    throw new ProcessingError("STORE_TOO_NEW", message);
  }
  return version;
}
