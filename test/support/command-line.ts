import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dirname, "..", "..", "functions", "cli", "main.ts");

export interface CommandRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  /** Where it runs; a folder without settings when not given. */
  readonly cwd?: string;
}

/** Runs `glasswatch ARGS` from the sources in a process of its own. */
export function glasswatch(args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> {
  const { input = "", env = {}, cwd = tmpdir() } = options;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd, env: { ...process.env, NO_COLOR: "1", ...env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
    // A command that does not read its input closes it first; that is no failure of the command.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
