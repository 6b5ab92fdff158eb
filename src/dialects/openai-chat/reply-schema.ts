import { z } from 'zod'

const text = z.string()
/** What may be of another type without harm: then it is as if it were not there. */
const lenientText = text.nullish().catch(undefined)
const lenientNumber = z.number().nullish().catch(undefined)

const WireToolDelta = z.looseObject({
  index: lenientNumber,
  id: z.union([text, z.number()]).nullish().catch(undefined),
  type: lenientText,
  function: z.looseObject({ name: text.nullish(), arguments: z.unknown().optional() }).nullish(),
  custom: z.looseObject({ name: text.nullish(), input: z.unknown().optional() }).nullish(),
})

/** What a chunk adds, or a whole message: the same members, grown or whole. */
const WireDelta = z.looseObject({
  /** Text, or parts where an upstream sends reasoning among them. */
  content: z.unknown().optional(),
  refusal: lenientText,
  reasoning_content: lenientText,
  reasoning: z.unknown().optional(),
  tool_calls: z.array(WireToolDelta).nullish(),
  annotations: z.array(z.record(text, z.unknown())).nullish().catch(undefined),
})

const WireUsage = z.looseObject({
  prompt_tokens: z.number().nullish(),
  completion_tokens: z.number().nullish(),
  total_tokens: z.number().nullish(),
  prompt_tokens_details: z.looseObject({ cached_tokens: z.number().nullish() }).nullish(),
  completion_tokens_details: z.looseObject({ reasoning_tokens: z.number().nullish() }).nullish(),
})
const lenientUsage = WireUsage.nullish().catch(undefined)

const WireChoice = z.looseObject({
  /** OpenAI allows 128 answers to a request. */
  index: z.int().min(0).max(127).nullish(),
  delta: WireDelta.nullish(),
  message: WireDelta.nullish(),
  finish_reason: text.nullish(),
  logprobs: z.unknown().optional(),
  /** Moonshot counts here. */
  usage: lenientUsage,
  /** OpenRouter, where an answer failed: `{code, message}`. */
  error: z.unknown().optional(),
})

/** A chunk of a stream or a whole completion, as upstreams send them: little is sure to be there. */
export const WireReply = z.looseObject({
  object: lenientText,
  choices: z.array(WireChoice).nullish(),
  usage: lenientUsage,
  error: z.unknown().optional(),
  /** Groq's own: usage for who did not ask for it, and why a stream was ended early. */
  x_groq: z.looseObject({ usage: lenientUsage, error: text.nullish() }).nullish().catch(undefined),
})

export type WireDelta = z.infer<typeof WireDelta>
export type WireToolDelta = z.infer<typeof WireToolDelta>
export type WireUsage = z.infer<typeof WireUsage>
export type WireChoice = z.infer<typeof WireChoice>
export type WireReply = z.infer<typeof WireReply>
