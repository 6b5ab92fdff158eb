import type { Call } from '../../chat/call.ts'
import { defer } from '../../chat/defer.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { ask } from '../../wire/ask.ts'
import { readComplaint } from './complaint.ts'
import { dialect } from './dialect.ts'
import { readReply } from './read-reply.ts'

export interface AskOptions {
  readonly url: string
  /** An IP address that is connected to, whatever the URL's name means by then. */
  readonly address?: string
  /** The key among them. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, but for `stream` and what belongs to it. */
  readonly body: Fields
  /** What a stream is asked with beside `stream: true`. */
  readonly streamFields?: Fields
}

/**
 * Asks a service that answers in this dialect. A client of the same dialect that wants its answer whole gets the
 * service's own whole; everybody else a stream.
 */
export function askOpenaiChat(options: AskOptions, request: ChatRequest, call: Call): AsyncIterable<ChatEvent> {
  const stream = request.stream || request.dialect !== dialect
  const body = stream ? { ...options.body, stream: true, ...options.streamFields } : options.body
  return defer(async () => {
    const { url, address } = options
    const where = { url, ...(address !== undefined && { address }) }
    // whoever it is may be another gateway, or this one
    const headers = { ...options.headers, 'x-tributary-hops': String(call.hops + 1) }
    const question = { ...where, headers, body, stream, readComplaint }
    const reply = await ask(question, call.signal)
    return readReply(reply, { stream, signal: call.signal, choices: request.parameters.choices ?? 1, newId })
  })
}

/** The header of a key; none where none is asked for. */
export function bearer(key: Secret | undefined): Readonly<Record<string, string>> {
  return key ? { authorization: `Bearer ${key.reveal()}` } : {}
}

function newId(): string {
  return `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`
}
