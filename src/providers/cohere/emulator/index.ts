import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { type ScriptedChats, scriptedChats } from '../../../wire/emulator/scripted-chats.ts'
import { sseEvent } from '../../../wire/sse.ts'
import { eventsOf, replyOf, writeAnswer } from './answer.ts'
import { CohereBody, complaintAbout } from './body.ts'
import { answerTask } from './tasks.ts'

export interface CohereEmulator extends HttpEmulator, ScriptedChats<CohereBody> {}

export interface CohereEmulatorOptions {
  /** The tokens that it accepts. Without this option it accepts every request. */
  readonly keys?: readonly string[]
  readonly models?: readonly string[]
  /** The highest number of models on a page of the list; 20 by default, as at Cohere. */
  readonly pageSize?: number
  /** The answer to a request for the models, in place of their list. */
  readonly listing?: Script
  /** Milliseconds between the events of its own answers; 0 by default. */
  readonly paceMs?: number
  /**
   * Chooses a script by the request, for tests with several requests at once. If it returns undefined, `script` and the
   * model decide.
   */
  readonly reply?: (chat: CohereBody) => Script | undefined
}

/**
 * Cohere's API over real sockets, as strict as the service: tokens, the list of models in pages, Chat v2 as JSON and as
 * typed events, 400 for unknown fields. It answers `You said: …`. If the request has tools and the last message is
 * `call NAME NAME …`, it writes a plan and calls those tools with `{"city":"Paris"}`. A script makes it do anything else.
 */
export async function emulateCohere(options: CohereEmulatorOptions = {}): Promise<CohereEmulator> {
  const chats = scriptedChats<CohereBody>()
  const emulator = await emulateHttp((exchange) => {
    const { method, path, headers } = exchange.request
    const token = headers.get('authorization')
    if (options.keys && !token) return refuse(exchange, 401, 'no api key supplied')
    if (options.keys && !options.keys.some((key) => token === `Bearer ${key}`))
      return refuse(exchange, 401, 'invalid api token')
    const url = new URL(path, 'http://emulator')
    if (method === 'GET' && url.pathname === '/v1/models') return listModels(exchange, url.searchParams, options)
    const task = method === 'POST' ? answerTask(url.pathname, parsedOrUndefined(exchange.request.body)) : undefined
    if (task) return exchange.reply(task.status, JSON.stringify(task.body), json)
    if (method !== 'POST' || url.pathname !== '/v2/chat') return refuse(exchange, 404, 'page not found')
    const chat = readBody(exchange.request.body)
    if (typeof chat === 'string') return refuse(exchange, 400, `invalid request: ${chat}`)
    const script = chats.record(exchange, chat, () => options.reply?.(chat))
    return script ? play(exchange, script) : answer(exchange, chat, options)
  })
  return { ...emulator, ...chats.seen }
}

const json = { 'content-type': 'application/json' }
const id = '3f1c9a52-0000-4000-8000-emulated0000'
const theirModels = ['command-test', 'command-vision-test', 'command-reasoning-test']

function refuse(exchange: EmulatedExchange, status: number, message: string): void {
  exchange.reply(status, JSON.stringify({ id, message }), json)
}

/** @returns the body, or the complaint about an invalid body */
function readBody(text: string): CohereBody | string {
  const parsed = CohereBody.safeParse(parsedOrUndefined(text))
  if (parsed.success) return complaintAbout(parsed.data) ?? parsed.data
  const [issue] = parsed.error.issues
  return `${issue?.path.join('.')}: ${issue?.message}`
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function listModels(
  exchange: EmulatedExchange,
  query: URLSearchParams,
  options: CohereEmulatorOptions,
): void | Promise<void> {
  if (options.listing) return play(exchange, options.listing)
  const all = options.models ?? theirModels
  const size = Math.min(options.pageSize ?? 20, Number(query.get('page_size') ?? 20))
  const from = Number(atob(query.get('page_token') ?? ''))
  const next = from + size < all.length ? { next_page_token: btoa(String(from + size)) } : {}
  const models = all.slice(from, from + size).map((name) => ({
    name,
    endpoints: endpointsOf(name),
    finetuned: false,
    context_length: 128_000,
    features: [
      'tools',
      'strict_tools',
      'json_mode',
      'json_schema',
      ...(name.includes('reasoning') ? ['reasoning'] : []),
    ],
    supports_vision: name.includes('vision'),
  }))
  exchange.reply(200, JSON.stringify({ models, ...next }), json)
}

/** The routes that a model is for, which its name tells here. */
function endpointsOf(model: string): string[] {
  return [['embed', 'rerank'].find((one) => model.startsWith(one)) ?? 'chat']
}

async function answer(exchange: EmulatedExchange, chat: CohereBody, options: CohereEmulatorOptions): Promise<void> {
  if (!(options.models ?? theirModels).includes(chat.model))
    return refuse(exchange, 404, `model '${chat.model}' not found, make sure the correct model ID was used`)
  const written = writeAnswer(chat)
  if (!chat.stream) return exchange.reply(200, JSON.stringify(replyOf(id, written)), json)
  await play(exchange, { body: eventsOf(id, written).map(cohereEvent), paceMs: options.paceMs ?? 0 })
}

/** Writes a value as one of Cohere's typed events. */
export function cohereEvent(value: { readonly type: string; readonly [field: string]: unknown }): string {
  return sseEvent(value.type, JSON.stringify(value))
}
