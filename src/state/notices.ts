import { checkKey, checkNotice } from './bounds.ts'
import type { NoticeBridge } from './notice-bridge.ts'
import type { NoticeListener } from './store.ts'

/** Carries notices within the process, for a store that no other process uses, except during a restart. */
export class Notices {
  readonly #channels = new Map<string, Set<NoticeListener>>()
  readonly #bridge: NoticeBridge | undefined

  /** @param bridge carries them to the other process of a restart */
  constructor(bridge?: NoticeBridge) {
    this.#bridge = bridge
    bridge?.attach((channel, text) => this.#deliver(channel, text))
  }

  notify(channel: string, text: string): void {
    checkKey(channel)
    checkNotice(text)
    this.#deliver(channel, text)
    this.#bridge?.send(channel, text)
  }

  #deliver(channel: string, text: string): void {
    // each listener runs later and by itself, so that it cannot disturb the sender or another listener
    for (const listener of this.#channels.get(channel) ?? [])
      queueMicrotask(() => {
        if (this.#channels.get(channel)?.has(listener)) listener(text)
      })
  }

  listen(channel: string, listener: NoticeListener): () => void {
    checkKey(channel)
    // a listener that is added twice is called twice, and each is stopped separately
    const own: NoticeListener = (text) => listener(text)
    const listeners = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, listeners.add(own))
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#channels.get(channel) === listeners) this.#channels.delete(channel)
    }
  }

  close(): void {
    this.#channels.clear()
  }
}
