import type { ChatEvent } from './event.ts'

/**
 * A stream that is only found when it is first read, after a wait or a choice. From then on reading it is reading what
 * was found: unlike a generator that passes events on, it costs nothing an event (docs/decisions/0010-cheap-layers.md).
 */
export function defer(open: () => Promise<AsyncIterable<ChatEvent>>): AsyncIterable<ChatEvent> {
  let found: AsyncIterator<ChatEvent> | undefined
  let opening: Promise<AsyncIterator<ChatEvent>> | undefined
  const start = async () => {
    found = (await open())[Symbol.asyncIterator]()
    return found
  }
  const iterator: AsyncIterator<ChatEvent> = {
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
