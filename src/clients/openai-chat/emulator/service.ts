import { z } from 'zod'
import type { Fields } from '../../../chat/message.ts'
import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { sseData } from '../../../wire/sse.ts'

/** An emulated service that speaks almost this dialect. */
export interface EmulatedService extends HttpEmulator {
  /** Parsed bodies of the chat requests that were not refused, in their order. */
  readonly chats: readonly Fields[]
  /** When each connection that carried a chat was closed, by `performance.now()`. */
  readonly closedAt: readonly number[]
  /** The next chat requests are answered by these scripts, one each, before the model's own behaviour. */
  script(...scripts: readonly Script[]): void
}

export interface EmulatedServiceOptions {
  /** Keys it accepts; without any, every request is let in. */
  readonly keys?: readonly string[]
  /** What it answers when asked for its models, in place of their list. */
  readonly listing?: Script
  /** Chooses the script by the request, where several run at once; undefined leaves it to `script` and the model. */
  readonly reply?: (chat: Fields & { readonly model: string }, headers: Headers) => Script | undefined
}

/** An error as the service writes it. */
export interface Refusal {
  readonly status: number
  readonly body: unknown
}

/** What one service does in its own way. */
export interface ServiceManners {
  readonly chatPath: string
  readonly unauthorized: Refusal
  readonly notFound: Refusal
  /** What is wrong with the body of a chat, whoever asks. */
  check(body: unknown): Refusal | undefined
  /** What is answered to a `GET`; undefined where there is nothing. */
  get(path: string): unknown
  /** What its model says: refused after all, whole, or in chunks. */
  answer(chat: EmulatedQuestion): Refusal | { readonly whole: unknown; readonly chunks: readonly unknown[] }
}

/** A chat that has passed the check, as far as a model looks into it. */
export type EmulatedQuestion = z.infer<typeof EmulatedQuestion>

const EmulatedQuestion = z.looseObject({
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
  manners: ServiceManners,
  options: EmulatedServiceOptions = {},
): Promise<EmulatedService> {
  const scripts: Script[] = []
  const chats: Fields[] = []
  const closedAt: number[] = []
  const emulator = await emulateHttp((exchange) => {
    const { method, path, headers, body } = exchange.request
    const isKnown = !options.keys || options.keys.some((key) => headers.get('authorization') === `Bearer ${key}`)
    if (!isKnown) return refuse(exchange, manners.unauthorized)
    const found = method === 'GET' ? manners.get(path) : undefined
    if (found !== undefined) return list(exchange, found, options.listing)
    if (method !== 'POST' || path !== manners.chatPath) return refuse(exchange, manners.notFound)
    const parsed: unknown = JSON.parse(body)
    const refusal = manners.check(parsed)
    if (refusal) return refuse(exchange, refusal)
    const chat = EmulatedQuestion.parse(parsed)
    chats.push(chat)
    void exchange.closed.then((at) => closedAt.push(at))
    const script = options.reply?.(chat, headers) ?? scripts.shift()
    return script ? play(exchange, script) : answer(exchange, chat, manners)
  })
  return { ...emulator, chats, closedAt, script: (...more) => void scripts.push(...more) }
}

function refuse(exchange: EmulatedExchange, { status, body }: Refusal): void {
  exchange.reply(status, JSON.stringify(body), json)
}

function list(exchange: EmulatedExchange, found: unknown, listing: Script | undefined): void | Promise<void> {
  if (listing) return play(exchange, listing)
  exchange.reply(200, JSON.stringify(found), json)
}

function answer(exchange: EmulatedExchange, chat: EmulatedQuestion, manners: ServiceManners): void | Promise<void> {
  const said = manners.answer(chat)
  if ('status' in said) return refuse(exchange, said)
  if (!chat.stream) return exchange.reply(200, JSON.stringify(said.whole), json)
  return play(exchange, { body: [...said.chunks.map((chunk) => frame(chunk)), sseData('[DONE]')] })
}

/** A value as one server-sent event. */
export function frame(value: unknown): string {
  return sseData(JSON.stringify(value))
}

/** The names of the tools that the last message calls, which is `call NAME NAME …`. */
export function calledIn({ messages, tools }: EmulatedQuestion): string[] {
  const [verb, ...names] = textIn(messages.at(-1)?.content).split(' ')
  const known = tools?.map((tool) => tool.function.name) ?? []
  return verb === 'call' ? names.filter((name) => known.includes(name)) : []
}

/** `You said: …`, in words. */
export function wordsFor({ messages }: EmulatedQuestion): string[] {
  return `You said: ${textIn(messages.at(-1)?.content)}`.match(/\s*\S+/g) ?? []
}

const Parts = z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))

/** A string, or parts: their text, and the kind of what is none. */
function textIn(content: unknown): string {
  const parts = Parts.safeParse(content)
  return parts.success ? parts.data.map(({ type, text }) => text ?? `[${type}]`).join(' ') : String(content)
}

/** What FastAPI says of a body that does not fit: each fault with its place. */
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
