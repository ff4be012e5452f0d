/** What was before: states go into the store with the findings, and decide what the entries after them mean. */
import { fc } from "@fast-check/vitest";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LogEntry } from "../shared/audit-log/entry.ts";
import { compileCatalogue } from "../shared/classifier/catalogue.ts";
import type { Classification } from "../shared/classifier/classify.ts";
import type { Rule } from "../shared/classifier/rule.ts";
import type { Finding } from "../shared/finding.ts";
import type { LogEvent } from "../shared/log.ts";
import { type Pipeline, processEntry } from "../shared/pipeline.ts";
import { openOutbox } from "../shared/response/outbox.ts";
import { BUILT_IN_RULES } from "../shared/rules/index.ts";
import { StateHistory } from "../shared/state/state-history.ts";
import type { Store } from "../shared/state/store.ts";
import { ALLOW, deployed, policySet, REQUIRE } from "./support/policy-story.ts";
import { rulesFor } from "./support/response-rules.ts";
import { sampleEntry } from "./support/samples.ts";
import { type SharedStore, STORE_KINDS } from "./support/store-kinds.ts";

const AT = new Date("2026-11-24T12:00:00Z");
const CATALOGUE = compileCatalogue(BUILT_IN_RULES);
const MODE = "defaultAdmissionRule.evaluationMode";

const STORY = [policySet(1, ALLOW), policySet(2, REQUIRE), policySet(3, ALLOW)] as const;
const told = ({ findings }: Classification) =>
  findings.map(({ rule, comparedWith, changes }) => ({
    rule,
    comparedWith,
    mode: changes.filter(({ field }) => field.endsWith(MODE)).map(({ before, after }) => `${before} → ${after}`),
  }));
const CHANGED = {
  rule: "binauthz.policy_changed",
  comparedWith: "previous",
  mode: ["ALWAYS_ALLOW → REQUIRE_ATTESTATION"],
};
const WEAKENED = {
  rule: "binauthz.policy_weakened",
  comparedWith: "previous",
  mode: ["REQUIRE_ATTESTATION → ALWAYS_ALLOW"],
};

describe.each(STORE_KINDS)("previous states in the $name store", ({ open }) => {
  let shared: SharedStore;
  let store: Store;
  let logged: LogEvent[];
  let transactions: number;

  beforeEach(async () => {
    shared = await open();
    store = await shared.connect();
    logged = [];
    transactions = 0;
  });
  afterEach(() => shared.dispose());

  function pipeline(rules: readonly Rule[] = BUILT_IN_RULES, through: Store = store): Pipeline {
    const counted: Store = {
      ...through,
      transact: (lookup, plan) => {
        transactions += 1;
        return through.transact(lookup, plan);
      },
    };
    return {
      catalogue: compileCatalogue(rules),
      log: (event) => void logged.push(event),
      outbox: openOutbox({ ...rulesFor(["console"]), store: async () => counted }),
    };
  }

  async function process(entries: readonly LogEntry[], path = pipeline()) {
    const classifications: Classification[] = [];
    for (const entry of entries) classifications.push(await processEntry(entry, AT, path));
    return classifications;
  }

  test("a policy is compared with the one before it, exactly", async () => {
    const [first, second, third] = (await process(STORY)).map(told);
    expect(first).toMatchObject([{ rule: "binauthz.policy_weakened", comparedWith: "none" }]);
    expect(second).toEqual([CHANGED]);
    expect(third).toEqual([WEAKENED]);
  });

  test("what is stored, told and logged is what was judged by the store's own knowledge", async () => {
    const findings = (await process(STORY)).flatMap((one) => one.findings);
    expect((await store.findings()).map(({ finding }) => finding)).toEqual(
      expect.arrayContaining(findings as Finding[]),
    );
    expect(await store.intents()).toMatchObject([{ about: expect.stringMatching(/^[0-9a-f]{24}:1$/) }]);
    expect(logged.filter(({ event }) => event === "finding.recorded").map(({ rule }) => rule)).toEqual(
      findings.map(({ rule }) => rule),
    );
  });

  test("a redelivered message keeps its finding's id and adds nothing, whatever has come since", async () => {
    const [first] = await process(STORY);
    const before = await store.counts();
    const [again] = await process(STORY.slice(0, 1));
    expect(again).toEqual(first);
    expect(logged.at(-1)?.event).toBe("finding.known");
    expect(await store.counts()).toEqual(before);
  });

  test("shuffled entries are compared with what is known by then, never with what came after them", async () => {
    const [allow, require, last] = STORY;
    const [third, second, first] = (await process([last, require, allow])).map(told);
    expect(third).toMatchObject([{ rule: "binauthz.policy_weakened", comparedWith: "none" }]);
    expect(second).toMatchObject([{ rule: "binauthz.policy_changed", comparedWith: "none" }]);
    expect(first).toMatchObject([{ rule: "binauthz.policy_weakened", comparedWith: "none" }]);
    // The states lie in the order of the events all the same.
    const [next] = (await process([policySet(4, REQUIRE)])).map(told);
    expect(next).toEqual([CHANGED]);
    const [between] = (await process([{ ...policySet(2, ALLOW), insertId: "minute-2b" }])).map(told);
    expect(between).toEqual([WEAKENED]);
  });

  test("in every order each finding has the same id, and the same states are left", async () => {
    const idsOf = (all: readonly Classification[]) => all.flatMap(({ findings }) => findings.map(({ id }) => id));
    const expected = idsOf(await process(STORY)).sort();
    const orders = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        const other = await open();
        try {
          const path = pipeline(BUILT_IN_RULES, await other.connect());
          const all = await process(
            order.map((index) => STORY[index] as LogEntry),
            path,
          );
          expect(idsOf(all).sort()).toEqual(expected);
          expect((await process([policySet(4, REQUIRE)], path)).map(told)).toEqual([[CHANGED]]);
        } finally {
          await other.dispose();
        }
      }),
      { numRuns: 6 },
    );
  });

  test("a crash before the transaction leaves nothing; the next delivery is as the first", async () => {
    const broken: Store = { ...store, transact: () => Promise.reject(new Error("killed")) };
    await process(STORY.slice(0, 2));
    const before = await store.counts();
    await expect(process(STORY.slice(2), pipeline(BUILT_IN_RULES, broken))).rejects.toThrow("killed");
    expect(await store.counts()).toEqual(before);
    expect((await process(STORY.slice(2))).map(told)).toEqual([[WEAKENED]]);
  });

  test("a crash after the transaction leaves all of it; the next delivery is known", async () => {
    const mortal: Store = {
      ...store,
      async transact(lookup, plan) {
        await store.transact(lookup, plan);
        throw new Error("killed");
      },
    };
    await process(STORY.slice(0, 2));
    await expect(process(STORY.slice(2), pipeline(BUILT_IN_RULES, mortal))).rejects.toThrow("killed");
    const after = await store.counts();
    expect(after.findings).toBe(3);
    expect((await process(STORY.slice(2))).map(told)).toEqual([[WEAKENED]]);
    expect(logged.at(-1)?.event).toBe("finding.known");
    expect(await store.counts()).toEqual(after);
  });

  test("a deployment without Binary Authorization is told where it had been on, and only then", async () => {
    const ON = { useDefault: true };
    const story = [deployed(1, {}), deployed(2, {}), deployed(3, ON), deployed(4, {}), deployed(5, {})];
    const kinds = (await process(story)).map(({ findings }) =>
      findings.map(({ rule, comparedWith }) => [rule, comparedWith]),
    );
    expect(kinds).toEqual([
      [["cloudrun.binauthz_disabled", "none"]],
      [],
      [],
      [["cloudrun.binauthz_disabled", "previous"]],
      [],
    ]);
    const findings = (await store.findings()).map(({ finding }) => finding);
    expect(findings.find(({ comparedWith }) => comparedWith === "previous")).toMatchObject({
      confidence: "high",
      changes: [{ field: "binaryAuthorization", before: "default", after: "off", effect: "weaker" }],
    });
  });

  test("an entry in which nothing is found leaves its state, and nothing is told", async () => {
    await process([deployed(1, { useDefault: true })]);
    expect(await store.counts()).toMatchObject({ findings: 0, pending: 0 });
    expect(transactions).toBe(1);
    expect(logged).toEqual([]);
  });

  test.each([
    ["no filter lets through", "cloudrun-negative-service-ready.json"],
    ["its rules refuse whatever was before", "gke-negative-failopen-other-webhook.json"],
  ])("an entry that %s is judged at once, and asks no store", (_name, file) => {
    const answer = processEntry(sampleEntry(file), AT, pipeline());
    expect(answer).toEqual({ findings: [], faults: [] });
    expect(transactions).toBe(0);
  });

  test("a rule that fails at saying what it saw is a fault; its finding and the others' states stay", async () => {
    const failing = BUILT_IN_RULES.map((rule) =>
      rule.id === "binauthz.policy_weakened"
        ? {
            ...rule,
            observe: () => {
              throw new Error("a mistake");
            },
          }
        : rule,
    );
    const [one] = await process([policySet(1, ALLOW)], pipeline(failing));
    expect(one?.findings.map(({ rule }) => rule)).toEqual(["binauthz.policy_weakened"]);
    expect(one?.faults).toMatchObject([{ rule: "binauthz.policy_weakened", error: { code: "RULE_FAULT" } }]);
    expect(logged.map(({ event }) => event)).toEqual(["rule.fault", "finding.recorded", "decision.tell"]);
    expect((await process([policySet(2, REQUIRE)])).map(told)).toEqual([[CHANGED]]);
  });

  test("what one state makes a rule ask for is looked up as well", async () => {
    const [template] = BUILT_IN_RULES.filter(({ id }) => id === "binauthz.policy_weakened") as [Rule];
    const chained: Rule = {
      ...template,
      observe: () => null,
      extract: () => ({ incidentKey: "chained" }),
      refine: (_view, { previousState }) =>
        previousState?.("a") === "ask for b" && previousState("b") === "there"
          ? { accept: true }
          : { accept: false, reason: "b is not there" },
    };
    const version = { timestamp: "2026-11-20T08:00:00Z", insertId: "" };
    await store.transact({ at: 0 }, () => ({
      states: [
        { ...version, key: "a", state: "ask for b" },
        { ...version, key: "b", state: "there" },
      ],
      result: undefined,
    }));
    const [one] = await process([policySet(1, ALLOW)], pipeline([chained]));
    expect(one?.findings).toHaveLength(1);
    // The second finds the rule's finding, for whose incident the third looks.
    expect(transactions).toBe(3);
  });

  test("two workers with the same message at once record it once", async () => {
    const other = await shared.connect();
    await process(STORY.slice(0, 2));
    const both = await Promise.all([process(STORY.slice(2)), process(STORY.slice(2), pipeline(BUILT_IN_RULES, other))]);
    expect(both.flat().map(told)).toEqual([[WEAKENED], [WEAKENED]]);
    const events = logged.map(({ event }) => event).filter((event) => event.startsWith("finding."));
    expect(events.slice(2).sort()).toEqual(["finding.known", "finding.recorded"]);
    expect(await store.counts()).toMatchObject({ findings: 3, openIncidents: 1, pending: 1 });
  });
});

describe("a replay remembers what the entries before have shown", () => {
  const replayed = (entries: readonly LogEntry[]) => {
    const path: Pipeline = { catalogue: CATALOGUE, log: () => {}, history: new StateHistory() };
    return entries.map((entry) => told(processEntry(entry, new Date(entry.timestamp), path) as Classification));
  };

  test("as the live path does", () => {
    expect(replayed(STORY)).toMatchObject([[{ comparedWith: "none" }], [CHANGED], [WEAKENED]]);
  });

  test("and compares with strictly earlier versions only, in whatever order they come", () => {
    const [allow, require, last] = STORY;
    expect(replayed([last, require, allow])).toMatchObject([
      [{ comparedWith: "none" }],
      [{ comparedWith: "none" }],
      [{ comparedWith: "none" }],
    ]);
    expect(replayed([allow, last, require, last])).toMatchObject([
      [{ comparedWith: "none" }],
      [{ comparedWith: "previous", mode: [] }],
      [CHANGED],
      [WEAKENED],
    ]);
  });

  test("versions of one nanosecond are told apart by insertId", () => {
    const history = new StateHistory();
    const version = (insertId: string, state: unknown) => ({
      key: "k",
      timestamp: "2026-03-01T02:00:00Z",
      insertId,
      state,
    });
    for (const name of ["b", "a", "c"]) history.add(version(name, name));
    history.add(version("b", "another"));
    expect(["a", "b", "c", "d"].map((insertId) => history.previous(version(insertId, null)))).toEqual([
      undefined,
      "a",
      "b",
      "c",
    ]);
    expect(history.previous({ ...version("d", null), key: "other" })).toBeUndefined();
  });
});
