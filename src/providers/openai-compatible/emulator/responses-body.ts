import { z } from 'zod'

const id = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}`), `Expected an ID that begins with '${prefix}'.`)
const callId = z.string().min(1).max(64, 'string too long. Expected a string with maximum length 64')
const words = z.looseObject({ type: z.enum(['input_text', 'output_text', 'refusal', 'input_image', 'input_file']) })
const content = z.union([z.string(), z.array(words)])
const status = z.string().optional()

const Item = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('message'),
    id: id('msg').optional(),
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content,
    status,
    phase: z.enum(['commentary', 'final_answer']).optional(),
  }),
  z.strictObject({
    type: z.literal('reasoning'),
    id: id('rs'),
    summary: z.array(z.strictObject({ type: z.literal('summary_text'), text: z.string() })),
    encrypted_content: z.string(),
  }),
  z.strictObject({
    type: z.literal('function_call'),
    id: id('fc').optional(),
    call_id: callId,
    name: z.string().regex(/^[\w-]{1,64}$/),
    namespace: z.string().optional(),
    arguments: z.string(),
    status,
  }),
  z.strictObject({
    type: z.literal('custom_tool_call'),
    id: id('ctc').optional(),
    call_id: callId,
    name: z.string(),
    namespace: z.string().optional(),
    input: z.string(),
    status,
  }),
  z.looseObject({
    type: z.enum(['function_call_output', 'custom_tool_call_output']),
    call_id: callId,
    output: content,
  }),
  z.looseObject({ type: z.enum(['web_search_call', 'additional_tools', 'tool_search_call', 'tool_search_output']) }),
])

const tool = z.union([
  z.strictObject({
    type: z.literal('function'),
    name: z.string().regex(/^[\w-]{1,64}$/),
    description: z.string().optional(),
    parameters: z.looseObject({ type: z.literal('object') }).nullable(),
    strict: z.boolean(),
  }),
  z.looseObject({ type: z.enum(['custom', 'namespace', 'web_search', 'tool_search']) }),
])

/** A body of `POST /v1/responses`. OpenAI refuses fields that it does not know. */
export const ResponsesBody = z.strictObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.preprocess(withType, Item)).min(1)]),
  instructions: z.string().optional(),
  stream: z.boolean().optional(),
  store: z.literal(false, 'the emulator keeps no responses'),
  include: z.array(z.string()).optional(),
  tools: z.array(tool).optional(),
  tool_choice: z.unknown().optional(),
  parallel_tool_calls: z.boolean().optional(),
  max_output_tokens: z.int().min(16, 'Expected a value >= 16').optional(),
  max_tool_calls: z.int().optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().optional(),
  top_logprobs: z.int().optional(),
  reasoning: z.strictObject({ effort: z.string().optional(), summary: z.string().optional() }).optional(),
  text: z.strictObject({ format: z.looseObject({}).optional(), verbosity: z.string().optional() }).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  prompt_cache_key: z.string().optional(),
  safety_identifier: z.string().optional(),
  service_tier: z.string().optional(),
  truncation: z.string().optional(),
  user: z.string().optional(),
})

export type ResponsesBody = z.infer<typeof ResponsesBody>

/** A message needs no type. */
function withType(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'role' in item ? { type: 'message', ...item } : item
}

export const inputOf = ({ input }: ResponsesBody) =>
  typeof input === 'string' ? [{ type: 'message' as const, role: 'user' as const, content: input }] : input

/** What OpenAI would complain of in a body with valid members; undefined for nothing. */
export function complaintAbout(body: ResponsesBody): string | undefined {
  const calls = new Set<string>()
  const outputs = new Set<string>()
  for (const [at, item] of inputOf(body).entries()) {
    if (item.type === 'function_call' || item.type === 'custom_tool_call') calls.add(item.call_id)
    if (item.type === 'function_call_output' || item.type === 'custom_tool_call_output')
      outputs.add(String(item.call_id))
    if (item.type === 'reasoning' && item.encrypted_content !== encryptedFor(item.id))
      return `The encrypted content for item ${item.id} could not be verified.`
    if (item.type === 'reasoning' && inputOf(body)[at + 1] === undefined)
      return `Item '${item.id}' of type 'reasoning' was provided without its required following item.`
  }
  const open = [...calls].find((call) => !outputs.has(call))
  if (open !== undefined) return `No tool output found for function call ${open}.`
  const orphan = [...outputs].find((call) => !calls.has(call))
  return orphan && `No tool call found for function call output with call_id ${orphan}.`
}

/** The only encrypted content that the emulator accepts for an item. */
export function encryptedFor(item: string): string {
  return `gAAAA${Buffer.from(item).toString('base64')}`
}
