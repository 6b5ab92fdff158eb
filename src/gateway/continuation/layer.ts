import { asChatError, type ChatError } from '../../chat/error.ts'
import type { BrokenAnswer, ChatRequest } from '../../chat/request.ts'
import type { Wishes } from '../../chat/wishes.ts'
import type { Call } from '../../flow/call.ts'
import type { Chat, Layer } from '../../flow/chat.ts'
import { defer, type FlowOpening } from '../../flow/defer.ts'
import { type Batch, type Flow, flowOf } from '../../flow/flow.ts'
import { map } from '../../flow/map.ts'
import { within } from '../../flow/wait.ts'
import { type Watcher, watch } from '../../flow/watch.ts'
import type { Deadlines } from '../layers/deadline.ts'
import type { CountTokens } from '../layers/estimate.ts'
import { endAtLength, JoinedAnswer } from './joined-answer.ts'
import { SaidSoFar } from './said-so-far.ts'

interface ContinuationOptions {
  readonly deadlines: Deadlines
  readonly countTokens: CountTokens
}

/** Milliseconds after the request from which on a break is not continued any more. */
const maxAgeMs = 15 * 60_000

/**
 * Continues an answer that breaks off after a part of it was shown: the same upstream is asked to go on, then another one, as long as
 * the call has attempts left. What was shown stays. If no answer goes on at the place of the break, the answer ends with its error.
 * @see docs/decisions/0073-continuation.md
 */
export function continuation(options: ContinuationOptions): Layer {
  return (next) => (request, call) => {
    if (!mayBeContinued(request)) return next(request, call)
    const startedAt = call.signal.runtime.elapsed()
    return watch(next(request, call), new Continued({ ...options, next, request, call, startedAt }))
  }
}

/** Several choices cannot be told apart, and what must be JSON cannot be repeated in part. */
function mayBeContinued({ parameters, wishes }: ChatRequest): boolean {
  const { choices = 1, logprobs, responseFormat, toolChoice } = parameters
  if (wishes?.continue === false || choices !== 1 || logprobs) return false
  if (responseFormat && responseFormat.type !== 'text') return false
  return toolChoice?.type !== 'required' && toolChoice?.type !== 'function'
}

interface ContinuedCall<Needs> extends ContinuationOptions {
  readonly next: Chat<Needs>
  readonly request: ChatRequest
  readonly call: Call & Needs
  /** By the clock that only goes forward. */
  readonly startedAt: number
  /** The text before the last seam. */
  readonly before?: string
  /** The upstreams whose answers have broken off. */
  readonly broke?: readonly (string | undefined)[]
}

/** Watches one answer, and goes on with another one if it breaks off. */
class Continued<Needs> implements Watcher {
  readonly #options: ContinuedCall<Needs>
  readonly #said = new SaidSoFar()

  constructor(options: ContinuedCall<Needs>) {
    this.#options = options
  }

  onBatch(batch: Batch): void {
    this.#said.add(batch)
  }

  goOn(error: ChatError): Flow | undefined {
    if (!this.#isDue(error)) return undefined
    const said = this.#said.take()
    if (said === undefined) return undefined
    const { before = '', request, call, countTokens } = this.#options
    const text = before + said
    const { maxTokens } = request.parameters
    if (maxTokens === undefined || text === '') return this.#askOn(request, text, error)
    const left = maxTokens - countTokens(text)
    if (left <= 0) return flowOf(() => endAtLength(this.#said), call.signal)
    return this.#askOn({ ...request, parameters: { ...request.parameters, maxTokens: left } }, text, error)
  }

  /** Whether the failure is one of the upstream, and the call may ask again. */
  #isDue({ meaning }: ChatError): boolean {
    const { request, call, startedAt } = this.#options
    const { attempts, signal } = call
    if (meaning.retry !== 'any' || signal.aborted || attempts.left === 0) return false
    if (signal.runtime.elapsed() - startedAt > maxAgeMs) return false
    const { routed } = attempts.last
    if (routed?.continues === false) return false
    const hasTools = (request.parameters.tools?.length ?? 0) > 0
    if (hasTools && !request.wishes?.continue && !routed?.continues) return false
    // an answer that the client itself has begun has no place of its own
    return request.messages.at(-1)?.role !== 'assistant'
  }

  #askOn(request: ChatRequest, text: string, error: ChatError): Flow {
    const { call, broke = [] } = this.#options
    const { upstream } = call.attempts.last
    const broken: BrokenAnswer = { text, upstream, code: error.ownCode }
    const found = defer(async (opening) => {
      for (const { wishes, most } of triesAfter(request.wishes, upstream, broke)) {
        if (call.attempts.left === 0 || opening.signal.aborted) break
        const attempts = call.attempts.branch(most)
        const begun = await this.#begin({ ...request, wishes, broken }, { ...call, attempts }, opening)
        if (!begun) continue
        call.attempts.follow(attempts)
        return begun
      }
      opening.signal.throwIfAborted()
      throw error
    }, call.signal)
    const joined = map(found, new JoinedAnswer(this.#said, call).add)
    return watch(joined, new Continued({ ...this.#options, before: text, broke: [...broke, upstream] }))
  }

  /** Waits for the seam, no longer than for a first event. Returns undefined if nothing goes on with the answer. */
  async #begin(request: ChatRequest, call: Call & Needs, { begin, signal }: FlowOpening): Promise<Flow | undefined> {
    const { next, deadlines } = this.#options
    const { firstMs = request.stream ? deadlines.firstEventMs : deadlines.wholeMs } =
      this.#options.call.attempts.last.routed ?? {}
    let asked: Flow | undefined
    try {
      asked = next(request, call)
      const begun = await within(begin(asked), firstMs, signal)
      if (!begun) asked.close()
      return begun
    } catch (thrown) {
      asked?.close()
      if (!signal.aborted) call.log.debug({ err: asChatError(thrown) }, 'an answer that broke off was not continued')
      return undefined
    }
  }
}

/** One request to the route. */
interface Try {
  readonly wishes: Wishes
  /** Limit for its attempts. */
  readonly most?: number
}

/** Whom to ask: the upstream that broke off, once, and any other: after its second break the others first. */
function triesAfter(
  wishes: Wishes | undefined,
  upstream: string | undefined,
  broke: readonly (string | undefined)[],
): readonly Try[] {
  const { order = [], not = [], fallback = true, provider } = wishes ?? {}
  if (upstream === undefined) return [{ wishes: { ...wishes } }]
  const same = { wishes: { ...wishes, order: [upstream, ...order.filter((name) => name !== upstream)] }, most: 1 }
  const others = { wishes: { ...wishes, not: [...not, upstream] } }
  if (!fallback || provider?.fallback === false) return [same]
  return broke.includes(upstream) ? [others, same] : [same, others]
}
