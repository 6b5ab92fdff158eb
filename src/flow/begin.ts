import { type ChatEvent, isBlank } from '../chat/event.ts'
import type { Batch, Flow, NextBatch } from './flow.ts'

/**
 * Waits for the commit point: the first batch that shows something to a client. A failure before it can still become a retry
 * or an HTTP status, and a failure after it goes into the answer. Earlier batches that show nothing, such as a role, are kept.
 * @param held the batches that were already read, none of which shows something
 * @returns the whole flow, which replaces the given one
 * @throws what the flow threw before the commit point
 * @see docs/decisions/0004-commit-point.md
 */
export async function begin<Event extends AnyEvent>(
  flow: Flow<Event>,
  held: Batch<Event>[] = [],
): Promise<Flow<Event>> {
  for (;;) {
    const batch = await flow.next()
    if (batch) held.push(batch)
    if (!batch || showsSomething(batch)) return new BegunFlow(held, flow)
  }
}

/** A chat event, or another event such as the output of a tool. */
export interface AnyEvent {
  readonly type: string
}

/** Types of chat events that may show nothing to a client. All other events always show something. */
const possiblyBlankTypes: ReadonlySet<string> = new Set(['text', 'refusal', 'reasoning', 'part-end', 'foreign'])

/** Whether a batch shows something to a client. The first such batch is the commit point. */
export function showsSomething(batch: Batch<AnyEvent>): boolean {
  return batch.some((event) => !mayBeBlank(event) || !isBlank(event))
}

function mayBeBlank(event: AnyEvent): event is ChatEvent {
  return possiblyBlankTypes.has(event.type)
}

/** Gives the batches that were already read, then those of the flow. */
class BegunFlow<Event> implements Flow<Event> {
  readonly #held: Batch<Event>[]
  readonly #inner: Flow<Event>

  constructor(held: Batch<Event>[], inner: Flow<Event>) {
    // reversed, because `pop` takes the last one first
    this.#held = held.reverse()
    this.#inner = inner
  }

  get found(): Flow<Event> | undefined {
    return this.#held.length > 0 ? undefined : this.#inner
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    return this.#held.length > 0 ? this.#held.pop() : this.#inner.next()
  }

  close(): void {
    this.#held.length = 0
    this.#inner.close()
  }
}
