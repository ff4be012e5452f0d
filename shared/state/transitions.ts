/**
 * How a stored state follows from another, the same for every store. Pure: a store reads documents inside its
 * transaction, asks here, and writes what it gets back; undefined means that the caller may not change anything.
 */
import type {
  Attempt,
  DueChannel,
  IncidentReceipts,
  Intent,
  Lease,
  PlannedIntent,
  Postponement,
  Refusal,
  StoreSchema,
  Success,
} from "./store.ts";
import { STORE_SCHEMA_VERSION } from "./store.ts";

/** What shares one rate and one lease, as it is stored. */
export interface Channel {
  readonly schema: StoreSchema;
  readonly name: string;
  readonly owner: string | null;
  readonly token: number;
  /** 0 when nobody holds it. */
  readonly leaseUntil: number;
  readonly nextAt: number;
  readonly failures: number;
}

/** A channel and one of its intents, which change together. */
export interface ChannelAndIntent {
  readonly channel: Channel;
  readonly intent: Intent;
}

export type Step = (before: ChannelAndIntent) => ChannelAndIntent | undefined;

export function newChannel(name: string): Channel {
  return { schema: STORE_SCHEMA_VERSION, name, owner: null, token: 0, leaseUntil: 0, nextAt: 0, failures: 0 };
}

export function newIntent(planned: PlannedIntent, at: number): Intent {
  const { about, incidentId, destinationId, channel, notification, notBefore = at } = planned;
  return {
    schema: STORE_SCHEMA_VERSION,
    id: `${about}:${destinationId}`,
    about,
    ...(incidentId === undefined ? {} : { incidentId }),
    destinationId,
    channel,
    notification,
    state: "pending",
    recordedAt: at,
    notBefore,
    aside: false,
    attempts: 0,
    unknownOutcomes: 0,
    leaseToken: 0,
    lastError: null,
    receipt: null,
  };
}

/** Whether nobody can have seen it yet, so that what it says may still be changed. */
export function isUnsent(intent: Intent): boolean {
  return intent.state === "pending" && intent.unknownOutcomes === 0;
}

/** When it was over: told, or refused. */
export function settledAt({ receipt, lastError, recordedAt }: Intent): number {
  return receipt?.at ?? lastError?.at ?? recordedAt;
}

/** What a destination has taken about an incident, once it has taken this intent too. */
export function receiptsWith(before: IncidentReceipts | undefined, told: Intent): IncidentReceipts | undefined {
  const { incidentId, destinationId, receipt } = told;
  if (incidentId === undefined || receipt === null) return before;
  return {
    schema: STORE_SCHEMA_VERSION,
    incidentId,
    destinationId,
    first: before?.first ?? receipt,
    last: receipt,
    count: (before?.count ?? 0) + 1,
  };
}

/** The channel as its new holder has it; undefined while another lease has not expired. */
export function taken(channel: Channel, owner: string, at: number, leaseMs: number): Channel | undefined {
  if (channel.leaseUntil > at) return undefined;
  return { ...channel, owner, token: channel.token + 1, leaseUntil: at + leaseMs };
}

/** An intent that an earlier holder left in `sending`: whether it arrived is not known. */
export function recovered(intent: Intent, at: number): Intent {
  return {
    ...intent,
    state: "pending",
    unknownOutcomes: intent.unknownOutcomes + 1,
    lastError: {
      code: "DESTINATION_UNKNOWN_OUTCOME",
      message: "the process that sent it ended, or lost its lease, before it wrote an outcome",
      at,
    },
  };
}

/** The lease that a channel's present holder has. */
export function leaseOf(channel: Channel, recoveredIntents: readonly Intent[]): Lease {
  return {
    channel: channel.name,
    owner: channel.owner ?? "",
    token: channel.token,
    expiresAt: channel.leaseUntil,
    nextAt: channel.nextAt,
    failures: channel.failures,
    recovered: recoveredIntents,
  };
}

/** Whether nobody has taken the channel since; an expired lease that nobody took still counts. */
export function isCurrent(channel: Channel, lease: Lease): boolean {
  return channel.token === lease.token && channel.leaseUntil > 0;
}

export function renewed(channel: Channel, lease: Lease, at: number, leaseMs: number): Channel | undefined {
  return isCurrent(channel, lease) ? { ...channel, leaseUntil: at + leaseMs } : undefined;
}

export function released(channel: Channel, lease: Lease): Channel | undefined {
  return isCurrent(channel, lease) ? { ...channel, owner: null, leaseUntil: 0 } : undefined;
}

export function begun(lease: Lease, attempt: Attempt): Step {
  return ({ channel, intent }) => {
    // Unlike the writes after sending, this one asks for a lease that runs: it is the permission to send.
    if (!isCurrent(channel, lease) || channel.leaseUntil <= attempt.at || intent.state !== "pending") return undefined;
    return {
      channel: { ...channel, nextAt: Math.max(channel.nextAt, attempt.nextAt) },
      intent: { ...intent, state: "sending", attempts: intent.attempts + 1, leaseToken: lease.token },
    };
  };
}

export function succeeded(lease: Lease, success: Success): Step {
  return (before) => {
    const { channel, intent } = before;
    if (!isCurrent(channel, lease)) return undefined;
    if (intent.state === "told") return intent.leaseToken === lease.token ? before : undefined;
    if (!isOpen(intent)) return undefined;
    return {
      channel: { ...channel, failures: 0 },
      intent: {
        ...intent,
        state: "told",
        leaseToken: lease.token,
        receipt: { externalId: success.externalId, at: success.at },
      },
    };
  };
}

export function postponed(lease: Lease, postponement: Postponement): Step {
  return ({ channel, intent }) => {
    if (!isCurrent(channel, lease) || !isOpen(intent)) return undefined;
    const { at, code, message, notBefore, aside, channelNextAt } = postponement;
    const unknown = code === "DESTINATION_UNKNOWN_OUTCOME" ? 1 : 0;
    return {
      channel:
        channelNextAt === undefined
          ? channel
          : { ...channel, nextAt: Math.max(channel.nextAt, channelNextAt), failures: channel.failures + 1 },
      intent: {
        ...intent,
        state: "pending",
        notBefore,
        aside: intent.aside || aside === true,
        unknownOutcomes: intent.unknownOutcomes + unknown,
        leaseToken: lease.token,
        lastError: { code, message, at },
      },
    };
  };
}

export function refused(lease: Lease, refusal: Refusal): Step {
  return ({ channel, intent }) => {
    if (!isCurrent(channel, lease) || !isOpen(intent)) return undefined;
    const { at, code, message } = refusal;
    return {
      channel: { ...channel, failures: 0 },
      intent: { ...intent, state: "refused", leaseToken: lease.token, lastError: { code, message, at } },
    };
  };
}

/**
 * When there is something to do on a channel: `firstPending` is the earliest `notBefore` of its pending intents,
 * `sending` whether one waits for its outcome, which somebody else can only look after once the lease has ended.
 */
export function dueChannel(
  channel: Channel,
  firstPending: number | undefined,
  sending: boolean,
): DueChannel | undefined {
  const times = [...(firstPending === undefined ? [] : [firstPending]), ...(sending ? [channel.leaseUntil] : [])];
  if (times.length === 0) return undefined;
  return { channel: channel.name, dueAt: Math.max(channel.nextAt, Math.min(...times)), failures: channel.failures };
}

/** Whether it has still to be told. */
export function isOpen(intent: Intent): boolean {
  return intent.state === "pending" || intent.state === "sending";
}
