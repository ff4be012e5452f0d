import { attestorIn, BINAUTHZ_FIELDS, guardedResource, policyIn } from "../audit-log/binauthz.ts";
import { AUTHORIZATION_FIELDS, missingPermission } from "../audit-log/authorization.ts";
import { type BindingChange, bindingChanges, IAM_FIELDS, policyBindings } from "../audit-log/iam-bindings.ts";
import { isObject, type JsonObject, member } from "../audit-log/json.ts";
import { METHOD_NAME, STATUS_CODE } from "../audit-log/payload.ts";
import { type EntryView, field } from "../audit-log/view.ts";
import { ADMIN_READS, adminCalls, attemptDenied, successfulCalls } from "../classifier/admin-activity.ts";
import { type AttestorState, attestorState, compareAttestors } from "../classifier/compare-attestor.ts";
import {
  allowlistWarnings,
  comparePolicies,
  isTerraformDefault,
  policyState,
  weaknessesOf,
} from "../classifier/compare-binauthz-policy.ts";
import {
  comparePlatformPolicies,
  platformPolicyState,
  weaknessesOfPlatformPolicy,
} from "../classifier/compare-platform-policy.ts";
import { type GradedChange, gravest, toChanges, weakensBy } from "../classifier/graded-change.ts";
