/**
 * The store in a Firestore database, shared by all instances of all functions. Each method is a transaction of
 * firestore-transaction.ts on the documents of firestore-documents.ts; what a state becomes is decided by the same pure
 * rules as in the other stores.
 */
import { ProcessingError } from "../errors.ts";
import {
  aliasName,
  auditFields,
  type Collection,
  digest,
  documentId,
  dueTimeIn,
  findingFields,
  incidentFields,
  intentFields,
  keyName,
  momentsWith,
  type NamedIncidents,
  namedFields,
  namedWith,
  namesOf,
  numberIn,
  orderOf,
  parseDocument,
  receiptsExpiry,
  type StateMoments,
  silenceFields,
  sortable,
  stateVersionId,
  superseded,
  textIn,
  within,
  workOn,
} from "./firestore-documents.ts";
import { type FirestoreAddress, openFirestoreRest, type Query } from "./firestore-rest.ts";
import { type Attempt, type DocumentWrite, type StoredDocument, transactionsOn } from "./firestore-transaction.ts";
import { type Changes, changesOf, momentOrder, notLookedFor, recordingPlan, statesAskedFor } from "./planning.ts";
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

export interface FirestoreStoreOptions extends FirestoreAddress {
  /** Begins the name of every collection, where a database is shared with others. */
  readonly collectionPrefix?: string | undefined;
  /** Google's default credentials when it is not given. */
  readonly accessToken?: () => Promise<string>;
  /** When a method gives up, all its tries included; below the deadline of acknowledgement. */
  readonly deadlineMs?: number;
  readonly requestTimeoutMs?: number;
  readonly random?: () => number;
}

const DEADLINE_MS = 15_000;
const REQUEST_TIMEOUT_MS = 5_000;
const PAGE = 300;
/** An IN filter takes no more. */
const MOST_ALTERNATIVES = 30;
/** Of so many that are due the order is found by looking at all of them; of more by going through the queue. */
const FEW_DUE = 100;
const EVERYTHING = Number.POSITIVE_INFINITY;

/** Connects when there is something to do. Every method throws STORE_UNAVAILABLE for whatever Firestore refuses. */
export async function openFirestoreStore(options: FirestoreStoreOptions): Promise<Store> {
  const { emulatorHost, collectionPrefix = "", deadlineMs = DEADLINE_MS, random = Math.random } = options;
  const rest = await openFirestoreRest({
    ...options,
    accessToken: options.accessToken ?? (emulatorHost === undefined ? await googleCredentials() : async () => "owner"),
    requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
  });
  const collection = (name: Collection) => `${collectionPrefix}${name}`;
  const nameOf = (of: Collection, id: string) => rest.nameOf(collection(of), id);
  const transaction = transactionsOn({ rest, chunkName: (id) => nameOf("chunks", id), deadlineMs, random });

  const findingName = (id: string) => nameOf("findings", documentId(id));
  const incidentName = (id: string) => nameOf("incidents", documentId(id));
  const incidentsNamed = (name: string) => nameOf("incident-names", digest(name));
  const intentName = (id: string) => nameOf("intents", documentId(id));
  const receiptsName = (incidentId: string) => nameOf("receipts", documentId(incidentId));
  const channelName = (name: string) => nameOf("channels", documentId(name));
  const silenceName = (id: string) => nameOf("silences", documentId(id));
  const statesName = (key: string) => nameOf("states", digest(key));
  const versionName = (key: string, order: string) => nameOf("state-versions", stateVersionId(key, order));
  const letterName = (id: string) => nameOf("dead-letters", documentId(id));

  /** Channels that have a document, so that recording an intent need not write one. */
  const knownChannels = new Set<string>();

  const channelIn = (document: StoredDocument | undefined, name: string): Channel =>
    document === undefined || document.json === "" ? newChannel(name) : parseDocument<Channel>(document.json);

  /** Writes a channel whole; conflicts with everybody else who does. */
  const channelWrite = (channel: Channel, before: StoredDocument | undefined): DocumentWrite => ({
    name: channelName(channel.name),
    json: JSON.stringify(channel),
    fields: { name: channel.name },
    before: before ?? null,
  });

  const intentWrite = (intent: Intent, before: StoredDocument): DocumentWrite => ({
    name: intentName(intent.id),
    json: JSON.stringify(intent),
    fields: intentFields(intent, textIn(before.snapshot.fields, "recorded")),
    before,
  });

  /** Goes through the pages of a query for as long as something is wanted. */
  async function collect<T>(
    attempt: Attempt,
    query: Query,
    limit: number,
    read: (document: StoredDocument) => T | undefined,
  ): Promise<T[]> {
    const wanted: T[] = [];
    const size = Math.min(PAGE, limit);
    let after: StoredDocument | undefined;
    while (wanted.length < limit) {
      const page = await attempt.query({ ...query, limit: size, ...(after && { after: after.snapshot }) });
      for (const document of page) {
        const value = read(document);
        if (value !== undefined && wanted.length < limit) wanted.push(value);
      }
      after = page.at(-1);
      if (page.length < size) break;
    }
    return wanted;
  }

  const read = <T>(body: (attempt: Attempt) => Promise<T>): Promise<T> => transaction("read from", body);

  async function one<T>(name: string): Promise<T | undefined> {
    const { documents } = await read((attempt) => attempt.get([name]));
    const document = documents.get(name);
    return document === undefined ? undefined : parseDocument<T>(document.json);
  }

  function move(what: string, channelId: string, intentId: string, step: Step): Promise<boolean> {
    return transaction(what, async (attempt) => {
      const [intentAt, channelAt] = [intentName(intentId), channelName(channelId)];
      const { documents, readTime } = await attempt.get([intentAt, channelAt]);
      const intentBefore = documents.get(intentAt);
      if (intentBefore === undefined) return false;
      const intent = parseDocument<Intent>(intentBefore.json);
      if (intent.channel !== channelId) return false;
      const channelBefore = documents.get(channelAt);
      const before = { channel: channelIn(channelBefore, channelId), intent };
      const after = step(before);
      if (after === undefined) return false;
      if (after.intent === intent && after.channel === before.channel) return true;
      // Whoever begins an attempt must be seen by whoever takes the channel over, even where the channel stays the same.
      const isChannelWritten =
        after.intent.state === "sending" || JSON.stringify(after.channel) !== JSON.stringify(before.channel);
      return attempt.commit(
        [
          intentWrite(after.intent, intentBefore),
          ...(isChannelWritten ? [channelWrite(after.channel, channelBefore)] : []),
          ...(after.intent.state === "told" && intent.state !== "told"
            ? await receiptWrites(attempt, after.intent, readTime)
            : []),
        ],
        true,
      );
    });
  }

  /** Only the holder of the destination's channel writes its entry, so it is written without looking at the others. */
  async function receiptWrites(attempt: Attempt, told: Intent, readTime: string): Promise<DocumentWrite[]> {
    const { incidentId, destinationId, receipt } = told;
    if (incidentId === undefined) return [];
    const name = receiptsName(incidentId);
    const { documents } = await attempt.get([name], readTime);
    const before = receiptsIn(documents.get(name)).find((each) => each.destinationId === destinationId);
    const after = receiptsWith(before, told);
    if (after === undefined || receipt === null) return [];
    const entry = documentId(destinationId);
    const fields = { by: { [entry]: JSON.stringify(after) }, ...receiptsExpiry(receipt.at) };
    return [{ name, fields, mask: [`by.\`${entry}\``, "expireAt"], before: "any" }];
  }

  function moveChannel(
    what: string,
    channelId: string,
    step: (channel: Channel) => Channel | undefined,
  ): Promise<Channel | undefined> {
    return transaction(what, async (attempt) => {
      const name = channelName(channelId);
      const { documents } = await attempt.get([name]);
      const after = step(channelIn(documents.get(name), channelId));
      if (after === undefined) return undefined;
      return attempt.commit([channelWrite(after, documents.get(name))], after);
    });
  }

  /** What a plan may look at, as it all was at one moment, and the documents that it came from. */
  async function find(attempt: Attempt, lookup: Lookup, asked: readonly Moment[]) {
    const { at, findingIds = [], incidentIds = [], incidentKeys = [], aliases = [], silenceIds = [] } = lookup;
    const names = [...incidentKeys.map(keyName), ...aliases.map(aliasName)];
    const looked = [
      ...findingIds.map(findingName),
      ...names.map(incidentsNamed),
      ...incidentIds.map(incidentName),
      ...silenceIds.map(silenceName),
      ...asked.map(({ key }) => statesName(key)),
    ];
    // Even a plan that looks at nothing has its moment: then something is asked for that is not there.
    const first = await attempt.get(looked.length === 0 ? [nameOf("states", "none")] : looked);
    const { readTime } = first;
    const documents = new Map(first.documents);

    const shownIds = new Set([
      ...incidentIds.filter((id) => documents.has(incidentName(id))),
      ...names.flatMap((name) => shownOf(namedIn(documents.get(incidentsNamed(name))))),
    ]);
    const previous = asked.map((moment) => {
      const limit = momentOrder(moment);
      const { moments = [] } = momentsIn(documents.get(statesName(moment.key))) ?? {};
      return [moment.key, moments.findLast(({ order }) => order < limit)?.order] as const;
    });
    const second = [
      ...[...shownIds].flatMap((id) => [incidentName(id), receiptsName(id)]),
      ...previous.flatMap(([key, order]) => (order === undefined ? [] : [versionName(key, order)])),
    ].filter((name) => !documents.has(name));
    const [more, intents, silences] = await Promise.all([
      second.length === 0 ? undefined : attempt.get(second, readTime),
      openIntentsOf(attempt, [...shownIds], readTime),
      lookup.silences === true
        ? collect(attempt, { ...inForce(at), readTime }, EVERYTHING, (document) => document)
        : [],
    ]);
    for (const [name, document] of more?.documents ?? []) documents.set(name, document);
    for (const document of [...intents, ...silences]) documents.set(document.snapshot.name, document);

    const incidents = [...shownIds]
      .map((id) => documents.get(incidentName(id)))
      .filter((document) => document !== undefined)
      .sort(byField("made"));
    const silenceDocuments = new Map(
      [...silences, ...silenceIds.map((id) => documents.get(silenceName(id)))].flatMap((document) =>
        document === undefined ? [] : [[document.snapshot.name, document]],
      ),
    );
    const found: Found = {
      knownFindings: new Set(findingIds.filter((id) => documents.has(findingName(id)))),
      incidents: incidents.map(({ json }) => parseDocument<StoredIncident>(json)),
      openIntents: intents.sort(byField("recorded")).map(({ json }) => parseDocument<Intent>(json)),
      receipts: [...shownIds].flatMap((id) => receiptsIn(documents.get(receiptsName(id)))),
      silences: [...silenceDocuments.values()]
        .sort(byField("made"))
        .map(silenceIn)
        .sort((a, b) => a.expiresAt - b.expiresAt),
      previousStates: new Map(
        previous.flatMap(([key, order]) => {
          const document = order === undefined ? undefined : documents.get(versionName(key, order));
          return document === undefined ? [] : [[key, parseDocument<StateVersion>(document.json)]];
        }),
      ),
    };
    return { found, documents, readTime };
  }

  async function openIntentsOf(
    attempt: Attempt,
    incidentIds: readonly string[],
    readTime: string,
  ): Promise<StoredDocument[]> {
    const groups = Array.from({ length: Math.ceil(incidentIds.length / MOST_ALTERNATIVES) }, (_, index) =>
      incidentIds.slice(index * MOST_ALTERNATIVES, (index + 1) * MOST_ALTERNATIVES),
    );
    const pages = await Promise.all(
      groups.map((ids) => {
        const query = { collection: collection("intents"), field: "openOf", anyOf: ids.map(documentId), readTime };
        return collect(attempt, query, EVERYTHING, (document) => document);
      }),
    );
    return pages.flat();
  }

  const inForce = (at: number): Query => ({ collection: collection("silences"), field: "expires", above: at });

  async function transact<T>(lookup: Lookup, plan: (found: Found) => Plan<T>): Promise<T> {
    const asked = statesAskedFor(lookup);
    return transaction("store what a plan says in", async (attempt) => {
      const { found, documents, readTime } = await find(attempt, lookup, asked);
      const planned = plan(found);
      const changes = changesOf(lookup, found, planned);
      const writes = await writesOf(attempt, { changes, found, documents, readTime, at: lookup.at });
      if (writes.length === 0) return planned.result;
      const done = await attempt.commit(writes, planned.result);
      for (const { channel } of changes.freshIntents) knownChannels.add(channel);
      return done;
    });
  }

  interface Planned {
    readonly changes: Changes;
    readonly found: Found;
    readonly documents: Map<string, StoredDocument>;
    readonly readTime: string;
    readonly at: number;
  }

  async function writesOf(attempt: Attempt, planned: Planned): Promise<DocumentWrite[]> {
    const { changes, documents, readTime, at } = planned;
    let place = 0;
    const nextOrder = () => orderOf(readTime, place++);

    const naming = namingChanges(changes);
    const missing = [
      ...naming.map(({ name }) => incidentsNamed(name)),
      ...changes.states.map(({ key }) => statesName(key)),
      // They are new as a rule; only after a conflict is it worth the time to look.
      ...(attempt.isRepeated ? [...changes.freshIntents.map(({ id }) => intentName(id)), ...newNames(changes)] : []),
    ].filter((name) => !documents.has(name));
    if (missing.length > 0) {
      for (const [name, document] of (await attempt.get(missing, readTime)).documents) documents.set(name, document);
    }
    const beforeOf = (name: string) => documents.get(name) ?? null;
    for (const { before, after } of changes.incidents) {
      if (before === undefined && documents.has(incidentName(after.id))) throw notLookedFor("an incident");
    }
    for (const { id, version } of changes.silences) {
      if (version === 1 && documents.has(silenceName(id))) throw notLookedFor("a silence");
    }

    const named = new Map<string, NamedIncidents>();
    for (const { name, id, state } of naming) {
      named.set(name, namedWith(named.get(name) ?? namedIn(documents.get(incidentsNamed(name))), id, state));
    }
    const freshIntents = changes.freshIntents.filter(({ id }) => !documents.has(intentName(id)));
    const channels = new Set(freshIntents.map(({ channel }) => channel).filter((name) => !knownChannels.has(name)));

    return [
      ...changes.findings.map((recorded) => {
        const name = findingName(recorded.finding.id);
        return { name, json: JSON.stringify(recorded), fields: findingFields(recorded), before: null };
      }),
      ...changes.incidents.map(({ after }) => {
        const name = incidentName(after.id);
        const before = beforeOf(name);
        const made = before === null ? nextOrder() : textIn(before.snapshot.fields, "made");
        return { name, json: JSON.stringify(after), fields: incidentFields(after, made), before };
      }),
      ...[...named].map(([name, incidents]) => ({
        name: incidentsNamed(name),
        json: JSON.stringify(incidents),
        fields: namedFields(incidents, name, at),
        before: beforeOf(incidentsNamed(name)),
      })),
      ...freshIntents.map((intent) => ({
        name: intentName(intent.id),
        json: JSON.stringify(intent),
        fields: intentFields(intent, nextOrder()),
        before: null,
      })),
      // Only its name: whatever the channel's holder has written stays.
      ...[...channels].map((name) => ({
        name: channelName(name),
        fields: { name },
        mask: ["name"],
        before: "any" as const,
      })),
      ...changes.amendedIntents.map((intent) =>
        intentWrite(intent, documents.get(intentName(intent.id)) as StoredDocument),
      ),
      ...silenceWrites(planned, nextOrder),
      ...changes.states.flatMap((version) => stateWrites(version, planned)),
      ...changes.audit.map((record) => {
        const made = nextOrder();
        const name = nameOf("audit", documentId(made));
        return { name, json: JSON.stringify(record), fields: auditFields(record, made), before: null };
      }),
      ...leaningWrites(planned),
    ];
  }

  const newNames = ({ incidents, silences }: Changes): string[] => [
    ...incidents.filter(({ before }) => before === undefined).map(({ after }) => incidentName(after.id)),
    ...silences.filter(({ version }) => version === 1).map(({ id }) => silenceName(id)),
  ];

  /** Counting leaves the rest of a silence alone: it disturbs nobody who reads or changes it. */
  function silenceWrites({ changes, documents, at }: Planned, nextOrder: () => string): DocumentWrite[] {
    const counted = (id: string) => {
      const uses = changes.usedSilences.get(id);
      return uses === undefined ? {} : { increment: { uses }, maximum: { lastUsedAt: at } };
    };
    const changed = changes.silences.map((silence): DocumentWrite => {
      const name = silenceName(silence.id);
      const before = documents.get(name) ?? null;
      const made = before === null ? nextOrder() : textIn(before.snapshot.fields, "made");
      const { uses: _uses, lastUsedAt: _lastUsedAt, ...content } = silence;
      const fields = silenceFields(silence, made);
      return {
        name,
        json: JSON.stringify(content),
        fields,
        mask: ["json", "chunks", "chunked", ...Object.keys(fields)],
        before,
        ...counted(silence.id),
      };
    });
    const onlyUsed = [...changes.usedSilences.keys()].filter((id) => !changes.silences.some((each) => each.id === id));
    return [
      ...changed,
      ...onlyUsed.map((id) => ({ name: silenceName(id), mask: [], before: "some" as const, ...counted(id) })),
    ];
  }

  function stateWrites(version: StateVersion, { documents, at }: Planned): DocumentWrite[] {
    const { key } = version;
    const order = momentOrder(version);
    const document = documents.get(statesName(key));
    const before = momentsIn(document);
    if (before?.moments.some((moment) => moment.order === order)) return [];
    const after = momentsWith(before, version, order, at);
    const place = after.moments.findIndex((moment) => moment.order === order);
    const isNewest = place === after.moments.length - 1;
    const earlier = after.moments[place - 1];
    return [
      {
        name: versionName(key, order),
        json: JSON.stringify(version),
        fields: isNewest ? {} : superseded(at),
        before: "any",
      },
      { name: statesName(key), json: JSON.stringify(after), before: document ?? null },
      ...(earlier !== undefined && isNewest
        ? [
            {
              name: versionName(key, earlier.order),
              fields: superseded(at),
              mask: ["expireAt"],
              before: "any" as const,
            },
          ]
        : []),
    ];
  }

  /** Open incidents that the plan has built on without changing them must still be as they were found. */
  function leaningWrites({ changes, found, documents }: Planned): DocumentWrite[] {
    const isBuiltOn =
      changes.incidents.length + changes.freshIntents.length + changes.amendedIntents.length + changes.silences.length;
    if (isBuiltOn === 0) return [];
    return found.incidents
      .filter(({ id, state }) => state === "open" && !changes.incidents.some(({ after }) => after.id === id))
      .map(({ id }) => ({
        name: incidentName(id),
        mask: [],
        before: documents.get(incidentName(id)) as StoredDocument,
      }));
  }

  /** Every range of texts that a filter can be answered from, the rest of it is looked at. */
  function intentQuery({ about, channel, state }: Parameters<Store["intents"]>[0] & object): Query {
    const intents = { collection: collection("intents") };
    if (about !== undefined) return { ...intents, field: "about", equals: documentId(about) };
    if (state !== undefined) return { ...intents, field: "ofState", ...within(state) };
    if (channel !== undefined) return { ...intents, field: "ofChannel", ...within(documentId(channel)) };
    return { ...intents, field: "recorded" };
  }

  const countOf = async (attempt: Attempt, query: Query, sumOf?: string) =>
    rest.aggregate(query, sumOf, attempt.signal);

  return {
    transact,

    record(request) {
      const { lookup, plan } = recordingPlan(request);
      return transact(lookup, plan);
    },

    dueChannels(until) {
      return read(async (attempt) => {
        const channels = await collect(attempt, { collection: collection("channels") }, EVERYTHING, (document) =>
          channelIn(document, textIn(document.snapshot.fields, "name")),
        );
        const due = await Promise.all(
          channels.map(async (channel) => {
            const query = { collection: collection("intents"), field: "work", select: ["work"] };
            const on = workOn(channel.name);
            // One at a time is being sent, as a rule; the first that waits comes right behind.
            const few = await attempt.query({ ...query, ...on.all, limit: 5 });
            const times = few.map(({ snapshot }) => dueTimeIn(snapshot));
            const isSending = times.includes(undefined);
            let firstPending = times.find((time) => time !== undefined);
            if (firstPending === undefined && few.length === 5) {
              const [pending] = await attempt.query({ ...query, ...on.pending, limit: 1 });
              firstPending = pending === undefined ? undefined : dueTimeIn(pending.snapshot);
            }
            return dueChannel(channel, firstPending, isSending);
          }),
        );
        return due
          .filter((each) => each !== undefined)
          .filter(({ dueAt }) => dueAt <= until)
          .sort((a, b) => a.dueAt - b.dueAt);
      });
    },

    acquireChannel(channelId, owner, at, leaseMs) {
      return transaction("take a channel in", async (attempt) => {
        const name = channelName(channelId);
        const { documents, readTime } = await attempt.get([name]);
        const channel = taken(channelIn(documents.get(name), channelId), owner, at, leaseMs);
        if (channel === undefined) return undefined;
        const query = { collection: collection("intents"), field: "work", ...workOn(channelId).sending, readTime };
        const sending = (await collect(attempt, query, EVERYTHING, (document) => document)).sort(byField("recorded"));
        const left = sending.map((document) => recovered(parseDocument<Intent>(document.json), at));
        return attempt.commit(
          [
            channelWrite(channel, documents.get(name)),
            ...left.map((intent, index) => intentWrite(intent, sending[index] as StoredDocument)),
          ],
          leaseOf(channel, left),
        );
      });
    },

    async renewChannel(lease, at, leaseMs) {
      const channel = await moveChannel("renew a lease in", lease.channel, (each) => renewed(each, lease, at, leaseMs));
      return channel === undefined ? undefined : leaseOf(channel, []);
    },

    async releaseChannel(lease) {
      return (
        (await moveChannel("give a channel back to", lease.channel, (channel) => released(channel, lease))) !==
        undefined
      );
    },

    due(channelId, at, limit) {
      return read(async (attempt) => {
        const intents = { collection: collection("intents") };
        const due = { ...intents, field: "work", ...workOn(channelId).pendingUntil(at), select: ["work", "turn"] };
        const few = await attempt.query({ ...due, limit: FEW_DUE });
        const inOrder =
          few.length < FEW_DUE
            ? few.toSorted(byField("turn")).slice(0, limit)
            : await collect(
                attempt,
                { ...intents, field: "turn", ...within(documentId(channelId)), select: ["work", "turn"] },
                limit,
                (document) => ((dueTimeIn(document.snapshot) ?? Number.NaN) <= at ? document : undefined),
              );
        if (inOrder.length === 0) return [];
        const names = inOrder.map(({ snapshot }) => snapshot.name);
        const { documents } = await attempt.get(names);
        return names
          .map((name) => documents.get(name))
          .filter((document) => document !== undefined)
          .map(({ json }) => parseDocument<Intent>(json))
          .filter(({ state, notBefore }) => state === "pending" && notBefore <= at);
      });
    },

    begin: (lease, intentId, attempt) => move("begin an attempt in", lease.channel, intentId, begun(lease, attempt)),
    succeed: (lease, intentId, success) =>
      move("write a receipt to", lease.channel, intentId, succeeded(lease, success)),
    postpone: (lease, intentId, postponement) =>
      move("postpone in", lease.channel, intentId, postponed(lease, postponement)),
    refuse: (lease, intentId, refusal) => move("write a refusal to", lease.channel, intentId, refused(lease, refusal)),

    deadLetter({ data, ...rest }) {
      return transaction("keep a dead letter in", async (attempt) => {
        const name = letterName(rest.id);
        const { documents, readTime } = await attempt.get([name]);
        if (documents.has(name)) return false;
        const letter: Omit<DeadLetter, "data"> = { schema: STORE_SCHEMA_VERSION, ...rest };
        const fields = { made: orderOf(readTime, 0), expireAt: { epochMs: rest.at + KEPT_MS } };
        return attempt.commit([{ name, json: JSON.stringify(letter), data, fields, before: null }], true);
      });
    },

    deadLetters({ limit = EVERYTHING } = {}) {
      return read((attempt) =>
        collect(attempt, { collection: collection("dead-letters"), field: "made" }, limit, ({ json, data }) => ({
          ...parseDocument<Omit<DeadLetter, "data">>(json),
          data,
        })),
      );
    },

    finding: (id) => one(findingName(id)),

    findings({ incidentId, limit = EVERYTHING } = {}) {
      const findings = { collection: collection("findings") };
      const query =
        incidentId === undefined
          ? { ...findings, field: "recorded" }
          : { ...findings, field: "ofIncident", ...within(documentId(incidentId)) };
      return read((attempt) => collect(attempt, query, limit, ({ json }) => parseDocument<RecordedFinding>(json)));
    },

    incident: (id) => one(incidentName(id)),

    incidents({ state, dueBy, limit = EVERYTHING } = {}) {
      const incidents = { collection: collection("incidents") };
      const query: Query =
        dueBy !== undefined
          ? { ...incidents, field: "due", below: sortable(Math.floor(dueBy) + 1) }
          : state !== undefined
            ? { ...incidents, field: "ofState", ...within(state), descending: true }
            : { ...incidents, field: "changed", descending: true };
      return read((attempt) =>
        collect(attempt, query, limit, ({ json }) => {
          const incident = parseDocument<StoredIncident>(json);
          return state === undefined || incident.state === state ? incident : undefined;
        }),
      );
    },

    async receipts(incidentId, destinationId) {
      const name = receiptsName(incidentId);
      const { documents } = await read((attempt) => attempt.get([name]));
      return receiptsIn(documents.get(name)).find((each) => each.destinationId === destinationId);
    },

    silences({ inForceAt, limit = EVERYTHING } = {}) {
      const query = inForceAt === undefined ? { ...inForce(0), above: Number.MIN_SAFE_INTEGER } : inForce(inForceAt);
      return read((attempt) => collect(attempt, { ...query, descending: true }, limit, silenceIn));
    },

    async previousState(before) {
      const asked = statesAskedFor({ at: 0, previousStates: [before] });
      const { found } = await read((attempt) => find(attempt, { at: 0 }, asked));
      return found.previousStates.get(before.key);
    },

    audit({ subject, limit = EVERYTHING } = {}) {
      const audit = { collection: collection("audit"), descending: true };
      const query =
        subject === undefined
          ? { ...audit, field: "made" }
          : { ...audit, field: "ofSubject", ...within(documentId(subject)) };
      return read((attempt) => collect(attempt, query, limit, ({ json }) => parseDocument<AuditRecord>(json)));
    },

    intents(filter = {}) {
      const { about, channel, state, limit = EVERYTHING } = filter;
      return read(async (attempt) => {
        const matching = await collect(
          attempt,
          intentQuery(filter),
          about === undefined ? limit : EVERYTHING,
          (document) => {
            const intent = parseDocument<Intent>(document.json);
            const isAsked =
              (about === undefined || intent.about === about) &&
              (channel === undefined || intent.channel === channel) &&
              (state === undefined || intent.state === state);
            return isAsked ? { intent, document } : undefined;
          },
        );
        return matching
          .sort((a, b) => byField("recorded")(a.document, b.document))
          .slice(0, limit)
          .map(({ intent }) => intent);
      });
    },

    counts() {
      return read(async (attempt) => {
        const intents = { collection: collection("intents") };
        const incidents = { collection: collection("incidents") };
        const [states, all, findings, openIncidents, deadLetters] = await Promise.all([
          Promise.all(
            INTENT_STATES.map((state) => countOf(attempt, { ...intents, field: "ofState", ...within(state) })),
          ),
          countOf(attempt, intents, "unknownOutcomes"),
          countOf(attempt, { collection: collection("findings") }),
          countOf(attempt, { ...incidents, field: "ofState", ...within("open") }),
          countOf(attempt, { collection: collection("dead-letters") }),
        ]);
        const byState = Object.fromEntries(INTENT_STATES.map((state, index) => [state, states[index]?.count ?? 0]));
        return {
          ...(byState as Record<(typeof INTENT_STATES)[number], number>),
          findings: findings.count,
          openIncidents: openIncidents.count,
          deadLetters: deadLetters.count,
          unknownOutcomes: all.sum,
        };
      });
    },

    // Firestore does it, by the TTL policies on `expireAt`.
    forget: async () => 0,

    async close() {
      rest.close();
    },
  };
}

/** The metadata server on Google Cloud, else what `gcloud auth application-default login` has left. */
async function googleCredentials(): Promise<() => Promise<string>> {
  const { GoogleAuth } = await import("google-auth-library");
  const auth = new GoogleAuth({ scopes: ["https://www.googleapis.com/auth/datastore"] });
  return async () => {
    const token = await auth.getAccessToken();
    if (typeof token === "string") return token;
    throw new ProcessingError("STORE_UNAVAILABLE", "Google gave no access token");
  };
}

const namedIn = (document: StoredDocument | undefined) =>
  document === undefined ? undefined : parseDocument<NamedIncidents>(document.json);

const momentsIn = (document: StoredDocument | undefined) =>
  document === undefined ? undefined : parseDocument<StateMoments>(document.json);

/** All that are open, and the last of those that are resolved. */
function shownOf(named: NamedIncidents | undefined): string[] {
  const incidents = named?.incidents ?? [];
  const resolved = incidents.filter(({ state }) => state === "resolved").slice(-RESOLVED_SHOWN);
  return [...incidents.filter(({ state }) => state === "open"), ...resolved].map(({ id }) => id);
}

/** Under which names incidents are to be found from now on, and under which no longer (no state). */
function namingChanges({ incidents }: Changes) {
  return incidents.flatMap(({ before, after: { id, state, ...rest } }) => {
    const names = namesOf({ id, state, ...rest });
    const known = before === undefined ? [] : namesOf(before);
    const gone = known.filter((name) => !names.includes(name)).map((name) => ({ name, id, state: undefined }));
    const isSame = (name: string) => before?.state === state && known.includes(name);
    return [...names.filter((name) => !isSame(name)).map((name) => ({ name, id, state })), ...gone];
  });
}

function receiptsIn(document: StoredDocument | undefined): IncidentReceipts[] {
  const { by } = document?.snapshot.fields ?? {};
  if (typeof by !== "object" || by instanceof Uint8Array) return [];
  return Object.values(by as Readonly<Record<string, string>>).map((json) => parseDocument<IncidentReceipts>(json));
}

function silenceIn({ json, snapshot: { fields } }: StoredDocument): StoredSilence {
  const content = parseDocument<Omit<StoredSilence, "uses" | "lastUsedAt">>(json);
  return { ...content, uses: numberIn(fields, "uses") ?? 0, lastUsedAt: numberIn(fields, "lastUsedAt") ?? null };
}

/** By a text that sorts. */
const byField = (name: string) => (a: StoredDocument, b: StoredDocument) => {
  const [left, right] = [textIn(a.snapshot.fields, name), textIn(b.snapshot.fields, name)];
  return left < right ? -1 : left > right ? 1 : 0;
};
