import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * A file that comes from elsewhere and is not in this repository. GLASSWATCH_FIXTURES names the folder that holds such
 * files: set, the file is required; unset, its suite is left out with a printed line.
 */
export function fixtures(relativePath: string): string | undefined {
  const folder = process.env.GLASSWATCH_FIXTURES;
  if (folder === undefined || folder === "") {
    console.log(`left out: the suite over ${relativePath} (GLASSWATCH_FIXTURES is not set)`);
    return undefined;
  }
  const path = join(folder, relativePath);
  if (!existsSync(path)) throw new Error(`GLASSWATCH_FIXTURES is set, but ${relativePath} is not in it`);
  return path;
}
