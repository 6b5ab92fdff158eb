import { writeFile } from 'node:fs/promises'
import type { LargeReply } from './large-messages.ts'
import { peakKib, rssKib } from './process-usage.ts'

/** The cost of one request for the server. */
type Cost = {
  /** The longest CPU time of the main thread between two turns of the event loop. */
  readonly longestMs: number
  /** The highest resident memory, minus the resident memory at the start. */
  readonly grownKib: number
}

type Measured = AsyncDisposable & {
  /** Sends one request. @param status the expected status of the answer */
  readonly measure: (body: string, status: number) => Promise<Cost>
}

const root = new URL('..', import.meta.url).pathname
const maxBodyBytes = 64 * 1024 * 1024

/** Starts the gateway from its source, with the heartbeat, and an upstream that always gives the same reply. */
export async function startMeasured(reply: LargeReply): Promise<Measured> {
  const upstream = Bun.serve({
    port: 0,
    maxRequestBodySize: maxBodyBytes,
    fetch: async (request) => {
      await request.arrayBuffer()
      return new Response(reply.body, { headers: { 'content-type': reply.type } })
    },
  })
  const gateway = await Gateway.start(`http://127.0.0.1:${upstream.port}/v1`)
  return {
    measure: (body, status) => gateway.measure(body, status),
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await upstream.stop(true)
    },
  }
}

class Gateway {
  readonly #process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>
  readonly #url = Promise.withResolvers<string>()
  #onReading: ((ms: number) => void) | undefined
  #idleKib = Number.NaN

  private constructor(upstream: string) {
    const command = [process.execPath, '--preload', `${root}bench/heartbeat.ts`, `${root}src/main.ts`]
    this.#process = Bun.spawn(command, {
      cwd: import.meta.dir,
      env: {
        PATH: process.env.PATH ?? '',
        HOST: '127.0.0.1',
        PORT: '0',
        LOG_FORMAT: 'json',
        UPSTREAM_LARGE_URL: upstream,
        UPSTREAM_LARGE_KEY: 'sk-bench',
        UPSTREAM_LARGE_MODELS: 'large',
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
      ipc: (ms) => this.#onReading?.(Number(ms)),
    })
    process.once('exit', () => this.#process.kill('SIGKILL'))
  }

  static async start(upstream: string): Promise<Gateway> {
    const gateway = new Gateway(upstream)
    gateway.#readUrl().catch(gateway.#url.reject)
    await gateway.#url.promise
    gateway.#idleKib = await rssKib(gateway.#process.pid)
    return gateway
  }

  async measure(body: string, status: number): Promise<Cost> {
    const { pid } = this.#process
    await this.#longestMs()
    await writeFile(`/proc/${pid}/clear_refs`, '5')
    await this.#ask(body, status)
    return { longestMs: await this.#longestMs(), grownKib: (await peakKib(pid)) - this.#idleKib }
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process.exited
  }

  async #ask(body: string, status: number): Promise<void> {
    const answer = await fetch(`${await this.#url.promise}/v1/chat/completions`, { method: 'POST', body })
    const text = await answer.text()
    if (answer.status !== status)
      throw new Error(`answered ${answer.status} instead of ${status}: ${text.slice(0, 300)}`)
  }

  /** Returns the longest step since the last call. */
  #longestMs(): Promise<number> {
    return new Promise((resolve) => {
      this.#onReading = resolve
      this.#process.send('longest')
    })
  }

  async #readUrl(): Promise<void> {
    const decoder = new TextDecoder()
    let printed = ''
    // keeps reading, because a full pipe would block the gateway
    for await (const bytes of this.#process.stdout) {
      printed = (printed + decoder.decode(bytes, { stream: true })).slice(-2_000)
      const url = /http:\/\/127\.0\.0\.1:\d+(?=\D)/.exec(printed)?.[0]
      if (url !== undefined) this.#url.resolve(url)
    }
  }
}
