import { z } from 'zod'
import { faultsIn, type Refusal } from '../../../clients/openai-chat/emulator/service.ts'

const text = z.string()
const fields = z.record(z.string(), z.unknown())
const TextPart = z.strictObject({ type: z.literal('text'), text })
const Thinking = z.strictObject({
  type: z.literal('thinking'),
  thinking: z.array(TextPart),
  closed: z.boolean().optional(),
})
const ImageUrl = z.union([text, z.strictObject({ url: text, detail: text.nullish() })])
const Image = z.strictObject({ type: z.literal('image_url'), image_url: ImageUrl })
const plain = z.union([text, z.array(TextPart)])
const Call = z.strictObject({
  id: text.optional(),
  type: z.literal('function').optional(),
  index: z.int().optional(),
  function: z.strictObject({ name: text, arguments: z.union([text, fields]) }),
})

const Message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: plain }),
  z.strictObject({
    role: z.literal('user'),
    content: z.union([text, z.array(z.discriminatedUnion('type', [TextPart, Image]))]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([text, z.array(z.discriminatedUnion('type', [TextPart, Thinking]))]).nullish(),
    tool_calls: z.array(Call).nullish(),
    prefix: z.boolean().optional(),
  }),
  z.strictObject({ role: z.literal('tool'), content: plain, tool_call_id: text, name: text.nullish() }),
])

const named = z.strictObject({ type: z.literal('function').optional(), function: z.strictObject({ name: text }) })
const JsonSchema = z.strictObject({
  name: text,
  description: text.nullish(),
  schema: fields,
  strict: z.boolean().optional(),
})

/** The body; other fields are refused. Mistral, Chat Completion reference */
const MistralBody = z.strictObject({
  model: text,
  messages: z.array(Message).min(1),
  temperature: z.number().min(0).max(1.5).nullish(),
  top_p: z.number().min(0).max(1).optional(),
  max_tokens: z.int().min(0).nullish(),
  stream: z.boolean().optional(),
  stop: z.union([text, z.array(text)]).optional(),
  random_seed: z.int().min(0).nullish(),
  metadata: fields.nullish(),
  response_format: z
    .strictObject({ type: z.enum(['text', 'json_object', 'json_schema']), json_schema: JsonSchema.nullish() })
    .optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function').optional(),
        function: z.strictObject({
          name: text,
          description: text.optional(),
          strict: z.boolean().optional(),
          parameters: fields,
        }),
      }),
    )
    .nullish(),
  tool_choice: z.union([z.enum(['auto', 'none', 'any', 'required']), named]).optional(),
  parallel_tool_calls: z.boolean().optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  n: z.int().min(1).nullish(),
  prediction: z.strictObject({ type: z.literal('content').optional(), content: text }).optional(),
  safe_prompt: z.boolean().optional(),
  prompt_mode: z.literal('reasoning').nullish(),
  reasoning_effort: z.enum(['high', 'none']).nullish(),
  guardrails: z.array(fields).nullish(),
})

type MistralBody = z.infer<typeof MistralBody>

/** The service's refusal of a body; undefined if it accepts the body. */
export function checkBody(value: unknown): Refusal | undefined {
  const body = MistralBody.safeParse(value)
  if (!body.success) return { status: 422, body: { detail: faultsIn(body.error.issues) } }
  const complaint = wrongId(body.data) ?? wrongOrder(body.data)
  return complaint === undefined ? undefined : refusedAs(complaint, 'invalid_request_error', '3051')
}

/** A refusal with status 400 in Mistral's shape. */
export function refusedAs(message: string, type: string, code: string): Refusal {
  return { status: 400, body: { object: 'error', message, type, param: null, code } }
}

function wrongId({ messages }: MistralBody): string | undefined {
  const ids = messages.flatMap((message) => {
    if (message.role === 'tool') return [message.tool_call_id]
    return message.role === 'assistant' ? (message.tool_calls ?? []).map(({ id }) => id ?? '') : []
  })
  const wrong = ids.find((id) => !/^[a-zA-Z0-9]{9}$/.test(id))
  return wrong === undefined ? undefined : `Tool call id was ${wrong} but must be a-z, A-Z, 0-9, with a length of 9.`
}

/** The roles that may follow each role. Mistral, `mistral-common`, `validator.py` */
const followers: Readonly<Record<MistralBody['messages'][number]['role'], readonly string[]>> = {
  system: ['user', 'assistant', 'system'],
  user: ['assistant', 'system', 'user'],
  assistant: ['assistant', 'user', 'tool'],
  tool: ['assistant', 'tool'],
}

/** Checks the order of the messages: results must answer the calls before them, and the assistant may not be last. */
function wrongOrder({ messages }: MistralBody): string | undefined {
  let open = new Set<string>()
  for (const [at, message] of messages.entries()) {
    const before = messages[at - 1]?.role
    if (before && !followers[before].includes(message.role))
      return `Unexpected role '${message.role}' after role '${before}'`
    if (message.role === 'tool') {
      if (!open.delete(message.tool_call_id)) return 'Unexpected tool call id in tool results'
      continue
    }
    if (open.size > 0) return 'Not the same number of function calls and responses'
    if (message.role !== 'assistant') continue
    if (!message.content?.length && !message.tool_calls?.length)
      return 'Assistant message must have either content or tool_calls, but not none.'
    open = new Set(message.tool_calls?.map(({ id }) => id ?? ''))
  }
  if (open.size > 0) return 'Not the same number of function calls and responses'
  const last = messages.at(-1)
  const isTurn = last?.role === 'user' || last?.role === 'tool' || (last?.role === 'assistant' && last.prefix)
  return isTurn ? undefined : `Expected last role User or Tool (or Assistant with prefix True) but got ${last?.role}`
}
