import { z } from 'zod'
import { accessTokenIn } from '../../../src/providers/smithery/emulator/cookies.ts'
import type { EmulatedExchange } from '../../../src/wire/emulator/http.ts'
import type { Chance } from '../chance.ts'
import type { World } from '../machine/world.ts'
import type { Attempt } from './attempt.ts'
import type { SignIn } from './sign-in.ts'
import { truthOf, type Wish, wishIn } from './truth.ts'
import { json } from './wire-form.ts'

const Body = z.looseObject({
  messages: z.array(
    z.looseObject({ role: z.string(), parts: z.array(z.looseObject({ text: z.string().optional() })) }),
  ),
})

/** A web product that answers whoever is signed in: the playground of smithery. */
export class WebProduct {
  readonly name = 'smithery'
  readonly attempts: Attempt[] = []
  readonly #world: World
  readonly #chance: Chance
  readonly #signIn: SignIn

  constructor(world: World, chance: Chance, signIn: SignIn) {
    this.#world = world
    this.#chance = chance
    this.#signIn = signIn
    world.network.answerAt('http://smithery.test', (exchange) => this.#answer(exchange))
  }

  async #answer(exchange: EmulatedExchange): Promise<void> {
    const token = accessTokenIn(exchange.request.headers.get('cookie') ?? '', 'sb-sign-in-auth-token')
    if (!token || !this.#signIn.users.verify(token)) {
      this.#world.history.add(this.name, 'refuses a session that has ended')
      exchange.reply(401, JSON.stringify({ error: 'Unauthorized' }), json)
      return
    }
    const wish = askedIn(exchange.request.body)
    const at = this.#world.elapsed()
    const attempt: Attempt = {
      id: wish.id,
      upstream: this.name,
      key: '',
      manner: 'well',
      isStreamed: true,
      from: 0,
      at,
      isWhole: false,
    }
    this.attempts.push(attempt)
    this.#world.history.add(this.name, `is asked ${wish.id}`)
    const end = () => {
      attempt.endedAt ??= this.#world.elapsed()
    }
    void exchange.closed.then(end)
    attempt.isWhole = await this.#send(exchange, truthOf(wish))
    end()
  }

  async #send(exchange: EmulatedExchange, text: string): Promise<boolean> {
    await this.#world.pass(this.#chance.between(1, 500))
    exchange.head(200, { 'content-type': 'text/event-stream', 'x-vercel-ai-ui-message-stream': 'v1' })
    const half = Math.floor(text.length / 2)
    await exchange.chunk(chunks([{ type: 'start' }, { type: 'text-start', id: 't' }, textDelta(text.slice(0, half))]))
    await this.#world.pass(this.#chance.between(1, 500))
    if (!exchange.isOpen()) return false
    const end = [
      { type: 'text-end', id: 't' },
      { type: 'finish', finishReason: 'stop' },
    ]
    await exchange.chunk(`${chunks([textDelta(text.slice(half)), ...end])}data: [DONE]\n\n`)
    exchange.end()
    return true
  }
}

function textDelta(delta: string) {
  return { type: 'text-delta', id: 't', delta }
}

function chunks(all: readonly object[]): string {
  return all.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')
}

/** The newest wish of a conversation. */
function askedIn(body: string): Wish {
  const texts = Body.parse(JSON.parse(body))
    .messages.filter(({ role }) => role === 'user')
    .map(({ parts }) => parts.map(({ text }) => text).join(''))
  return wishIn(texts.join('\n')) ?? { id: 'none', words: 1 }
}
