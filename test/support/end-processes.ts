/** Set up for every test file: nothing that it started outlives it. */
import { afterAll } from "vitest";
import { endProcesses } from "./processes.ts";

afterAll(endProcesses);
