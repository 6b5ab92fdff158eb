import type { Caller } from '../chat/caller.ts'
import type { Secret } from '../chat/secret.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { TextSealer } from '../state/seal.ts'
import type { Store } from '../state/store.ts'

interface ClientSealsOptions {
  readonly store: Store
  /** `STATE_SECRET` */
  readonly secret: Secret | undefined
  /** `STATE_SECRET_PREVIOUS`, which opens what was sealed before */
  readonly previous?: Secret | undefined
  readonly runtime: Pick<Runtime, 'randomBytes'>
}

/** Seals texts for one caller. A text that was sealed for another one is not opened. */
export interface CallerSealer {
  seal(kind: string, text: string): string
  open(kind: string, sealed: string): string | undefined
}

/** Seals what clients keep for the gateway. The encryption is loaded and its key made with the first use, because both take long. */
export class ClientSeals {
  readonly #options: ClientSealsOptions
  #opening: Promise<TextSealer> | undefined

  constructor(options: ClientSealsOptions) {
    this.#options = options
  }

  /** @throws ChatError `unavailable` */
  async for({ id }: Caller): Promise<CallerSealer> {
    this.#opening ??= this.#open()
    const sealer = await this.#opening
    const nameOf = (kind: string) => `${kind}/${id}`
    return {
      seal: (kind, text) => sealer.seal(nameOf(kind), text),
      open: (kind, sealed) => sealer.open(nameOf(kind), sealed),
    }
  }

  async #open(): Promise<TextSealer> {
    const { store, secret, ...options } = this.#options
    try {
      const { openTextSealer } = await import('../state/seal.ts')
      return await openTextSealer(store, secret, options)
    } catch (thrown) {
      // the next request tries again
      this.#opening = undefined
      throw thrown
    }
  }
}
