import type { CachePlace } from '../../flow/call.ts'

/** A place, and when it was used, in milliseconds of a clock that only goes forward. */
interface UsedPlace extends CachePlace {
  readonly at: number
}

/** Limit for the places of a conversation. A panel asks several models, and each has its own cache. */
const maxPlaces = 8

/** The requests that continue each other, and who has their prompt in a cache. It has no text. */
export class CachedConversation {
  readonly id: string
  readonly #elapsed: () => number
  /** The newest one comes first. */
  #places: readonly UsedPlace[] = []

  constructor(id: string, elapsed: () => number) {
    this.id = id
    this.#elapsed = elapsed
  }

  /** Finds who has the prompt in a cache; nobody after the cache's life. */
  placeAt(upstream: string, model: string): UsedPlace | undefined {
    const now = this.#elapsed()
    return this.#places.find((place) => isOf(place, upstream, model) && place.at + place.lifeMs >= now)
  }

  /** Notes who has read the prompt. */
  notePlace(place: CachePlace): void {
    const others = this.#places.filter((other) => !isOf(other, place.upstream, place.model))
    this.#places = [{ ...place, at: this.#elapsed() }, ...others].slice(0, maxPlaces)
  }
}

function isOf(place: CachePlace, upstream: string, model: string): boolean {
  return place.upstream === upstream && place.model === model
}
