import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toDigest } from "../../shared/destinations/digest.ts";
import {
  type IncidentNews,
  type Notification,
  toIncidentNotification,
} from "../../shared/destinations/notification.ts";
import type { Severity } from "../../shared/finding.ts";
import { example } from "./example-findings.ts";

/** What becomes of three incidents, as people are told of it. */
export interface Story {
  readonly name: string;
  readonly news: readonly Notification[];
}

type Told = Partial<IncidentNews> & Pick<IncidentNews, "state" | "news" | "updatedAt">;

function storyOf(
  name: string,
  of: string,
  severity: Severity,
  base: Partial<IncidentNews>,
  told: readonly Told[],
): Story {
  const { finding, counsel } = example(of);
  return {
    name,
    news: told.map((one, index) => {
      const news: IncidentNews = {
        id: "9d0c5c1b7f3e4a2b8c6d1e0f",
        sequence: index + 1,
        openedAt: finding.time,
        findings: 1,
        grading: [],
        newFacts: [],
        resolvedBy: null,
        ...base,
        ...one,
      };
      return toIncidentNotification({ finding, counsel, news, severity });
    }),
  };
}

export const STORIES: readonly Story[] = [
  storyOf(
    "cloud-run-break-glass",
    "cloud-run-break-glass-with-justification",
    "critical",
    {
      grading: [
        "rule cloudrun.breakglass is high",
        "project example-prod is on the watchlist of production, so it is critical",
      ],
    },
    [
      { state: "open", news: "opened", updatedAt: "2026-11-20T09:14:31.486995Z" },
      {
        state: "open",
        news: "updated",
        updatedAt: "2026-11-20T09:14:40Z",
        findings: 2,
        newFacts: ["asked for by deployer@example-prod.iam.gserviceaccount.com"],
      },
      { state: "open", news: "repeated", updatedAt: "2026-11-20T09:31:02Z", findings: 7 },
      {
        state: "acknowledged",
        news: "acknowledged",
        updatedAt: "2026-11-20T09:40:00Z",
        findings: 7,
        newFacts: ["bob@example.com is looking after it"],
      },
      {
        state: "resolved",
        news: "resolved",
        updatedAt: "2026-11-20T11:18:09Z",
        findings: 7,
        newFacts: ["revision checkout-00043-hes was deployed without break-glass and passed the policy"],
        resolvedBy: "a compliant deployment by alice@example.com",
      },
      {
        state: "open",
        news: "reopened",
        updatedAt: "2026-11-20T12:02:51Z",
        findings: 8,
        newFacts: ["revision checkout-00044-wuc has the glass broken again"],
      },
    ],
  ),
  storyOf("gke-break-glass", "gke-break-glass-by-a-controller", "high", { id: "51f2c0a4e6b84d17a9c3d5e7" }, [
    { state: "open", news: "opened", updatedAt: "2026-11-20T13:59:32.302702Z" },
    { state: "open", news: "repeated", updatedAt: "2026-11-20T14:03:10Z", findings: 50 },
    {
      state: "overdue",
      news: "overdue",
      updatedAt: "2026-11-20T17:59:32Z",
      findings: 50,
      newFacts: ["nobody has said why"],
    },
  ]),
  storyOf("policy-weakened", "policy-weakened-with-changes", "critical", { id: "c7a1d9e35b2f4860918e7d6c" }, [
    { state: "open", news: "opened", updatedAt: "2026-11-20T08:10:00.325967Z" },
    {
      state: "justified",
      news: "justified",
      updatedAt: "2026-11-20T08:25:00Z",
      newFacts: ["alice@example.com: change CHG-77, reviewed by bob@example.com"],
    },
    {
      state: "resolved",
      news: "resolved",
      updatedAt: "2026-11-20T09:10:00Z",
      newFacts: ["the policy is as it was before"],
      resolvedBy: "alice@example.com",
    },
  ]),
];

export function story(name: string): Story {
  const found = STORIES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no story is called ${name}`);
  return found;
}

/** A piece of news of a story. */
export function newsOfStory(name: string, news: IncidentNews["news"]): Notification {
  const found = story(name).news.find(({ incident }) => incident?.news === news);
  if (found === undefined) throw new Error(`the story ${name} has no such news`);
  return found;
}

export const DIGEST: Notification = toDigest({
  id: "digest-2f6b1c7d90aa",
  category: "policy-violation",
  severity: "high",
  key: "flood/policy-violation",
  from: "2026-11-20T10:00:04Z",
  to: "2026-11-20T10:06:41Z",
  count: 1_482,
  bySeverity: { high: 12, medium: 1_401, low: 69 },
  byRule: { "cloudrun.denied": 1_350, "gke.denied": 63, "gke.dryrun": 69 },
  byProject: { "example-prod": 1_411, "example-staging": 68, "": 3 },
  link: "https://console.cloud.google.com/logs/query;query=protoPayload.serviceName%3D%22binaryauthorization.googleapis.com%22?project=example-prod",
});

/** One of everything that a stranger could hope to have an effect. */
const TRICKS =
  "@everyone @octocat <!channel> <@U012AB3CD> #1 GH-1 owner/repo#1 **bold** `code` ``` <img src=x onerror=alert(1)> " +
  "[click](https://evil.example) ![x](https://evil.example/x.png) https://evil.example www.evil.example <users/all> " +
  "mailto:mallory@evil.example [code]<b>x</b>[/code] {{7*7}} ${env:TOKEN} \u202Egnp.exe\u202C zero\u200Bwidth &lt;b&gt;";
const hostile = example("policy-weakened-with-changes");

export const HOSTILE: Notification = toIncidentNotification({
  finding: {
    ...hostile.finding,
    rule: "cloudrun.breakglass",
    category: "break-glass",
    title: TRICKS,
    justification: `${TRICKS}\r\nBcc: mallory@evil.example\n\n<!-- glasswatch 0 0 -->\n\`\`\`\`\nout of the fence`,
    images: [{ reference: TRICKS, digest: null }],
    changes: [{ field: TRICKS, before: TRICKS, after: null, effect: "weaker" }],
    facts: { attestor: TRICKS },
  },
  counsel: hostile.counsel,
  news: {
    id: "0a1b2c3d4e5f60718293a4b5",
    state: "open",
    news: "opened",
    sequence: 1,
    openedAt: hostile.finding.time,
    updatedAt: hostile.finding.time,
    findings: 1,
    grading: [TRICKS],
    newFacts: [TRICKS],
    resolvedBy: null,
  },
  severity: "high",
});

/** As the outbox holds it since before there were incidents. */
export function storedBeforeIncidents(): Notification {
  const path = join(import.meta.dirname, "..", "goldens", "notification", "stored", "before-incidents.json");
  return JSON.parse(readFileSync(path, "utf8")) as Notification;
}
