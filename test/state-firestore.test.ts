/** The store contract on Google's Firestore emulator. */
import { afterAll, beforeAll, describe } from "vitest";
import { type FirestoreEmulator, startFirestoreEmulator } from "./support/emulators.ts";
import { describeStore } from "./support/store-contract.ts";
import { firestoreKind } from "./support/store-kinds.ts";
import { describeTransactions } from "./support/store-transactions.ts";
import { requireTool } from "./support/tools.ts";

const program = requireTool("java") && requireTool("firestore-emulator");

describe.runIf(program !== undefined)("with the Firestore emulator", () => {
  let emulator: FirestoreEmulator;

  beforeAll(async () => {
    emulator = await startFirestoreEmulator(program ?? "");
  });
  afterAll(() => emulator?.end());

  const kind = firestoreKind(() => emulator.host);
  describeStore(kind);
  describeTransactions(kind);
});
