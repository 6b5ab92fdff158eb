import { asChatError, ChatError } from '../../chat/error.ts'
import type { Model } from '../../chat/model.ts'
import type { BrokenAnswer, ChatRequest } from '../../chat/request.ts'
import type { Attempts } from '../../flow/attempts.ts'
import type { Layer } from '../../flow/chat.ts'
import { type Batch, batches, type Flow, flowOf } from '../../flow/flow.ts'
import type { Upstream } from '../../providers/provider.ts'
import type { CountTokens } from '../layers/estimate.ts'
import { askWithAnchor, askWithPrefix } from './ask-on.ts'
import { ExactText, RepeatedText } from './find-seam.ts'
import { TextJoin } from './join-text.ts'
import { RestartedAnswer, type ResumedAnswer, TextAnswer } from './resumed-answer.ts'
import { SaidText } from './said-text.ts'

interface ResumeOptions {
  readonly upstream: Pick<Upstream, 'name' | 'prefixOf' | 'followsInstructions'>
  /** What is known of a model. */
  modelOf(model: string): Model
  readonly countTokens: CountTokens
}

/**
 * Makes one upstream go on with a broken answer, in the way that is known for it. Its answer begins at the seam: nothing comes
 * before the seam is found. Other requests pass unchanged.
 * @see docs/decisions/0073-continuation.md
 */
export function resume(options: ResumeOptions): Layer {
  const refused = new Set<string>()
  return (next) => (request, call) => {
    const { broken } = request
    if (!broken) return next(request, call)
    return flowOf((signal) => {
      const ways = waysFor(request, broken, { ...options, refused })
      return goOn(ways, { ask: (asked) => next(asked, { ...call, signal }), attempts: call.attempts, refused })
    }, call.signal)
  }
}

/** One way to go on. */
interface Way {
  readonly request: ChatRequest
  readonly answer: ResumedAnswer
}

interface WayOptions extends ResumeOptions {
  /** Models that have refused a prefix. */
  readonly refused: ReadonlySet<string>
}

/** Returns the ways from the best one on. @throws ChatError if there is none */
function waysFor(request: ChatRequest, broken: BrokenAnswer, options: WayOptions): readonly Way[] {
  const { upstream, modelOf, countTokens, refused } = options
  const seam = { from: broken.upstream, to: upstream.name, after: broken.code }
  if (broken.text === '')
    return [{ request: withoutBroken(request), answer: new RestartedAnswer({ ...seam, way: 'anew' }) }]
  const said = new SaidText(broken.text)
  const ways: Way[] = []
  const prefix = refused.has(request.model) ? undefined : upstream.prefixOf?.(modelOf(request.model))
  if (prefix) {
    const join = new TextJoin(said, prefix.isRepeated ? new RepeatedText(said) : new ExactText(said))
    const answer = new TextAnswer(said, join, { ...seam, way: 'prefix' })
    ways.push({ request: askWithPrefix(request, said, prefix), answer })
  }
  const { anchor } = said
  if (anchor && upstream.followsInstructions !== false) {
    const answer = new TextAnswer(said, new TextJoin(said, new RepeatedText(said)), { ...seam, way: 'anchor' })
    ways.push({ request: askWithAnchor(request, { text: said.text, anchor: anchor.text }, countTokens), answer })
  }
  if (ways.length === 0) throw cannotGoOn()
  return ways
}

/** Models that are remembered. */
const maxRefused = 1_024

interface GoOn {
  readonly ask: (request: ChatRequest) => Flow
  readonly attempts: Attempts
  readonly refused: Set<string>
}

/** Some models of an upstream with a native prefix refuse it, for example those that think. They are asked for the anchor. */
async function* goOn(ways: readonly Way[], { ask, attempts, refused }: GoOn): AsyncGenerator<Batch> {
  for (const [at, { request, answer }] of ways.entries()) {
    try {
      for await (const batch of batches(ask(request))) {
        const shown = answer.add(batch)
        if (shown.length > 0) yield shown
      }
      return
    } catch (thrown) {
      const isRefused = !answer.hasBegun && asChatError(thrown).reason === 'invalid-request'
      if (!isRefused || at === ways.length - 1) throw thrown
      if (refused.size >= maxRefused) refused.clear()
      refused.add(request.model)
      if (!attempts.grow()) throw thrown
    }
  }
}

function withoutBroken({ broken: _, ...request }: ChatRequest): ChatRequest {
  return request
}

function cannotGoOn(): ChatError {
  return new ChatError('unsupported', {
    message: 'This upstream cannot go on with an answer that broke off so early, or that repeats itself.',
    code: 'no_seam',
  })
}
