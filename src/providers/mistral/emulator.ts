import { z } from 'zod'
import {
  calledIn,
  type EmulatedQuestion,
  type EmulatedService,
  type EmulatedServiceOptions,
  emulateService,
  faultsIn,
  type Refusal,
  wordsFor,
} from '../../dialects/openai-chat/emulated-service.ts'

/**
 * Mistral's API over real sockets, as strict as the service: 422 for an undocumented field, 400 for tool-call ids that are not
 * nine letters and digits, for results without their calls, and for a conversation that ends with the assistant. It answers
 * `You said: …` (a Magistral thinks first) in at most 64 tokens. If the request has tools and the last message is
 * `call NAME NAME …`, it calls those tools with `{"city":"Paris"}` (a Ministral writes that as an object).
 */
export function emulateMistral(options: EmulatedServiceOptions = {}): Promise<EmulatedService> {
  return emulateService(
    {
      chatPath: '/v1/chat/completions',
      unauthorized: { status: 401, body: { detail: 'Unauthorized' } },
      notFound: { status: 404, body: { message: 'no Route matched with those values' } },
      check,
      get: (path) => (path === '/v1/models' ? modelList() : undefined),
      answer,
    },
    options,
  )
}

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

function check(value: unknown): Refusal | undefined {
  const body = MistralBody.safeParse(value)
  if (!body.success) return { status: 422, body: { detail: faultsIn(body.error.issues) } }
  const said = wrongId(body.data) ?? wrongOrder(body.data)
  return said === undefined ? undefined : invalid(said, 'invalid_request_error', '3051')
}

function invalid(message: string, type: string, code: string): Refusal {
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

/** What is wrong with the order of the messages: results must answer the calls before them, and the assistant may not be last. */
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

interface EmulatedModel {
  readonly id: string
  readonly can: Readonly<Record<string, boolean>>
}

const models: readonly EmulatedModel[] = [
  { id: 'mistral-small-latest', can: { completion_chat: true, function_calling: true, vision: true } },
  { id: 'magistral-small-latest', can: { completion_chat: true, function_calling: true, vision: false } },
  { id: 'ministral-8b-latest', can: { completion_chat: true, function_calling: true, vision: false } },
  { id: 'mistral-embed', can: { completion_chat: false, function_calling: false, vision: false } },
]
const created = 1_760_000_000
/** A model's limit for tokens, which are words here. */
const modelLength = 64

function modelList(): object {
  return {
    object: 'list',
    data: models.map(({ id, can }) => ({
      id,
      object: 'model',
      created,
      owned_by: 'mistralai',
      capabilities: { completion_fim: false, fine_tuning: false, ...can },
      name: id,
      description: null,
      max_context_length: 131_072,
      aliases: [],
      deprecation: null,
      default_model_temperature: 0.3,
      type: 'base',
    })),
  }
}

function answer(chat: EmulatedQuestion): ReturnType<Parameters<typeof emulateService>[0]['answer']> {
  const model = models.find(({ id }) => id === chat.model)
  if (!model?.can.completion_chat) return invalid(`Invalid model: ${chat.model}`, 'invalid_model', '1500')
  if (!model.can.vision && JSON.stringify(chat.messages).includes('"image_url"'))
    return invalid(`Image input is not enabled for model ${chat.model}`, 'invalid_request_error', '3051')
  const turns = Array.from({ length: chat.n ?? 1 }, (_, index) => ({ ...turnFor(chat), index }))
  const head = { id: 'f1e2d3c4b5a697887766554433221100', created, model: chat.model }
  const usage = usageOf(turns.map(({ words }) => words.length).reduce((a, b) => a + b, 0))
  return {
    whole: { ...head, object: 'chat.completion', choices: turns.map(wholeChoice), usage },
    chunks: turns.flatMap((turn) =>
      deltasOf(turn).map((delta, at, all) => {
        const isLast = at === all.length - 1
        const choices = [{ index: turn.index, delta, finish_reason: isLast ? turn.finish : null }]
        // the last chunk with content has the usage, beside its finish
        const counted = isLast && turn.index === turns.length - 1 ? { usage } : {}
        return { ...head, object: 'chat.completion.chunk', choices, ...counted }
      }),
    ),
  }
}

interface EmulatedTurn {
  readonly words: readonly string[]
  readonly thoughts: readonly string[]
  readonly calls: readonly object[]
  readonly finish: string
}

function turnFor(chat: EmulatedQuestion): EmulatedTurn {
  const args = { city: 'Paris' }
  const calls = calledIn(chat).map((name, index) => ({
    id: `call${index}Abc9`.slice(0, 9),
    function: { name, arguments: chat.model.startsWith('ministral') ? args : JSON.stringify(args) },
    index,
  }))
  const thoughts = chat.model.startsWith('magistral') ? ['Let me', ' think.'] : []
  if (calls.length > 0) return { words: [], thoughts, calls, finish: 'tool_calls' }
  const words = wordsFor(chat)
  const most = Math.min(chat.max_tokens ?? modelLength, modelLength)
  if (words.length <= most) return { words, thoughts, calls, finish: 'stop' }
  return { words: words.slice(0, most), thoughts, calls, finish: most === modelLength ? 'model_length' : 'length' }
}

function thinking(thought: string): object {
  return { type: 'thinking', thinking: [{ type: 'text', text: thought }] }
}

function wholeChoice({ words, thoughts, calls, finish, index }: EmulatedTurn & { readonly index: number }): object {
  const said = words.join('')
  const content = thoughts.length > 0 ? [thinking(thoughts.join('')), { type: 'text', text: said }] : said
  const message = { role: 'assistant', tool_calls: calls.length > 0 ? calls : null, content }
  return { index, finish_reason: finish, message }
}

/** The deltas: the role, the thoughts as parts, the words, and all calls together, each whole. The last one has the finish. */
function deltasOf({ words, thoughts, calls }: EmulatedTurn): object[] {
  return [
    { role: 'assistant', content: '' },
    ...thoughts.map((thought) => ({ content: [thinking(thought)] })),
    ...words.map((content) => ({ content })),
    calls.length > 0 ? { content: '', tool_calls: calls } : { content: '' },
  ]
}

function usageOf(completion: number): object {
  return { prompt_tokens: 7, total_tokens: 7 + completion, completion_tokens: completion }
}
