import { test as property } from "@fast-check/vitest";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { consoleDestination, toConsoleText } from "../shared/destinations/console.ts";
import { toNotification } from "../shared/destinations/notification.ts";
import { expectFailure, failure } from "./support/destination-contract.ts";
import { anyFinding, hasUnseen } from "./support/destination-texts.ts";
import { EXAMPLES, example } from "./support/example-findings.ts";

// Hundreds of texts a test: a busy machine may need more than the usual time.
vi.setConfig({ testTimeout: 30_000 });

const { finding, counsel } = example("cloud-run-break-glass-with-justification");
const notification = toNotification(finding, counsel);
/** The only control sequences that we write: one style on, all styles off. */
const OWN_COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]+m`, "g");

describe("the terminal", () => {
  property.prop([anyFinding, fc.boolean()], { numRuns: 300 })(
    "gets no control character but our own",
    (any, colour) => {
      const text = toConsoleText(toNotification(any, counsel), { colour, columns: 80 });
      expect(hasUnseen(colour ? text.replaceAll(OWN_COLOURS, "") : text)).toBe(false);
    },
  );

  property.prop([anyFinding])("gets the same words with colour and without", (any) => {
    const told = toNotification(any, counsel);
    const coloured = toConsoleText(told, { colour: true }).replaceAll(OWN_COLOURS, "");
    const lines = (text: string) => text.split("\n").map((line) => line.trimEnd());
    expect(lines(coloured)).toEqual(lines(toConsoleText(told, { colour: false })));
  });

  it("gets none either from a notification that came out of the store changed", () => {
    const lines = [{ label: "a\u001b[2J", value: "b\u001b[2J" }];
    expect(hasUnseen(toConsoleText({ ...notification, lines }, { colour: false }))).toBe(false);
  });

  it.each([
    { columns: 20, used: 80 },
    { columns: 80, used: 80 },
    { columns: 90, used: 90 },
    { columns: 500, used: 100 },
    { columns: undefined, used: 100 },
  ])("of $columns columns gets lines of $used", ({ columns, used }) => {
    for (const one of EXAMPLES) {
      const text = toConsoleText(toNotification(one.finding, one.counsel), { colour: false, columns });
      const wrapped = text.split("\n").filter((line) => !/https:|sha256:|gcloud |kubectl /.test(line));
      expect(Math.max(...wrapped.map((line) => line.length))).toBe(used);
    }
  });

  it("gets commands and addresses that can be copied whole", () => {
    const lines = toConsoleText(notification, { colour: false, columns: 80 })
      .split("\n")
      .map((line) => line.trim());
    expect(lines).toContain(
      "gcloud run revisions describe checkout-00042-kjq --project=example-prod --region=europe-west1",
    );
    expect(lines.some((line) => line.endsWith("revisions?project=example-prod"))).toBe(true);
  });

  it("gets words that are longer than a line in pieces", () => {
    const told = toNotification({ ...finding, justification: "w".repeat(250) }, counsel);
    const text = toConsoleText(told, { colour: false, columns: 80 });
    expect(text.match(/w/g)?.length).toBeGreaterThanOrEqual(250);
    expect(
      Math.max(
        ...text
          .split("\n")
          .filter((line) => line.includes("ww"))
          .map((line) => line.length),
      ),
    ).toBe(80);
  });

  it("is unavailable when its output is closed", async () => {
    const closed = consoleDestination(
      { kind: "console", id: "terminal" },
      {
        colour: false,
        write: () => {
          throw new Error("EPIPE");
        },
      },
    );
    const error = await failure(closed.deliver(notification, new AbortController().signal));
    expectFailure(error, "DESTINATION_UNAVAILABLE", []);
  });
});
