/** What a client wants of the gateway itself, beside its request for the model. A wish that was not sent is absent. */
export interface Wishes {
  /** Whether tools and formats that the upstream lacks may be emulated. */
  readonly emulate?: boolean
  /** Whether an answer that breaks off is continued. */
  readonly continue?: boolean
  /** Whether a slow upstream may be asked a second time while the first request runs. */
  readonly hedge?: boolean
  /** Names of the upstreams that are asked first, in this order. */
  readonly order?: readonly string[]
  /** Names of the only upstreams that may be asked. */
  readonly only?: readonly string[]
  /** Names of upstreams that must not be asked. */
  readonly not?: readonly string[]
  /** False if no other upstream may be asked after the first. */
  readonly fallback?: boolean
}
