import type { Chance } from '../chance.ts'
import type { Cluster } from '../machine/cluster.ts'
import type { GatewayProcess } from '../machine/gateway-process.ts'
import type { World } from '../machine/world.ts'
import type { Plan } from '../plan.ts'
import { pickPatience, visit } from './client.ts'
import { resume } from './resuming.ts'
import type { Seen } from './seen.ts'
import { Talker } from './talker.ts'

/** All clients of a night. Each asks at its moment, and some come back when they got no answer. */
export class Crowd {
  readonly seen: Seen[] = []
  readonly talkers: Talker[] = []
  readonly #world: World
  readonly #plan: Plan
  readonly #cluster: Cluster

  constructor(world: World, plan: Plan, cluster: Cluster) {
    this.#world = world
    this.#plan = plan
    this.#cluster = cluster
  }

  /** Plans when each of them asks. */
  send(chance: Chance): void {
    for (let count = 0; count < this.#plan.requests; count++) {
      const own = chance.fork(count)
      this.#world.timers.set(own.between(1, this.#plan.badMs), () => void this.#ask(`q${count}`, own))
    }
  }

  /** Lets sessions begin, whose clients come back to them. */
  talk(chance: Chance): void {
    const { talkers, models, keys, badMs } = this.#plan
    for (let count = 0; count < talkers; count++) {
      const own = chance.fork(count)
      const asking = { session: `s${count}`, model: own.pick(models), key: keys && own.pick(keys) }
      const talker = new Talker({ ...asking, world: this.#world, cluster: this.#cluster, chance: own })
      this.talkers.push(talker)
      this.#world.timers.set(own.between(1, badMs / 2), () => void talker.talk(own.between(1, 4)))
    }
  }

  async #ask(id: string, chance: Chance): Promise<void> {
    let name = id
    for (let comesBack = chance.between(0, 2); ; comesBack--) {
      const seen = this.wish(name, chance)
      const process = this.#cluster.pick(chance)
      if (process) await this.#visit(seen, process, chance)
      if (comesBack === 0 || (seen.end === 'whole' && seen.status === 200)) return
      await this.#world.pass(chance.between(100, 5_000))
      name = `${name}r`
    }
  }

  async #visit(seen: Seen, process: GatewayProcess, chance: Chance): Promise<void> {
    seen.process = process
    if (seen.isResumable) await resume(process, { seen, chance, cluster: this.#cluster, world: this.#world })
    else {
      const patience = pickPatience(chance)
      seen.isSlow = patience.readPauseMs > 0
      await visit({ seen, process, ...patience }, this.#world)
    }
  }

  /** Lets clients come within this time, and leave before they get anything. */
  passBy(chance: Chance, withinMs: number): void {
    const { passers } = this.#plan
    for (let count = 0; count < passers; count++) {
      const own = chance.fork(count)
      this.#world.timers.set(own.between(1, withinMs), () => {
        const process = this.#cluster.pick(own)
        const seen = this.wish(`p${count}`, own)
        seen.process = process
        if (process) void visit({ seen, process, patienceMs: own.between(1, 250), readPauseMs: 0 }, this.#world)
      })
    }
  }

  /** A new request, which is judged in the morning. */
  wish(id: string, chance: Chance): Seen {
    const { models, keys } = this.#plan
    const isStreamed = chance.happens(0.7)
    const seen: Seen = {
      wish: { id, words: chance.between(1, chance.happens(0.1) ? 300 : 60) },
      model: chance.pick(models),
      isStreamed,
      isResumable: isStreamed && chance.happens(0.2),
      key: keys && chance.pick(keys),
      at: this.#world.elapsed(),
      body: '',
    }
    this.seen.push(seen)
    return seen
  }
}
