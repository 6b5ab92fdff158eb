import type { Caller } from '../chat/caller.ts'
import type { Fields } from '../chat/message.ts'
import type { Store } from '../state/store.ts'

/** A response to which its client may refer later. */
export interface StoredResponse {
  /** The response as it was sent. */
  readonly response: Fields
  /** The items that its request added to the conversation. */
  readonly input: readonly unknown[]
  /** The id of the response before it. */
  readonly previous?: string | undefined
}

interface StoredResponsesOptions {
  readonly store: Store
  /** Milliseconds for which a response is kept. */
  readonly ttlMs: number
}

/** Limit for the responses of one conversation. */
const maxChain = 1_000

/** The responses of the clients, by their ids. Nobody finds the response of another caller. */
export class StoredResponses {
  readonly #store: Store
  readonly #ttlMs: number

  constructor({ store, ttlMs }: StoredResponsesOptions) {
    this.#store = store
    this.#ttlMs = ttlMs
  }

  /** Keeps a response, and each of its items by its own id. */
  async save(caller: Caller, stored: StoredResponse): Promise<void> {
    const { id, output } = stored.response
    const items: readonly unknown[] = Array.isArray(output) ? output : []
    const writes = items.flatMap((item) => {
      const itemId = idOf(item)
      return itemId === undefined ? [] : [this.#put(keyOf('item', caller, itemId), item)]
    })
    await Promise.all([this.#put(keyOf('response', caller, String(id)), stored), ...writes])
  }

  async find(caller: Caller, id: string): Promise<StoredResponse | undefined> {
    const value = await this.#get(keyOf('response', caller, id))
    return isStored(value) ? value : undefined
  }

  /** @returns false if there is no such response */
  async remove(caller: Caller, id: string): Promise<boolean> {
    const text = await this.#store.take(keyOf('response', caller, id))
    return text !== undefined
  }

  /** An item of an earlier response. */
  item(caller: Caller, id: string): Promise<unknown> {
    return this.#get(keyOf('item', caller, id))
  }

  /** The items of a conversation up to a response, the oldest first; undefined if one of its responses is not kept. */
  async history(caller: Caller, id: string): Promise<readonly unknown[] | undefined> {
    const turns: (readonly unknown[])[] = []
    for (let next: string | undefined = id; next !== undefined; ) {
      const stored = await this.find(caller, next)
      if (!stored || turns.length >= maxChain) return undefined
      const { output } = stored.response
      turns.push([...stored.input, ...(Array.isArray(output) ? output : [])])
      next = stored.previous
    }
    return turns.reverse().flat()
  }

  #put(key: string, value: unknown): Promise<void> {
    return this.#store.put(key, JSON.stringify(value), { ttlMs: this.#ttlMs })
  }

  async #get(key: string): Promise<unknown> {
    const found = await this.#store.get(key)
    return found && JSON.parse(found.value)
  }
}

/** Limit for the characters of an id that is looked up. */
const maxId = 256

/** Ids come from clients, and keys have a limit. */
function keyOf(kind: 'response' | 'item', caller: Caller, id: string): string {
  return `${kind}/${caller.id}/${id.slice(0, maxId).toWellFormed()}`
}

function idOf(item: unknown): string | undefined {
  return typeof item === 'object' && item !== null && 'id' in item && typeof item.id === 'string' ? item.id : undefined
}

function isStored(value: unknown): value is StoredResponse {
  return (
    typeof value === 'object' && value !== null && 'response' in value && 'input' in value && Array.isArray(value.input)
  )
}
