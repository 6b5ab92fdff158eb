import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Cancel } from '../../flow/cancel.ts'

/** An event, with the position of the stream it came from. */
export interface Sourced {
  readonly source: number
  readonly event: ChatEvent
}

type Arrival =
  | { readonly kind: 'step'; readonly source: number; readonly step: IteratorResult<ChatEvent> }
  | { readonly kind: 'failure'; readonly thrown: unknown }

/**
 * Several streams as one, each event as it comes. Every stream is one event ahead at the most, so a slow reader slows
 * them all. The first failure ends all of them.
 */
export async function* merge(
  open: readonly ((signal: Cancel) => AsyncIterable<ChatEvent>)[],
  signal: Cancel,
): AsyncGenerator<Sourced> {
  const link = signal.child()
  const iterators = open.map((start) => start(link)[Symbol.asyncIterator]())
  const arrivals = new Arrivals()
  const advance = (source: number) => {
    iterators[source]?.next().then(
      (step) => arrivals.add({ kind: 'step', source, step }),
      (thrown) => arrivals.add({ kind: 'failure', thrown }),
    )
  }
  try {
    for (const source of iterators.keys()) advance(source)
    for (let running = iterators.length; running > 0; ) {
      const arrival = await arrivals.next()
      if (arrival.kind === 'failure') throw arrival.thrown
      if (arrival.step.done) {
        running--
        continue
      }
      yield { source: arrival.source, event: arrival.step.value }
      advance(arrival.source)
    }
  } finally {
    link.abort(
      new ChatError('cancelled', { message: 'Another answer of the same request failed, or nobody reads on.' }),
    )
    link.release()
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()))
  }
}

/** A queue with one reader. Racing the streams' promises instead would leave a reaction on the slow ones for every event of the fast. */
class Arrivals {
  readonly #waiting: Arrival[] = []
  #wake: ((arrival: Arrival) => void) | undefined

  add(arrival: Arrival): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake) wake(arrival)
    else this.#waiting.push(arrival)
  }

  next(): Promise<Arrival> {
    const waiting = this.#waiting.shift()
    if (waiting) return Promise.resolve(waiting)
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
