/** The stores that must keep the contract; a new one gets every test of stores and delivery by its line here. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFirestoreStore } from "../../shared/state/firestore.ts";
import { memoryStore } from "../../shared/state/memory.ts";
import { openSqliteStore } from "../../shared/state/sqlite.ts";
import type { Store } from "../../shared/state/store.ts";

/** One fresh, empty store, to which several workers can connect. */
export interface SharedStore {
  connect(): Promise<Store>;
  dispose(): Promise<void>;
}

export interface StoreKind {
  readonly name: string;
  open(): Promise<SharedStore>;
}

export const STORE_KINDS: readonly StoreKind[] = [
  {
    name: "memory",
    async open() {
      const store = memoryStore();
      return { connect: async () => store, dispose: () => store.close() };
    },
  },
  {
    name: "sqlite",
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "glasswatch-store-"));
      const connections: Store[] = [];
      return {
        async connect() {
          const store = await openSqliteStore(join(folder, "state.db"));
          connections.push(store);
          return store;
        },
        async dispose() {
          for (const store of connections) await store.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  },
];

let databases = 0;

/** Not in the table above: it needs an emulator, and real time passes on the way to it. */
export function firestoreKind(hostOf: () => string): StoreKind {
  return {
    name: "firestore",
    async open() {
      databases += 1;
      const project = `example-${process.pid}-${databases}`;
      const connections: Store[] = [];
      return {
        async connect() {
          const store = await openFirestoreStore({
            project,
            database: "(default)",
            emulatorHost: hostOf(),
            collectionPrefix: "glasswatch-",
          });
          connections.push(store);
          return store;
        },
        async dispose() {
          for (const store of connections) await store.close();
        },
      };
    },
  };
}
