import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type CallEnd, endOf, isAnswer, whyFailed } from './failure.ts'
import type { TransportHooks } from './hooks.ts'
import { type Line, openLine } from './line.ts'
import { listTools, maxTools } from './list-tools.ts'
import { floodMeter } from './meter.ts'
import { readNotification } from './notification.ts'
import { CallResult, readResult } from './result.ts'
import type { ToolServerConfig } from './server-config.ts'
import type { ToolContext } from './tool.ts'

/** How a connection ended. */
export interface ConnectionEnd {
  /** Completes "the server failed: …"; nothing secret in it. */
  readonly why: string
  /** It did what no honest server does. */
  readonly isMisbehaviour: boolean
}

export interface ConnectionOptions {
  readonly log: Logger
  readonly runtime: Runtime
  readonly version: string
  /** Called once, when an open connection is of no use any more, unless it was closed. */
  ended(end: ConnectionEnd): void
  /** Called with what tells the last line that its process wrote to its standard error. */
  spoke(last: () => string | undefined): void
}

/** A call's limit is its caller's. */
const noLimitMs = 24 * 3600 * 1000
const greetingMs = 10_000

/** A server that has been greeted. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #meter: () => boolean
  /** Who hears what the running calls say meanwhile, by the token that is in each call. */
  readonly #running = new Map<string, (text: string) => void>()
  #calls = 0
  #line: Line | undefined
  #client: Client | undefined
  #end: ConnectionEnd | undefined
  #isOpen = false
  #isListStale = false

  private constructor(options: ConnectionOptions) {
    this.#options = options
    this.#meter = floodMeter(options.runtime)
  }

  /** Connects and greets. @returns what came of it @throws the signal's reason once it is aborted; nothing else */
  static async open(
    server: ToolServerConfig,
    options: ConnectionOptions,
    signal: Cancel,
  ): Promise<Connection | ConnectionEnd> {
    const connection = new Connection(options)
    try {
      await connection.#open(server, signal)
      connection.#isOpen = true
      // it may have closed while nobody looked
      if (!connection.#client?.transport) connection.#end ??= { why: closedByPeer, isMisbehaviour: false }
    } catch (thrown) {
      connection.#kill()
      signal.throwIfAborted()
      options.log.debug({ err: thrown }, 'an MCP server could not be connected')
      connection.#end ??= { why: whyFailed(thrown), isMisbehaviour: false }
    }
    return connection.#end ?? connection
  }

  /** Whether the server has said that its tools are others now. */
  get isListStale(): boolean {
    return this.#isListStale
  }

  /** Its tools as it lists them, at most 256. @throws what the library throws, or ChatError where they have no end */
  async listTools(signal: Cancel): Promise<readonly unknown[]> {
    if (!this.#client) return []
    this.#isListStale = false
    const listed = await listTools(this.#client, signal)
    if (listed === 'endless') throw this.#misbehaved('its list of tools has no end')
    if (!listed.isWhole)
      this.#options.log.warn({}, `an MCP server has more than ${maxTools} tools: the first of them are offered`)
    return listed.tools
  }

  /** Runs a tool once. @throws the context's signal's reason once that is aborted; nothing else */
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
      // the library forgets a request that could not be sent only once it is aborted
      if (!isAnswer(thrown)) link.abort(abandoned)
      return endOf(thrown, this.#end?.why)
    } finally {
      link.release()
      this.#running.delete(progressToken)
    }
  }

  async close(): Promise<void> {
    this.#end ??= { why: 'it was closed', isMisbehaviour: false }
    await this.#line?.end()
  }

  async #open(server: ToolServerConfig, signal: Cancel): Promise<void> {
    const { log, runtime, version } = this.#options
    const hooks: TransportHooks = {
      log,
      runtime,
      spoke: (last) => this.#options.spoke(last),
      lost: (why) => this.#finish({ why, isMisbehaviour: false }),
      misbehaved: (why) => void this.#misbehaved(why),
      listening: () => {
        this.#isListStale = true
      },
      unreadable: () => this.#count(),
    }
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
    const line = await openLine(server, hooks)
    signal.throwIfAborted()
    this.#line = line
    line.transport.onmessage = (message) => this.#sees(message, line)
    const client = new Client({ name: 'tributary', version }, { capabilities: {} })
    this.#client = client
    // the library hears of progress a moment late: after the answer, where both came at once
    client.removeNotificationHandler('notifications/progress')
    client.onerror = (error) => this.#onError(error, server)
    const release = signal.onAbort(() => this.#kill())
    const { native } = signal
    try {
      await client.connect(line.transport, { signal: native, timeout: noLimitMs })
      if (client.getServerCapabilities()?.logging)
        await client.setLoggingLevel('info', { signal: native, timeout: greetingMs }).catch(() => undefined)
    } finally {
      release()
    }
  }

  #sees(message: JSONRPCMessage, line: Line): void {
    line.sees(message)
    this.#count()
    if (!('method' in message)) return
    if (message.method === 'notifications/tools/list_changed') this.#isListStale = true
    const said = readNotification(message)
    if (!said) return
    // a log message does not say which call it is about
    const [only] = this.#running.size === 1 ? this.#running.values() : []
    const onChunk = said.token === undefined ? only : this.#running.get(said.token)
    onChunk?.(`${said.text}\n`)
  }

  #count(): void {
    if (this.#meter()) this.#misbehaved('it floods the gateway with messages')
  }

  #onError(error: Error, server: ToolServerConfig): void {
    this.#options.log.debug({ err: error }, 'an MCP server, or the way to it, has a fault')
    // an older server's session ends with its stream; the other's when the library gives up
    const isOver = server.transport === 'sse' ? 'event' in error : error.message.startsWith('Maximum reconnection')
    if (isOver) this.#lost()
  }

  /** Until it is open, what the greeting fails with tells more. */
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
    if (this.#isOpen) this.#options.ended(end)
  }

  #kill(): void {
    this.#line?.kill()
  }
}

const closedByPeer = 'its connection closed'
const abandoned = new ChatError('cancelled', { message: 'The request has failed.' })
