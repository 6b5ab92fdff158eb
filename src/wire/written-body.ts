import type { BodySink, BodyWriter } from '../flow/network.ts'

/**
 * Makes the body of a response that Bun's server sends. It is a direct stream: the text goes to the socket without a queue and
 * without a promise, and is sent at the end of the turn. If the socket is full, `write` returns a promise.
 */
export function writtenBody(writer: BodyWriter): ReadableStream<Uint8Array> {
  let sink: DirectSink | undefined
  return new ReadableStream<Uint8Array>({
    type: 'direct',
    pull(controller) {
      sink = new DirectSink(controller)
      writer.start(sink)
      return sink.ended
    },
    cancel() {
      sink?.close()
      writer.left()
    },
  })
}

class DirectSink implements BodySink {
  readonly #controller: ReadableStreamDirectController
  readonly #end = Promise.withResolvers<void>()

  constructor(controller: ReadableStreamDirectController) {
    this.#controller = controller
  }

  /** Settles when nothing more will be written. Until then Bun keeps the response open. */
  get ended(): Promise<void> {
    return this.#end.promise
  }

  write(text: string | Uint8Array): Promise<unknown> | undefined {
    const written = this.#controller.write(text)
    return written instanceof Promise ? written : undefined
  }

  end(text: string): void {
    this.#controller.write(text)
    this.#controller.end()
    this.close()
  }

  fail(): void {
    // Bun prints the reason of a rejection, and this one may quote an upstream
    this.#end.reject(undefined)
  }

  close(): void {
    this.#end.resolve()
  }
}
