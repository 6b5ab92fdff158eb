import { computed, effect, signal } from '@preact/signals'
import { listen } from '../../session/live.ts'
import { joinNewest } from './request-filter.ts'
import type { ListedRequest } from './types.ts'

/** New requests are shown together, so that a busy gateway does not redraw the list for each. */
const flushMs = 250

/** The last requests. New ones wait while the reader is in the list, or has paused it. */
export class RequestFeed {
  readonly #shown = signal<readonly ListedRequest[]>([])
  readonly #waiting = signal<readonly ListedRequest[]>([])
  readonly isPaused = signal(false)
  /** Whether the pointer, the focus or a selection is in the list. */
  readonly isRead = signal(false)
  readonly isHeld = computed(() => this.isPaused.value || this.isRead.value)
  readonly requests = computed(() => this.#shown.value)
  readonly waiting = computed(() => this.#waiting.value.length)
  #timer: ReturnType<typeof setTimeout> | undefined
  #arrived: ListedRequest[] = []

  /** Replaces the list. */
  readonly set = (requests: readonly ListedRequest[]): void => {
    this.#shown.value = requests
    this.#waiting.value = []
  }

  /** Follows the live stream. @returns a function that ends this */
  readonly follow = (): (() => void) => {
    const ends = [listen('request', this.#take), effect(this.#release)]
    return () => {
      clearTimeout(this.#timer)
      for (const end of ends) end()
    }
  }

  readonly #take = (data: unknown): void => {
    if (!isListed(data)) return
    this.#arrived.unshift(data)
    this.#timer ??= setTimeout(this.#flush, flushMs)
  }

  readonly #flush = (): void => {
    this.#timer = undefined
    this.#waiting.value = joinNewest(this.#arrived, this.#waiting.peek())
    this.#arrived = []
  }

  readonly #release = (): void => {
    const waiting = this.#waiting.value
    if (this.isHeld.value || waiting.length === 0) return
    this.#shown.value = joinNewest(waiting, this.#shown.peek())
    this.#waiting.value = []
  }
}

function isListed(data: unknown): data is ListedRequest {
  return typeof data === 'object' && data !== null && 'id' in data && 'time' in data
}
