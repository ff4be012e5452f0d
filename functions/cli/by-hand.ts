import { processEnvironment } from "../../shared/settings.ts";
import { type House, openHouse } from "../runtime.ts";
import { usage } from "./arguments.ts";

/** What every command says that changes something by hand: it is audited. */
export interface ByHand {
  readonly config?: string;
  readonly by?: string;
}

/** Opens the house of the settings for one command, and closes it whatever happens. */
export async function inHouse<T>(config: string | undefined, work: (house: House) => Promise<T>): Promise<T> {
  const environment = processEnvironment();
  const house = await openHouse(config === undefined ? environment : { ...environment, GLASSWATCH_SETTINGS: config });
  try {
    return await work(house);
  } finally {
    await house.close();
  }
}

/** A name that can be asked afterwards; throws USAGE for none. */
export function whoever(by: string | undefined): string {
  const name = by?.trim() ?? "";
  if (name === "" || /\p{Cc}/u.test(name)) throw usage("--by: expected who does this, such as an e-mail address");
  return name;
}

/** Why; throws USAGE for no reason at all. */
export function reasonOf(text: string | undefined, option: string): string {
  const reason = text?.trim() ?? "";
  if (reason === "") throw usage(`${option}: expected a reason that others can read`);
  return reason;
}
