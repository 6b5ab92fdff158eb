/** A stream that reads for another one, once that is found. From then on whoever reads it may read that one itself. */
export abstract class StandIn<Event> implements AsyncIterableIterator<Event> {
  /** The one that has all the events still to come; undefined as long as this one has some, or has yet to find it. */
  abstract get found(): AsyncIterator<Event> | undefined
  abstract next(): Promise<IteratorResult<Event>>
  abstract return(): Promise<IteratorResult<Event>>

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** What is read in the end: behind every stand-in that has done its work (docs/decisions/0010-cheap-layers.md). */
export function behind<Event>(reader: AsyncIterator<Event>): AsyncIterator<Event> {
  let last = reader
  while (last instanceof StandIn) {
    const { found }: StandIn<Event> = last
    if (!found) break
    last = found
  }
  return last
}
