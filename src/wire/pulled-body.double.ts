import type { BodySink, BodyWriter } from '../flow/network.ts'

const utf8 = new TextEncoder()

/** Makes the body of a response in memory. Each text waits until its reader takes it. */
export function pulledBody(writer: BodyWriter): ReadableStream<Uint8Array> {
  let sink: PulledSink | undefined
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sink = new PulledSink(controller)
      },
      pull: () => sink?.pull(writer),
      cancel: () => writer.left(),
    },
    { highWaterMark: 0 },
  )
}

class PulledSink implements BodySink {
  readonly #controller: ReadableStreamDefaultController<Uint8Array>
  #isStarted = false
  #taken: PromiseWithResolvers<void> | undefined

  constructor(controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#controller = controller
  }

  /** The reader asks for more. */
  pull(writer: BodyWriter): void {
    if (!this.#isStarted) {
      this.#isStarted = true
      writer.start(this)
      return
    }
    this.#taken?.resolve()
    this.#taken = undefined
  }

  write(text: string | Uint8Array): Promise<void> {
    this.#controller.enqueue(typeof text === 'string' ? utf8.encode(text) : text)
    this.#taken ??= Promise.withResolvers()
    return this.#taken.promise
  }

  end(text: string): void {
    this.#controller.enqueue(utf8.encode(text))
    this.#controller.close()
  }

  fail(error: unknown): void {
    this.#controller.error(error)
  }
}
