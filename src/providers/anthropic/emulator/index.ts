import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { type ScriptedChats, scriptedChats } from '../../../wire/emulator/scripted-chats.ts'
import { sseEvent } from '../../../wire/sse.ts'
import { eventsOf, messageOf, signature, type WrittenMessage, writeMessage } from './answer.ts'
import { blocksOf, complaintAbout, MessagesBody } from './body.ts'

export interface AnthropicEmulator extends HttpEmulator, ScriptedChats<MessagesBody> {}

export interface AnthropicEmulatorOptions {
  /** The keys that it accepts. Without this option it accepts every request. */
  readonly keys?: readonly string[]
  readonly models?: readonly string[]
  /** The highest number of models on a page of the list; 1,000 by default, as at Anthropic. */
  readonly pageSize?: number
  /** Members of each model in the list, in addition to its name. */
  readonly facts?: object
  /** The answer to a request for the models, in place of their list. */
  readonly listing?: Script
  /** Milliseconds between the events of its own answers; 0 by default. */
  readonly paceMs?: number
  /** Signatures that it accepts, in addition to its own. */
  readonly signatures?: readonly string[]
  /** Chooses a script by the request. If it returns undefined, `script` and the model decide. */
  readonly reply?: (chat: MessagesBody) => Script | undefined
}

/**
 * Anthropic's API over real sockets, as strict as the service: keys, the version, the list of models in pages, messages whole
 * and as events, 400 for unknown fields, for wrong orders of blocks and for signatures of others. It answers `You said: …`. If
 * the request has tools and the last message is `call NAME NAME …`, it calls those tools with `{"city":"Paris"}`. A script makes
 * it do anything else.
 */
export async function emulateAnthropic(options: AnthropicEmulatorOptions = {}): Promise<AnthropicEmulator> {
  const chats = scriptedChats<MessagesBody>()
  const emulator = await emulateHttp((exchange) => {
    const { method, path, headers, body } = exchange.request
    const key = headers.get('x-api-key')
    if (options.keys && (key === null || key === undefined || !options.keys.includes(key)))
      return refuse(exchange, 401, 'invalid x-api-key')
    if (!headers.get('anthropic-version')) return refuse(exchange, 400, 'anthropic-version: header is required')
    const url = new URL(path, 'http://emulator')
    if (method === 'GET' && url.pathname === '/v1/models') return listModels(exchange, url.searchParams, options)
    if (method !== 'POST' || url.pathname !== '/v1/messages') return refuse(exchange, 404, 'Not Found')
    const chat = readBody(body, options)
    if (typeof chat === 'string') return refuse(exchange, 400, chat)
    const script = chats.record(exchange, chat, () => options.reply?.(chat))
    return script ? play(exchange, script) : answer(exchange, chat, options)
  })
  return { ...emulator, ...chats.seen }
}

const json = { 'content-type': 'application/json' }
const id = 'msg_01EMULATED'
const theirModels = ['claude-test', 'claude-other-test']

const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
}

function refuse(exchange: EmulatedExchange, status: number, message: string): void {
  exchange.reply(status, JSON.stringify(errorOf(types[status] ?? 'api_error', message)), json)
}

/** The body of an error. Anthropic, Errors */
export function errorOf(type: string, message: string): object {
  return { type: 'error', error: { type, message }, request_id: 'req_01EMULATED' }
}

/** @returns the body, or the complaint about an invalid body */
function readBody(text: string, { signatures = [] }: AnthropicEmulatorOptions): MessagesBody | string {
  const parsed = MessagesBody.safeParse(parsedOrUndefined(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.')}: ${issue?.message}`
  }
  const blocks = parsed.data.messages.flatMap(blocksOf)
  const known = new Set([signature, ...signatures])
  const isForged = blocks.some((block) => block.type === 'thinking' && !known.has(String(block.signature)))
  return isForged ? 'Invalid `signature` in `thinking` block' : (complaintAbout(parsed.data) ?? parsed.data)
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
  options: AnthropicEmulatorOptions,
): void | Promise<void> {
  if (options.listing) return play(exchange, options.listing)
  const all = options.models ?? theirModels
  const size = Math.min(options.pageSize ?? 1_000, Number(query.get('limit') ?? 20))
  const from = all.indexOf(query.get('after_id') ?? '') + 1
  const names = all.slice(from, from + size)
  const data = names.map((name) => ({
    type: 'model',
    id: name,
    display_name: name,
    created_at: '2025-09-29T00:00:00Z',
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    lifecycle: 'active',
    ...options.facts,
  }))
  const has_more = from + size < all.length
  const page = { data, has_more, first_id: names[0] ?? null, last_id: names.at(-1) ?? null }
  exchange.reply(200, JSON.stringify(page), json)
}

async function answer(
  exchange: EmulatedExchange,
  chat: MessagesBody,
  options: AnthropicEmulatorOptions,
): Promise<void> {
  if (!(options.models ?? theirModels).includes(chat.model)) return refuse(exchange, 404, `model: ${chat.model}`)
  const message = writeMessage(chat)
  if (!chat.stream) return exchange.reply(200, JSON.stringify(messageOf(id, message)), json)
  await play(exchange, { body: streamOf(message), paceMs: options.paceMs ?? 0 })
}

/** Writes a message as a stream. */
export function streamOf(message: WrittenMessage): string[] {
  return eventsOf(id, message).map(messageEvent)
}

/** Writes a value as one of Anthropic's events. */
export function messageEvent(value: { readonly type: string; readonly [field: string]: unknown }): string {
  return sseEvent(value.type, JSON.stringify(value))
}
