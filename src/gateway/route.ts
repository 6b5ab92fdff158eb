import { ChatError } from '../chat/error.ts'
import { excerpt } from '../chat/secret.ts'
import type { AnyEvent } from '../flow/begin.ts'
import type { Call } from '../flow/call.ts'
import type { Ask, Combine } from '../flow/chat.ts'
import { defer } from '../flow/defer.ts'
import { type Flow, failedFlow } from '../flow/flow.ts'
import type { Catalog } from './catalog.ts'
import type { Candidate } from './known-models.ts'
import type { UpstreamParts } from './upstream-parts.ts'

/** The upstreams that can answer a request, each with its own name for the model. */
export type Candidates = readonly Candidate<UpstreamParts>[]

export interface RouteOptions<Request, Event> {
  readonly combine: Combine
  /** What a request of this kind is sent to. */
  askOf(parts: UpstreamParts): Ask<Request, Event>
  /** Returns the same request with the upstream's own name of the model. */
  withModel(request: Request, model: string): Request
  /** Returns the candidates that serve this request; without it, all of them do. @throws ChatError if none does */
  select?(candidates: Candidates, request: Request): Candidates
}

/** Finds the upstreams for the model, and asks them with their own name of it. */
export function route<Request extends { readonly model: string }, Event extends AnyEvent>(
  catalog: Catalog<UpstreamParts>,
  { combine, askOf, withModel, select }: RouteOptions<Request, Event>,
): Ask<Request, Event> {
  const combined = new Map<string, Ask<Request, Event>>()
  const combinedAsk = (candidates: Candidates): Ask<Request, Event> => {
    const key = candidates.map(({ member }) => member.upstream.name).join(' ')
    const known = combined.get(key)
    if (known) return known
    const pool = combine(candidates.map(({ member }) => askOf(member)))
    combined.set(key, pool)
    return pool
  }
  const ask = (found: Candidates, request: Request, call: Call): Flow<Event> => {
    const candidates = select && found.length > 0 ? select(found, request) : found
    const [first] = candidates
    if (!first) throw notFound(request.model, catalog.resolve(request.model))
    const next = candidates.length === 1 ? askOf(first.member) : combinedAsk(candidates)
    return next(first.model === request.model ? request : withModel(request, first.model), call)
  }
  return (request, call) => {
    const { model } = request
    const known = catalog.routeNow(model)
    if (!known) return defer(async ({ signal }) => ask(await catalog.route(model, signal), request, call), call.signal)
    try {
      return ask(known, request, call)
    } catch (thrown) {
      // the layers around this one observe the failure of a flow
      return failedFlow(thrown)
    }
  }
}

function notFound(model: string, target: string): ChatError {
  const named = (name: string) => `"${excerpt(name, 200)}"`
  const what = target === model ? named(model) : `${named(target)}, for which ${named(model)} stands in ALIASES,`
  return new ChatError('model-not-found', {
    message: `The model ${what} does not exist here. GET /v1/models lists those that do.`,
    param: 'model',
  })
}
