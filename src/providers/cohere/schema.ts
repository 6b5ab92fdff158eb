import { z } from 'zod'

const text = z.string().nullish()
const tokens = z.number().nullish()

/** Token counts, real and as billed. Cohere, Chat v2 response */
const CohereUsage = z.looseObject({
  billed_units: z.looseObject({ input_tokens: tokens, output_tokens: tokens }).nullish(),
  tokens: z.looseObject({ input_tokens: tokens, output_tokens: tokens }).nullish(),
  cached_tokens: tokens,
})

const CohereCitation = z.looseObject({
  type: text,
  start: z.number().nullish(),
  end: z.number().nullish(),
  text,
  sources: z
    .array(z.looseObject({ type: text, id: text, document: z.record(z.string(), z.unknown()).nullish() }))
    .nullish(),
})

/**
 * One streamed event; which members it has depends on `type`. Content, a call and a citation come as objects here,
 * where a whole reply has lists. Cohere, Chat v2 streaming
 */
export const CohereEvent = z.looseObject({
  type: z.string(),
  index: z.number().nullish(),
  delta: z
    .looseObject({
      message: z
        .looseObject({
          content: z.union([z.looseObject({ type: text, text, thinking: text }), z.array(z.unknown())]).nullish(),
          tool_plan: text,
          tool_calls: z
            .union([
              z.looseObject({ id: text, function: z.looseObject({ name: text, arguments: text }).nullish() }),
              z.array(z.unknown()),
            ])
            .nullish(),
          citations: z.union([CohereCitation, z.array(z.unknown())]).nullish(),
        })
        .nullish(),
      finish_reason: text,
      error: text,
      usage: CohereUsage.nullish(),
    })
    .nullish(),
})

/** `GET /v1/models?endpoint=chat`, a page. */
export const CohereModels = z.looseObject({
  models: z.array(z.unknown()).nullable(),
  next_page_token: text,
})

/** One of them: what cannot be read is passed over. */
export const CohereModel = z.looseObject({
  name: z.string().min(1),
  endpoints: z.array(z.string()).nullish().catch(undefined),
  context_length: z.number().nullish().catch(undefined),
  supports_vision: z.boolean().nullish().catch(undefined),
  features: z.array(z.string()).nullish().catch(undefined),
})

export type CohereUsage = z.infer<typeof CohereUsage>
export type CohereCitation = z.infer<typeof CohereCitation>
export type CohereEvent = z.infer<typeof CohereEvent>
export type CohereModel = z.infer<typeof CohereModel>
