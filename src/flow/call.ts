import type { Caller } from '../chat/caller.ts'
import type { NoteDrift } from '../chat/drift.ts'
import type { Usage } from '../chat/event.ts'
import type { NoteQuota } from '../chat/quota.ts'
import type { Task } from '../chat/task.ts'
import { type AttemptNote, maxNotes, RunningAttempt, type SeamNote } from './attempt-note.ts'
import type { Attempts } from './attempts.ts'
import type { Cancel } from './cancel.ts'
import type { RouteSettings } from './route-settings.ts'
import type { AttemptedRequest } from './span.ts'

/**
 * Writes log lines. A thrown error must go into the field `err`, and nowhere else, because its text may quote an upstream
 * that repeats the prompt. Only the level `debug` shows that text.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Logger
}

/** What an answer cost, in US dollars. What is not known is undefined. */
export interface AnswerCost {
  readonly usd: number | undefined
  /** What it would have cost more without the upstream's cache. */
  readonly savedUsd: number | undefined
}

/** What one answer of an upstream has used. */
export interface AnswerUsage {
  readonly upstream: string
  /** The upstream's own name of the model. */
  readonly model: string
  /** Absent for a chat. */
  readonly task?: Task | undefined
  /** As the upstream says, or as estimated from the text so far. Undefined for a task whose reply states none. */
  readonly usage: Usage | undefined
  /** Undefined if its usage is, or if the gateway knows no prices. */
  readonly cost: AnswerCost | undefined
}

/** What happened to a parameter of the client. `emulated`: the gateway did it itself. `mapped`: the name or value was changed. */
export type Treatment = 'honoured' | 'mapped' | 'emulated' | 'dropped'

/**
 * Notes on a call for the client's headers and for one log line. Layers fill it in. No layer reads it to make a decision.
 */
export interface Receipt {
  /** The upstream that answered, or the last one that was tried. */
  upstream: string | undefined
  /** The label of the account that answered, or the last one that was tried. */
  account: string | undefined
  /** Requests made to upstreams for this call. */
  attempts: number
  /** The first attempts, in the order in which they began. */
  readonly timeline: AttemptNote[]
  /** Milliseconds for which it waited until it might run; undefined if it need not wait. */
  queuedMs?: number
  /** Names of the tools that the gateway ran for this call. */
  readonly tools: Set<string>
  /** The key is the client's own name of the parameter. */
  readonly parameters: Map<string, Treatment>
  /** Members of the answer that the client's dialect cannot express, such as `order` or `reasoning.signature`. */
  readonly lost: Set<string>
  /** What each answer to this call has used. A panel and a tool loop have several answers. */
  readonly answers: AnswerUsage[]
  /** Configured tool servers whose tools could not be offered to the model, as known so far. */
  toolsMissing?: ReadonlySet<string>
  /** Names of the tools that were not offered because the upstream does not accept that many. */
  toolsOmitted?: readonly string[]
  /** The number of tools that the model was not given a list of, because it could search for them. */
  toolsSearched?: number
  /** Whether a second upstream was asked while the first was silent. Both may have to be paid. */
  isHedged?: boolean
  /** Whether what each attempt sends and gets is hashed. */
  isHashed?: boolean
  /** Whether the texts of the request and the answer are recorded. */
  isRecorded?: boolean
  /** The id under which the stream can be read again. */
  stream?: string
  /** The first place of the prompt that is not what it was, so that its cache is of no use: `tools[3].function.parameters`. */
  cacheBrokenAt?: string
  /** The id of its conversation, if one was found or begun. */
  conversation?: string
  /** Where the answer broke off and was continued, in order. */
  seams?: readonly SeamNote[] | undefined
}

/**
 * Where the prompt of a call's conversation is in a cache. It is worked out when it is first asked for, so ask only where there is a
 * choice: several upstreams, or several accounts.
 */
export interface CacheHome {
  /**
   * When a model of an upstream has read the prompt, in milliseconds of a clock that only goes forward; undefined if it has it in no
   * cache any more. The last one is asked first, unless it is down.
   */
  readAt(upstream: string, model: string): number | undefined
  /** The label of the account that has it at this upstream. */
  accountAt(upstream: string, model: string): string | undefined
  /** Notes who has read the prompt now. */
  note(place: CachePlace): void
}

/** Who has a prompt in a cache. */
export interface CachePlace {
  readonly upstream: string
  /** The upstream's own name of the model. */
  readonly model: string
  /** The label of the account. */
  readonly account: string
  /** Milliseconds for which it stays in the cache after its last use. */
  readonly lifeMs: number
}

/** One request on its way through the program. Every wait takes `signal`. */
export interface Call {
  readonly id: string
  /** Who sent it. Data kept for one caller is never given to another. */
  readonly caller: Caller
  /** Number of gateways like this one that the request has passed. */
  readonly hops: number
  /** The name of the surface that the client used. Absent if no client sent the request. */
  readonly surface?: string
  /** Returns the client's own name of its session, from a header. */
  readonly session?: () => string | undefined
  /** Aborted when the client leaves or a deadline passes; the reason is a ChatError. */
  readonly signal: Cancel
  readonly log: Logger
  /** The budget of requests to upstreams. */
  readonly attempts: Attempts
  readonly receipt: Receipt
  /** Absent unless the route has settings of its own. */
  readonly routed?: RouteSettings
  /** Absent if the call has no prompt, and for one that the gateway itself makes. */
  readonly cacheHome?: CacheHome
  /** Gets what the upstream's reply says of its account's limits. Only a call with an account has it. */
  readonly noteQuota?: NoteQuota
  /** Gets what the upstream sends otherwise than its adapter knows it. It holds nothing of the request. */
  readonly noteDrift?: NoteDrift | undefined
}

/** The upstream and account that an attempt asks. */
interface AttemptTarget {
  readonly upstream: string
  /** The label of the account, if one is needed. */
  readonly account?: string
  /** What the upstream is asked, with its own name of the model. */
  readonly request: AttemptedRequest
}

/**
 * Spends one of the call's attempts and notes its target in the receipt. Call it before the upstream is asked.
 * @returns what must be told of its batches and its end
 */
export function beginAttempt(
  { attempts, receipt, routed, signal }: Call,
  { upstream, account, request }: AttemptTarget,
): RunningAttempt {
  attempts.spend({ upstream, account, routed })
  receipt.upstream = upstream
  if (account !== undefined) receipt.account = account
  receipt.attempts++
  const attempt = new RunningAttempt(
    { upstream, account, model: request.model, request, isHashed: receipt.isHashed === true },
    signal,
  )
  if (attempt.keepsTexts) receipt.isRecorded = true
  if (receipt.timeline.length < maxNotes) receipt.timeline.push(attempt)
  return attempt
}

/** Notes that a call has waited for its turn. It may have to wait for several. */
export function noteQueued(receipt: Receipt, ms: number): void {
  receipt.queuedMs = (receipt.queuedMs ?? 0) + ms
}

export function newReceipt(): Receipt {
  return {
    upstream: undefined,
    account: undefined,
    attempts: 0,
    timeline: [],
    tools: new Set(),
    parameters: new Map(),
    lost: new Set(),
    answers: [],
  }
}

/**
 * Returns the receipt of one of several calls to different upstreams. It has its own parameters and its own upstream. It
 * writes everything else, and its upstream too, to the whole receipt.
 */
export function branchReceipt(whole: Receipt): Receipt {
  let upstream: string | undefined
  return {
    parameters: new Map(),
    timeline: whole.timeline,
    tools: whole.tools,
    lost: whole.lost,
    answers: whole.answers,
    isHashed: whole.isHashed ?? false,
    get seams() {
      return whole.seams
    },
    set seams(seams) {
      whole.seams = seams
    },
    get account() {
      return whole.account
    },
    set account(label) {
      whole.account = label
    },
    get upstream() {
      return upstream
    },
    set upstream(name) {
      upstream = name
      whole.upstream = name
    },
    get isHedged() {
      return whole.isHedged ?? false
    },
    set isHedged(isSo) {
      whole.isHedged = isSo
    },
    get attempts() {
      return whole.attempts
    },
    set attempts(count) {
      whole.attempts = count
    },
  }
}
