/**
 * Preloaded into a process (`--import`), writes the name of every module that it asks for to the file that
 * GLASSWATCH_TEST_MODULES names, one a line, at the moment it asks.
 */
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env.GLASSWATCH_TEST_MODULES;
if (file === undefined) throw new Error("GLASSWATCH_TEST_MODULES is not set");

registerHooks({
  resolve(specifier, context, next) {
    appendFileSync(file, `${specifier}\n`);
    return next(specifier, context);
  },
});
