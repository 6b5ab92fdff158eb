import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { emptyAnswer } from '../../chat/reply-errors.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import type { Batch } from '../../flow/flow.ts'
import { CumulativeText } from '../../wire/cumulative.ts'
import type { SocketIoEvent } from '../../wire/socketio.ts'
import type { AccountRuns } from './account-runs.ts'
import { isStateOnly, type RunFrame, readChunk, readEnd } from './frame.ts'
import { knownEvents } from './known-events.ts'

interface RunEvent {
  readonly frame: RunFrame
  /** True for `completion_finished`, which is an end with any payload. */
  readonly isEnd: boolean
}

/** Limit for the UTF-16 units of frames that come before our run's name is known. */
const maxWaiting = 4 * 1024 * 1024

/**
 * Reads the events of one run from all events of its account. A run ends with a chunk that is `completed`, or with
 * `completion_finished`, whichever comes first. Upstreams 3.4
 */
export class RunReader {
  finished = false
  /** Whether the other of the two end events may still come, on any connection of the account. */
  owesEnd = false
  readonly #runs: AccountRuns
  readonly #passTurn: () => void
  readonly #text = new CumulativeText()
  readonly #writer = new PartWriter()
  /** Events that came before our run's name was known; undefined after that. */
  #waiting: RunEvent[] | undefined
  #waitingLength = 0
  #isBegun = false
  #isNamed = false
  #id: string | undefined
  #plain = ''
  #hasText = false
  #finishReason: string | undefined
  readonly #drift: DriftWatch | undefined

  /** @param passTurn lets the account's next run begin; called once an event has carried our run's known name */
  constructor(runs: AccountRuns, passTurn: () => void, note?: NoteDrift) {
    this.#runs = runs
    this.#drift = note && new DriftWatch(knownEvents, note)
    this.#passTurn = passTurn
  }

  /** From now on events may belong to our run. */
  expect(): void {
    this.#waiting = []
  }

  /**
   * Reads the events that have come so far. If one of them reports a failure, the text before it is yielded first.
   * @param id the run's name from the service; without one the first unknown name counts as ours
   */
  begin(id: string | undefined): Iterable<Batch> {
    this.#id = id
    this.#isNamed = id !== undefined
    if (id !== undefined) this.#runs.claim(id)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#isBegun = true
    const events: ChatEvent[] = []
    let failure: unknown
    try {
      for (const runEvent of waiting) events.push(...this.#take(runEvent))
    } catch (thrown) {
      failure = thrown
    }
    return thenFail(events, failure)
  }

  /** @throws ChatError if our run has failed, contradicts itself, or ends without an answer */
  event({ name, values: [payload] }: SocketIoEvent): readonly ChatEvent[] {
    if (name === 'execution:chunk') {
      const frame = readChunk(payload, this.#plain)
      if (frame.content === undefined && !frame.error && !isStateOnly(payload)) this.#drift?.look(name, payload, frame)
      if (frame.isPlain) this.#plain = frame.content ?? ''
      return this.#receive({ frame, isEnd: false })
    }
    if (name === 'completion_finished') return this.#receive({ frame: readEnd(payload), isEnd: true })
    this.#drift?.look(name, payload)
    return []
  }

  #receive(runEvent: RunEvent): readonly ChatEvent[] {
    if (this.#isBegun) return this.#take(runEvent)
    if (this.#waiting) this.#queue(runEvent, this.#waiting)
    return []
  }

  #queue(runEvent: RunEvent, waiting: RunEvent[]): void {
    waiting.push(runEvent)
    this.#waitingLength += lengthOf(runEvent)
    if (this.#waitingLength > maxWaiting) this.#dropOlder(waiting)
    if (this.#waitingLength > maxWaiting) throw tooLarge()
  }

  /** Drops older events of a text that has grown since. */
  #dropOlder(waiting: readonly RunEvent[]): void {
    const newest = new Map<string | undefined, RunEvent>()
    for (const runEvent of waiting)
      if (runEvent.frame.state === 'running') newest.set(runEvent.frame.executionId, runEvent)
    const ended = waiting.filter(({ frame }) => frame.state !== 'running')
    this.#waiting = [...newest.values(), ...ended]
    this.#waitingLength = this.#waiting.reduce((sum, runEvent) => sum + lengthOf(runEvent), 0)
  }

  #take({ frame, isEnd }: RunEvent): readonly ChatEvent[] {
    if (this.finished || !this.#isOurs(frame.executionId, isEnd)) return []
    this.#finishReason = frame.finishReason ?? this.#finishReason
    switch (frame.state) {
      case 'failed':
        throw errorInside(frame.error)
      case 'done':
        this.owesEnd = !isEnd
        return this.#finish(frame.content ?? '')
      case 'running':
        return this.#addText(this.#text.grow(frame.content ?? ''))
    }
  }

  #isOurs(id: string | undefined, isEnd: boolean): boolean {
    if (id === undefined) return this.#runs.isOne && !(isEnd && this.#runs.takeTrailingEnd())
    if (this.#id === undefined && !this.#runs.isClaimed(id)) {
      this.#id = id
      this.#runs.claim(id)
    }
    if (id !== this.#id) return false
    if (this.#isNamed) this.#passTurn()
    return true
  }

  #addText(text: string): ChatEvent[] {
    if (text === '') return []
    this.#hasText = true
    return this.#writer.text(text)
  }

  #finish(content: string): readonly ChatEvent[] {
    const events = this.#addText(this.#text.finish(content))
    const raw = this.#finishReason
    const reason = finishReason(raw)
    if (!this.#hasText && (reason === 'stop' || reason === 'other')) throw emptyAnswer()
    this.finished = true
    return [...events, ...this.#writer.finish(reason, raw === undefined ? {} : { raw })]
  }
}

function* thenFail(events: readonly ChatEvent[], failure: unknown): Generator<Batch> {
  if (events.length > 0) yield events
  if (failure !== undefined) throw failure
}

const finishes: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content-filter'],
])

function finishReason(wire = 'stop'): FinishReason {
  return finishes.get(wire) ?? 'other'
}

function lengthOf({ frame }: RunEvent): number {
  return (frame.content?.length ?? 0) + 64
}

function tooLarge(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'The upstream sent too much before it named the run.',
    code: 'upstream_response_too_large',
  })
}
