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
