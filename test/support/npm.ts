import { runProcess } from "./processes.ts";

/** What a production installation is made with: Cloud Build's own step, with this machine's cache. */
export const PRODUCTION_INSTALL = ["ci", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund"];

/** Runs npm in a folder; resolves to what it printed, throws with all of it when it fails. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  // Tests run below an npm of their own, which tells programs below it where *its* package is.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { code, stdout, stderr } = await runProcess("npm", args, { cwd, env });
  if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
