import type { Runtime } from '../flow/runtime.ts'
import { jsonOrUndefined } from '../wire/json.ts'

/** Limit for one message: a result, a list of tools, a notification. A longer one is not kept. */
export const maxMessageBytes = 16 * 1024 * 1024
/** Bytes of one message after which the waiting requests fail, although the message has not ended. */
const maxWaitBytes = 64 * 1024 * 1024
/** A message of more bytes counts as endless. */
const endlessBytes = 256 * 1024 * 1024
/** Limit for the messages that are too long within `oftenMs` milliseconds. More of them count as misbehaviour. */
const maxOften = 5
const oftenMs = 60_000

/** The id of a request. */
export type Id = number | string

/** Our own error code for a request whose answer was too long, from JSON-RPC's range for implementations. */
export const tooLargeCode = -32_096

/** The error message in place of an answer that was too long. */
export function tooLargeAnswer(id: Id) {
  return { jsonrpc: '2.0' as const, id, error: { code: tooLargeCode, message: 'The answer is too large.' } }
}

export interface OversizeOptions {
  /** The requests that wait for an answer on this stream. */
  waiting(): Iterable<Id>
  /** Called if the answer to this request was too long. */
  fail(id: Id): void
  /** Called if the server did something that no honest server does. */
  onMisbehaviour(why: string): void
}

/**
 * Handles messages that are too long to keep. It finds the request in the message's beginning or end, and lets that request
 * fail. If neither shows it, all waiting requests fail, because one of them would wait for ever.
 */
export class Oversize {
  readonly #options: OversizeOptions
  readonly #isOften: () => boolean
  #isSettled = true

  constructor(options: OversizeOptions, isOften: () => boolean) {
    this.#options = options
    this.#isOften = isOften
  }

  /** Called when a message has become too long. @param head its beginning */
  noteStart(head: string): void {
    if (this.#isOften()) this.#options.onMisbehaviour('it sent messages that are too large, again and again')
    const owner = ownerInHead(head)
    this.#isSettled = owner !== undefined
    if (owner !== undefined && owner !== 'no answer') this.#failIfWaiting(owner)
  }

  /** Called when more bytes of the message were skipped. @param bytes the bytes of the message so far */
  noteSize(bytes: number): void {
    if (bytes > maxWaitBytes) this.#failAll()
    if (bytes > endlessBytes) this.#options.onMisbehaviour('it sent a message that has no end')
  }

  /** Called at the end of the message. @param tail its last bytes */
  noteEnd(tail: string): void {
    const owner = this.#isSettled ? undefined : ownerInTail(tail)
    if (owner === undefined) this.#failAll()
    else this.#failIfWaiting(owner)
    this.#isSettled = true
  }

  #failIfWaiting(owner: Id): void {
    if ([...this.#options.waiting()].includes(owner)) this.#options.fail(owner)
  }

  #failAll(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    for (const id of [...this.#options.waiting()]) this.#options.fail(id)
  }
}

/** Returns a function that counts an occurrence, and returns whether there are too many. */
export function frequencyMeter(runtime: Pick<Runtime, 'elapsed'>): () => boolean {
  let times: readonly number[] = []
  return () => {
    const time = runtime.elapsed()
    times = [...times.filter((at) => time - at < oftenMs), time]
    return times.length > maxOften
  }
}

const idPattern = /\s*(-?\d+|"(?:[^"\\]|\\.){0,256}")\s*[,}]/y
const keyPattern = /\s*"((?:[^"\\]|\\.){0,256})"\s*:/y

/** The request that an answer with this beginning belongs to; `no answer` for any other message; undefined if the beginning does not show it. */
function ownerInHead(head: string): Id | 'no answer' | undefined {
  const start = /^\s*\{/.exec(head)
  if (!start) return undefined
  for (let at = start[0].length; at !== -1; ) {
    keyPattern.lastIndex = at
    const [member, name] = keyPattern.exec(head) ?? []
    if (member === undefined) return undefined
    if (name === 'method') return 'no answer'
    at += member.length
    if (name === 'id') return idAt(head, at)
    at = afterValue(head, at)
  }
  return undefined
}

function idAt(head: string, at: number): Id | undefined {
  idPattern.lastIndex = at
  return idOf(idPattern.exec(head)?.[1])
}

/** The request of an answer whose `id` comes last. A match cannot be within a text, because a quote there would be escaped. */
function ownerInTail(tail: string): Id | undefined {
  const end = /,\s*"id"\s*:\s*(-?\d+|"[^"\\]{0,256}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/
  return idOf(end.exec(tail)?.[1])
}

function idOf(json: string | undefined): Id | undefined {
  const id = json === undefined ? undefined : jsonOrUndefined(json)
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}

/** The position of the next member, after the comma; -1 if the text ends before. */
function afterValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      at = endOfText(text, at)
      if (at === -1) return -1
    } else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    else if (character === ',' && depth === 0) return at + 1
    if (depth < 0) return -1
  }
  return -1
}

/** The position of the quote that closes the string at `start`; -1 if there is none. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return -1
}
