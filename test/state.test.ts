import { describeStore } from "./support/store-contract.ts";
import { STORE_KINDS } from "./support/store-kinds.ts";

for (const kind of STORE_KINDS) describeStore(kind);
