import { type ChatEvent, isBlank } from '../chat/event.ts'
import type { Batch, Flow, NextBatch } from './flow.ts'

/**
 * Waits for the first batch that shows a client anything: the commit point. Up to it a failure can still become a retry or an
 * HTTP status; after it, it belongs into the answer. Batches before it that show nothing (a role, say) are kept and given first.
 * @returns the whole flow, to be read in place of the one given
 * @throws whatever the flow threw before that
 * @see docs/decisions/0004-commit-point.md
 */
export async function begin<Event extends AnyEvent>(flow: Flow<Event>): Promise<Flow<Event>> {
  const held: Batch<Event>[] = []
  for (;;) {
    const batch = await flow.next()
    if (batch) held.push(batch)
    if (!batch || showsSomething(batch)) return new BegunFlow(held, flow)
  }
}

/** An event of the vocabulary, or one beyond it, such as the output of a tool. */
export interface AnyEvent {
  readonly type: string
}

/** Types of the vocabulary that may show a client nothing. All others, and those beyond it, always show something. */
const mayBeBlank: ReadonlySet<string> = new Set(['text', 'refusal', 'reasoning', 'part-end', 'foreign'])

/** Whether a batch shows a client anything: with the first that does, an answer has begun. */
export function showsSomething(batch: Batch<AnyEvent>): boolean {
  return batch.some((event) => !isOfVocabulary(event) || !isBlank(event))
}

function isOfVocabulary(event: AnyEvent): event is ChatEvent {
  return mayBeBlank.has(event.type)
}

/** The batches already read, then the flow itself. */
class BegunFlow<Event> implements Flow<Event> {
  readonly #held: Batch<Event>[]
  readonly #inner: Flow<Event>

  constructor(held: Batch<Event>[], inner: Flow<Event>) {
    // the last is taken first
    this.#held = held.reverse()
    this.#inner = inner
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    return this.#held.length > 0 ? this.#held.pop() : this.#inner.next()
  }

  close(): void {
    this.#held.length = 0
    this.#inner.close()
  }
}
