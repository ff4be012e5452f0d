import { inspect } from "node:util";
import { test as property } from "@fast-check/vitest";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Fetch, type HttpRequest, retryAfter, send } from "../shared/destinations/http.ts";
import type { ErrorCode } from "../shared/errors.ts";
import { Secret } from "../shared/secret.ts";
import { expectFailure, failure } from "./support/destination-contract.ts";

const ADDRESS = "https://hooks.example.com/services/sEcReT";
const request: HttpRequest = {
  destination: `slack "security"`,
  url: new Secret(ADDRESS),
  method: "POST",
  headers: {},
  body: "{}",
  timeoutMs: 1_000,
};
const never = new AbortController().signal;

describe("a connection that fails", () => {
  it.each<{ code: string; means: ErrorCode }>([
    { code: "ECONNREFUSED", means: "DESTINATION_UNAVAILABLE" },
    { code: "ENOTFOUND", means: "DESTINATION_UNAVAILABLE" },
    { code: "EAI_AGAIN", means: "DESTINATION_UNAVAILABLE" },
    { code: "UND_ERR_CONNECT_TIMEOUT", means: "DESTINATION_UNAVAILABLE" },
    { code: "CERT_HAS_EXPIRED", means: "DESTINATION_UNAVAILABLE" },
    { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", means: "DESTINATION_UNAVAILABLE" },
    { code: "ERR_TLS_CERT_ALTNAME_INVALID", means: "DESTINATION_UNAVAILABLE" },
    { code: "ECONNRESET", means: "DESTINATION_UNKNOWN_OUTCOME" },
    { code: "EPIPE", means: "DESTINATION_UNKNOWN_OUTCOME" },
    { code: "UND_ERR_SOCKET", means: "DESTINATION_UNKNOWN_OUTCOME" },
    { code: "UND_ERR_HEADERS_TIMEOUT", means: "DESTINATION_UNKNOWN_OUTCOME" },
    { code: "SOMETHING_NEW", means: "DESTINATION_UNKNOWN_OUTCOME" },
  ])("with $code is $means", async ({ code, means }) => {
    const cause = Object.assign(new Error(`connect to ${ADDRESS}`), { code, address: ADDRESS });
    const error = await failure(sendWith(async () => Promise.reject(new TypeError(`failed ${ADDRESS}`, { cause }))));
    expectFailure(error, means, ["sEcReT", ADDRESS]);
    expect(String(error)).toContain(code);
    expect(String(error)).toContain("hooks.example.com");
  });

  it("with something that is no error says no more than that", async () => {
    const error = await failure(sendWith(async () => Promise.reject(ADDRESS)));
    expectFailure(error, "DESTINATION_UNKNOWN_OUTCOME", ["sEcReT"]);
  });

  it("after the status of success is not a success", async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error("cut")) });
    const error = await failure(sendWith(async () => new Response(broken, { status: 200 })));
    expectFailure(error, "DESTINATION_UNKNOWN_OUTCOME", ["sEcReT"]);
  });

  it("after the status of a refusal is a refusal", async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error("cut")) });
    await expect(sendWith(async () => new Response(broken, { status: 404 }))).resolves.toMatchObject({ status: 404 });
  });
});

it("reads no more of an answer than can matter", async () => {
  let chunks = 0;
  const endless = new ReadableStream({
    pull: (controller) => {
      chunks += 1;
      controller.enqueue(new TextEncoder().encode("x".repeat(1000)));
    },
  });
  const answer = await sendWith(async () => new Response(endless, { status: 500 }));
  expect(answer.body.length).toBe(4096);
  expect(chunks).toBeLessThan(20);
});

it("does not call fetch when it is stopped already", async () => {
  let called = false;
  const fetch: Fetch = async () => {
    called = true;
    return new Response("ok");
  };
  expectFailure(await failure(send(request, { fetch, now: () => 0 }, AbortSignal.abort())), "DESTINATION_UNAVAILABLE", [
    "sEcReT",
  ]);
  expect(called).toBe(false);
});

property.prop([fc.oneof(fc.string(), fc.integer().map(String)), fc.integer({ min: 0, max: 4e12 })])(
  "a Retry-After of any text is undefined or between a second and an hour",
  (header, now) => {
    const wait = retryAfter(header, now);
    expect(wait === undefined || (Number.isInteger(wait) && wait >= 1_000 && wait <= 3_600_000)).toBe(true);
  },
);

describe("a secret", () => {
  const secret = new Secret("hunter2");

  it("is given back to whoever uses it", () => {
    expect(secret.reveal()).toBe("hunter2");
  });

  it.each([
    { way: "joined", printed: ["", secret].join("") },
    { way: "turned into text", printed: String(secret) },
    { way: "serialised", printed: JSON.stringify({ secret }) },
    { way: "inspected", printed: inspect({ secret }, { showHidden: true, depth: 9 }) },
    { way: "formatted", printed: inspect(new Error("with", { cause: secret })) },
    { way: "listed", printed: JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret)]) },
  ])("is not seen when it is $way", ({ printed }) => {
    expect(printed).not.toContain("hunter2");
  });
});

async function sendWith(fetch: Fetch) {
  return send(request, { fetch, now: () => 0 }, never);
}
