import type { Usage } from '../chat/event.ts'
import type { Task } from '../chat/task.ts'
import type { Call } from '../flow/call.ts'
import type { Ending } from '../flow/watch.ts'

/** What is known of a call when it has ended. It has no text of the request or the answer. */
export interface CallRecord {
  /** Its receipt names the upstream that answered, the account and the attempts. */
  readonly call: Call
  /** The client's name of the model, which may have any length. */
  readonly model: string
  readonly task: Task | 'chat'
  readonly ending: Ending
  /** `ok`, `client_closed`, or the code of its failure. */
  readonly outcome: string
  /** When it began, in milliseconds since 1970. */
  readonly startedAt: number
  /** Milliseconds until something was shown; undefined if nothing was. */
  readonly firstEventMs: number | undefined
  readonly durationMs: number
  /** The sum of the whole call. Its `shares` say what each member of a panel has used. */
  readonly usage: Usage | undefined
  /** The bytes of a relayed reply. */
  readonly bytes: number
}

/** Gets the record of each call. It runs at the end of the call, so it must be short and must not throw. */
export type CallListener = (record: CallRecord) => void

/** What one upstream answered to a call, wholly or in part. A panel and a tool loop have several answers to one call. */
export interface AnswerRecord {
  readonly call: Call
  readonly upstream: string
  /** The upstream's own name of the model. */
  readonly model: string
  /**
   * What was used, also by an answer that broke off or that the client left: as the upstream says, or as estimated from the
   * text so far. Undefined for a task whose reply states none.
   */
  readonly usage: Usage | undefined
}

/**
 * Gets the record of each answer that was paid for, at its end. If the client leaves a panel or a tool loop, that may be after the
 * end of the call. It must be short and must not throw.
 */
export type AnswerListener = (record: AnswerRecord) => void
