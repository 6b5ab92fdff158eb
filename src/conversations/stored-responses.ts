import type { Caller } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Timers } from '../flow/timers.ts'
import { atMost } from '../flow/wait.ts'
import type { Store } from '../state/store.ts'

/** A response to which its client may refer later. */
export interface StoredResponse {
  /** The response as it was sent. */
  readonly response: Fields
  /** Its items with everything that the next turn needs, some of which the client does not get. */
  readonly items: readonly unknown[]
  /** The items that its request added to the conversation. */
  readonly input: readonly unknown[]
  /** The id of the response before it. */
  readonly previous?: string | undefined
}

interface StoredResponsesOptions {
  readonly store: Store
  /** Milliseconds for which a response is kept. */
  readonly ttlMs: number
  readonly timers: Timers
}

/** Milliseconds for which a client waits until its response is written. */
const maxSaveMs = 5_000
/** Limit for the responses of one conversation. */
const maxChain = 1_000

/** The stored responses, by their ids. A caller finds only its own responses. */
export class StoredResponses {
  readonly #store: Store
  readonly #ttlMs: number
  readonly #timers: Timers

  constructor({ store, ttlMs, timers }: StoredResponsesOptions) {
    this.#store = store
    this.#ttlMs = ttlMs
    this.#timers = timers
  }

  /**
   * Keeps a response, and each of its items by its own id.
   * @throws ChatError `too-large` or `unavailable`; a write that takes too long goes on
   */
  async save(caller: Caller, stored: StoredResponse): Promise<void> {
    const writes = stored.items.flatMap((item) => {
      const itemId = idOf(item)
      return itemId === undefined ? [] : [this.#put(keyOf('item', caller, itemId), item)]
    })
    const written = Promise.all([
      this.#put(keyOf('response', caller, String(stored.response.id)), shortened(stored)),
      ...writes,
    ])
    if (!(await atMost(written, maxSaveMs, this.#timers)))
      throw new ChatError('unavailable', { message: `The state was not written within ${maxSaveMs / 1_000} s.` })
  }

  async find(caller: Caller, id: string): Promise<StoredResponse | undefined> {
    const value = await this.#get(keyOf('response', caller, id))
    return readStored(value)
  }

  /** Forgets a response and its items. @returns false if there is no such response */
  async remove(caller: Caller, id: string): Promise<boolean> {
    const text = await this.#store.take(keyOf('response', caller, id))
    if (text === undefined) return false
    const ids = readStored(JSON.parse(text))?.items.map(idOf) ?? []
    await Promise.all(ids.map((itemId) => itemId && this.#store.delete(keyOf('item', caller, itemId))))
    return true
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
      if (isUnfinished(stored.response)) throw unfinished(next)
      turns.push([...stored.input, ...stored.items])
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

/** Whether a response is still being made, as far as the store knows. */
export function isUnfinished({ status }: Fields): boolean {
  return status === 'queued' || status === 'in_progress'
}

function unfinished(id: string): ChatError {
  return new ChatError('invalid-request', {
    message: `The previous response with id '${id}' is still being made. Wait for its end.`,
    param: 'previous_response_id',
  })
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

/** Leaves the items out if the response itself has them. */
function shortened(stored: StoredResponse): object {
  const { items, ...others } = stored
  const { output } = stored.response
  const isSame =
    Array.isArray(output) && output.length === items.length && items.every((item, at) => item === output[at])
  return isSame ? others : stored
}

function readStored(value: unknown): StoredResponse | undefined {
  if (!isFields(value) || !isFields(value.response) || !Array.isArray(value.input)) return undefined
  const { response, input, previous, items = response.output } = value
  return {
    response,
    input,
    items: Array.isArray(items) ? items : [],
    ...(typeof previous === 'string' && { previous }),
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
