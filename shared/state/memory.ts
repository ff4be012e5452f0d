/** A store that forgets: for tests and for a replay. Shared by several workers it behaves as a shared database does. */
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

/** Each method runs to its end without giving way to another, which is what makes it a transaction. */
export function memoryStore(): Store {
  const findings = new Map<string, RecordedFinding>();
  const intents = new Map<string, Intent>();
  const channels = new Map<string, Channel>();
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
    return true;
  }

  return {
    async record({ findings: requested, at }) {
      const fresh: string[] = [];
      const known: string[] = [];
      // Copied first: data that cannot be stored must fail before anything is.
      for (const { finding, intents: drafts } of copyOf(requested)) {
        if (findings.has(finding.id)) {
          known.push(finding.id);
          continue;
        }
        findings.set(finding.id, { schema: STORE_SCHEMA_VERSION, recordedAt: at, finding });
        fresh.push(finding.id);
        for (const draft of drafts) {
          const intent = newIntent(finding.id, draft, at);
          if (!intents.has(intent.id)) intents.set(intent.id, intent);
          channels.set(draft.channel, channelNamed(draft.channel));
        }
      }
      return { fresh, known };
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
        deadLetters: letters.size,
        unknownOutcomes: all.reduce((sum, intent) => sum + intent.unknownOutcomes, 0),
      };
    },

    async close() {},
  };
}

/** By JSON, as the stores that write to a disk do it. */
function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
