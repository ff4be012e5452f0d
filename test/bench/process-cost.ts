/** What a process has cost so far, as Linux counts it from outside: nothing has to be built into the process. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds of processor time of all its threads. */
export function cpuMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((task) =>
    Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

export function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

export interface MemoryLimit {
  /** For people. */
  readonly how: string;
  /** The command that runs under the limit. */
  wrap(command: readonly string[]): readonly string[];
  /** Once what ran under it has ended. */
  remove(): void;
}

/** As large as the instance will be: a control group where this machine lets us make one, else limits of V8 alone. */
export function memoryLimit(mib: number): MemoryLimit {
  const name = `glasswatch-bench-${process.pid}`;
  const candidates = [
    { group: `/sys/fs/cgroup/${name}`, limit: "memory.max" },
    { group: `/sys/fs/cgroup/memory/${name}`, limit: "memory.limit_in_bytes" },
  ];
  for (const { group, limit } of candidates) {
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(group, limit), String(mib * 1024 * 1024), { flag: "r+" });
    } catch {
      rmdirSync(group);
      continue;
    }
    return {
      how: `in a control group of ${mib} MiB`,
      wrap: (command) => ["sh", "-c", 'echo $$ > "$0" && exec "$@"', join(group, "cgroup.procs"), ...command],
      remove: () => rmdirSync(group),
    };
  }
  return {
    how: "with --max-semi-space-size=2 --max-old-space-size=64, for want of a control group",
    wrap: ([node = "", ...args]) => [node, "--max-semi-space-size=2", "--max-old-space-size=64", ...args],
    remove() {},
  };
}
