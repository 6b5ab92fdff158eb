import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import type { Batch } from '../../flow/flow.ts'
import { CumulativeText } from '../../wire/cumulative.ts'
import type { SocketIoEvent } from '../../wire/socketio.ts'
import type { AccountRuns } from './account-runs.ts'
import { type RunFrame, readChunk, readEnd } from './frame.ts'

interface Heard {
  readonly frame: RunFrame
  /** `completion_finished`, which is an end whatever it says. */
  readonly isEnd: boolean
}

/** UTF-16 units of frames that may come before it is known which run is ours. */
const maxWaiting = 4 * 1024 * 1024

/**
 * Reads the events of one run out of all that its account hears. A run ends by a chunk that is `completed` or by
 * `completion_finished`, whichever comes first; then it is over. Upstreams 3.4
 */
export class RunReader {
  finished = false
  /** Whether the other of the two ends may still come, to whoever listens then. */
  owesEnd = false
  readonly #runs: AccountRuns
  readonly #passTurn: () => void
  readonly #text = new CumulativeText()
  readonly #writer = new PartWriter()
  /** What has come before our run had a name; undefined once it has. */
  #waiting: Heard[] | undefined
  #waitingLength = 0
  #isBegun = false
  #isTold = false
  #id: string | undefined
  #plain = ''
  #hasText = false
  #finishReason: string | undefined

  /** @param passTurn lets the account's next run begin: once it is sure that events say whose they are */
  constructor(runs: AccountRuns, passTurn: () => void) {
    this.#runs = runs
    this.#passTurn = passTurn
  }

  /** From now on an event may be of our run. */
  expect(): void {
    this.#waiting = []
  }

  /**
   * What has come so far is ours, or not. A failure among it comes after the words before it, as it would have later.
   * @param id the run's name, where the service has told it; otherwise the first that comes and is nobody else's
   */
  begin(id: string | undefined): Iterable<Batch> {
    this.#id = id
    this.#isTold = id !== undefined
    if (id !== undefined) this.#runs.claim(id)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#isBegun = true
    const said: ChatEvent[] = []
    let failure: unknown
    try {
      for (const heard of waiting) said.push(...this.#take(heard))
    } catch (thrown) {
      failure = thrown
    }
    return thenFail(said, failure)
  }

  /** @throws ChatError when our run has failed, contradicts itself, or ends without an answer */
  event({ name, values: [payload] }: SocketIoEvent): readonly ChatEvent[] {
    if (name === 'execution:chunk') {
      const frame = readChunk(payload, this.#plain)
      if (frame.isPlain) this.#plain = frame.content ?? ''
      return this.#hear({ frame, isEnd: false })
    }
    if (name === 'completion_finished') return this.#hear({ frame: readEnd(payload), isEnd: true })
    return []
  }

  #hear(heard: Heard): readonly ChatEvent[] {
    if (this.#isBegun) return this.#take(heard)
    if (this.#waiting) this.#keep(heard, this.#waiting)
    return []
  }

  #keep(heard: Heard, waiting: Heard[]): void {
    waiting.push(heard)
    this.#waitingLength += lengthOf(heard)
    if (this.#waitingLength > maxWaiting) this.#thin(waiting)
    if (this.#waitingLength > maxWaiting) throw tooLarge()
  }

  /** A text that is still growing makes those before it superfluous. */
  #thin(waiting: readonly Heard[]): void {
    const newest = new Map<string | undefined, Heard>()
    for (const heard of waiting) if (heard.frame.state === 'running') newest.set(heard.frame.executionId, heard)
    const thinned = waiting.filter(({ frame }) => frame.state !== 'running')
    this.#waiting = [...newest.values(), ...thinned]
    this.#waitingLength = this.#waiting.reduce((sum, heard) => sum + lengthOf(heard), 0)
  }

  #take({ frame, isEnd }: Heard): readonly ChatEvent[] {
    if (this.finished || !this.#isOurs(frame.executionId, isEnd)) return []
    this.#finishReason = frame.finishReason ?? this.#finishReason
    switch (frame.state) {
      case 'failed':
        throw errorInside(frame.error)
      case 'done':
        this.owesEnd = !isEnd
        return this.#finish(frame.content ?? '')
      case 'running':
        return this.#say(this.#text.grow(frame.content ?? ''))
    }
  }

  #isOurs(id: string | undefined, isEnd: boolean): boolean {
    if (id === undefined) return this.#runs.isOne && !(isEnd && this.#runs.takeTrailingEnd())
    if (this.#id === undefined && !this.#runs.isClaimed(id)) {
      this.#id = id
      this.#runs.claim(id)
    }
    if (id !== this.#id) return false
    if (this.#isTold) this.#passTurn()
    return true
  }

  #say(text: string): ChatEvent[] {
    if (text === '') return []
    this.#hasText = true
    return this.#writer.text(text)
  }

  #finish(content: string): readonly ChatEvent[] {
    const said = this.#say(this.#text.finish(content))
    const raw = this.#finishReason
    const reason = finishReason(raw)
    if (!this.#hasText && (reason === 'stop' || reason === 'other'))
      throw failed('The upstream ended without an answer.', 'upstream_empty_response')
    this.finished = true
    return [...said, ...this.#writer.finish(reason, raw === undefined ? {} : { raw })]
  }
}

function* thenFail(said: readonly ChatEvent[], failure: unknown): Generator<Batch> {
  if (said.length > 0) yield said
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

function lengthOf({ frame }: Heard): number {
  return (frame.content?.length ?? 0) + 64
}

function tooLarge(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'The upstream sent too much before it said what it is.',
    code: 'upstream_response_too_large',
  })
}

function failed(message: string, code: string): ChatError {
  return new ChatError('upstream-failed', { message, code })
}
