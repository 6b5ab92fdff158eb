import { connect, type Socket } from 'node:net'
import { type App, openApp } from '../../src/app.ts'
import { type Config, type Misconfigured, readConfig } from '../../src/config/config.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { within } from '../waiting.ts'

/** The client key of a gateway. */
export const key = 'sk-attacks-0123456789abcdef'

export interface TestApp extends AsyncDisposable {
  readonly url: string
  /** Its log lines: JSON, at level trace. */
  readonly lines: string[]
  readonly app: App
}

/** Starts the whole program in this process, on a free port of loopback. By default it has no key and answers as `demo/echo`. */
export function startApp(
  variables: Readonly<Record<string, string>> = {},
  { read }: { read?: () => Config | Misconfigured } = {},
): TestApp {
  const config = readConfig(
    { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'trace', SHUTDOWN_GRACE: '1', ...variables },
    false,
  )
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const lines: string[] = []
  const app = openApp(
    config,
    openLog({ runtime: machine, level: config.logLevel, format: 'json', write: (line) => lines.push(line) }),
    new MemoryStore({ runtime: machine }),
    { runtime: machine, read },
  )
  return { url: app.url, lines, app, [Symbol.asyncDispose]: () => app.close() }
}

/** Milliseconds after which a wait is a hang. */
const patienceMs = 30_000

/** A reply from the wire. */
export interface RawReply {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** A client that writes raw bytes to a socket. */
export class RawClient {
  readonly #socket: Socket
  readonly #closed = Promise.withResolvers<void>()
  #received: Buffer = Buffer.alloc(0)
  #wake = Promise.withResolvers<void>()

  constructor(url: string) {
    const { port, hostname } = new URL(url)
    this.#socket = connect(Number(port), hostname)
    this.#socket.on('error', () => undefined)
    this.#socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#stir()
    })
    this.#socket.on('close', () => {
      this.#closed.resolve()
      this.#stir()
    })
  }

  /** Resolves when the bytes are written or the connection is closed. */
  send(bytes: string | Uint8Array): Promise<void> {
    if (this.isClosed) return Promise.resolve()
    const written = Promise.withResolvers<void>()
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => written.resolve())
    return Promise.race([written.promise, this.#closed.promise])
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Reads the next reply. @throws if the connection ends before it, or if it does not come */
  reply(ms = patienceMs, options: { readonly to?: 'HEAD' } = {}): Promise<RawReply> {
    return within(this.#next(options.to === 'HEAD'), ms, 'the reply')
  }

  /** Takes the received text up to the end of these characters. */
  text(ending: string, ms = patienceMs): Promise<string> {
    return within(this.#upTo(ending), ms, JSON.stringify(ending))
  }

  /** Resolves when the server has closed the connection. */
  closed(ms = patienceMs): Promise<void> {
    return within(this.#closed.promise, ms, 'the close')
  }

  leave(): void {
    this.#socket.destroy()
  }

  [Symbol.dispose](): void {
    this.leave()
  }

  async #next(hasNoBody: boolean): Promise<RawReply> {
    for (;;) {
      const taken = takeReply(this.#received, hasNoBody)
      if (taken) {
        this.#received = this.#received.subarray(taken.length)
        return taken.reply
      }
      if (this.isClosed) throw new Error(`closed before a reply, after ${JSON.stringify(this.#received.toString())}`)
      await this.#wake.promise
    }
  }

  async #upTo(ending: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(ending)
      if (at !== -1) {
        const text = this.#received.toString('utf8', 0, at + ending.length)
        this.#received = this.#received.subarray(at + ending.length)
        return text
      }
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.#received.toString())}`)
      await this.#wake.promise
    }
  }

  #stir(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers<void>()
  }
}

function takeReply(bytes: Buffer, hasNoBody: boolean): { reply: RawReply; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = new Headers()
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  const length = headEnd + 4 + (hasNoBody ? 0 : Number(headers.get('content-length') ?? 0))
  if (bytes.length < length) return undefined
  const status = Number(statusLine.split(' ')[1])
  return { reply: { status, headers, body: bytes.toString('utf8', headEnd + 4, length) }, length }
}

/** Sends bytes on a new connection and reads one reply. */
export async function askRaw(url: string, bytes: string | Uint8Array): Promise<RawReply> {
  using client = new RawClient(url)
  void client.send(bytes)
  return await client.reply()
}

/** Returns `error` of a body in OpenAI's shape. @throws if the body has another shape */
export function errorIn(body: string): { message: string; type: string; param: string | null; code: string } {
  const parsed: { error: { message: string; type: string; param: string | null; code: string } } = JSON.parse(body)
  const members = Object.keys(parsed.error).join(' ')
  if (members !== 'message type param code' || Object.keys(parsed).length !== 1)
    throw new Error(`no OpenAI error: ${body}`)
  const { message, type, param, code } = parsed.error
  if (![message, type, code].every((text) => typeof text === 'string' && text !== '')) throw new Error(`blank: ${body}`)
  if (param !== null && typeof param !== 'string') throw new Error(`param: ${body}`)
  return parsed.error
}

/** Writes a chat request over HTTP, with the key. */
export function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
  })
}

/** A small body that every upstream answers. */
export const hello = JSON.stringify({ model: 'demo/echo', messages: [{ role: 'user', content: 'Hello' }] })
