import { z } from "zod";

/**
 * What Slack takes of Block Kit, as far as our messages use it, with the limits of its reference: whatever is not
 * listed here is refused, as Slack would with `invalid_blocks`.
 */
const plainText = (max: number) =>
  z.strictObject({ type: z.literal("plain_text"), text: z.string().min(1).max(max), emoji: z.boolean().optional() });
const mrkdwn = (max: number) =>
  z.strictObject({ type: z.literal("mrkdwn"), text: z.string().min(1).max(max), verbatim: z.boolean().optional() });
const textObject = (max: number) => z.discriminatedUnion("type", [plainText(max), mrkdwn(max)]);

const style = z.strictObject({
  bold: z.boolean().optional(),
  italic: z.boolean().optional(),
  strike: z.boolean().optional(),
  code: z.boolean().optional(),
});
/** Slack names no limit for one text of rich text; 3000 is that of every other text. */
const richTextText = z.strictObject({
  type: z.literal("text"),
  text: z.string().min(1).max(3000),
  style: style.optional(),
});
const inline = z.array(richTextText).min(1);
const richTextElement = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("rich_text_section"), elements: inline }),
  z.strictObject({ type: z.literal("rich_text_quote"), elements: inline }),
  z.strictObject({
    type: z.literal("rich_text_preformatted"),
    // Formatting has no place in preformatted text.
    elements: z.array(richTextText.omit({ style: true })).min(1),
  }),
]);

const button = z.strictObject({
  type: z.literal("button"),
  action_id: z.string().min(1).max(255).optional(),
  text: plainText(75),
  url: z
    .url({ protocol: /^https$/ })
    .max(3000)
    .optional(),
  value: z.string().max(2000).optional(),
  style: z.enum(["primary", "danger"]).optional(),
});

const block_id = z.string().min(1).max(255).optional();
const block = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("header"), block_id, text: plainText(150) }),
  z.strictObject({ type: z.literal("context"), block_id, elements: z.array(textObject(3000)).min(1).max(10) }),
  z.strictObject({ type: z.literal("divider"), block_id }),
  z
    .strictObject({
      type: z.literal("section"),
      block_id,
      text: textObject(3000).optional(),
      fields: z.array(textObject(2000)).min(1).max(10).optional(),
    })
    .refine((section) => section.text !== undefined || section.fields !== undefined, "a section needs text or fields"),
  z.strictObject({ type: z.literal("rich_text"), block_id, elements: z.array(richTextElement).min(1) }),
  z
    .strictObject({ type: z.literal("actions"), block_id, elements: z.array(button).min(1).max(25) })
    .refine((actions) => unique(actions.elements.map((one) => one.action_id)), "action_id is used twice"),
]);

const message = z.strictObject({
  text: z.string().min(1).max(40_000),
  mrkdwn: z.boolean().optional(),
  link_names: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
  blocks: z
    .array(block)
    .min(1)
    .max(50)
    .refine((blocks) => unique(blocks.map((one) => one.block_id)), "block_id is used twice")
    // Seen by others in practice; Slack itself publishes no number.
    .refine((blocks) => Buffer.byteLength(JSON.stringify(blocks)) <= 13_000, "msg_blocks_too_long")
    .optional(),
});

/** Why Slack would refuse a payload; empty when it would take it. */
export function slackComplaints(payload: unknown): readonly string[] {
  const parsed = message.safeParse(payload);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

function unique(values: readonly (string | undefined)[]): boolean {
  const given = values.filter((value) => value !== undefined);
  return new Set(given).size === given.length;
}
