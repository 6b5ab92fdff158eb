import { z } from 'zod'
import type { EmulatedExchange } from '../../../src/wire/emulator/http.ts'
import type { Faults } from '../../../src/wire/memory-socket.double.ts'
import type { Chance } from '../chance.ts'
import type { World } from '../machine/world.ts'
import type { Attempt } from './attempt.ts'
import { type Manner, type Mood, mannerIn } from './manner.ts'
import { sendStream } from './send-stream.ts'
import { truthOf, type Wish, wishIn } from './truth.ts'
import { errorBody, json, wholeReply } from './wire-form.ts'

const Body = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })),
})

type Messages = z.infer<typeof Body>['messages']

/** A service that speaks OpenAI's chat completions, with moods. It writes down what it was asked and what it has sent. */
export class Upstream {
  readonly name: string
  readonly attempts: Attempt[] = []
  mood: Mood = 'well'
  readonly #world: World
  readonly #chance: Chance

  constructor(name: string, world: World, chance: Chance) {
    this.name = name
    this.#world = world
    this.#chance = chance
    world.network.answerAt(`http://${name}.test`, (exchange) => this.#answer(exchange), this.#faults())
  }

  #faults(): Faults {
    const chance = this.#chance.fork('network')
    return {
      connect: () => (this.mood === 'unreachable' ? chance.pick(['refuse', 'silent', 'refuse']) : 'accept'),
      delayMs: () => (chance.happens(0.1) ? chance.between(1, 40) : 0),
      pieceBytes: () => (chance.happens(0.7) ? 65_536 : chance.between(1, 300)),
    }
  }

  async #answer(exchange: EmulatedExchange): Promise<void> {
    const { method, path, body } = exchange.request
    if (method === 'GET') return this.#list(exchange)
    const asked = Body.safeParse(JSON.parse(body))
    if (!asked.success) throw new Error(`The gateway sent ${path} a body that is none: ${body.slice(0, 200)}`)
    const attempt = this.#begin(exchange, asked.data)
    const end = () => {
      attempt.endedAt ??= this.#world.elapsed()
    }
    void exchange.closed.then(end)
    await this.#send(exchange, attempt, restOf(asked.data.messages))
    if (attempt.manner !== 'silent' && attempt.manner !== 'stall') end()
    this.#world.history.add(this.name, `has sent ${attempt.id} ${attempt.isWhole ? 'whole' : 'in part'}`)
  }

  #begin({ request }: EmulatedExchange, { stream = false, messages }: z.infer<typeof Body>): Attempt {
    const manner = mannerIn(this.mood, this.#chance)
    const { wish, answered } = askedIn(messages)
    const { id } = wish
    const key = request.headers.get('authorization')?.replace('Bearer ', '') ?? ''
    const from = answered.length
    const { name: upstream } = this
    const at = this.#world.elapsed()
    const attempt: Attempt = { id, upstream, key, manner, from, at, isStreamed: stream, isWhole: false }
    this.attempts.push(attempt)
    this.#world.history.add(this.name, `is asked ${id} from ${from} with ${key}: ${manner}`)
    return attempt
  }

  #list(exchange: EmulatedExchange): void {
    if (this.mood === 'down') exchange.reply(503, errorBody('down', 'down'), json)
    else exchange.reply(200, JSON.stringify({ object: 'list', data: [{ id: 'm' }] }), json)
  }

  async #send(exchange: EmulatedExchange, attempt: Attempt, rest: string): Promise<void> {
    const { manner, isStreamed } = attempt
    await this.#world.pass(this.#chance.between(1, manner === 'slow' ? 8_000 : 300))
    if (refuse(exchange, attempt)) return
    if (isStreamed) {
      attempt.isWhole = await sendStream(exchange, { attempt, rest, world: this.#world, chance: this.#chance })
      return
    }
    const reply = wholeReply('m', rest)
    if (manner === 'stall' || manner === 'silent') return
    attempt.isWhole = isSound(manner)
    if (attempt.isWhole) return exchange.reply(200, reply, json)
    const part = reply.slice(0, this.#chance.between(0, reply.length - 1))
    await exchange.raw(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${reply.length}\r\n\r\n${part}`,
    )
    await this.#world.pass(1)
    if (manner === 'reset') exchange.reset()
    else exchange.finish()
  }
}

function isSound(manner: Manner): boolean {
  return manner === 'well' || manner === 'slow' || manner === 'no-done'
}

/** Refuses at once, or says nothing at all. @returns whether there is nothing more to send */
function refuse(exchange: EmulatedExchange, { manner, key }: Attempt): boolean {
  switch (manner) {
    case 'silent':
      return true
    case 'hangs-up':
      exchange.reset()
      return true
    case 'error-500':
      exchange.reply(500, errorBody(`broken for ${key}`, 'internal_error'), json)
      return true
    case 'overloaded':
      exchange.reply(503, errorBody('overloaded', 'overloaded'), { ...json, 'retry-after': '2' })
      return true
    case 'limited':
      exchange.reply(429, errorBody('slow down', 'rate_limit_exceeded'), { ...json, 'retry-after': '20' })
      return true
    case 'refused':
      exchange.reply(401, errorBody(`Incorrect API key provided: ${key}`, 'invalid_api_key'), json)
      return true
    case 'page':
      exchange.reply(200, '<!doctype html><html><body>Down for maintenance</body></html>', {
        'content-type': 'text/html',
      })
      return true
    default:
      return false
  }
}

/** The newest wish, and what the gateway was given of its answer. */
function askedIn(messages: Messages): { readonly wish: Wish; readonly answered: string } {
  const at = messages.findLastIndex(({ role, content }) => role === 'user' && wishIn(content))
  const wish = wishIn(messages[at]?.content ?? '') ?? { id: 'none', words: 1 }
  return { wish, answered: messages.slice(at + 1).find(({ role }) => role === 'assistant')?.content ?? '' }
}

/** What is to be said: everything, or the anchor and what comes after it. */
function restOf(messages: Messages): string {
  const { wish, answered } = askedIn(messages)
  const truth = truthOf(wish)
  if (answered === '') return truth
  const last = messages.at(-1)?.content ?? ''
  const anchor = last.slice(last.lastIndexOf('\n\n') + 2)
  return truth.slice(Math.max(0, truth.indexOf(anchor)))
}
