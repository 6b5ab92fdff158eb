import { anybody } from '../chat/caller.ts'
import type { ChatEvent } from '../chat/event.ts'
import type { ChatRequest } from '../chat/request.ts'
import { Attempts } from '../flow/attempts.ts'
import { type Call, type Logger, newReceipt } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Chat } from '../flow/chat.ts'
import { inBatches } from '../flow/flow.double.ts'
import { events, type Flow, flowOf } from '../flow/flow.ts'
import { newCancel } from '../wire/machine.double.ts'

/** A request for tests of layers and combinators. */
export const aRequest: ChatRequest = {
  dialect: 'openai-chat',
  model: 'model',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  parameters: {},
  spelling: {},
  extra: {},
  stream: true,
}

/** A line of the log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: object
  readonly message: string
}

export function aLog(lines: LogLine[]): Logger {
  const at = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => aLog(lines) }
}

export function aCall(signal: Cancel = newCancel(), lines: LogLine[] = []): Call {
  return {
    id: 'id',
    caller: anybody,
    hops: 0,
    signal,
    log: aLog(lines),
    attempts: new Attempts(),
    receipt: newReceipt(),
  }
}

export const text = (said: string, choice = 0, part = 0): ChatEvent => ({ type: 'text', choice, part, text: said })
export const finish = (choice = 0): ChatEvent => ({ type: 'finish', choice, reason: 'stop' })

/**
 * Makes a chat that answers with these events. If one of them is an error, the chat throws it there. Each call counts
 * as an attempt.
 */
export function answering(...script: readonly (ChatEvent | Error)[]): Chat {
  return chatOf(async function* (_request, call) {
    call.attempts.spend()
    call.receipt.attempts++
    for (const event of script) {
      if (event instanceof Error) throw event
      yield event
    }
  })
}

/** Makes a chat whose answer the test leads: it says what it is told to, and ends at a finish or at an error. */
export function ledChat(upstream?: string) {
  const words: (ChatEvent | Error)[] = []
  let wake: (() => void) | undefined
  const seen = { isAborted: false, isAsked: false }
  const chat: Chat = chatOf(async function* (_request, { signal, attempts }) {
    attempts.spend({ upstream })
    seen.isAsked = true
    signal.onAbort(() => (seen.isAborted = true))
    for (;;) {
      const event = words.shift()
      if (event instanceof Error) throw event
      if (event) yield event
      if (event?.type === 'finish') return
      if (words.length === 0) await Promise.race([silence(signal), new Promise<void>((resolve) => (wake = resolve))])
    }
  })
  return {
    chat,
    seen,
    say(...events: readonly (ChatEvent | Error)[]) {
      words.push(...events)
      wake?.()
    },
  }
}

/** Makes a chat of a generator; each event is a batch. */
export function chatOf<Needs>(
  open: (request: ChatRequest, call: Call & Needs) => AsyncIterable<ChatEvent>,
): Chat<Needs> {
  return (request, call) => flowOf((signal) => inBatches(open(request, { ...call, signal })), call.signal)
}

/** Waits until the signal is aborted, and throws its reason, like a chat that waits for an upstream. */
export function silence(signal: Cancel): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.onAbort(() => reject(signal.reason))
  })
}

/** Reads a flow to its end. Returns its events, and what it threw. */
export async function drain<Event>(flow: Flow<Event>): Promise<{ events: Event[]; thrown: unknown }> {
  const seen: Event[] = []
  try {
    for await (const event of events(flow)) seen.push(event)
    return { events: seen, thrown: undefined }
  } catch (thrown) {
    return { events: seen, thrown }
  }
}
