import type { App } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { atMost, sleep } from '../../flow/wait.ts'
import { NoticeBridge } from '../../state/notice-bridge.ts'
import type { StateSharing } from '../../state/state-place.ts'
import { type Former, isSuccessor, meetFormer } from './former.ts'
// it must be loaded at the start
import './own-command.ts'
import type { Restart } from './restart.ts'
import type { Successor } from './successor.ts'

/** Milliseconds for a former process to leave the port: it waits for connections that were on their way to it. */
const leaveMs = 5_000

/** Milliseconds between two looks whether this process can answer requests. */
const lookMs = 50

interface HandoverOptions {
  readonly config: Config
  readonly log: Logger
  readonly runtime: Runtime
}

/** The part of a serving process that takes over from a former one, and lets a later one take over. */
export class Handover {
  readonly #options: HandoverOptions
  readonly #bridge: NoticeBridge
  readonly #former: Former | undefined
  readonly #stopping: CancelSource
  #takenOver = Promise.withResolvers<Successor>()
  #app: App | undefined
  #restart: Restart | undefined

  private constructor(options: HandoverOptions, bridge: NoticeBridge, former: Former | undefined) {
    this.#options = options
    this.#bridge = bridge
    this.#former = former
    this.#stopping = new CancelSource(options.runtime)
  }

  /** Meets the former process, if there is one. @throws ChatError `restart_failed` if it ends meanwhile */
  static async open(options: HandoverOptions): Promise<Handover> {
    const bridge = new NoticeBridge()
    return new Handover(options, bridge, isSuccessor ? await meetFormer(bridge) : undefined)
  }

  /** How the state is shared with the former process, and with a later one. */
  get sharing(): StateSharing {
    return { bridge: this.#bridge, formerEnded: this.#former?.ended }
  }

  /** The port of the former process. */
  get formerPort(): number | undefined {
    return this.#former?.port
  }

  /** Resolves when the server can answer. A successor only takes over then. */
  async ready(app: App): Promise<void> {
    this.#app = app
    const never = new CancelSource(this.#options.runtime)
    await app.ready
    while (this.#former && !app.isReady()) await sleep(lookMs, never)
  }

  /** Tells the former process and the service manager that this one can answer. */
  tellReady({ url }: App): void {
    this.#former?.tellReady(url, 1)
    // the former process has told it already
    if (!this.#former) this.tellManager('READY=1')
  }

  /** Tells the service manager, if there is one. It is loaded then, because most programs are started without one. */
  tellManager(state: string): void {
    const { notifySocket } = this.#options.config
    if (notifySocket === undefined) return
    void import('../../wire/notify-service.ts').then(({ notifyService }) => notifyService(notifySocket, state))
  }

  /** Lets another process take over. @returns when that one is ready @throws ChatError as `Restart.run` */
  async restart(): Promise<Successor> {
    this.#restart ??= await this.#open()
    const successor = await this.#restart.run()
    this.#takenOver.resolve(successor)
    return successor
  }

  /** Resolves at a signal to stop, or when another process has taken over and this one has finished its answers. */
  async end(stopped: Promise<string>): Promise<void> {
    const { log } = this.#options
    void stopped.then(() => this.#stopping.abort(new Error('The process stops.')))
    for (;;) {
      const first = await Promise.race([stopped, this.#takenOver.promise])
      if (typeof first === 'string') {
        log.info({ signal: first }, 'stopping')
        this.tellManager('STOPPING=1')
        return
      }
      if (!(await this.#isLost(first, stopped))) return log.info({ successor: first.pid }, 'stopping')
      log.error({ successor: first.pid }, 'the process that has taken over has ended, so this one serves again')
    }
  }

  /** Finishes what this process has begun. @returns whether it serves again, because the successor has ended meanwhile */
  async #isLost(successor: Successor, stopped: Promise<string>): Promise<boolean> {
    const server = this.#app?.server
    const finished = server?.yield(this.#options.config.shutdownGraceMs)
    const lost = successor.ended.then(() => true)
    if (!(await Promise.race([lost, stopped.then(() => false), finished?.then(() => false)]))) return false
    if (!server?.takeBack()) return false
    this.#takenOver = Promise.withResolvers()
    return true
  }

  /** @returns whether no former process listens on the port any more */
  async #formerLeaves(): Promise<boolean> {
    const { timers } = this.#options.runtime
    const left = this.#former?.leavePort().then(() => true)
    return left === undefined || (await atMost(left, leaveMs, timers)) === true
  }

  async #open(): Promise<Restart> {
    const { Restart } = await import('./restart.ts')
    const { config, log, runtime } = this.#options
    const { notifySocket } = config
    const server = this.#app?.server
    return new Restart({
      port: Number(new URL(server?.url ?? '').port),
      holder: { listeners: 1, steer: (to) => void server?.steer(to) },
      ...{ bridge: this.#bridge, timers: runtime.timers, signal: this.#stopping, notifySocket, log },
      formerLeaves: () => this.#formerLeaves(),
      leavePort: async () => server?.leavePort(),
    })
  }
}
