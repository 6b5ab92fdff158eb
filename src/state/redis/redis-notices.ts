import type { Runtime } from '../../flow/runtime.ts'
import { checkKey } from '../bounds.ts'
import { Notices } from '../notices.ts'
import type { NoticeListener } from '../store.ts'
import { namesOf } from './names.ts'
import { RedisLink } from './redis-link.ts'
import type { RedisServer } from './redis-server.ts'

/** Receives the notices of all processes, over a connection of its own, because a subscriber may not send other commands. */
export class RedisNotices {
  readonly #prefix: string
  readonly #link: RedisLink
  /** Hands a notice to the listeners of this process. */
  readonly #notices = new Notices()
  /** How many listeners each channel has or will have. */
  readonly #wanted = new Map<string, number>()

  constructor(server: RedisServer, runtime: Pick<Runtime, 'timers'>) {
    this.#prefix = namesOf(server).channels
    this.#link = new RedisLink(server, runtime, { onReady: () => this.#subscribeAgain() })
    this.#link.onMessage((channel, text) => this.#deliver(channel.slice(this.#prefix.length), text))
  }

  /** @throws ChatError `unavailable` */
  async listen(channel: string, listener: NoticeListener): Promise<() => void> {
    checkKey(channel)
    this.#wanted.set(channel, (this.#wanted.get(channel) ?? 0) + 1)
    try {
      // also if the channel is subscribed to: notices that were sent before now arrive before the reply, so not at this listener
      await this.#link.run((client) => client.subscribe(this.#prefix + channel))
    } catch (thrown) {
      this.#leave(channel)
      throw thrown
    }
    const stop = this.#notices.listen(channel, listener)
    let isStopped = false
    return () => {
      if (isStopped) return
      isStopped = true
      stop()
      this.#leave(channel)
    }
  }

  /** Shows whether the connection still works; if not, it is closed and made anew. */
  async check(): Promise<void> {
    await this.#link.run((client) => client.ping())
  }

  close(): Promise<void> {
    this.#notices.close()
    this.#wanted.clear()
    return this.#link.close()
  }

  #leave(channel: string): void {
    const others = (this.#wanted.get(channel) ?? 1) - 1
    if (others > 0) {
      this.#wanted.set(channel, others)
      return
    }
    this.#wanted.delete(channel)
    // a subscription that stays costs little, and ends with the connection
    this.#link.run((client) => client.unsubscribe(this.#prefix + channel)).catch(() => undefined)
  }

  #subscribeAgain(): void {
    const channels = [...this.#wanted.keys()].map((channel) => this.#prefix + channel)
    if (channels.length === 0) return
    this.#link.run((client) => client.subscribe(...channels)).catch(() => this.#link.reconnect())
  }

  #deliver(channel: string, text: string): void {
    const sent = parse(text)
    if (sent !== undefined) this.#notices.notify(channel, sent)
  }
}

/** Another program may send anything. */
function parse(text: string): string | undefined {
  try {
    const sent: unknown = JSON.parse(text)
    return typeof sent === 'string' ? sent : undefined
  } catch {
    return undefined
  }
}
