/** `npm run bench` runs all benchmarks, `npm run bench -- live` one. Exit code 1 when a figure that must be reached is not. */

/** Each resolves to false when it did not reach what it must. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<unknown> }>>> = {
  classify: () => import("./classify.ts"),
  live: () => import("./live.ts"),
  query: () => import("./query.ts"),
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`there is no benchmark ${unknown.join(", ")}: expected ${Object.keys(BENCHES).join(", ")}\n`);
  process.exitCode = 2;
} else {
  for (const [name, load] of Object.entries(BENCHES)) {
    if (named.length > 0 && !named.includes(name)) continue;
    process.stdout.write(`── ${name}\n`);
    const isReached = await (await load()).run();
    if (isReached === false) process.exitCode = 1;
  }
}
