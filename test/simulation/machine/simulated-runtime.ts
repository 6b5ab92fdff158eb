import type { MemoryUse, Runtime } from '../../../src/flow/runtime.ts'
import { TimerWheel } from '../../../src/flow/timer-wheel.ts'
import type { Chance } from '../chance.ts'
import { ProcessNetwork } from './process-network.ts'
import type { World } from './world.ts'
import type { ProcessAlarms } from './world-clock.ts'

/** The machine of one process: the world's clock, and timers, chance and a network that end with the process. */
export class SimulatedRuntime implements Runtime {
  readonly timers: TimerWheel
  readonly network: ProcessNetwork
  readonly #world: World
  readonly #chance: Chance
  readonly #alarms: ProcessAlarms
  #isDead = false

  constructor(world: World, chance: Chance) {
    this.#world = world
    this.#chance = chance
    this.#alarms = world.clock.newAlarms()
    this.timers = new TimerWheel(this.#alarms)
    this.network = new ProcessNetwork(world.network, { elapsed: () => this.elapsed(), timers: this.timers })
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Ends the process as `kill -9` does: nothing of it happens any more. */
  kill(): void {
    this.#isDead = true
    this.#alarms.stop()
    this.network.kill()
  }

  now(): number {
    return this.#world.now()
  }

  elapsed(): number {
    return this.#world.clock.elapsed()
  }

  random(): number {
    return this.#chance.next()
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#chance.between(0, 255))
  }

  newId(): string {
    const hex = Buffer.from(this.randomBytes(16)).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  memory(): MemoryUse {
    return { usedBytes: 0, limitBytes: 1024 ** 3 }
  }
}
