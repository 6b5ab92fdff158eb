import type { Fields } from './message.ts'

/** Which upstreams may answer a request, by their names. */
export interface Narrowing {
  /** The upstreams that are asked first, in this order. */
  readonly order?: readonly string[]
  /** The only upstreams that may be asked. */
  readonly only?: readonly string[]
  /** Upstreams that must not be asked. */
  readonly not?: readonly string[]
  /** False if nothing else may be asked after those in `order`; without an order, after the first. */
  readonly fallback?: boolean
}

/** What a client wants of the gateway itself, beside its request for the model. A wish that was not sent is absent. */
export interface Wishes extends Narrowing {
  /** Whether tools and formats that the upstream lacks may be emulated. */
  readonly emulate?: boolean
  /** Whether an answer that breaks off is continued. */
  readonly continue?: boolean
  /** Whether a slow upstream may be asked a second time while the first request runs. */
  readonly hedge?: boolean
  /** OpenRouter's `provider`, which many clients send. */
  readonly provider?: ProviderWish
}

/** Names that are no upstream's here are meant for OpenRouter. */
export interface ProviderWish extends Narrowing {
  /** The member as it was sent, for OpenRouter itself. */
  readonly sent: Fields
}

/** Whether wishes concern the choice of an upstream. */
export function narrows({ order, only, not, fallback, provider }: Wishes): boolean {
  return (order ?? only ?? not ?? provider) !== undefined || fallback === false
}
