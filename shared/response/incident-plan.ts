/** What findings and hands do to incidents, and who is to hear of it: pure, for the plan of one transaction. */
import {
  type IncidentNews,
  type Notification,
  type NotificationOptions,
  toIncidentNotification,
} from "../destinations/notification.ts";
import type { Counsel, Finding } from "../finding.ts";
import {
  acted,
  type Fit,
  fitOf,
  type Incident,
  type IncidentAction,
  type IncidentSettings,
  joined,
  merged,
  namesOf,
  newFacts,
  opened,
} from "../incidents/incident.ts";
import type { Amendment, Found, IncidentDraft, Intent, PlannedFinding, PlannedIntent } from "../state/store.ts";
import { isUnsent } from "../state/transitions.ts";
import { type DecisionReason, decide } from "./decide.ts";
import type { Route, Way } from "./routes.ts";
import { silenceFrom } from "./silences.ts";

/** What an organization has laid down about incidents and whom they concern. */
export interface ResponseRules extends NotificationOptions {
  readonly incidents: IncidentSettings;
  readonly routes: Route;
  /** undefined for a destination that is not there. */
  readonly channelOf: (destinationId: string) => string | undefined;
  readonly counselOf: (rule: string) => Counsel;
}

/** What became of one finding or one action, for the log. */
export interface Decided {
  readonly incidentId: string;
  readonly findingId: string | null;
  readonly reason: DecisionReason;
  /** For people. */
  readonly text: string;
  readonly routes: readonly string[];
  /** Who is to hear of it, now or together with more. */
  readonly destinations: readonly string[];
}

export interface IncidentChanges {
  readonly findings: readonly PlannedFinding[];
  readonly incidents: readonly IncidentDraft[];
  readonly intents: readonly PlannedIntent[];
  readonly amendments: readonly Amendment[];
  readonly usedSilences: readonly string[];
}

type News = IncidentNews["news"];

/** Something for a destination that nobody can have seen yet, so that what comes meanwhile is told with it. */
interface Waiting {
  readonly notification: Notification;
  readonly notBefore: number;
  /** Where it lies in the store already; else it is of this plan. */
  readonly stored?: Intent;
}

/** What is said, and how long it may wait for more. */
interface Message {
  readonly news: News;
  readonly newFacts: readonly string[];
  readonly ways: readonly Way[];
  readonly at: string;
}

const GLASSWATCH = "glasswatch";

/** Made for one run of one plan; what was added and done is in `changes`. */
export class IncidentPlan {
  readonly #found: Found;
  readonly #rules: ResponseRules;
  readonly #at: Date;
  readonly #incidents: Map<string, Incident>;
  readonly #changed = new Set<string>();
  readonly #findings: PlannedFinding[] = [];
  readonly #planned = new Map<string, PlannedIntent>();
  readonly #amended = new Map<string, Amendment>();
  readonly #usedSilences: string[] = [];
  /** Incidents whose present sequence number names news of this plan. */
  readonly #numbered = new Set<string>();

  constructor(found: Found, rules: ResponseRules, at: Date) {
    this.#found = found;
    this.#rules = rules;
    this.#at = at;
    this.#incidents = new Map(found.incidents.map(({ id, document }) => [id, document as Incident]));
  }

  get changes(): IncidentChanges {
    return {
      findings: this.#findings,
      incidents: [...this.#changed].map((id) => this.#draft(this.#incidents.get(id) as Incident)),
      intents: [...this.#planned.values()],
      amendments: [...this.#amended.values()],
      usedSilences: this.#usedSilences,
    };
  }

  /** A finding that is not known yet joins its incident, or opens one. */
  add(finding: Finding): Decided {
    const { incident, fit, facts } = this.#join(finding);
    this.#findings.push({ finding, incidentId: incident.id });
    const names = namesOf(finding);
    const decision = decide({
      incident,
      fit,
      newFacts: facts,
      related: this.#sharing(names).filter(({ id }) => id !== incident.id),
      silences: this.#found.silences.map(silenceFrom),
      routes: this.#rules.routes,
      at: this.#at,
    });
    if (decision.silence !== undefined) this.#usedSilences.push(decision.silence.id);
    const { reason, text, ways } = decision;
    const news = NEWS_OF[reason];
    const destinations =
      news === undefined
        ? []
        : this.#tell(incident.id, { news, newFacts: facts, ways, at: incident.lastAt }, decision.waitMs);
    return {
      incidentId: incident.id,
      findingId: finding.id,
      reason,
      text,
      routes: ways.map(({ route }) => route),
      destinations,
    };
  }

  /** Somebody did something to an incident; those who have heard of it hear of that. undefined where nothing changes. */
  act(incidentId: string, action: IncidentAction): Decided | undefined {
    const before = this.#incidents.get(incidentId);
    const after = before === undefined ? undefined : acted(before, action);
    if (after === undefined) return undefined;
    this.#set(after);
    const destinations = this.#toldOf(incidentId);
    const way: Way = { route: "who has heard of it", destinations, groupWaitMs: 0, repeatIntervalMs: 0 };
    const facts = action.note === "" ? [] : [action.note];
    this.#tell(incidentId, { news: action.what, newFacts: facts, ways: [way], at: action.at }, () => 0);
    const text = `${action.what} by ${action.by}`;
    return { incidentId, findingId: null, reason: "action", text, routes: [], destinations };
  }

  #join(finding: Finding): { incident: Incident; fit: Fit | "opens"; facts: readonly string[] } {
    const { incidents: settings } = this.#rules;
    const candidates = this.#sharing(namesOf(finding))
      .filter(({ category }) => category === finding.category)
      .map((incident) => ({ incident, fit: fitOf(incident, finding, settings) }));
    const [first, ...others] = candidates.filter(({ fit }) => fit === "joins").map(({ incident }) => incident);
    const late = candidates.filter(({ fit }) => fit === "late").map(({ incident }) => incident);
    const within = late.find(({ openedAt }) => Date.parse(openedAt) <= Date.parse(finding.time));
    const known = within ?? first ?? late[0] ?? candidates.findLast(({ fit }) => fit === "reopens")?.incident;
    if (known === undefined) {
      const incident = opened(finding, settings);
      this.#numbered.add(incident.id);
      return { incident: this.#set(incident), fit: "opens", facts: [] };
    }
    let incident = joined(known, finding, settings);
    if (known === first) for (const other of others) incident = this.#merge(incident, other);
    const fit = known === first ? "joins" : late.includes(known) ? "late" : "reopens";
    if (fit === "reopens") {
      const action = { what: "reopened", at: finding.time, by: GLASSWATCH, note: finding.title } as const;
      incident = acted(incident, action) ?? incident;
    }
    return { incident: this.#set(incident), fit, facts: newFacts(known, incident) };
  }

  /** The finding that shows two incidents to be one may come last: then the younger one ends in the older. */
  #merge(incident: Incident, other: Incident): Incident {
    const note = `it is a part of incident ${incident.id}`;
    this.#set({ ...other, mergedInto: incident.id });
    this.act(other.id, { what: "resolved", at: this.#at.toISOString(), by: GLASSWATCH, note });
    return merged(incident, other, this.#rules.incidents);
  }

  /** In the order in which they were made. */
  #sharing(names: readonly string[]): readonly Incident[] {
    return [...this.#incidents.values()].filter(
      (incident) => incident.mergedInto === null && incident.names.some((name) => names.includes(name)),
    );
  }

  #set(incident: Incident): Incident {
    this.#incidents.set(incident.id, incident);
    this.#changed.add(incident.id);
    return incident;
  }

  #draft(incident: Incident): IncidentDraft {
    const stored = this.#found.incidents.find(({ id }) => id === incident.id);
    const quiet = this.#rules.incidents.quietAfterMs[incident.category];
    const isOpen = incident.state !== "resolved";
    return {
      id: incident.id,
      version: stored?.version ?? 0,
      key: stored?.key ?? incident.key,
      category: incident.category,
      aliases: incident.names,
      state: isOpen ? "open" : "resolved",
      dueAt: isOpen && quiet !== undefined ? Date.parse(incident.lastAt) + quiet : null,
      document: incident,
    };
  }

  /** Answers who is to hear of it; each destination once, by the way that waits least. */
  #tell(incidentId: string, message: Message, waitMs: (way: Way) => number): readonly string[] {
    const soonest = new Map<string, Way>();
    for (const way of message.ways) {
      for (const id of way.destinations) {
        const other = soonest.get(id);
        if (other === undefined || waitMs(way) < waitMs(other)) soonest.set(id, way);
      }
    }
    for (const [destinationId, way] of soonest) this.#tellOne(incidentId, destinationId, message, waitMs(way));
    return [...soonest.keys()];
  }

  #tellOne(incidentId: string, destinationId: string, message: Message, waitMs: number): void {
    const channel = this.#rules.channelOf(destinationId);
    if (channel === undefined) return;
    const open = this.#found.openIntents.filter((one) => isAbout(one, incidentId, destinationId));
    const receipts = this.#found.receipts.find((one) => isAbout(one, incidentId, destinationId));
    const waiting = this.#waiting(incidentId, destinationId, open);
    const hasHeard = receipts !== undefined || open.length > 0 || waiting !== undefined;
    const now = this.#at.getTime();
    // Whoever has heard nothing, because of a silence or another route then, hears first that it is open.
    const news = hasHeard ? message.news : "opened";
    const last = Math.max(receipts?.last.at ?? 0, ...open.map((intent) => intent.notBefore));
    const notBefore = !hasHeard ? now : news === "repeated" ? Math.max(now, last + waitMs) : now + waitMs;
    const both = waiting === undefined ? undefined : together(newsIn(waiting), news);
    if (waiting === undefined || both === undefined) {
      const incident = this.#next(incidentId, destinationId);
      const notification = this.#notification(incident, { ...message, news }, incident.sequence);
      const about = `${incidentId}:${incident.sequence}`;
      const planned = { about, incidentId, destinationId, channel, notification, notBefore };
      this.#planned.set(`${about}:${destinationId}`, planned);
      return;
    }
    const incident = this.#incidents.get(incidentId) as Incident;
    const told = waiting.notification.incident as IncidentNews;
    const facts = [...new Set([...told.newFacts, ...message.newFacts])];
    const newer = { ...message, news: both, newFacts: both === "opened" ? [] : facts };
    const notification = this.#notification(incident, newer, told.sequence);
    if (waiting.stored === undefined) {
      const key = `${incidentId}:${told.sequence}:${destinationId}`;
      const planned = this.#planned.get(key) as PlannedIntent;
      this.#planned.set(key, { ...planned, notification, notBefore: Math.min(waiting.notBefore, notBefore) });
      return;
    }
    // What has failed waits for as long as its failure asked for.
    const { id, attempts } = waiting.stored;
    const sooner = attempts > 0 ? waiting.notBefore : Math.min(waiting.notBefore, notBefore);
    this.#amended.set(id, { intentId: id, notification, notBefore: sooner });
  }

  /** The last that is to be told there, as long as it is certain that nobody has seen it. */
  #waiting(incidentId: string, destinationId: string, open: readonly Intent[]): Waiting | undefined {
    const planned = [...this.#planned.values()].findLast((one) => isAbout(one, incidentId, destinationId));
    if (planned !== undefined) return waitingIn(planned, planned.notBefore);
    const stored = open.at(-1);
    if (stored === undefined || !isUnsent(stored)) return undefined;
    const amendment = this.#amended.get(stored.id);
    const waiting = waitingIn(stored, amendment?.notBefore ?? stored.notBefore);
    return {
      ...waiting,
      stored,
      ...(amendment === undefined ? {} : { notification: amendment.notification as Notification }),
    };
  }

  /** The incident under the number of the news of this plan: all destinations hear of it by one number. */
  #next(incidentId: string, destinationId: string): Incident {
    const incident = this.#incidents.get(incidentId) as Incident;
    const isTaken = this.#planned.has(`${incidentId}:${incident.sequence}:${destinationId}`);
    if (this.#numbered.has(incidentId) && !isTaken) return incident;
    this.#numbered.add(incidentId);
    return this.#set({ ...incident, sequence: incident.sequence + 1 });
  }

  #notification(incident: Incident, { news, newFacts: facts, at }: Message, sequence: number): Notification {
    const { face, grade, actions } = incident;
    const resolvedBy = actions.findLast(({ what }) => what === "resolved")?.by ?? null;
    const told = {
      finding: face,
      counsel: this.#rules.counselOf(face.rule),
      severity: grade.severity,
      news: {
        id: incident.id,
        state: incident.state,
        news,
        sequence,
        openedAt: incident.openedAt,
        updatedAt: at,
        findings: incident.count,
        grading: grade.steps.map(({ text }) => text),
        newFacts: facts,
        resolvedBy: incident.state === "resolved" ? resolvedBy : null,
      },
    };
    return toIncidentNotification(told, this.#rules);
  }

  #toldOf(incidentId: string): readonly string[] {
    const all = [...this.#found.receipts, ...this.#found.openIntents, ...this.#planned.values()];
    return [...new Set(all.filter((one) => one.incidentId === incidentId).map((one) => one.destinationId))];
  }
}

/** What people hear for each reason to tell them. */
const NEWS_OF: Readonly<Partial<Record<DecisionReason, News>>> = {
  first: "opened",
  news: "updated",
  repeat: "repeated",
  reopened: "reopened",
};

const ONGOING: ReadonlySet<News> = new Set(["updated", "repeated"]);

/** The one piece of news that two are told as; undefined where each is told by itself. */
function together(waiting: News, news: News): News | undefined {
  if (!ONGOING.has(news)) return ONGOING.has(waiting) ? news : undefined;
  if (waiting === "opened") return "opened";
  if (!ONGOING.has(waiting)) return undefined;
  return waiting === "updated" || news === "updated" ? "updated" : "repeated";
}

function waitingIn({ notification }: { readonly notification: unknown }, notBefore: number | undefined): Waiting {
  return { notification: notification as Notification, notBefore: notBefore ?? 0 };
}

function newsIn({ notification }: Waiting): News {
  return (notification.incident as IncidentNews).news;
}

function isAbout(
  one: { readonly incidentId?: string | undefined; readonly destinationId: string },
  incidentId: string,
  destinationId: string,
): boolean {
  return one.incidentId === incidentId && one.destinationId === destinationId;
}
