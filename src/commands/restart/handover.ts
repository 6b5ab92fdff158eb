import type { App } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../flow/call.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { sleep } from '../../flow/wait.ts'
import { NoticeBridge } from '../../state/notice-bridge.ts'
import type { StateSharing } from '../../state/state-place.ts'
import { type Former, isSuccessor, meetFormer } from './former.ts'
// it must be loaded at the start
import './own-command.ts'
import type { Restart } from './restart.ts'
import type { Successor } from './successor.ts'

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
  readonly #takenOver = Promise.withResolvers<Successor>()
  #app: App | undefined
  #restart: Restart | undefined

  private constructor(options: HandoverOptions, bridge: NoticeBridge, former: Former | undefined) {
    this.#options = options
    this.#bridge = bridge
    this.#former = former
  }

  /** Meets the former process, if there is one. */
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
    const { log, config } = this.#options
    const first = await Promise.race([stopped, this.#takenOver.promise])
    if (typeof first === 'string') {
      log.info({ signal: first }, 'stopping')
      this.tellManager('STOPPING=1')
      return
    }
    await Promise.race([stopped, this.#app?.server.yield(config.shutdownGraceMs)])
    log.info({ successor: first.pid }, 'stopping')
  }

  async #open(): Promise<Restart> {
    const { Restart } = await import('./restart.ts')
    const { config, log, runtime } = this.#options
    const { notifySocket } = config
    const server = this.#app?.server
    return new Restart({
      port: Number(new URL(server?.url ?? '').port),
      holder: { listeners: 1, steer: (to) => void server?.steer(to) },
      ...{ bridge: this.#bridge, timers: runtime.timers, notifySocket, log },
    })
  }
}
