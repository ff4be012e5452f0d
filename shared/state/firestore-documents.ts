/**
 * How documents lie in Firestore. Each holds its JSON as one text, and beside it the few fields that it is found by. A
 * field is made so that a query needs it alone: the index that Firestore keeps for every field is enough, and there is
 * no composite index to be deployed. Texts that sort: `A|B` is "of A, in the order of B".
 */
import { createHash } from "node:crypto";
import { ProcessingError } from "../errors.ts";
import type { Fields, Snapshot } from "./firestore-rest.ts";
import type { AuditRecord, Intent, RecordedFinding, StateVersion, StoredIncident, StoredSilence } from "./store.ts";
import { KEPT_MS, STORE_SCHEMA_VERSION } from "./store.ts";
import { isOpen, settledAt } from "./transitions.ts";

/**
 * The collections, without their prefix. In each but `channels` Firestore is to delete what is past `expireAt` (a TTL
 * policy), and the fields `json`, `data` and `write` of all need no index.
 */
export const COLLECTIONS = [
  "findings",
  "incidents",
  /** For each key with its category, and each alias: the incidents that have it. */
  "incident-names",
  "intents",
  "receipts",
  "channels",
  "silences",
  /** For each resource the moments at which it changed; what it was like from then on is a document for each. */
  "states",
  "state-versions",
  "audit",
  "dead-letters",
  /** What is too large for one document. */
  "chunks",
] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** A document's own JSON may be that large; more goes to chunks. Far below a commit's 10 MiB, which many share. */
export const INLINE_BYTES = 256 * 1024;
/** A document may have 1 MiB, its name and the rest included. */
export const CHUNK_BYTES = 700 * 1024;

/** Sorts before every time. */
const SENDING = "-";
/** Sorts behind every time and behind SENDING. */
const END = ":";

const READABLE = /^(?!\.\.?$)(?!__)[A-Za-z0-9._:~@+-]{1,200}$/;

/** An id that Firestore takes, and that cannot be two: as it is where that is possible, else its digest. */
export function documentId(id: string): string {
  return READABLE.test(id) && !id.startsWith("sha256-") ? id : `sha256-${digest(id)}`;
}

export function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A number of milliseconds as a text that sorts. */
export function sortable(ms: number): string {
  return String(Math.max(0, Math.ceil(ms))).padStart(16, "0");
}

/**
 * Where something stands in the order of recording: the moment at which its transaction read, by Firestore's clock, and
 * its place in the transaction. Whoever begins after another has ended comes after it, whatever the local clocks say.
 */
export function orderOf(readTime: string, place: number): string {
  const [second = "", fraction = ""] = readTime.replace("Z", "").split(".");
  return `${second.replaceAll(/\D/g, "")}${fraction.padEnd(9, "0")}.${String(place).padStart(6, "0")}`;
}

const expireAt = (since: number) => ({ expireAt: { epochMs: since + KEPT_MS } });

/** All that begin with this text and a bar. */
export const within = (text: string) => ({ from: `${text}|`, below: `${text}}` });

export function findingFields({ recordedAt, finding, incidentId }: RecordedFinding): Fields {
  const recorded = `${sortable(recordedAt)}|${finding.id}`;
  return {
    recorded,
    ...(incidentId === undefined ? {} : { ofIncident: `${documentId(incidentId)}|${recorded}` }),
    ...expireAt(recordedAt),
  };
}

/** `recorded` is the intent's place in the order; it stays when the intent changes. */
export function intentFields(intent: Intent, recorded: string): Fields {
  const { about, channel, state, aside, notBefore, unknownOutcomes, incidentId } = intent;
  const on = documentId(channel);
  return {
    about: documentId(about),
    recorded,
    ofChannel: `${on}|${recorded}`,
    ofState: `${state}|${recorded}`,
    unknownOutcomes,
    ...(state === "pending"
      ? { turn: `${on}|${aside ? 1 : 0}|${recorded}`, work: `${on}|${sortable(notBefore)}` }
      : {}),
    ...(state === "sending" ? { work: `${on}|${SENDING}` } : {}),
    ...(isOpen(intent)
      ? incidentId === undefined
        ? {}
        : { openOf: documentId(incidentId) }
      : expireAt(settledAt(intent))),
  };
}

/** The queries on `work`. */
export const workOn = (channel: string) => {
  const on = documentId(channel);
  return {
    sending: { equals: `${on}|${SENDING}` },
    pendingUntil: (at: number) => ({ from: `${on}|0`, below: `${on}|${sortable(Math.floor(at) + 1)}` }),
    pending: { from: `${on}|0`, below: `${on}|${END}` },
    all: { from: `${on}|${SENDING}`, below: `${on}|${END}` },
  };
};

/** What `work` says: undefined while the intent is being sent, else its `notBefore`. */
export function dueTimeIn({ fields }: Snapshot): number | undefined {
  const time = textIn(fields, "work").split("|").at(-1);
  return time === SENDING ? undefined : Number(time);
}

export function incidentFields(incident: StoredIncident, made: string): Fields {
  const { state, updatedAt, dueAt } = incident;
  const changed = `${sortable(updatedAt)}|${made}`;
  return {
    made,
    changed,
    ofState: `${state}|${changed}`,
    ...(dueAt === null ? {} : { due: `${sortable(dueAt)}|${made}` }),
    ...(state === "open" ? {} : expireAt(updatedAt)),
  };
}

export function silenceFields(silence: StoredSilence, made: string): Fields {
  return { made, expires: silence.expiresAt, ...expireAt(silence.expiresAt) };
}

export function auditFields(record: AuditRecord, made: string): Fields {
  return { made, ofSubject: `${documentId(record.subject)}|${made}`, ...expireAt(record.at) };
}

/** Receipts are needed for as long as their incident can get another message, which they do not know. */
export const receiptsExpiry = (at: number): Fields => ({ expireAt: { epochMs: at + 2 * KEPT_MS } });

/** The incidents that have one name, in the order in which they were made. */
export interface NamedIncidents {
  readonly schema: typeof STORE_SCHEMA_VERSION;
  readonly incidents: readonly { readonly id: string; readonly state: StoredIncident["state"] }[];
}

/** More resolved ones than a plan is ever shown, so that some may be opened again. */
const RESOLVED_NAMED = 20;

export const keyName = ({ key, category }: Pick<StoredIncident, "key" | "category">) => `${category} ${key}`;
export const aliasName = (alias: string) => `alias ${alias}`;
export const namesOf = (incident: StoredIncident) => [keyName(incident), ...incident.aliases.map(aliasName)];

export function namedWith(
  before: NamedIncidents | undefined,
  id: string,
  state: StoredIncident["state"] | undefined,
): NamedIncidents {
  const known = before?.incidents ?? [];
  const next =
    state === undefined
      ? known.filter((each) => each.id !== id)
      : known.some((each) => each.id === id)
        ? known.map((each) => (each.id === id ? { id, state } : each))
        : [...known, { id, state }];
  const resolved = next.filter((each) => each.state === "resolved");
  const dropped = new Set(resolved.slice(0, Math.max(0, resolved.length - RESOLVED_NAMED)));
  return { schema: STORE_SCHEMA_VERSION, incidents: next.filter((each) => !dropped.has(each)) };
}

export function namedFields({ incidents }: NamedIncidents, name: string, at: number): Fields {
  return { name: name.slice(0, 400), ...(incidents.some(({ state }) => state === "open") ? {} : expireAt(at)) };
}

/** When a resource changed, the earliest first. */
export interface StateMoments {
  readonly schema: typeof STORE_SCHEMA_VERSION;
  readonly key: string;
  readonly moments: readonly { readonly order: string; readonly recordedAt: number }[];
}

export const stateVersionId = (key: string, order: string) => digest(JSON.stringify([key, order]));

/** With the moment put in its place; what was superseded too long ago is left out. */
export function momentsWith(
  before: StateMoments | undefined,
  version: StateVersion,
  order: string,
  at: number,
): StateMoments {
  const moments = [...(before?.moments ?? []), { order, recordedAt: at }].sort((a, b) => (a.order < b.order ? -1 : 1));
  return {
    schema: STORE_SCHEMA_VERSION,
    key: version.key,
    moments: moments.filter((_, index) => (moments[index + 1]?.recordedAt ?? at) >= at - KEPT_MS),
  };
}

export const superseded = (at: number): Fields => expireAt(at);

export function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

export function numberIn(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  return typeof value === "number" ? value : undefined;
}

/** One that a newer Glasswatch wrote is refused rather than half understood. */
export function parseDocument<T>(json: string): T {
  const document = JSON.parse(json) as { readonly schema?: number };
  if ((document.schema ?? 0) > STORE_SCHEMA_VERSION) {
    throw new ProcessingError("STORE_TOO_NEW", `a stored document has schema ${document.schema}`);
  }
  return document as T;
}
