import type { StreamEvent } from '../http/events.ts'

/** Reads server-sent events as a gateway does that has seen only one upstream: LF, and `data: ` with its space. */
export class NaiveReader {
  readonly #decoder = new TextDecoder()
  #rest = ''

  push(bytes: Uint8Array): readonly StreamEvent[] {
    const frames = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n\n')
    this.#rest = frames.pop() ?? ''
    return frames.flatMap((frame) => {
      const lines = frame.split('\n')
      const data = lines.find((line) => line.startsWith('data: '))
      const event = lines.find((line) => line.startsWith('event: '))?.slice('event: '.length)
      return data === undefined ? [] : [{ data: data.slice('data: '.length), ...(event !== undefined && { event }) }]
    })
  }
}
