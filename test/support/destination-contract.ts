import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Destination, DestinationKind } from "../../shared/destinations/destination.ts";
import { type Notification, toNotification } from "../../shared/destinations/notification.ts";
import { type ErrorCode, ProcessingError } from "../../shared/errors.ts";
import type { Treatment } from "./destination-server.ts";
import { EXAMPLES, example } from "./example-findings.ts";
import { DIGEST, STORIES, storedBeforeIncidents, story } from "./example-incidents.ts";

/** The far end of a destination, opened for one test. */
export interface Counterpart {
  readonly destination: Destination;
  /** What must never be seen: an address, a token, and pieces of them. */
  readonly secrets: readonly string[];
  /** What arrived, as text; a message that was refused is not among it. */
  readonly arrived: () => readonly string[];
  /** Absent where there is nothing that could answer, as with a terminal. */
  readonly treat?: ((treatment: Treatment) => void) | undefined;
  /** The next treatment of the request that brings later news, where others go before it. */
  readonly treatNews?: ((treatment: Treatment) => void) | undefined;
  /** The treatment of questions, where there are any. */
  readonly treatQuestions?: ((treatment: Treatment) => void) | undefined;
  /** Takes the credentials away. */
  readonly lockOut?: (() => void) | undefined;
  /** Closes the far end, so that nobody listens any more. */
  readonly close: () => Promise<void>;
}

export interface ContractRow {
  readonly kind: DestinationKind;
  readonly open: (timeoutMs?: number) => Promise<Counterpart>;
  /** What the destination calls the message; null where it gives no name. */
  readonly externalId: RegExp | null;
  /** How many characters the largest message may have. */
  readonly largest?: number;
  /** What each HTTP status means for a message; absent where there is none. */
  readonly meaning?: (status: number) => ErrorCode | null;
}

/** Where nothing can be asked: an error of the server counts as "not taken". */
export function meaningForPosts(status: number): ErrorCode | null {
  if (status < 300) {
    return null;
  }
  return status === 408 || status === 429 || status >= 500 ? "DESTINATION_UNAVAILABLE" : "DESTINATION_REJECTED";
}

/** Where everything can be asked: an error of the server may come after the message was taken. */
export function meaningForCalls(status: number): ErrorCode | null {
  // An answer without a body does not name what was made.
  if (status >= 500 || status === 204 || status === 205) {
    return "DESTINATION_UNKNOWN_OUTCOME";
  }
  return meaningForPosts(status);
}

/** Everything that a person could write into a log entry to be somewhere else than in a text. */
export const HOSTILE_TEXTS = [
  "<!channel> <@U012AB3CD> <#C012AB3CD> <https://evil.example|click> @channel @here @everyone",
  "*bold* _italic_ ~gone~ `code` ```block``` > quote & &lt;!here&gt;",
  "https://evil.example/phish evil.example mailto:mallory@evil.example",
  "\u001b[2J\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007 \u0000 \r\n\r\n\u0085",
  "\u202Eevil\u202C \u2066isolated\u2069 zero\u200Bwidth \u{E0041}\uFEFF \uD800 \uDFFF",
  "{{constructor}} $HOME {project} %s %n $(id) `id` ; rm -rf / # && || | > /dev/null",
  "long ".repeat(50_000),
  "x".repeat(1_000_000),
  `${"👩‍👩‍👧‍👦".repeat(2_000)}e${"\u0301".repeat(5_000)}`,
  "\n".repeat(5_000),
] as const;

/** A notification whose every text is hostile, made from a finding as it would be. */
export function hostileNotification(text: string): Notification {
  const { finding, counsel } = example("policy-weakened-with-changes");
  return toNotification(
    {
      ...finding,
      rule: "cloudrun.breakglass",
      title: text,
      scope: text,
      project: text,
      location: text,
      resource: { type: text, name: text },
      workload: {
        kind: "gke-pod",
        name: text,
        revision: text,
        execution: text,
        pod: text,
        cluster: text,
        namespace: text,
      },
      actor: {
        principal: text,
        kind: "service-account",
        via: text,
        confidence: "low",
        person: { principal: `${text}!`, via: text, confidence: "low" },
        delegation: Array.from({ length: 30 }, () => text),
      },
      justification: text,
      images: Array.from({ length: 60 }, () => ({ reference: text, digest: text })),
      facts: { attestor: text, list: [text, text], pairs: [[text, text]] },
      changes: Array.from({ length: 60 }, () => ({
        field: text,
        before: text,
        after: text,
        effect: "weaker" as const,
      })),
      incidentKey: text,
      links: { logs: text, resource: `https://evil.example/${text}` },
    },
    { ...counsel, steps: [...counsel.steps, "Look at {workload.name}: `kubectl get pod {workload.pod}`"] },
  );
}

const ANY = example("cloud-run-break-glass-with-justification");
const notification = toNotification(ANY.finding, ANY.counsel);
const never = new AbortController().signal;

/** What every kind of destination promises, whatever it speaks. */
export function describeDestinationContract(row: ContractRow): void {
  describe(`a ${row.kind} destination`, () => {
    it("names itself without a secret", () =>
      using(row, async ({ destination, secrets }) => {
        expect(destination.kind).toBe(row.kind);
        expect(destination.minIntervalMs).toBeGreaterThanOrEqual(0);
        expectNoSecret(destination, secrets);
        expectNoSecret([destination.id, destination.channel], secrets);
      }));

    it.each(EXAMPLES)("delivers $name and gives a receipt", (one) =>
      using(row, async ({ destination, arrived }) => {
        const receipt = await destination.deliver(toNotification(one.finding, one.counsel), never);
        expectReceipt(receipt, row);
        expect(arrived()).toHaveLength(1);
        expect(arrived()[0]).toContain(one.finding.id.slice(0, 12));
      }),
    );

    it.each(STORIES)("tells the story of $name, each piece of news once", ({ news }) =>
      using(row, async ({ destination, arrived }) => {
        const opening = await destination.deliver(news[0] as Notification, never);
        for (const later of news.slice(1)) {
          expectReceipt(await destination.deliver(later, never, opening), row);
        }
        expect(arrived()).toHaveLength(news.length);
      }),
    );

    it("delivers a digest, and a notification that was stored before there were incidents", () =>
      using(row, async ({ destination, arrived }) => {
        expectReceipt(await destination.deliver(DIGEST, never), row);
        expectReceipt(await destination.deliver(storedBeforeIncidents(), never), row);
        expect(arrived()).toHaveLength(2);
      }));

    it("does not change the notification", () =>
      using(row, async ({ destination }) => {
        const before = structuredClone(notification);
        await destination.deliver(deepFreeze(structuredClone(notification)), never);
        expect(notification).toEqual(before);
      }));

    it.each(HOSTILE_TEXTS.map((text) => ({ text, shown: JSON.stringify(text).slice(0, 60) })))(
      "delivers a notification full of $shown",
      ({ text }) =>
        using(row, async ({ destination, arrived }) => {
          await destination.deliver(hostileNotification(text), never);
          expect(arrived()).toHaveLength(1);
          expect(arrived()[0]?.length).toBeLessThan(row.largest ?? 60_000);
        }),
    );

    it("sends nothing when it is stopped before it begins", () =>
      using(row, async ({ destination, arrived, secrets }) => {
        const error = await failure(destination.deliver(notification, AbortSignal.abort()));
        expectFailure(error, "DESTINATION_UNAVAILABLE", secrets);
        expect(arrived()).toEqual([]);
      }));

    describeAnswers(row);
    describeQuestions(row);
  });
}

/** What a destination that can be asked answers, and what one that can be checked says. */
function describeQuestions(row: ContractRow): void {
  const [opening, , later] = story("cloud-run-break-glass").news as readonly [Notification, unknown, Notification];

  it("finds what it was told, by its exact key, and nothing else", () =>
    using(row, async ({ destination, arrived }) => {
      if (destination.find === undefined) return;
      expect(await destination.find(opening, never)).toBeUndefined();
      const receipt = await destination.deliver(opening, never);
      expect(await destination.find(opening, never)).toEqual(receipt);
      expect(await destination.find(later, never)).toBeUndefined();
      await destination.deliver(later, never, receipt);
      expect(await destination.find(later, never)).toEqual(receipt);
      expect(await destination.find(notification, never)).toBeUndefined();
      expect(arrived()).toHaveLength(2);
    }));

  it.each(["opening", "later"] as const)("finds the %s news whose answer was lost, so that it is told once", (which) =>
    using(row, async ({ destination, arrived, treat, treatNews = treat, secrets }) => {
      if (destination.find === undefined) return;
      const first = which === "opening" ? undefined : await destination.deliver(opening, never);
      (which === "opening" ? treat : treatNews)?.({ kind: "resets" });
      const message = which === "opening" ? opening : later;
      const error = await failure(destination.deliver(message, never, first));
      expectFailure(error, "DESTINATION_UNKNOWN_OUTCOME", secrets);
      expectReceipt(await destination.find(message, never), row);
      expect(arrived()).toHaveLength(which === "opening" ? 1 : 2);
    }),
  );

  it("does not take a question that fails for a no", () =>
    using(row, async ({ destination, treatQuestions, secrets }) => {
      if (destination.find === undefined) return;
      await destination.deliver(opening, never);
      for (const treatment of [
        { kind: "answers", status: 500 },
        { kind: "answers", status: 503 },
        { kind: "answers", status: 429, retryAfter: "7" },
        { kind: "answers", status: 204 },
        { kind: "resets" },
      ] as const) {
        treatQuestions?.(treatment);
        const error = await failure(destination.find(opening, never));
        expectFailure(error, "DESTINATION_UNAVAILABLE", secrets, JSON.stringify(treatment));
      }
    }));

  it("checks its credentials and its target without posting anything", () =>
    using(row, async ({ destination, arrived, lockOut, secrets }) => {
      if (destination.check === undefined) return;
      await destination.check(never);
      expect(arrived()).toEqual([]);
      lockOut?.();
      expectFailure(await failure(destination.check(never)), "DESTINATION_REJECTED", secrets);
    }));
}

function expectReceipt(receipt: unknown, { externalId }: ContractRow): void {
  expect(receipt).toEqual({ externalId: externalId === null ? null : expect.stringMatching(externalId) });
}

/** How a destination that talks to a server understands its answers. */
function describeAnswers(row: ContractRow): void {
  const { meaning } = row;
  const statuses = meaning === undefined ? [] : Array.from({ length: 400 }, (_, index) => 200 + index);
  it(
    "understands every status from 200 to 599",
    () =>
      using(row, async ({ destination, treat, secrets }) => {
        for (const status of statuses) {
          treat?.({ kind: "answers", status });
          const meant = meaning?.(status) ?? null;
          if (meant === null) {
            expectReceipt(await destination.deliver(notification, never), row);
          } else {
            expectFailure(await failure(destination.deliver(notification, never)), meant, secrets, `${status}`);
          }
        }
      }),
    60_000,
  );

  it.each([
    { name: "seconds", retryAfter: "30", waits: 30_000 },
    { name: "no wait at all", retryAfter: "0", waits: 1_000 },
    { name: "a week", retryAfter: "604800", waits: 3_600_000 },
    { name: "a date", retryAfter: "Fri, 20 Nov 2026 09:15:00 GMT", waits: 60_000 },
    { name: "a date that has passed", retryAfter: "Thu, 19 Nov 2026 09:15:00 GMT", waits: 1_000 },
    { name: "nonsense", retryAfter: "soon", waits: undefined },
    { name: "a negative number", retryAfter: "-1", waits: undefined },
  ])("keeps a Retry-After of $name", ({ retryAfter, waits }) =>
    using(row, async ({ destination, treat }) => {
      for (const status of meaning === undefined ? [] : [429, 503]) {
        treat?.({ kind: "answers", status, retryAfter });
        const error = await failure(destination.deliver(notification, never));
        expect(error).toMatchObject({ code: meaning?.(status), retryAfterMs: waits });
      }
    }),
  );

  it("does not know the outcome when the connection is reset after the message was taken", () =>
    using(row, async ({ destination, treat, arrived, secrets }) => {
      if (treat !== undefined) {
        treat({ kind: "resets" });
        expectFailure(await failure(destination.deliver(notification, never)), "DESTINATION_UNKNOWN_OUTCOME", secrets);
        expect(arrived()).toHaveLength(1);
      }
    }));

  it("does not know the outcome when no answer comes in time", () =>
    using(
      row,
      async ({ destination, treat, secrets }) => {
        if (treat !== undefined) {
          treat({ kind: "hangs" });
          const error = await failure(destination.deliver(notification, never));
          expectFailure(error, "DESTINATION_UNKNOWN_OUTCOME", secrets);
        }
      },
      200,
    ));

  it("stops waiting when it is told to", () =>
    using(row, async ({ destination, treat, arrived, secrets }) => {
      if (treat !== undefined) {
        treat({ kind: "hangs" });
        const stop = new AbortController();
        // Not before the request is there: some stand-ins say when it is, for the others a while is enough.
        const longest = Date.now() + 1_500;
        const timer = setInterval(() => {
          if (arrived().length > 0 || Date.now() > longest) stop.abort();
        }, 20);
        const error = await failure(destination.deliver(notification, stop.signal));
        clearInterval(timer);
        expectFailure(error, "DESTINATION_UNKNOWN_OUTCOME", secrets);
      }
    }));

  it("is unavailable when nobody listens", () =>
    using(row, async ({ destination, treat, secrets, close }) => {
      if (treat !== undefined) {
        await close();
        expectFailure(await failure(destination.deliver(notification, never)), "DESTINATION_UNAVAILABLE", secrets);
      }
    }));
}

async function using(row: ContractRow, test: (far: Counterpart) => Promise<void>, timeoutMs?: number): Promise<void> {
  const far = await row.open(timeoutMs);
  try {
    await test(far);
  } finally {
    await far.close();
  }
}

/** The error that a delivery ends with. */
export async function failure(delivery: Promise<unknown>): Promise<unknown> {
  return delivery.then(
    () => undefined,
    (error: unknown) => error,
  );
}

export function expectFailure(error: unknown, code: ErrorCode, secrets: readonly string[], about?: string): void {
  expect(error, about).toBeInstanceOf(ProcessingError);
  expect(error, about).toMatchObject({ code });
  expectNoSecret(error, secrets);
}

/** Looks for secrets in whatever way a value can be printed, causes and hidden properties included. */
export function expectNoSecret(value: unknown, secrets: readonly string[]): void {
  const printed = [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: 10, showHidden: true }),
    value instanceof Error ? `${value.stack} ${inspect(value.cause, { depth: 10, showHidden: true })}` : "",
  ].join("\n");
  for (const secret of secrets) {
    expect(printed).not.toContain(secret);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
