import type { Runtime } from '../../flow/runtime.ts'
import type { Timer } from '../../flow/timers.ts'
import { checkCount, checkKey, checkNotice, checkValue } from '../bounds.ts'
import {
  type CountOptions,
  type Lease,
  type LeaseClaim,
  leaseMemoryMs,
  type NoticeListener,
  type StateEntry,
  type Store,
  type StoredValue,
  type StoreProblem,
  type WriteOptions,
} from '../store.ts'
import { isUnreachable } from './describe-failure.ts'
import { type Names, namesOf } from './names.ts'
import { isMissingScript, RedisLink } from './redis-link.ts'
import { RedisNotices } from './redis-notices.ts'
import type { RedisServer } from './redis-server.ts'
import {
  compareAndSetScript,
  deleteScript,
  entryScript,
  extendScript,
  getScript,
  incrementScript,
  keysScript,
  type LuaScript,
  leaseScript,
  putScript,
  releaseScript,
  takeScript,
  tendScript,
} from './scripts.ts'

export interface RedisStoreOptions {
  readonly runtime: Pick<Runtime, 'timers'>
  /** Milliseconds since 1970, for tests. By default Redis's own clock decides. */
  readonly clock?: () => number
}

/** Milliseconds between two checks of the connections, while all is well and while something is wrong. */
const tendMs = { well: 5_000, failing: 500 } as const

/** The keys that one step of a scan of the server looks at. */
const scanKeys = 500

/** A store in a Redis or Valkey, which several processes share. Every method is one script, which Redis runs in one step. */
export class RedisStore implements Store {
  readonly #names: Names
  readonly #link: RedisLink
  readonly #notices: RedisNotices
  readonly #clock: () => string
  readonly #tending: Timer
  #isClosed = false

  constructor(server: RedisServer, { runtime, clock }: RedisStoreOptions) {
    this.#names = namesOf(server)
    this.#clock = clock ? () => String(clock()) : () => ''
    this.#link = new RedisLink(server, runtime, {
      onReady: () => this.#tending.feed(1),
      onFailure: () => this.#tending.feed(tendMs.failing),
    })
    this.#notices = new RedisNotices(server, runtime)
    this.#tending = runtime.timers.set(tendMs.well, () => void this.#tend(), { isBackground: true })
  }

  async get(key: string): Promise<StoredValue | undefined> {
    checkKey(key)
    const found = await this.#run(getScript, [this.#names.value(key)])
    if (!Array.isArray(found)) return undefined
    return { value: toText(found[1]), version: Number(found[0]) }
  }

  async put(key: string, value: string, options: WriteOptions = {}): Promise<void> {
    checkKey(key)
    checkValue(value)
    await this.#run(putScript, this.#writeKeys(key), key, JSON.stringify(value), toArgument(options))
  }

  async compareAndSet(
    key: string,
    expected: number,
    value: string,
    options: WriteOptions & { readonly lease?: LeaseClaim } = {},
  ): Promise<number | undefined> {
    checkKey(key)
    checkValue(value)
    const { name = '', fence = '' } = options.lease ?? {}
    const keys = [...this.#writeKeys(key), this.#names.lease(name)]
    const text = JSON.stringify(value)
    const version = await this.#run(compareAndSetScript, keys, key, text, toArgument(options), expected, fence)
    return version === null ? undefined : Number(version)
  }

  async take(key: string): Promise<string | undefined> {
    checkKey(key)
    const found = await this.#run(takeScript, [this.#names.value(key), this.#names.keys, this.#names.ends], key)
    return found === null ? undefined : toText(found)
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    await this.#run(deleteScript, [this.#names.value(key), this.#names.keys, this.#names.ends], key)
  }

  async keys(prefix: string, limit: number): Promise<readonly string[]> {
    checkKey(prefix)
    const found = await this.#run(keysScript, [this.#names.keys], this.#names.value(''), prefix, limit)
    return Array.isArray(found) ? found.map(String) : []
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkKey(name)
    const found = await this.#run(
      leaseScript,
      [this.#names.lease(name), this.#names.numbers],
      Math.ceil(ttlMs),
      leaseMemoryMs,
    )
    if (found === null) return undefined
    const fence = Number(found)
    return {
      fence,
      extend: (extendMs) => this.#extend(name, fence, extendMs),
      release: () => this.#release(name, fence),
    }
  }

  async increment(key: string, by: number, options: CountOptions = {}): Promise<number> {
    checkKey(key)
    checkCount(by)
    const found = await this.#run(incrementScript, [this.#names.counter(key)], by, toArgument(options))
    checkCount(found === null ? Number.POSITIVE_INFINITY : Number(found))
    return Number(found)
  }

  async notify(channel: string, text: string): Promise<void> {
    checkKey(channel)
    checkNotice(text)
    await this.#link.run((client) => client.publish(this.#names.channels + channel, JSON.stringify(text)))
  }

  listen(channel: string, listener: NoticeListener): Promise<() => void> {
    return this.#notices.listen(channel, listener)
  }

  async *entries(): AsyncGenerator<StateEntry> {
    yield* this.#each('value', this.#names.value(''), 'd')
    yield* this.#each('counter', this.#names.counter(''), 'n')
  }

  /** Reads one entry at a time, because each may be large. */
  async *#each(kind: StateEntry['kind'], start: string, field: string): AsyncGenerator<StateEntry> {
    const pattern = `${start.replaceAll(/[\\*?[\]]/g, '\\$&')}*`
    let cursor = '0'
    do {
      const [next, names] = await this.#link.run((client) => client.scan(cursor, 'MATCH', pattern, 'COUNT', scanKeys))
      for (const name of names) {
        const found = await this.#run(entryScript, [name], field)
        if (!Array.isArray(found)) continue
        const [stored, rest] = found.map(String)
        const value = kind === 'value' ? toText(stored) : String(stored)
        yield { kind, key: name.slice(start.length), value, ...(rest !== '' && { ttlMs: Number(rest) }) }
      }
      cursor = next
    } while (cursor !== '0')
  }

  problem(): StoreProblem | undefined {
    const { failure } = this.#link
    if (failure === undefined) return undefined
    return { kind: isUnreachable(failure) ? 'unreachable' : 'failing', message: `Redis ${failure}.` }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#tending.stop()
    await Promise.all([this.#notices.close(), this.#link.close()])
  }

  /** Resolves once a write has succeeded. @throws ChatError `unavailable` */
  async check(): Promise<void> {
    await this.#run(tendScript, [this.#names.check, this.#names.keys, this.#names.ends], this.#names.value(''))
    this.#link.clearFailure()
  }

  async #extend(name: string, fence: number, ttlMs: number): Promise<boolean> {
    const keys = [this.#names.lease(name)]
    return (await this.#run(extendScript, keys, fence, Math.ceil(ttlMs), leaseMemoryMs)) !== null
  }

  async #release(name: string, fence: number): Promise<void> {
    await this.#run(releaseScript, [this.#names.lease(name)], fence)
  }

  /** Checks the connections, and deletes values that have ended. */
  async #tend(): Promise<void> {
    await Promise.allSettled([this.check(), this.#notices.check()])
    if (!this.#isClosed) this.#tending.feed(this.#link.failure === undefined ? tendMs.well : tendMs.failing)
  }

  #writeKeys(key: string): string[] {
    return [this.#names.value(key), this.#names.numbers, this.#names.keys, this.#names.ends]
  }

  async #run(script: LuaScript, keys: readonly string[], ...args: readonly (string | number)[]): Promise<unknown> {
    const rest = [...keys, this.#clock(), ...args]
    try {
      return await this.#link.run((client) => client.evalsha(script.sha1, keys.length, ...rest))
    } catch (thrown) {
      if (!isMissingScript(thrown)) throw thrown
      return this.#link.run((client) => client.eval(script.text, keys.length, ...rest))
    }
  }
}

function toArgument({ ttlMs }: { readonly ttlMs?: number }): number | string {
  return ttlMs === undefined ? '' : Math.ceil(ttlMs)
}

/** JSON writes half a surrogate pair in ASCII, so every string is read back unchanged. */
function toText(stored: unknown): string {
  return String(JSON.parse(String(stored)))
}
