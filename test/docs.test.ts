import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../shared/errors.ts";
import { DECISION_EVENTS } from "../shared/response/decision-log.ts";
import { DELIVERY_EVENTS, TICK_EVENTS } from "../shared/response/delivery-log.ts";
import { BUILT_IN_RULES } from "../shared/rules/index.ts";
import { parseSettings } from "../shared/settings-schema.ts";
import { documents, fencesOf, pathsIn, ROOT, textOf } from "./support/documents.ts";

const run = promisify(execFile);
const fences = documents().flatMap(fencesOf);
const path = [join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter);

describe("the commands of the documents run", () => {
  const commands = fences
    .filter(({ language }) => language === "sh")
    .flatMap(({ document, text }) => text.split("\n").map((command) => ({ document, command })))
    .filter(({ command }) => command.trim() !== "" && !command.startsWith("#"));

  test.each(commands)("$document: $command", async ({ command }) => {
    const { stdout, stderr } = await run("bash", ["-c", `set -o pipefail; ${command}`], {
      cwd: ROOT,
      env: { ...process.env, PATH: path, NO_COLOR: "1" },
    });
    expect(`${stdout}${stderr}`).not.toBe("");
  });

  test("there are commands to run", () => {
    expect(commands.length).toBeGreaterThanOrEqual(4);
  });

  test("the scripts that documents name exist", () => {
    const scripts = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object }).scripts;
    const named = documents().flatMap((document) =>
      [...textOf(document).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map((match) => match[1] as string),
    );
    expect(named.length).toBeGreaterThan(5);
    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe("what the documents show is so", () => {
  test.each(documents())("%s names no path that is not there", (document) => {
    expect(pathsIn(document).filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  test.each(fences.filter(({ golden }) => golden !== undefined))(
    "$document:$line shows $golden",
    ({ golden, text }) => {
      expect(text).toBe(readFileSync(join(ROOT, "test", "goldens", golden as string), "utf8").trimEnd());
    },
  );

  test.each(fences.filter(({ language, text }) => language === "yaml" && text.includes("glasswatch.schema.json")))(
    "the settings in $document:$line are valid",
    ({ text, document }) => {
      expect(parseSettings(text, document).destinations.length).toBeGreaterThan(0);
    },
  );

  test.each(documents())("every fence of %s says what it is", (document) => {
    expect(fencesOf(document).filter(({ language }) => language === "")).toEqual([]);
  });
});

describe("docs/operating.md is complete", () => {
  const operating = textOf("docs/operating.md");
  const rows = new Map(
    [...operating.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map((row) => [
      row[1],
      row.slice(2),
    ]),
  );

  test.each(Object.entries(ERROR_CODES))("%s has its row", (code, { retry, means }) => {
    const [again, meaning, advice] = (rows.get(code) ?? []).map((cell) => cell.trim());
    expect({ again, meaning }).toEqual({ again: retry ? "yes" : "no", meaning: means });
    expect(advice?.length).toBeGreaterThan(5);
  });

  test("every log event has its row", () => {
    const sources = ["shared/pipeline.ts", "functions/receive.ts", "functions/tick.ts"].map(textOf).join("\n");
    const logged = [...sources.matchAll(/"([a-z]+\.[a-z_]+)"/g)].map((match) => match[1] as string);
    const events = [
      ...logged.filter((name) => /^(?:finding|rule|message|tick)\./.test(name)),
      ...DELIVERY_EVENTS,
      ...DECISION_EVENTS,
      ...TICK_EVENTS,
    ];
    expect(events.length).toBeGreaterThan(8);
    expect(events.filter((event) => !rows.has(event))).toEqual([]);
  });
});

test("the README names the rules of every service", () => {
  const readme = textOf("README.md");
  const services = new Set(BUILT_IN_RULES.map(({ id }) => id.slice(0, id.indexOf("."))));
  expect([...services].filter((service) => !readme.includes(`\`${service}.*\``))).toEqual([]);
});
