/**
 * The contract of what Glasswatch remembers: findings, the incidents that they are part of, what has to be told about
 * them (intents), who may tell it now (one lease per channel), silences, previous states of what is watched, what people
 * did by hand (audit), and what nobody could understand (dead letters). `test/support/store-contract.ts` holds every
 * store to these promises; how a state follows from another is in `transitions.ts` and `planning.ts`, the same for all.
 *
 * Times are epoch milliseconds. Every method may throw a ProcessingError STORE_UNAVAILABLE; then either all of what it
 * does has happened, or nothing. What is handed in is copied, what is handed out belongs to the caller.
 */
import type { ErrorCode } from "../errors.ts";
import type { Category, Finding } from "../finding.ts";

/** Every stored document carries it; a document or file of a higher one is refused with STORE_TOO_NEW. */
export const STORE_SCHEMA_VERSION = 1;
export type StoreSchema = typeof STORE_SCHEMA_VERSION;

/** "Tell this destination": what the path asks for, before it is stored. */
export interface IntentDraft {
  readonly destinationId: string;
  /** Destinations that share a rate share a channel. */
  readonly channel: string;
  /** JSON data; the store neither reads nor changes it. */
  readonly notification: unknown;
}

/** How long what is over stays: findings, settled intents, resolved incidents with their receipts, superseded states. */
export const KEPT_MS = 400 * 86_400_000;

/** Of the resolved incidents of one key or alias a plan is shown these many, the last ones made. */
export const RESOLVED_SHOWN = 3;

export interface RecordRequest {
  readonly findings: readonly { readonly finding: Finding; readonly intents: readonly IntentDraft[] }[];
  readonly at: number;
}

/** Finding ids in the order of the request. */
export interface RecordResult {
  readonly fresh: readonly string[];
  /** Recorded before, by an earlier delivery of the message or earlier in the same request. */
  readonly known: readonly string[];
}

/**
 * - `pending`: to be sent when `notBefore` has come.
 * - `sending`: an attempt was begun and no outcome of it is written.
 * - `told`: the destination has it, `receipt` says so. Final.
 * - `refused`: the destination will never take it, `lastError` says why. Final.
 */
export const INTENT_STATES = ["pending", "sending", "told", "refused"] as const;
export type IntentState = (typeof INTENT_STATES)[number];

export interface StoredReceipt {
  readonly externalId: string | null;
  readonly at: number;
}

export interface DeliveryFailure {
  readonly code: ErrorCode;
  /** For a person; never a secret, the text of an entry, or a full URL. */
  readonly message: string;
  readonly at: number;
}

export interface Intent {
  readonly schema: StoreSchema;
  /** Made of `about` and `destinationId`: one thing is told to one destination by one intent. */
  readonly id: string;
  /** The id of what is told: a finding, or one event of an incident. */
  readonly about: string;
  /** The incident that it is told of; absent where there is none. */
  readonly incidentId?: string;
  readonly destinationId: string;
  readonly channel: string;
  readonly notification: unknown;
  readonly state: IntentState;
  readonly recordedAt: number;
  readonly notBefore: number;
  /** Failed so often that others of its channel go first. */
  readonly aside: boolean;
  /** Attempts begun. */
  readonly attempts: number;
  /** Attempts after which nobody knows whether the destination has the message; a second copy can exist after each. */
  readonly unknownOutcomes: number;
  /** Token of the lease under which it was last begun or settled; 0 before that. */
  readonly leaseToken: number;
  readonly lastError: DeliveryFailure | null;
  readonly receipt: StoredReceipt | null;
}

/**
 * The right to send on one channel until `expiresAt`. After that somebody else may take the channel; from the moment
 * that they have, every write under this lease answers false and changes nothing. Until then it still counts, so that
 * a receipt which comes late is not thrown away without need.
 */
export interface Lease {
  readonly channel: string;
  /** For people who read the store. It opens nothing: the same owner asking twice is refused the second time. */
  readonly owner: string;
  /** Rises with every lease of the channel. */
  readonly token: number;
  readonly expiresAt: number;
  /** Nothing may be sent on the channel before this time, as it stood when the lease was taken. */
  readonly nextAt: number;
  /** Failed attempts in a row on the channel, as it stood when the lease was taken. */
  readonly failures: number;
  /** Intents that an earlier holder left in `sending`; taking the lease has made them pending, an unknown outcome more. */
  readonly recovered: readonly Intent[];
}

export interface DueChannel {
  readonly channel: string;
  /** When there will be something to do: both the channel's pause and an intent's `notBefore` are over. */
  readonly dueAt: number;
  readonly failures: number;
}

export interface Attempt {
  readonly at: number;
  /** The channel's rate: nothing else may be sent before this time, by anybody. */
  readonly nextAt: number;
}

export interface Success {
  readonly at: number;
  readonly externalId: string | null;
}

export interface Postponement {
  readonly at: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** When this intent may be tried again. */
  readonly notBefore: number;
  /** Lets all others that are due go first from now on; it is not taken back. */
  readonly aside?: boolean;
  /** Given when the whole channel has to wait: until when. */
  readonly channelNextAt?: number;
}

export interface Refusal {
  readonly at: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What could not be understood, with everything needed to send it in again. */
export interface DeadLetter {
  readonly schema: StoreSchema;
  /** The message's id, or a digest of its bytes where it has none. */
  readonly id: string;
  readonly at: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** Where in the input, when that is known. */
  readonly place: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  /** The bytes as they arrived. */
  readonly data: Uint8Array;
}

export interface RecordedFinding {
  readonly schema: StoreSchema;
  readonly recordedAt: number;
  readonly finding: Finding;
  /** The incident that it is part of; absent where there is none. */
  readonly incidentId?: string;
}

/** What the store has to know of an incident; all else is in its document. */
export interface IncidentDraft {
  readonly id: string;
  /** As it was found; 0 for a new one. */
  readonly version: number;
  /** Never changes, nor does the category. */
  readonly key: string;
  readonly category: Category;
  readonly aliases: readonly string[];
  /** Whatever is not over is open, whatever the life cycle calls it. */
  readonly state: "open" | "resolved";
  /** When somebody has to look at it though nothing happens: a deadline, a repeat. */
  readonly dueAt: number | null;
  /** JSON data; the store neither reads nor changes it. */
  readonly document: unknown;
}

export interface StoredIncident extends IncidentDraft {
  readonly schema: StoreSchema;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What one destination has taken about one incident: which message to update, which ticket to comment on. */
export interface IncidentReceipts {
  readonly schema: StoreSchema;
  readonly incidentId: string;
  readonly destinationId: string;
  readonly first: StoredReceipt;
  readonly last: StoredReceipt;
  readonly count: number;
}

export interface SilenceDraft {
  readonly id: string;
  /** As it was found; 0 for a new one. */
  readonly version: number;
  /** In force until then. */
  readonly expiresAt: number;
  /** JSON data: author, reason, matcher. */
  readonly document: unknown;
}

export interface StoredSilence extends SilenceDraft {
  readonly schema: StoreSchema;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** How often something was not told because of it. Using it does not change its version. */
  readonly uses: number;
  readonly lastUsedAt: number | null;
}

/** A moment in the life of a watched resource: an entry's own timestamp (RFC 3339) and insertId. */
export interface Moment {
  readonly key: string;
  readonly timestamp: string;
  readonly insertId: string;
}

/** What a resource was like from a moment on. */
export interface StateVersion extends Moment {
  /** JSON data. */
  readonly state: unknown;
}

/** Something that a person did by hand. */
export interface AuditDraft {
  readonly actor: string;
  /** Such as silence.add. */
  readonly action: string;
  /** The id of what it was done to. */
  readonly subject: string;
  /** JSON data. */
  readonly details: unknown;
}

export interface AuditRecord extends AuditDraft {
  readonly schema: StoreSchema;
  readonly at: number;
}

/** What a plan may look at, and write to. All of it is read in the transaction that stores what the plan says. */
export interface Lookup {
  /** The time of the transaction. */
  readonly at: number;
  readonly findingIds?: readonly string[];
  readonly incidentKeys?: readonly { readonly key: string; readonly category: Category }[];
  readonly aliases?: readonly string[];
  readonly incidentIds?: readonly string[];
  /** Those in force at `at`. */
  readonly silences?: boolean;
  /** In force or not. */
  readonly silenceIds?: readonly string[];
  /** For each the newest version strictly earlier than this moment; a key once at most. */
  readonly previousStates?: readonly Moment[];
}

export interface Found {
  readonly knownFindings: ReadonlySet<string>;
  /**
   * In the order in which they were made, each once: those asked for by id; of each key with its category, and of each
   * alias in any category, all that are open and the last RESOLVED_SHOWN that are resolved.
   */
  readonly incidents: readonly StoredIncident[];
  /** Pending and sending intents of these incidents, in the order of recording. */
  readonly openIntents: readonly Intent[];
  /** What has been told about these incidents. */
  readonly receipts: readonly IncidentReceipts[];
  /** The one that ends first is first. */
  readonly silences: readonly StoredSilence[];
  /** By key. */
  readonly previousStates: ReadonlyMap<string, StateVersion>;
}

export interface PlannedFinding {
  readonly finding: Finding;
  readonly incidentId?: string;
}

export interface PlannedIntent extends IntentDraft {
  readonly about: string;
  readonly incidentId?: string;
  /** The time of the transaction when it is not given. */
  readonly notBefore?: number;
}

/** News for an intent that nobody can have seen yet; its id and its place in the order stay. See `isUnsent`. */
export interface Amendment {
  readonly intentId: string;
  readonly notification: unknown;
  readonly notBefore?: number;
}

/** What is to be stored, all of it or nothing. */
export interface Plan<T> {
  /** Those that are known are left as they are. */
  readonly findings?: readonly PlannedFinding[];
  /** New ones, and found ones that change. */
  readonly incidents?: readonly IncidentDraft[];
  /** One whose `about` and destination are known is left as it is. */
  readonly intents?: readonly PlannedIntent[];
  readonly amendments?: readonly Amendment[];
  /** New ones, and found ones that change. */
  readonly silences?: readonly SilenceDraft[];
  /** Ids of found silences that kept something from being told; an id for each time. */
  readonly usedSilences?: readonly string[];
  /** A version of a moment that is known is left as it is. */
  readonly states?: readonly StateVersion[];
  readonly audit?: readonly AuditDraft[];
  readonly result: T;
}

export interface IntentFilter {
  readonly about?: string;
  readonly channel?: string;
  readonly state?: IntentState;
  readonly limit?: number;
}

export interface FindingFilter {
  readonly incidentId?: string;
  readonly limit?: number;
}

export interface IncidentFilter {
  readonly state?: "open" | "resolved";
  /** Only those whose `dueAt` has come by then; the longest due first. */
  readonly dueBy?: number;
  readonly limit?: number;
}

export interface SilenceFilter {
  /** Only those in force at this time. */
  readonly inForceAt?: number;
  readonly limit?: number;
}

export interface AuditFilter {
  readonly subject?: string;
  readonly limit?: number;
}

export interface StoreCounts extends Readonly<Record<IntentState, number>> {
  readonly findings: number;
  readonly openIncidents: number;
  readonly deadLetters: number;
  /** Summed over all intents, told ones too. */
  readonly unknownOutcomes: number;
}

export interface Store {
  /**
   * Reads what is asked for, lets the plan decide, and stores what it says: one transaction. Others that change what
   * was read make it start again, so the plan must be pure and may run many times. It may write only what it could
   * look at: findings asked for, incidents and silences that were found or are new; a plan that does not keep to this
   * is a mistake (RangeError), and nothing is stored.
   */
  transact<T>(lookup: Lookup, plan: (found: Found) => Plan<T>): Promise<T>;

  /**
   * Stores findings and their intents in one transaction: a reader sees all of them or none. A finding whose id is
   * known is left as it is, its intents too, so that a redelivered message adds nothing; of two callers with the same
   * finding at once, one gets it as fresh.
   */
  record(request: RecordRequest): Promise<RecordResult>;

  /** Channels on which there is something to do at or before `until`, whoever holds them; the longest due first. */
  dueChannels(until: number): Promise<readonly DueChannel[]>;

  /**
   * Takes the channel for `leaseMs`, or answers undefined while another lease of it has not expired at `at`. Of many
   * callers at once one wins. In the same transaction whatever an earlier holder left in `sending` becomes pending
   * again with one unknown outcome more (see `Lease.recovered`).
   */
  acquireChannel(channel: string, owner: string, at: number, leaseMs: number): Promise<Lease | undefined>;

  /** Moves the lease's end to `at + leaseMs`; undefined when somebody else has taken the channel since. */
  renewChannel(lease: Lease, at: number, leaseMs: number): Promise<Lease | undefined>;

  /** Gives the channel back; false when somebody else has taken it since. Rate and pauses stay. */
  releaseChannel(lease: Lease): Promise<boolean>;

  /**
   * Pending intents of the channel whose `notBefore` has come, in the order in which they were recorded; those that
   * step aside after the others.
   */
  due(channel: string, at: number, limit: number): Promise<readonly Intent[]>;

  /**
   * To be called before anything is sent: the intent is `sending`, one attempt more is counted, and the channel's
   * `nextAt` is moved to `nextAt` if that is later. False, and nothing may be sent, when the lease has expired at `at`
   * or is somebody else's, or when the intent is not pending.
   */
  begin(lease: Lease, intentId: string, attempt: Attempt): Promise<boolean>;

  /**
   * Writes the receipt; the intent is `told` and the channel's failures are forgotten. Also for a pending intent, when
   * the destination was asked and has the message. May be repeated under the same lease. False when the lease is
   * somebody else's or the intent was settled under another.
   */
  succeed(lease: Lease, intentId: string, success: Success): Promise<boolean>;

  /**
   * Puts the intent back to `pending`. The code DESTINATION_UNKNOWN_OUTCOME adds an unknown outcome. With
   * `channelNextAt` the channel pauses until then, if that is later than now planned, and one failure more is counted
   * on it. False when the lease is somebody else's or the intent is settled.
   */
  postpone(lease: Lease, intentId: string, postponement: Postponement): Promise<boolean>;

  /** The intent is `refused`, for good; the channel's failures are forgotten (it answered). False as for `postpone`. */
  refuse(lease: Lease, intentId: string, refusal: Refusal): Promise<boolean>;

  /** Keeps what could not be understood. An id is kept once: false when it is known. */
  deadLetter(letter: Omit<DeadLetter, "schema">): Promise<boolean>;

  /** In the order in which they came. */
  deadLetters(filter?: { readonly limit?: number }): Promise<readonly DeadLetter[]>;

  finding(id: string): Promise<RecordedFinding | undefined>;

  /** By the time of recording, then by id. */
  findings(filter?: FindingFilter): Promise<readonly RecordedFinding[]>;

  incident(id: string): Promise<StoredIncident | undefined>;

  /** Those that changed last are first. */
  incidents(filter?: IncidentFilter): Promise<readonly StoredIncident[]>;

  /** undefined when the destination has not been told of the incident. */
  receipts(incidentId: string, destinationId: string): Promise<IncidentReceipts | undefined>;

  /** The one that ends last is first. */
  silences(filter?: SilenceFilter): Promise<readonly StoredSilence[]>;

  /** As a plan would find it. */
  previousState(before: Moment): Promise<StateVersion | undefined>;

  /** The latest first. */
  audit(filter?: AuditFilter): Promise<readonly AuditRecord[]>;

  /** The ledger of what is to be told and was told, in the order of recording; receipts are in it. */
  intents(filter?: IntentFilter): Promise<readonly Intent[]>;

  counts(): Promise<StoreCounts>;

  /**
   * Removes what has been over for KEPT_MS at `at`; what is pending, open, in force or the newest state of something
   * stays for ever. Answers how many documents went. A store that does so by itself answers 0.
   */
  forget(at: number): Promise<number>;

  /** Lets go of files and connections; nothing may be called afterwards. */
  close(): Promise<void>;
}
