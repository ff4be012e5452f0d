/** What Cloud Functions gets: staged into an empty folder, installed as Cloud Build does, started from there. */
import { readFileSync, statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Staged, stage } from "../terraform/stage.ts";
import { cloudEvent, type RunningFunction, startFunction, workFolder } from "./support/functions-framework.ts";
import { npm, PRODUCTION_INSTALL } from "./support/npm.ts";
import { ownStory } from "./support/own-story.ts";
import { eventually } from "./support/processes.ts";
import { sampleBytes } from "./support/samples.ts";
import { type SlackStandIn, startSlackStandIn } from "./support/slack-stand-in.ts";

const SETTINGS = `
store: { kind: sqlite, path: state/state.db }
destinations:
  - { id: terminal, kind: console }
  - { id: security, kind: slack, webhookUrl: "\${env:GLASSWATCH_SLACK}" }
delivery: { localTickSeconds: 0 }
`;
const BREAK_GLASS = "cloudrun-service-breakglass-system-event.json";
const HARMLESS = "gke-negative-failopen-other-webhook.json";

let folder: Awaited<ReturnType<typeof workFolder>>;
let staged: Staged;
let upload: string;

beforeAll(async () => {
  folder = await workFolder(SETTINGS);
  upload = join(folder.path, "upload");
  staged = await stage({ out: upload, settings: join(folder.path, "glasswatch.yaml") });
});
afterAll(() => folder?.remove());

describe("the staged folder", () => {
  test("holds our code, a manifest, the lock and the checked settings, and nothing else", () => {
    const code = staged.files.filter((file) => /^functions\/(?:index|[\w-]+-[0-9A-Z]{8})\.js$/.test(file));
    expect(code).toContain("functions/index.js");
    expect(staged.files).toEqual([...code, "glasswatch.json", "package-lock.json", "package.json"]);
    const bytes = code.reduce((sum, file) => sum + statSync(join(upload, file)).size, 0);
    expect(bytes).toBeLessThan(768 * 1024);
  });

  test("has no scripts that Cloud Build would run, and its main file is there", () => {
    const manifest = JSON.parse(readFileSync(join(upload, "package.json"), "utf8")) as Record<string, unknown>;
    expect(manifest).toMatchObject({ name: "glasswatch", type: "module", main: "functions/index.js" });
    expect(manifest).not.toHaveProperty("scripts");
    expect(staged.files).toContain(manifest.main);
  });

  test("has the settings checked, with secrets still by reference", () => {
    const { checked, settings } = JSON.parse(readFileSync(join(upload, "glasswatch.json"), "utf8")) as {
      checked: unknown;
      settings: unknown;
    };
    expect(checked).toBe(true);
    expect(settings).toMatchObject({
      destinations: [
        { id: "terminal", kind: "console" },
        { id: "security", kind: "slack", webhookUrl: "${env:GLASSWATCH_SLACK}" },
      ],
      delivery: { localTickSeconds: 0, inlineBudgetMs: 8_000 },
    });
  });

  test("is the same in bytes and times when nothing has changed", async () => {
    const again = join(folder.path, "again");
    const { files } = await stage({ out: again, settings: join(folder.path, "glasswatch.yaml") });
    expect(files).toEqual(staged.files);
    for (const file of files) {
      const [one, other] = [join(upload, file), join(again, file)];
      expect(readFileSync(other).equals(readFileSync(one)), file).toBe(true);
      expect(statSync(one).mtime, file).toEqual(new Date("1980-01-01T00:00:00Z"));
      expect(statSync(other).mtimeMs, file).toBe(statSync(one).mtimeMs);
    }
    await stage({ out: again });
    expect(() => statSync(join(again, "glasswatch.json"))).toThrow("ENOENT");
    await rm(again, { recursive: true });
  });

  test("is not made of settings with a mistake", async () => {
    const wrong = join(folder.path, "wrong.yaml");
    await writeFile(wrong, "store:\n  kind: sqlite\n  paht: state.db\n");
    const out = join(folder.path, "never");
    const staging = stage({ out, settings: wrong });
    await expect(staging).rejects.toMatchObject({ code: "SETTINGS_INVALID", line: 3, column: 9 });
    expect(() => statSync(out)).toThrow("ENOENT");
  });

  test("never takes the place of a folder that holds something else", async () => {
    const precious = join(folder.path, "precious");
    await mkdir(precious);
    await writeFile(join(precious, "letter.txt"), "do not lose me");
    await expect(stage({ out: precious })).rejects.toMatchObject({ code: "USAGE" });
    expect(readFileSync(join(precious, "letter.txt"), "utf8")).toBe("do not lose me");
  });

  test("loads no package before it is needed, but the framework", () => {
    const reached = (kinds: readonly string[]) => {
      const external = new Set<string>();
      const seen = new Set<string>();
      const visit = (file: string) => {
        if (seen.has(file)) return;
        seen.add(file);
        for (const imported of staged.outputs[file]?.imports ?? []) {
          if (!kinds.includes(imported.kind)) continue;
          if (imported.external === true) external.add(imported.path);
          else visit(`functions/${imported.path.split("/functions/").at(-1)}`);
        }
      };
      visit("functions/index.js");
      return [...external];
    };
    const eager = reached(["import-statement"]);
    expect(eager.filter((name) => !name.startsWith("node:"))).toEqual(["@google-cloud/functions-framework"]);
    expect(eager).not.toContain("node:sqlite");
    const ever = reached(["import-statement", "dynamic-import"]);
    expect(ever).toEqual(expect.arrayContaining(["@google-cloud/pubsub", "@slack/webhook", "node:sqlite"]));
  });
});

describe("the staged folder, installed for production", () => {
  let slack: SlackStandIn;

  beforeAll(async () => {
    slack = await startSlackStandIn();
    await npm(PRODUCTION_INSTALL, upload);
  }, 180_000);
  afterAll(() => slack?.close());

  const start = (target: string, env: Record<string, string> = {}): Promise<RunningFunction> =>
    startFunction({ target, source: upload, cwd: upload, env: { GLASSWATCH_SLACK: slack.url, ...env } });

  test("has no development dependency", () => {
    expect(() => statSync(join(upload, "node_modules", "esbuild"))).toThrow("ENOENT");
    expect(() => statSync(join(upload, "node_modules", "vitest"))).toThrow("ENOENT");
  });

  test.each(["break-glass", "policy-violation", "guardrail-change"])(
    "%s answers an event of Eventarc",
    async (target) => {
      const running = await start(target);
      try {
        const before = slack.messages.length;
        expect(await running.post(cloudEvent(ownStory(target), { topic: target }))).toEqual({ status: 204, body: "" });
        expect(slack.messages).toHaveLength(before + 1);
        expect(running.output()).toContain("Cloud Run deployment with break-glass: checkout");
        expect(running.output()).toContain("Signature type: cloudevent");
      } finally {
        await running.end();
      }
    },
  );

  test("tick answers a POST", async () => {
    const running = await start("tick");
    try {
      const { status, body } = await running.post({ body: "{}" });
      expect([status, JSON.parse(body)]).toMatchObject([200, { left: 0 }]);
      expect(running.output()).toContain("Signature type: http");
    } finally {
      await running.end();
    }
  });

  test("asks for clients, parsers and the store only when it needs them", async () => {
    const recorded = join(folder.path, "modules.txt");
    const running = await start("break-glass", {
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "support", "record-modules.ts")).href}`,
      GLASSWATCH_TEST_MODULES: recorded,
    });
    const LAZY = [
      "@google-cloud/pubsub",
      "@google-cloud/logging",
      "@slack/webhook",
      "node:sqlite",
      "re2js",
      "yaml",
      "zod",
    ];
    const asked = () => LAZY.filter((name) => readFileSync(recorded, "utf8").split("\n").includes(name));
    try {
      expect((await running.post(cloudEvent(sampleBytes(HARMLESS)))).status).toBe(204);
      expect(readFileSync(recorded, "utf8")).toContain("@google-cloud/functions-framework");
      expect(asked()).toEqual([]);
      expect((await running.post(cloudEvent(sampleBytes(BREAK_GLASS)))).status).toBe(204);
      await eventually("the receipt", () => running.logged("delivery.told").length > 0);
      expect(asked()).toEqual(["@slack/webhook", "node:sqlite"]);
    } finally {
      await running.end();
    }
  });
});
