import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type CallEnd, endOf, isAnswer, whyFailed } from './failure.ts'
import type { TransportHooks } from './hooks.ts'
import { listTools, maxTools } from './list-tools.ts'
import { floodMeter } from './meter.ts'
import { readNotification } from './notification.ts'
import { CallResult, readResult } from './result.ts'
import type { ToolServerConfig } from './server-config.ts'
import { openTransport, type ServerTransport } from './server-transport.ts'
import type { ToolContext } from './tool.ts'

/** How a connection ended. */
export interface ConnectionEnd {
  /** Completes "the server failed: …". It contains no secret. */
  readonly why: string
  /** Whether the server did something that no honest server does. */
  readonly isMisbehaviour: boolean
}

export interface ConnectionOptions {
  readonly log: Logger
  readonly runtime: Runtime
  readonly version: string
  /** Called once, when an open connection cannot be used any more, unless we closed it. */
  onEnd(end: ConnectionEnd): void
  /** Called with a function that returns the last line of the process's standard error. */
  onStderr(last: () => string | undefined): void
}

/** The caller limits a call's time, so the library must not. */
const noLimitMs = 24 * 3600 * 1000
const greetingMs = 10_000

/** A connection to a server, after the initialization. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #meter: () => boolean
  /** Receivers for the partial output of running calls, by the progress token of each call. */
  readonly #running = new Map<string, (text: string) => void>()
  #calls = 0
  #transport: ServerTransport | undefined
  #client: Client | undefined
  #end: ConnectionEnd | undefined
  #isOpen = false
  #isListStale = false

  private constructor(options: ConnectionOptions) {
    this.#options = options
    this.#meter = floodMeter(options.runtime)
  }

  /** Connects and initializes. @returns the connection, or why it failed @throws only the signal's reason, when it is aborted */
  static async open(
    server: ToolServerConfig,
    options: ConnectionOptions,
    signal: Cancel,
  ): Promise<Connection | ConnectionEnd> {
    const connection = new Connection(options)
    try {
      await connection.#open(server, signal)
      connection.#isOpen = true
      // the connection may have closed during the initialization
      if (!connection.#client?.transport) connection.#end ??= { why: closedByPeer, isMisbehaviour: false }
    } catch (thrown) {
      connection.#kill()
      signal.throwIfAborted()
      options.log.debug({ err: thrown }, 'an MCP server could not be connected')
      connection.#end ??= { why: whyFailed(thrown), isMisbehaviour: false }
    }
    return connection.#end ?? connection
  }

  /** Whether the server has said that its list of tools has changed. */
  get isListStale(): boolean {
    return this.#isListStale
  }

  /** Lists the server's tools, at most 256. @throws what the library throws, or ChatError if the list has no end */
  async listTools(signal: Cancel): Promise<readonly unknown[]> {
    if (!this.#client) return []
    this.#isListStale = false
    const listed = await listTools(this.#client, signal)
    if (listed === 'endless') throw this.#misbehaved('its list of tools has no end')
    if (!listed.isWhole)
      this.#options.log.warn({}, `an MCP server has more than ${maxTools} tools: the first of them are offered`)
    return listed.tools
  }

  /** Runs a tool once. @throws only the reason of the context's signal, when it is aborted */
  async call(name: string, args: Fields, { signal, onChunk }: ToolContext): Promise<CallEnd> {
    const link = signal.child()
    const progressToken = `call-${++this.#calls}`
    this.#running.set(progressToken, (text) => void (signal.aborted || onChunk(text)))
    try {
      const client = this.#client
      if (!client || this.#end) return { kind: 'refused', why: this.#end?.why ?? 'it is closed' }
      const params = { name, arguments: args, _meta: { progressToken } }
      const options = { signal: link.native, timeout: noLimitMs }
      const result = await client.request({ method: 'tools/call', params }, CallResult, options)
      return { kind: 'done', outcome: readResult(result) }
    } catch (thrown) {
      signal.throwIfAborted()
      // the library keeps a request that could not be sent until it is aborted
      if (!isAnswer(thrown)) link.abort(abandoned)
      return endOf(thrown, this.#end?.why)
    } finally {
      link.release()
      this.#running.delete(progressToken)
    }
  }

  async close(): Promise<void> {
    this.#end ??= { why: 'it was closed', isMisbehaviour: false }
    await this.#transport?.end()
  }

  async #open(server: ToolServerConfig, signal: Cancel): Promise<void> {
    const { log, runtime, version } = this.#options
    const hooks: TransportHooks = {
      log,
      runtime,
      onStderr: (last) => this.#options.onStderr(last),
      onLost: (why) => this.#finish({ why, isMisbehaviour: false }),
      onMisbehaviour: (why) => void this.#misbehaved(why),
      onListening: () => {
        this.#isListStale = true
      },
      onUnreadable: () => this.#count(),
    }
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
    const opened = await openTransport(server, hooks)
    signal.throwIfAborted()
    this.#transport = opened
    opened.transport.onmessage = (message) => this.#receive(message, opened)
    const client = new Client({ name: 'tributary', version }, { capabilities: {} })
    this.#client = client
    // the library handles progress too late: after the answer, if both came together
    client.removeNotificationHandler('notifications/progress')
    client.onerror = (error) => this.#onError(error, server)
    const release = signal.onAbort(() => this.#kill())
    const { native } = signal
    try {
      await client.connect(opened.transport, { signal: native, timeout: noLimitMs })
      if (client.getServerCapabilities()?.logging)
        await client.setLoggingLevel('info', { signal: native, timeout: greetingMs }).catch(() => undefined)
    } finally {
      release()
    }
  }

  #receive(message: JSONRPCMessage, transport: ServerTransport): void {
    transport.note(message)
    this.#count()
    if (!('method' in message)) return
    if (message.method === 'notifications/tools/list_changed') this.#isListStale = true
    const notice = readNotification(message)
    if (!notice) return
    // a log message does not say to which call it belongs
    const [only] = this.#running.size === 1 ? this.#running.values() : []
    const onChunk = notice.token === undefined ? only : this.#running.get(notice.token)
    onChunk?.(`${notice.text}\n`)
  }

  #count(): void {
    if (this.#meter()) this.#misbehaved('it floods the gateway with messages')
  }

  #onError(error: Error, server: ToolServerConfig): void {
    this.#options.log.debug({ err: error }, 'an MCP server or the connection to it failed')
    // in the older transport a session ends with its stream; in the newer one it ends when the library gives up
    const isOver = server.transport === 'sse' ? 'event' in error : error.message.startsWith('Maximum reconnection')
    if (isOver) this.#lost()
  }

  /** Ends an open connection. Before it is open, the error of the initialization is a better reason. */
  #lost(): void {
    if (this.#isOpen) this.#finish({ why: closedByPeer, isMisbehaviour: false })
  }

  #misbehaved(why: string): ChatError {
    this.#finish({ why, isMisbehaviour: true })
    return new ChatError('upstream-failed', { message: why })
  }

  #finish(end: ConnectionEnd): void {
    if (this.#end) return
    this.#end = end
    this.#kill()
    if (this.#isOpen) this.#options.onEnd(end)
  }

  #kill(): void {
    this.#transport?.kill()
  }
}

const closedByPeer = 'its connection closed'
const abandoned = new ChatError('cancelled', { message: 'The request has failed.' })
