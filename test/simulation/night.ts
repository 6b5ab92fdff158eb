import { Chance } from './chance.ts'
import { visit } from './clients/client.ts'
import { Crowd } from './clients/crowd.ts'
import type { Seen } from './clients/seen.ts'
import { judgeAccounts } from './laws/accounts.ts'
import { judgeDeadlines } from './laws/deadlines.ts'
import { judgeLeftovers } from './laws/leftovers.ts'
import { judgeOneAtOnce } from './laws/one-at-once.ts'
import { judgeRequests } from './laws/requests.ts'
import { judgeSession } from './laws/sessions.ts'
import { judgeUsage } from './laws/usage.ts'
import { loadLateModules } from './load-late-modules.ts'
import { Cluster } from './machine/cluster.ts'
import { World } from './machine/world.ts'
import { type Plan, planNight, tightKey } from './plan.ts'
import type { Attempt } from './upstreams/attempt.ts'
import { pickMood } from './upstreams/manner.ts'
import { SignIn } from './upstreams/sign-in.ts'
import { Upstream } from './upstreams/upstream.ts'
import { WebProduct } from './upstreams/web-product.ts'

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

let loading: Promise<void> | undefined

/** Runs the whole gateway through one bad night, and judges it in the morning. */
export async function simulate(seed: number): Promise<Outcome> {
  loading ??= loadLateModules()
  await loading
  const chance = new Chance(`night ${seed}`)
  const world = new World(chance.fork('world'))
  const plan = planNight(chance.fork('plan'))
  world.history.add('plan', JSON.stringify({ ...plan, variables: undefined }))
  const wrong = await new Night(world, plan, chance).live()
  for (const line of wrong) world.history.add('judge', line)
  return { seed, hash: world.history.digest(), wrong, history: world.history.lines }
}

class Night {
  readonly #world: World
  readonly #plan: Plan
  readonly #chance: Chance
  readonly #upstreams: readonly Upstream[]
  readonly #signIn: SignIn | undefined
  readonly #web: WebProduct | undefined
  readonly #cluster: Cluster
  readonly #crowd: Crowd
  /** What is asked in the morning. */
  #asked: readonly Seen[] = []

  constructor(world: World, plan: Plan, chance: Chance) {
    this.#world = world
    this.#plan = plan
    this.#chance = chance
    this.#upstreams = plan.upstreams.map((name) => new Upstream(name, world, chance.fork(name)))
    this.#signIn = plan.hasSignIn ? new SignIn(world, chance.fork('sign-in')) : undefined
    this.#web = this.#signIn && new WebProduct(world, chance.fork('web'), this.#signIn)
    const whole = withSignIn(plan, this.#signIn)
    this.#cluster = new Cluster(world, whole, chance.fork('cluster'))
    this.#crowd = new Crowd(world, whole, this.#cluster)
  }

  async live(): Promise<readonly string[]> {
    this.#changeMoods()
    this.#crowd.send(this.#chance.fork('clients'))
    this.#crowd.talk(this.#chance.fork('talkers'))
    await this.#world.run(this.#plan.badMs)
    for (const upstream of this.#upstreams) upstream.mood = 'well'
    this.#cluster.isNight = false
    if (this.#signIn) this.#signIn.isNight = false
    this.#crowd.passBy(this.#chance.fork('passers'), calmMs - 30_000)
    await this.#world.run(calmMs)
    const night = this.#judge(this.#crowd.seen)
    const morning = [...(await this.#askAll()), ...(await this.#judgeSessions()), ...(await this.#judgeUsage())]
    const left: string[] = []
    for (const process of this.#cluster.running) left.push(...(await judgeLeftovers(process, this.#world)))
    return [...night, ...morning, ...left, ...this.#judgeAttempts(), ...this.#judgeAccounts()]
  }

  get #all(): readonly { readonly name: string; readonly attempts: readonly Attempt[] }[] {
    return this.#web ? [...this.#upstreams, this.#web] : this.#upstreams
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

  #judgeAttempts(): readonly string[] {
    const attempts = this.#all.flatMap((upstream) => upstream.attempts)
    return [...judgeDeadlines(attempts, this.#crowd.seen), ...judgeOneAtOnce(attempts)]
  }

  /** What a process had counted last is lost when it dies. */
  async #judgeUsage(): Promise<readonly string[]> {
    const { seen, talkers } = this.#crowd
    const isExact = this.#cluster.all.length === this.#plan.processes && !this.#plan.hasStoreFaults
    const [process] = this.#cluster.running
    if (!process || !isExact) return []
    const wishes = [...seen, ...this.#asked, ...talkers.flatMap(({ turns }) => turns)].map(({ wish }) => wish)
    return judgeUsage(process, { upstreams: this.#upstreams, seen, wishes })
  }

  /** Every session is read at every process that has it. */
  async #judgeSessions(): Promise<readonly string[]> {
    const { state, processes, hasStoreFaults } = this.#plan
    const hasLived = this.#cluster.all.length === processes
    const isKept = hasLived || (state !== 'memory' && !hasStoreFaults)
    const wrong: string[] = []
    for (const process of this.#cluster.running)
      for (const talker of this.#crowd.talkers) wrong.push(...(await judgeSession(talker, process, isKept)))
    return wrong
  }

  #judgeAccounts(): readonly string[] {
    if (!this.#signIn) return []
    const ends = this.#cluster.all.flatMap(({ endedAt }) => endedAt ?? [])
    return judgeAccounts({ signIn: this.#signIn, ends, hasStoreFaults: this.#plan.hasStoreFaults })
  }

  #judge(seen: readonly Seen[]): readonly string[] {
    const attempts = this.#all.flatMap((upstream) => upstream.attempts)
    return judgeRequests({ seen, attempts, plan: this.#plan })
  }

  /** When all is well again, every process gets an answer of every upstream. */
  async #askAll(): Promise<readonly string[]> {
    const asked = this.#cluster.running.flatMap((process) =>
      this.#all.map(({ name }): Seen => {
        const wish = { id: `m${name}${process.name.replace(/\W/g, '')}`, words: 5 }
        // its few places must all be free again
        const key = this.#plan.keys && tightKey
        return { wish, model: `${name}/m`, isStreamed: false, at: this.#world.elapsed(), process, key, body: '' }
      }),
    )
    this.#asked = asked
    for (const seen of asked) {
      const { process } = seen
      if (process) void visit({ seen, process, patienceMs: 60_000, readPauseMs: 0 }, this.#world)
    }
    await this.#world.run(30_000)
    const refused = asked.filter(({ status }) => status !== 200)
    const lines = refused.map(({ model, status, body }) => `in the morning ${model} answers ${status}: ${body}`)
    const none = this.#cluster.running.length < this.#plan.processes ? ['in the morning a process does not run'] : []
    return [...none, ...lines, ...this.#judge(asked)]
  }
}

/** The settings of the upstream that needs a sign-in, which the service has just made. */
function withSignIn(plan: Plan, signIn: SignIn | undefined): Plan {
  if (!signIn) return plan
  const variables = {
    ...plan.variables,
    SMITHERY_COOKIE: signIn.pasted,
    SMITHERY_SUPABASE_ANON_KEY: signIn.anonKey,
    SMITHERY_SUPABASE_URL: 'http://sign-in.test',
    SMITHERY_BASE_URL: 'http://smithery.test',
    SMITHERY_MODELS: 'm',
  }
  return { ...plan, variables, models: [...plan.models, ...Array.from({ length: 6 }, () => 'smithery/m')] }
}
