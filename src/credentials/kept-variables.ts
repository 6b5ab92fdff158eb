import { ChatError } from '../chat/error.ts'
import type { KeptValues } from '../config/apply-kept.ts'
import type { Logger } from '../flow/call.ts'
import { repeat } from '../flow/repeat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'

/** All variables of the state are one value, so that a process reads them in one step. */
const storeKey = 'variables'
/** Milliseconds after which another process knows a change at the latest, if its notice was lost. */
const rereadMs = 5_000
/** Attempts to write a change, if other processes write at the same time. */
const maxWrites = 50

/** Reads the variables of a state. @throws ChatError `unavailable` */
export async function readKept(store: Store): Promise<KeptValues> {
  return (await readVersion(store)).values
}

interface KeptVersion {
  readonly values: KeptValues
  /** 0 if the state has none. */
  readonly version: number
}

async function readVersion(store: Store): Promise<KeptVersion> {
  const { value = '{}', version = 0 } = (await store.get(storeKey)) ?? {}
  return { values: decode(value), version }
}

/** A later version of the program may keep more of a variable. */
function decode(text: string): KeptValues {
  const kept: Readonly<Record<string, { readonly value: string }>> = JSON.parse(text)
  return Object.fromEntries(Object.entries(kept).map(([name, { value }]) => [name, value]))
}

function encode(values: KeptValues): string {
  return JSON.stringify(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])))
}

export interface KeptVariablesOptions {
  readonly store: Store
  /** Whether other processes use the store too. */
  readonly isShared: boolean
  /** What is in force already. */
  readonly initial: KeptValues
  /** Is told of other variables, in the order in which they were written. */
  onChange(values: KeptValues): void
  readonly log: Logger
  readonly runtime: Pick<Runtime, 'timers'>
}

/** The variables of the state, which every process of the state applies soon after a change. */
export class KeptVariables {
  readonly #options: KeptVariablesOptions
  #values: KeptValues
  /** Undefined until the store was read here. */
  #version: number | undefined
  /** Reads and writes run one after the other, so that an older version is never applied after a newer one. */
  #last: Promise<unknown> = Promise.resolve()
  #isFailing = false
  readonly #stops: (() => void)[] = []

  constructor(options: KeptVariablesOptions) {
    this.#options = options
    this.#values = options.initial
  }

  get values(): KeptValues {
    return this.#values
  }

  /** Reads the variables now, and in a shared state when another process says that they have changed, and from time to time. */
  async follow(): Promise<void> {
    const { store, isShared, runtime } = this.#options
    if (isShared) {
      this.#stops.push(repeat(runtime.timers, rereadMs, () => void this.#reread()))
      const stop = await store.listen(storeKey, () => void this.#reread()).catch(() => undefined)
      if (stop) this.#stops.push(stop)
    }
    await this.#reread()
  }

  /**
   * Writes what `change` makes of the variables, and applies it here and in all other processes.
   * @throws what `change` throws, or ChatError `unavailable`
   */
  change(change: (values: KeptValues) => KeptValues): Promise<void> {
    return this.#inTurn(async () => {
      const { store } = this.#options
      for (let attempt = 0; attempt < maxWrites; attempt++) {
        const { values, version } = await readVersion(store)
        this.#set({ values, version })
        const changed = change(values)
        const written = await store.compareAndSet(storeKey, version, encode(changed))
        if (written === undefined) continue
        this.#set({ values: changed, version: written })
        // the others find it by themselves if the notice is lost
        await store.notify(storeKey, '').catch(() => undefined)
        return
      }
      throw new ChatError('unavailable', {
        message: 'The credentials are being changed by others. Try again in a moment.',
      })
    })
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  async #reread(): Promise<void> {
    try {
      await this.#inTurn(async () => this.#set(await readVersion(this.#options.store)))
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing) this.#options.log.error({ err }, 'the credentials of the state could not be read')
      this.#isFailing = true
    }
  }

  #set({ values, version }: KeptVersion): void {
    if (version === this.#version) return
    this.#version = version
    const isSame = encode(values) === encode(this.#values)
    this.#values = values
    if (!isSame) this.#options.onChange(values)
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
