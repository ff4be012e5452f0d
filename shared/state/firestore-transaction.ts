/**
 * Transactions on Firestore without its locks: everything is read as of one moment, and the commit, which is atomic,
 * demands that what is written is still as it was read. Whoever loses starts again, after a pause. So a process that
 * dies holds nothing up, and a commit whose answer was lost is recognised by the mark that it left.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ProcessingError } from "../errors.ts";
import { CHUNK_BYTES, digest, INLINE_BYTES, textIn } from "./firestore-documents.ts";
import type { Fields, FirestoreRest, Query, Snapshot, Write } from "./firestore-rest.ts";
import { FirestoreFailure } from "./firestore-rest.ts";

/** A document with its content, wherever that lies. */
export interface StoredDocument {
  readonly snapshot: Snapshot;
  /** Empty where only other fields were read, or written. */
  readonly json: string;
  readonly data: Uint8Array;
}

/** A document to be written. */
export interface DocumentWrite extends Omit<Write, "precondition" | "isDelete"> {
  readonly json?: string;
  readonly data?: Uint8Array;
  /** As it was read; null when it must not exist, "any" when that does not matter, "some" when it must exist. */
  readonly before: StoredDocument | null | "any" | "some";
}

/** One try of a transaction. */
export interface Attempt {
  readonly signal: AbortSignal;
  /** An earlier try met a conflict, or has lost an answer. */
  readonly isRepeated: boolean;
  /** The documents that exist, and the moment as of which they were read. */
  get(
    names: readonly string[],
    readTime?: string,
  ): Promise<{ readonly documents: ReadonlyMap<string, StoredDocument>; readonly readTime: string }>;
  query(query: Query): Promise<readonly StoredDocument[]>;
  /** Answers with the result once everything is written. The first document says for all whether that has happened. */
  commit<T>(writes: readonly DocumentWrite[], result: T): Promise<T>;
}

export interface TransactionOptions {
  readonly rest: FirestoreRest;
  /** Where the chunks of large documents are. */
  readonly chunkName: (id: string) => string;
  /** All tries end within it. */
  readonly deadlineMs: number;
  /** From 0 to below 1, for jitter. */
  readonly random: () => number;
}

export type Transact = <T>(what: string, body: (attempt: Attempt) => Promise<T>) => Promise<T>;

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;
/** Half of what a commit may have, and below what the emulator takes. */
const COMMIT_BYTES = 3 * 1024 * 1024;

interface LostCommit {
  readonly name: string;
  readonly mark: string;
  readonly result: unknown;
}

export function transactionsOn({ rest, chunkName, deadlineMs, random }: TransactionOptions): Transact {
  return async (what, body) => {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), deadlineMs);
    try {
      return await untilItHolds(what, body, deadline.signal);
    } finally {
      clearTimeout(timer);
    }
  };

  async function untilItHolds<T>(
    what: string,
    body: (attempt: Attempt) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const lost: LostCommit[] = [];
    for (let tries = 1; ; tries++) {
      try {
        const done = await resultOfLost(lost, rest, signal);
        if (done !== undefined) return done.result as T;
        return await body(attemptOn(rest, chunkName, signal, tries > 1, lost));
      } catch (error) {
        if (!(error instanceof FirestoreFailure)) throw error;
        if (error.kind === "final" || signal.aborted) throw unavailable(what, error);
        const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
        await pause(random() * ceiling, undefined, { signal }).catch(() => {
          throw unavailable(what, error);
        });
      }
    }
  }
}

/** The message names no document: keys and ids may hold the text of an entry. */
function unavailable(what: string, cause: FirestoreFailure): ProcessingError {
  return new ProcessingError("STORE_UNAVAILABLE", `could not ${what} Firestore (${cause.code})`, { cause });
}

/** The earlier try of which the answer was lost although it was written. */
async function resultOfLost(
  lost: readonly LostCommit[],
  rest: FirestoreRest,
  signal: AbortSignal,
): Promise<LostCommit | undefined> {
  if (lost.length === 0) return undefined;
  const { found } = await rest.get(
    lost.map(({ name }) => name),
    signal,
  );
  return lost.find(({ name, mark }) => found.get(name)?.fields.write === mark);
}

function attemptOn(
  rest: FirestoreRest,
  chunkName: (id: string) => string,
  signal: AbortSignal,
  isRepeated: boolean,
  lost: LostCommit[],
): Attempt {
  return {
    signal,
    isRepeated,

    async get(names, readTime) {
      const answer = await rest.get(names, signal, readTime);
      const documents = await withContent([...answer.found.values()], answer.readTime);
      return { documents: new Map(documents.map((each) => [each.snapshot.name, each])), readTime: answer.readTime };
    },

    async query(query) {
      return withContent(await rest.query(query, signal), query.readTime);
    },

    async commit(writes, result) {
      const mark = randomUUID();
      const chunks = writes.flatMap((write) => chunksOf(write));
      for (const group of inGroups(chunks)) await rest.commit(group, signal);
      const first = writes[0]?.name ?? "";
      try {
        await rest.commit(
          writes.flatMap((write) => finalWrites(write, mark)),
          signal,
        );
      } catch (error) {
        if (error instanceof FirestoreFailure && error.kind === "transient") lost.push({ name: first, mark, result });
        throw error;
      }
      return result;
    },
  };

  async function withContent(snapshots: readonly Snapshot[], readTime: string | undefined): Promise<StoredDocument[]> {
    const names = snapshots.flatMap(({ fields }) => chunkIdsIn(fields).map(chunkName));
    const chunks = names.length === 0 ? new Map<string, Snapshot>() : (await rest.get(names, signal, readTime)).found;
    return snapshots.map((snapshot) => {
      const { fields } = snapshot;
      const ids = chunkIdsIn(fields);
      if (ids.length === 0) return { snapshot, json: textIn(fields, "json"), data: bytesIn(fields, "data") };
      const parts = ids.map((id) => chunks.get(chunkName(id)));
      if (parts.includes(undefined)) throw new FirestoreFailure("conflict", "CHUNK_GONE", "changed while it was read");
      const whole = Buffer.concat(parts.map((part) => bytesIn(part?.fields ?? {}, "data")));
      return fields.chunked === "json"
        ? { snapshot, json: whole.toString(), data: bytesIn(fields, "data") }
        : { snapshot, json: textIn(fields, "json"), data: whole };
    });
  }

  function chunksOf(write: DocumentWrite): Write[] {
    const large = largeContent(write);
    if (large === undefined) return [];
    const { expireAt } = write.fields ?? {};
    return large.ids.map((id, index) => ({
      name: chunkName(id),
      fields: {
        data: large.bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
        ...(expireAt === undefined ? {} : { expireAt }),
      },
    }));
  }

  function finalWrites({ json, data, before, fields, mask, ...write }: DocumentWrite, mark: string): Write[] {
    const large = largeContent({ ...write, json, data, before } as DocumentWrite);
    const content: Fields = {
      ...(json === undefined || large?.chunked === "json" ? {} : { json }),
      ...(data === undefined || large?.chunked === "data" ? {} : { data }),
      ...(large === undefined ? {} : { chunks: large.ids.join(" "), chunked: large.chunked }),
    };
    const old = typeof before === "object" && before !== null && json !== undefined ? before : undefined;
    const outlived = chunkIdsIn(old?.snapshot.fields ?? {}).filter((id) => large?.ids.includes(id) !== true);
    return [
      {
        ...write,
        fields: { ...fields, ...content, write: mark },
        ...(mask === undefined ? {} : { mask: [...mask, "write"] }),
        ...(before === "any" ? {} : { precondition: preconditionOf(before) }),
      },
      ...outlived.map((id) => ({ name: chunkName(id), isDelete: true })),
    ];
  }
}

function preconditionOf(before: StoredDocument | null | "some") {
  if (before === null) return { exists: false };
  return before === "some" ? { exists: true } : { updateTime: before.snapshot.updateTime };
}

/** What does not fit into the document itself; its chunks are named by what they hold, so writing them twice is once. */
function largeContent({ name, json, data }: DocumentWrite) {
  const isJson = json !== undefined && json.length * 3 > INLINE_BYTES && Buffer.byteLength(json) > INLINE_BYTES;
  const bytes = isJson ? Buffer.from(json) : (data ?? new Uint8Array());
  if (bytes.byteLength <= INLINE_BYTES) return undefined;
  const hash = digest(`${name}\n${digest(bytes)}`);
  const count = Math.ceil(bytes.byteLength / CHUNK_BYTES);
  const ids = Array.from({ length: count }, (_, index) => `${hash}-${index}`);
  return { chunked: isJson ? "json" : "data", bytes, ids };
}

/** Commits that are not too large; a chunk that nobody refers to in the end does no harm. */
function inGroups(writes: readonly Write[]): Write[][] {
  const perGroup = Math.floor(COMMIT_BYTES / (CHUNK_BYTES * 1.34));
  return Array.from({ length: Math.ceil(writes.length / perGroup) }, (_, index) =>
    writes.slice(index * perGroup, (index + 1) * perGroup),
  );
}

const chunkIdsIn = (fields: Fields) =>
  textIn(fields, "chunks")
    .split(" ")
    .filter((id) => id !== "");

function bytesIn(fields: Fields, name: string): Uint8Array {
  const value = fields[name];
  return value instanceof Uint8Array ? value : new Uint8Array();
}
