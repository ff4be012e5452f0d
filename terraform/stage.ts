/**
 * Makes the folder that is uploaded to Cloud Functions, and nothing else goes there:
 *
 *     npm run stage                                       into .glasswatch/staged, with glasswatch.yaml if there is one
 *     npm run stage -- --settings FILE --out FOLDER
 *
 * Our code is bundled, packages are not: a second functions-framework would have a registry of its own, and Google's
 * clients do not survive bundling. Settings are checked here, so that no instance has to. The same sources and settings
 * give the same bytes and times, so that a deployment without a change is none.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, type Metafile } from "esbuild";
import { ProcessingError } from "../shared/errors.ts";
import { SETTINGS_FILE, STAGED_SETTINGS_FILE, stageSettings } from "../shared/settings.ts";
import { parseSettings } from "../shared/settings-schema.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = "functions/index.js";
/** What npm and the framework read. `scripts` are left out, or Cloud Build would run them. */
const MANIFEST_FIELDS = ["name", "version", "private", "license", "type", "engines", "allowScripts"];
/** devDependencies are not installed, but a lock that has more than its manifest is called out of sync. */
const DEPENDENCY_FIELDS = ["dependencies", "devDependencies"];
/** The first moment that a zip file can hold. */
const ALL_FILES_ARE_OF = new Date("1980-01-01T00:00:00Z");

export interface StageOptions {
  readonly out: string;
  /** A glasswatch.yaml; without one the functions look for GLASSWATCH_SETTINGS when they start. */
  readonly settings?: string | undefined;
}

export interface Staged {
  /** Paths in the folder, in order. */
  readonly files: readonly string[];
  /** What esbuild knows of every file: what is in it, and what it imports. */
  readonly outputs: Metafile["outputs"];
}

/** Throws SETTINGS_UNREADABLE, SETTINGS_INVALID with file, line and column, and USAGE. */
export async function stage({ out, settings }: StageOptions): Promise<Staged> {
  const checked = settings === undefined ? undefined : stageSettings(parseSettings(await textOf(settings), settings));
  await emptyFolder(out);
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["functions/index.ts"],
    outdir: join(out, "functions"),
    bundle: true,
    packages: "external",
    // What is imported lazily stays in files of its own.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    chunkNames: "[name]-[hash]",
    legalComments: "none",
    // A start reads every byte. Names stay as they are, so that a stack trace can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    logLevel: "silent",
  });
  await writeFile(join(out, "package.json"), await manifest());
  await cp(join(ROOT, "package-lock.json"), join(out, "package-lock.json"));
  if (checked !== undefined) await writeFile(join(out, STAGED_SETTINGS_FILE), checked);

  const files = (await readdir(out, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)))
    .toSorted();
  for (const file of files) await utimes(join(out, file), ALL_FILES_ARE_OF, ALL_FILES_ARE_OF);
  const outputs = Object.entries(metafile.outputs).map(
    ([path, output]) => [relative(out, resolve(ROOT, path)), output] as const,
  );
  return { files, outputs: Object.fromEntries(outputs) };
}

async function manifest(): Promise<string> {
  const whole = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as Record<string, unknown>;
  const kept = [...MANIFEST_FIELDS, ...DEPENDENCY_FIELDS].map((field) => [field, whole[field]] as const);
  return `${JSON.stringify({ ...Object.fromEntries(kept), main: MAIN }, null, 2)}\n`;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ProcessingError("SETTINGS_UNREADABLE", `cannot read the settings ${file} (${code})`, { place: file });
  }
}

/** Only what staging made is ever removed. */
async function emptyFolder(out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  const isOurs = existsSync(join(out, MAIN)) || (await readdir(out)).length === 0;
  if (!isOurs) throw new ProcessingError("USAGE", `${out} holds something else: name a new folder`, { place: out });
  await rm(out, { recursive: true });
  await mkdir(out);
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { settings: { type: "string" }, out: { type: "string", default: join(".glasswatch", "staged") } },
  });
  const settings = values.settings ?? (existsSync(SETTINGS_FILE) ? SETTINGS_FILE : undefined);
  const out = resolve(values.out);
  const { files } = await stage({ out, settings });
  process.stdout.write(files.map((file) => `${join(values.out, file)}\n`).join(""));
  process.stderr.write(`settings: ${settings ?? `none; set GLASSWATCH_SETTINGS, or add a ${SETTINGS_FILE}`}\n`);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    const isUsage = code === "USAGE" || code.startsWith("ERR_PARSE_ARGS_");
    if (!isUsage && !(error instanceof ProcessingError)) throw error;
    process.stderr.write(`stage: ${(error as Error).message}\n`);
    process.exitCode = isUsage ? 2 : 1;
  }
}
