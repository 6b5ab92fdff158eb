import { z } from 'zod'
import { readCount } from '../../chat/stated-usage.ts'

/** A member of the wrong type counts as absent, so that it does not spoil a good answer. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().catch(undefined)
const text = optional(z.string())
const number = optional(
  z.union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ]),
)

const tokens = z.unknown().transform(readCount).optional()
const counts = optional(z.looseObject({ input_tokens: tokens, output_tokens: tokens }))

/** Token counts, real and as billed. Cohere, Chat v2 response */
const CohereUsage = z.looseObject({
  billed_units: counts,
  tokens: counts,
  cached_tokens: tokens,
})

const CohereCitation = z.looseObject({
  type: text,
  start: number,
  end: number,
  text,
  sources: optional(
    z.array(z.looseObject({ type: text, id: text, document: optional(z.record(z.string(), z.unknown())) })),
  ),
})

/** The item of a list that has one item; any other value unchanged. Proxies send lists here, as in a whole reply. */
const only = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value)
const asPart = (value: unknown): unknown => (typeof value === 'string' ? { type: 'text', text: value } : only(value))
const asJson = (value: unknown): unknown => (typeof value === 'object' && value ? JSON.stringify(value) : value)

/**
 * One streamed event; its members depend on `type`. Content, a call and a citation are objects here; a whole reply has lists
 * of them. Cohere, Chat v2 streaming
 */
export const CohereEvent = z.looseObject({
  type: z.string(),
  index: number,
  delta: optional(
    z.looseObject({
      message: optional(
        z.looseObject({
          content: z.preprocess(asPart, optional(z.looseObject({ type: text, text, thinking: text }))),
          tool_plan: text,
          tool_calls: z.preprocess(
            only,
            optional(
              z.looseObject({
                id: text,
                function: optional(z.looseObject({ name: text, arguments: z.preprocess(asJson, text) })),
              }),
            ),
          ),
          citations: z.preprocess(only, optional(CohereCitation)),
        }),
      ),
      finish_reason: text,
      error: text,
      usage: optional(CohereUsage),
    }),
  ),
})

/** A page of `GET /v1/models`. */
export const CohereModels = z.looseObject({
  models: z.array(z.unknown()).nullable(),
  next_page_token: text,
})

/** One model; models that cannot be read are skipped. */
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
