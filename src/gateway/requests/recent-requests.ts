import type { Usage } from '../../chat/event.ts'
import { excerpt } from '../../chat/secret.ts'
import type { AttemptNote, SeamNote } from '../../flow/attempt-note.ts'
import type { Receipt, Treatment } from '../../flow/call.ts'
import type { CallRecord } from '../call-record.ts'
import { sumCosts } from '../sum-costs.ts'
import { type ConversationUsage, ConversationUsages } from './conversation-usage.ts'
import { KeptTexts } from './kept-texts.ts'
import type { RecordedTexts } from './text-recorder.ts'

/** What is known of a request that has ended. It has no text of the request or the answer, and its size is bounded. */
export interface RecentRequest
  extends Pick<
    CallRecord,
    'task' | 'outcome' | 'startedAt' | 'begunAt' | 'firstEventMs' | 'durationMs' | 'isStreamed'
  > {
  readonly id: string
  /** The surface that the client used; undefined if no client sent it. */
  readonly surface: string | undefined
  /** The id of its caller, to whom alone its texts are shown. */
  readonly caller: string
  /** The name of the client key. */
  readonly key: string
  /** The client's name of the model. */
  readonly model: string
  /** The upstream that answered, or the last one that was asked; those of a panel are separated by commas. */
  readonly upstream: string | undefined
  readonly account: string | undefined
  readonly attempts: number
  /** The first attempts. One that the client left may end later. */
  readonly timeline: readonly AttemptNote[]
  /** Milliseconds for which it waited until it might run; undefined if it need not wait. */
  readonly queuedMs: number | undefined
  readonly seams: readonly SeamNote[]
  readonly hops: number
  readonly usage: Omit<Usage, 'native' | 'shares'> | undefined
  readonly replyBytes: number
  readonly tools: readonly string[]
  readonly lost: readonly string[]
  readonly parameters: ReadonlyMap<string, Treatment>
  readonly cacheBrokenAt: string | undefined
  /** Whether a second upstream was asked while the first was silent. */
  readonly isHedged: boolean
  /** The id of its conversation, if it has one. */
  readonly conversation: string | undefined
  /** US dollars; undefined if the cost of one of its answers is not known. */
  readonly cost: number | undefined
  /** US dollars that it would have cost more without caches. */
  readonly saved: number | undefined
}

/** Which requests are wanted. What is absent is not looked at. */
export interface RequestFilter {
  readonly limit: number
  readonly key?: string | undefined
  readonly model?: string | undefined
  readonly upstream?: string | undefined
  /** `ok`, `client_closed`, a code, or `failed` for every failure. */
  readonly outcome?: string | undefined
}

/** How many requests and conversations are kept. */
export const maxRecent = 1_000
const maxText = 200
const maxNames = 20

/** Gets each request when it has ended. It must be short and must not throw. */
export type EndedRequestListener = (request: RecentRequest) => void

/** Keeps the last requests in memory, for the operator. */
export class RecentRequests {
  readonly #requests: RecentRequest[] = []
  /** The place of the next one. */
  #next = 0
  readonly #conversations = new ConversationUsages(maxRecent)
  readonly #texts = new KeptTexts<RecentRequest>()
  #keepsTexts = true
  readonly #listeners = new Set<EndedRequestListener>()

  readonly note = (record: CallRecord): void => {
    const request = requestOf(record)
    const dropped = this.#requests[this.#next]
    if (dropped) this.#texts.delete(dropped)
    this.#requests[this.#next] = request
    if (record.texts && this.#keepsTexts) this.#texts.add(request, record.texts)
    this.#next = (this.#next + 1) % maxRecent
    this.#addToConversation(request)
    for (const listener of this.#listeners) listener(request)
  }

  #addToConversation({ conversation, usage, cost, saved, cacheBrokenAt }: RecentRequest): void {
    if (conversation === undefined) return
    const isBroken = cacheBrokenAt !== undefined
    this.#conversations.add(conversation, { usage, cost, saved, isBroken })
  }

  /** Tells the listener of each request that ends from now on. @returns a function that removes the listener */
  follow(listener: EndedRequestListener): () => void {
    // the same listener may be added twice
    const own: EndedRequestListener = (request) => listener(request)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Returns the newest ones first. */
  list({ limit, ...filter }: RequestFilter): readonly RecentRequest[] {
    const found: RecentRequest[] = []
    for (const request of this.#newestFirst()) {
      if (found.length >= limit) break
      if (isWanted(request, filter)) found.push(request)
    }
    return found
  }

  /**
   * Returns the newest one with this id, which clients may choose and repeat.
   * @param caller the id of the only caller whose requests are looked at
   */
  find(id: string, caller?: string): RecentRequest | undefined {
    return this.#newestFirst().find((one) => one.id === id && (caller === undefined || one.caller === caller))
  }

  /** The texts of one that is still kept; undefined if they were not recorded, or others were kept in their place. */
  textsOf(request: RecentRequest): RecordedTexts | undefined {
    return this.#texts.get(request)
  }

  /** Whether the texts of requests are kept from now on. If not, those that are there are forgotten. */
  keepTexts(isOn: boolean): void {
    this.#keepsTexts = isOn
    if (!isOn) this.#texts.clear()
  }

  conversation({ conversation }: RecentRequest): ConversationUsage | undefined {
    return conversation === undefined ? undefined : this.#conversations.get(conversation)
  }

  *#newestFirst(): Generator<RecentRequest> {
    for (let back = 1; back <= this.#requests.length; back++) {
      const request = this.#requests.at((this.#next - back) % maxRecent)
      if (request) yield request
    }
  }
}

function requestOf({ call, model, usage, bytes, ...record }: CallRecord): RecentRequest {
  const { id, caller, hops, surface, receipt } = call
  const { task, outcome, startedAt, begunAt, firstEventMs, durationMs, isStreamed } = record
  return {
    ...{ id, surface, task, outcome, startedAt, begunAt, firstEventMs, durationMs, isStreamed, hops },
    caller: caller.id,
    key: excerpt(caller.name, maxText),
    model: excerpt(model, maxText),
    upstream: receipt.upstream && excerpt(receipt.upstream, maxText),
    account: receipt.account && excerpt(receipt.account, maxText),
    attempts: receipt.attempts,
    usage: usage && numbersOf(usage),
    replyBytes: bytes,
    tools: firstOf(receipt.tools),
    lost: firstOf(receipt.lost),
    parameters: treatedOf(receipt),
    cacheBrokenAt: receipt.cacheBrokenAt,
    timeline: receipt.timeline,
    queuedMs: receipt.queuedMs,
    seams: receipt.seams ?? none,
    isHedged: receipt.isHedged ?? false,
    conversation: receipt.conversation,
    cost: sumCosts(receipt.answers, 'usd'),
    saved: sumCosts(receipt.answers, 'savedUsd'),
  }
}

/** The upstream's own object may be large. */
function numbersOf({ native: _, shares: __, ...numbers }: Usage): RecentRequest['usage'] {
  return numbers
}

const none: readonly never[] = []
const untreated: ReadonlyMap<string, Treatment> = new Map()

function firstOf(names: ReadonlySet<string>): readonly string[] {
  return names.size === 0 ? none : [...names].slice(0, maxNames).map((name) => excerpt(name, maxText))
}

/** Unknown fields have names of the client's choice. */
function treatedOf({ parameters }: Receipt): ReadonlyMap<string, Treatment> {
  if (parameters.size === 0) return untreated
  return new Map([...parameters].slice(0, maxNames).map(([name, treatment]) => [excerpt(name, maxText), treatment]))
}

function isWanted(request: RecentRequest, { key, model, upstream, outcome }: Omit<RequestFilter, 'limit'>): boolean {
  if (key !== undefined && request.key !== key) return false
  if (model !== undefined && request.model !== model) return false
  if (upstream !== undefined && !request.upstream?.split(', ').includes(upstream)) return false
  if (outcome === undefined || outcome === request.outcome) return true
  return outcome === 'failed' && request.outcome !== 'ok' && request.outcome !== 'client_closed'
}
