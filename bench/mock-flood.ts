import type { Socket } from 'bun'

const framesAtOnce = 64
const nothing: Buffer = Buffer.alloc(0)

export type FloodParts = { readonly head: string; readonly frame: Buffer; readonly count: number; readonly end: string }

/** Sends a head, a frame many times and an end, as fast as the peer reads. A short one is one write. */
export class MockFlood {
  readonly #socket: Pick<Socket, 'write'>
  readonly #frame: string
  readonly #block: Buffer
  #end: string
  #remainingFrames: number
  #unsent: Buffer

  constructor(socket: Pick<Socket, 'write'>, { head, frame, count, end }: FloodParts) {
    this.#socket = socket
    this.#frame = frame.toString()
    this.#block = count > framesAtOnce ? Buffer.from(this.#frame.repeat(framesAtOnce)) : nothing
    this.#end = end
    this.#remainingFrames = count
    this.#unsent = Buffer.concat([Buffer.from(head), this.#next()])
  }

  /** Sends until the kernel's buffer is full; called again when it has room. @returns whether all is sent */
  send(): boolean {
    while (this.#unsent.length > 0) {
      const sentBytes = Math.max(this.#socket.write(this.#unsent), 0)
      this.#unsent = this.#unsent.subarray(sentBytes)
      if (this.#unsent.length > 0) return false
      this.#unsent = this.#next()
    }
    return true
  }

  #next(): Buffer {
    if (this.#remainingFrames > framesAtOnce) {
      this.#remainingFrames -= framesAtOnce
      return this.#block
    }
    const rest = Buffer.from(this.#frame.repeat(this.#remainingFrames) + this.#end)
    this.#remainingFrames = 0
    this.#end = ''
    return rest
  }
}
