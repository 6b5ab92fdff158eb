/** Takes a notice to another process. */
export type SendNotice = (channel: string, text: string) => void

/**
 * Carries notices between two processes that use one store for a while, and whose storage carries none. A notice of one of
 * them reaches the listeners of the other.
 */
export class NoticeBridge {
  readonly #others = new Set<SendNotice>()
  #deliver: SendNotice = () => undefined

  /** @param deliver gives a notice to the listeners of this process */
  attach(deliver: SendNotice): void {
    this.#deliver = deliver
  }

  /** Sends the notices of this process to another one from now on. @returns a function that stops it */
  connect(send: SendNotice): () => void {
    this.#others.add(send)
    return () => void this.#others.delete(send)
  }

  /** A notice of this process. */
  send(channel: string, text: string): void {
    for (const send of this.#others) send(channel, text)
  }

  /** A notice of another process. */
  receive(channel: string, text: string): void {
    this.#deliver(channel, text)
  }
}
