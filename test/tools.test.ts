import { existsSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { missingPackages, requireTool, TOOLS, type Tool } from "./support/tools.ts";

const absent = { job: "nothing", had: "not at all", neededBy: ["a suite"], find: () => undefined } satisfies Tool;

describe("a tool from outside that is missing", () => {
  test("fails the suite under CI, and says how it is had", () => {
    const path = process.env.PATH;
    process.env.PATH = "";
    try {
      expect(() => requireTool("jq", { isCi: true })).toThrow("jq is missing");
      expect(() => requireTool("jq", { isCi: true })).toThrow(TOOLS.jq.had);
    } finally {
      process.env.PATH = path;
    }
  });

  test("leaves the suite out elsewhere, with a line that says so", () => {
    const path = process.env.PATH;
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    process.env.PATH = "";
    try {
      expect(requireTool("pubsub-emulator", { isCi: false })).toBeUndefined();
      expect(write).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("left out: pubsub-emulator is missing"));
    } finally {
      process.env.PATH = path;
      write.mockRestore();
    }
  });

  test.each<[string, Tool, readonly string[]]>([
    ["is installed where Debian has it", { ...absent, apt: "one two" }, ["one", "two"]],
    ["is not installed where Debian lacks it", absent, []],
    ["is not installed while no suite needs it", { ...absent, apt: "one", neededBy: [] }, []],
    ["is not installed when it is there", { ...absent, apt: "one", find: () => "/bin/one" }, []],
  ])("%s", (_sentence, tool, packages) => {
    expect(missingPackages({ tool })).toEqual(packages);
  });

  test("is needed by suites that are there", () => {
    const suites = Object.values<Tool>(TOOLS).flatMap(({ neededBy }) => neededBy);
    expect(suites.filter((suite) => !existsSync(suite))).toEqual([]);
  });
});
