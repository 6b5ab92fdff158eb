import { z } from 'zod'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { type ScriptedChats, scriptedChats } from '../../../wire/emulator/scripted-chats.ts'
import { sseData } from '../../../wire/sse.ts'
import { itemsFor } from './responses-answer.ts'
import { complaintAbout, ResponsesBody } from './responses-body.ts'
import { responseOf, responseStream } from './responses-stream.ts'
import { answerTask, type EmulatedTasks, isTask } from './tasks.ts'

export interface OpenaiEmulator extends HttpEmulator, ScriptedChats<Readonly<Record<string, unknown>>> {
  /** The base URL, with `/v1`. */
  readonly url: string
}

/** The fields of a chat request's body that the emulator reads. */
export type EmulatedChat = z.infer<typeof ChatBody>

export interface EmulatorOptions {
  /** The keys that it accepts. Without this option it accepts every request. */
  readonly keys?: readonly string[]
  readonly models?: readonly string[]
  /** The answer to a request for the models, in place of their list. */
  readonly listing?: Script
  /** Milliseconds between the chunks of its own answers; 0 by default. */
  readonly paceMs?: number
  /**
   * Chooses a script by the request, for tests with several requests at once. If it returns undefined, `script` and the
   * model decide.
   */
  readonly reply?: (chat: EmulatedChat, headers: Headers) => Script | undefined
  /** The same for requests to the Responses API. */
  readonly respond?: (body: ResponsesBody) => Script | undefined
  /** Whether it is as Gemini: the first call of each of its answers has a signature, which must come back. */
  readonly signsCalls?: boolean
  /** Models that only the Responses API has. */
  readonly responsesModels?: readonly string[]
  readonly tasks?: EmulatedTasks
}

/** The fields that the emulator reads; all others are only recorded. */
const ChatBody = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })).min(1),
  stream: z.boolean().optional(),
  n: z.number().int().min(1).optional(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).optional(),
})

/**
 * An OpenAI server over real sockets: models, chat completions and responses as JSON and as a stream, keys, `n`, usage in a stream only on
 * request, errors in OpenAI's shape. It answers `You said: …`. If the request has tools and the last message is
 * `call NAME NAME …`, it calls those tools with `{"city":"Paris"}`. A script makes it do anything else.
 */
export async function emulateOpenai(options: EmulatorOptions = {}): Promise<OpenaiEmulator> {
  const chats = scriptedChats<Readonly<Record<string, unknown>>>()
  const models = options.models ?? ['gpt-test', 'vendor/gpt-slash']
  const emulator = await emulateHttp((exchange) => {
    const { method, path, headers, body } = exchange.request
    const isKnown = !options.keys || options.keys.some((key) => headers.get('authorization') === `Bearer ${key}`)
    if (!isKnown) return replyError(exchange, 401, 'invalid_api_key', 'Incorrect API key provided.')
    if (method === 'GET' && path === '/v1/models')
      return options.listing ? play(exchange, options.listing) : exchange.reply(200, modelList(models), json)
    if (method === 'POST' && path === '/v1/responses') return respond(exchange, chats, options)
    if (method === 'POST' && isTask(path.slice(3), options.tasks))
      return answerTask(exchange, path.slice(3), options.tasks)
    if (method !== 'POST' || path !== '/v1/chat/completions')
      return replyError(exchange, 404, 'not_found', 'No such path.')
    const chat = ChatBody.safeParse(JSON.parse(body))
    if (!chat.success)
      return replyError(exchange, 400, 'invalid_request', 'The emulator does not understand this body.')
    const unsigned = options.signsCalls ? unsignedCall(chat.data) : undefined
    if (unsigned !== undefined)
      return exchange.reply(400, JSON.stringify([{ error: missingSignature(unsigned) }]), json)
    const script = chats.record(exchange, chat.data, () => options.reply?.(chat.data, headers))
    if (script) return play(exchange, script)
    if (options.responsesModels?.includes(chat.data.model)) return replyError(exchange, 404, null, onlyResponses)
    return answer(exchange, chat.data, { models, paceMs: options.paceMs ?? 0, isSigned: options.signsCalls ?? false })
  })
  return { ...emulator, url: `${emulator.origin}/v1`, ...chats.seen }
}

const json = { 'content-type': 'application/json' }
const created = 1_760_000_000
const id = 'chatcmpl-emulated'

const onlyResponses = 'This model is only supported in v1/responses and not in v1/chat/completions.'

function replyError(exchange: EmulatedExchange, status: number, code: string | null, message: string): void {
  exchange.reply(status, JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } }), json)
}

type Bodies = ReturnType<typeof scriptedChats<Readonly<Record<string, unknown>>>>

/** The Responses API, as strict as the service: 400 for unknown fields, and for items that do not belong together. */
function respond(exchange: EmulatedExchange, bodies: Bodies, options: EmulatorOptions): void | Promise<void> {
  const parsed = ResponsesBody.safeParse(JSON.parse(exchange.request.body))
  const [issue] = parsed.error?.issues ?? []
  const complaint = parsed.success ? complaintAbout(parsed.data) : `${issue?.path.join('.')}: ${issue?.message}`
  if (!parsed.success || complaint !== undefined)
    return replyError(exchange, 400, 'invalid_value', complaint ?? 'The emulator does not understand this body.')
  const body = parsed.data
  const script = bodies.record(exchange, body, () => options.respond?.(body))
  if (script) return play(exchange, script)
  const items = itemsFor(body)
  if (!body.stream) return exchange.reply(200, JSON.stringify(responseOf(body.model, items)), json)
  return play(exchange, { body: responseStream(body.model, items), paceMs: options.paceMs ?? 0 })
}

function modelList(models: readonly string[]): string {
  return JSON.stringify({
    object: 'list',
    data: models.map((model) => ({ id: model, object: 'model', created, owned_by: 'emulator' })),
  })
}

async function answer(
  exchange: EmulatedExchange,
  chat: EmulatedChat,
  options: { models: readonly string[]; paceMs: number; isSigned: boolean },
): Promise<void> {
  if (!options.models.includes(chat.model))
    return replyError(exchange, 404, 'model_not_found', `The model ${chat.model} does not exist.`)
  if (!chat.stream) return exchange.reply(200, JSON.stringify(completion(chat, options.isSigned)), json)
  await play(exchange, { body: streamParts(chat, options.isSigned), paceMs: options.paceMs })
}

/** The frames of a streamed answer, as OpenAI sends them: the role, the words, the finish, the usage on request, `[DONE]`. */
function streamParts(chat: EmulatedChat, isSigned: boolean): string[] {
  const wantsUsage = chat.stream_options?.include_usage ?? false
  const usage = wantsUsage ? { usage: null } : {}
  const chunk = (index: number, delta: object, finish: string | null = null) =>
    frame({
      id,
      object: 'chat.completion.chunk',
      created,
      model: chat.model,
      system_fingerprint: 'fp_emulated',
      choices: [{ index, delta, logprobs: null, finish_reason: finish }],
      ...usage,
    })
  const calls = callsFor(chat, isSigned)
  const parts = Array.from({ length: chat.n ?? 1 }, (_, index) => [
    chunk(index, { role: 'assistant', content: calls.length > 0 ? null : '', refusal: null }),
    ...(calls.length > 0
      ? calls.flatMap((call, at) => callDeltas(call, at).map((delta) => chunk(index, { tool_calls: [delta] })))
      : wordsFor(chat).map((content) => chunk(index, { content }))),
    chunk(index, {}, calls.length > 0 ? 'tool_calls' : 'stop'),
  ]).flat()
  const last = wantsUsage
    ? [frame({ id, object: 'chat.completion.chunk', created, model: chat.model, choices: [], usage: usageOf(chat) })]
    : []
  return [...parts, ...last, sseData('[DONE]')]
}

/** Writes a value as one server-sent event. */
export function frame(value: unknown): string {
  return sseData(JSON.stringify(value))
}

interface EmulatedCall {
  readonly id: string
  readonly name: string
  readonly extra_content?: object
}

/** Gemini gives each call another id. */
let signedCalls = 1

/** The signature of the thoughts before all calls. */
export const thoughtSignature = 'RW11bGF0ZWQtdGhvdWdodA=='
const signed = { extra_content: { google: { thought_signature: thoughtSignature } } }
const accepted = new Set([thoughtSignature, 'skip_thought_signature_validator'])

/** The name of the first call of an answer without a signature that Gemini accepts. */
function unsignedCall({ messages }: EmulatedChat): string | undefined {
  for (const { role, tool_calls: calls } of messages) {
    if (role !== 'assistant' || !Array.isArray(calls)) continue
    if (!accepted.has(calls[0]?.extra_content?.google?.thought_signature)) return String(calls[0]?.function?.name)
  }
  return undefined
}

/** Google, Thought signatures */
function missingSignature(name: string): object {
  const message = `Function call is missing a thought_signature in functionCall parts. Additional data, function call \`default_api:${name}\`.`
  return { code: 400, message, status: 'INVALID_ARGUMENT' }
}

/** A call as OpenAI streams it: its id and name, then its arguments in pieces. */
function callDeltas(call: EmulatedCall, index: number): object[] {
  const pieces = ['{"ci', 'ty":"Pa', 'ris"}'].map((piece) => ({ index, function: { arguments: piece } }))
  const { name, ...others } = call
  return [{ index, type: 'function', function: { name, arguments: '' }, ...others }, ...pieces]
}

function callsFor(chat: EmulatedChat, isSigned: boolean): EmulatedCall[] {
  const [verb, ...names] = lastText(chat).split(' ')
  const known = chat.tools?.map((tool) => tool.function?.name) ?? []
  if (verb !== 'call') return []
  const called = names.filter((name) => known.includes(name))
  if (!isSigned) return called.map((name, at) => ({ id: `call_${at + 1}`, name }))
  return called.map((name, at) => ({ id: `function-call-${signedCalls++}`, name, ...(at === 0 && signed) }))
}

function lastText(chat: EmulatedChat): string {
  const content = chat.messages.at(-1)?.content
  return typeof content === 'string' ? content : JSON.stringify(content)
}

function wordsFor(chat: EmulatedChat): string[] {
  return `You said: ${lastText(chat)}`.match(/\s*\S+/g) ?? []
}

function usageOf(chat: EmulatedChat): object {
  const completion = wordsFor(chat).length * (chat.n ?? 1)
  return {
    prompt_tokens: 7,
    completion_tokens: completion,
    total_tokens: 7 + completion,
    prompt_tokens_details: { cached_tokens: 0 },
  }
}

function completion(chat: EmulatedChat, isSigned: boolean): object {
  const calls = callsFor(chat, isSigned).map((call) => ({
    ...call,
    type: 'function',
    function: { name: call.name, arguments: '{"city":"Paris"}' },
  }))
  const message = {
    role: 'assistant',
    content: calls.length > 0 ? null : wordsFor(chat).join(''),
    refusal: null,
    ...(calls.length > 0 && { tool_calls: calls.map(({ name: _, ...call }) => call) }),
  }
  const choices = Array.from({ length: chat.n ?? 1 }, (_, index) => ({
    index,
    message,
    logprobs: null,
    finish_reason: calls.length > 0 ? 'tool_calls' : 'stop',
  }))
  return {
    id,
    object: 'chat.completion',
    created,
    model: chat.model,
    system_fingerprint: 'fp_emulated',
    choices,
    usage: usageOf(chat),
  }
}
