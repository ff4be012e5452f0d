import { type Catalogue, compileCatalogue } from "../classifier/catalogue.ts";
import type { Rule } from "../classifier/rule.ts";
import { EMPTY_WATCHLISTS, type Watchlists } from "../classifier/watchlists.ts";
import { artifactregistryRules } from "./artifactregistry.ts";
import { attestationRules } from "./attestation.ts";
import { binauthzRules } from "./binauthz.ts";
import { cloudrunRules } from "./cloudrun.ts";
import { cvRules } from "./cv.ts";
import { gdcRules } from "./gdc.ts";
import { gkeRules } from "./gke.ts";
import { iamRules } from "./iam.ts";
import { kmsRules } from "./kms.ts";
import { loggingRules } from "./logging.ts";
import { orgpolicyRules } from "./orgpolicy.ts";
import { pubsubRules } from "./pubsub.ts";
import { sccRules } from "./scc.ts";
import { serviceusageRules } from "./serviceusage.ts";
import { vpcscRules } from "./vpcsc.ts";

/** Every rule that Glasswatch brings along; where rules share a change, the graver verdict stands first. */
export function builtInRules(watchlists: Watchlists): readonly Rule[] {
  return [
    ...cloudrunRules(watchlists),
    ...gkeRules,
    ...binauthzRules,
    ...orgpolicyRules,
    ...gdcRules,
    ...cvRules,
    ...iamRules,
    ...loggingRules,
    ...pubsubRules(watchlists),
    ...serviceusageRules,
    ...artifactregistryRules,
    ...kmsRules,
    ...attestationRules,
    ...vpcscRules,
    ...sccRules,
  ];
}

/** As they are where an organization has named nothing of its own. */
export const BUILT_IN_RULES: readonly Rule[] = builtInRules(EMPTY_WATCHLISTS);

export function builtInCatalogue(): Catalogue {
  return compileCatalogue(BUILT_IN_RULES);
}
