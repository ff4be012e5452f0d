import { createHash } from "node:crypto";
import { ProcessingError } from "../errors.ts";
import type { Destination, DestinationKind, Receipt } from "./destination.ts";
import { isOpening, newsOf } from "./incident-words.ts";
import { repeatable } from "./json-api.ts";
import type { Notification } from "./notification.ts";
import { settling } from "./settling.ts";

/** One ticket for each incident, whatever system keeps it: made once, found again by its exact key, never by likeness. */

export interface Ticket {
  /** The system's name for it; kept in receipts. */
  readonly id: string;
  readonly isClosed: boolean;
  /** `messageKey` of the message that it was made with. */
  readonly madeWith: string | null;
}

/** What a ticket system has to be able to do. All throw as `Destination.deliver` does. */
export interface TicketSystem {
  readonly create: (notification: Notification, key: string, signal: AbortSignal) => Promise<string>;
  /** The ticket of a receipt; undefined when there is no such ticket any more. */
  readonly byId: (id: string, signal: AbortSignal) => Promise<Ticket | undefined>;
  /** The ticket that carries exactly this key, as far as the system shows it by now. */
  readonly byKey: (key: string, notification: Notification, signal: AbortSignal) => Promise<Ticket | undefined>;
  /** Whether the ticket carries exactly this message as a comment. */
  readonly has: (ticket: Ticket, notification: Notification, signal: AbortSignal) => Promise<boolean>;
  /** Closes or reopens; may be repeated without harm. */
  readonly move: (ticket: Ticket, to: "closed" | "open", signal: AbortSignal) => Promise<void>;
  /** Adds the news: the last step, and the one by which the message is found again. */
  readonly tell: (ticket: Ticket, notification: Notification, signal: AbortSignal) => Promise<void>;
  readonly check: (signal: AbortSignal) => Promise<void>;
}

export interface TicketDestination {
  readonly id: string;
  readonly kind: DestinationKind;
  readonly minIntervalMs: number;
  readonly now: () => number;
  readonly settleMs?: number | undefined;
}

export function ticketDestination(settings: TicketDestination, system: TicketSystem): Destination {
  const { id, kind, minIntervalMs, now } = settings;
  const destination = `${kind} "${id}"`;
  const settled = settling(now, settings.settleMs);

  async function create(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const key = storyKey(notification);
    const make = () => system.create(notification, key, signal);
    return { externalId: await settled.sending([key, notification.id], make) };
  }

  async function locate(
    notification: Notification,
    signal: AbortSignal,
    earlier: Receipt | null | undefined,
  ): Promise<Ticket | undefined> {
    const known = earlier?.externalId ?? null;
    const ticket = known === null ? undefined : await system.byId(known, signal);
    if (ticket !== undefined) {
      return ticket;
    }
    const key = storyKey(notification);
    const look = () => system.byKey(key, notification, signal);
    return earlier === undefined ? settled.search({ destination, key, sentAt: undefined, signal, look }) : await look();
  }

  return {
    id,
    kind,
    channel: `${kind}:${id}`,
    minIntervalMs,
    async deliver(notification, signal, earlier): Promise<Receipt> {
      if (isOpening(notification)) {
        return create(notification, signal);
      }
      const news = newsOf(notification);
      const ticket = await locate(notification, signal, earlier);
      if (ticket === undefined) {
        if (news?.state === "resolved") {
          throw new ProcessingError(
            "DESTINATION_REJECTED",
            `${destination}: there is no ticket of this incident to close`,
          );
        }
        return create(notification, signal);
      }
      if (news?.news === "resolved" && !ticket.isClosed) {
        await repeatable(async () => system.move(ticket, "closed", signal));
      }
      if (news?.news === "reopened" && ticket.isClosed) {
        await repeatable(async () => system.move(ticket, "open", signal));
      }
      await settled.sending([notification.id], () => system.tell(ticket, notification, signal));
      return { externalId: ticket.id };
    },

    async find(notification, signal, sentAt): Promise<Receipt | undefined> {
      const story = storyKey(notification);
      const key = isOpening(notification) ? story : notification.id;
      const look = async (): Promise<Receipt | undefined> => {
        const ticket = await system.byKey(story, notification, signal);
        if (ticket === undefined) {
          return undefined;
        }
        const isThere =
          isOpening(notification) ||
          ticket.madeWith === messageKey(notification) ||
          (await system.has(ticket, notification, signal));
        return isThere ? { externalId: ticket.id } : undefined;
      };
      return settled.search({ destination, key, sentAt, signal, look });
    },

    check: system.check,
  };
}

/** Text that is a key everywhere: in a query, in a label, in an address. */
const SAFE_KEY = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

/** The same for all news of an incident: its id. A finding told alone is its own story. */
export function storyKey(notification: Notification): string {
  const key = newsOf(notification)?.id ?? notification.id;
  return SAFE_KEY.test(key) ? key : createHash("sha256").update(key).digest("hex").slice(0, 40);
}

const SAFE_MESSAGE_KEY = /^[A-Za-z0-9][\w:.-]{0,199}$/;

/** The message's id, as text that can stand in a mark of ours. */
export function messageKey({ id }: Notification): string {
  return SAFE_MESSAGE_KEY.test(id) ? id : createHash("sha256").update(id).digest("hex");
}
