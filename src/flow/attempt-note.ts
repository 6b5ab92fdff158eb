import { ChatError } from '../chat/error.ts'
import type { Seam } from '../chat/event.ts'
import { excerpt } from '../chat/secret.ts'
import type { Task } from '../chat/task.ts'
import { AttemptHashes, type HashNote } from './attempt-hashes.ts'
import { type AnyEvent, showsSomething } from './begin.ts'
import type { Cancel, CancelSource } from './cancel.ts'
import { ChunkGaps } from './chunk-gaps.ts'
import type { Batch } from './flow.ts'
import type { AttemptedRequest, AttemptSpan } from './span.ts'
import type { Ending } from './watch.ts'

/** What is noted of one attempt. Times are milliseconds of the clock that only goes forward. */
export interface AttemptNote {
  readonly upstream: string
  /** The label of the account; undefined if none is needed. */
  readonly account: string | undefined
  /** The upstream's own name of the model. */
  readonly model: string
  readonly task: Task | 'chat'
  readonly startedAt: number
  /** When it showed something first. */
  readonly firstAt: number | undefined
  readonly endedAt: number | undefined
  /** `ok`, `not_needed` if another attempt was faster, or the code of its failure; undefined while it runs. */
  readonly outcome: string | undefined
  /** The times between its chunks; undefined until there are two, and while nothing was shown. */
  readonly gaps: ChunkGaps | undefined
  /** With `RECEIPT_HASHES`, what was asked and answered, so far. */
  readonly hashes?: HashNote | undefined
}

/** Where an answer was continued, and when, by the clock that only goes forward. */
export interface SeamNote extends Seam {
  readonly at: number
}

/** Limit for the attempts of a call that are noted. A long tool loop makes more. */
export const maxNotes = 32
/** Limit for the characters of a model's name, which a client may choose. */
const maxName = 200

interface Attempted {
  readonly upstream: string
  readonly account: string | undefined
  readonly model: string
  readonly request: AttemptedRequest
  /** Whether what it sends and gets is hashed. */
  readonly isHashed: boolean
}

/** An attempt that runs. It is told of its batches and its end, and notes their times. */
export class RunningAttempt implements AttemptNote {
  readonly upstream: string
  readonly account: string | undefined
  readonly model: string
  readonly task: Task | 'chat'
  readonly startedAt: number
  firstAt: number | undefined
  endedAt: number | undefined
  outcome: string | undefined
  gaps: ChunkGaps | undefined
  #lastAt = 0
  readonly #signal: Cancel
  readonly #span: AttemptSpan | undefined
  #running: AttemptHashes | undefined
  #hashes: HashNote | undefined

  constructor({ upstream, account, model, request, isHashed }: Attempted, signal: Cancel) {
    this.upstream = upstream
    this.account = account
    this.model = excerpt(model, maxName)
    this.task = request.task ?? 'chat'
    this.startedAt = signal.runtime.elapsed()
    this.#signal = signal
    if (isHashed) this.#running = new AttemptHashes()
    this.#span = signal.span?.beginAttempt({ upstream, account, model: this.model, request })
  }

  /** Whether the trace keeps the texts of the request and the answer. */
  get keepsTexts(): boolean {
    return this.#span?.keepsTexts ?? false
  }

  /**
   * Returns a signal for everything that the attempt does, so that it belongs to the attempt's span, and is hashed. Release it at
   * the end of the attempt. There is none if nobody needs it.
   */
  ownSignal(): CancelSource | undefined {
    if (!this.#span && !this.#running) return undefined
    const signal = this.#signal.child()
    this.takeOver(signal)
    return signal
  }

  /** Lets the signal of an earlier attempt belong to this one. */
  takeOver(signal: CancelSource | undefined): void {
    if (!signal) return
    signal.span = this.#span
    signal.tap = this.#running
  }

  get hashes(): HashNote | undefined {
    return this.#hashes ?? this.#running?.note()
  }

  onBatch(batch: Batch<AnyEvent>): void {
    this.#span?.onBatch(batch)
    if (this.firstAt !== undefined) this.#noteGap()
    else if (showsSomething(batch)) this.firstAt = this.#lastAt = this.#signal.runtime.elapsed()
  }

  /** @returns why it failed; undefined if it did not */
  onEnd(ending: Ending): ChatError | undefined {
    const error = failureOf(ending, this.#signal)
    this.end(error?.ownCode ?? (ending.kind === 'done' ? 'ok' : 'not_needed'))
    return error
  }

  end(outcome: string): void {
    this.endedAt = this.#signal.runtime.elapsed()
    this.outcome = outcome
    this.#hashes = this.hashes
    this.#running = undefined
    this.#span?.end(outcome, this.firstAt === undefined ? undefined : this.firstAt - this.startedAt)
  }

  #noteGap(): void {
    const at = this.#signal.runtime.elapsed()
    this.gaps ??= new ChunkGaps()
    this.gaps.add((at - this.#lastAt) / 1000)
    this.#lastAt = at
  }
}

/** An attempt may be closed because its client left or its deadline passed. */
function failureOf(ending: Ending, { aborted, reason }: Cancel): ChatError | undefined {
  if (ending.kind === 'failed') return ending.error
  return ending.kind === 'left' && aborted && reason instanceof ChatError ? reason : undefined
}
