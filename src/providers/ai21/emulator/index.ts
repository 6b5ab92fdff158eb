import { z } from 'zod'
import {
  calledIn,
  type EmulatedChatBody,
  type EmulatedService,
  type EmulatedServiceOptions,
  emulateService,
  faultsIn,
  type Refusal,
  wordsFor,
} from '../../../clients/openai-chat/emulator/service.ts'

/**
 * AI21's API over real sockets, as strict as the service: 422 for content that is not a string, for several answers in a
 * stream, and for a `response_format` with a schema. Replies lack `object`, `created` and `model`; the last chunk has the
 * usage. It answers `You said: …`. If the request has tools and the last message is `call NAME NAME …`, it calls those tools
 * with `{"city":"Paris"}`.
 */
export function emulateAi21(options: EmulatedServiceOptions = {}): Promise<EmulatedService> {
  return emulateService(
    {
      chatPath: '/studio/v1/chat/completions',
      unauthorized: { status: 401, body: { detail: 'Forbidden: Bad or missing API token.' } },
      notFound: { status: 404, body: { detail: 'Not Found' } },
      check,
      get: () => undefined,
      answer,
    },
    options,
  )
}

const text = z.string()
const fields = z.record(z.string(), z.unknown())
const Call = z.object({
  id: text,
  type: z.literal('function'),
  function: z.object({ name: text, arguments: text }),
})

const Message = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: text }),
  z.object({ role: z.literal('user'), content: text }),
  z.object({ role: z.literal('assistant'), content: text.nullish(), tool_calls: z.array(Call).nullish() }),
  z.object({ role: z.literal('tool'), content: text, tool_call_id: text }),
])

/** Documented fields have their type; others are ignored. AI21, Jamba API reference */
const Body = z.object({
  model: text,
  messages: z.array(Message).min(1),
  max_tokens: z.int().min(0).max(4096).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  stop: z.union([text, z.array(text)]).optional(),
  n: z.int().min(1).max(16).optional(),
  stream: z.boolean().optional(),
  tools: z
    .array(
      z.object({
        type: z.literal('function'),
        function: z.object({ name: text, description: text.optional(), parameters: fields.optional() }),
      }),
    )
    .optional(),
  tool_choice: z.union([z.enum(['auto', 'none', 'required']), fields]).optional(),
  documents: z.array(z.object({ content: text, metadata: z.unknown().optional() })).optional(),
  response_format: z.object({ type: z.enum(['text', 'json_object']) }).optional(),
})

function check(value: unknown): Refusal | undefined {
  const body = Body.safeParse(value)
  if (!body.success) return { status: 422, body: { detail: faultsIn(body.error.issues) } }
  const { stream, n = 1 } = body.data
  return stream && n > 1 ? { status: 422, body: { detail: 'n must be 1 when streaming' } } : undefined
}

const models = ['jamba-mini', 'jamba-large']
const id = 'chat-8a7b6c5d'

function answer(chat: EmulatedChatBody): ReturnType<Parameters<typeof emulateService>[0]['answer']> {
  if (!models.includes(chat.model)) return { status: 404, body: { detail: `Model ${chat.model} not found` } }
  const calls = calledIn(chat).map((name, at) => ({
    id: `chatcmpl-tool-${at + 1}`,
    type: 'function',
    function: { name, arguments: '{"city":"Paris"}' },
  }))
  const all = calls.length > 0 ? [] : wordsFor(chat)
  const words = all.slice(0, chat.max_tokens ?? 4096)
  const finish = calls.length > 0 ? 'tool_calls' : words.length < all.length ? 'length' : 'stop'
  const count = words.length * (chat.n ?? 1)
  const usage = { prompt_tokens: 7, completion_tokens: count, total_tokens: 7 + count }
  const message = {
    role: 'assistant',
    content: calls.length > 0 ? null : words.join(''),
    tool_calls: calls.length > 0 ? calls : null,
  }
  const choices = Array.from({ length: chat.n ?? 1 }, (_, index) => ({
    index,
    message,
    logprobs: null,
    finish_reason: finish,
  }))
  const deltas = calls.map((call, index) => ({ tool_calls: [{ index, ...call }] }))
  return {
    whole: { id, choices, usage },
    chunks: [
      chunk({ role: 'assistant' }),
      ...words.map((content) => chunk({ content })),
      ...deltas.map((delta) => chunk(delta)),
      { ...chunk({ content: '' }, finish), usage, meta: { requestDurationMillis: 12 } },
    ],
  }
}

function chunk(delta: object, finish: string | null = null): object {
  return { id, choices: [{ index: 0, delta, finish_reason: finish }] }
}
