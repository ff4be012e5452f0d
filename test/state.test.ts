import { describeStore } from "./support/store-contract.ts";
import { STORE_KINDS } from "./support/store-kinds.ts";
import { describeTransactions } from "./support/store-transactions.ts";

for (const kind of STORE_KINDS) {
  describeStore(kind);
  describeTransactions(kind);
}
