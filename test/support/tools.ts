/**
 * Every tool from outside that a suite needs: how it is found, and how it is had. `.ci/run` reads the same table:
 *
 *     node test/support/tools.ts --apt    the Debian packages of needed tools that this machine lacks
 *     node test/support/tools.ts          the table, as this machine has it
 */
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

export interface Tool {
  /** What it does for us. */
  readonly job: string;
  /** For a person who lacks it. */
  readonly had: string;
  /** Debian packages that `.ci/run` installs when it is missing. */
  readonly apt?: string;
  /** The suites that need it. A tool may wait here for the first one; until then nobody installs it. */
  readonly neededBy: readonly string[];
  /** The path of its program; undefined when this machine lacks it. */
  find(): string | undefined;
}

export const TOOLS = {
  java: {
    job: "runs Google's emulators",
    had: "a JDK 17 or newer on the PATH",
    apt: "openjdk-17-jre-headless",
    neededBy: ["test/emulator.test.ts", "test/state-firestore.test.ts"],
    find: () => onPath("java"),
  },
  "pubsub-emulator": {
    job: "Pub/Sub on this machine",
    had: "Google Cloud CLI and `gcloud components install pubsub-emulator`",
    neededBy: ["test/emulator.test.ts"],
    find: () => inCloudSdk("platform/pubsub-emulator/bin/cloud-pubsub-emulator"),
  },
  "firestore-emulator": {
    job: "Firestore on this machine",
    had: "Google Cloud CLI and `gcloud components install cloud-firestore-emulator`",
    neededBy: ["test/state-firestore.test.ts"],
    find: () => inCloudSdk("platform/cloud-firestore-emulator/cloud_firestore_emulator"),
  },
  terraform: {
    job: "validates and plans the deployment",
    had: "https://developer.hashicorp.com/terraform/install",
    neededBy: [],
    find: () => onPath("terraform"),
  },
  exim4: {
    job: "a mail server that is not ours",
    had: "apt-get install exim4-daemon-light",
    apt: "exim4-daemon-light",
    neededBy: ["test/destinations-email.test.ts"],
    find: () => onPath("exim4"),
  },
  chromium: {
    job: "shows pages as people see them",
    had: "apt-get install chromium",
    apt: "chromium",
    neededBy: [],
    find: () => onPath("chromium"),
  },
  jq: {
    job: "asks our questions of logs by other means, to be compared with",
    had: "apt-get install jq",
    apt: "jq",
    neededBy: ["test/bench"],
    find: () => onPath("jq"),
  },
  ripgrep: {
    job: "the fastest plain search, to be compared with",
    had: "apt-get install ripgrep",
    apt: "ripgrep",
    neededBy: ["test/bench"],
    find: () => onPath("rg"),
  },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;

/**
 * The path of a tool. A suite whose tool is missing is left out, with a line that says so; under CI=true it is an error,
 * since a suite that nobody runs must not look like one that passed.
 *
 *     const emulator = requireTool("pubsub-emulator");
 *     describe.runIf(emulator !== undefined)("...", () => { ... });
 */
export function requireTool(name: ToolName, { isCi = process.env.CI === "true" } = {}): string | undefined {
  const tool: Tool = TOOLS[name];
  const path = tool.find();
  if (path !== undefined) return path;
  const missing = `${name} is missing (${tool.job}); to have it: ${tool.had}`;
  if (isCi) throw new Error(missing);
  process.stderr.write(`left out: ${missing}\n`);
  return undefined;
}

/** The Debian packages of tools that suites need and this machine lacks. */
export function missingPackages(tools: Readonly<Record<string, Tool>> = TOOLS): string[] {
  return Object.values(tools)
    .filter((tool) => tool.neededBy.length > 0 && tool.apt !== undefined && tool.find() === undefined)
    .flatMap(({ apt = "" }) => apt.split(" "));
}

function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** Components of the Google Cloud CLI lie beside it, whatever folder it was installed to. */
function inCloudSdk(component: string): string | undefined {
  const gcloud = onPath("gcloud");
  if (gcloud === undefined) return undefined;
  const program = join(dirname(dirname(realpathSync(gcloud))), component);
  return existsSync(program) ? program : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  if (process.argv[2] === "--apt") {
    process.stdout.write(`${missingPackages().join(" ")}\n`);
  } else {
    for (const [name, tool] of Object.entries<Tool>(TOOLS)) {
      process.stdout.write(`${name.padEnd(20)}${tool.find() ?? `missing; ${tool.had}`}\n`);
    }
  }
}
