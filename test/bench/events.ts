/** Events that are nobody's business, as Eventarc posts them, 8 KB each on average. */
import { readValue } from "../../shared/audit-log/envelope.ts";
import { builtInCatalogue } from "../../shared/rules/index.ts";
import { cloudEvent, type Posted } from "../support/functions-framework.ts";
import { sampleBytes, sampleIndex } from "../support/samples.ts";

const BODY_BYTES = 8 * 1024;
const COUNT = 64;

interface Sample {
  readonly insertId: string;
  readonly protoPayload: Readonly<Record<string, unknown>>;
}

export function irrelevantEvents(): readonly Posted[] {
  const catalogue = builtInCatalogue();
  const samples = sampleIndex
    .filter(({ kind }) => kind !== "envelope")
    .map(({ file }) => sampleBytes(file))
    .filter((bytes) => {
      const [reading] = readValue(bytes);
      return reading !== undefined && "entry" in reading && catalogue.filters.matching(reading.entry).length === 0;
    })
    .map((bytes) => JSON.parse(bytes.toString()) as Sample)
    .filter(({ protoPayload }) => typeof protoPayload === "object");
  return Array.from({ length: COUNT }, (_, index) => {
    const sample = samples[index % samples.length] as Sample;
    // From half to one and a half times the size, in even steps.
    const bytes = BODY_BYTES * (0.5 + index / (COUNT - 1));
    return eventOf(sample, `bench-${index}`, bytes);
  });
}

/** The sample, filled up with what fills real entries: the resource that the caller sent. */
function eventOf(sample: Sample, insertId: string, bytes: number): Posted {
  const env: { name: string; value: string }[] = [];
  const event = () => {
    const spec = { template: { spec: { containers: [{ image: "europe-docker.pkg.dev/example/app/web:1", env }] } } };
    const entry = { ...sample, insertId, protoPayload: { ...sample.protoPayload, metadata: { previous: spec } } };
    return cloudEvent(JSON.stringify(entry));
  };
  let made = event();
  while (made.body.length < bytes) {
    const missing = Math.ceil((bytes - made.body.length) / 120);
    for (let n = 0; n < missing; n++) {
      env.push({ name: `SETTING_${env.length}`, value: `https://service-${env.length}.example.internal/v1/path` });
    }
    made = event();
  }
  return made;
}
