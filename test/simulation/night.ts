import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { Chance } from './chance.ts'
import { pickPatience, visit } from './clients/client.ts'
import type { Seen } from './clients/seen.ts'
import { judgeAnswer } from './laws/answers.ts'
import { judgeAttempts } from './laws/attempts.ts'
import { judgeLeftovers } from './laws/leftovers.ts'
import { GatewayProcess } from './machine/gateway-process.ts'
import { World } from './machine/world.ts'
import { type Plan, planNight } from './plan.ts'
import { pickMood } from './upstreams/manner.ts'
import { Upstream } from './upstreams/upstream.ts'

/** What became of a night. */
export interface Outcome {
  readonly seed: number
  /** Of everything that could be seen: the same seed must give the same one. */
  readonly hash: string
  readonly wrong: readonly string[]
  readonly history: readonly string[]
}

/** Milliseconds until everything that rests is asked again: the longest ejection, and some more. */
const calmMs = 330_000

/** Runs the whole gateway through one bad night, and judges it in the morning. */
export async function simulate(seed: number): Promise<Outcome> {
  const chance = new Chance(`night ${seed}`)
  const world = new World(chance.fork('world'))
  const plan = planNight(chance.fork('plan'))
  const night = new Night(world, plan, chance)
  const wrong = await night.live()
  for (const line of wrong) world.history.add('judge', line)
  return { seed, hash: world.history.digest(), wrong, history: world.history.lines }
}

class Night {
  readonly #world: World
  readonly #plan: Plan
  readonly #chance: Chance
  readonly #upstreams: readonly Upstream[]
  readonly #seen: Seen[] = []
  readonly #process: GatewayProcess

  constructor(world: World, plan: Plan, chance: Chance) {
    this.#world = world
    this.#plan = plan
    this.#chance = chance
    this.#upstreams = plan.upstreams.map((name) => new Upstream(name, world, chance.fork(name)))
    const shared = new MemoryStore({ runtime: world })
    this.#process = new GatewayProcess({
      ...{ world, name: 'gateway', variables: plan.variables, shared, chance: chance.fork('gateway') },
      storeFault: () => ({ delayMs: 0 }),
    })
  }

  async live(): Promise<readonly string[]> {
    await this.#world.run(1)
    this.#changeMoods()
    this.#sendClients()
    await this.#world.run(this.#plan.badMs)
    for (const upstream of this.#upstreams) upstream.mood = 'well'
    await this.#world.run(calmMs)
    const judged = this.#judge(this.#seen)
    const morning = await this.#morning()
    return [...judged, ...morning, ...(await judgeLeftovers(this.#process, this.#world))]
  }

  #changeMoods(): void {
    const chance = this.#chance.fork('moods')
    for (const upstream of this.#upstreams)
      for (let at = 1; at < this.#plan.badMs; at += chance.between(3_000, 40_000)) {
        const mood = pickMood(chance)
        this.#world.timers.set(at, () => {
          upstream.mood = mood
        })
      }
  }

  #sendClients(): void {
    const chance = this.#chance.fork('clients')
    for (let count = 0; count < this.#plan.requests; count++) {
      const seen = this.#wish(chance, `q${count}`)
      const patience = pickPatience(chance)
      this.#world.timers.set(seen.at, () => void visit({ seen, process: this.#process, ...patience }, this.#world))
    }
  }

  #wish(chance: Chance, id: string): Seen {
    const seen: Seen = {
      wish: { id, words: chance.between(1, chance.happens(0.1) ? 400 : 60) },
      model: chance.pick(this.#plan.models),
      isStreamed: chance.happens(0.7),
      at: chance.between(1, this.#plan.badMs),
      process: 'gateway',
      body: '',
    }
    this.#seen.push(seen)
    return seen
  }

  #judge(asked: readonly Seen[]): readonly string[] {
    const attempts = Map.groupBy(
      this.#upstreams.flatMap((upstream) => upstream.attempts),
      ({ id }) => id,
    )
    return asked.flatMap((seen) => {
      const own = (attempts.get(seen.wish.id) ?? []).toSorted((a, b) => a.at - b.at)
      const wrong = [...judgeAnswer(seen, own, false), ...judgeAttempts(seen, own)]
      return wrong.map((line) => `${seen.wish.id} of ${seen.model} ${line}`)
    })
  }

  /** When all is well again, every upstream answers. */
  async #morning(): Promise<readonly string[]> {
    const asked = this.#upstreams.map(({ name }): Seen => {
      const wish = { id: `m${name}`, words: 5 }
      return { wish, model: `${name}/m`, isStreamed: false, at: this.#world.elapsed(), process: 'gateway', body: '' }
    })
    for (const seen of asked)
      void visit({ seen, process: this.#process, patienceMs: 60_000, readPauseMs: 0 }, this.#world)
    await this.#world.run(30_000)
    const refused = asked.filter(({ status }) => status !== 200)
    const lines = refused.map(({ model, status, body }) => `in the morning ${model} answers ${status}: ${body}`)
    return [...lines, ...this.#judge(asked)]
  }
}
