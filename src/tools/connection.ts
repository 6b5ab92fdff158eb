import type { Client, JSONRPCMessage } from '@modelcontextprotocol/client'
import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type ClientOptions, type EraMode, newClient, nextMode, noLimitMs, ownName } from './era.ts'
import { type CallEnd, endOf, isAnswer, whyFailed } from './failure.ts'
import { headersOfCall } from './header-parameters.ts'
import type { TransportHooks } from './hooks.ts'
import { listTools, maxTools, type ServerList } from './list-tools.ts'
import { floodMeter } from './meter.ts'
import { readNotification } from './notification.ts'
import type { CalledTool } from './offered.ts'
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

export interface ConnectionOptions extends ClientOptions {
  readonly log: Logger
  readonly runtime: Runtime
  /** Called once, when an open connection cannot be used any more, unless we closed it. */
  onEnd(end: ConnectionEnd): void
  /** Called with a function that returns the last line of the process's standard error. */
  onStderr(last: () => string | undefined): void
}

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
      const { transport } = server
      const hasEnded = connection.#end?.isMisbehaviour === false
      const mode = nextMode({ mode: options.mode, transport, thrown, hasEnded })
      if (mode !== undefined) return Connection.open(server, { ...options, mode }, signal)
      options.log.debug({ err: thrown }, 'an MCP server could not be connected')
      connection.#end ??= { why: whyFailed(thrown), isMisbehaviour: false }
    }
    return connection.#end ?? connection
  }

  /** Whether the server has said that its list of tools has changed. */
  get isListStale(): boolean {
    return this.#isListStale
  }

  /** Whether the server is a gateway like this one. */
  get isGateway(): boolean {
    return this.#client?.getServerVersion()?.name === ownName
  }

  /** How a later connection to the same server begins: with the revision that it was found to speak. */
  get mode(): EraMode {
    const version = this.#client?.getNegotiatedProtocolVersion()
    return this.#isModern && version !== undefined ? { pin: version } : 'legacy'
  }

  /** Lists the server's tools, at most 256. @throws what the library throws, or ChatError if the list has no end */
  async listTools(signal: Cancel): Promise<ServerList> {
    if (!this.#client) return { tools: [], ttlMs: undefined }
    this.#isListStale = false
    const listed = await listTools(this.#client, signal)
    if (listed === 'endless') throw this.#misbehaved('its list of tools has no end')
    if (!listed.isWhole)
      this.#options.log.warn({}, `an MCP server has more than ${maxTools} tools: the first of them are offered`)
    return listed
  }

  /** Runs a tool once. @throws only the reason of the context's signal, when it is aborted */
  async call({ name, headers }: CalledTool, args: Fields, context: ToolContext): Promise<CallEnd> {
    const { signal, onChunk, hops = 0 } = context
    const traced = signal.span?.headers
    const link = signal.child()
    const progressToken = `call-${++this.#calls}`
    this.#running.set(progressToken, (text) => void (signal.aborted || onChunk(text)))
    try {
      const client = this.#client
      if (!client || this.#end) return { kind: 'refused', why: this.#end?.why ?? 'it is closed' }
      const params = { name, arguments: args, _meta: { progressToken, ...this.#logWish, ...traced } }
      const options = {
        signal: link.native,
        timeout: noLimitMs,
        headers: {
          'x-tributary-hops': String(hops + 1),
          ...traced,
          ...(this.#isModern && headersOfCall(headers, args)),
        },
      }
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

  /** @param why what is said of calls that still run */
  async close(why = 'it was closed'): Promise<void> {
    this.#end ??= { why, isMisbehaviour: false }
    await this.#transport?.end()
  }

  async #open(server: ToolServerConfig, signal: Cancel): Promise<void> {
    const { log, runtime } = this.#options
    const hooks: TransportHooks = {
      log,
      runtime,
      onMessage: (message) => this.#receive(message),
      onStderr: (last) => this.#options.onStderr(last),
      onLost: (why) => this.#finish({ why, isMisbehaviour: false }),
      onMisbehaviour: (why) => void this.#misbehaved(why),
      onListening: () => {
        this.#isListStale = true
      },
      onUnreadable: () => this.#count(),
    }
    const client = await newClient(server, this.#options)
    const opened = await openTransport(server, hooks)
    signal.throwIfAborted()
    this.#transport = opened
    this.#client = client
    client.onerror = (error) => this.#onError(error, server)
    const release = signal.onAbort(() => this.#kill())
    const { native } = signal
    try {
      await client.connect(opened.transport, { signal: native, timeout: noLimitMs })
      if (this.#isModern) this.#listen(client)
      else if (client.getServerCapabilities()?.logging)
        await client.setLoggingLevel('info', { signal: native, timeout: greetingMs }).catch(() => undefined)
    } finally {
      release()
    }
  }

  get #isModern(): boolean {
    return this.#client?.getProtocolEra() === 'modern'
  }

  /** The wish for log messages of a call, which newer servers are told with each call. */
  get #logWish(): object {
    const hasLog = this.#isModern && this.#client?.getServerCapabilities()?.logging !== undefined
    return hasLog ? { 'io.modelcontextprotocol/logLevel': 'info' } : {}
  }

  /** Lets a newer server tell when its list of tools changes. Older ones tell it unasked. */
  #listen(client: Client): void {
    if (!client.getServerCapabilities()?.tools?.listChanged) return
    client.listen({ toolsListChanged: true }, { timeout: noLimitMs }).then(
      () => {
        this.#isListStale = true
      },
      (thrown: unknown) => this.#options.log.debug({ err: thrown }, 'an MCP server does not tell of changed tools'),
    )
  }

  #receive(message: JSONRPCMessage): void {
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
