import type { Runtime } from '../flow/runtime.ts'
import { jsonOrUndefined } from '../wire/json.ts'

/** Bytes of one message: a result, a list of tools, a notification. What is longer is not kept. */
export const maxMessageBytes = 16 * 1024 * 1024
/** After so many bytes of one message whoever waits is not kept waiting for its end. */
const patienceBytes = 64 * 1024 * 1024
/** A message that is longer than this has no end. */
const endlessBytes = 256 * 1024 * 1024
/** So many messages that are too long are passed over within so many milliseconds; more are no accident. */
const maxOften = 5
const oftenMs = 60_000

/** Of a request. */
export type Id = number | string

/** Error code of a request whose answer was too long to be read: ours, of those JSON-RPC leaves to the implementation. */
export const tooLargeCode = -32_096

/** Stands for an answer that was too long. */
export function tooLargeAnswer(id: Id) {
  return { jsonrpc: '2.0' as const, id, error: { code: tooLargeCode, message: 'The answer is too large.' } }
}

export interface OversizeOptions {
  /** Requests that wait for an answer over this way. */
  waiting(): Iterable<Id>
  /** The answer to this request was too long. */
  fail(id: Id): void
  /** The server did what no honest one does. */
  misbehaved(why: string): void
}

/**
 * Finds out whose answer a message is that is too long to be kept, by its beginning or its end, and lets that one request
 * fail. Where neither tells, it is everybody's who waits: they would wait for nothing.
 */
export class Oversize {
  readonly #options: OversizeOptions
  readonly #isOften: () => boolean
  #isSettled = true

  constructor(options: OversizeOptions, isOften: () => boolean) {
    this.#options = options
    this.#isOften = isOften
  }

  /** A message has become too long. */
  began(head: string): void {
    if (this.#isOften()) this.#options.misbehaved('it sent messages that are too large, again and again')
    const owner = ownerInHead(head)
    this.#isSettled = owner !== undefined
    if (owner !== undefined && owner !== 'nobody') this.#failIfWaiting(owner)
  }

  /** More of it was passed over. @param bytes of all of it so far */
  grew(bytes: number): void {
    if (bytes > patienceBytes) this.#failAll()
    if (bytes > endlessBytes) this.#options.misbehaved('it sent a message that has no end')
  }

  /** It has come to its end. */
  ended(tail: string): void {
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

/** Notices what happens too often. */
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

/** Whose answer begins so; `nobody` for what is no answer; undefined where the beginning does not tell. */
function ownerInHead(head: string): Id | 'nobody' | undefined {
  const start = /^\s*\{/.exec(head)
  if (!start) return undefined
  for (let at = start[0].length; at !== -1; ) {
    keyPattern.lastIndex = at
    const [member, name] = keyPattern.exec(head) ?? []
    if (member === undefined) return undefined
    if (name === 'method') return 'nobody'
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

/** Of an answer whose `result` came first. A quote within a text would be escaped, and nothing but the end comes after it. */
function ownerInTail(tail: string): Id | undefined {
  const end = /,\s*"id"\s*:\s*(-?\d+|"[^"\\]{0,256}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/
  return idOf(end.exec(tail)?.[1])
}

function idOf(json: string | undefined): Id | undefined {
  const id = json === undefined ? undefined : jsonOrUndefined(json)
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}

/** Where the next member begins, after the comma; -1 where the text ends before. */
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

/** Where the text that opens here closes; -1 where it does not. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return -1
}
