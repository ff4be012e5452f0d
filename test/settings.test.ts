import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { ProcessingError } from "../shared/errors.ts";
import { loadSettings, platformOf, stageSettings } from "../shared/settings.ts";
import { EMBEDDED_DEFAULTS } from "../shared/settings-document.ts";
import { parseSettings, settingsSchema } from "../shared/settings-schema.ts";
import { expectGolden } from "./support/golden.ts";

const folder = mkdtempSync(join(tmpdir(), "glasswatch-settings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(text: string, name = "glasswatch.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const WEBHOOK = "https://hooks.slack.com/services/T000/B000/sEcReT";
const SLACK = "destinations:\n  - id: security\n    kind: slack\n    webhookUrl: ${env:SLACK_WEBHOOK_URL}\n";

describe("a wrong file is refused with file, line, column and what was expected", () => {
  const MISTAKES: readonly (readonly [string, string, string])[] = [
    ["a word that is no setting", "destinatons: []\n", "f.yaml:1:1: destinatons: there is no such setting"],
    ["a kind that nobody knows", "destinations:\n  - id: a\n    kind: pager\n", "f.yaml:3:11: destinations.0.kind: "],
    [
      "a webhook without an address",
      "destinations:\n  - id: a\n    kind: slack\n",
      "f.yaml:2:5: destinations.0.webhookUrl: ",
    ],
    [
      "a secret in the file itself",
      `destinations:\n  - id: a\n    kind: slack\n    webhookUrl: ${WEBHOOK}\n`,
      "f.yaml:4:17: destinations.0.webhookUrl: a secret is given by reference, such as ${env:SLACK_WEBHOOK_URL}",
    ],
    [
      "two destinations of one id",
      "destinations:\n  - { id: a, kind: console }\n  - { id: a, kind: console }\n",
      "f.yaml:3:11: destinations.1.id: there is another destination of the id a",
    ],
    [
      "nobody to tell",
      "destinations: []\n",
      "f.yaml:1:1: destinations: name at least one destination, or nobody is told",
    ],
    ["a number that is too large", "delivery:\n  inlineBudgetMs: 99999999\n", "f.yaml:2:19: delivery.inlineBudgetMs: "],
    [
      "an attempt longer than the budget",
      "delivery: { inlineBudgetMs: 2000, attemptTimeoutMs: 1900 }\n",
      "f.yaml:1:53: delivery.attemptTimeoutMs: one attempt and half a second have to fit into inlineBudgetMs",
    ],
    [
      "a topic without its project",
      "deadLetterTopic: dead\n",
      "f.yaml:1:18: deadLetterTopic: expected projects/PROJECT/topics/TOPIC",
    ],
    [
      "a runbook that is not https",
      "runbookBase: http://wiki.example.com\n",
      "f.yaml:1:14: runbookBase: expected an https URL",
    ],
    ["text where a list should be", "destinations: console\n", "f.yaml:1:15: destinations: "],
    ["what is not YAML", "destinations: [\n", "f.yaml:2:1: "],
    ["a key that is there twice", "project: a\nproject: b\n", "f.yaml:2:1: "],
    ["a list instead of settings", "- a\n", "f.yaml:1:1: the file: "],
  ];

  test.each(MISTAKES)("%s", (_name, text, message) => {
    const error = thrownBy(() => parseSettings(text, "f.yaml"));
    expect(error.code).toBe("SETTINGS_INVALID");
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("sEcReT");
  });

  test("every mistake is named, not only the first", () => {
    const { message } = thrownBy(() => parseSettings("projekt: a\nstore: { kind: paper }\n", "f.yaml"));
    expect(message.split("\n").length).toBe(2);
  });

  test("a file that is not there", async () => {
    const missing = join(folder, "missing.yaml");
    await expect(loadSettings({}, missing)).rejects.toMatchObject({ code: "SETTINGS_UNREADABLE", place: missing });
  });

  test("a secret that is not set", async () => {
    await expect(loadSettings({}, fileWith(SLACK))).rejects.toMatchObject({
      code: "SETTINGS_INVALID",
      message: expect.stringContaining("SLACK_WEBHOOK_URL, which is not set"),
    });
  });

  test("JSON that staging did not write", async () => {
    for (const text of ['{"destinations":[]}', "not json"]) {
      await expect(loadSettings({}, fileWith(text, "glasswatch.json"))).rejects.toMatchObject({
        code: "SETTINGS_INVALID",
      });
    }
  });
});

describe("what the settings say", () => {
  test("an empty file is the embedded defaults", () => {
    for (const text of ["", "# only a comment\n", "{}\n"])
      expect(parseSettings(text, "f.yaml")).toEqual(EMBEDDED_DEFAULTS);
  });

  test("without any file the embedded defaults hold", async () => {
    const settings = await loadSettings({ GOOGLE_CLOUD_PROJECT: "p" }, undefined);
    expect(settings).toMatchObject({ source: "embedded defaults", project: "p", destinations: [{ kind: "console" }] });
  });

  test("a secret comes out of the environment, and is never seen", async () => {
    const settings = await loadSettings({ SLACK_WEBHOOK_URL: WEBHOOK }, fileWith(SLACK));
    const [slack] = settings.destinations;
    expect(slack?.kind === "slack" && slack.webhookUrl.reveal()).toBe(WEBHOOK);
    for (const seen of [JSON.stringify(settings), inspect(settings, { depth: 9 })]) {
      expect(seen).not.toContain("sEcReT");
    }
  });

  test("GLASSWATCH_SETTINGS names the file", async () => {
    const file = fileWith("project: named\n");
    expect(await loadSettings({ GLASSWATCH_SETTINGS: file })).toMatchObject({ project: "named", source: file });
  });

  test("what is staged is read back as it was", async () => {
    const document = parseSettings(SLACK, "f.yaml");
    const staged = fileWith(stageSettings(document), "glasswatch.json");
    expect(stageSettings(document)).toContain("${env:SLACK_WEBHOOK_URL}");
    const environment = { SLACK_WEBHOOK_URL: WEBHOOK };
    const fromYaml = await loadSettings(environment, fileWith(SLACK));
    expect(await loadSettings(environment, staged)).toEqual({ ...fromYaml, source: staged });
  });

  test("the platform is known by its environment", () => {
    expect(platformOf({}).onGoogleCloud).toBe(false);
    expect(platformOf({ K_SERVICE: "break-glass", K_REVISION: "break-glass-1" })).toMatchObject({
      onGoogleCloud: true,
      instance: expect.stringMatching(/^break-glass-1\/\d+$/),
    });
  });
});

test("the JSON Schema for editors is the one that is checked with", () => {
  const schema = z.toJSONSchema(settingsSchema, { io: "input" });
  expectGolden("../../docs/schemas/glasswatch.schema.json", JSON.stringify(schema, null, 2));
});

function thrownBy(act: () => unknown): ProcessingError {
  try {
    act();
  } catch (error) {
    if (error instanceof ProcessingError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
