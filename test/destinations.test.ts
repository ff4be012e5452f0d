import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toConsoleText } from "../shared/destinations/console.ts";
import { DESTINATION_KINDS, toNotification } from "../shared/destinations/index.ts";
import { toSlackMessage } from "../shared/destinations/slack.ts";
import { describeDestinationContract } from "./support/destination-contract.ts";
import { CONTRACT } from "./support/destination-rows.ts";
import { EXAMPLES } from "./support/example-findings.ts";
import { expectGolden } from "./support/golden.ts";

for (const row of CONTRACT) {
  describeDestinationContract(row);
}

describe("the contract", () => {
  it("is kept by every kind there is", () => {
    expect(CONTRACT.map((row) => row.kind)).toEqual(DESTINATION_KINDS);
  });
});

it("is described with a message as it is", () => {
  const root = join(import.meta.dirname, "..");
  const read = (...path: readonly string[]) => readFileSync(join(root, ...path), "utf8");
  const golden = read("test", "goldens", "console", "cloud-run-break-glass-with-justification.txt");
  expect(read("docs", "destinations.md")).toContain(golden);
});

describe.each(EXAMPLES)("$name", ({ name, finding, counsel }) => {
  const notification = toNotification(finding, counsel);

  it("reads as accepted, before any markup", () => {
    expectGolden(`notification/${name}.json`, JSON.stringify(notification, null, 2));
  });

  it("reads as accepted in a terminal", () => {
    expectGolden(`console/${name}.txt`, toConsoleText(notification, { colour: false, columns: 100 }));
  });

  it("reads as accepted in Slack", () => {
    expectGolden(`slack/${name}.json`, JSON.stringify(toSlackMessage(notification), null, 2));
  });
});
