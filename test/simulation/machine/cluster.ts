import { type Config, readConfig } from '../../../src/config/config.ts'
import { MemoryStore } from '../../../src/state/memory/memory-store.ts'
import type { Chance } from '../chance.ts'
import type { Plan } from '../plan.ts'
import { GatewayProcess } from './gateway-process.ts'
import type { StoreFault } from './process-store.ts'
import type { World } from './world.ts'

/** The processes of one gateway: they die and are started again, and what they share outlives them. */
export class Cluster {
  /** All processes that ever ran. */
  readonly all: GatewayProcess[] = []
  /** Whether the store fails and processes die. In the morning nothing of it happens any more. */
  isNight = true
  readonly #world: World
  readonly #plan: Plan
  /** All processes have the same settings, and reading them takes as long as some requests. */
  readonly #config: Config
  readonly #chance: Chance
  readonly #running: (GatewayProcess | undefined)[]
  #shared: MemoryStore

  constructor(world: World, plan: Plan, chance: Chance) {
    this.#world = world
    this.#plan = plan
    const config = readConfig(plan.variables, false)
    if ('problems' in config) throw new Error(JSON.stringify(config.problems))
    this.#config = config
    this.#chance = chance
    this.#shared = new MemoryStore({ runtime: world })
    this.#running = Array.from({ length: plan.processes }, () => undefined)
    for (const place of this.#running.keys()) this.#start(place)
    this.#planEnds()
  }

  /** Those that run now, also one that is about to stop. */
  get running(): readonly GatewayProcess[] {
    return this.#running.filter((process) => process !== undefined)
  }

  /** One of those that run; undefined if there is none. */
  pick(chance: Chance): GatewayProcess | undefined {
    const [first, ...others] = this.running
    return first && chance.pick([first, ...others])
  }

  #start(place: number): void {
    const { state } = this.#plan
    const config = this.#config
    // without a state that survives, each process begins anew
    if (state === 'memory') this.#shared = new MemoryStore({ runtime: this.#world })
    const chance = this.#chance.fork(`process ${this.all.length}`)
    const storeChance = chance.fork('store')
    const process: GatewayProcess = new GatewayProcess({
      ...{ world: this.#world, name: `gateway${place}.${this.all.length}`, config, shared: this.#shared, chance },
      storeFault: () => this.#storeFault(storeChance, () => this.#kill(place, process)),
    })
    this.all.push(process)
    this.#running[place] = process
  }

  #storeFault(chance: Chance, die: () => void): StoreFault {
    if (!this.isNight) return { delayMs: 0 }
    const { hasStoreFaults, diesAtStore } = this.#plan
    const dies = chance.happens(diesAtStore)
    const delayMs = chance.happens(0.2) ? chance.between(1, 30) : 0
    if (dies) return { delayMs, dies: { when: chance.pick(['before', 'after']), die } }
    if (!hasStoreFaults || !chance.happens(0.05)) return { delayMs }
    return { delayMs: chance.pick([1, 100, 250]), fails: chance.pick(['before', 'after']) }
  }

  #planEnds(): void {
    const chance = this.#chance.fork('ends')
    for (let count = 0; count < this.#plan.ends; count++) {
      const place = chance.between(0, this.#plan.processes - 1)
      const isKilled = chance.happens(0.7)
      this.#world.timers.set(chance.between(1, this.#plan.badMs), () => {
        const process = this.#running[place]
        if (!process) return
        if (isKilled) this.#kill(place, process)
        else void process.stop().then(() => this.#replace(place, process))
      })
    }
  }

  #kill(place: number, process: GatewayProcess): void {
    if (process.endedAt !== undefined) return
    process.kill()
    this.#replace(place, process)
  }

  #replace(place: number, ended: GatewayProcess): void {
    if (this.#running[place] !== ended) return
    this.#running[place] = undefined
    const downMs = this.#chance.weigh(
      [
        [3, 300],
        [2, 3_000],
        [1, 25_000],
      ],
      300,
    )
    this.#world.timers.set(downMs, () => this.#start(place))
  }
}
