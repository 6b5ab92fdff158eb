import { z } from 'zod'
import type { Fields } from '../../../chat/message.ts'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { type ScriptedChats, scriptedChats } from '../../../wire/emulator/scripted-chats.ts'
import { sseData } from '../../../wire/sse.ts'

/** An emulated service with almost this dialect. */
export interface EmulatedService extends HttpEmulator, ScriptedChats<Fields> {}

export interface EmulatedServiceOptions {
  /** The keys that it accepts. Without this option it accepts every request. */
  readonly keys?: readonly string[]
  /** Answers a request for the models with this, in place of their list. */
  readonly listing?: Script
  /**
   * Chooses a script by the request, for tests with several requests at once. If it returns undefined, `script` and the
   * model decide.
   */
  readonly reply?: (chat: Fields & { readonly model: string }, headers: Headers) => Script | undefined
}

/** An error of the service, or another whole reply. */
export interface Refusal {
  readonly status: number
  readonly body: unknown
}

/** The peculiarities of one service. */
export interface ServiceRules {
  readonly chatPath: string
  readonly unauthorized: Refusal
  readonly notFound: Refusal
  /** Checks the body of a chat. @returns a refusal of an invalid body */
  check(body: unknown): Refusal | undefined
  /** The answer to a `GET`; undefined for an unknown path. */
  get(path: string): unknown
  /** The reply to a task; undefined for an unknown path. */
  post?(path: string, body: unknown): Refusal | ServiceAnswer | undefined
  /** The model's answer, both whole and in chunks, or a refusal. */
  answer(chat: EmulatedChatBody): Refusal | ServiceAnswer
}

/** An answer, both whole and in chunks. */
interface ServiceAnswer {
  readonly whole: unknown
  readonly chunks: readonly unknown[]
}

/** The fields of a valid chat that the emulated model uses. */
export type EmulatedChatBody = z.infer<typeof EmulatedChatBody>

const EmulatedChatBody = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
  stream: z.boolean().nullish(),
  n: z.number().nullish(),
  max_tokens: z.number().nullish(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).nullish(),
})

const json = { 'content-type': 'application/json' }

/** Starts the service on a free port of 127.0.0.1. */
export async function emulateService(
  rules: ServiceRules,
  options: EmulatedServiceOptions = {},
): Promise<EmulatedService> {
  const chats = scriptedChats<Fields>()
  const emulator = await emulateHttp((exchange) => {
    const { method, path, headers, body } = exchange.request
    const isKnown = !options.keys || options.keys.some((key) => headers.get('authorization') === `Bearer ${key}`)
    if (!isKnown) return refuse(exchange, rules.unauthorized)
    const found = method === 'GET' ? rules.get(path) : undefined
    if (found !== undefined) return list(exchange, found, options.listing)
    if (method !== 'POST') return refuse(exchange, rules.notFound)
    const parsed: unknown = JSON.parse(body)
    if (path !== rules.chatPath)
      return write(exchange, rules.post?.(path, parsed) ?? rules.notFound, Object(parsed).stream)
    const refusal = rules.check(parsed)
    if (refusal) return refuse(exchange, refusal)
    const chat = EmulatedChatBody.parse(parsed)
    const script = chats.record(exchange, chat, () => options.reply?.(chat, headers))
    return script ? play(exchange, script) : write(exchange, rules.answer(chat), chat.stream)
  })
  return { ...emulator, ...chats.seen }
}

function refuse(exchange: EmulatedExchange, { status, body }: Refusal): void {
  exchange.reply(status, JSON.stringify(body), json)
}

function list(exchange: EmulatedExchange, found: unknown, listing: Script | undefined): void | Promise<void> {
  if (listing) return play(exchange, listing)
  exchange.reply(200, JSON.stringify(found), json)
}

function write(exchange: EmulatedExchange, answered: Refusal | ServiceAnswer, isStream: unknown): void | Promise<void> {
  if ('status' in answered) return refuse(exchange, answered)
  if (isStream !== true) return exchange.reply(200, JSON.stringify(answered.whole), json)
  return play(exchange, { body: [...answered.chunks.map((chunk) => frame(chunk)), sseData('[DONE]')] })
}

/** A value as one server-sent event. */
export function frame(value: unknown): string {
  return sseData(JSON.stringify(value))
}

/** The names of the tools to call, if the last message is `call NAME NAME …`. */
export function calledIn({ messages, tools }: EmulatedChatBody): string[] {
  const [verb, ...names] = textIn(messages.at(-1)?.content).split(' ')
  const known = tools?.map((tool) => tool.function.name) ?? []
  return verb === 'call' ? names.filter((name) => known.includes(name)) : []
}

/** The words of `You said: …`. */
export function wordsFor({ messages }: EmulatedChatBody): string[] {
  return `You said: ${textIn(messages.at(-1)?.content)}`.match(/\s*\S+/g) ?? []
}

const Parts = z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))

/** The text of a message's content. A part without text is shown by its type. */
function textIn(content: unknown): string {
  const parts = Parts.safeParse(content)
  return parts.success ? parts.data.map(({ type, text }) => text ?? `[${type}]`).join(' ') : String(content)
}

/** The faults of an invalid body in FastAPI's form, each with its position. */
export function faultsIn(issues: readonly z.core.$ZodIssue[]): Fields[] {
  return issues.flatMap((issue) => {
    const loc = ['body', ...issue.path]
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        type: 'extra_forbidden',
        loc: [...loc, key],
        msg: 'Extra inputs are not permitted',
      }))
    return [{ type: issue.code, loc, msg: issue.message }]
  })
}
