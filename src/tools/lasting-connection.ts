import { ChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import type { Logger } from '../flow/call.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'
import { orAbort } from '../flow/wait.ts'
import { Backoff } from './backoff.ts'
import { Connection, type ConnectionEnd } from './connection.ts'
import type { EraMode } from './era.ts'
import { commandMissing } from './failure.ts'
import type { ToolServerConfig } from './server-config.ts'
import type { ToolServerState } from './tool.ts'

export interface LastingConnectionOptions {
  readonly log: Logger
  /** Our own version, which is sent to the server. */
  readonly version: string
  readonly runtime: Runtime
  /** Milliseconds for a server's initialization. The default depends on the transport. */
  readonly greetMs?: number
}

/** Milliseconds for a server's initialization. A command may have to be downloaded first (`npx`). */
const greetMs = { stdio: 60_000, http: 20_000, sse: 20_000 } as const
/** The share of that time after which a silent process counts as an older server. */
const probeShare = 12

/**
 * Holds a connection to an MCP server, and opens it again after it breaks: after a pause, which is longer if the server
 * misbehaved. The connection opens in the background. A request waits for the first attempt, and for the first attempt
 * after a good connection broke.
 */
export class LastingConnection {
  readonly #config: ToolServerConfig
  readonly #options: LastingConnectionOptions
  readonly #onStarted: () => Promise<unknown>
  #backoff: Backoff
  readonly #closing: CancelSource
  #connection: Connection | undefined
  #connecting: Promise<Connection> | undefined
  /** Ends the running attempt. */
  #attempt: CancelSource | undefined
  #mode: EraMode = 'auto'
  #isGateway = false
  #why: string | undefined
  /** Whether the running attempt is the first, or the first after a good connection. */
  #isHopeful = true
  /** Runs until the next attempt. */
  #pause: Timer | undefined
  #lastWords: (() => string | undefined) | undefined
  /** The status that was noted last, and since when. */
  #noted: { readonly status: ToolServerState['status']; readonly since: number }

  /** @param onStarted called when an attempt in the background has succeeded */
  constructor(config: ToolServerConfig, options: LastingConnectionOptions, onStarted: () => Promise<unknown>) {
    this.#config = config
    this.#options = options
    this.#onStarted = onStarted
    this.#closing = new CancelSource(options.runtime)
    this.#backoff = new Backoff(options.runtime)
    this.#noted = { status: 'idle', since: options.runtime.now() }
  }

  /** Aborted when `close` is called. */
  get closing(): Cancel {
    return this.#closing
  }

  get state(): Pick<ToolServerState, 'status' | 'since' | 'isGateway' | 'why' | 'stderr' | 'missingCommand'> {
    const words = this.#lastWords?.()
    return {
      ...this.#noteStatus(),
      ...(this.#isGateway && { isGateway: true }),
      ...(this.#why !== undefined && { why: this.#why }),
      ...(words !== undefined && { stderr: words }),
      ...(this.#why === commandMissing &&
        'command' in this.#config && { missingCommand: redact(this.#config.command) }),
    }
  }

  /** Whether a request should wait for the running attempt, which has its own deadline. */
  get isStarting(): boolean {
    return this.#connecting !== undefined && this.#isHopeful
  }

  /** Connects in the background. */
  start(): void {
    this.#pause = undefined
    if (this.#closing.aborted || this.#connection) return
    this.#begin()
      .then(this.#onStarted)
      // the reason of the failure is in the state and in the log
      .catch(() => undefined)
  }

  /**
   * Returns the connection, or opens a new one. All callers share one attempt.
   * @throws ChatError if the server cannot be reached, or the signal's reason
   */
  get(signal: Cancel): Promise<Connection> {
    if (this.#connection) return Promise.resolve(this.#connection)
    const isForLater = this.#pause !== undefined || this.#backoff.isWaiting || this.#closing.aborted
    if (this.#connecting ? !this.#isHopeful : isForLater)
      return Promise.reject(new ChatError('upstream-failed', { message: this.#why ?? 'it failed' }))
    return orAbort(this.#begin(), signal)
  }

  /**
   * Ends the connection or the running attempt, and connects again without a pause. Calls that run end as interrupted.
   * @throws ChatError if the server cannot be reached
   */
  async restart(): Promise<void> {
    if (this.#closing.aborted) return
    const former = this.#connecting
    this.#isHopeful = true
    this.#attempt?.abort(restarted)
    await this.#begin(() => this.#connectAnew(former))
  }

  /** Closes a connection whose session the server has lost. */
  forget(lost: Connection): void {
    if (this.#connection !== lost) return
    this.#connection = undefined
    void lost.close()
  }

  /** Closes a connection that is open but cannot be used. */
  giveUp(connection: Connection, why: string): void {
    if (this.#connection !== connection) return
    this.#handleEnd({ why, isMisbehaviour: false })
    void connection.close()
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

  /** Notes a change of the status, so that its time is known. */
  #noteStatus(): { readonly status: ToolServerState['status']; readonly since: number } {
    const status = this.#status()
    if (status !== this.#noted.status) this.#noted = { status, since: this.#options.runtime.now() }
    return this.#noted
  }

  #begin(connect?: () => Promise<Connection>): Promise<Connection> {
    if (this.#connecting && !connect) return this.#connecting
    const attempt = (connect ?? (() => this.#connect()))().finally(() => {
      // a restart may have taken its place
      if (this.#connecting !== attempt) return
      this.#connecting = undefined
      if (!this.#connection) this.#startLater()
      this.#noteStatus()
    })
    this.#connecting = attempt
    this.#noteStatus()
    return attempt
  }

  /** Waits for the end of the former attempt, connection and process, because two of them could be in each other's way. */
  async #connectAnew(former: Promise<Connection> | undefined): Promise<Connection> {
    await former?.catch(() => undefined)
    const lost = this.#connection
    this.#connection = undefined
    await lost?.close(restarted.message)
    this.#pause?.stop()
    this.#pause = undefined
    this.#backoff = new Backoff(this.#options.runtime)
    this.#why = undefined
    return this.#connect()
  }

  #startLater(): void {
    if (this.#closing.aborted || this.#connecting || this.#pause) return
    // this timer must not keep the process running
    this.#pause = this.#options.runtime.timers.set(this.#backoff.waitMs, () => this.start(), { isBackground: true })
  }

  async #connect(): Promise<Connection> {
    const link = this.#closing.child()
    this.#attempt = link
    const { version, runtime, log } = this.#options
    const limitMs = this.#options.greetMs ?? greetMs[this.#config.transport]
    const timer = runtime.timers.set(limitMs, () => link.abort(timedOut))
    const onEnd = (end: ConnectionEnd) => this.#handleEnd(end)
    const onStderr = (last: () => string | undefined) => this.#keepLastWords(last)
    try {
      const mode = this.#mode
      // the server may have been replaced by one of another era
      this.#mode = 'auto'
      const about = { log, runtime, version, mode, probeMs: limitMs / probeShare, onEnd, onStderr }
      const opened = await Connection.open(this.#config, about, link)
      if (!(opened instanceof Connection)) {
        this.#fail(opened)
        throw new ChatError('upstream-failed', { message: opened.why })
      }
      this.#connection = opened
      this.#mode = opened.mode
      this.#isGateway = opened.isGateway
      this.#isHopeful = true
      this.#why = undefined
      this.#backoff.noteConnection()
      log.info({}, 'an MCP server is connected')
      return opened
    } catch (thrown) {
      if (thrown === timedOut) this.#fail({ why: timedOut.message, isMisbehaviour: false })
      if (thrown !== restarted) this.#isHopeful = false
      throw thrown
    } finally {
      timer.stop()
      if (this.#attempt === link) this.#attempt = undefined
      link.release()
    }
  }

  /** The last line of the earlier process stays until the new one writes. */
  #keepLastWords(last: () => string | undefined): void {
    const before = this.#lastWords?.()
    this.#lastWords = () => last() ?? before
  }

  #handleEnd(end: ConnectionEnd): void {
    this.#connection = undefined
    this.#fail(end)
    if (end.isMisbehaviour || this.#backoff.isWaiting) this.#startLater()
    else this.start()
    this.#noteStatus()
  }

  #fail({ why, isMisbehaviour }: ConnectionEnd): void {
    // the server is tried again at least once a minute, so the same failure is logged once
    const level = why === this.#why ? 'debug' : 'warn'
    this.#why = why
    if (isMisbehaviour) this.#backoff.noteMisbehaviour()
    else this.#backoff.noteFailure()
    this.#options.log[level]({ why }, isMisbehaviour ? 'an MCP server is cut off' : 'an MCP server failed')
  }
}

const closed = new ChatError('cancelled', { message: 'The program stops.' })
const restarted = new ChatError('cancelled', { message: 'it was restarted' })
const timedOut = new ChatError('timeout', { message: 'it did not answer in time' })
