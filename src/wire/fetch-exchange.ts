import { ChatError } from '../chat/error.ts'
import type { Cancel, CancelSource } from '../flow/cancel.ts'
import type { Network } from '../flow/network.ts'
import type { BodyPiece, BodySource } from './http-body.ts'
import { invalidReply } from './http-head.ts'
import type { HttpRequest } from './http-request.ts'
import { transportError } from './transport-error.ts'

/** The methods of a body's reader that are used here. Bun's types and the web's differ in the others. */
type FetchBodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>

export type Fetch = NonNullable<Network['fetchByProxy']>

/** A request that `fetch` sends, because our own HTTP client does not support proxies. */
export class FetchExchange implements BodySource {
  readonly #fetch: Fetch
  readonly #link: CancelSource
  #response: Response | undefined
  #reader: FetchBodyReader | undefined

  constructor(fetchByProxy: Fetch, signal: Cancel) {
    this.#fetch = fetchByProxy
    this.#link = signal.child()
  }

  get status(): number {
    return this.#response?.status ?? 0
  }

  get headers(): Headers {
    return this.#response?.headers ?? new Headers()
  }

  /** Sends the request and waits for the reply's head. @throws ChatError, or the reason of the abort */
  async start({ method, url, headers, body }: HttpRequest): Promise<void> {
    const link = this.#link
    try {
      this.#response = await this.#fetch(url, {
        method,
        headers: { 'accept-encoding': 'identity', ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : new Blob([...body]) }),
        signal: link.native,
        redirect: 'manual',
        timeout: false,
        // decompress.ts decompresses the reply, with and without a proxy
        decompress: false,
      })
    } catch (thrown) {
      this.#link.release()
      throw link.aborted ? link.reason : transportError(thrown, 'before its reply')
    }
    if (!this.headers.has('content-length') || !this.headers.has('transfer-encoding')) return
    this.cancel()
    throw invalidReply('it has both Content-Length and Transfer-Encoding')
  }

  async read(): Promise<BodyPiece> {
    const link = this.#link
    try {
      this.#reader ??= this.#response?.body?.getReader()
      const step = await this.#reader?.read()
      if (step?.value && !step.done) return step.value
      // Bun ends a body that is delimited by close without an error, even if it was aborted
      link.throwIfAborted()
      this.#link.release()
      return undefined
    } catch (thrown) {
      throw link.aborted ? link.reason : transportError(thrown, 'within its reply')
    }
  }

  abort(reason: unknown): void {
    this.#link.abort(reason)
  }

  /** Cancels the body, then aborts the request: each alone leaked in some Bun (docs/decisions/0002-one-fetch.md). */
  cancel(): void {
    this.#link.release()
    const cancelled = this.#reader ? this.#reader.cancel() : this.#response?.body?.cancel()
    cancelled?.catch(() => undefined)
    this.#link.abort(new ChatError('cancelled', { message: 'The reply is no longer needed.' }))
  }
}
