import { z } from 'zod'

const text = z.strictObject({ type: z.literal('text'), text: z.string() })
const picture = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: z.string().min(1), detail: z.enum(['auto', 'low', 'high']).optional() }),
})
const thinking = z.strictObject({ type: z.literal('thinking'), thinking: z.string() })
const document = z.strictObject({ type: z.literal('document'), document: z.looseObject({ data: z.unknown() }) })
const call = z.strictObject({
  id: z.string().min(1),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
})

/** The roles, and the content of each role. Cohere, Chat v2 reference */
const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.union([z.string(), z.array(text)]) }),
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string().min(1), z.array(z.union([text, picture])).min(1)]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(z.union([text, thinking]))]).optional(),
    tool_plan: z.string().optional(),
    tool_calls: z.array(call).min(1).optional(),
    citations: z.array(z.unknown()).optional(),
  }),
  z.strictObject({
    role: z.literal('tool'),
    tool_call_id: z.string(),
    content: z.union([z.string(), z.array(z.union([text, document]))]),
  }),
])

const tool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string().min(1),
    description: z.string().optional(),
    parameters: z.looseObject({ type: z.string() }),
  }),
})

/** The body of `POST /v2/chat`, as strict as the service: unknown fields are refused. */
export const CohereBody = z.strictObject({
  model: z.string(),
  messages: z.array(message).min(1),
  stream: z.boolean(),
  temperature: z.number().min(0).optional(),
  p: z.number().min(0.01).max(0.99).optional(),
  k: z.int().min(0).max(500).optional(),
  max_tokens: z.int().min(1).optional(),
  stop_sequences: z.array(z.string()).max(5).optional(),
  seed: z.int().min(0).optional(),
  frequency_penalty: z.number().min(0).max(1).optional(),
  presence_penalty: z.number().min(0).max(1).optional(),
  response_format: z
    .union([
      z.strictObject({ type: z.literal('text') }),
      z.strictObject({ type: z.literal('json_object'), json_schema: z.looseObject({}).optional() }),
    ])
    .optional(),
  safety_mode: z.enum(['CONTEXTUAL', 'STRICT', 'OFF']).optional(),
  tools: z.array(tool).optional(),
  tool_choice: z.enum(['REQUIRED', 'NONE']).optional(),
  strict_tools: z.boolean().optional(),
  documents: z.array(z.union([z.string(), z.looseObject({ data: z.unknown() })])).optional(),
  citation_options: z.looseObject({ mode: z.string() }).optional(),
  thinking: z
    .strictObject({ type: z.enum(['enabled', 'disabled']), token_budget: z.int().min(1).optional() })
    .optional(),
  logprobs: z.boolean().optional(),
  priority: z.int().min(0).optional(),
})

export type CohereBody = z.infer<typeof CohereBody>

/** The service's complaint about a body that it refuses; undefined if it accepts the body. */
export function complaintAbout(body: CohereBody): string | undefined {
  if (body.tool_choice && !body.tools?.length) return 'tool_choice may only be specified with tools'
  const known = new Set<string>()
  for (const [at, spoken] of body.messages.entries()) {
    if (spoken.role === 'assistant') {
      if (!spoken.content && !spoken.tool_calls) return `message at index ${at} has neither content nor tool calls`
      for (const { id } of spoken.tool_calls ?? []) known.add(id)
    }
    if (spoken.role === 'tool' && !known.has(spoken.tool_call_id))
      return `tool call id ${spoken.tool_call_id} not found in previous tool calls`
  }
  return undefined
}
