import type { Caller } from '../chat/caller.ts'
import type { Attempts } from './attempts.ts'
import type { Cancel } from './cancel.ts'

/**
 * Where a room writes what it has to say. The fields of a line come first, as pino has it. What was thrown goes into `err`: its
 * words may be an upstream's, which may repeat the prompt, so no other field holds them, and only `debug` shows them.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Logger
}

/** What became of a parameter the client sent. `emulated`: we did it ourselves; `mapped`: under another name or value. */
export type Treatment = 'honoured' | 'mapped' | 'emulated' | 'dropped'

/**
 * What the client is told of its call in headers, and the log in one line. Layers fill it in as they go. It is only a
 * note: no layer reads it to decide anything.
 */
export interface Receipt {
  /** The upstream that answered, or the last that was tried. */
  upstream: string | undefined
  /** The label of the account that answered there, or the last that was tried. */
  account: string | undefined
  /** Requests made to upstreams for this call. */
  attempts: number
  /** Names of the tools that the gateway ran for it. */
  readonly tools: Set<string>
  /** By the client's own name of the parameter. */
  readonly parameters: Map<string, Treatment>
  /** What the answer had and the client's dialect cannot say, such as `order` or `reasoning.signature`. */
  readonly lost: Set<string>
  /** Configured servers whose tools the model could not be offered, as far as is known by now. */
  toolsMissing?: ReadonlySet<string>
  /** Names of tools that the model was not offered since its upstream does not take so many. */
  toolsOmitted?: readonly string[]
}

/** One request on its way. Every wait takes `signal`. */
export interface Call {
  readonly id: string
  /** Who sent it. What is kept for one caller is for no other. */
  readonly caller: Caller
  /** Gateways like this one that it came through before. */
  readonly hops: number
  /** Aborted when the client leaves or a deadline passes; the reason is a ChatError. */
  readonly signal: Cancel
  readonly log: Logger
  /** How often upstreams may still be asked for it. */
  readonly attempts: Attempts
  readonly receipt: Receipt
}

/** Who is asked in an attempt. */
interface AttemptTarget {
  readonly upstream: string
  /** The label of the account, where one is needed. */
  readonly account?: string
}

/** Takes one of the call's attempts, and notes who is asked. Call it before the upstream is asked. */
export function beginAttempt({ attempts, receipt }: Call, { upstream, account }: AttemptTarget): void {
  attempts.spend(account)
  receipt.upstream = upstream
  if (account !== undefined) receipt.account = account
  receipt.attempts++
}

export function newReceipt(): Receipt {
  return {
    upstream: undefined,
    account: undefined,
    attempts: 0,
    tools: new Set(),
    parameters: new Map(),
    lost: new Set(),
  }
}

/**
 * The receipt of one of several calls that go to different upstreams: it has parameters and an upstream of its own. All
 * else, its upstream too, stands in the whole.
 */
export function branchReceipt(whole: Receipt): Receipt {
  let upstream: string | undefined
  return {
    parameters: new Map(),
    tools: whole.tools,
    lost: whole.lost,
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
    get attempts() {
      return whole.attempts
    },
    set attempts(count) {
      whole.attempts = count
    },
  }
}
