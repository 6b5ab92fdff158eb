import type { ChatError } from '../chat/error.ts'
import type { Usage } from '../chat/event.ts'
import type { Task } from '../chat/task.ts'
import type { AttemptNote } from '../flow/attempt-note.ts'
import type { AnswerUsage, Call } from '../flow/call.ts'
import type { Ending } from '../flow/watch.ts'
import type { RecordedTexts } from './requests/text-recorder.ts'

/** What is known of a call when it has ended. It has no text of the request or the answer, unless texts are recorded. */
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
  /** The same moment by the clock that only goes forward. */
  readonly begunAt: number
  /** Milliseconds until something was shown; undefined if nothing was. */
  readonly firstEventMs: number | undefined
  readonly durationMs: number
  /** The sum of the whole call. Its `shares` say what each member of a panel has used. */
  readonly usage: Usage | undefined
  /** The bytes of a relayed reply. */
  readonly bytes: number
  /** Whether a stream was asked for; undefined if that is not known of the task. */
  readonly isStreamed: boolean | undefined
  /** Only if `RECORD_PROMPTS` is on. It must never go into the log or the store. */
  readonly texts: RecordedTexts | undefined
}

/** Gets the record of each call. It runs at the end of the call, so it must be short and must not throw. */
export type CallListener = (record: CallRecord) => void

/**
 * Gets what each answer that was paid for has used, at its end, also of one that broke off or that the client left. If the client
 * leaves a panel or a tool loop, that may be after the end of the call. It must be short and must not throw.
 */
export type AnswerListener = (answer: AnswerUsage, call: Call) => void

/**
 * Gets each attempt at its end, and why it failed. It must be short and must not throw. The end of an attempt may come after that of
 * its call.
 */
export type AttemptListener = (attempt: AttemptNote, error: ChatError | undefined, call: Call) => void

/** Those who are told what happens to calls. */
export interface CallListeners {
  readonly onCallEnd?: CallListener | undefined
  readonly onAnswer?: AnswerListener | undefined
  readonly onAttempt?: AttemptListener | undefined
}

/** Tells each of them, in this order. */
export function combineListeners(all: readonly CallListeners[]): CallListeners {
  return {
    onCallEnd: tellAll(all.flatMap(({ onCallEnd }) => onCallEnd ?? [])),
    onAnswer: tellAll(all.flatMap(({ onAnswer }) => onAnswer ?? [])),
    onAttempt: tellAll(all.flatMap(({ onAttempt }) => onAttempt ?? [])),
  }
}

type Listener<Told extends readonly unknown[]> = (...told: Told) => void

function tellAll<Told extends readonly unknown[]>(listeners: readonly Listener<Told>[]): Listener<Told> | undefined {
  if (listeners.length < 2) return listeners[0]
  return (...told) => {
    for (const listener of listeners) listener(...told)
  }
}
