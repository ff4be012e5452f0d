import { ProcessingError } from "../../shared/errors.ts";

/** The error that some work throws; it is a failure of the test when there is none, or one that is not ours. */
export function refusalOf(work: () => unknown): ProcessingError {
  try {
    work();
  } catch (error) {
    if (error instanceof ProcessingError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
