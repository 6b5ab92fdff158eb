import type { Drift, NoteDrift } from '../chat/drift.ts'
import { redact } from '../chat/secret.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'

/** What an upstream sent otherwise than its adapter knows it. */
export interface NotedDrift extends Drift {
  readonly id: string
  /** The answers in which it came. */
  readonly count: number
  /** Milliseconds since 1970. */
  readonly firstAt: number
  readonly lastAt: number
  /** The id of the last request whose answer had it; undefined for the gateway's own tests. */
  readonly request: string | undefined
}

/** Limit for what is kept of one upstream. What came last is kept. */
const maxKept = 32

interface DriftLogOptions {
  readonly log: Logger
  readonly runtime: Pick<Runtime, 'now'>
  /** Gets each drift of each answer, and the upstream that sent it. */
  readonly onDrift?: ((upstream: string, drift: Drift) => void) | undefined
}

/** What the upstreams have sent otherwise than their adapters know it, from the operator's own traffic. */
export class DriftLog {
  readonly #options: DriftLogOptions
  /** By the upstream, and then by the kind and place. The one that came last is the last. */
  readonly #noted = new Map<string, Map<string, NotedDrift>>()

  constructor(options: DriftLogOptions) {
    this.#options = options
  }

  /** Returns what notes the drifts of one answer. It holds nothing of its request but the id. */
  noterFor(upstream: string, request: string | undefined): NoteDrift {
    return (drift) => this.#note(upstream, drift, request)
  }

  /** Lists what was noted of an upstream; the one that came last is the first. */
  of(upstream: string): readonly NotedDrift[] {
    return [...(this.#noted.get(upstream)?.values() ?? [])].reverse()
  }

  /** Forgets what was noted of an upstream. @returns how many there were */
  forget(upstream: string): number {
    const count = this.#noted.get(upstream)?.size ?? 0
    this.#noted.delete(upstream)
    return count
  }

  #note(upstream: string, drift: Drift, request: string | undefined): void {
    this.#options.onDrift?.(upstream, drift)
    const noted = this.#noted.get(upstream) ?? new Map<string, NotedDrift>()
    this.#noted.set(upstream, noted)
    const now = this.#options.runtime.now()
    const [where, shape] = [redact(drift.where), redact(drift.shape)]
    const key = `${drift.kind} ${where}`
    const known = noted.get(key)
    // so that it is the last again
    noted.delete(key)
    const { firstAt = now, count = 0, id = idOf(key) } = known ?? {}
    noted.set(key, { id, kind: drift.kind, where, shape, count: count + 1, firstAt, lastAt: now, request })
    const [oldest] = noted.keys()
    if (noted.size > maxKept && oldest !== undefined) noted.delete(oldest)
    if (!known) this.#warn(upstream, { kind: drift.kind, where, shape })
  }

  #warn(upstream: string, drift: Drift): void {
    const what = 'an upstream sends something that its adapter does not know: a newer version may know it'
    this.#options.log.warn({ upstream, ...drift }, what)
  }
}

function idOf(key: string): string {
  return new Bun.CryptoHasher('sha256').update(key).digest('hex').slice(0, 12)
}
