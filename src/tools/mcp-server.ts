import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Cancel } from '../flow/cancel.ts'
import { orAbort } from '../flow/wait.ts'
import type { Connection } from './connection.ts'
import { isSessionLost, whyFailed } from './failure.ts'
import { LastingConnection, type LastingConnectionOptions } from './lasting-connection.ts'
import type { ServerList } from './list-tools.ts'
import { type CalledTool, Offered } from './offered.ts'
import type { ToolServerConfig } from './server-config.ts'
import type { Tool, ToolContext, ToolOutcome, ToolServerState } from './tool.ts'

/**
 * Milliseconds for which a list is used if the server does not say it, because the notification of a changed list may be
 * lost with its stream; and the limits for what it says.
 */
const usualListMs = 60_000
const minListMs = 5_000
const maxListMs = 3_600_000

/** An MCP server during the program's life: its connection, and its tools. A server that is not connected has no tools. */
export class McpServer {
  readonly name: string
  readonly #transport: ToolServerConfig['transport']
  readonly #options: LastingConnectionOptions
  readonly #offered: Offered
  readonly #lasting: LastingConnection
  #listing: Promise<readonly Tool[]> | undefined
  #tools: readonly Tool[] = []
  #restarting: Promise<void> | undefined
  /** The connection that listed the tools, and until when that list is used. */
  #listed: { readonly by: Connection; readonly until: number } | undefined

  constructor(config: ToolServerConfig, options: LastingConnectionOptions) {
    const log = options.log.child({ mcpServer: config.name })
    this.name = config.name
    this.#transport = config.transport
    this.#options = options
    this.#offered = new Offered(config.name, log, (tool, args, context) => this.#run(tool, args, context))
    this.#lasting = new LastingConnection(config, { ...options, log }, () => this.list(this.#lasting.closing))
  }

  get state(): ToolServerState {
    const { name } = this
    return { name, transport: this.#transport, tools: this.#tools.length, ...this.#lasting.state }
  }

  /** The tools as they were listed last. */
  get knownTools(): readonly Tool[] {
    return this.#tools
  }

  /** Whether a request should wait for the running attempt to connect, which has its own deadline. */
  get isStarting(): boolean {
    return this.#lasting.isStarting
  }

  /** Connects in the background, and asks for the server's tools. */
  start(): void {
    this.#lasting.start()
  }

  /**
   * Returns the server's tools, and asks for them if they are unknown or may have changed.
   * @throws ChatError if the server cannot be reached, or the signal's reason
   */
  async list(signal: Cancel): Promise<readonly Tool[]> {
    const connection = await this.#lasting.get(signal)
    if (this.#isListCurrent(connection)) return this.#tools
    this.#listing ??= this.#list(connection).finally(() => {
      this.#listing = undefined
    })
    return orAbort(this.#listing, signal)
  }

  /** Ends its connection or process, connects again at once, and offers the tools that it lists then. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined
    })
    return this.#restarting
  }

  close(): Promise<void> {
    return this.#lasting.close()
  }

  async #restart(): Promise<void> {
    this.#options.log.info({ mcpServer: this.name }, 'an MCP server is restarted')
    try {
      await this.#lasting.restart()
    } finally {
      // who restarts it accepts its tools as they are now
      this.#offered.forget()
      this.#listed = undefined
    }
    await this.list(this.#lasting.closing)
  }

  #isListCurrent(connection: Connection): boolean {
    const listed = this.#listed
    if (listed?.by !== connection || connection.isListStale) return false
    return this.#options.runtime.elapsed() < listed.until
  }

  async #list(connection: Connection, isAgain = false): Promise<readonly Tool[]> {
    let listed: ServerList
    try {
      listed = await connection.listTools(this.#lasting.closing)
    } catch (thrown) {
      if (!isAgain && isSessionLost(thrown)) return this.#listAnew(connection)
      this.#lasting.giveUp(connection, whyFailed(thrown))
      throw thrown
    }
    this.#tools = this.#offered.choose(listed.tools)
    const lastsMs = Math.min(Math.max(listed.ttlMs ?? usualListMs, minListMs), maxListMs)
    this.#listed = { by: connection, until: this.#options.runtime.elapsed() + lastsMs }
    return this.#tools
  }

  /** The session was lost, for example at a restart of the server: connects again and lists the tools. */
  async #listAnew(lost: Connection): Promise<readonly Tool[]> {
    this.#lasting.forget(lost)
    return this.#list(await this.#lasting.get(this.#lasting.closing), true)
  }

  async #run(tool: CalledTool, args: Fields, context: ToolContext): Promise<ToolOutcome> {
    context.signal.throwIfAborted()
    if (!this.#offered.isUnchanged(tool.name))
      return refusal(
        'the tool has changed since it was first seen, and is off until its server or the gateway is restarted',
      )
    const end = await this.#call(tool, args, context)
    if (end.kind !== 'session-lost') return end.kind === 'done' ? end.outcome : refusal(end.why)
    // the server ignored the call, so it may be made once more in a new session
    const again = await this.#call(tool, args, context)
    if (again.kind === 'done') return again.outcome
    return refusal(again.kind === 'refused' ? again.why : 'it does not keep its sessions')
  }

  async #call(tool: CalledTool, args: Fields, context: ToolContext): ReturnType<Connection['call']> {
    const connection = await this.#lasting.get(context.signal).catch((thrown: unknown) => {
      context.signal.throwIfAborted()
      return thrown instanceof ChatError ? thrown.message : 'it failed'
    })
    if (typeof connection === 'string') return { kind: 'refused', why: connection }
    const end = await connection.call(tool, args, context)
    if (end.kind === 'session-lost') this.#lasting.forget(connection)
    return end
  }
}

/** The outcome for a model if the tool certainly did not run. */
function refusal(why: string): ToolOutcome {
  return { content: `The tool was not run: ${why}.`, isError: true }
}
