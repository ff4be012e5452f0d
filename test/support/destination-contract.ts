import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Destination, DestinationKind, Receipt } from "../../shared/destinations/destination.ts";
import { type Notification, toNotification } from "../../shared/destinations/notification.ts";
import { type ErrorCode, ProcessingError } from "../../shared/errors.ts";
import { EXAMPLES, example } from "./example-findings.ts";

/** How the far end of a destination treats the next message. */
export type Treatment =
  | { readonly kind: "takes" }
  | { readonly kind: "answers"; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: "hangs" }
  | { readonly kind: "resets" };

/** The far end of a destination, opened for one test. */
export interface Counterpart {
  readonly destination: Destination;
  /** What must never be seen: an address, a token, and pieces of them. */
  readonly secrets: readonly string[];
  /** What arrived, as text; a message that was refused is not among it. */
  readonly arrived: () => readonly string[];
  /** Absent where there is nothing that could answer, as with a terminal. */
  readonly treat?: ((treatment: Treatment) => void) | undefined;
  /** Closes the far end, so that nobody listens any more. */
  readonly close: () => Promise<void>;
}

export interface ContractRow {
  readonly kind: DestinationKind;
  readonly open: (timeoutMs?: number) => Promise<Counterpart>;
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
        expect(receipt).toEqual({ externalId: null } satisfies Receipt);
        expect(arrived()).toHaveLength(1);
        expect(arrived()[0]).toContain(one.finding.id.slice(0, 12));
      }),
    );

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
          expect(arrived()[0]?.length).toBeLessThan(60_000);
        }),
    );

    it("sends nothing when it is stopped before it begins", () =>
      using(row, async ({ destination, arrived, secrets }) => {
        const error = await failure(destination.deliver(notification, AbortSignal.abort()));
        expectFailure(error, "DESTINATION_UNAVAILABLE", secrets);
        expect(arrived()).toEqual([]);
      }));

    describeAnswers(row);
  });
}

/** How a destination that talks to a server understands its answers. */
function describeAnswers(row: ContractRow): void {
  const statuses = Array.from({ length: 400 }, (_, index) => 200 + index);
  it(
    "understands every status from 200 to 599",
    () =>
      using(row, async ({ destination, treat, secrets }) => {
        for (const status of treat === undefined ? [] : statuses) {
          treat?.({ kind: "answers", status });
          const meant = meaningOf(status);
          if (meant === null) {
            await expect(destination.deliver(notification, never), `${status}`).resolves.toEqual({ externalId: null });
          } else {
            expectFailure(await failure(destination.deliver(notification, never)), meant, secrets, `${status}`);
          }
        }
      }),
    30_000,
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
      for (const status of treat === undefined ? [] : [429, 503]) {
        treat?.({ kind: "answers", status, retryAfter });
        const error = await failure(destination.deliver(notification, never));
        expect(error).toMatchObject({ code: "DESTINATION_UNAVAILABLE", retryAfterMs: waits });
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
    using(row, async ({ destination, treat, secrets }) => {
      if (treat !== undefined) {
        treat({ kind: "hangs" });
        const stop = new AbortController();
        setTimeout(() => stop.abort(), 200);
        const error = await failure(destination.deliver(notification, stop.signal));
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

function meaningOf(status: number): ErrorCode | null {
  if (status < 300) {
    return null;
  }
  return status === 408 || status === 429 || status >= 500 ? "DESTINATION_UNAVAILABLE" : "DESTINATION_REJECTED";
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
