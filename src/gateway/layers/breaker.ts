import { ChatError } from '../../chat/error.ts'
import type { Call } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import { failedFlow } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import type { Probe } from '../health/breaker.ts'
import type { UpstreamHealth } from '../health/upstream-health.ts'

/** What the breaker looks at of a request. */
interface ForModel {
  /** The upstream's own name of the model. */
  readonly model: string
}

/**
 * Refuses requests for an upstream or a model that is ejected, at once and without an attempt. When the ejection is over, one
 * request passes as the probe, with a single attempt.
 */
export function breaker(health: UpstreamHealth): ObserverLayer<ForModel> {
  return (next) => (request, call) => {
    const { model } = request
    if (!health.needsProbe(model)) return next(request, call)
    if (health.standing(model) === 'open') return failedFlow(refusal(health, model))
    const single = { ...call, attempts: call.attempts.branch(1) }
    return watch(next(request, single), new ProbeWatcher(health, { model, whole: call, single }))
  }
}

/** Counts the outcome of each attempt. */
export function countOutcomes(health: UpstreamHealth): ObserverLayer<ForModel> {
  return (next) => (request, call) => watch(next(request, call), new OutcomeWatcher(health, request.model))
}

/** A call, and the same call with a single attempt. */
interface ProbingCall extends ForModel {
  readonly whole: Pick<Call, 'attempts'>
  readonly single: Pick<Call, 'attempts'>
}

/** The call that tries whether an ejected upstream answers again. */
class ProbeWatcher implements Watcher<unknown> {
  readonly #health: UpstreamHealth
  readonly #calls: ProbingCall
  #probes: readonly Probe[] = []
  #hasBegun = false

  constructor(health: UpstreamHealth, calls: ProbingCall) {
    this.#health = health
    this.#calls = calls
  }

  onStart(): void {
    const { model } = this.#calls
    const probes = this.#health.takeProbes(model)
    if (!probes) throw refusal(this.#health, model)
    this.#probes = probes
  }

  onBatch(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    const { model, whole, single } = this.#calls
    whole.attempts.follow(single.attempts)
    this.#health.noteProbed(model, this.#probes)
  }

  onEnd(): void {
    for (const probe of this.#probes) probe.release()
  }
}

class OutcomeWatcher implements Watcher<unknown> {
  readonly #health: UpstreamHealth
  readonly #model: string
  readonly #begunAt: number

  constructor(health: UpstreamHealth, model: string) {
    this.#health = health
    this.#model = model
    this.#begunAt = health.ejections
  }

  onEnd(ending: Ending): void {
    if (ending.kind === 'done') this.#health.noteSuccess(this.#model, this.#begunAt)
    else if (ending.kind === 'failed' && ending.error.meaning.breaker)
      this.#health.noteFailure(this.#model, ending.error, this.#begunAt)
    else if (ending.kind === 'failed' && ending.error.reason === 'upstream-outdated')
      this.#health.noteOutdated(ending.error)
  }
}

/** Milliseconds until another try makes sense, while a probe is running. */
const probingMs = 1_000

function refusal(health: UpstreamHealth, model: string): ChatError {
  return new ChatError('unavailable', {
    message: 'The upstream has failed several times in a row, and is not asked at the moment. Try again later.',
    code: 'upstream_unavailable',
    retryAfterMs: Math.max(probingMs, health.ejectedForMs(model)),
  })
}
