/**
 * A stream that is only found when it is first read, after a wait or a choice. From then on reading it is reading what
 * was found: unlike a generator that passes events on, it costs nothing an event (docs/decisions/0010-cheap-layers.md).
 */
export function defer<Event>(open: () => Promise<AsyncIterable<Event>>): AsyncIterable<Event> {
  let found: AsyncIterator<Event> | undefined
  let opening: Promise<AsyncIterator<Event>> | undefined
  const start = async () => {
    found = (await open())[Symbol.asyncIterator]()
    return found
  }
  const iterator: AsyncIterator<Event> = {
    next() {
      if (found) return found.next()
      opening ??= start()
      return opening.then((opened) => opened.next())
    },
    async return() {
      const opened = found ?? (await opening)
      await opened?.return?.()
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
