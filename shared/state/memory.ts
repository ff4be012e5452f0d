/** A store that forgets: for tests and for a replay. Shared by several workers it behaves as a shared database does. */
import type { Changes } from "./planning.ts";
import { changesOf, momentOrder, notLookedFor, recordingPlan, statesAskedFor, usedSilence } from "./planning.ts";
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
  isOpen,
  leaseOf,
  newChannel,
  postponed,
  receiptsWith,
  recovered,
  refused,
  released,
  renewed,
  settledAt,
  succeeded,
  taken,
} from "./transitions.ts";

/** Each method runs to its end without giving way to another, which is what makes it a transaction. */
export function memoryStore(): Store {
  const findings = new Map<string, RecordedFinding>();
  const incidents = new Map<string, StoredIncident>();
  const intents = new Map<string, Intent>();
  const receipts = new Map<string, IncidentReceipts>();
  const channels = new Map<string, Channel>();
  const silences = new Map<string, StoredSilence>();
  /** By key; recordedAt says when a version was superseded: when the one after it came. */
  const states = new Map<string, { readonly version: StateVersion; readonly recordedAt: number }[]>();
  const audit: AuditRecord[] = [];
  const letters = new Map<string, DeadLetter>();

  const channelNamed = (name: string): Channel => channels.get(name) ?? newChannel(name);
  const intentsOf = (channel: string): Intent[] => [...intents.values()].filter((intent) => intent.channel === channel);

  function move(channelName: string, intentId: string, step: Step): boolean {
    const intent = intents.get(intentId);
    if (intent === undefined || intent.channel !== channelName) return false;
    const after = step({ channel: channelNamed(channelName), intent });
    if (after === undefined) return false;
    channels.set(channelName, after.channel);
    intents.set(intentId, after.intent);
    if (after.intent.state === "told" && intent.state !== "told") {
      const key = receiptsKey(intent.incidentId ?? "", intent.destinationId);
      const told = receiptsWith(receipts.get(key), after.intent);
      if (told !== undefined) receipts.set(key, told);
    }
    return true;
  }

  function previousState(before: Moment): StateVersion | undefined {
    const limit = momentOrder(before);
    return states.get(before.key)?.findLast(({ version }) => momentOrder(version) < limit)?.version;
  }

  function incidentsFor({ incidentIds = [], incidentKeys = [], aliases = [] }: Lookup): StoredIncident[] {
    const all = [...incidents.values()];
    const shown = new Set(all.filter(({ id }) => incidentIds.includes(id)));
    const show = (group: readonly StoredIncident[]) => {
      for (const incident of group.filter(({ state }) => state === "open")) shown.add(incident);
      for (const incident of group.filter(({ state }) => state === "resolved").slice(-RESOLVED_SHOWN)) {
        shown.add(incident);
      }
    };
    for (const asked of incidentKeys) {
      show(all.filter(({ key, category }) => key === asked.key && category === asked.category));
    }
    for (const alias of aliases) show(all.filter((incident) => incident.aliases.includes(alias)));
    return all.filter((incident) => shown.has(incident));
  }

  function find(lookup: Lookup): Found {
    const shown = incidentsFor(lookup);
    const ids = new Set(shown.map(({ id }) => id));
    const { at, findingIds = [], silences: inForce = false, silenceIds = [] } = lookup;
    const asked = statesAskedFor(lookup).map((before) => [before.key, previousState(before)] as const);
    return {
      knownFindings: new Set(findingIds.filter((id) => findings.has(id))),
      incidents: copyOf(shown),
      openIntents: copyOf([...intents.values()].filter((intent) => ids.has(intent.incidentId ?? "") && isOpen(intent))),
      receipts: copyOf([...receipts.values()].filter(({ incidentId }) => ids.has(incidentId))),
      silences: copyOf(
        [...silences.values()]
          .filter(({ id, expiresAt }) => silenceIds.includes(id) || (inForce && expiresAt > at))
          .sort((a, b) => a.expiresAt - b.expiresAt),
      ),
      previousStates: new Map(asked.flatMap(([key, state]) => (state === undefined ? [] : [[key, copyOf(state)]]))),
    };
  }

  function write(changes: Changes, at: number): void {
    for (const recorded of changes.findings) findings.set(recorded.finding.id, recorded);
    for (const { after } of changes.incidents) incidents.set(after.id, after);
    for (const intent of changes.freshIntents) {
      if (!intents.has(intent.id)) intents.set(intent.id, intent);
      channels.set(intent.channel, channelNamed(intent.channel));
    }
    for (const intent of changes.amendedIntents) intents.set(intent.id, intent);
    for (const silence of changes.silences) silences.set(silence.id, silence);
    for (const version of changes.states) {
      const known = states.get(version.key) ?? [];
      const order = momentOrder(version);
      if (known.some((each) => momentOrder(each.version) === order)) continue;
      const inOrder = [...known, { version, recordedAt: at }].sort((a, b) =>
        momentOrder(a.version) < momentOrder(b.version) ? -1 : 1,
      );
      states.set(version.key, inOrder);
    }
    audit.push(...changes.audit);
  }

  async function transact<T>(lookup: Lookup, plan: (found: Found) => Plan<T>): Promise<T> {
    const found = find(lookup);
    const planned = plan(found);
    const changes = changesOf(lookup, found, planned);
    const isThere = ({ before, after }: Changes["incidents"][number]) =>
      before === undefined && incidents.has(after.id);
    if (changes.incidents.some(isThere)) throw notLookedFor("an incident");
    if (changes.silences.some(({ id, version }) => version === 1 && silences.has(id))) throw notLookedFor("a silence");
    // Copied first: data that cannot be stored must fail before anything is.
    write({ ...copyOf(changes), usedSilences: new Map() }, lookup.at);
    for (const [id, uses] of changes.usedSilences) {
      const silence = silences.get(id);
      if (silence !== undefined) silences.set(id, usedSilence(silence, uses, lookup.at));
    }
    return planned.result;
  }

  return {
    transact,

    record(request) {
      const { lookup, plan } = recordingPlan(request);
      return transact(lookup, plan);
    },

    async dueChannels(until) {
      return [...channels.values()]
        .map((channel) => {
          const own = intentsOf(channel.name);
          const pending = own.filter((intent) => intent.state === "pending").map((intent) => intent.notBefore);
          const firstPending = pending.length === 0 ? undefined : Math.min(...pending);
          return dueChannel(
            channel,
            firstPending,
            own.some((intent) => intent.state === "sending"),
          );
        })
        .filter((due) => due !== undefined)
        .filter((due) => due.dueAt <= until)
        .sort((a, b) => a.dueAt - b.dueAt);
    },

    async acquireChannel(name, owner, at, leaseMs) {
      const channel = taken(channelNamed(name), owner, at, leaseMs);
      if (channel === undefined) return undefined;
      channels.set(name, channel);
      const left = intentsOf(name)
        .filter((intent) => intent.state === "sending")
        .map((intent) => recovered(intent, at));
      for (const intent of left) intents.set(intent.id, intent);
      return copyOf(leaseOf(channel, left));
    },

    async renewChannel(lease, at, leaseMs) {
      const channel = renewed(channelNamed(lease.channel), lease, at, leaseMs);
      if (channel === undefined) return undefined;
      channels.set(channel.name, channel);
      return leaseOf(channel, []);
    },

    async releaseChannel(lease) {
      const channel = released(channelNamed(lease.channel), lease);
      if (channel === undefined) return false;
      channels.set(channel.name, channel);
      return true;
    },

    async due(channel, at, limit) {
      return copyOf(
        intentsOf(channel)
          .filter((intent) => intent.state === "pending" && intent.notBefore <= at)
          .sort((a, b) => Number(a.aside) - Number(b.aside))
          .slice(0, limit),
      );
    },

    begin: async (lease, intentId, attempt) => move(lease.channel, intentId, begun(lease, attempt)),
    succeed: async (lease, intentId, success) => move(lease.channel, intentId, succeeded(lease, success)),
    postpone: async (lease, intentId, postponement) => move(lease.channel, intentId, postponed(lease, postponement)),
    refuse: async (lease, intentId, refusal) => move(lease.channel, intentId, refused(lease, refusal)),

    async deadLetter(letter) {
      if (letters.has(letter.id)) return false;
      letters.set(letter.id, structuredClone({ schema: STORE_SCHEMA_VERSION, ...letter }));
      return true;
    },

    deadLetters: async ({ limit } = {}) => structuredClone([...letters.values()].slice(0, limit)),

    async finding(id) {
      const found = findings.get(id);
      return found === undefined ? undefined : copyOf(found);
    },

    async findings({ incidentId, limit } = {}) {
      return copyOf(
        [...findings.values()]
          .filter((recorded) => incidentId === undefined || recorded.incidentId === incidentId)
          .sort((a, b) => a.recordedAt - b.recordedAt || (a.finding.id < b.finding.id ? -1 : 1))
          .slice(0, limit),
      );
    },

    async incident(id) {
      const incident = incidents.get(id);
      return incident === undefined ? undefined : copyOf(incident);
    },

    async incidents({ state, dueBy, limit } = {}) {
      const asked = [...incidents.values()].filter((incident) => state === undefined || incident.state === state);
      return copyOf(
        dueBy === undefined
          ? asked
              .reverse()
              .sort((a, b) => b.updatedAt - a.updatedAt)
              .slice(0, limit)
          : asked
              .filter(({ dueAt }) => dueAt !== null && dueAt <= dueBy)
              .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
              .slice(0, limit),
      );
    },

    async receipts(incidentId, destinationId) {
      const told = receipts.get(receiptsKey(incidentId, destinationId));
      return told === undefined ? undefined : copyOf(told);
    },

    async silences({ inForceAt, limit } = {}) {
      return copyOf(
        [...silences.values()]
          .filter(({ expiresAt }) => inForceAt === undefined || expiresAt > inForceAt)
          .sort((a, b) => b.expiresAt - a.expiresAt)
          .slice(0, limit),
      );
    },

    async previousState(before) {
      const state = previousState(before);
      return state === undefined ? undefined : copyOf(state);
    },

    async audit({ subject, limit } = {}) {
      return copyOf(
        audit
          .filter((record) => subject === undefined || record.subject === subject)
          .reverse()
          .slice(0, limit),
      );
    },

    async intents({ about, channel, state, limit } = {}) {
      return copyOf(
        [...intents.values()]
          .filter((intent) => about === undefined || intent.about === about)
          .filter((intent) => channel === undefined || intent.channel === channel)
          .filter((intent) => state === undefined || intent.state === state)
          .slice(0, limit),
      );
    },

    async counts() {
      const all = [...intents.values()];
      const inState = (state: string) => all.filter((intent) => intent.state === state).length;
      const byState = Object.fromEntries(INTENT_STATES.map((state) => [state, inState(state)]));
      return {
        ...(byState as Record<(typeof INTENT_STATES)[number], number>),
        findings: findings.size,
        openIncidents: [...incidents.values()].filter(({ state }) => state === "open").length,
        deadLetters: letters.size,
        unknownOutcomes: all.reduce((sum, intent) => sum + intent.unknownOutcomes, 0),
      };
    },

    async forget(at) {
      const before = at - KEPT_MS;
      let gone = 0;
      const remove = <K, V>(from: Map<K, V>, isOver: (value: V) => boolean) => {
        for (const [key, value] of from) if (isOver(value) && from.delete(key)) gone += 1;
      };
      remove(findings, ({ recordedAt }) => recordedAt < before);
      remove(intents, (intent) => !isOpen(intent) && settledAt(intent) < before);
      remove(incidents, ({ state, updatedAt }) => state === "resolved" && updatedAt < before);
      remove(receipts, ({ incidentId, last }) => !incidents.has(incidentId) && last.at < before);
      remove(silences, ({ expiresAt }) => expiresAt < before);
      remove(letters, (letter) => letter.at < before);
      for (const [key, versions] of states) {
        const kept = versions.filter((_, index) => (versions[index + 1]?.recordedAt ?? at) >= before);
        gone += versions.length - kept.length;
        states.set(key, kept);
      }
      const records = audit.filter((record) => record.at >= before);
      gone += audit.length - records.length;
      audit.splice(0, audit.length, ...records);
      return gone;
    },

    async close() {},
  };
}

const receiptsKey = (incidentId: string, destinationId: string) => JSON.stringify([incidentId, destinationId]);

/** By JSON, as the stores that write to a disk do it. */
function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
