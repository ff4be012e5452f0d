import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that mostly wait, for clocks or for other programs: they begin first, so that the rest runs meanwhile. */
const WAITING = ["emulator.test.ts", "state-firestore.test.ts", "staged.test.ts", "packed.test.ts", "functions.test.ts"];

class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = WAITING.findIndex((name) => moduleId.endsWith(`/${name}`));
      return place === -1 ? WAITING.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

const isCi = process.env.CI === "true";

export default defineConfig({
  test: {
    include: ["test/*.test.ts"],
    // Two that compute and one that waits, on the two cores of the smallest machine.
    maxWorkers: 3,
    sequence: { sequencer: WaitingFirst },
    setupFiles: ["test/support/end-processes.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // .ci/run makes its closing line from the second.
    reporters: isCi ? ["default", ["json", { outputFile: "reports/tests.json" }]] : ["default"],
    coverage: { include: ["functions/**", "shared/**"], reportsDirectory: "coverage" },
  },
});
