import type { Chance } from '../chance.ts'
import type { Cluster } from '../machine/cluster.ts'
import type { World } from '../machine/world.ts'
import { promptOf, type Wish } from '../upstreams/truth.ts'
import { readResponse } from './client.ts'
import type { Seen } from './seen.ts'

/** One turn of a session, and what its client saw of it. */
export interface Turn {
  readonly wish: Wish
  /** Each time that it was sent. */
  readonly sent: Seen[]
}

interface Talk {
  readonly session: string
  readonly model: string
  readonly key: string | undefined
  readonly world: World
  readonly cluster: Cluster
  readonly chance: Chance
}

/** A client of the chat server. It sends a turn again, under the same name, until it gets a whole answer. */
export class Talker {
  readonly turns: Turn[] = []
  readonly session: string
  readonly key: string | undefined
  readonly #talk: Talk

  constructor(talk: Talk) {
    this.#talk = talk
    this.session = talk.session
    this.key = talk.key
  }

  async talk(turns: number): Promise<void> {
    const { session, chance, world } = this.#talk
    for (let count = 0; count < turns; count++) {
      const turn = { wish: { id: `${session}t${count}`, words: chance.between(1, 40) }, sent: [] }
      this.turns.push(turn)
      await this.#send(turn)
      await world.pass(chance.between(10, 5_000))
    }
  }

  async #send(turn: Turn): Promise<void> {
    const { world, chance, cluster, model, key } = this.#talk
    for (let tries = chance.between(1, 4); tries > 0; tries--) {
      const process = cluster.pick(chance)
      const seen: Seen = { wish: turn.wish, model, key, isStreamed: true, process, at: world.elapsed(), body: '' }
      if (process) {
        turn.sent.push(seen)
        const patienceMs = chance.happens(0.3) ? chance.between(1, 3_000) : 120_000
        await readResponse((signal) => process.fetch('/api/chat/stream', this.#request(turn, signal)), {
          ...{ seen, world, patienceMs, readPauseMs: 0 },
        })
        if (seen.body.includes('"type":"complete"')) return
      }
      await world.pass(chance.between(10, 20_000))
    }
  }

  #request({ wish }: Turn, signal: AbortSignal): RequestInit {
    const { session, model, key } = this.#talk
    const body = {
      ...{ session_id: session, request_id: wish.id, content: promptOf(wish) },
      model_config: { model_name: model },
    }
    const headers = { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) }
    return { method: 'POST', headers, body: JSON.stringify(body), signal }
  }
}
