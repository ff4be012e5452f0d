/**
 * Firestore by its REST interface over connections that are kept open: four calls of it, no client library. Reads can
 * all be of one moment (`readTime`), a commit is atomic and can demand of each document that it is as it was read.
 * Why not the client: docs/adr/0005-firestore.md.
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";

export type FieldValue = string | number | Uint8Array | Timestamp | { readonly [name: string]: string };
export type Fields = Readonly<Record<string, FieldValue>>;

/** A point in time, where Firestore itself acts on it. */
export interface Timestamp {
  readonly epochMs: number;
}

/** A document as it was at a moment. */
export interface Snapshot {
  readonly name: string;
  readonly fields: Fields;
  readonly updateTime: string;
}

export type Precondition = { readonly exists: boolean } | { readonly updateTime: string };

export interface Write {
  readonly name: string;
  readonly fields?: Fields;
  /** Only these are written, and removed when `fields` lacks them; the whole document when there is none. */
  readonly mask?: readonly string[];
  readonly increment?: Readonly<Record<string, number>>;
  readonly maximum?: Readonly<Record<string, number>>;
  readonly isDelete?: boolean;
  readonly precondition?: Precondition;
}

export interface Query {
  readonly collection: string;
  /** Equality, or a range of texts; on the field that it is ordered by. */
  readonly field?: string;
  readonly equals?: string;
  readonly anyOf?: readonly string[];
  readonly from?: string;
  readonly below?: string;
  readonly above?: number;
  readonly descending?: boolean;
  /** Only these fields are read; all when it is not given. */
  readonly select?: readonly string[];
  readonly limit?: number;
  /** Continues behind this document of the last page. */
  readonly after?: Snapshot;
  readonly readTime?: string;
}

export interface Aggregates {
  readonly count: number;
  readonly sum: number;
}

/**
 * - `conflict`: a document is not as the commit demands; nothing was written.
 * - `transient`: no answer, or one that says "later"; a commit may have happened.
 * - `final`: trying again is of no use now.
 */
export type FailureKind = "conflict" | "transient" | "final";

/** Its message may hold names of documents: it is for a cause, never for a message of ours. */
export class FirestoreFailure extends Error {
  override readonly name = "FirestoreFailure";
  readonly kind: FailureKind;
  /** Such as ABORTED or ECONNRESET. */
  readonly code: string;

  constructor(kind: FailureKind, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = code;
  }
}

export interface FirestoreAddress {
  readonly project: string;
  /** Such as (default). */
  readonly database: string;
  /** Host and port of an emulator; Google's own Firestore when it is not given. */
  readonly emulatorHost?: string | undefined;
}

export interface FirestoreRestOptions extends FirestoreAddress {
  /** Asked before every request; caches by itself. */
  readonly accessToken: () => Promise<string>;
  readonly requestTimeoutMs: number;
}

export interface FirestoreRest {
  /** The full name of a document. */
  nameOf(collection: string, id: string): string;
  /** Those that exist, by name; and the moment at which all of them were read. */
  get(
    names: readonly string[],
    signal: AbortSignal,
    readTime?: string,
  ): Promise<{ readonly found: ReadonlyMap<string, Snapshot>; readonly readTime: string }>;
  query(query: Query, signal: AbortSignal): Promise<readonly Snapshot[]>;
  /** How many documents there are, and the sum of one of their fields. */
  aggregate(query: Query, sumOf: string | undefined, signal: AbortSignal): Promise<Aggregates>;
  /** All or nothing. */
  commit(writes: readonly Write[], signal: AbortSignal): Promise<void>;
  close(): void;
}

const GOOGLE_HOST = "firestore.googleapis.com";
const MAX_CONNECTIONS = 32;
/** An idle connection is closed by us before a balancer on the way forgets it. */
const IDLE_MS = 60_000;

type Call = (method: string, body: object, signal: AbortSignal) => Promise<unknown>;

export async function openFirestoreRest(options: FirestoreRestOptions): Promise<FirestoreRest> {
  const { project, database } = options;
  const parent = `projects/${project}/databases/${database}/documents`;
  const { call, close } = await openConnections(options, `/v1/${encodeURI(parent)}`);

  return {
    nameOf: (collection, id) => `${parent}/${collection}/${id}`,

    async get(names, signal, readTime) {
      const answers = (await call("batchGet", { documents: [...new Set(names)], readTime }, signal)) as {
        found?: WireDocument;
        readTime: string;
      }[];
      const found = new Map<string, Snapshot>();
      for (const { found: document } of answers) {
        if (document !== undefined) found.set(document.name, snapshotOf(document));
      }
      return { found, readTime: answers[0]?.readTime ?? "" };
    },

    async query(query, signal) {
      const answers = (await call(
        "runQuery",
        { structuredQuery: wireQuery(query), readTime: query.readTime },
        signal,
      )) as {
        document?: WireDocument;
      }[];
      return answers.flatMap(({ document }) => (document === undefined ? [] : [snapshotOf(document)]));
    },

    async aggregate(query, sumOf, signal) {
      const sum = sumOf === undefined ? [] : [{ alias: "sum", sum: { field: { fieldPath: sumOf } } }];
      const body = {
        structuredAggregationQuery: {
          // Counted in the order of the index that the filter takes; a sum with another order would need one of its own.
          structuredQuery: { ...wireQuery(query), orderBy: undefined },
          aggregations: [{ alias: "count", count: {} }, ...sum],
        },
      };
      const [answer] = (await call("runAggregationQuery", body, signal)) as {
        result?: { aggregateFields?: Record<string, WireValue> };
      }[];
      const fields = answer?.result?.aggregateFields ?? {};
      return { count: numberIn(fields.count), sum: numberIn(fields.sum) };
    },

    async commit(writes, signal) {
      await call("commit", { writes: writes.map(wireWrite) }, signal);
    },

    close,
  };
}

/** Loaded and opened here, so that a function which stores nothing does not pay for it. */
async function openConnections(
  options: FirestoreRestOptions,
  path: string,
): Promise<{ call: Call; close: () => void }> {
  const { emulatorHost, accessToken, requestTimeoutMs } = options;
  const http = emulatorHost === undefined ? await import("node:https") : await import("node:http");
  const address = new URL(emulatorHost === undefined ? `https://${GOOGLE_HOST}` : `http://${emulatorHost}`);
  const agent: Agent = new http.Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: IDLE_MS });
  let isClosed = false;

  const call: Call = async (method, body, signal) => {
    if (isClosed) throw new FirestoreFailure("final", "CLOSED", "the store is closed");
    const token = await inTime(accessToken(), signal).catch((error: unknown) => {
      throw new FirestoreFailure("transient", "CREDENTIALS", "no access token", error);
    });
    const text = Buffer.from(JSON.stringify(body));
    const request: RequestOptions = {
      agent,
      host: address.hostname,
      port: address.port,
      path: `${path}:${method}`,
      method: "POST",
      signal,
      // By the socket, which forgets it: a timer for each request would go off long after the answer.
      timeout: requestTimeoutMs,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "content-length": text.byteLength,
      },
    };
    const { status, answer } = await send(() => http.request(request), text);
    if (status !== 200) throw refusal(method, status, answer);
    try {
      return JSON.parse(answer);
    } catch (error) {
      throw new FirestoreFailure("transient", "NOT_JSON", "the answer is not JSON", error);
    }
  };

  return {
    call,
    close() {
      isClosed = true;
      agent.destroy();
    },
  };
}

/** Whoever gives out tokens hears no signal. */
function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("no answer in time")), { once: true });
    work.then(resolve, reject);
  });
}

function send(open: () => ClientRequest, body: Buffer): Promise<{ status: number; answer: string }> {
  return new Promise((resolve, reject) => {
    const lost = (error: NodeJS.ErrnoException) => {
      const code = error.name === "AbortError" ? "TIMEOUT" : (error.code ?? error.name);
      reject(new FirestoreFailure("transient", code, "no answer", error));
    };
    const request = open();
    request.once("error", lost);
    request.once("timeout", () => request.destroy(Object.assign(new Error("no answer in time"), { code: "TIMEOUT" })));
    request.once("response", (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", lost);
      response.once("aborted", () => lost(new Error("the answer was cut off")));
      response.once("end", () => {
        resolve({ status: response.statusCode ?? 0, answer: Buffer.concat(chunks).toString() });
      });
    });
    request.end(body);
  });
}

/** https://cloud.google.com/firestore/docs/understand-error-codes */
function refusal(method: string, status: number, answer: string): FirestoreFailure {
  const { code, message } = errorIn(answer) ?? { code: `HTTP_${status}`, message: "" };
  return new FirestoreFailure(kindOf(method, status, code), code, message);
}

/** What a commit says when a document is not as it demands. */
const CONFLICTS: ReadonlySet<string> = new Set(["ABORTED", "ALREADY_EXISTS", "FAILED_PRECONDITION", "NOT_FOUND"]);

function kindOf(method: string, status: number, code: string): FailureKind {
  if (method === "commit" && CONFLICTS.has(code)) return "conflict";
  return code === "ABORTED" || status === 408 || status === 429 || status >= 500 ? "transient" : "final";
}

function errorIn(answer: string): { code: string; message: string } | undefined {
  try {
    const parsed: unknown = JSON.parse(answer);
    // A streaming call answers with a list of one error.
    const { error } = (Array.isArray(parsed) ? parsed[0] : parsed) as { error: { status?: string; message?: string } };
    return error.status === undefined ? undefined : { code: error.status, message: error.message ?? "" };
  } catch {
    return undefined;
  }
}

/** https://cloud.google.com/firestore/docs/reference/rest/Shared.Types/ArrayValue#value, as far as it is used here. */
type WireValue =
  | { readonly stringValue: string }
  | { readonly integerValue: string }
  | { readonly doubleValue: number | string }
  | { readonly bytesValue: string }
  | { readonly timestampValue: string }
  | { readonly referenceValue: string }
  | { readonly mapValue: { readonly fields?: Record<string, WireValue> } };

interface WireDocument {
  readonly name: string;
  readonly fields?: Record<string, WireValue>;
  readonly updateTime: string;
}

function wireValue(value: FieldValue): WireValue {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { integerValue: String(value) } : { doubleValue: value };
  }
  if (value instanceof Uint8Array) {
    return { bytesValue: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if ("epochMs" in value && typeof value.epochMs === "number") {
    return { timestampValue: new Date(value.epochMs).toISOString() };
  }
  return { mapValue: { fields: wireFields(value as Readonly<Record<string, string>>) } };
}

const wireFields = (fields: Fields) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, wireValue(value)]));

function valueIn(value: WireValue): FieldValue {
  if ("stringValue" in value) return value.stringValue;
  if ("bytesValue" in value) return Buffer.from(value.bytesValue, "base64");
  if ("timestampValue" in value) return { epochMs: Date.parse(value.timestampValue) };
  if ("mapValue" in value) return fieldsIn(value.mapValue.fields) as Readonly<Record<string, string>>;
  return numberIn(value);
}

const fieldsIn = (fields: Record<string, WireValue> = {}): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, valueIn(value)]));

function numberIn(value: WireValue | undefined): number {
  if (value === undefined) return 0;
  if ("integerValue" in value) return Number(value.integerValue);
  return "doubleValue" in value ? Number(value.doubleValue) : 0;
}

const snapshotOf = ({ name, fields, updateTime }: WireDocument): Snapshot => ({
  name,
  fields: fieldsIn(fields),
  updateTime,
});

function wireWrite(write: Write): object {
  const { name, fields = {}, mask, increment = {}, maximum = {}, isDelete, precondition } = write;
  const currentDocument = precondition === undefined ? {} : { currentDocument: precondition };
  if (isDelete === true) return { delete: name, ...currentDocument };
  const transforms = [
    ...Object.entries(increment).map(([fieldPath, by]) => ({ fieldPath, increment: wireValue(by) })),
    ...Object.entries(maximum).map(([fieldPath, than]) => ({ fieldPath, maximum: wireValue(than) })),
  ];
  return {
    update: { name, fields: wireFields(fields) },
    ...(mask === undefined ? {} : { updateMask: { fieldPaths: mask } }),
    ...(transforms.length === 0 ? {} : { updateTransforms: transforms }),
    ...currentDocument,
  };
}

function wireQuery(query: Query): Record<string, unknown> {
  const { collection, field, equals, anyOf, from, below, above, descending = false, select, limit, after } = query;
  const filters = [
    ["EQUAL", equals],
    ["IN", anyOf],
    ["GREATER_THAN_OR_EQUAL", from],
    ["GREATER_THAN", above],
    ["LESS_THAN", below],
  ].flatMap(([op, value]) => (value === undefined ? [] : [fieldFilter(field ?? "", String(op), value)]));
  const direction = descending ? "DESCENDING" : "ASCENDING";
  const isRange = field !== undefined && equals === undefined && anyOf === undefined;
  const order = [
    ...(isRange ? [{ field: { fieldPath: field }, direction }] : []),
    { field: { fieldPath: "__name__" }, direction },
  ];
  return {
    from: [{ collectionId: collection }],
    ...(filters.length === 0 ? {} : { where: filters.length === 1 ? filters[0] : and(filters) }),
    orderBy: order,
    ...(select === undefined ? {} : { select: { fields: select.map((fieldPath) => ({ fieldPath })) } }),
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { startAt: { before: false, values: cursor(after, isRange ? field : undefined) } }),
  };
}

const and = (filters: readonly object[]) => ({ compositeFilter: { op: "AND", filters } });

function fieldFilter(fieldPath: string, op: string, value: string | number | readonly string[]): object {
  const wire = Array.isArray(value)
    ? { arrayValue: { values: value.map((each: string) => wireValue(each)) } }
    : wireValue(value as string | number);
  return { fieldFilter: { field: { fieldPath }, op, value: wire } };
}

function cursor(after: Snapshot, field: string | undefined): WireValue[] {
  const name: WireValue = { referenceValue: after.name };
  return field === undefined ? [name] : [wireValue(after.fields[field] as FieldValue), name];
}
