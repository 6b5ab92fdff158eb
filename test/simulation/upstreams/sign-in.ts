import { EmulatedUsers } from '../../../src/sign-in/emulator/users.ts'
import type { EmulatedExchange } from '../../../src/wire/emulator/http.ts'
import type { Chance } from '../chance.ts'
import type { World } from '../machine/world.ts'
import { errorBody, json } from './wire-form.ts'

/** What happens to a renewal. `lost`: the token was replaced, and the reply does not arrive. */
type Fate = 'done' | 'slow' | 'lost' | 'error' | 'silent'

/** One renewal that the service made. Milliseconds since the night began. */
export interface Renewal {
  readonly at: number
  /** Whether the gateway got the new tokens. */
  readonly isDelivered: boolean
}

/** Seconds for which an access token is valid. It is renewed 90 to 108 s before its end, so several times in a night. */
const expiresIn = 112

/** A sign-in service that replaces a refresh token at each use, and revokes a sign-in whose token is used again. */
export class SignIn {
  readonly users: EmulatedUsers
  readonly anonKey: string
  /** The sign-in with which the gateway begins, as its operator has pasted it. */
  readonly pasted: string
  readonly renewals: Renewal[] = []
  /** The most requests that it worked on at once. */
  mostAtOnce = 0
  isNight = true
  readonly #world: World
  readonly #chance: Chance
  #atOnce = 0

  constructor(world: World, chance: Chance) {
    this.#world = world
    this.#chance = chance
    const source = {
      randomBytes: (count: number) => Uint8Array.from({ length: count }, () => chance.between(0, 255)),
      newId: () => `00000000-0000-4000-a000-${String(chance.between(0, 999_999)).padStart(12, '0')}`,
    }
    const rule = chance.pick(['documented', 'v2'] as const)
    this.users = new EmulatedUsers({ rule, reuseIntervalMs: 10_000, now: () => world.now(), expiresIn, source })
    this.users.isAt('http://sign-in.test')
    this.anonKey = this.users.anonKey('night')
    this.pasted = JSON.stringify(this.users.signIn(false))
    world.network.answerAt('http://sign-in.test', (exchange) => this.#answer(exchange))
  }

  async #answer(exchange: EmulatedExchange): Promise<void> {
    const fate = this.#fate()
    this.#world.history.add('sign-in', `renews: ${fate}`)
    // a connection that was closed at this moment is known as closed only now
    await this.#world.pass(1)
    this.#atOnce++
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce)
    if (fate === 'silent') await exchange.closed
    else await this.#renew(exchange, fate)
    this.#atOnce--
  }

  async #renew(exchange: EmulatedExchange, fate: Fate): Promise<void> {
    await this.#world.pass(fate === 'slow' ? this.#chance.between(500, 7_000) : this.#chance.between(1, 100))
    if (fate === 'error') {
      exchange.reply(500, errorBody('broken', 'unexpected_failure'), json)
      return
    }
    const session = this.users.refresh(tokenIn(exchange.request.body))
    this.#world.history.add('sign-in', typeof session === 'string' ? `refuses: ${session}` : 'has renewed')
    if (typeof session === 'string') {
      exchange.reply(400, JSON.stringify({ code: session, message: session }), json)
      return
    }
    this.renewals.push({ at: this.#world.elapsed(), isDelivered: exchange.isOpen() && fate !== 'lost' })
    if (fate === 'lost') exchange.reset()
    else exchange.reply(200, JSON.stringify(session), json)
  }

  #fate(): Fate {
    if (!this.isNight) return 'done'
    const fates = [
      [6, 'done'],
      [1, 'slow'],
      [1, 'lost'],
      [1, 'error'],
      [0.5, 'silent'],
    ] as const
    return this.#chance.weigh<Fate>(fates, 'done')
  }
}

function tokenIn(body: string): string {
  const parsed: unknown = JSON.parse(body)
  const hasToken = typeof parsed === 'object' && parsed !== null && 'refresh_token' in parsed
  return hasToken && typeof parsed.refresh_token === 'string' ? parsed.refresh_token : ''
}
