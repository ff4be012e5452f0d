/** Findings become incidents, and people hear of them: the path from findings to what a destination gets, on every store. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { classify } from "../shared/classifier/classify.ts";
import type { Receipt } from "../shared/destinations/destination.ts";
import type { Notification } from "../shared/destinations/notification.ts";
import { ProcessingError } from "../shared/errors.ts";
import type { Finding } from "../shared/finding.ts";
import { type Incident, type IncidentAction, namesOf } from "../shared/incidents/incident.ts";
import type { Decided, ResponseRules } from "../shared/response/incident-plan.ts";
import { actOnIncident, openOutbox } from "../shared/response/outbox.ts";
import { silenceDraft } from "../shared/response/silences.ts";
import { tick } from "../shared/response/tick.ts";
import { builtInCatalogue } from "../shared/rules/index.ts";
import type { Store } from "../shared/state/store.ts";
import { VirtualClock } from "./support/delivery-clock.ts";
import { type StandIn, standIn, WORKER_TIMES } from "./support/delivery-world.ts";
import { rulesFor } from "./support/response-rules.ts";
import { sampleEntry } from "./support/samples.ts";
import { type SharedStore, STORE_KINDS } from "./support/store-kinds.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const catalogue = builtInCatalogue();
const found = (file: string) => classify(sampleEntry(file), catalogue).findings[0] as Finding;
const REQUEST = found("cloudrun-activity-v1-replaceservice-breakglass.json");
const REVISION = found("cloudrun-service-breakglass-system-event.json");
const SERVICE = found("cloudrun-service-breakglass-system-event-service-level.json");
const POD = found("gke-pod-breakglass-by-controller.json");
const TEMPLATE = found("gke-deployment-breakglass-template.json");
const DENIED = found("gke-pod-denied-violates-policy.json");
const DRY_RUN = found("gke-pod-dryrun.json");

const again = (finding: Finding, n: number, more: Partial<Finding> = {}): Finding => ({
  ...finding,
  id: `${finding.id.slice(0, 20)}-${n}`,
  time: new Date(Date.parse(finding.time) + n * MINUTE).toISOString(),
  ...more,
});

/** What a destination got, as people would name it. */
const newsOf = ({ incident }: Notification) => `${incident?.news} ${incident?.findings}`;

describe.each(STORE_KINDS)("stories in the $name store", (kind) => {
  let shared: SharedStore;
  let store: Store;
  let clock: VirtualClock;
  let chat: StandIn;
  let got: Notification[];
  let earliers: (Receipt | null | undefined)[];
  let rules: ResponseRules;
  let others: StandIn[];

  beforeEach(async () => {
    shared = await kind.open();
    store = await shared.connect();
    clock = new VirtualClock();
    chat = listening("chat");
    others = [];
    rules = rulesFor(["chat"]);
  });
  afterEach(() => shared.dispose());

  function listening(id: string): StandIn {
    got = [];
    earliers = [];
    const listener = standIn(id, clock);
    const { deliver } = listener;
    listener.deliver = async (notification, signal, earlier) => {
      earliers.push(earlier);
      const receipt = await deliver(notification, signal, earlier);
      got.push(notification);
      return receipt;
    };
    return listener;
  }

  const at = () => new Date(clock.now());

  async function record(finding: Finding, into = store): Promise<Decided | undefined> {
    const { decided } = await openOutbox({ ...rules, store: async () => into }).record(
      {
        findingIds: [finding.id],
        expected: [finding],
        moment: { timestamp: finding.time, insertId: finding.id },
        asksFor: [],
        states: [],
        judge: () => ({ findings: [finding] }),
      },
      at(),
    );
    return decided[0];
  }

  const act = (id: string, what: IncidentAction["what"]) =>
    actOnIncident(store, rules, id, { what, at: at().toISOString(), by: "bob@example.com", note: "done" }, at());

  const ticking = (log: (event: { event: string }) => void = () => {}) =>
    clock.run(
      tick({
        store,
        destinations: [chat, ...others],
        clock: clock.now,
        sleep: clock.sleep,
        random: () => 0.5,
        owner: "tick",
        ...WORKER_TIMES,
        log,
        rules,
        isForgettingDue: () => false,
      }),
    );

  async function pass(ms: number): Promise<void> {
    for (const end = clock.now() + ms; clock.now() < end; clock.advance(MINUTE)) await ticking();
  }

  const incidents = async () => (await store.incidents()).map(({ document }) => document as Incident);

  test("the first is told at once; what follows is grouped, and told as what is new", async () => {
    expect(await record(POD)).toMatchObject({ reason: "first", destinations: ["chat"] });
    await ticking();
    expect(got.map(newsOf)).toEqual(["opened 1"]);
    expect(await record(TEMPLATE)).toMatchObject({ reason: "news" });
    await record(again(POD, 1, { images: [{ reference: "example.com/other@sha256:1", digest: null }] }));
    await ticking();
    expect(got).toHaveLength(1);
    clock.advance(31 * SECOND);
    await ticking();
    expect(got.map(newsOf)).toEqual(["opened 1", "updated 3"]);
    expect(got[1]?.incident?.newFacts).toMatchObject([
      expect.stringContaining("the person is known now"),
      expect.stringContaining("another image"),
    ]);
    expect(earliers).toEqual([null, { externalId: "receipt 1" }]);
  });

  test("fifty Pods are one incident, one message, and one more with the exact count after the repeat interval", async () => {
    for (let n = 0; n < 50; n++) await record(again(POD, n));
    await pass(5 * HOUR);
    expect(got.map(newsOf)).toEqual(["opened 50"]);
    for (let n = 50; n < 60; n++) await record(again(POD, n));
    await pass(2 * MINUTE);
    expect(got.map(newsOf)).toEqual(["opened 50", "repeated 60"]);
    await record(again(POD, 61));
    await pass(3 * HOUR);
    expect(got).toHaveLength(2);
    await pass(HOUR + 2 * MINUTE);
    expect(got.map(newsOf)).toEqual(["opened 50", "repeated 60", "repeated 61"]);
    expect((await incidents()).map(({ count }) => count)).toEqual([61]);
  });

  test("those who heard of it hear that it is acknowledged, resolved, and that it goes on", async () => {
    const id = (await record(POD))?.incidentId as string;
    await ticking();
    expect(await act(id, "acknowledged")).toMatchObject({ reason: "action", destinations: ["chat"] });
    expect(await act(id, "acknowledged")).toBeUndefined();
    await ticking();
    const resolution = Date.parse(POD.time) + 3 * MINUTE;
    await actOnIncident(
      store,
      rules,
      id,
      { what: "resolved", at: new Date(resolution).toISOString(), by: "bob@example.com", note: "rolled back" },
      at(),
    );
    await ticking();
    expect(await record(again(POD, 1))).toMatchObject({ incidentId: id, reason: "late", destinations: [] });
    expect(await record(again(POD, 4))).toMatchObject({ incidentId: id, reason: "reopened" });
    await ticking();
    expect(got.map(newsOf)).toEqual(["opened 1", "acknowledged 1", "resolved 1", "reopened 3"]);
    expect(got[2]?.incident).toMatchObject({
      state: "resolved",
      resolvedBy: "bob@example.com",
      newFacts: ["rolled back"],
    });
    expect((await store.audit({ subject: id })).map(({ action, actor }) => [action, actor])).toEqual([
      ["incident.resolved", "bob@example.com"],
      ["incident.acknowledged", "bob@example.com"],
    ]);
    expect(await record(again(POD, 60 * 25 + 60))).toMatchObject({ incidentId: id, reason: "repeat" });
  });

  test("what is over stays over: a story that begins a day after its resolution is another", async () => {
    const id = (await record(POD))?.incidentId as string;
    await actOnIncident(store, rules, id, { what: "resolved", at: POD.time, by: "bob", note: "" }, at());
    const next = await record(again(POD, 25 * 60));
    expect(next).toMatchObject({ reason: "first" });
    expect(next?.incidentId).not.toBe(id);
  });

  test("a silence keeps it from being told, is counted, and what it kept is told once it is over", async () => {
    const end = clock.now() + HOUR;
    const silence = silenceDraft({
      schema: 1,
      id: "s1",
      when: 'project="example-prod"',
      author: "bob@example.com",
      reason: "planned work",
      createdAt: at().toISOString(),
      expiresAt: new Date(end).toISOString(),
      uses: 0,
    });
    await store.transact({ at: clock.now() }, () => ({ silences: [silence], result: null }));
    expect(await record(POD)).toMatchObject({ reason: "silenced", destinations: [] });
    expect(await record(again(POD, 1))).toMatchObject({ reason: "silenced" });
    expect(await store.silences()).toMatchObject([{ id: "s1", uses: 2 }]);
    await pass(HOUR + MINUTE);
    expect(got).toEqual([]);
    expect(await record(again(POD, 2))).toMatchObject({ reason: "repeat" });
    await ticking();
    expect(got.map(newsOf)).toEqual(["opened 3"]);
  });

  test("a dry run beside an incident that says more tells nobody", async () => {
    const same = { ...DRY_RUN, incidentKey: POD.incidentKey, aliases: [] };
    await record(POD);
    expect(await record(same)).toMatchObject({ reason: "inhibited" });
    expect(await incidents()).toHaveLength(2);
  });

  test("an incident of which nothing more is heard ends by itself, where its category says so", async () => {
    const id = (await record({ ...DENIED, time: at().toISOString() }))?.incidentId as string;
    await record(POD);
    await pass(MINUTE);
    clock.advance(48 * HOUR);
    const logged: string[] = [];
    expect(await ticking(({ event }) => void logged.push(event))).toMatchObject({ quieted: 1, told: 1 });
    expect(logged).toContain("decision.tell");
    expect(got.map(newsOf)).toEqual(["opened 1", "opened 1", "resolved 1"]);
    expect((await store.incident(id))?.state).toBe("resolved");
    expect(await ticking()).toMatchObject({ quieted: 0, told: 0 });
  });

  test("routes decide who is told, by what the incident is", async () => {
    rules = rulesFor(["chat", "pager"], {
      destinations: ["chat"],
      routes: [{ when: "category=break-glass", destinations: ["pager"], name: "on call", continue: true }],
    });
    expect(await record(POD)).toMatchObject({ routes: ["default / on call"], destinations: ["pager"] });
    expect(await record(DENIED)).toMatchObject({ routes: ["default"], destinations: ["chat"] });
  });

  test("two workers with the same message at once tell once", async () => {
    const other = await shared.connect();
    const both = await Promise.all([record(POD), record(POD, other)]);
    expect(both.filter((decided) => decided !== undefined)).toHaveLength(1);
    await ticking();
    expect(got.map(newsOf)).toEqual(["opened 1"]);
  });

  test("two findings of one story at once make one incident, told once", async () => {
    const other = await shared.connect();
    await Promise.all([record(POD), record(TEMPLATE, other)]);
    expect((await incidents()).map(({ count }) => count)).toEqual([2]);
    await ticking();
    expect(got).toHaveLength(1);
  });

  test("two incidents that turn out to be one story are one, and those who heard of the other hear that", async () => {
    const scc = { ...again(POD, 1), incidentKey: "scc/finding-1", aliases: ["entry/x"] };
    const pod = { ...again(POD, 2), aliases: ["entry/y"] };
    const bridge = { ...again(POD, 3), aliases: ["entry/x"] };
    const first = await record(scc);
    const second = await record(pod);
    await ticking();
    expect(second?.incidentId).not.toBe(first?.incidentId);
    expect(await record(bridge)).toMatchObject({ incidentId: first?.incidentId });
    await pass(MINUTE);
    expect((await incidents()).map(({ state, count, mergedInto }) => [state, count, mergedInto])).toEqual(
      expect.arrayContaining([
        ["open", 3, null],
        ["resolved", 1, first?.incidentId],
      ]),
    );
    expect(got.slice(2)).toMatchObject([
      {
        incident: {
          id: second?.incidentId,
          news: "resolved",
          newFacts: [`it is a part of incident ${first?.incidentId}`],
        },
      },
    ]);
    expect(await record({ ...again(POD, 4), aliases: [] })).toMatchObject({ incidentId: first?.incidentId });
  });

  test("news never overtakes what was recorded before it about the same incident", async () => {
    chat.answer = () => "is down";
    const id = (await record(POD))?.incidentId as string;
    await pass(20 * MINUTE);
    expect((await store.intents()).map(({ aside }) => aside)).toEqual([true]);
    await act(id, "acknowledged");
    await act(id, "resolved");
    chat.answer = () => "takes it";
    await pass(12 * MINUTE);
    expect(got.map(newsOf)).toEqual(["opened 1", "acknowledged 1", "resolved 1"]);
  });

  test("what was on its way when news came is not amended, and the news follows", async () => {
    chat.answer = () => "takes it, the answer is lost";
    await record(POD);
    await ticking();
    chat.answer = () => "takes it";
    await record(TEMPLATE);
    await pass(10 * MINUTE);
    expect(got.map(newsOf)).toEqual(["opened 1", "updated 2"]);
  });

  test("what one destination refuses for good is told to another, once, and counted", async () => {
    const mail = standIn("mail", clock);
    const said: Notification[] = [];
    const { deliver } = mail;
    mail.deliver = async (notification, ...rest) => {
      said.push(notification);
      return deliver(notification, ...rest);
    };
    rules = rulesFor(["chat", "mail"], { destinations: ["chat"] });
    chat.answer = () => "refuses";
    others = [mail];
    await record(POD);
    const events: string[] = [];
    await ticking(({ event }) => void events.push(event));
    await ticking();
    expect(events).toContain("delivery.refused");
    expect(said).toMatchObject([
      {
        headline: expect.stringMatching(/^Not told to chat: /),
        lines: [
          { label: "Not told", value: "chat refused this message: answered 400" },
          ...(said[0]?.lines.slice(1) ?? []),
        ],
        incident: null,
      },
    ]);
    mail.answer = () => "refuses";
    await record(again(POD, 1, { incidentKey: "another", aliases: [] }));
    await ticking();
    await ticking();
    expect(said).toHaveLength(2);
    expect(await store.counts()).toMatchObject({ refused: 3, told: 1, pending: 0 });
  });

  test("a warning of a destination is logged, and the message counts as told", async () => {
    const warned: string[] = [];
    const { deliver } = chat;
    chat.deliver = async (...args) => ({ ...(await deliver(...args)), warning: "one of two was refused" });
    await record(POD);
    await ticking(({ event }) => void warned.push(event));
    expect(warned).toEqual(["delivery.told", "delivery.warning"]);
  });

  test("a destination that can be asked is asked with the time of the last attempt, and not told again", async () => {
    const asked: (number | undefined)[] = [];
    chat.answer = () => "takes it, the answer is lost";
    chat.find = async (_notification, _signal, sentAt) => {
      asked.push(sentAt);
      if (asked.length === 1) throw new ProcessingError("DESTINATION_UNAVAILABLE", "it may not show yet");
      return { externalId: "found" };
    };
    await record(POD);
    const sent = clock.now();
    await pass(10 * MINUTE);
    expect(asked).toEqual([sent, undefined]);
    expect(chat.seen).toHaveLength(1);
    expect(await store.intents()).toMatchObject([{ state: "told", receipt: { externalId: "found" } }]);
  });

  describe("whatever the order, and however often each comes", () => {
    const STORIES = {
      "a break-glass on Cloud Run": [REQUEST, REVISION, SERVICE, again(REVISION, 30)],
      "a break-glass on GKE": [POD, TEMPLATE, again(POD, 1), again(POD, 2)],
      "witnesses that share a name two by two": [
        { ...POD, incidentKey: "a", aliases: ["1"] },
        { ...again(POD, 1), incidentKey: "b", aliases: ["1", "2"] },
        { ...again(POD, 2), incidentKey: "c", aliases: ["2", "3"] },
        { ...again(POD, 3), incidentKey: "d", aliases: ["3"] },
      ],
      "a refusal each day": [DENIED, again(DENIED, 24 * 60), again(DENIED, 48 * 60), again(DENIED, 72 * 60)],
    };
    const outcome = ({ id: _id, sequence: _sequence, actions: _actions, ...rest }: Incident) => rest;

    test.each(Object.entries(STORIES))("%s ends the same", async (_name, story) => {
      const names = new Set(story.flatMap(namesOf));
      const end = async (order: readonly Finding[]) => {
        const fresh = await kind.open();
        try {
          const into = await fresh.connect();
          for (const finding of order) await record(finding, into);
          const all = (await into.incidents()).map(({ document }) => document as Incident);
          expect(all.filter(({ mergedInto }) => mergedInto === null)).toHaveLength(1);
          return outcome(all.find(({ mergedInto }) => mergedInto === null) as Incident);
        } finally {
          await fresh.dispose();
        }
      };
      const expected = await end(story);
      expect(new Set(expected.names)).toEqual(names);
      expect(expected.count).toBe(story.length);
      const orders = fc
        .tuple(
          fc.shuffledSubarray([...story], { minLength: story.length }),
          fc.array(fc.constantFrom(...story), { maxLength: 4 }),
        )
        .chain(([all, copies]) => fc.shuffledSubarray([...all, ...copies], { minLength: all.length + copies.length }));
      await fc.assert(
        fc.asyncProperty(orders, async (order) => {
          expect(await end(order)).toEqual(expected);
        }),
        { numRuns: kind.name === "memory" ? 60 : 8 },
      );
    });
  });
});
