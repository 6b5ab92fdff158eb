import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Logger } from '../flow/call.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'
import { orAbort } from '../flow/wait.ts'
import { Backoff } from './backoff.ts'
import { Connection, type ConnectionEnd } from './connection.ts'
import { isSessionLost, whyFailed } from './failure.ts'
import { Offered } from './offered.ts'
import type { ToolServerConfig } from './server-config.ts'
import type { Tool, ToolContext, ToolOutcome, ToolServerState } from './tool.ts'

export interface McpServerOptions {
  readonly log: Logger
  /** Our own version, which the server is told. */
  readonly version: string
  readonly runtime: Runtime
  /** Milliseconds for a server's initialization; by default that of its transport. */
  readonly greetMs?: number
}

/** Milliseconds for a server's initialization. A command may have to be downloaded first (`npx`). */
const greetMs = { stdio: 60_000, http: 20_000, sse: 20_000 } as const

/** A list is used no longer than this, because the notification of a changed list may be lost with its stream. */
const listMaxAgeMs = 60_000

/**
 * An MCP server during the program's life. It connects in the background: at the start, again after a failure and a pause,
 * and after a longer pause if the server misbehaved. A request waits for the first attempt, and for the first attempt after
 * a good connection broke. Otherwise a server that is not connected has no tools.
 */
export class McpServer {
  readonly name: string
  readonly #config: ToolServerConfig
  readonly #options: McpServerOptions
  readonly #log: Logger
  readonly #offered: Offered
  readonly #backoff: Backoff
  readonly #closing: CancelSource
  #connection: Connection | undefined
  #connecting: Promise<Connection> | undefined
  #listing: Promise<readonly Tool[]> | undefined
  #tools: readonly Tool[] = []
  #listedUntil = 0
  #why: string | undefined
  /** Whether the running attempt is the first, or the first after a good connection. */
  #isHopeful = true
  /** Until the next attempt. */
  #pause: Timer | undefined
  #lastWords: (() => string | undefined) | undefined

  constructor(config: ToolServerConfig, options: McpServerOptions) {
    this.name = config.name
    this.#config = config
    this.#options = options
    this.#log = options.log.child({ mcpServer: config.name })
    this.#offered = new Offered(config.name, this.#log, (tool, args, context) => this.#run(tool, args, context))
    this.#closing = new CancelSource(options.runtime)
    this.#backoff = new Backoff(options.runtime)
  }

  get state(): ToolServerState {
    const words = this.#lastWords?.()
    return {
      name: this.name,
      transport: this.#config.transport,
      status: this.#status(),
      tools: this.#tools.length,
      ...(this.#why !== undefined && { why: this.#why }),
      ...(words !== undefined && { stderr: words }),
    }
  }

  /** Whether a request should wait for the running attempt, which has a deadline of its own. */
  get isStarting(): boolean {
    return this.#connecting !== undefined && this.#isHopeful
  }

  /** Connects in the background, and asks for the server's tools. */
  start(): void {
    this.#pause = undefined
    if (this.#closing.aborted || this.#connection) return
    this.#begin()
      .then(() => this.list(this.#closing))
      // why it failed is its state, and in the log
      .catch(() => undefined)
  }

  /** Returns the server's tools, and asks for them if they are unknown or may have changed. @throws ChatError if the server cannot be reached, or the signal's reason */
  async list(signal: Cancel): Promise<readonly Tool[]> {
    const connection = await this.#connected(signal)
    if (this.#options.runtime.elapsed() < this.#listedUntil && !connection.isListStale) return this.#tools
    this.#listing ??= this.#list(connection).finally(() => {
      this.#listing = undefined
    })
    return orAbort(this.#listing, signal)
  }

  async close(): Promise<void> {
    this.#closing.abort(closed)
    this.#pause?.stop()
    const connection = this.#connection ?? (await this.#connecting?.catch(() => undefined))
    this.#connection = undefined
    await connection?.close()
  }

  #status(): ToolServerState['status'] {
    if (this.#connecting) return this.#isHopeful ? 'connecting' : 'failed'
    if (this.#connection) return 'connected'
    return this.#why === undefined ? 'idle' : 'failed'
  }

  /** Returns the connection, or opens a new one. All callers share one attempt. */
  #connected(signal: Cancel): Promise<Connection> {
    if (this.#connection) return Promise.resolve(this.#connection)
    const isForLater = this.#pause !== undefined || this.#backoff.isWaiting || this.#closing.aborted
    if (this.#connecting ? !this.#isHopeful : isForLater)
      return Promise.reject(new ChatError('upstream-failed', { message: this.#why ?? 'it failed' }))
    return orAbort(this.#begin(), signal)
  }

  #begin(): Promise<Connection> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
      if (!this.#connection) this.#startLater()
    })
    return this.#connecting
  }

  #startLater(): void {
    if (this.#closing.aborted || this.#connecting || this.#pause) return
    // a server that is down does not keep the process running
    this.#pause = this.#options.runtime.timers.set(this.#backoff.waitMs, () => this.start(), { isBackground: true })
  }

  async #connect(): Promise<Connection> {
    const link = this.#closing.child()
    const { version, runtime } = this.#options
    const limitMs = this.#options.greetMs ?? greetMs[this.#config.transport]
    const timer = runtime.timers.set(limitMs, () => link.abort(late))
    const ended = (end: ConnectionEnd) => this.#ended(end)
    try {
      const spoke = (last: () => string | undefined) => {
        // the last line of the earlier process stays until the new one writes
        const before = this.#lastWords?.()
        this.#lastWords = () => last() ?? before
      }
      const opened = await Connection.open(this.#config, { log: this.#log, runtime, version, ended, spoke }, link)
      if (!(opened instanceof Connection)) {
        this.#fail(opened)
        throw new ChatError('upstream-failed', { message: opened.why })
      }
      this.#connection = opened
      this.#isHopeful = true
      this.#why = undefined
      this.#listedUntil = 0
      this.#backoff.began()
      this.#log.info({}, 'an MCP server is connected')
      return opened
    } catch (thrown) {
      if (thrown === late) this.#fail({ why: late.message, isMisbehaviour: false })
      this.#isHopeful = false
      throw thrown
    } finally {
      timer.stop()
      link.release()
    }
  }

  #ended(end: ConnectionEnd): void {
    this.#connection = undefined
    this.#fail(end)
    if (end.isMisbehaviour || this.#backoff.isWaiting) this.#startLater()
    else this.start()
  }

  #fail({ why, isMisbehaviour }: ConnectionEnd): void {
    // the server is tried again at least once a minute, so the same failure is logged once
    const level = why === this.#why ? 'debug' : 'warn'
    this.#why = why
    if (isMisbehaviour) this.#backoff.misbehaved()
    else this.#backoff.failed()
    this.#log[level]({ why }, isMisbehaviour ? 'an MCP server is cut off' : 'an MCP server failed')
  }

  async #list(connection: Connection, isAgain = false): Promise<readonly Tool[]> {
    let listed: readonly unknown[]
    try {
      listed = await connection.listTools(this.#closing)
    } catch (thrown) {
      if (!isAgain && isSessionLost(thrown)) return this.#listAnew(connection)
      this.#giveUp(connection, whyFailed(thrown))
      throw thrown
    }
    this.#tools = this.#offered.choose(listed)
    this.#listedUntil = this.#options.runtime.elapsed() + listMaxAgeMs
    return this.#tools
  }

  /** The session was lost, for example at a restart of the server: connects again and lists the tools. */
  async #listAnew(lost: Connection): Promise<readonly Tool[]> {
    this.#forget(lost)
    return this.#list(await this.#connected(this.#closing), true)
  }

  #forget(lost: Connection): void {
    if (this.#connection !== lost) return
    this.#connection = undefined
    void lost.close()
  }

  /** Closes a connection that is open but cannot be used. */
  #giveUp(connection: Connection, why: string): void {
    if (this.#connection !== connection) return
    this.#ended({ why, isMisbehaviour: false })
    void connection.close()
  }

  async #run(name: string, args: Fields, context: ToolContext): Promise<ToolOutcome> {
    context.signal.throwIfAborted()
    if (!this.#offered.isUnchanged(name))
      return refusal('the tool has changed since it was first seen, and is off until the gateway is restarted')
    const end = await this.#call(name, args, context)
    if (end.kind !== 'session-lost') return end.kind === 'done' ? end.outcome : refusal(end.why)
    // the server ignored the call, so it may be made once more in a new session
    const again = await this.#call(name, args, context)
    if (again.kind === 'done') return again.outcome
    return refusal(again.kind === 'refused' ? again.why : 'it does not keep its sessions')
  }

  async #call(name: string, args: Fields, context: ToolContext): ReturnType<Connection['call']> {
    const connection = await this.#connected(context.signal).catch((thrown: unknown) => {
      context.signal.throwIfAborted()
      return thrown instanceof ChatError ? thrown.message : 'it failed'
    })
    if (typeof connection === 'string') return { kind: 'refused', why: connection }
    const end = await connection.call(name, args, context)
    if (end.kind === 'session-lost') this.#forget(connection)
    return end
  }
}

const closed = new ChatError('cancelled', { message: 'The program stops.' })
const late = new ChatError('timeout', { message: 'it did not answer in time' })

/** The outcome for a model if the tool certainly did not run. */
function refusal(why: string): ToolOutcome {
  return { content: `The tool was not run: ${why}.`, isError: true }
}
