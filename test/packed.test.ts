/** The package as somebody else gets it: packed, installed into an empty folder, run and imported from there. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { workFolder } from "./support/functions-framework.ts";
import { npm } from "./support/npm.ts";
import { type ProcessOptions, runProcess } from "./support/processes.ts";
import { SAMPLES } from "./support/samples.ts";

const ROOT = join(import.meta.dirname, "..");
const BREAK_GLASS = join(SAMPLES, "cloudrun-service-breakglass-system-event.json");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

const QUIETLY = ["--prefer-offline", "--no-audit", "--no-fund"];

/** The node that people without this repository have: the first on the PATH that is not the repository's own. */
function nodeOfTheMachine(): { program: string; major: number } | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  try {
    const env = { PATH: folders.join(delimiter) };
    const [program = "", version = ""] = execFileSync("sh", ["-c", "command -v node && node --version"], { env })
      .toString()
      .split("\n");
    return { program, major: Number(/^v(\d+)/.exec(version)?.[1]) };
  } catch {
    return undefined;
  }
}

describe("the packed package, installed into an empty folder", () => {
  let folder: Awaited<ReturnType<typeof workFolder>>;
  let contents: readonly string[];

  beforeAll(async () => {
    folder = await workFolder();
    const packed = await npm(["pack", "--json", `--pack-destination=${folder.path}`], ROOT);
    const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf("["))) as [
      { filename: string; files: readonly { path: string }[] },
    ];
    contents = files.map(({ path }) => path);
    const types = `@types/node@${manifest.devDependencies["@types/node"]}`;
    // The folder is named, or npm would look for a package around it, and install there.
    await npm(["install", `--prefix=${folder.path}`, ...QUIETLY, `./${filename}`, types], folder.path);
  }, 240_000);
  afterAll(() => folder?.remove());

  const glasswatch = (args: readonly string[], options: ProcessOptions = {}) =>
    runProcess(process.execPath, [join(folder.path, "node_modules", ".bin", "glasswatch"), ...args], {
      cwd: folder.path,
      ...options,
    });

  test("holds the build, its types, the samples and the schemas, and no sources, tests or maps", () => {
    expect(contents).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "dist/functions/cli/main.js",
        "dist/functions/index.d.ts",
        "dist/shared/query/index.d.ts",
        "docs/schemas/glasswatch.schema.json",
        "package.json",
        "test/samples/index.json",
      ]),
    );
    const wanted =
      /^(?:[A-Z]+(?:\.md)?|package\.json|dist\/.*\.js|dist\/.*\.d\.ts|docs\/schemas\/.*|test\/samples\/.*)$/;
    expect(contents.filter((path) => !wanted.test(path))).toEqual([]);
  });

  test("glasswatch --version says which it is", async () => {
    expect(await glasswatch(["--version"])).toMatchObject({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  test("glasswatch replay reads standard input and prints findings", async () => {
    const { code, stdout, stderr } = await glasswatch(["replay", "-"], { input: readFileSync(BREAK_GLASS, "utf8") });
    const findings = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(findings).toMatchObject([{ schema: 1, rule: "cloudrun.breakglass", project: "example-prod" }]);
    expect(stderr).toContain("1 finding in 1 entry");
    expect(code).toBe(0);
  });

  test("glasswatch demo runs the functions of the build", async () => {
    const { code, stdout } = await glasswatch(["demo"]);
    expect(stdout).toContain("Summary");
    expect(stdout).not.toContain("NOT as it should be");
    expect(code).toBe(0);
  }, 60_000);

  const machine = nodeOfTheMachine();
  test.runIf(machine !== undefined && machine.major < 24)(
    "an older Node is told so, and does not succeed",
    async () => {
      const main = join(folder.path, "node_modules", ".bin", "glasswatch");
      const { code, stdout, stderr } = await runProcess(machine?.program ?? "", [main, "--version"]);
      expect(stderr).toContain("glasswatch needs Node 24 or newer; this is v");
      expect([code, stdout]).toEqual([1, ""]);
    },
  );

  test("every export that is declared has types that check and a module that loads", async () => {
    const names = Object.keys(manifest.exports).filter((name) => !name.endsWith(".json"));
    expect(names).toEqual([".", "./query"]);
    await writeFile(
      join(folder.path, "consumer.mts"),
      `import type {} from "glasswatch";
import { compile, type Query } from "glasswatch/query";

const query: Query = compile('severity>=ERROR');
const isMatched: boolean = query.matches({ severity: "CRITICAL" });
// @ts-expect-error a filter is a text
export const refused = () => compile(42);
await import("glasswatch");
console.log(isMatched);
`,
    );
    const options = { module: "nodenext", target: "es2024", lib: ["es2024"], types: ["node"], strict: true };
    const config = { compilerOptions: options, include: ["consumer.mts"] };
    await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    expect(await runProcess(tsc, ["-p", folder.path])).toMatchObject({ code: 0, stdout: "", stderr: "" });

    const ran = await runProcess(process.execPath, ["consumer.mjs"], { cwd: folder.path });
    expect(ran).toMatchObject({ code: 0, stdout: "true\n", stderr: "" });
  }, 60_000);
});
