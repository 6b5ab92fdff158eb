import { type App, openApp } from '../../../src/app.ts'
import type { Config } from '../../../src/config/config.ts'
import type { MemoryStore } from '../../../src/state/memory/memory-store.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import type { Chance } from '../chance.ts'
import { judgeSecrets } from '../laws/secrets.ts'
import { ProcessStore, type StoreFault } from './process-store.ts'
import { SimulatedRuntime } from './simulated-runtime.ts'
import type { World } from './world.ts'

export interface ProcessOptions {
  readonly world: World
  /** Its name in the history. */
  readonly name: string
  readonly config: Config
  /** What outlives the process. */
  readonly shared: MemoryStore
  readonly chance: Chance
  storeFault(use: string): StoreFault
}

/** One run of the whole program: from `openApp` to its end, or to `kill -9`. */
export class GatewayProcess {
  readonly runtime: SimulatedRuntime
  readonly store: ProcessStore
  readonly app: App
  /** Resolves when it has died or has stopped. */
  readonly ended: Promise<void>
  /** What its log should not say: errors, and secrets. */
  readonly faultLines: string[] = []
  readonly name: string
  /** When it was killed or had stopped. Milliseconds since the night began. */
  endedAt: number | undefined
  /** Whether it was told to stop. */
  isStopping = false
  readonly #world: World
  readonly #end: () => void

  constructor({ world, name, config, shared, chance, storeFault }: ProcessOptions) {
    this.#world = world
    this.name = name
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = () => {
      this.endedAt = world.elapsed()
      resolve()
    }
    const runtime = new SimulatedRuntime(world, chance)
    this.runtime = runtime
    this.store = new ProcessStore({
      ...{ shared, isDead: () => runtime.isDead, pass: (ms) => world.pass(ms) },
      fault: storeFault,
    })
    const log = openLog({ runtime, level: 'info', format: 'json', write: (line) => this.#write(line) })
    world.history.add(name, 'starts')
    this.app = openApp(config, log, this.store, { runtime })
  }

  /** Sends a request as a client does. It fails if the process dies meanwhile. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const died = this.ended.then(() => {
      throw new Error('The process has died.')
    })
    const answer = this.#world.network.fetch(`${this.app.url}${path}`, init)
    // a dead process answers nobody, and nobody waits for the loser
    died.catch(() => undefined)
    answer.catch(() => undefined)
    return Promise.race([answer, died])
  }

  /** `kill -9`. */
  kill(): void {
    this.#world.history.add(this.name, 'is killed')
    this.runtime.kill()
    this.#end()
  }

  /** SIGTERM: running answers may finish. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.#world.history.add(this.name, 'is told to stop')
    await this.app.close()
    if (this.runtime.isDead) return
    this.#world.history.add(this.name, 'has stopped')
    this.#end()
  }

  #write(line: string): void {
    if (this.runtime.isDead) return
    this.#world.history.add(this.name, line.trimEnd())
    if (line.includes('"level":"error"')) this.faultLines.push(line)
    this.faultLines.push(...judgeSecrets(line))
  }
}
