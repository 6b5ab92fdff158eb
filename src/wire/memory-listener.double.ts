import type { HttpListener, ServeOptions } from '../flow/network.ts'

/** The gateway's listener in memory, and the requests on it. */
export class MemoryListener implements HttpListener {
  readonly port: number
  readonly #options: ServeOptions
  readonly #addresses = new WeakMap<Request, string>()
  readonly #running = new Set<AbortController>()
  #drained: PromiseWithResolvers<void> | undefined

  constructor(options: ServeOptions, port: number) {
    this.#options = options
    this.port = port
  }

  get pendingRequests(): number {
    return this.#running.size
  }

  get isStopped(): boolean {
    return this.#drained !== undefined
  }

  addressOf(request: Request): string | undefined {
    return this.#addresses.get(request)
  }

  limitSilence(): void {
    // clients in memory are never silent, so there is no limit to set
  }

  openConnections(): number {
    return this.#running.size
  }

  steer(): boolean {
    return false
  }

  leavePort(): void {
    // no other process shares a port in memory
  }

  async stop(): Promise<void> {
    this.#drained ??= Promise.withResolvers()
    this.#settle()
    await this.#drained.promise
  }

  kill(): Promise<void> {
    for (const request of this.#running) request.abort(left())
    return this.stop()
  }

  /** Sends a request as a client does. Aborting its signal closes the connection. */
  async answer(url: string, init: RequestInit, address: string): Promise<Response> {
    const connection = new AbortController()
    init.signal?.addEventListener('abort', () => connection.abort(left()))
    const headers = { host: new URL(url).host, ...init.headers }
    const request = new Request(url, { ...init, headers, signal: connection.signal })
    this.#addresses.set(request, address)
    this.#running.add(connection)
    try {
      const { status, headers, body } = await this.#answer(request)
      // as Bun does with the answer to a client that has left meanwhile
      if (connection.signal.aborted) void body?.cancel(connection.signal.reason).catch(() => undefined)
      connection.signal.throwIfAborted()
      if (!body) this.#end(connection)
      return new Response(body && this.#relay(body, connection), { status, headers })
    } catch (thrown) {
      this.#end(connection)
      throw thrown
    }
  }

  #answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const route = this.#options.routes.find((one) => one.path === pathname && one.method === method)
    return (route ?? this.#options).answer(request)
  }

  /** Relays an answer. The request is pending until the client has read it all, or has closed the connection. */
  #relay(body: ReadableStream<Uint8Array>, connection: AbortController): ReadableStream<Uint8Array> {
    const reader = body.getReader()
    const end = () => this.#end(connection)
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          connection.signal.addEventListener('abort', () => {
            controller.error(connection.signal.reason)
            void reader.cancel(connection.signal.reason).catch(() => undefined)
            end()
          })
        },
        async pull(controller) {
          const { done, value } = await reader.read()
          if (connection.signal.aborted) return
          if (!done) return controller.enqueue(value)
          controller.close()
          end()
        },
        cancel: () => connection.abort(left()),
      },
      { highWaterMark: 0 },
    )
  }

  #end(connection: AbortController): void {
    this.#running.delete(connection)
    this.#settle()
  }

  #settle(): void {
    if (this.#running.size === 0) this.#drained?.resolve()
  }
}

function left(): Error {
  return Object.assign(new Error('The client has closed its connection.'), { name: 'AbortError' })
}
